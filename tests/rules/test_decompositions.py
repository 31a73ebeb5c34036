"""Factors of matrices: multiplied together again they give the matrix, so their derivatives give the identity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg

linalg = np.linalg
seeds = st.integers(0, 2**32 - 1)


def ct_transposed(x):
    return np.conj(x.mT)


def hermitian(x):
    return (x + ct_transposed(x)) / 2


def read(g, upper=False):
    """The cotangent of the triangle that is read, the real part of its diagonal, given that of the matrix."""
    both = g + ct_transposed(g)
    part = np.triu(both, 1) if upper else np.tril(both, -1)
    return part + np.real(g) * np.eye(g.shape[-1])


def of_eigh(a, uplo="L"):
    w, v = linalg.eigh(a, uplo)
    return v * w[..., None, :] @ ct_transposed(v)


def of_eig(a):
    w, v = linalg.eig(a)
    return v * w[..., None, :] @ linalg.inv(v)


def of_svd(a, **keywords):
    u, s, vh = linalg.svd(a, **keywords)
    k = s.shape[-1]
    return u[..., :k] * s[..., None, :] @ vh[..., :k, :]


def of_qr(a, **keywords):
    q, r = linalg.qr(a, **keywords)
    return q @ r


def of_cholesky(a, upper=False):
    factor = linalg.cholesky(a, upper=upper)
    return ct_transposed(factor) @ factor if upper else factor @ ct_transposed(factor)


ANY_SHAPE = {
    "svd": of_svd,
    "svd, reduced": lambda a: of_svd(a, full_matrices=False),
    "qr": of_qr,
    "qr, complete": lambda a: of_qr(a, mode="complete"),
}
HERMITIAN = {
    "eigh": of_eigh,
    "eigh, U": lambda a: of_eigh(a, "U"),
    "svd, hermitian": lambda a: of_svd(a, hermitian=True),
    "cholesky": of_cholesky,
    "cholesky, upper": lambda a: of_cholesky(a, upper=True),
}


def matrices(data, square=False):
    rng = np.random.default_rng(data.draw(seeds))
    m = data.draw(st.integers(1, 4))
    n = m if square else data.draw(st.integers(1, 4))
    stack = data.draw(st.sampled_from([(), (2,), (1, 2)]))
    draws = rng.normal(size=(2, *stack, m, n))
    return draws + 1j * rng.normal(size=draws.shape) if data.draw(st.booleans()) else draws


@pytest.mark.parametrize("product", ANY_SHAPE.values(), ids=ANY_SHAPE)
@given(st.data())
def test_factors_multiplied_again_have_the_identity_for_a_derivative(product, data):
    a, g = matrices(data)
    m, n = a.shape[-2:]
    a = a / 4 + np.eye(m, n) * np.arange(2, n + 2)
    value, pullback = tg.vjp(product, a)
    np.testing.assert_allclose(value, a, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(pullback(g)[0], g, rtol=1e-7, atol=1e-7)


@pytest.mark.few_values
@pytest.mark.parametrize("name", HERMITIAN)
@given(st.data())
def test_factors_of_a_hermitian_matrix_multiplied_again_have_the_derivative_of_reading_a_triangle(name, data):
    """Also where the other triangle is another, and the diagonal is not real: LAPACK reads neither."""
    product, upper = HERMITIAN[name], "U" in name or "upper" in name
    a, g = matrices(data, square=True)
    whole = hermitian(a) / 4 + np.diag(np.arange(2.0, a.shape[-1] + 2))
    unread = np.tril(a, -1) if upper else np.triu(a, 1)
    a = whole + unread + (1j * np.eye(a.shape[-1]) if np.iscomplexobj(a) else 0)
    value, pullback = tg.vjp(product, a)
    np.testing.assert_allclose(value, whole, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(pullback(g)[0], read(g, upper), rtol=1e-7, atol=1e-7)


@given(st.data())
def test_eigenvectors_undo_themselves_also_where_they_are_complex(data):
    a, g = matrices(data, square=True)
    a = a / 4 + np.diag(np.arange(2.0, a.shape[-1] + 2))
    value, pullback = tg.vjp(of_eig, a)
    g = g if np.iscomplexobj(value) else g.real
    np.testing.assert_allclose(pullback(g + 0 * value)[0], g if np.iscomplexobj(a) else g.real, rtol=1e-6, atol=1e-6)


def test_the_phases_of_complex_vectors_are_those_of_numpy():
    """No function of these alone depends on the matrix: NumPy makes the component real, wherever the matrix moves."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    g = np.ones(3)
    real_components = [
        lambda a: np.imag(linalg.eigh(a + ct_transposed(a))[1][0]),
        lambda a: np.imag(linalg.eigh(a + ct_transposed(a), "U")[1][-1]),
        lambda a: np.imag(np.take_along_axis(v := linalg.eig(a)[1], np.argmax(np.abs(v), 0, keepdims=True), 0)[0]),
        lambda a: np.imag(linalg.svd(a)[2][:, 0]),
        lambda a: np.imag(linalg.svd(a[:, :2], full_matrices=False)[2][:, 0]).sum() * np.ones(3),
    ]
    for f in real_components:
        value, pullback = tg.vjp(f, a)
        np.testing.assert_allclose(value, 0, atol=1e-14)
        np.testing.assert_allclose(pullback(g)[0], 0, atol=1e-13)


