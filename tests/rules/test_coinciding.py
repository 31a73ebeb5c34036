"""Eigenvalues and singular values that coincide, nearly coincide, or vanish: against closed forms without them."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_dl as tg

linalg = np.linalg
LinAlgError = linalg.LinAlgError


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
