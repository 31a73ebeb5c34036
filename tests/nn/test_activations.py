"""Activations: their values against closed forms of many digits, their derivatives against differences; limits."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests import numeric
from tinygrad_dl import nn

DTYPES = (np.float32, np.float64)
# Numeric differences of numbers up to 1e2: 1e-13 times a fifth derivative, and 1e-11 from rounding.
NUMERIC = 1e-9
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def _tanh(z):
    return 1 - 2 / ((2 * z).exp() + 1)


def _gelu(z):
    return z / 2 * (1 + _tanh((2 / PI).sqrt() * (z + Decimal("0.044715") * z**3)))


# ---- name -> function, closed form, value and slope at -1e4, at 0, and at 1e4
TABLE = {
    "identity": (nn.identity, lambda z: z, (-1e4, 1), (0, 1), (1e4, 1)),
    "sigmoid": (nn.sigmoid, lambda z: 1 / (1 + (-z).exp()), (0, 0), (0.5, 0.25), (1, 0)),
    "sigmoid, spelled out": (
        nn.activations.sigmoid,
        lambda z: 1 / (1 + (-z).exp()),
        (0, 0),
        (0.5, 0.25),
        (1, 0),
    ),
    "tanh": (nn.tanh, _tanh, (-1, 0), (0, 1), (1, 0)),
    "relu": (nn.relu, lambda z: max(z, Decimal(0)), (0, 0), (0, 0), (1e4, 1)),
    "leaky_relu": (nn.leaky_relu, lambda z: z if z > 0 else z / 100, (-100, 0.01), (0, 0.01), (1e4, 1)),
    "elu": (nn.elu, lambda z: z if z > 0 else z.exp() - 1, (-1, 0), (0, 1), (1e4, 1)),
    "softplus": (nn.softplus, lambda z: (1 + z.exp()).ln(), (0, 0), (np.log(2), 0.5), (1e4, 1)),
    "gelu": (nn.gelu, _gelu, (0, 0), (0, 0.5), (1e4, 1)),
}
each_activation = pytest.mark.parametrize("name", TABLE)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)

# around every exponent at which e^z or its square leaves the range of a float32 or float64
SIZES = [0, 1e-30, 1e-8, 0.5, 1, 5, 17, 20, 37, 44, 45, 79, 80, 81, 87, 88, 89, 104, 300, 500, 709, 710, 745, 3e3, 1e4]
EXTREMES = sorted({sign * size for size in SIZES for sign in (1, -1)})


def derivatives(f, z):
    """The value of `f` at the array `z`, and its first and second derivative."""
    z = tg.parameter(z)
    a = f(z)
    ones = np.ones(z.shape)  # a sum may overflow
    slope = tg.gradients(a, z, create_graph=True, cotangent=ones)
    curvature = tg.gradients(slope, z, cotangent=ones) if slope.requires_grad else np.zeros_like(slope.numpy())
    return a.numpy(), slope.numpy(), curvature


@pytest.mark.few_values
@each_activation
@each_dtype
@given(zs=st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=5))
def test_values_are_those_of_the_closed_form(name, dtype, zs):
    f, closed_form, *_ = TABLE[name]
    with localcontext() as context:
        context.prec = 120  # of which 1 - 2 / (e²ᶻ + 1) loses 45 at 1e-45, the least float32
        expected = np.array([float(closed_form(Decimal(z))) for z in zs])
    # A rounding or two in each of some four steps, relative to the result; but 1 + tanh in gelu loses digits.
    tolerance = 8 * np.finfo(dtype).eps * np.abs(zs if name == "gelu" else expected) + np.finfo(dtype).tiny
    found = f(np.array(zs, dtype))
    assert found.dtype == dtype
    assert np.all(np.abs(found - expected) <= tolerance)
    assert np.array_equal(f(tg.parameter(np.array(zs, dtype))).numpy(), found)  # on Tensors as on arrays


@pytest.mark.few_values
@each_activation
def test_first_and_second_derivatives_are_the_slopes(name):
    f, z = TABLE[name][0], np.linspace(-6, 6, 62)  # no point nearer to a bend at 0 than 0.09
    _, slope, curvature = derivatives(f, z)
    assert np.allclose(slope, numeric.gradient(lambda z: np.sum(f(z)), [z]), rtol=0, atol=NUMERIC)
    slope_of = tg.grad(lambda z: np.sum(f(z)))
    assert np.allclose(curvature, numeric.gradient(lambda z: np.sum(slope_of(z)), [z]), rtol=0, atol=NUMERIC)


@each_activation
@each_dtype
def test_values_and_slopes_at_the_ends_and_at_the_bend_are_those_documented(name, dtype):
    value, slope, _ = derivatives(TABLE[name][0], np.array([-1e4, 0, 1e4], dtype))
    expected = np.array(TABLE[name][2:])
    # float32 has 7 digits; the least that sigmoid gives is σ(-80) = 2e-35
    assert np.allclose(value, expected[:, 0], rtol=1e-6, atol=1e-34)
    assert np.allclose(slope, expected[:, 1], rtol=1e-6, atol=1e-34)


@each_activation
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_nothing_overflows_to_second_order(name, dtype):
    largest = np.finfo(dtype).max
    ends = np.array([-1, -1e-4, 1e-4, 1], dtype) * largest
    z = np.concatenate([np.array([z for z in EXTREMES if abs(z) <= largest], dtype), ends])
    for results in derivatives(TABLE[name][0], z):  # an overflow is a warning, thus an error
        assert results.dtype == dtype
        assert np.all(np.isfinite(results))


@pytest.mark.parametrize("f", [nn.sigmoid, nn.activations.sigmoid, nn.softmax, nn.log_softmax])
def test_an_activation_of_float16_is_that_of_float64_rounded_once(f):
    z = np.linspace(-20, 20, 5001).astype(np.float16).reshape(-1, 1)  # of 2048 ones in float16 the sum stalls
    signs = np.where(np.arange(len(z)) % 3 > 0, 1.0, -1.0)[:, np.newaxis]
    slope = tg.grad(lambda z: np.sum(signs * f(z)))(z)
    exact = tg.grad(lambda z: np.sum(signs * f(z)))(z.astype(float))
    eps, least = np.finfo(np.float16).eps, np.finfo(np.float16).smallest_subnormal
    assert f(z).dtype == slope.dtype == np.float16
    assert np.allclose(f(z), f(z.astype(float)), rtol=eps, atol=least)
    assert np.allclose(slope, exact, rtol=8 * eps, atol=8 * eps * np.abs(exact).max())


@each_activation
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_at_infinity_values_and_slopes_are_their_limits(name, dtype):
    """They are those at ±1e4, but for a value that grows with z."""
    f, _, (left, falling), _, (right, rising) = TABLE[name]
    with np.errstate(under="ignore"):  # of sigmoid in float16
        value, slope, curvature = derivatives(f, np.array([-np.inf, np.inf], dtype))
    limits = [end if abs(end) <= 1 else np.copysign(np.inf, end) for end in (left, right)]
    assert np.allclose(value, limits, rtol=0, atol=1e-30)
    assert np.allclose(slope, [falling, rising], rtol=1e-3, atol=1e-30)  # 0.01 in float16
    assert np.allclose(curvature, 0, rtol=0, atol=1e-30)


@each_activation
@each_dtype
def test_nan_gives_nan_and_only_there(name, dtype):
    with np.errstate(invalid="ignore"):  # np.logaddexp warns of nan
        found = TABLE[name][0](np.array([1, np.nan, 2], dtype))
    assert np.isnan(found).tolist() == [False, True, False]


@pytest.mark.parametrize(("f", "slope"), [(nn.leaky_relu, 0.3), (nn.elu, 0.3 * np.exp(-2))])
def test_alpha_is_the_factor_of_the_negative_side(f, slope):
    value, found, _ = derivatives(lambda z: f(z, alpha=0.3), np.array([-2.0, 2.0]))
    left = -0.6 if f is nn.leaky_relu else 0.3 * np.expm1(-2)
    assert np.allclose(value, [left, 2], rtol=1e-15)
    assert np.allclose(found, [slope, 1], rtol=1e-15)


def test_gelu_is_within_5e_4_of_z_times_the_normal_distribution():
    z = np.linspace(-8, 8, 1601)
    grid = np.linspace(-12, 8, 20001)  # Φ by the trapezoid rule, to about 1e-7
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)]) * (grid[1] - grid[0])
    assert np.abs(nn.gelu(z) - z * np.interp(z, grid, cumulative)).max() < 5e-4


# ---- softmax


def exact_softmax(column):
    with localcontext() as context:
        context.prec = 60
        powers = [Decimal(float(z)).exp() for z in column]
        return [float(power / sum(powers)) for power in powers], [float((power / sum(powers)).ln()) for power in powers]


columns = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=4)


@each_dtype
@given(z=columns)
def test_softmax_and_its_logarithm_are_those_of_the_closed_form(dtype, z):
    share, logarithm = exact_softmax(z)
    Z = np.array(z, dtype)[:, np.newaxis]
    # z less its maximum is exact to a rounding of |z| <= 100, which e^z makes a relative error
    eps = 400 * np.finfo(dtype).eps
    assert np.allclose(nn.softmax(Z)[:, 0], share, rtol=eps, atol=1e-37)
    assert np.allclose(nn.log_softmax(Z)[:, 0], logarithm, rtol=eps, atol=eps)
    assert np.allclose(nn.softmax(Z.T, axis=1), nn.softmax(Z).T, rtol=eps, atol=0)
    assert np.allclose(nn.log_softmax(Z.T, axis=1), nn.log_softmax(Z).T, rtol=eps, atol=eps)
    assert nn.softmax(Z).dtype == nn.log_softmax(Z).dtype == dtype


@pytest.mark.parametrize("f", [nn.softmax, nn.log_softmax])
@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_is_differentiated_right_to_second_order(f, axis):
    rng = np.random.default_rng(0)
    Z, weights, again = rng.normal(size=(3, 3, 4))

    def first(Z):
        return tg.grad(lambda Z: np.sum(weights * f(Z, axis=axis)))(Z)

    differences = numeric.gradient(lambda Z: np.sum(weights * f(Z, axis=axis)), [Z])
    assert np.allclose(first(Z), differences, rtol=0, atol=NUMERIC)
    second = tg.grad(lambda Z: np.sum(again * first(Z)))(Z)
    differences = numeric.gradient(lambda Z: np.sum(again * first(Z)), [Z])
    assert np.allclose(second, differences, rtol=0, atol=NUMERIC)


@pytest.mark.parametrize("f", [nn.softmax, nn.log_softmax])
@each_dtype
def test_softmax_of_extremes_is_finite_to_second_order(f, dtype):
    Z = np.array(EXTREMES, dtype)
    weights = np.linspace(0.5, 1.5, Z.size * 2).astype(dtype)
    for logits in (Z.reshape(-1, 1), np.stack([Z, Z[::-1]])):
        w = weights[: logits.size].reshape(logits.shape)
        z = tg.parameter(logits)
        a = f(z)
        first = tg.gradients(np.sum(w * a), z, create_graph=True)
        second = tg.gradients(np.sum(w * first), z)
        for results in (a.numpy(), first.numpy(), second):
            assert results.dtype == dtype
            assert np.all(np.isfinite(results))


@pytest.mark.parametrize("f", [nn.softmax, nn.log_softmax])
def test_nan_makes_its_own_column_nan_and_no_other(f):
    assert np.isnan(f(np.array([[np.nan, 1.0], [0.0, 2.0]]))).tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("dtype", [np.float16, *DTYPES])
@pytest.mark.parametrize("function", [nn.sigmoid, nn.activations.sigmoid, nn.softmax, nn.log_softmax])
def test_the_numbers_may_be_given_by_name(function, dtype):
    z = np.array([[0.5, 12.0], [-1.0, 0.25]], dtype)
    for given_z in (z, tg.parameter(z)):
        found = function(z=given_z)
        assert found.dtype == dtype
        np.testing.assert_array_equal(getattr(found, "data", found), function(z))
