"""Slopes by differences are what calculus says, give or take the error that they claim; closed forms are the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_dl.testing.gradcheck import differences

floats = st.floats(-3, 3)
CURVES = {  # name -> a curve through x and its slope at τ = 0
    "sin": (lambda x: lambda t: np.sin([x + t]), np.cos),
    "exp": (lambda x: lambda t: np.exp([x + t]), np.exp),
    "cubic": (lambda x: lambda t: np.array([(x + t) ** 3]), lambda x: 3 * x**2),
    "steep": (lambda x: lambda t: np.tanh([30 * (x + t)]), lambda x: 30 / np.cosh(30 * x) ** 2),
    "large": (lambda x: lambda t: 1e12 + np.sin([x + t]), np.cos),
    "small": (lambda x: lambda t: 1e-12 * np.sin([x + t]), lambda x: 1e-12 * np.cos(x)),
    "fast": (lambda x: lambda t: np.sin([500 * (x + t)]), lambda x: 500 * np.cos(500 * x)),
    "rounded": (lambda x: lambda t: np.sin([x + t]).astype(np.float32).astype(float), np.cos),
}


def slopes_of(y):
    y0 = y(0.0)
    return differences.slopes(y, y0, differences.noise_of(y, y0)[0])


@pytest.mark.few_values
@pytest.mark.parametrize("name", list(CURVES))
@given(floats)
def test_the_slope_lies_within_its_error(name, x):
    curve, slope = CURVES[name]
    found = slopes_of(curve(x))
    assert abs(found.middle[0] - slope(x)) <= 3 * found.error[0]
    assert not found.kink[0]


@pytest.mark.parametrize(("name", "digits"), [("sin", 1e-9), ("cubic", 1e-9), ("small", 1e-21), ("rounded", 1e-2)])
@given(floats)
def test_the_error_is_small_where_it_can_be(name, digits, x):
    assert slopes_of(CURVES[name][0](x)).error[0] <= digits


@given(floats, floats, floats)
def test_both_slopes_of_a_kink_are_found(left, right, smooth):
    found = slopes_of(lambda t: np.array([(right if t > 0 else left) * t + smooth * np.sin(t)]))
    bend = 1e-6 * (abs(left + smooth) + abs(right + smooth)) + 1e-8  # a bend by less than a millionth counts as none
    np.testing.assert_allclose(found.left, left + smooth, atol=bend)
    np.testing.assert_allclose(found.right, right + smooth, atol=bend)
    assert found.kink[0] == (found.left[0] != found.right[0])
    if abs(left - right) > 1e-3:
        assert found.kink[0]


@given(st.sampled_from([1e-4, 1e-6, 1e-8]), st.sampled_from([-1, 1]))
def test_a_kink_close_by_is_none(distance, side):
    found = slopes_of(lambda t: np.array([max(t + side * distance, 0)]))
    assert not found.kink[0]
    assert found.middle[0] == pytest.approx(max(side, 0), abs=1e-6)


def test_a_curve_that_ends_has_the_slope_of_its_inside():
    found = slopes_of(lambda t: np.array([np.sin(t) if t >= 0 else np.nan]))
    assert found.middle[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("sign", "power"), [(1, 0.5), (-1, 0.5), (1, 1 / 3)])
def test_an_infinite_slope_is_told_with_its_sign(sign, power):
    found = slopes_of(lambda t: sign * np.sign(t) * np.abs([t]) ** power)
    assert found.steep[0] == sign
    assert found.distance(np.array([sign * np.inf]))[0] == 0
    assert found.distance(np.array([-sign * np.inf]))[0] == np.inf


@pytest.mark.parametrize("amplitude", [1e-12, 1e-6, 1e-3])
def test_the_noise_is_measured(amplitude):
    rng = np.random.default_rng(0)
    noise, _ = differences.noise_of(lambda t: np.exp([t]) + amplitude * rng.normal(size=1), np.ones(1))
    assert amplitude / 2 < noise[0] < 4 * amplitude


def test_a_kink_to_one_side_is_no_noise():
    assert differences.noise_of(lambda t: np.array([max(t, 0.0)]), np.zeros(1))[0][0] < 1e-15


def test_kinks_everywhere_are_no_noise_to_who_looks_closely():
    kinks = np.random.default_rng(0).uniform(-1e-3, 1e-3, 1000)
    everywhere, near = differences.noise_of(lambda t: np.array([t + np.sum(np.abs(t - kinks)) / 1e3]), np.zeros(1))
    assert everywhere[0] > 1e-10
    assert near[0] < 1e-14


def test_a_complex_step_is_exact_for_formulas_that_take_it():
    assert differences.complex_step(lambda t: np.exp([0.5 + t]), np.exp([0.5]))[0] == pytest.approx(
        np.exp(0.5), rel=1e-15
    )
    assert differences.complex_step(lambda t: np.array([float(t)]), np.zeros(1)) is None
    assert differences.complex_step(lambda t: np.ones(1), np.ones(1)) is None


@pytest.mark.parametrize(("slope", "order"), [(1.0, 3), (1.01, 1), (-1.0, 1)])
def test_taylors_remainder_falls_faster_with_the_right_slope(slope, order):
    y = lambda t: np.sin([t])  # noqa: E731
    assert differences.taylor_order(y, y(0), np.array([slope]), np.zeros(1)) == pytest.approx(order, abs=0.1)
