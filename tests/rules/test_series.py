"""Along an axis: running products with zeros, adjoints of what is linear, kinks of interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

# ---- running sums and products

powers = hnp.arrays(float, st.integers(0, 7), elements=st.sampled_from([-2.0, 0.0, 0.5, 1.0]))  # products are exact


@given(powers, st.data())
def test_the_derivative_of_a_running_product_is_the_product_of_all_others_so_far(x, data):
    weights = np.array(data.draw(st.lists(st.sampled_from([-1.0, 1.0, 2.0]), min_size=x.size, max_size=x.size)))
    expected = [sum(weights[k] * np.prod(np.delete(x[: k + 1], i)) for k in range(i, x.size)) for i in range(x.size)]
    assert tg.grad(lambda x: np.sum(weights * np.cumprod(x)))(x).tolist() == expected


@given(powers.filter(lambda x: x.size > 1), st.data())
def test_the_second_derivative_of_a_running_product_is_the_product_without_two(x, data):
    i, j = sorted(data.draw(st.lists(st.integers(0, x.size - 1), min_size=2, max_size=2, unique=True)))
    found = tg.grad(lambda x: tg.grad(lambda x: np.sum(np.cumprod(x)))(x)[i])(x)
    assert found[i] == 0
    assert found[j] == sum(np.prod(np.delete(x[: k + 1], [i, j])) for k in range(j, x.size))


@given(powers)
def test_running_sums_undo_differences(x):
    weights = np.arange(1.0, x.size + 1)
    assert tg.grad(lambda x: np.sum(weights * np.cumsum(np.diff(x, prepend=0.0))))(x).tolist() == weights.tolist()


@pytest.mark.parametrize("f", [np.nancumsum, np.nancumprod])
def test_what_skips_nan_gives_the_gradient_of_the_numbers_alone_and_0_to_a_nan(f):
    x = np.array([3.0, np.nan, 0.0, 5.0, np.nan])
    same, kept = getattr(np, f.__name__.removeprefix("nan")), ~np.isnan(x)
    expected = np.zeros_like(x)
    expected[kept] = tg.grad(lambda x: np.sum(same(x) * [1.0, 3.0, 5.0]))(x[kept])
    assert tg.grad(lambda x: np.sum(f(x) * [1.0, 0.0, 3.0, 5.0, 0.0]))(x).tolist() == expected.tolist()


def test_the_methods_of_a_tensor_are_the_functions():
    x = tg.parameter([[1.0, 2.0], [3.0, 4.0]])
    assert x.cumsum(0).tolist() == np.cumsum(x.data, 0).tolist()
    assert x.cumprod(axis=1).tolist() == np.cumprod(x.data, axis=1).tolist()


def test_a_running_sum_of_a_matrix_needs_an_axis():
    with pytest.raises(ValueError, match=r"expected an axis=, for an array of shape \(2, 2\)"):
        np.cumulative_sum(tg.parameter(np.ones((2, 2))))


# ---- what is linear: the gradient of <u, f(x)> has with every t the product <u, f(t)>

numbers = st.integers(-3, 3)


def vectors(length, complex_numbers):
    parts = hnp.arrays(float, (2, length), elements=numbers)
    return parts.map(lambda x: x[0] + 1j * x[1] if complex_numbers else x[0])


def check_linear(f, x, t, cotangent):
    pullback = tg.vjp(f, x)[1]
    u = cotangent(np.shape(f(x)))
    (ct,) = pullback(u)
    assert np.sum(ct * t).real == pytest.approx(np.sum(u * f(t)).real)


@given(st.data(), st.booleans(), st.integers(1, 6), st.integers(1, 6), st.sampled_from(["full", "same", "valid"]))
@pytest.mark.parametrize("f", [np.convolve, np.correlate])
def test_convolution_is_linear_in_both(f, data, complex_numbers, m, n, mode):
    draw = lambda length: data.draw(vectors(length, complex_numbers))  # noqa: E731
    a, t, v, s = draw(m), draw(m), draw(n), draw(n)
    check_linear(lambda a: f(a, v, mode), a, t, lambda shape: draw(*shape))
    check_linear(lambda v: f(a, v, mode), v, s, lambda shape: draw(*shape))


@pytest.mark.few_values
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.gradient(x, 0.5, edge_order=2),
        lambda x: np.gradient(x, [0.0, 1.0, 3.0, 3.5, 7.0]),
        lambda x: np.gradient(x, np.array([0, 1, 3, 4, 7], dtype=np.uint8), edge_order=2),
        lambda x: np.diff(x, 2, prepend=0.0),
        lambda x: np.ediff1d(x, 0.0, [0.0, 0.0]),
        lambda x: np.reshape(np.trapezoid(x, [0.0, 1.0, 3.0, 3.5, 7.0]), 1),
        lambda x: np.interp([-1.0, 0.0, 0.3, 2.0, 7.0, 9.0], [0.0, 1.0, 3.0, 3.5, 7.0], x),
        lambda x: np.interp([-1.0, 0.0, 0.3, 2.0, 7.0, 9.0], [0.0, 1.0, 3.0, 3.5, 7.5], x, period=8),
        lambda x: np.convolve(x, 2.0),
    ],
)
@given(st.data())
def test_what_is_linear_has_its_adjoint(f, data):
    x, t = data.draw(vectors(5, False)), data.draw(vectors(5, False))
    check_linear(f, x, t, lambda shape: data.draw(vectors(shape[0], False)))


# ---- by coordinates


@given(hnp.arrays(float, 5, elements=st.integers(1, 8)))
def test_the_slopes_of_a_parabola_follow_the_coordinates(steps):
    x = np.cumsum(steps)
    slopes = lambda x: np.gradient(x**2, x, edge_order=2)  # noqa: E731 - 2x, whatever x is
    np.testing.assert_allclose(tg.jacobian(slopes)(x), 2 * np.eye(5), atol=1e-12)


def test_an_integral_moves_with_its_ends():
    y, x = np.array([2.0, 3.0, 7.0]), np.array([0.0, 1.0, 4.0])
    assert tg.grad(lambda x: np.trapezoid(y, x))(x).tolist() == [-2.5, 2.5 - 5.0, 5.0]


@pytest.mark.parametrize(
    ("x", "slope"),
    [(-1.0, 0.0), (0.0, 2.0), (0.5, 2.0), (1.0, -1.0), (2.0, -1.0), (3.0, 0.0), (4.0, 0.0)],
)
def test_interpolation_has_at_a_knot_the_slope_to_the_right(x, slope):
    xp, fp = np.array([0.0, 1.0, 3.0]), np.array([1.0, 3.0, 1.0])
    assert float(tg.grad(lambda x: np.interp(x, xp, fp))(x)) == slope


def test_interpolation_at_a_step_takes_the_later_value():
    fp = np.array([1.0, 2.0, 5.0, 6.0])
    gradient = tg.grad(lambda fp: np.sum(np.interp([0.5, 1.0, 1.5], [0.0, 1.0, 1.0, 1.0], fp)))(fp)
    assert gradient.tolist() == [0.5, 0.5, 0.0, 2.0]


def test_interpolation_beyond_the_ends_is_constant_to_infinity():
    x, fp = np.array([-np.inf, 0.5, np.inf]), np.array([1.0, 3.0, 2.0])
    by_x, by_fp = tg.grad(lambda x, fp: np.sum(np.interp(x, [0.0, 1.0, 2.0], fp)), (0, 1))(x, fp)
    assert (by_x.tolist(), by_fp.tolist()) == ([0.0, 2.0, 0.0], [1.5, 0.5, 1.0])


def test_a_period_has_no_sign():
    f = lambda x, period: np.interp(x, [0.0, 1.0], [1.0, 3.0], period=period)  # noqa: E731
    assert f(tg.parameter(4.5), -3.0).item() == np.interp(4.5, [0.0, 1.0], [1.0, 3.0], period=-3.0)
    (by_x, plus), (same, minus) = (tg.grad(f, (0, 1))(4.5, period) for period in (3.0, -3.0))
    assert (by_x, plus) == (same, -minus)


def test_whole_turns_are_constant():
    p = np.array([[0.0, 3.0, 6.0, 9.0], [1.0, 8.0, 2.0, -7.0]])
    assert tg.grad(lambda p: np.sum(np.unwrap(p) * [1.0, 2.0, 3.0, 4.0]))(p).tolist() == [[1.0, 2.0, 3.0, 4.0]] * 2


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data())
def test_an_integral_at_points_with_fewer_axes_or_more_is_what_numpy_computes_and_linear_in_both(shape, data):
    """NumPy counts a negative axis from the end of each of them."""
    axis = data.draw(st.integers(-len(shape), -1))
    x_shape = data.draw(st.sampled_from([shape[-n:] for n in range(-axis, len(shape) + 1)] + [[2, *shape]]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    y, x = rng.normal(size=shape), rng.normal(size=x_shape)
    value, pullback = tg.vjp(lambda y, x: np.trapezoid(y, x, axis=axis), y, x)
    np.testing.assert_allclose(value, np.trapezoid(y, x, axis=axis), atol=1e-12)
    g = rng.normal(size=np.shape(value))
    for ct, primal in zip(pullback(g), (y, x), strict=True):
        np.testing.assert_allclose(np.sum(ct * primal), np.sum(g * value), atol=1e-12)


# ---- types and errors


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
@pytest.mark.parametrize(
    "f",
    [
        np.cumsum,
        np.cumprod,
        np.diff,
        np.ediff1d,
        np.gradient,
        np.trapezoid,
        lambda x: np.gradient(x, 2.0, edge_order=2),
        lambda x: np.convolve(x, x, "same"),
        lambda x: np.correlate(x, x, "full"),
    ],
)
def test_a_narrow_type_stays_narrow(f, dtype):
    x = tg.parameter(np.array([1, 2, 4, 3], dtype=dtype))
    ans = f(x)
    assert ans.dtype == dtype
    gradient = tg.gradients(ans, x, cotangent=np.ones(ans.shape, dtype), create_graph=True)
    assert gradient.dtype == dtype


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: np.diff(x, -1), ValueError, "expected an order n of at least 0, got -1"),
        (lambda x: np.ediff1d(x, 1j), TypeError, "expected ends that float64 can hold, got complex128"),
        (lambda x: np.gradient(x, 1.0, 2.0), TypeError, "expected one spacing, or one for each of 1 axes, got 2"),
        (lambda x: np.gradient(x, edge_order=3), ValueError, "expected an edge_order of 1 or 2, got 3"),
        (lambda x: np.gradient(x[:2], edge_order=2), ValueError, r"at least edge_order \+ 1 = 3 elements along axis 0"),
        (lambda x: np.gradient(x, [0.0, 1.0]), ValueError, r"the 3 coordinates along axis 0; got shape \(2,\)"),
        (lambda x: np.interp(0.5, x, [1.0]), ValueError, r"expected as many xp as fp, at least one, got shapes \(3,\)"),
        (lambda x: np.interp(0.5, x, x, period=0), ValueError, "expected a period other than 0"),
        (lambda x: np.cumsum(x, out=np.zeros(3)), TypeError, "calls with out=: compute a new Tensor instead"),
        (lambda x: np.convolve(x, x[:0]), ValueError, "v cannot be empty"),
    ],
)
def test_a_call_that_makes_no_sense_is_an_error_that_says_why(call, error, words):
    with pytest.raises(error, match=words):
        call(tg.parameter([1.0, 2.0, 4.0]))