# ---- values that coincide


@pytest.mark.parametrize("a", [np.eye(3), np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 2.0, 1.0])])
def test_symmetric_functions_of_eigenvalues_are_right_where_these_coincide(a):
    """The gradient of the trace of f(A) is f'(A)."""
    for values, upper in ((linalg.eigvalsh, False), (lambda a: linalg.eigh(a, "U").eigenvalues, True)):
        gradient = tg.grad(lambda a, values=values: np.sum(values(a) ** 3))(a)
        np.testing.assert_allclose(gradient, read(3 * a @ a, upper), rtol=1e-12, atol=1e-12)
    if np.array_equal(a, np.diag(np.diag(a))):  # of a diagonalizable matrix in a basis that is well conditioned
        np.testing.assert_allclose(tg.grad(lambda a: np.real(np.sum(linalg.eigvals(a) ** 3)))(a), 3 * a @ a, atol=1e-12)


def test_the_space_of_coinciding_eigenvalues_moves_as_their_projector():
    """First-order perturbation theory: P moves by the terms that go out of the space, over the gap."""
    q, _ = linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    a, g = hermitian(q * [1.0, 1.0, 3.0] @ q.T), hermitian(np.random.default_rng(1).normal(size=(3, 3)))

    def projector(a):
        v = linalg.eigh(a).eigenvectors[:, :2]
        return v @ v.T

    space, other = np.diag([1.0, 1.0, 0.0]), np.diag([0.0, 0.0, 1.0])
    inner = q.T @ g @ q
    expected = q @ (space @ inner @ other + other @ inner @ space) @ q.T / (1 - 3)
    np.testing.assert_allclose(tg.vjp(projector, a)[1](g)[0], read(expected), rtol=1e-9, atol=1e-12)


def test_the_space_of_missing_singular_vectors_moves_as_its_projector():
    a, g = np.random.default_rng(0).normal(size=(2, 4, 2))

    def by_factors(a):
        u = linalg.svd(a)[0][:, 2:]
        return u @ u.T

    def by_formula(a):
        return np.eye(4) - a @ linalg.solve(a.T @ a, a.T)

    g = np.random.default_rng(1).normal(size=(4, 4))
    found, expected = (tg.vjp(f, a)[1](g)[0] for f in (by_factors, by_formula))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    curved = [tg.vjp(lambda a, f=f: tg.vjp(f, a)[1](g)[0], a)[1](np.ones((4, 2)))[0] for f in (by_factors, by_formula)]
    np.testing.assert_allclose(*curved, rtol=1e-8, atol=1e-10)


