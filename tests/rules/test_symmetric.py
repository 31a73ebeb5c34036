"""Symmetric functions of eigenvalues and singular values that coincide have second derivatives."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.test_coinciding import LinAlgError, assert_equal_twice, linalg

Q = linalg.qr(np.vander([1.0, 2.0, 4.0]))[0]


SQUARE = {
    "identity": np.eye(3),
    "zero": np.zeros((2, 2)),
    "two of three": np.diag([1.0, 1.0, 2.0]),
    "two of three, turned": Q * [1.0, 1.0, 3.0] @ Q.T,
    "nearly": Q * [1.0, 1.0 + 1e-9, 3.0] @ Q.T,
    "hardly": Q * [1.0, 1.0 + 3e-6, 3.0] @ Q.T,
    "rank 1": np.ones((3, 3)),
    "opposite": np.diag([1.0, -1.0, 2.0]),
    "a stack": np.stack([np.eye(2), np.diag([1.0, 3.0]), np.zeros((2, 2))]),
}


FLAT = {
    "tall": np.eye(3, 2),
    "wide": np.eye(2, 3),
    "tall, zero": np.zeros((3, 2)),
    "tall, rank 1": np.outer([1.0, 2.0, 3.0], [1.0, 1.0]),
    "wide, rank 1": np.outer([1.0, -1.0], [1.0, 2.0, 3.0]),
}


SINGULAR = {
    "svdvals": linalg.svdvals,
    "svd without vectors": lambda x: linalg.svd(x, compute_uv=False),
    "svd": lambda x: linalg.svd(x)[1],
    "svd, reduced": lambda x: linalg.svd(x, full_matrices=False).S,
}


LOWER = {
    "eigvalsh": linalg.eigvalsh,
    "eigh": lambda x: linalg.eigh(x).eigenvalues,
    "svd, hermitian": lambda x: linalg.svd(x, hermitian=True)[1],
    "svd without vectors, hermitian": lambda x: linalg.svd(x, compute_uv=False, hermitian=True),
}


EVEN = {  # functions of singular values, and the same of the matrix
    "squares": (lambda s: np.sum(s**2), lambda x: np.sum(x * x)),
    "fourth powers": (lambda s: np.sum(s**4), lambda x: np.sum((x.mT @ x) * (x.mT @ x))),
    "square of squares": (lambda s: np.sum(s**2) ** 2, lambda x: np.sum(x * x) ** 2),
    "bell": (lambda s: np.exp(-np.sum(s**2)), lambda x: np.exp(-np.sum(x * x))),
}


def lower(x):
    part = np.tril(x, -1)
    return part + part.mT + x * np.eye(x.shape[-1])


@pytest.mark.few_values
@pytest.mark.parametrize("x", [*SQUARE.values(), *FLAT.values()], ids=[*SQUARE, *FLAT])
@pytest.mark.parametrize("values", SINGULAR.values(), ids=SINGULAR)
def test_even_symmetric_functions_of_singular_values_are_right_twice(values, x):
    for of_values, of_matrix in EVEN.values():
        assert_equal_twice(lambda x, f=of_values: f(values(x)), of_matrix, x)


@pytest.mark.few_values
@pytest.mark.parametrize("x", SQUARE.values(), ids=SQUARE)
@pytest.mark.parametrize("values", LOWER.values(), ids=LOWER)
def test_symmetric_functions_of_eigenvalues_are_right_twice_by_the_triangle_that_is_read(values, x):
    for of_values, of_matrix in EVEN.values():
        assert_equal_twice(lambda x, f=of_values: f(values(x)), lambda x, f=of_matrix: f(lower(x)), x)


@pytest.mark.few_values
@pytest.mark.parametrize("x", SQUARE.values(), ids=SQUARE)
def test_odd_functions_of_eigenvalues_are_right_twice_also_of_matrices_of_any_kind(x):
    def cube(x):
        return np.sum((x @ x) * x.mT)

    assert_equal_twice(lambda x: np.sum(linalg.eigvalsh(x) ** 3), lambda x: cube(lower(x)), x)
    if not np.array_equal(x, SQUARE["rank 1"]):  # whose computed eigenvectors may depend on one another
        assert_equal_twice(lambda x: np.real(np.sum(linalg.eigvals(x) ** 3)), cube, x, rtol=1e-6)
    assert_equal_twice(
        lambda x: np.sum(np.prod(linalg.eigvalsh(x), axis=-1)), lambda x: np.sum(linalg.det(lower(x))), x, rtol=1e-6
    )


MODULI = [
    lambda w: np.sum(np.abs(w) ** 2),
    lambda w: np.sum(np.real(w) ** 2),
    lambda w: np.sum(np.real(w * np.conj(w))),
    lambda w: np.prod(np.abs(w)),
]


@pytest.mark.parametrize("f", MODULI)
@pytest.mark.parametrize("x", [np.eye(2), np.diag([1.0, 1.0, 2.0]), np.stack([np.eye(2), np.diag([1.0, 2.0])])])
def test_a_function_of_the_moduli_or_real_parts_of_eigenvalues_that_coincide_has_no_second_derivative(f, x):
    """Close by they are conjugate pairs, w = a ± ib, in some directions and real in others: |w|**2 is no polynomial."""
    with pytest.raises(LinAlgError, match="has a kink there"):
        tg.hessian(lambda x: f(linalg.eigvals(x)))(x)


def test_moduli_of_eigenvalues_that_are_apart_have_second_derivatives():
    x = np.array([[1.0, 0.5], [0.0, 3.0]])
    hessian = tg.hessian(lambda x: np.sum(np.abs(linalg.eigvals(x)) ** 2))(x)
    np.testing.assert_allclose(hessian, tg.hessian(lambda x: np.trace(x @ x))(x), rtol=1e-10, atol=1e-10)


def test_a_hermitian_matrix_of_complex_numbers_is_right_twice():
    """tr A³ of A = V w Vᴴ; the imaginary part of the diagonal is not read."""
    z = np.array([[1 + 2j, 9.0], [0.0, 1 - 1j]])
    t = np.array([[1 + 2j, 9.0], [3 + 1j, 4.0]])

    def by_formula(z):
        part = np.tril(z, -1)
        h = part + np.conj(part.mT) + np.real(z) * np.eye(2)
        return np.real(np.sum((h @ h) * h.mT))

    def f(z):
        return np.sum(linalg.eigvalsh(z) ** 3)

    for derivative in (lambda f: tg.grad(f)(z), lambda f: tg.hvp(f, (z,), (t,))[0]):
        np.testing.assert_allclose(derivative(f), derivative(by_formula), rtol=1e-12, atol=1e-12)
    found = tg.hvp(lambda z: np.sum(linalg.svdvals(z) ** 2), (np.eye(2) + 0j,), (t,))[0]
    np.testing.assert_allclose(found, 2 * np.conj(t), rtol=1e-12, atol=1e-12)


def test_the_logarithms_of_singular_values_add_up_to_that_of_the_determinant_twice():
    x = np.diag([2.0, 2.0, -2.0])
    assert_equal_twice(lambda x: np.sum(np.log(linalg.svdvals(x))), lambda x: linalg.slogdet(x)[1], x)


def test_what_else_a_function_depends_on_keeps_its_own_derivatives():
    hessian = tg.hessian(lambda x: np.sum(linalg.eigvalsh(x) ** 2) * x[0, 0] ** 2)(np.eye(2))
    expected = tg.hessian(lambda x: np.sum(lower(x) ** 2) * x[0, 0] ** 2)(np.eye(2))
    np.testing.assert_allclose(hessian, expected, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(linalg.eigvalsh(x) * linalg.eigvalsh((x + x.T) / 2)),
        lambda x: np.sum(linalg.eigvalsh(x) * linalg.eigvalsh(3 * x)),
        lambda x: np.sum(linalg.svdvals(x) * linalg.eigvalsh(x)),
        lambda x: np.sum(linalg.eigvalsh(x) * np.diagonal(x)),
    ],
)
def test_what_is_symmetric_only_together_with_other_things_is_refused_twice(f):
    """These pair one value each with one of the others, and which it is depends on the basis."""
    with pytest.raises(LinAlgError, match="symmetric in them, whatever else it depends on"):
        tg.hessian(f)(np.eye(2))


def test_what_is_symmetric_in_the_values_of_each_of_two_matrices_is_right_twice():
    assert_equal_twice(
        lambda x: np.sum(linalg.svdvals(x) ** 2) * np.sum(linalg.svdvals(3 * x) ** 2) * np.sum(x**3),
        lambda x: 9 * np.sum(x**2) ** 2 * np.sum(x**3),
        np.eye(2),
    )
