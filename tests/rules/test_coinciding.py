"""Eigenvalues and singular values that coincide, nearly coincide, or vanish: against closed forms without them."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_dl as tg

linalg = np.linalg
LinAlgError = linalg.LinAlgError
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


def assert_equal_twice(f, by_formula, x, rtol=1e-8):
    """Equal in value, gradient and Hessian, by reverse mode, forward mode, and for many at once."""
    scale = 1 + np.max(np.abs(x))
    t = np.reshape(np.sin(np.arange(1.0, x.size + 1)), x.shape)
    for derivative in (
        lambda f: f(x),
        lambda f: tg.grad(f)(x),
        lambda f: tg.jvp(f, (x,), (t,))[1],
        lambda f: tg.hessian(f)(x),
        lambda f: tg.hvp(f, (x,), (t,))[0],
        lambda f: tg.jvp(tg.grad(f), (x,), (t,))[1],
        lambda f: tg.vmap(lambda x: tg.hvp(f, (x,), (t,))[0])(np.stack([x, 2 * x])),
    ):
        np.testing.assert_allclose(derivative(f), derivative(by_formula), rtol=rtol, atol=rtol * scale**3)


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


# ---- no derivative


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (lambda x: linalg.norm(x, 2), np.eye(2), np.eye(2) / 2),
        (lambda x: linalg.norm(x, -2), np.eye(3), np.eye(3) / 3),
        (lambda x: linalg.cond(x), np.eye(2), np.zeros((2, 2))),
        (lambda x: linalg.norm(x, "nuc"), np.diag([2.0, 0.0]), np.diag([1.0, 0.0])),
        (lambda x: linalg.norm(x, "nuc") ** 2, np.zeros((2, 2)), np.zeros((2, 2))),
        (lambda x: linalg.eigvalsh(x)[-1], np.diag([1.0, 3.0, 3.0]), np.diag([0.0, 0.5, 0.5])),
        (lambda x: linalg.svdvals(x)[0], np.zeros((3, 2)), np.zeros((3, 2))),
    ],
)
def test_a_kink_has_the_mean_over_all_bases_for_a_gradient_and_no_second_derivative(f, x, gradient):
    np.testing.assert_allclose(tg.grad(f)(x), gradient, atol=1e-12)
    with pytest.raises(LinAlgError, match=r"this one has a kink there\. Set the values apart"):
        tg.hessian(f)(x)


def test_third_derivatives_are_refused():
    with pytest.raises(LinAlgError, match=r"third derivatives .* are unknown"):
        tg.jacobian(tg.hessian(lambda x: np.sum(linalg.svdvals(x) ** 4)))(np.eye(2))


@pytest.mark.parametrize("f", [lambda x: linalg.eigh(x)[1][:, 0], lambda x: linalg.svd(x)[0][:, 0]])
def test_what_depends_on_the_basis_of_a_space_is_refused(f):
    weights = np.array([1.0, 2.0])
    with pytest.raises(LinAlgError, match=r"only a function of the space, such as V @ V\.T, has a derivative"):
        tg.grad(lambda x: np.sum(f(x) * weights))(np.eye(2))


def test_singular_vectors_alone_give_the_polar_factor():
    """The one of I + dx is I + (dx - dxᵀ) / 2."""
    weights = np.array([[1.0, 2.0], [5.0, 3.0]])

    def f(x):
        u, _, vh = linalg.svd(x)
        return np.sum(weights * (u @ vh))

    np.testing.assert_allclose(tg.grad(f)(np.eye(2)), (weights - weights.T) / 2, atol=1e-12)


# ---- separate calls


@pytest.mark.parametrize(
    "values", [linalg.svdvals, lambda x: linalg.svd(x, compute_uv=False), lambda x: linalg.svd(x, False)[1]]
)
@pytest.mark.parametrize("values_first", [True, False])
def test_singular_values_and_vectors_from_separate_calls_are_known_to_belong_together(values, values_first):
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])

    def f(x):
        s = values(x) if values_first else None
        u, _, vh = linalg.svd(x)
        s = values(x) if s is None else s
        return np.sum(weights * (u * s**2 @ vh))

    def together(x):
        u, s, vh = linalg.svd(x)
        return np.sum(weights * (u * s**2 @ vh))

    with pytest.raises(LinAlgError, match="both the values and their vectors is unknown"):
        tg.grad(f)(np.eye(2))
    x = np.array([[2.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(tg.grad(f)(x), tg.grad(together)(x), rtol=1e-9)


def test_eigenvalues_and_eigenvectors_from_separate_calls_are_known_to_belong_together():
    def f(x):
        w, v = linalg.eigvalsh(x), linalg.eigh(x)[1]
        return np.sum(np.array([[1.0, 2.0], [3.0, 4.0]]) * (v * w**2 @ v.T))

    with pytest.raises(LinAlgError, match="both the values and their vectors is unknown"):
        tg.grad(f)(np.eye(2))
    for values in (linalg.eigvalsh, linalg.svdvals, linalg.eigvals):
        twice, once = (
            tg.hessian(lambda x, square=square, values=values: np.real(np.sum(square(x, values))))(np.eye(2))
            for square in (lambda x, values: values(x) * values(x), lambda x, values: values(x) ** 2)
        )
        np.testing.assert_allclose(twice, once, atol=1e-12)


WEIGHTS = np.array([[1.0, 2.0], [3.0, 4.0]])
MIXTURES = {  # V f(w) Vᴴ, of values and vectors of equal matrices that are different Tensors
    "eigenvalues of a matrix computed twice": lambda x: (linalg.eigvalsh(x.T @ x), *linalg.eigh(x.T @ x)[1:] * 2),
    "eigenvalues of a matrix and its symmetric part": lambda x: (
        linalg.eigvalsh(x),
        *linalg.eigh((x + x.T) / 2)[1:] * 2,
    ),
    "singular values of a matrix computed twice": lambda x: (linalg.svdvals(2 * x), *linalg.svd(2 * x)[::2]),
    "eigenvalues, and vectors of a multiple": lambda x: (linalg.eigvalsh(x), *linalg.eigh(-2 * x)[1:] * 2),
    "eigenvalues, and vectors of what is shifted": lambda x: (linalg.eigvalsh(x), *linalg.eigh(x + np.eye(2))[1:] * 2),
    "eigenvalues, and vectors of an inverse": lambda x: (linalg.eigvalsh(x), *linalg.eigh(linalg.inv(x))[1:] * 2),
    "singular values, and vectors of a multiple": lambda x: (
        linalg.svdvals(np.vstack([x, x])),
        *(y[:2] for y in linalg.svd(3 * np.vstack([x, x]), full_matrices=False)[::2]),
    ),
    "eigenvalues and singular vectors": lambda x: (linalg.eigvalsh(x), *linalg.svd(x)[::2]),
}


@pytest.mark.parametrize("factors", MIXTURES.values(), ids=MIXTURES)
def test_values_and_vectors_of_matrices_with_the_same_vectors_are_refused_in_every_mode(factors):
    def f(x):
        w, left, right = factors(x)
        return np.sum(WEIGHTS * (left * w**2 @ right.T))

    x = np.eye(2)
    for derivative in (
        lambda: tg.grad(f)(x),
        lambda: tg.jvp(f, (x,), (WEIGHTS,)),
        lambda: tg.vmap(tg.grad(f))(np.stack([x, x])),
        lambda: f(tg.parameter(x)).backward(keep_graph=False),
    ):
        with pytest.raises(LinAlgError, match=r"where values coincide|vectors of values that coincide"):
            derivative()


def test_values_and_vectors_of_equal_matrices_go_their_own_ways_if_no_loss_takes_both():
    x, y = tg.parameter(np.eye(2)), tg.parameter(np.eye(2))
    v = linalg.eigh((x + x.T) / 2)[1]
    of_values, of_vectors = np.sum(linalg.eigvalsh(x) ** 2), np.sum(WEIGHTS * (v @ v.T))
    of_values.backward()
    of_vectors.backward()
    v = linalg.eigh(y)[1]
    (of_values + np.sum(WEIGHTS * (v @ v.T))).backward()  # of parameters that are equal by chance
    np.testing.assert_allclose(x.grad, 4 * np.eye(2), atol=1e-12)


@pytest.mark.parametrize("values", [linalg.svdvals, linalg.eigvalsh])
def test_products_of_the_values_of_a_matrix_computed_twice_are_right_twice(values):
    assert_equal_twice(
        lambda x: np.sum(values(x.mT @ x) * values(x.mT @ x)), lambda x: np.sum((x.mT @ x) * (x.mT @ x)), np.eye(2)
    )


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


def test_full_and_reduced_vectors_of_values_that_coincide_are_not_mixed():
    def f(x):
        s, u = linalg.svdvals(x), linalg.svd(x)[0]
        return np.sum(s) + np.sum(u)

    with pytest.raises(LinAlgError, match=r"call np\.linalg\.svd once"):
        tg.grad(f)(np.eye(3, 2))
    assert np.all(np.isfinite(tg.grad(f)(np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]))))


def test_a_matrix_is_decomposed_once_and_forgotten_with_its_factors():
    x = tg.parameter(np.diag([1.0, 2.0]))
    w, v = linalg.eigvalsh(x), linalg.eigh(x).eigenvectors
    assert w._parents[0] is v._parents[0]
    node = weakref.ref(w._parents[0])
    x.data = np.diag([3.0, 4.0])
    assert linalg.eigvalsh(x).tolist() == [3.0, 4.0]
    loss = np.sum(linalg.eigvalsh(x))
    loss.backward(keep_graph=False)
    loss = np.sum(linalg.eigvalsh(x) ** 2)
    loss.backward()
    assert x.grad.tolist() == [[7.0, 0.0], [0.0, 9.0]]
    del w, v, loss
    gc.collect()
    assert node() is None


# ---- defective matrices

JORDAN = [np.array([[2.0, 1.0], [0.0, 2.0]]), np.array([[0.0, 0.0], [-1.0, 0.0]]), 3 * np.eye(3) + np.eye(3, k=1)]


@pytest.mark.parametrize("x", JORDAN)
def test_eigenvalues_of_a_defective_matrix_are_refused_with_the_way_out(x):
    turn = linalg.qr(np.vander([1.0, 2.0, 4.0])[:, : len(x)])[0][: len(x)] + np.eye(len(x))
    for a in (x, turn @ x @ linalg.inv(turn)):
        for f in (linalg.eigvals, lambda a: linalg.eig(a)[1]):
            with pytest.raises(LinAlgError, match=r"defective, or nearly: .* np\.trace\(a @ a\)"):
                tg.grad(lambda a, f=f: np.real(np.sum(f(a) ** 2)))(a)


def test_eigenvalues_of_a_matrix_that_is_not_quite_defective_keep_most_of_their_digits():
    a = np.array([[2.0, 1.0], [0.0, 2.0 + 1e-5]])
    np.testing.assert_allclose(tg.grad(lambda a: np.real(np.sum(linalg.eigvals(a) ** 3)))(a), 3 * (a @ a).T, rtol=1e-9)


def test_an_eigenvalue_among_several_that_coincide_is_refused():
    with pytest.raises(LinAlgError, match="only a function that is symmetric in them"):
        tg.grad(lambda a: np.real(linalg.eigvals(a)[0]))(np.eye(2))
