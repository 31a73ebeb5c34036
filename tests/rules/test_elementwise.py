"""Functions of each element: what their derivatives are where there is none, at the ends, and across branch cuts."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.derivatives import by_each


def test_softplus_written_as_logaddexp_is_exact_in_the_tails():
    assert by_each(lambda z: np.logaddexp(0, z), [-1e4, 0.0, 1e4]) == [[0.0, 0.5, 1.0]]


# ---- powers of 0 and of negative numbers, infinities, nan


@pytest.mark.parametrize("f", [np.power, np.float_power])
def test_a_negative_base_has_no_derivative_by_its_exponent_and_says_nan_without_a_warning(f):
    by_base, by_exponent = by_each(f, [-2.0, -3.0, 4.0], [2.0, 3.0, 0.5])
    assert by_base == [-4.0, 27.0, 0.25]
    np.testing.assert_array_equal(by_exponent, [np.nan, np.nan, 2 * math.log(4)])
    assert math.isnan(by_each(lambda y: f(-2.0, y), 2.0)[0])


def test_the_derivative_by_the_exponent_at_base_0_is_0_even_where_the_power_is_infinite():
    y = tg.parameter([-1.0, 0.0, 2.0])
    with np.errstate(divide="ignore"):
        power = np.power(np.zeros(3), y)
    assert tg.gradients(np.sum(power), y).tolist() == [0.0, 0.0, 0.0]
    assert by_each(lambda y: 0.0**y, [1.0, 2.0]) == [[0.0, 0.0]]


def test_a_negative_base_has_a_derivative_by_a_complex_exponent():
    _, pullback = tg.vjp(lambda y: (-2.0) ** y, np.array([1 + 1j]))
    np.testing.assert_allclose(pullback(np.array([1 + 0j]))[0], (-2 + 0j) ** (1 + 1j) * np.log(-2 + 0j))
    _, pullback = tg.vjp(lambda y: np.array([-2.0]) ** y, np.array([1 + 1j]))
    np.testing.assert_allclose(pullback(np.array([1 + 0j]))[0], (-2 + 0j) ** (1 + 1j) * np.log(-2 + 0j))


INFINITE = [  # x, y -> the shares of x and y in the sum of their exponentials
    (-np.inf, -np.inf, [0.5, 0.5]),
    (np.inf, np.inf, [0.5, 0.5]),
    (np.inf, -np.inf, [1.0, 0.0]),
    (-np.inf, 3.0, [0.0, 1.0]),
    (3.0, np.inf, [0.0, 1.0]),
    (3.0, 3.0, [0.5, 0.5]),
]


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_a_sum_in_logarithms_is_shared_by_what_is_infinite_alike(f):
    x, y, shares = (np.array(column) for column in zip(*INFINITE, strict=True))
    found = tg.vjp(f, x, y)[1](np.ones(len(x)))
    np.testing.assert_allclose(np.stack(found, axis=1), shares, rtol=1e-15)
    for first, second, expected in INFINITE:
        assert by_each(f, first, second) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_the_second_derivative_of_a_sum_in_logarithms_is_finite_at_infinity(f):
    x, y = np.array([-np.inf, np.inf, 0.0]), np.array([-np.inf, 1.0, 0.0])
    slope = tg.grad(lambda x: np.sum(tg.vjp(lambda x: f(x, y), x)[1](np.ones(3))[0]))(x)
    scale = math.log(2) if f is np.logaddexp2 else 1
    np.testing.assert_allclose(slope, [0.0, 0.0, scale / 4], atol=1e-15)


def test_logaddexp_keeps_float32_at_infinity():
    x = tg.parameter(np.array([np.inf, 1.0], np.float32))
    (y,) = [node for node in [np.logaddexp(x, 2.0)] if node.dtype == np.float32]
    assert tg.gradients(np.sum(y), x).dtype == np.float32


# ---- numbers near the ends of a float type


def floats(count):
    """Arrays of `count` finite numbers in one float type, of any size."""
    types = st.sampled_from([np.float16, np.float32, np.float64])
    return types.flatmap(lambda dtype: hnp.arrays(dtype, count, elements={"allow_nan": False, "allow_infinity": False}))


def assert_half_of_the_digits(found, expected):
    """The derivative `found` has half of the digits of its type, or is as small as the smallest number of that."""
    limits = np.finfo(found.dtype)
    np.testing.assert_allclose(
        found.astype(float), expected, rtol=2 * math.sqrt(limits.eps), atol=4 * float(limits.smallest_subnormal)
    )


@given(floats(1))
def test_arcsinh_has_the_slope_of_a_logarithm_where_the_square_overflows(x):
    assume(np.all(np.abs(x) < np.finfo(x.dtype).max / 2))  # closer to it, the rounded logarithm may be too large
    (slope,) = tg.vjp(np.arcsinh, x)[1](np.ones_like(x))
    assert_half_of_the_digits(slope, 1 / np.hypot(1, x.astype(float)))


@pytest.mark.parametrize("f", [np.tanh, np.expm1])
@given(st.floats(-40, 40))
def test_a_slope_computed_from_a_value_has_its_absolute_rounding_error(f, x):
    x = -abs(x) if f is np.expm1 else x
    (slope,) = tg.vjp(f, np.array(x))[1](np.array(1.0))
    np.testing.assert_allclose(slope, np.exp(x) if f is np.expm1 else np.cosh(x) ** -2, rtol=0, atol=1e-15)


@pytest.mark.parametrize("z", [1e200 + 1e200j, -1e200 - 3j, 2 - 1j])
def test_the_complex_arcsinh_has_the_slope_of_a_logarithm_far_from_0(z):
    (slope,) = tg.vjp(np.arcsinh, np.array(z))[1](np.array(1 + 0j))
    np.testing.assert_allclose(slope, math.copysign(1, z.real) / z / np.sqrt(1 + (1 / z) ** 2), rtol=1e-12)


@pytest.mark.parametrize("z", [1e200 + 1e200j, -1e200 - 3e180j, 1e160 - 1e160j, 5 + 1e180j])
def test_the_complex_inverse_functions_have_their_slopes_far_from_0(z):
    side = math.copysign(1, z.imag)
    far = {np.arcsin: (1j * side, 0), np.arccos: (-1j * side, 0), np.arctan: (1, 1), np.arctanh: (-1, 1)}
    for f, (limit, power) in far.items():
        (slope,) = tg.vjp(f, np.array(z))[1](np.array(z))
        np.testing.assert_allclose(slope * z**power, limit, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
@pytest.mark.parametrize("close", [True, False])
@given(z=floats(2))
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_shares_of_a_sum_in_logarithms_depend_on_the_difference_alone(f, close, z):
    x, y = z[:1], np.nextafter(z[:1], z[1:]) if close else z[1:]
    assume(np.isfinite(x - y))
    shares = tg.vjp(f, x, y)[1](np.ones_like(x))
    distance = (y.astype(float) - x) * (math.log(2) if f is np.logaddexp2 else 1)
    for share, d in zip(shares, (distance, -distance), strict=True):
        assert_half_of_the_digits(share, np.exp(-np.logaddexp(0, d)))


# ---- parts of a number


def test_copysign_goes_with_the_sign_of_both_and_is_0_at_0():
    by_size, by_sign = by_each(np.copysign, [2.0, -2.0, 2.0, -2.0, 0.0], [1.0, 1.0, -1.0, -0.0, -1.0])
    assert by_size == [1.0, -1.0, -1.0, 1.0, 0.0]
    assert by_sign == [0.0] * 5


def test_the_whole_part_of_a_number_is_constant():
    x = tg.parameter([1.5, -2.25])
    fraction, whole = np.modf(x)
    assert tg.gradients(np.sum(fraction), x).tolist() == [1.0, 1.0]
    assert tg.gradients(np.sum(whole), x).tolist() == [0.0, 0.0]
    assert tg.gradients(np.sum(fraction * whole), x).tolist() == [1.0, -2.0]


def test_a_mantissa_grows_by_a_power_of_two():
    x = tg.parameter([0.75, -6.0, 0.0])
    mantissa, exponent = np.frexp(x)
    assert exponent.tolist() == [0, 3, 0]
    assert tg.gradients(np.sum(mantissa), x).tolist() == [1.0, 0.125, 1.0]
    assert tg.gradients(np.sum(np.ldexp(x, exponent)), x).tolist() == [1.0, 8.0, 1.0]


def test_the_next_float_is_not_a_function_of_real_numbers():
    with pytest.raises(TypeError, match=r"np\.nextafter has no derivative rule: .* is not a function.*detach"):
        np.nextafter(tg.parameter(1.0), 2.0)
    assert type(np.spacing(tg.parameter(1.0))) is np.float64


def test_real_if_close_is_real_only_if_it_is_close():
    x = tg.parameter([2.0])
    assert np.real_if_close((x + 0j) ** 2).dtype == float
    assert np.real_if_close(x + 1j).dtype == complex
    assert np.real_if_close(x) is x


# ---- branch cuts

CUTS = {  # function -> points on its cuts, each with both signs of the imaginary part
    np.arcsin: [2.0, -2.0],
    np.arccos: [2.0, -2.0],
    np.arccosh: [-2.0, 0.5],
    np.arctanh: [2.0, -2.0],
    np.sqrt: [-2.0],
    np.log: [-2.0],
    np.arcsinh: [0.5],
}


@pytest.mark.parametrize("f", CUTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("side", [0.0, -0.0])
def test_a_derivative_on_a_branch_cut_is_that_along_the_cut(f, side):
    for x in CUTS[f]:
        z, step = complex(x, side), 1e-6
        slope = (f(complex(x + step, side)) - f(complex(x - step, side))) / (2 * step)
        _, pullback = tg.vjp(f, np.array(z))
        np.testing.assert_allclose(pullback(np.array(1 + 0j))[0], slope, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_the_slopes_at_the_ends_of_arcsin_and_arccos_are_infinite_with_their_signs():
    assert by_each(np.arcsin, [1.0, -1.0]) == [[math.inf, math.inf]]
    assert by_each(np.arccos, [1.0, -1.0]) == [[-math.inf, -math.inf]]


# ---- keywords of ufuncs


def test_where_of_a_ufunc_is_an_error_that_names_the_way_out():
    with pytest.raises(TypeError, match=r"calls with where=: write np\.where\(mask, np\.exp\(\.\.\.\), other"):
        np.exp(tg.parameter([1.0, 2.0]), where=np.array([True, False]))


def test_dtype_of_a_ufunc_is_an_error_that_names_the_way_out():
    with pytest.raises(TypeError, match=r"calls with dtype=: cast with x\.astype\(dtype\), before or after"):
        np.add(tg.parameter([1.0]), 1.0, dtype=np.float32)


def test_a_ufunc_of_python_functions_is_an_error_that_names_the_way_out():
    double = np.frompyfunc(lambda x: 2 * x, 1, 1)
    with pytest.raises(TypeError, match=r"calls Python for each number, so .*: write it in NumPy functions"):
        double(tg.parameter([1.0]))


def test_divmod_of_python_is_that_of_numpy():
    x = tg.parameter([7.5, -3.25])
    quotient, remainder = divmod(x, 2.0)
    assert quotient.tolist() == [3.0, -2.0]
    assert tg.gradients(np.sum(remainder), x).tolist() == [1.0, 1.0]
    assert tg.gradients(np.sum(divmod(10.0, x)[1]), x).tolist() == [-1.0, 4.0]


def test_a_cast_may_share_memory():
    x = tg.parameter(np.ones(2, np.float32))
    assert x.astype(np.float32, copy=False).dtype == np.float32
    assert np.astype(x, np.float64).dtype == np.float64
    assert not getattr(np.astype(x, np.int64), "requires_grad", False)


@pytest.mark.parametrize("f", [np.remainder, np.fmod, np.hypot, np.arctan2, np.copysign, np.logaddexp, np.maximum])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_narrow_float_stays_narrow_beside_a_number(f, dtype):
    x = tg.parameter(np.array([1.5, -2.5], dtype))
    for y in (f(x, 2.0), f(2.0, x)):
        assert y.dtype == dtype
        if y.requires_grad:
            assert tg.gradients(np.sum(y), x).dtype == dtype


def test_no_rule_warns_where_numpy_does_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_each(np.logaddexp, [800.0, -800.0, np.inf], [-800.0, 800.0, np.inf])
        by_each(np.power, [-2.0, 0.0], [2.0, 0.0])
        by_each(np.sinc, [0.0, 1e-300, 5.0])