@pytest.mark.few_values
@pytest.mark.parametrize(
    ("f", "a"),
    [
        (of_eigh, np.eye(2)),
        (of_eigh, np.zeros((2, 2))),
        (of_eigh, np.ones((3, 3))),
        (of_eig, np.eye(2)),
        (of_svd, np.eye(2)),
        (of_svd, np.ones((3, 3))),
        (of_svd, np.outer([1.0, 2.0, 3.0], [1.0, 1.0])),
        (lambda a: of_svd(a + 0j).real, np.diag([1.0, 0.0])),
    ],
)
def test_what_depends_on_coinciding_values_and_their_vectors_is_refused_with_the_way_out(f, a):
    weights = np.reshape(np.sin(np.arange(1.0, a.size + 1)), a.shape)  # that no symmetry of vectors makes vanish
    with pytest.raises(linalg.LinAlgError, match=r"is unknown where values coincide, or vanish\. Set them apart"):
        tg.grad(lambda a: np.real(np.sum(weights * f(a))))(a)
    with pytest.raises(linalg.LinAlgError, match=r"is unknown where values coincide, or vanish"):
        tg.jvp(f, (a,), (np.ones_like(a),))


def test_the_leading_components_of_data_of_low_rank_have_a_gradient():
    """Of what coincides, the zeros, nothing was used."""
    x = np.array([[1.0, 2.0, 3.0, 5.0]])
    expected = tg.grad(lambda x: np.sum(x.T @ x * np.arange(16.0).reshape(4, 4)))(x)

    def leading(x):
        w, v = linalg.eigh(x.T @ x)
        return np.sum(w[-1] * v[:, -1:] @ v[:, -1:].T * np.arange(16.0).reshape(4, 4))

    np.testing.assert_allclose(tg.grad(leading)(x), expected, rtol=1e-9)


def test_one_singular_value_of_zero_with_its_vectors_is_no_trouble_for_a_square_matrix():
    np.testing.assert_allclose(tg.grad(lambda a: np.sum(of_svd(a)))(np.diag([1.0, 0.0])), np.ones((2, 2)), rtol=1e-12)


def test_singular_values_of_zero_have_no_slope():
    assert not tg.grad(lambda a: np.sum(linalg.svdvals(a)))(np.zeros((3, 2))).any()
    assert tg.grad(lambda a: np.sum(linalg.svdvals(a)))(np.diag([2.0, 0.0])).tolist() == [[1.0, 0.0], [0.0, 0.0]]


# ---- shapes, types, errors


@pytest.mark.parametrize("shape", [(0, 0), (0, 2, 2), (2, 0, 0), (0, 2), (2, 0)])
@pytest.mark.parametrize("f", [linalg.svd, linalg.qr, linalg.eigh, linalg.eig, linalg.cholesky])
def test_matrices_of_no_numbers_have_gradients_of_no_numbers(f, shape):
    if shape[-1] != shape[-2] and f not in (linalg.svd, linalg.qr):
        return
    a = tg.parameter(np.zeros(shape))
    outputs = f(a)
    total = sum(np.sum(np.real(y)) for y in (outputs if isinstance(outputs, tuple) else [outputs]))
    assert tg.gradients(total, a).shape == shape


def test_results_have_the_names_that_numpy_gives_them():
    a = tg.parameter(np.diag([1.0, 2.0]))
    assert linalg.eigh(a)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.eig(a)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.svd(a)._fields == ("U", "S", "Vh")
    assert linalg.qr(a)._fields == ("Q", "R")


@pytest.mark.parametrize("a", [np.ones((2, 2)), np.ones((3, 2)), np.outer([1.0, 2.0, 3.0], [0.1, 0.7, 0.3])])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_factors_of_dependent_columns_have_no_derivative(a, dtype):
    """What is left of the diagonal of R is rounding, or 0 on another machine."""
    for f in (lambda a: np.sum(linalg.qr(a)[1] ** 2), lambda a: np.sum(linalg.qr(a, mode="r"))):
        with pytest.raises(linalg.LinAlgError, match="first columns of the matrix are dependent"):
            tg.grad(f)(a.astype(dtype))


def test_a_mode_of_qr_that_gives_no_factors_is_refused():
    h, _ = linalg.qr(tg.parameter(np.eye(2)), mode="raw")
    with pytest.raises(TypeError, match=r"mode='raw': write \"reduced\", \"complete\" or \"r\""):
        tg.backward(np.sum(h))
