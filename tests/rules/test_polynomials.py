"""Polynomials by their coefficients, against what they are by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

seeds = st.integers(0, 2**32 - 1)
numbers = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
coefficients = hnp.arrays(float, st.integers(1, 5), elements=numbers)


@given(coefficients, hnp.arrays(float, hnp.array_shapes(min_dims=0, max_dims=2, max_side=3), elements=numbers))
def test_a_value_moves_by_powers_with_the_coefficients_and_by_the_slope_with_the_point(p, x):
    by_p, by_x = tg.grad(lambda p, x: np.sum(np.polyval(p, x)), (0, 1))(p, x)
    n = len(p)
    np.testing.assert_allclose(by_p, [np.sum(x ** (n - 1 - k)) for k in range(n)], rtol=1e-12)
    slope = sum(p[k] * (n - 1 - k) * x ** (n - 2 - k) for k in range(n - 1)) + 0 * x
    np.testing.assert_allclose(by_x, slope, rtol=1e-12)


@given(st.integers(1, 3), st.sampled_from([(3,), (1,), (2, 3), (2, 1)]), st.sampled_from([(), (3,), (2, 1)]), seeds)
def test_a_column_of_coefficients_gives_the_values_and_derivatives_of_a_polynomial_each(n, columns, x_shape, seed):
    rng = np.random.default_rng(seed)
    p, x = rng.normal(size=(n, *columns)), rng.normal(size=x_shape)

    def by_powers(p, x):
        return sum(p[k] * x ** (n - 1 - k) for k in range(n))

    def derivatives(f):
        first, pullback = tg.vjp(tg.grad(lambda p, x: np.sum(np.sin(f(p, x))), (0, 1)), p, x)
        return *first, *pullback(first)

    for found, expected in zip(derivatives(np.polyval), derivatives(by_powers), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_poly1d_is_as_good_as_its_coefficients():
    p = np.poly1d([3.0, 2.0, 1.0])
    assert tg.grad(p)(2.0) == tg.grad(lambda x: np.polyval(p, x))(2.0) == 14.0


# ---- roots


@given(st.permutations([-2.0, -0.5, 0.0, 1.0, 3.0]), st.integers(1, 5), st.sampled_from([1.0, 2j, 1 + 1j]))
def test_a_root_moves_by_minus_the_value_over_the_slope(order, n, turn):
    """Also one at 0, which NumPy finds by counting zeros, and where leading zeros were cut off."""
    roots = turn * np.array(order[:n])
    p = np.concatenate([np.zeros(2), np.poly(roots)])
    ct = tg.vjp(np.roots, p)[1](np.ones(n) + 0 * np.roots(p))[0]
    slopes = np.array([np.prod(r - np.delete(roots, i)) for i, r in enumerate(roots)])
    expected = -np.sum(roots[:, None] ** np.arange(n + 2, -1, -1) / slopes[:, None], axis=0)
    np.testing.assert_allclose(ct, expected if np.iscomplexobj(p) else expected.real, rtol=1e-6, atol=1e-6)


def test_polynomials_without_roots_have_a_gradient_of_zeros():
    for p in ([3.0], [0.0, 0.0], [0.0, 2.0]):
        assert tg.grad(lambda p: np.sum(np.roots(p)))(np.array(p)).tolist() == [0.0] * len(p)


def test_two_roots_that_coincide_move_infinitely_fast():
    with pytest.warns(RuntimeWarning, match="divide by zero"), np.errstate(invalid="ignore"):
        assert not np.isfinite(tg.grad(lambda p: np.sum(np.roots(p)))(np.array([1.0, 0.0, 0.0]))).all()


@pytest.mark.parametrize("roots", [[1.0, 1.0], [1.0, 1.0, 1.0], [0.3, 0.3, 2.0]])
def test_roots_that_only_rounding_parts_coincide(roots):
    with np.errstate(all="ignore"):
        assert not np.isfinite(tg.grad(lambda p: np.sum(np.real(np.roots(p))))(np.poly(roots))).all()
    near = np.poly([1.0, 1.001, 3.0])  # whose roots add up to -p1 / p0
    np.testing.assert_allclose(tg.grad(lambda p: np.sum(np.real(np.roots(p))))(near), [-5.001, -1, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    "a",
    [np.array([[2.0, 1.0], [0.0, 2.0]]), np.eye(2, k=-1), 3 * np.eye(3) + np.eye(3, k=1), np.eye(3), np.zeros((3, 3))],
)
def test_the_characteristic_polynomial_is_right_to_any_order_where_eigenvalues_coincide(a):
    """By traces of powers (Newton): defective matrices included."""

    def by_traces(a):
        p1, p2, p3 = np.trace(a), np.trace(a @ a), np.trace(a @ a @ a)
        e = [-p1, (p1**2 - p2) / 2, -(p1**3 - 3 * p1 * p2 + 2 * p3) / 6]
        return np.stack([p1 * 0 + 1, *e[: len(a)]])

    np.testing.assert_allclose(tg.jacobian(np.poly)(a), tg.jacobian(by_traces)(a), atol=1e-12)
    weights = np.array([1.0, 2.0, 3.0, 4.0])[: len(a) + 1]
    for f, g in [(lambda a: weights @ np.poly(a), lambda a: weights @ by_traces(a))]:
        np.testing.assert_allclose(tg.hessian(f)(a), tg.hessian(g)(a), atol=1e-11)
        np.testing.assert_allclose(tg.jacobian(tg.hessian(f))(a), tg.jacobian(tg.hessian(g))(a), atol=1e-10)


def test_the_characteristic_polynomial_of_a_large_matrix_is_as_accurate_as_that_of_its_eigenvalues():
    """The coefficients of det(z - a) for a diagonal matrix are those of its diagonal."""
    roots = np.linspace(0.5, 1.5, 30)
    weights = np.sin(np.arange(1.0, 32.0))
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))[0]
    found = turn.T @ tg.grad(lambda a: np.real(np.sum(weights * np.poly(a))))(turn * roots @ turn.T) @ turn
    expected = [-np.dot(weights[1:], np.poly(np.delete(roots, i))) for i in range(30)]
    np.testing.assert_allclose(np.diagonal(found), expected, rtol=1e-5, atol=1e-9 * np.max(np.abs(expected)))


@given(st.lists(numbers, min_size=1, max_size=5))
def test_coefficients_by_a_root_are_those_without_it(roots):
    jacobian = tg.jacobian(np.poly)(np.array(roots))
    others = [[0.0, *np.reshape(-np.poly(np.delete(roots, i)), -1)] for i in range(len(roots))]
    np.testing.assert_allclose(jacobian.T, others, rtol=1e-9, atol=1e-9)


def test_the_characteristic_polynomial_holds_the_trace_and_the_determinant():
    a = np.array([[1.0, -2.0], [3.0, 1.5]])  # with complex eigenvalues
    jacobian = tg.jacobian(np.poly)(a)
    np.testing.assert_allclose(jacobian[1], -np.eye(2), atol=1e-12)
    np.testing.assert_allclose(jacobian[2], np.linalg.inv(a).T * np.linalg.det(a), rtol=1e-12)


def test_roots_may_be_a_list_of_tensors_or_none():
    x = tg.parameter(2.0)
    assert tg.gradients(np.sum(np.poly([x, 3.0])), x) == 2.0  # (1 - x) (1 - 3)
    assert np.poly(tg.parameter(np.zeros(0))) == 1.0
    assert np.poly(tg.Tensor([1, 2])).dtype == np.float64
    with pytest.raises(ValueError, match=r"expected a vector of roots or a square matrix, got shape \(2, 3\)"):
        np.poly(tg.parameter(np.ones((2, 3))))


# ---- arithmetic


@given(coefficients, coefficients, seeds)
def test_arithmetic_of_tensors_is_that_of_numpy_and_linear_where_it_is(a, b, seed):
    rng = np.random.default_rng(seed)
    for f in (np.polyadd, np.polysub, np.polymul):
        value, pullback = tg.vjp(f, a, b)
        assert np.array_equal(value, f(a, b))
        g = rng.normal(size=value.shape)
        parts = [np.sum(ct * x) for ct, x in zip(pullback(g), (a, b), strict=True)]
        total = np.sum(g * value)
        for part in parts if f is np.polymul else [sum(parts)]:
            np.testing.assert_allclose(part, total, rtol=1e-9, atol=1e-9)


@given(coefficients, coefficients, seeds)
def test_a_quotient_and_a_rest_make_the_whole_again_and_so_do_their_derivatives(u, v, seed):
    v[0] = 2.0
    quotient, rest = np.polydiv(u, v)

    def again(u, v):
        quotient, rest = np.polydiv(u, v)
        return np.polyadd(np.convolve(quotient, v), rest)

    for found, expected in zip(np.polydiv(tg.Tensor(u), v), (quotient, rest), strict=True):
        np.testing.assert_allclose(np.asarray(found), expected, atol=1e-12)
    value, pullback = tg.vjp(again, u, v)
    g = np.random.default_rng(seed).normal(size=value.shape)
    by_u, by_v = pullback(g)
    if len(rest) == max(len(v) - 1, 1) and len(u) >= len(v):  # no leading zero was cut off, with what moved it
        np.testing.assert_allclose(by_u, g, atol=1e-9)
        np.testing.assert_allclose(by_v, 0, atol=1e-9)


@given(coefficients, st.integers(0, 6))
def test_the_gradients_of_derivatives_and_integrals_are_their_weights(p, m):
    value, pullback = tg.vjp(lambda p: np.polyder(p, m), p)
    assert np.array_equal(value, np.polyder(p, m))
    np.testing.assert_allclose(np.sum(pullback(np.ones_like(value))[0] * p), np.sum(value), atol=1e-9)
    value, pullback = tg.vjp(lambda p: np.polyint(p, m), p)
    np.testing.assert_allclose(value, np.polyint(p, m), rtol=1e-12)
    np.testing.assert_allclose(np.sum(pullback(np.ones_like(value))[0] * p), np.sum(value), atol=1e-9)


def test_the_constants_of_integration_have_gradients():
    p, k = tg.parameter([2.0]), tg.parameter([3.0, 5.0])
    y = np.polyint(p, 2, k)
    assert y.tolist() == [1.0, 3.0, 5.0]
    assert tg.gradients(np.sum(y), k).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="one constant or 3, got 2"):
        np.polyint(p, 3, k)
    with pytest.raises(ValueError, match="an order of at least 0, got -1"):
        np.polyder(p, -1)


# ---- fits


def test_a_fit_is_linear_in_y_by_the_pseudoinverse():
    x = np.array([0.0, 1.0, 2.0, 4.0])
    jacobian = tg.jacobian(lambda y: np.polyfit(x, y, 2))(np.ones(4))
    np.testing.assert_allclose(jacobian, np.linalg.pinv(np.vander(x, 3)), rtol=1e-9, atol=1e-12)


def test_a_fit_through_all_points_does_not_depend_on_weights():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, -1.0, 2.0])
    np.testing.assert_allclose(tg.jacobian(lambda w: np.polyfit(x, y, 2, w=w))(np.ones(3)), 0, atol=1e-12)


def test_a_fit_says_what_it_was_given_and_warns_as_numpy_does():
    x = tg.parameter([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"got deg=1 and shapes \(3,\), \(2,\)"):
        np.polyfit(x, [1.0, 2.0], 1)
    with pytest.raises(ValueError, match="cov=True needs more than 3 points, got 3"):
        np.polyfit(x, [1.0, 2.0, 4.0], 2, cov=True)
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        np.polyfit(tg.parameter([1.0, 1.0, 1.0]), [1.0, 2.0, 4.0], 1)


def test_powers_of_0_have_finite_slopes():
    assert tg.grad(lambda x: np.sum(np.vander(x, 4)))(np.array([0.0, 2.0])).tolist() == [1.0, 17.0]
