"""Functions of the two ends of a range, and those of `np.emath`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg

finite = st.floats(-10, 10)


@given(finite, finite, st.integers(0, 5), st.booleans())
def test_each_element_of_a_range_moves_with_the_nearer_end_the_more(start, stop, num, endpoint):
    steps = num - endpoint
    nearness = np.arange(num) / max(steps, 1)
    weights = np.arange(1.0, num + 1)

    def total(start, stop):
        return np.sum(weights * np.linspace(start, stop, num, endpoint))

    by_start, by_stop = tg.grad(total, (0, 1))(start, stop)
    np.testing.assert_allclose([by_start, by_stop], [weights @ (1 - nearness), weights @ nearness], atol=1e-12)


@pytest.mark.parametrize("num", [0, 1, 2, 3])
def test_the_step_of_a_range_is_that_of_numpy(num):
    x = tg.parameter([1.0, 2.0])
    samples, step = np.linspace(x, 5.0, num, retstep=True)
    expected, expected_step = np.linspace(x.data, 5.0, num, retstep=True)
    np.testing.assert_array_equal(samples.data, expected)
    np.testing.assert_array_equal(step if num < 2 else step.data, expected_step)
    if num > 1:
        assert tg.gradients(np.sum(step), x).tolist() == [-1 / (num - 1)] * 2


@pytest.mark.parametrize("ends", [(0, 1), (0.0, 1), (1, 0)])
def test_the_step_of_a_range_stays_narrow_beside_numbers(ends):
    ends = [tg.parameter(np.ones(2, np.float32)) if end == 1 else end for end in ends]
    assert [part.dtype for part in np.linspace(*ends, 3, retstep=True)] == [np.float32] * 2


@pytest.mark.parametrize("f", [np.linspace, np.logspace, np.geomspace])
def test_a_range_of_whole_numbers_is_constant(f):
    whole = f(tg.parameter(1.0), 3.0, 3, dtype=int)
    assert whole.tolist() == f(1.0, 3.0, 3, dtype=int).tolist()
    assert not getattr(whole, "requires_grad", False)


@pytest.mark.parametrize("ends", [(-2.0, -16.0), (1 + 1j, -2 + 2j), (2.0, 2j), (3.0, 3.0)])
def test_each_element_of_a_geometric_range_is_a_product_of_powers_of_the_ends(ends):
    start, stop = (np.array(end) for end in ends)
    value, pullback = tg.vjp(lambda x, y: np.geomspace(x, y, 4), start, stop)
    np.testing.assert_allclose(value, np.geomspace(start, stop, 4))
    t, cotangent = np.arange(4) / 3, np.arange(1, 5) * (1 if value.dtype == float else 1 + 2j)
    expected = np.sum(cotangent * value * (1 - t) / start), np.sum(cotangent * value * t / stop)
    for found, slope, end in zip(pullback(cotangent), expected, (start, stop), strict=True):
        np.testing.assert_allclose(found, slope if end.dtype == complex else slope.real)


# ---- np.emath

REAL = {"sqrt": 4.0, "log": 2.0, "log2": 2.0, "log10": 2.0, "arccos": 0.5, "arcsin": 0.5, "arctanh": 0.5}
BEYOND = {"sqrt": -4.0, "log": -2.0, "log2": -2.0, "log10": -2.0, "arccos": -2.0, "arcsin": 3.0, "arctanh": 2.0}


@pytest.mark.parametrize("name", REAL)
def test_a_function_of_emath_is_that_of_numpy_in_the_reals(name):
    x = tg.parameter([REAL[name]])
    y = getattr(np.emath, name)(x)
    assert y.dtype == float
    assert tg.gradients(np.sum(y), x) == tg.gradients(np.sum(getattr(np, name)(x)), x)


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_function_of_emath_is_complex_beyond_the_reals(name, dtype):
    f, x, step = getattr(np.emath, name), np.array([BEYOND[name]], dtype), 1e-6
    value, pullback = tg.vjp(f, x)
    np.testing.assert_array_equal(value, f(x))
    assert value.dtype == f(x).dtype
    slope = (f(x[0] + np.float64(step)) - f(x[0] - np.float64(step))) / (2 * step)
    for u in (1, 1j):
        (gradient,) = pullback(np.array([u], value.dtype))
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, [(u * slope).real], rtol=1e-5, atol=1e-7)


def test_emath_powers_and_logarithms_of_any_base():
    x = tg.parameter([-2.0, 3.0])
    assert np.emath.power(x, 0.5).dtype == complex
    assert np.emath.power(x, -2).tolist() == np.emath.power(x.data, -2).tolist()
    assert np.emath.logn(-2.0, x).tolist() == np.emath.logn(-2.0, x.data).tolist()
