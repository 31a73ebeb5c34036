"""Inverses, linear systems, determinants: against closed forms, singular matrices included."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

seeds = st.integers(0, 2**32 - 1)
kinds = st.booleans().map(lambda is_complex: complex if is_complex else float)


def draw(rng, kind, *shape):
    return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)


def dot(g, x):
    """Re(g dx): what a cotangent makes of a change."""
    return np.sum(g * x).real


# ---- inverses and solutions


@given(seeds, kinds, hnp.array_shapes(min_dims=0, max_dims=2, max_side=3), st.integers(0, 4))
def test_the_derivative_of_an_inverse_is_minus_it_twice_around_the_change(seed, kind, stack, n):
    rng = np.random.default_rng(seed)
    a, change, g = (draw(rng, kind, *stack, n, n) for _ in range(3))
    a = a + 4 * np.eye(n)
    inverse = np.linalg.inv(a)
    ct = tg.vjp(np.linalg.inv, a)[1](g)[0]
    np.testing.assert_allclose(dot(ct, change), dot(g, -inverse @ change @ inverse), rtol=1e-7, atol=1e-9)


@given(seeds, kinds, st.sampled_from([((), ()), ((2,), ()), ((), (2,)), ((2, 1), (3,))]), st.sampled_from([None, 0, 2]))
def test_a_solution_moves_by_the_solution_of_what_moved(seed, kind, stacks, columns):
    rng = np.random.default_rng(seed)
    b_shape = (3,) if columns is None else (*stacks[1], 3, columns)  # a vector is one for all, of whatever stack
    a, b = draw(rng, kind, *stacks[0], 3, 3) + 5 * np.eye(3), draw(rng, kind, *b_shape)
    da, db = draw(rng, kind, *a.shape), draw(rng, kind, *b.shape)
    x, pullback = tg.vjp(np.linalg.solve, a, b)
    g = draw(rng, kind, *x.shape)
    column = (lambda z: z[..., None]) if columns is None else (lambda z: z)
    dx = np.linalg.solve(a, column(db) - da @ column(x))
    ct_a, ct_b = pullback(g)
    np.testing.assert_allclose(dot(ct_a, da) + dot(ct_b, db), dot(column(g), dx), rtol=1e-7, atol=1e-9)


def test_the_pseudoinverse_of_a_matrix_of_low_rank_moves_as_its_factors_do():
    """(XY)⁺ = Y⁺X⁺ if X has full column rank and Y full row rank, and these have the pseudoinverse in closed form."""
    rng = np.random.default_rng(0)
    for kind in (float, complex):
        x, y, g = draw(rng, kind, 4, 2), draw(rng, kind, 2, 3), draw(rng, kind, 3, 4)

        def by_factors(x, y):
            left = np.linalg.solve(np.conj(x.mT) @ x, np.conj(x.mT))
            return np.conj(y.mT) @ np.linalg.solve(y @ np.conj(y.mT), left)

        found = tg.vjp(lambda x, y: np.linalg.pinv(x @ y, 1e-10), x, y)[1](g)
        for ct, expected in zip(found, tg.vjp(by_factors, x, y)[1](g), strict=True):
            np.testing.assert_allclose(ct, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
def test_least_squares_is_the_pseudoinverse_times_the_right_hand_side(shape):
    rng = np.random.default_rng(1)
    a, b, g = rng.normal(size=shape), rng.normal(size=(shape[0], 2)), rng.normal(size=(shape[1], 2))
    found = tg.vjp(lambda a, b: np.linalg.lstsq(a, b)[0], a, b)[1](g)
    expected = tg.vjp(lambda a, b: np.linalg.pinv(a) @ b, a, b)[1](g)
    for ct, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(ct, other, rtol=1e-9, atol=1e-11)


def test_the_squared_residuals_have_a_gradient_and_the_rank_is_a_constant():
    a, b = np.array([[1.0], [1.0], [1.0]]), np.array([1.0, 2.0, 6.0])  # a fit by the mean, 3
    x, squares, rank, s = np.linalg.lstsq(tg.parameter(a), tg.parameter(b))
    assert type(rank) is np.int32
    assert rank == 1
    assert s.shape == (1,)
    gradient = tg.grad(lambda b: np.sum(np.linalg.lstsq(a, b)[1]))(b)
    np.testing.assert_allclose(gradient, 2 * (b - 3), rtol=1e-12)
    np.testing.assert_allclose(tg.gradients(squares, x._parents[0]._parents[0])[:, 0], -2 * (b - 3) * 3, rtol=1e-12)


def test_least_squares_of_rank_0_gives_0_whatever_the_right_hand_side():
    by_a, by_b = tg.grad(lambda a, b: np.sum(np.linalg.lstsq(a, b)[0]), (0, 1))(np.zeros((3, 2)), np.ones(3))
    assert not by_a.any()
    assert not by_b.any()


@given(seeds, kinds, st.sampled_from([(4, 2), (2, 4), (3, 3)]), st.integers(-50, 50))
def test_a_scaled_matrix_has_gradients_scaled_twice_as_its_pseudoinverse_and_solutions_are(seed, kind, shape, exponent):
    rng = np.random.default_rng(seed)
    a, b = (draw(rng, kind, *size).astype("c8" if kind is complex else "f4") for size in (shape, shape[:1]))
    scale = np.float32(2.0**exponent)
    for f in (np.linalg.pinv, lambda a: np.linalg.lstsq(a, b)[0]):
        value, pullback = tg.vjp(f, a)
        g = np.ones_like(value)
        bound = 1e-2 * np.max(np.abs(pullback(g)[0]))
        np.testing.assert_allclose(tg.vjp(f, a * scale)[1](g)[0] * scale * scale, pullback(g)[0], rtol=0, atol=bound)


@given(seeds, kinds)
def test_the_pseudoinverse_of_a_hermitian_matrix_moves_with_the_triangle_that_is_read(seed, kind):
    rng = np.random.default_rng(seed)
    a, g = draw(rng, kind, 3, 3) + 5 * np.eye(3), draw(rng, kind, 3, 3)

    def whole(a):
        part = np.tril(a, -1)
        return part + np.conj(part.mT) + np.real(a) * np.eye(3)

    value, pullback = tg.vjp(lambda a: np.linalg.pinv(a, hermitian=True), a)
    expected = tg.vjp(lambda a: np.linalg.inv(whole(a)), a)
    np.testing.assert_allclose(value, expected[0], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(pullback(g)[0], expected[1](g)[0], rtol=1e-7, atol=1e-9)


def test_a_tensor_is_solved_for_along_axes_that_do_not_begin_with_the_shape_of_the_right_hand_side():
    """NumPy asks for as many numbers only."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 6, 2)), rng.normal(size=(2, 3))
    x, pullback = tg.vjp(lambda a: np.linalg.tensorsolve(a, b, axes=(1,)), a)
    np.testing.assert_allclose(x, np.linalg.tensorsolve(a, b, axes=(1,)), rtol=1e-12)
    ct_b = np.linalg.solve(np.moveaxis(a, 1, 2).reshape(6, 6).T, np.ones(6))
    expected = np.moveaxis(-np.outer(ct_b, x).reshape(3, 2, 6), 2, 1)
    np.testing.assert_allclose(pullback(np.ones(6))[0], expected, rtol=1e-9)


