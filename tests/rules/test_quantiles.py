"""Median, quantile and percentile: an average of one or two elements, whatever the method."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.coverage.examples.quantiles import LINES, STEPS

arrays = hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(-4, 4))
fractions = st.floats(0, 1)
AXES = {1: [None, 0, -1, (0,)], 2: [None, 0, -1, (1, 0)], 3: [None, 1, -1, (0, 2), (2, 1, 0)]}


@given(arrays, fractions, st.sampled_from(LINES + STEPS), st.data())
def test_a_quantile_is_a_weighted_average_of_at_most_two_elements(x, q, method, data):
    axis = data.draw(st.sampled_from(AXES[x.ndim]))
    ans, pullback = tg.vjp(lambda x: np.quantile(x, q, axis=axis, method=method, keepdims=True), x)
    (weights,) = pullback(np.ones(ans.shape))
    assert np.all((weights >= 0) & (weights <= 1))
    assert np.all(np.count_nonzero(weights, axis=axis) <= 2)
    np.testing.assert_allclose(np.sum(weights, axis=axis), 1, rtol=1e-12)
    np.testing.assert_allclose(np.sum(weights * x, axis=axis, keepdims=True), ans, atol=1e-12)


@given(arrays, st.sampled_from([np.median, lambda x, axis, keepdims: np.percentile(x, 50, axis, keepdims=keepdims)]))
def test_a_median_is_the_middle_element_or_the_mean_of_two(x, median):
    weights = tg.grad(lambda x: np.sum(median(x, axis=-1, keepdims=True)))(x)
    n = x.shape[-1]
    order = np.argsort(x, axis=-1, kind="stable")
    expected = np.zeros(n)
    expected[[(n - 1) // 2, n // 2]] = 1.0 if n % 2 else 0.5
    np.testing.assert_allclose(np.take_along_axis(weights, order, -1), np.broadcast_to(expected, x.shape), rtol=1e-12)


def test_of_many_equal_elements_those_in_the_middle_are_taken():
    x = np.tile([1.0, 0.0], 500)
    weights = tg.grad(np.median)(x)
    assert np.flatnonzero(weights).tolist() == [0, 999]  # the first of the ones, the last of the zeros
    assert np.flatnonzero(tg.grad(lambda x: np.quantile(x, 0.25, method="higher"))(x)).tolist() == [501]


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize(
    ("f", "args"), [(np.nanmedian, ()), (np.nanquantile, ([0.2, 0.7],)), (np.nanpercentile, (30.0,))]
)
def test_what_skips_nan_gives_the_gradient_of_the_numbers_alone_and_0_to_a_nan(f, args):
    x = np.array([[3.0, np.nan, 1.0, 2.0, np.nan], [np.nan] * 5, [5.0, 1.0, 7.0, 3.0, 9.0]])
    same = getattr(np, f.__name__.removeprefix("nan"))
    expected = np.zeros_like(x)
    for row, kept, result in zip(x, ~np.isnan(x), expected, strict=True):
        if kept.any():
            result[kept] = tg.grad(lambda row: np.sum(same(row, *args)))(row[kept])
    ans, pullback = tg.vjp(lambda x: f(x, *args, axis=1), x)
    assert np.isnan(ans[..., 1]).all()
    (gradient,) = pullback(np.ones(ans.shape))
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_the_median_of_what_has_nan_is_nan_and_has_the_gradient_0():
    x = np.array([[1.0, np.nan, 2.0], [3.0, 1.0, 2.0]])
    ans, pullback = tg.vjp(lambda x: np.median(x, axis=1), x)
    np.testing.assert_array_equal(ans, [np.nan, 2.0])
    assert pullback(np.ones(2))[0].tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("x", [[1.0, np.inf, np.inf], [1.0, np.inf, np.inf, np.inf], [-np.inf, 0.0, 1.0, np.inf]])
def test_the_median_among_infinite_numbers_is_that_of_numpy(x):
    assert np.median(tg.parameter(x)).item() == np.median(x)


# ---- by the fraction


@given(hnp.arrays(float, st.integers(2, 6), elements=st.integers(-4, 4)), fractions)
def test_a_quantile_rises_by_the_gap_between_its_two_elements(x, q):
    rank = q * (len(x) - 1)
    low = int(np.floor(rank))
    if min(abs(rank - low), abs(rank - low - 1)) > 1e-9:
        gap = np.diff(np.sort(x))[low]
        assert tg.grad(lambda q: np.quantile(x, q))(q) == pytest.approx((len(x) - 1) * gap)
        assert tg.grad(lambda q: np.percentile(x, q))(100 * q) == pytest.approx((len(x) - 1) * gap / 100)


@pytest.mark.parametrize("method", [method for method in LINES if method != "linear"])
def test_a_quantile_stays_where_its_method_has_come_to_an_end(method):
    x = np.array([1.0, 5.0, 2.0])
    assert tg.grad(lambda q: np.sum(np.quantile(x, q, method=method)))(np.array([0.0, 1.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("q", "slope"), [(0.0, 2.0), (0.5, 6.0), (1.0, 0.0)])
def test_at_an_element_the_derivative_is_the_one_to_the_right(q, slope):
    assert float(tg.grad(lambda q: np.quantile(np.array([1.0, 2.0, 5.0]), q))(q)) == slope


@pytest.mark.parametrize("method", STEPS)
def test_a_method_of_steps_is_constant_in_the_fraction(method):
    assert float(tg.grad(lambda q: np.quantile(np.array([1.0, 2.0, 5.0]), q, method=method))(0.4)) == 0.0


def test_weights_are_constant():
    x, w = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 5.0])
    f = lambda x, q, w: np.quantile(x, q, method="inverted_cdf", weights=w)  # noqa: E731
    assert [np.asarray(g).tolist() for g in tg.grad(f, (0, 1, 2))(x, 0.5, w)] == [[0, 0, 1], 0, [0, 0, 0]]


# ---- types and errors


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("f", [np.median, lambda x: np.quantile(x, 0.3), lambda x: np.nanpercentile(x, 30)])
def test_a_narrow_type_stays_narrow(f, dtype):
    x = tg.parameter(np.array([1, 2, 4, 3], dtype=dtype))
    ans = f(x)
    assert ans.dtype == dtype
    assert tg.gradients(ans, x, create_graph=True).dtype == dtype


def test_of_integers_the_derivative_by_the_fraction_is_that_of_floats():
    assert float(tg.grad(lambda q: np.quantile(np.array([1, 2, 200], dtype=np.uint8), q))(0.75)) == 396.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda x: np.median(x, out=np.zeros(())),
            TypeError,
            r"np\.median has no derivative rule for calls with out=: compute a new",
        ),
        (
            lambda x: np.quantile(x, 0.5, 0, np.zeros(())),
            TypeError,
            r"np\.quantile has no derivative rule for calls with out=",
        ),
        (lambda x: np.quantile(x, 2.0), ValueError, "must be in the range"),
        (lambda x: np.quantile(x + 0j, 0.5), TypeError, "must be an array of real numbers"),
        (lambda x: np.quantile(x, 0.5, method="none"), ValueError, "not a valid method"),
        (lambda x: np.quantile(x, 0.5, weights=np.ones(3)), ValueError, "Only method 'inverted_cdf' supports weights"),
    ],
)
def test_a_call_that_makes_no_sense_is_an_error_that_says_why(call, error, words):
    with pytest.raises(error, match=words):
        call(tg.parameter([1.0, 2.0, 4.0]))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_of_nothing_the_median_is_nan_with_the_warning_of_numpy():
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        assert np.isnan(np.median(tg.parameter(np.zeros((0, 2))), axis=0).numpy()).tolist() == [True, True]


@pytest.mark.few_values
@pytest.mark.parametrize("f", [np.quantile, np.nanquantile])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), (1, 2), [0, -1]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_several_quantiles_of_several_axes_stand_where_numpy_puts_them(f, axis, keepdims):
    """NumPy's nanquantile puts the axes of a matrix of quantiles elsewhere than quantile does."""
    x, q = np.random.default_rng(0).normal(size=(3, 4, 2)), [[0.1, 0.25, 0.5], [0.6, 0.8, 0.9]]
    call = functools.partial(f, q=q, axis=axis, keepdims=keepdims)
    expected = call(x)
    np.testing.assert_allclose(call(tg.parameter(x)).data, expected, rtol=1e-12)
    np.testing.assert_allclose(tg.vmap(call)(np.stack([x, -x]))[0], expected, rtol=1e-12)
    dx = np.random.default_rng(1).normal(size=x.shape)
    slope = (call(x + 1e-6 * dx) - call(x - 1e-6 * dx)) / 2e-6  # linear, as far as no rank changes
    np.testing.assert_allclose(tg.jvp(call, (x,), (dx,))[1], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("ignore:.* of empty slice|All-NaN slice encountered")
@pytest.mark.parametrize(
    ("shape", "axis"), [((0,), None), ((2, 0), 1), ((0, 2), (0,)), ((2, 0, 3), (0, 1)), ((0, 0), 0)]
)
def test_a_quantile_that_skips_nan_is_nan_where_there_is_no_element(shape, axis):
    for q in (0.3, [0.1, 0.5]):
        expected = np.nanquantile(np.zeros(shape), q, axis=axis)
        x = tg.parameter(np.zeros(shape))
        y = np.nanquantile(x, q, axis=axis)
        np.testing.assert_array_equal(y.numpy(), expected, strict=True)
        assert tg.gradients(np.sum(y), x).shape == shape
