"""Second derivatives at ties: those of the smooth function that is composed, else the mean of those on all sides."""

import itertools

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn

A = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0], [3.0, 0.0, 1.0]])
tie = np.array([1.5, 1.5])


def product(x):
    return x[0] * x[1]


def gap(x):
    return (x[0] - x[1]) ** 2


def squares(x):
    return np.sum(x**2)


SMOOTH = {  # a composition of extrema, the same without, and where
    "range": (lambda x: (np.max(x) - np.min(x)) ** 2, gap, tie),
    "ptp": (lambda x: np.ptp(x) ** 2, gap, tie),
    "ptp, rows": (
        lambda x: np.sum(np.ptp(x, axis=1) ** 2),
        lambda x: np.sum((x[:, 0] - x[:, 1]) ** 2),
        [[1, 1], [2, 3]],
    ),
    "keepdims": (lambda x: np.sum(np.max(x, 0, keepdims=True) - np.min(x)) ** 2, gap, tie),
    "max * min": (lambda x: np.max(x) * np.min(x), product, tie),
    "nanmax * nanmin": (lambda x: np.nanmax(x) * np.nanmin(x), product, tie),
    "amax * amin": (lambda x: np.amax(x) * np.amin(x), product, tie),
    "maximum * minimum": (lambda x: np.maximum(x[0], x[1]) * np.minimum(x[0], x[1]), product, tie),
    "fmax * fmin, exchanged": (lambda x: np.fmax(x[0], x[1]) * np.fmin(x[1], x[0]), product, tie),
    "max * minimum": (lambda x: np.max(x) * np.minimum(x[0], x[1]), product, tie),
    "of linear maps": (
        lambda x: np.sum(np.maximum(A @ x, A[::-1] @ x) * np.minimum(A @ x, A[::-1] @ x)),
        lambda x: np.sum((A @ x) * (A[::-1] @ x)),
        np.linalg.solve(A, [1.0, 2.0, 1.0]),
    ),
    "sum of squares": (lambda x: np.max(x) ** 2 + np.min(x) ** 2, squares, tie),
    "cubes": (lambda x: np.max(x) ** 3 + np.min(x) ** 3, lambda x: np.sum(x**3), tie),
    "beside a third": (
        lambda x: np.max(x) ** 2 + np.min(x) ** 2 + (np.sum(x) - np.max(x) - np.min(x)) ** 2,
        squares,
        [1.0, 1.0, 2.0],
    ),
    "three": (
        lambda x: np.max(x) ** 2 + np.min(x) ** 2 + (np.sum(x) - np.max(x) - np.min(x)) ** 2,
        squares,
        [1.0, 1.0, 1.0],
    ),
    "range and variance": (lambda x: np.ptp(x) ** 2 + np.var(x), lambda x: 1.25 * gap(x), tie),
    "max and median": (lambda x: (np.max(x) - np.median(x)) ** 2, lambda x: gap(x) / 4, tie),
    "range * abs": (lambda x: np.ptp(x) * np.abs(x[0] - x[1]), gap, tie),
    "max without abs": (
        lambda x: (2 * np.maximum(x[0], x[1]) - np.abs(x[0] - x[1])) ** 2,
        lambda x: (x[0] + x[1]) ** 2,
        tie,
    ),
    "scaled": (lambda x: (np.maximum(3 * x[0], 3 * x[1]) - 3 * np.min(x)) ** 2, lambda x: 9 * gap(x), tie),
    "two of relu": (lambda x: np.sum((np.maximum(x, 0) + np.maximum(-x, 0)) ** 2), squares, [0.0, 1.0, -2.0]),
    "relu times relu": (lambda x: np.sum(np.maximum(x, 0) * np.maximum(-x, 0)), lambda x: 0 * squares(x), [0.0, 1.0]),
    "relu less minimum": (lambda x: np.sum((np.maximum(x, 0) - np.minimum(x, 0)) ** 2), squares, [0.0, 1.0]),
    "softplus": (
        lambda x: np.sum(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))),
        lambda x: np.sum(nn.softplus(x)),
        [0.0, 1.0, -2.0],
    ),
    "log cosh": (
        lambda x: np.sum(np.abs(x) + np.log1p(np.exp(-2 * np.abs(x)))),
        lambda x: np.sum(np.log(2 * np.cosh(x))),
        [0.0, 1.0],
    ),
    "logsumexp": (
        lambda x: np.max(x) + np.log(np.sum(np.exp(x - np.max(x)))),
        lambda x: np.log(np.sum(np.exp(x))),
        [1.0, 1.0, 1.0],
    ),
    "sort": (lambda x: np.sum(np.sort(x) ** 2), squares, [1.0, 2.0, 1.0]),
    "quantiles": (lambda x: np.quantile(x, 0) * np.quantile(x, 1), product, tie),
}
MODES = {
    "hessian": lambda f, x, v: tg.hessian(f)(x),
    "hvp": lambda f, x, v: tg.hvp(f, (x,), (v,))[0],
    "jvp of grad": lambda f, x, v: tg.jvp(tg.grad(f), (x,), (v,))[1],
    "vmap": lambda f, x, v: tg.vmap(tg.hessian(f))(np.stack([x, x])),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_composition_of_extrema_has_the_second_derivative_of_its_smooth_form(name):
    f, smooth, x = SMOOTH[name]
    x = np.array(x, float)
    v = np.linspace(1, 2, x.size).reshape(x.shape)
    for mode, derivative in MODES.items():
        np.testing.assert_allclose(derivative(f, x, v), derivative(smooth, x, v), rtol=1e-12, atol=1e-14, err_msg=mode)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_second_derivative_at_a_tie_of_k_is_the_mean_of_those_for_all_orders(k):
    def f(low, high):
        return np.exp(2 * high - low) * low

    orders = list(itertools.permutations(range(k)))
    expected = sum(tg.hessian(lambda x, order=order: f(x[order[0]], x[order[-1]]))(np.ones(k)) for order in orders)
    found = tg.hessian(lambda x: f(np.min(x), np.max(x)))(np.ones(k))
    np.testing.assert_allclose(found, expected / len(orders), rtol=1e-12, atol=1e-14)


def test_many_ties_of_pairs_have_the_second_derivative_of_their_product():
    a, v = np.ones(1000), np.linspace(-1, 1, 1000)
    by_a, by_b = tg.hvp(lambda a, b: np.sum(np.maximum(a, b) * np.minimum(a, b)), (a, a.copy()), (v, 0 * v))
    assert np.array_equal(by_b, v)
    assert not by_a.any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_second_derivatives_at_ties_keep_their_precision(dtype):
    for f in (lambda x: np.ptp(x) ** 2, lambda x: np.ptp(x) * np.abs(x[0] - x[1])):
        hessian = tg.hessian(f)(tie.astype(dtype))
        assert hessian.dtype == dtype
        assert hessian.tolist() == [[2.0, -2.0], [-2.0, 2.0]]


def test_third_derivatives_at_a_tie_are_those_of_the_smooth_form():
    for f, smooth in (
        (lambda x: np.max(x) ** 3 + np.min(x) ** 3, lambda x: np.sum(x**3)),
        (
            lambda x: (np.max(x) * np.min(x)) ** 2,
            lambda x: product(x) ** 2,
        ),
    ):
        third = tg.jacobian(tg.hessian(f))(tie)
        np.testing.assert_allclose(third, tg.jacobian(tg.hessian(smooth))(tie), rtol=1e-12, atol=1e-14)


def test_where_sorting_took_one_side_of_a_tie_its_product_with_the_maximum_has_no_second_derivative():
    assert np.isnan(tg.hessian(lambda x: np.max(x) * np.sort(x)[0])(tie)).all()


@pytest.mark.parametrize("f", [np.linalg.norm, np.std])
def test_a_range_times_a_norm_that_vanish_together_has_no_second_derivative(f):
    assert np.isnan(tg.hessian(lambda x: np.ptp(x) * f(x - x[::-1]))(tie)).all()


def test_a_net_of_maxima_whose_units_are_all_at_the_kink_has_finite_second_derivatives():
    W, b = np.array([[1.0, -2.0], [0.5, 1.0], [1.0, 1.0]]), np.zeros((3, 1))
    X = np.array([[0.0, 1.0], [0.0, -1.0]])  # a sample of 0: no unit moves

    def loss(W, b):
        return np.sum((np.sum(np.maximum(W @ X + b, 0), axis=0) - 1) ** 2)

    for part in tg.hvp(loss, (W, b), (W, b + 1)):
        assert np.isfinite(part).all()