# ---- determinants


def levi_civita(n):
    signs = np.zeros((n,) * n)
    for order in itertools.permutations(range(n)):
        signs[order] = round(np.linalg.det(np.eye(n)[list(order)]))
    return signs


E3 = levi_civita(3)
few = hnp.arrays(float, (3, 3), elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0]))


@given(few)
def test_the_derivative_of_a_determinant_is_the_cofactors_also_of_a_singular_matrix(a):
    cofactors = np.einsum("ikm,jln,kl,mn->ij", E3, E3, a, a) / 2
    np.testing.assert_allclose(tg.grad(np.linalg.det)(a), cofactors, rtol=1e-9, atol=1e-9)


@given(few)
def test_the_second_derivative_of_a_determinant_is_right_for_every_rank(a):
    np.testing.assert_allclose(tg.hessian(np.linalg.det)(a), np.einsum("ikm,jln,mn->ijkl", E3, E3, a), atol=1e-8)


@pytest.mark.parametrize("a", [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 2.0, 0.0]), np.diag([1.0, 2.0, 3.0])])
def test_the_third_derivative_of_a_determinant_is_the_sign_of_permutations_for_every_rank(a):
    x, y, z = np.random.default_rng(0).normal(size=(3, 3, 3))

    def along(f, direction):
        return lambda a: np.sum(tg.grad(f)(a) * direction)

    third = along(along(along(np.linalg.det, x), y), z)(a)
    np.testing.assert_allclose(third, np.einsum("ikm,jln,ij,kl,mn", E3, E3, x, y, z), rtol=1e-9)


