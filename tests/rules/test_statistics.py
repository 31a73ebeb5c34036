"""Averages, covariances and histograms: against closed forms, and against what they don't depend on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

finite = st.floats(-3, 3)
matrices = hnp.arrays(float, st.tuples(st.integers(2, 3), st.integers(4, 5)), elements=finite)


# ---- averages


@given(hnp.arrays(float, (2, 3), elements=finite), hnp.arrays(float, 3, elements=st.floats(0.5, 3)))
def test_an_average_moves_towards_what_gains_weight(a, w):
    average = a @ w / np.sum(w)
    for row, expected in zip(a, average, strict=True):
        gradient = tg.grad(lambda w, row=row: np.average(row, weights=w))(w)
        np.testing.assert_allclose(gradient, (row - expected) / np.sum(w), atol=1e-12)
    by_a = tg.grad(lambda a: np.sum(np.average(a, axis=1, weights=w)))(a)
    np.testing.assert_allclose(by_a, np.broadcast_to(w / np.sum(w), a.shape), rtol=1e-12)


def test_the_sum_of_weights_comes_with_its_gradient():
    a, w = np.ones((2, 3)), np.array([1.0, 2.0, 3.0])
    total = lambda w: np.sum(np.average(a, axis=1, weights=w, returned=True)[1])  # noqa: E731
    assert tg.grad(total)(w).tolist() == [2.0, 2.0, 2.0]  # once for each row


def test_without_weights_the_number_of_elements_is_returned():
    average, total = np.average(tg.parameter(np.ones((2, 3))), axis=0, returned=True)
    assert isinstance(average, tg.Tensor)
    assert (type(total), total.tolist()) == (np.ndarray, [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("weights", "axis", "error", "words"),
    [
        ([1.0, -1.0], 0, ZeroDivisionError, "the weights sum to zero"),
        ([1.0, 2.0], None, TypeError, r"expected an axis=, for weights of shape \(2,\) and an a of \(2, 3\)"),
        ([1.0, 2.0], 1, ValueError, r"expected weights of shape \(3,\), the lengths of a along axis 1, got \(2,\)"),
    ],
)
def test_weights_that_make_no_sense_are_an_error_that_says_why(weights, axis, error, words):
    with pytest.raises(error, match=words):
        np.average(tg.parameter(np.ones((2, 3))), axis=axis, weights=weights)


# ---- covariances


@given(matrices, st.sampled_from([0, 1]))
def test_the_derivative_of_the_total_variance_is_twice_the_deviation(x, ddof):
    gradient = tg.grad(lambda x: np.trace(np.cov(x, ddof=ddof)))(x)
    deviation = x - np.mean(x, axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, 2 * deviation / (x.shape[1] - ddof), atol=1e-12)


@given(matrices)
def test_the_derivative_of_a_covariance_is_the_deviation_of_the_other(x):
    n = x.shape[1]
    by_x, by_y = tg.grad(lambda x, y: np.cov(x, y)[0, 1], (0, 1))(x[0], x[1])
    np.testing.assert_allclose(by_x, (x[1] - np.mean(x[1])) / (n - 1), atol=1e-12)
    np.testing.assert_allclose(by_y, (x[0] - np.mean(x[0])) / (n - 1), atol=1e-12)


@given(hnp.arrays(float, (2, 4), elements=finite), hnp.arrays(int, 4, elements=st.integers(1, 3)))
def test_a_sample_that_counts_twice_is_two_samples(x, counts):
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    repeated = tg.grad(lambda x: np.sum(weights * np.cov(np.repeat(x, counts, axis=1))))(x)
    found = tg.grad(lambda x: np.sum(weights * np.cov(x, fweights=counts)))(x)
    np.testing.assert_allclose(found, repeated, atol=1e-12)


@given(hnp.arrays(float, (3, 5), elements=finite), st.booleans())
def test_a_correlation_depends_on_neither_scale_nor_origin(x, rowvar):
    x = x + 3 * np.random.default_rng(0).normal(size=x.shape)
    gradient = tg.grad(lambda x: np.sum(np.tril(np.corrcoef(x if rowvar else x.T, rowvar=rowvar))))(x)
    scale = np.abs(gradient * x).sum() + 1e-3
    np.testing.assert_allclose(np.sum(gradient, axis=1), 0, atol=1e-9 * scale)
    np.testing.assert_allclose(np.sum(gradient * x, axis=1), 0, atol=1e-9 * scale)


def test_too_few_samples_warn_as_in_numpy():
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"), np.errstate(all="ignore"):
        found = np.cov(tg.parameter([1.0, 2.0]), ddof=3)
    assert found.item() == np.inf  # not negative


def test_rounding_makes_no_correlation_greater_than_1():
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(50, 5)):
        assert np.max(np.abs(np.corrcoef(tg.parameter(np.stack([x, -x / 3]))).numpy())) <= 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: np.cov(np.reshape(x, (1, 1, 3))), ValueError, r"m of at most 2 dimensions, got shape \(1, 1, 3\)"),
        (lambda x: np.cov(x, ddof=0.5), ValueError, "expected an integer ddof, got 0.5"),
        (lambda x: np.cov(x, fweights=[0.5, 1, 1]), TypeError, "expected integers as fweights"),
        (lambda x: np.cov(x, aweights=[1, 1]), ValueError, r"expected aweights of shape \(3,\), .* got \(2,\)"),
        (lambda x: np.cov(x, aweights=[1, -1, 1]), ValueError, "expected aweights that are not negative"),
        (lambda x: np.cov(x, aweights=[0, 0, 0]), ZeroDivisionError, "the weights sum to zero"),
    ],
)
@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:invalid value")
def test_a_covariance_that_makes_no_sense_is_an_error_that_says_why(call, error, words):
    with pytest.raises(error, match=words):
        call(tg.parameter([1.0, 2.0, 4.0]))


# ---- histograms


@given(hnp.arrays(float, 6, elements=finite), hnp.arrays(float, 6, elements=finite))
def test_a_weight_counts_in_the_bin_of_its_element(x, w):
    edges = np.array([-2.0, -0.5, 0.0, 1.0, 2.0])
    u = np.array([1.0, 2.0, 4.0, 8.0])
    gradient = tg.grad(lambda w: np.sum(u * np.histogram(x, edges, weights=w)[0]))(w)
    inside = (x >= -2) & (x <= 2)
    expected = np.where(inside, u[np.clip(np.digitize(x, edges) - 1, 0, 3)], 0)
    assert gradient.tolist() == expected.tolist()
    assert tg.grad(lambda w: np.sum(u * np.histogram2d(x, x, edges, weights=w)[0]))(w).tolist() == expected.tolist()


def test_counts_are_plain_and_the_edges_follow_the_extremes():
    x = tg.parameter([0.0, 1.0, 2.0, 4.0])
    counts, edges = np.histogram(x, 4)
    assert (type(counts), counts.tolist()) == (np.ndarray, [1, 1, 1, 1])
    assert tg.gradients(edges, x, cotangent=[1.0, 0.0, 0.0, 0.0, 0.0]).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert tg.gradients(edges, x, cotangent=[0.0, 1.0, 0.0, 0.0, 0.0]).tolist() == [0.75, 0.0, 0.0, 0.25]


def test_within_a_given_range_all_is_plain():
    for part in (
        *np.histogram(tg.parameter([0.0, 1.0]), 4, (0, 1)),
        np.histogram_bin_edges(tg.parameter([3.0]), 4, (0, 1)),
    ):
        assert type(part) is np.ndarray


def test_a_density_falls_as_its_bins_widen():
    x = np.array([0.0, 1.0, 2.0, 4.0])
    gradient = tg.grad(lambda x: np.histogram(x, 2, density=True)[0][0])(x)
    assert gradient.tolist() == [0.5 / 8, 0.0, 0.0, -0.5 / 8]  # half of all, over half of the range: 1 / (high - low)


def test_a_density_does_not_depend_on_the_scale_of_the_weights():
    x, w = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0])
    gradient = tg.grad(lambda w: np.histogram(x, 2, weights=w, density=True)[0][0])(w)
    assert np.sum(gradient * w) == pytest.approx(0)
    assert np.any(gradient)


def test_weights_of_a_narrow_type_give_what_numpy_gives():
    w = tg.parameter(np.array([1.0, 2.0], dtype=np.float32))
    for f, dtype in (
        (lambda w: np.bincount([0, 1], w), float),
        (lambda w: np.histogram([0, 1], weights=w)[0], np.float32),
    ):
        assert f(w).dtype == dtype
        assert tg.gradients(np.sum(f(w)), w).dtype == np.float32


def test_what_bincount_counts_is_no_floats():
    with pytest.raises(TypeError, match="safe"):
        np.bincount(tg.parameter([0.0, 1.0]))
    with pytest.raises(ValueError, match="don't have the same length"):
        np.bincount([0, 1], tg.parameter([0.0, 1.0, 2.0]))


@pytest.mark.parametrize("factor", [1.0, 3.0, -0.7])
def test_the_second_derivative_of_a_perfect_correlation_is_that_of_the_formula(factor):
    """Rounding may leave a correlation beyond 1, whence NumPy clips it: that has no derivative of its own."""
    for seed in range(5):
        a = np.random.default_rng(seed).normal(size=4)
        x, v = np.concatenate([a, factor * a]), np.array([0.0, 3, 1, 7, 2, 8, 5, 1])

        def correlation(x):
            p, q = x[:4] - np.mean(x[:4]), x[4:] - np.mean(x[4:])
            return np.sum(p * q) / np.sqrt(np.sum(p * p) * np.sum(q * q))

        product = tg.hvp(lambda x: np.corrcoef(x[:4], x[4:])[0, 1], (x,), (v,))[0]
        expected = tg.hvp(correlation, (x,), (v,))[0]
        np.testing.assert_allclose(product, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("f", [np.average, np.median, lambda x, axis: np.quantile(x, 0.5, axis)])
def test_axes_may_be_a_list_as_in_numpy(f):
    x = np.arange(6.0).reshape(2, 3)
    assert f(tg.parameter(x), axis=[0, 1]).item() == f(x, axis=[0, 1]) == 2.5
