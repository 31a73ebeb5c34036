"""Second derivatives at the zeros of norms: those of the smooth function that is composed, or nan if there is none."""

import math

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.derivatives import by_each

norm = np.linalg.norm
A = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0], [3.0, 0.0, 1.0]])
C = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
zeros, ones = np.zeros(3), np.ones(3)
rows = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 4.0]])  # one at the kink
signs = np.array([0.0, 1.5, -2.0])
points = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]])


def squares(x):
    return np.sum(x**2)


def gaps(P):
    return P[:, None] - P[None]


SMOOTH = {  # a composition of kinks, the same without, and where
    "norm**2": (lambda x: norm(x) ** 2, squares, zeros),
    "norm * norm": (lambda x: norm(x) * norm(x), squares, zeros),
    "norm**4": (lambda x: norm(x) ** 4 + norm(x) ** 2, lambda x: squares(x) ** 2 + squares(x), zeros),
    "of a linear map": (lambda x: norm(A @ x) ** 2, lambda x: squares(A @ x), zeros),
    "a bell": (
        lambda c: np.sum(np.exp(-(norm(C - c, axis=1) ** 2))),
        lambda c: np.sum(np.exp(-np.sum((C - c) ** 2, axis=1))),
        C[1],
    ),
    "rows": (
        lambda x: np.sum(norm(x, axis=1) ** 2 * [1, 2]),
        lambda x: np.sum(np.sum(x**2, axis=1) * [1, 2]),
        rows,
    ),
    "keepdims": (
        lambda x: np.sum(norm(x, axis=-1, keepdims=True) ** 2 * np.cos(x)),
        lambda x: np.sum(np.sum(x**2, axis=-1, keepdims=True) * np.cos(x)),
        rows,
    ),
    "norm of norms": (lambda x: norm(norm(x, axis=1)) ** 2, squares, rows),
    "Frobenius": (lambda x: np.linalg.matrix_norm(x) ** 2, squares, 0 * rows),
    "distances": (lambda P: np.sum(norm(gaps(P), axis=-1) ** 2), lambda P: squares(gaps(P)), points),
    "order 1 of one": (lambda x: norm(x[:1], 1) ** 2, lambda x: x[0] ** 2, zeros),
    "order 3": (lambda x: norm(x, 3) ** 3, lambda x: np.sum(x**3 * np.sign(x)), signs),
    "order -1": (lambda x: norm(x, -1) ** 2, lambda x: x[0] ** 2, signs),
    "order -inf": (lambda x: norm(x, -np.inf) ** 2, lambda x: x[0] ** 2, signs),
    "abs**2": (lambda x: np.sum(np.abs(x) ** 2), squares, signs),
    "abs * abs": (lambda x: np.sum(np.abs(x) * np.abs(x)), squares, signs),
    "abs of abs": (lambda x: np.sum(np.abs(np.abs(x)) ** 2), squares, signs),
    "cos of abs": (lambda x: np.sum(np.cos(np.fabs(x))), lambda x: np.sum(np.cos(x)), signs),
    "copysign": (lambda x: np.sum(np.copysign(x, [1, -1, -1]) ** 2), squares, 0 * signs),
    "spectrum": (lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2), lambda x: 3 * squares(x), ones),
    "hypot": (lambda x: np.hypot(np.hypot(x[0], x[1]), x[2]) ** 2, squares, zeros),
    "hypot.reduce": (lambda x: np.hypot.reduce(x) ** 2, squares, zeros),
    "std": (lambda x: np.std(x) ** 2, np.var, ones),
    "std, ddof": (lambda x: np.std(x, ddof=1) ** 2, lambda x: np.var(x, ddof=1), ones),
    "std, axis": (lambda x: np.sum(np.std(x, axis=1) ** 2), lambda x: np.sum(np.var(x, axis=1)), rows),
    "std, where": (
        lambda x: np.std(x, where=[True, False, True]) ** 2,
        lambda x: np.var(x, where=[True, False, True]),
        np.array([1.0, 5.0, 1.0]),
    ),
    "nanstd": (lambda x: np.nanstd(x) ** 2, np.nanvar, np.array([1.0, np.nan, 1.0])),
}
MODES = {
    "hessian": lambda f, x, v: tg.hessian(f)(x),
    "hvp": lambda f, x, v: tg.hvp(f, (x,), (v,))[0],
    "jvp of grad": lambda f, x, v: tg.jvp(tg.grad(f), (x,), (v,))[1],
    "grad of grad": lambda f, x, v: tg.grad(lambda x: np.sum(tg.grad(f)(x) * v))(x),
    "vmap": lambda f, x, v: tg.vmap(tg.hessian(f))(np.stack([x, x])),
}


@pytest.mark.few_values
@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_composition_of_kinks_has_the_second_derivative_of_its_smooth_form(name):
    f, smooth, x = SMOOTH[name]
    v = np.linspace(1, 2, x.size).reshape(x.shape)
    for mode, derivative in MODES.items():
        expected = derivative(smooth, x, v)
        with np.errstate(divide="ignore"):  # of the value, for negative orders
            np.testing.assert_allclose(derivative(f, x, v), expected, rtol=1e-12, atol=1e-14, err_msg=mode)


@pytest.mark.parametrize("name", ["norm**2", "abs**2", "spectrum", "std", "hypot"])
def test_second_derivatives_at_kinks_keep_single_precision(name):
    f, smooth, x = SMOOTH[name]
    hessian = tg.hessian(f)(x.astype(np.float32))
    assert hessian.dtype == np.float32
    np.testing.assert_allclose(hessian, tg.hessian(smooth)(x), rtol=1e-6, atol=1e-6)