def test_a_stack_may_hold_regular_and_singular_matrices_real_or_complex():
    a = np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [5.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]]])
    for factor in (1, 1 + 2j):
        g = np.array([1.0, 2.0, 3.0])
        found = tg.vjp(np.linalg.det, factor * a)[1](g if factor == 1 else g + 0j)[0]
        cofactors = factor * np.stack([a[:, 1, 1], -a[:, 1, 0], -a[:, 0, 1], a[:, 0, 0]], axis=-1).reshape(a.shape)
        np.testing.assert_allclose(found, g[:, None, None] * cofactors, rtol=1e-12, atol=1e-12)


def test_the_cofactors_of_a_nearly_singular_matrix_are_accurate():
    """Nearly singular matrices: the determinant times the inverse keeps only a few digits."""
    rng = np.random.default_rng(0)
    a = rng.integers(-4, 5, (6, 6)).astype(float)
    a[-1] = a[0] + a[1]
    a[0, 0] += 2.0**-44
    minors = [[np.delete(np.delete(a, i, 0), j, 1) for j in range(6)] for i in range(6)]
    cofactors = [
        [(-1) ** (i + j) * np.linalg.det(minor) for j, minor in enumerate(row)] for i, row in enumerate(minors)
    ]
    np.testing.assert_allclose(tg.grad(np.linalg.det)(a), cofactors, rtol=1e-10, atol=1e-9 * np.abs(cofactors).max())


@given(seeds, kinds)
def test_the_logarithm_of_a_determinant_has_the_transposed_inverse_for_a_derivative(seed, kind):
    rng = np.random.default_rng(seed)
    a = draw(rng, kind, 3, 3) + 5 * np.eye(3)
    ct = tg.vjp(lambda a: np.linalg.slogdet(a)[1], a)[1](np.array(1.0))[0]
    np.testing.assert_allclose(ct, np.linalg.inv(a).T, rtol=1e-9, atol=1e-12)


def test_sign_and_logarithm_together_are_the_determinant():
    rng = np.random.default_rng(0)
    for kind in (float, complex):
        a = draw(rng, kind, 2, 3, 3)

        def by_logarithm(a):
            sign, log = np.linalg.slogdet(a)
            return sign * np.exp(log)

        g = draw(rng, kind, 2)
        expected = tg.vjp(np.linalg.det, a)[1](g)[0]
        np.testing.assert_allclose(tg.vjp(by_logarithm, a)[1](g)[0], expected, rtol=1e-9)


def test_the_sign_of_a_real_determinant_is_constant():
    a = tg.parameter(np.diag([2.0, -3.0]))
    assert not tg.gradients(np.linalg.slogdet(a).sign, a).any()


# ---- shapes


@pytest.mark.parametrize("shape", [(0, 0), (0, 2, 2), (2, 0, 0)])
@pytest.mark.parametrize("f", [np.linalg.inv, np.linalg.pinv, np.linalg.det, lambda a: np.linalg.slogdet(a)[1]])
def test_matrices_of_no_numbers_have_gradients_of_no_numbers(f, shape):
    a = tg.parameter(np.zeros(shape))
    assert tg.gradients(np.sum(f(a)), a).shape == shape


def test_tensors_that_are_no_square_matrix_in_disguise_are_an_error_with_shapes():
    a = tg.parameter(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"got shape \(2, 3, 4\) and ind=2"):
        np.linalg.tensorinv(a)
    with pytest.raises(np.linalg.LinAlgError, match=r"got a of shape \(2, 3, 4\) and b of shape \(2,\)"):
        np.linalg.tensorsolve(a, np.ones(2))


@pytest.mark.parametrize(
    "f", [lambda a: np.linalg.pinv(a, rcond=0.4), lambda a: np.linalg.lstsq(a, np.ones(3), 0.4)[0]]
)
def test_singular_values_that_are_cut_off_though_they_are_not_zero_are_refused(f):
    with pytest.raises(np.linalg.LinAlgError, match="cuts off singular values that are not zero"):
        tg.grad(lambda a: np.sum(f(a)))(np.diag([3.0, 2.0, 1.0]))
