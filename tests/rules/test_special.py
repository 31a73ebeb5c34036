"""sinc and i0: their derivatives to any order, against integrals and series that know nothing of the rules."""

import math

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.rules.special import i0_derivative, sinc_derivative

POINTS = np.array([0.0, 1e-300, -1e-9, 1e-5, 0.03, -0.3, 0.5, 0.9, 1.0, -1.7, 2.5, 4.0, 7.25])


def derivative(f, order):
    """The derivative of a function of one number."""
    for _ in range(order):
        f = tg.grad(f)
    return f


@pytest.mark.few_values
@pytest.mark.parametrize("order", range(8))
def test_the_derivatives_of_sinc_are_those_of_the_integral_of_a_cosine(order):
    nodes, weights = np.polynomial.legendre.leggauss(100)
    t = (nodes + 1) * np.pi / 2  # sinc(x) = the mean of cos(x t) over t from 0 to pi
    expected = [np.sum(weights / 2 * t**order * np.cos(x * t + order * np.pi / 2)) for x in POINTS]
    actual = [derivative(np.sinc, order)(x) for x in POINTS]
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-13 * math.pi**order)


def test_the_derivatives_of_sinc_at_0_are_exact_to_order_12():
    expected = [math.pi**n / (n + 1) * (1, 0, -1, 0)[n % 4] for n in range(13)]
    np.testing.assert_allclose([sinc_derivative(0.0, n) for n in range(13)], expected, rtol=1e-13)


@pytest.mark.parametrize("x", [1e-3, 1e-6, 1e-9, 1e-100])
def test_the_slope_of_sinc_near_0_loses_no_digits(x):
    z = math.pi * x
    assert tg.grad(np.sinc)(x) == pytest.approx(math.pi * (-z / 3 + z**3 / 30), rel=1e-14)


def bessel(order, x):
    """The modified Bessel function of whole order, by its power series, all of whose terms have one sign."""
    term, total = 1.0, 0.0
    for i in range(1, order + 1):
        term *= x / 2 / i
    for k in range(1, 1500):
        total += term
        term *= (x / 2) ** 2 / (k * (k + order))
    return total


@pytest.mark.parametrize("x", [1e-200, 1e-9, -1e-3, 0.3, -2.0, 7.9, 8.1, 30.0, -120.0, 600.0])
def test_the_derivatives_of_i0_are_bessel_functions(x):
    first = bessel(1, x)
    assert tg.grad(np.i0)(x) == pytest.approx(first, rel=1e-12)
    second = (bessel(0, x) + bessel(2, x)) / 2
    assert derivative(np.i0, 2)(x) == pytest.approx(second, rel=1e-12)
    third = (3 * bessel(1, x) + bessel(3, x)) / 4
    assert derivative(np.i0, 3)(x) == pytest.approx(third, rel=1e-12)


def test_the_derivatives_of_i0_at_0_are_exact():
    assert [round(float(i0_derivative(0.0, n)), 15) for n in range(7)] == [1.0, 0.0, 0.5, 0.0, 0.375, 0.0, 0.3125]


@pytest.mark.parametrize("f", [np.sinc, np.i0])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_stay_narrow(f, dtype):
    least = 2.0**-10 if (f, dtype) == (np.sinc, np.float16) else 0.0  # where NumPy 2.2 itself divides 0 by 0
    x = tg.parameter(np.array([least, 0.25, -1.5], dtype))
    gradient = tg.gradients(np.sum(f(x)), x)
    assert gradient.dtype == dtype
    assert sinc_derivative(x.data, 1).dtype == i0_derivative(x.data, 1).dtype == dtype
    np.testing.assert_allclose(gradient, tg.grad(lambda x: np.sum(f(x)))(x.data.astype(float)), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("f", [np.sinc, np.i0])
@pytest.mark.parametrize("shape", [(0,), (), (2, 0)])
def test_empty_arrays_and_numbers_have_slopes(f, shape):
    assert tg.grad(lambda x: np.sum(f(x)))(np.ones(shape)).shape == shape