def test_the_squared_modulus_of_complex_numbers_has_the_derivative_of_its_parts():
    z, v = np.array([0j, 1 + 2j]), np.array([1 + 1j, 2 - 1j])
    product = tg.hvp(lambda z: np.sum(np.abs(z) ** 2), (z,), (v,))[0]
    np.testing.assert_allclose(product, 2 * np.conj(v), rtol=1e-15)


UNDEFINED = {  # what has no second derivative at 0 in any direction
    "norm": norm,
    "hypot": lambda x: np.hypot(x[0], x[1]),
    "arctan2": lambda x: np.arctan2(x[0], x[1]),
    "std": np.std,
    "norm**1.5": lambda x: norm(x) ** 1.5,
    "norm, order 3, **2": lambda x: norm(x, 3) ** 2,
    "norm, order 1, **2": lambda x: norm(x, 1) ** 2,
    "norm, order inf, **2": lambda x: norm(x, np.inf) ** 2,
    "norm of an element": lambda x: (x[0] + 2 * x[1]) * norm(x),
    "two norms": lambda x: norm(x, 3) * norm(x),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_where_second_derivatives_have_no_limit_they_are_nan(name):
    with np.errstate(divide="ignore", invalid="ignore"):  # of norm**1.5 itself
        assert np.isnan(tg.hessian(UNDEFINED[name])(np.zeros(2))).all()


def test_absolute_values_that_are_multiplied_have_no_second_derivative():
    assert np.isnan(np.diag(tg.hessian(lambda x: np.abs(x[0]) * np.abs(x[1]))(np.zeros(2)))).all()
    assert np.isnan(tg.hessian(lambda x: x * np.abs(x))(0.0))


def test_an_angle_and_a_modulus_of_0_have_no_second_derivative():
    for f in (np.angle, np.abs):
        assert np.isnan(tg.hvp(f, (0j,), (1 + 0j,))[0])


@pytest.mark.parametrize("f", [np.abs, lambda x: norm(x, 1), lambda x: norm(x, np.inf)])
def test_a_kink_between_straight_sides_has_the_second_derivative_of_the_sides(f):
    assert not tg.hessian(lambda x: np.sum(f(x)))(np.zeros(2)).any()


def test_a_distance_that_is_always_0_adds_nothing():
    """The diagonal of a matrix of distances: its direction has no limit, but nothing moves it."""
    hessian = tg.hessian(lambda P: np.sum(norm(gaps(P), axis=-1)))(points)
    expected = tg.hessian(lambda P: 2 * sum(norm(P[i] - P[j]) for i in range(3) for j in range(i)))(points)
    np.testing.assert_allclose(hessian, expected, rtol=1e-12, atol=1e-14)


def test_a_factor_is_differentiated_between_two_derivatives_by_the_kink():
    for f in (lambda x, c: c * norm(x) ** 2, lambda x, c: c * np.sum(np.abs(x) ** 2)):
        mixed = tg.jacobian(lambda x, f=f: tg.jacobian(lambda c: tg.grad(f)(x, c))(1.5))(np.zeros(2))
        np.testing.assert_allclose(mixed, 2 * np.eye(2), rtol=1e-15)


def test_higher_derivatives_at_a_kink_are_right_or_nan():
    third = tg.jacobian(tg.hessian(lambda x: norm(x) ** 4))
    assert not third(np.zeros(2)).any()
    fourth = tg.jacobian(third)(np.zeros(2))  # that of (x·x)**2 is 8 where indices are equal in pairs
    assert np.isnan(fourth).all()


def test_a_long_chain_of_kinks_takes_no_exponential_time():
    def f(x):
        for _ in range(12):
            x = np.sin(np.abs(x))
        return x**2

    assert math.isnan(tg.grad(tg.grad(f))(0.0))


def test_the_sign_of_a_complex_0_has_derivative_0():
    assert by_each(lambda z: np.real(np.sign(z)), 0j) == [0.0]


def test_deviations_of_parts_that_differ_in_the_middle_have_no_second_derivative_together():
    """The sides of the two kinks differ; of one part twice, the product is a variance."""
    even = np.arange(2000) % 2 == 0
    fewer = even & (abs(np.arange(2000) - 1000) > 100)
    x, t = np.ones(2000), np.sin(np.arange(2000.0))
    apart = tg.hvp(lambda x: np.std(x, where=even) * np.std(x, where=fewer), (x,), (t,))[0]
    assert np.array_equal(np.isnan(apart), even)
    together = tg.hvp(lambda x: np.std(x, where=even) * np.std(x, where=even), (x,), (t,))[0]
    of_variance = tg.hvp(lambda x: np.var(x, where=even), (x,), (t,))[0]
    np.testing.assert_allclose(together, of_variance, rtol=1e-12, atol=1e-15)


def test_a_kink_computed_twice_is_recognised_however_often_its_parts_are_used():
    def f(x):
        for _ in range(40):  # 2**40 ways back
            x = (x + x) / 2
        return np.abs(x)

    assert tg.grad(tg.grad(lambda x: f(x) * f(x)))(0.0) == 2.0


def test_a_square_of_a_sum_of_kinks_is_a_kink_and_has_no_second_derivative():
    H = tg.hessian(lambda x: np.sum(np.abs(x)) ** 2)(np.zeros(2))  # 2 |x y| is in it, and depends on both together
    assert np.all(np.isnan(np.diagonal(H)))
