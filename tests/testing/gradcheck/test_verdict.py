"""Verdicts at kinks that no axis shows by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.testing.gradcheck.test_check import X, primitive, report_of
from tinygrad_dl import testing
from tinygrad_dl.testing.gradcheck.check import gradients_report, pair_report


def maximum(*rules):
    return primitive(lambda x, y: np.maximum(x, y), *rules)


def test_ties_across_two_arguments_are_looked_at_together():
    for wrong in (
        maximum(lambda g, ans, x, y: g * (x > y), lambda g, ans, x, y: g * (y > x)),
        maximum(lambda g, ans, x, y: g * (x >= y), lambda g, ans, x, y: g * (y >= x)),
    ):
        report = report_of(wrong, X, X.copy())
        assert report.mistakes[0].element == "x[0], y[0] together"
    right = maximum(lambda g, ans, x, y: g * (x >= y), lambda g, ans, x, y: g * (y > x))
    assert testing.check_gradients(right, X, X.copy()).kinks == 12


@pytest.mark.parametrize("x", [0.0, np.zeros(2)])
def test_a_nan_is_never_a_kink(x):
    def f(x):
        return np.where(x != 0, x**2 / np.where(x != 0, x, 0), 0)  # its other branch divides by 0

    assert np.isnan(report_of(f, x).mistakes[0].claimed)
    root = primitive(lambda x: np.sqrt(x), lambda g, ans, x: np.where(x == 0, np.nan, g / (2 * ans)))
    assert not report_of(root, x).passed


TIED = np.array([2.0, 1.0, 2.0, 2.0])


@pytest.mark.parametrize("f", [np.sort, np.median, lambda x: np.partition(x, 2)[2], lambda x: np.quantile(x, 0.4)])
def test_a_value_in_the_middle_of_three_that_are_tied_is_at_a_kink(f):
    report = testing.check_gradients(f, TIED)
    assert report.passed
    assert report.kinks


def at_zero(value):
    """`np.sinc` whose derivative is wrong at 0, and nowhere else."""
    f = tg.primitive(np.sinc)
    tg.defvjp(f, lambda g, ans, x: g * np.where(x == 0, value, (np.cos(np.pi * x) - ans) / np.where(x == 0, 1, x)))
    return f


def sorted_by(factor):
    f = tg.primitive(np.sort)
    tg.defvjp(f, lambda g, ans, x: factor * g[np.argsort(np.argsort(x, kind="stable"))])
    return f


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (sorted_by(2.0), TIED),
        (sorted_by(-1.0), TIED),
        (sorted_by(1.01), np.array([3.0, 1.0, 2.0])),
        (at_zero(0.1), np.array([0.0, 0.5])),
    ],
)
def test_what_is_wrong_where_slopes_jump_or_at_one_point_alone_is_still_wrong(f, x):
    with pytest.raises(testing.GradientError):
        testing.check_gradients(f, x)


def test_a_fast_oscillation_is_no_kink():
    f = tg.primitive(lambda x: np.sin(1e6 * x))
    tg.defvjp(f, lambda g, ans, x: g * -1e6 * np.cos(1e6 * x))
    with pytest.raises(testing.GradientError):
        testing.check_gradients(f, np.array([0.3, 1.0]))


@pytest.mark.parametrize("x", [1e-9, 1e-20, 1e-300, 2.3e-308, 2e-308, 5e-324])
@pytest.mark.parametrize("f", [lambda x: np.logaddexp(0, x), lambda x: np.tanh(x + 1), np.sin, np.mean])
def test_a_number_that_one_plus_it_absorbs_is_no_doubt(f, x):
    for numbers in ([x, x], [x, 0.0], [x, -x], [x, 1.0]):
        assert testing.check_gradients(f, np.array(numbers)).passed


@pytest.mark.parametrize("x", [1e-20, 5e-324])
def test_a_wrong_gradient_does_not_pass_at_a_number_that_one_plus_it_absorbs(x):
    report = pair_report(lambda x: np.logaddexp(0, x), lambda g, x: 0.6 * g, np.array([x, x]))
    assert not report.passed


def test_a_function_that_bends_on_the_scale_of_a_tiny_number_is_checked_on_that_scale():
    x = np.array([1e-20, 3e-20])
    assert testing.check_gradients(lambda x: np.tanh(1e20 * x), x).passed
    assert pair_report(lambda x: np.tanh(1e20 * x), lambda g, x: g * 1e20, x).verdict == "wrong"


# ---- numbers that are compared although they are rounded in two ways


def scaled(x):
    return x * (np.sum(x) * np.linalg.norm(x))


def relu_of_scaled(x):
    return np.maximum(scaled(x), 0.1)


def slopes_of_scaled(g, x, mask):
    norm, total, along = np.linalg.norm(x), np.sum(x), np.sum(g * mask * x)
    return g * mask * total * norm + along * norm + along * total * x / norm


def wrong_at_some_points(g, ans, x):
    return slopes_of_scaled(g, x, ans == x * np.sum(x) * np.linalg.norm(x))


@settings(max_examples=max(10, settings.default.max_examples // 4))
@given(seed=st.integers(0, 2**32 - 1))
def test_a_gradient_that_is_right_a_rounding_beside_is_wrong_all_the_same(seed):
    x = np.random.default_rng(seed).normal(size=4)
    selected = scaled(x) > 0.1
    by_luck = np.array_equal(wrong_at_some_points(1, relu_of_scaled(x), x), slopes_of_scaled(1, x, selected))
    f = tg.primitive(relu_of_scaled)
    tg.defvjp(f, wrong_at_some_points)
    for report in (gradients_report(f, x), pair_report(relu_of_scaled, wrong_at_some_points, x)):
        assert report.verdict == "wrong" or by_luck  # which a Tensor's rounding, in forward mode, may not share
    assert pair_report(relu_of_scaled, lambda g, x: slopes_of_scaled(g, x, scaled(x) > 0.1), x).verdict == "right"
