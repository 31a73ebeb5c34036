"""Whole matrices of derivatives: their shapes and structure, closed forms, complex numbers, what is refused."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.functional import jacobians

W = np.random.default_rng(0).normal(size=(4, 3))
X = np.array([0.5, -1.0, 2.0])
SLOPE = 1 - np.tanh(W @ X) ** 2


def layer(x):
    return np.tanh(W @ x)


def test_the_jacobian_of_a_layer_is_the_slopes_times_the_weights():
    np.testing.assert_allclose(tg.jacobian(layer)(X), SLOPE[:, np.newaxis] * W, rtol=1e-14)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("value", [(), (2,), (2, 2), (0,)])
def test_a_jacobian_has_the_shape_of_the_value_and_then_that_of_the_argument(shape, value):
    x = np.ones(shape)
    J = tg.jacobian(lambda x: np.broadcast_to(np.sum(x), value) * 1.0)(x)
    assert J.shape == value + shape
    assert np.all(J == 1)


def test_a_long_value_of_a_short_argument_is_differentiated_in_forward_mode(monkeypatch):
    V = np.random.default_rng(1).normal(size=(40, 3))
    calls = []
    jvp_through = jacobians.jvp_through
    monkeypatch.setattr(jacobians, "jvp_through", lambda *args: calls.append(1) or jvp_through(*args))
    np.testing.assert_allclose(tg.jacobian(lambda x: np.sin(V @ x))(X), np.cos(V @ X)[:, np.newaxis] * V, rtol=1e-12)
    assert calls
    calls.clear()
    tg.jacobian(layer)(X)
    assert not calls


@pytest.mark.parametrize("length", [2, 40])
def test_the_jacobian_of_a_constant_is_zero(length):
    for constant in (np.ones(length), tg.Tensor(np.ones(length))):
        J = tg.jacobian(lambda x, value=constant: value)(X)
        assert (J.shape, J.dtype, np.any(J)) == ((length, 3), np.float64, False)
    assert tg.vmap(tg.jacobian(lambda x: np.ones(length)))(np.ones((5, 3))).shape == (5, length, 3)


def test_rows_are_computed_in_portions_if_they_are_many(monkeypatch):
    whole = tg.jacobian(layer)(X)
    monkeypatch.setattr(jacobians, "BATCH_SIZE", 5)
    np.testing.assert_array_equal(tg.jacobian(layer)(X), whole)


def test_structures_nest_that_of_the_value_outside_that_of_the_argument_inside():
    def f(p, y):
        return {"product": p["a"] * y, "sums": (np.sum(p["a"]), p["b"] ** 2)}

    J = tg.jacobian(f, (0, 1))({"a": X, "b": 3.0}, 2 * X)
    assert np.array_equal(J["product"][0]["a"], np.diag(2 * X))
    assert np.array_equal(J["product"][1], np.diag(X))
    assert np.array_equal(J["product"][0]["b"], np.zeros(3))
    assert J["sums"][1][0]["b"] == 6
    assert J["sums"][0][0]["a"].tolist() == [1, 1, 1]


def test_a_hessian_is_the_matrix_of_a_quadratic_form_and_symmetric():
    A = W.T @ W
    H = tg.hessian(lambda x: x @ A @ x / 2)(X)
    np.testing.assert_allclose(H, A, rtol=1e-12)


def test_a_hessian_of_a_dict_has_a_block_for_each_pair():
    H = tg.hessian(lambda p: np.sum(p["W"] @ p["x"]) ** 2 / 2)({"W": W, "x": X})
    assert {(i, j): block.shape for i, row in H.items() for j, block in row.items()} == {
        ("W", "W"): (4, 3, 4, 3),
        ("W", "x"): (4, 3, 3),
        ("x", "W"): (3, 4, 3),
        ("x", "x"): (3, 3),
    }
    np.testing.assert_allclose(H["x"]["x"], np.outer(W.sum(axis=0), W.sum(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(H["W"]["x"], np.moveaxis(H["x"]["W"], 0, -1), rtol=1e-12)


@pytest.mark.parametrize("x", [0.5, 0.5 - 2j])
def test_a_jacobian_of_many_complex_outputs_by_one_number_is_the_derivative_of_each(x):
    c = np.exp(1j * np.arange(20))
    np.testing.assert_allclose(tg.jacobian(lambda x: c * x**2)(x), 2 * c * x, rtol=1e-12)


def test_a_jacobian_of_many_real_outputs_by_a_complex_number_is_that_of_grad():
    z, a = 0.5 - 2j, np.arange(1.0, 21)
    np.testing.assert_allclose(tg.jacobian(lambda z: a * np.abs(z) ** 2)(z), 2 * a * np.conj(z), rtol=1e-12)


@pytest.mark.parametrize("outputs", [3, 20])
def test_a_jacobian_inside_of_vmap_is_that_of_each_sample(outputs):
    A, samples = (
        np.arange(2.0 * outputs).reshape(outputs, 2),
        np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0], [0.5, 2.5]]),
    )
    found = tg.vmap(tg.jacobian(lambda x: A @ x**2))(samples)
    np.testing.assert_allclose(found, [2 * A * x for x in samples], rtol=1e-12)


def test_a_hessian_is_by_the_argument_that_is_asked_for():
    x, y = 2.0, 3.0
    assert tg.hessian(lambda x, y: x**2 * y**3, 1)(x, y) == 6 * x**2 * y
    (xx, xy), (yx, yy) = tg.hessian(lambda x, y: x**2 * y**3, (0, 1))(x, y)
    assert (xx, xy, yx, yy) == (2 * y**3, 6 * x * y**2, 6 * x * y**2, 6 * x**2 * y)


def test_a_hessian_times_a_vector_is_what_hvp_gives():
    def f(p):
        return np.sum(np.exp(p["a"] * p["b"]))

    p, t = {"a": X, "b": 0.5}, {"a": np.array([1.0, 0.0, -2.0]), "b": 3.0}
    [product] = tg.hvp(f, (p,), (t,))
    H = tg.hessian(f)(p)
    for i, found in product.items():
        np.testing.assert_allclose(found, sum(np.tensordot(H[i][j], t[j], np.ndim(t[j])) for j in t), rtol=1e-12)


def test_hvp_takes_several_primals_and_is_nested_like_all():
    def f(x, y):
        return np.sum(x**2 * y)

    dx, dy = tg.hvp(f, (X, 2 * X), (X, None))
    np.testing.assert_allclose(dx, 2 * (2 * X) * X)
    np.testing.assert_allclose(dy, 2 * X * X)
    third = tg.grad(lambda x: np.sum(tg.hvp(lambda x: np.sum(x**4), (x,), (np.ones(3),))[0]))(X)
    np.testing.assert_allclose(third, 24 * X)


def test_jacobians_nest_to_a_tensor_of_third_derivatives():
    third = tg.jacobian(tg.jacobian(tg.jacobian(lambda x: np.sum(x**4))))(X)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 24 * X
    np.testing.assert_allclose(third, expected, rtol=1e-12, atol=1e-12)
    assert tg.grad(lambda x: np.sum(tg.jacobian(np.sin)(x) ** 2))(0.3) == pytest.approx(-np.sin(0.6))


def test_a_jacobian_never_confuses_its_variable_with_an_outer_one():
    assert tg.grad(lambda x: x * tg.jacobian(lambda y: x * y)(x))(3.0) == 6
    assert tg.jacobian(lambda x: x * tg.jacobian(lambda y: x * y * y)(x))(3.0) == 54


def test_kinds_and_dtypes_are_those_of_the_argument():
    assert type(tg.jacobian(layer)(tg.Tensor(X))) is tg.Tensor
    assert not tg.jacobian(layer)(tg.Tensor(X)).requires_grad
    assert tg.jacobian(layer)(tg.parameter(X)).requires_grad
    assert type(tg.jacobian(layer)(X)) is np.ndarray
    assert tg.jacobian(np.tanh)(X.astype(np.float32)).dtype == np.float32
    assert tg.hessian(lambda x: np.sum(x**3))(X.astype(np.float32)).dtype == np.float32


# ---- complex numbers


def test_a_holomorphic_function_has_the_jacobian_of_its_derivative():
    z = X + 1j * X[::-1]
    np.testing.assert_allclose(tg.jacobian(lambda z: np.exp(W @ z))(z), np.exp(W @ z)[:, np.newaxis] * W, rtol=1e-12)


def test_a_complex_function_of_real_numbers_has_a_complex_jacobian():
    np.testing.assert_allclose(tg.jacobian(lambda x: np.exp(1j * x))(X), np.diag(1j * np.exp(1j * X)), rtol=1e-14)


def test_a_real_function_of_complex_numbers_has_the_gradients_of_grad_as_rows():
    z = X + 1j * X[::-1]
    J = tg.jacobian(lambda z: np.stack([np.sum(np.abs(z) ** 2), np.sum(np.real(z))]))(z)
    np.testing.assert_allclose(J, [2 * np.conj(z), np.ones(3)], rtol=1e-14)


def test_a_complex_function_that_is_not_holomorphic_is_refused():
    for f in (np.conj, lambda z: z * np.abs(z)):
        with pytest.raises(ValueError, match=r"not holomorphic here.*the Jacobians of np.real\(f\) and np.imag\(f\)"):
            tg.jacobian(f)(X + 1j)
    with pytest.raises(ValueError, match=r"f, which for tg.hessian is the gradient, is complex and not holomorphic"):
        tg.hessian(lambda z: np.sum(np.abs(z) ** 2))(X + 1j)


# ---- derivatives of each element


@pytest.mark.parametrize("f", [np.tanh, np.exp, lambda x: x**3 + np.where(x > 0, x, 0.1 * x)])
def test_an_elementwise_derivative_is_the_diagonal_of_the_jacobian(f):
    x = np.linspace(-2, 2, 6).reshape(2, 3)
    J = tg.jacobian(f)(x).reshape(6, 6)
    np.testing.assert_allclose(tg.elementwise_grad(f)(x), np.diag(J).reshape(2, 3), rtol=1e-14)


def test_elementwise_derivatives_nest_and_take_other_arguments():
    np.testing.assert_allclose(tg.elementwise_grad(tg.elementwise_grad(np.sin))(X), -np.sin(X), rtol=1e-15)
    assert np.array_equal(tg.elementwise_grad(lambda x, y: x * y, argnum=1)(X, np.ones(3)), X)
    assert type(tg.elementwise_grad(np.sin)(0.5)) is np.float64
    assert np.array_equal(tg.elementwise_grad(np.floor)(X), np.zeros(3))
    assert tg.elementwise_grad(np.tanh)(X.astype(np.float16)).dtype == np.float16


@pytest.mark.parametrize(
    "f", [lambda x: np.exp(x) / np.sum(np.exp(x)), np.cumsum, lambda x: x[::-1], lambda x: W[:3] @ x]
)
def test_a_function_that_mixes_elements_is_refused(f):
    with pytest.raises(ValueError, match=r"f mixes elements.*tg\.jacobian"):
        tg.elementwise_grad(f)(X)


def test_a_function_that_changes_the_shape_is_refused():
    with pytest.raises(ValueError, match=r"the shape of x, \(3,\), got \(\): broadcast x first"):
        tg.elementwise_grad(np.sum)(X)
    with pytest.raises(ValueError, match=r"\(3, 1\), got \(3, 3\)"):
        tg.elementwise_grad(lambda x: x * X)(X[:, np.newaxis])
    with pytest.raises(ValueError, match="one array that returns one"):
        tg.elementwise_grad(lambda x: (x, x))(X)


@pytest.mark.parametrize("derivative", [tg.jacobian, tg.elementwise_grad, tg.hessian])
def test_arguments_are_checked(derivative):
    with pytest.raises(TypeError, match="no positional argument 1: the function was given 1"):
        derivative(np.sin, 1)(1.0)
    with pytest.raises(TypeError, match="expected floats, got int64"):
        derivative(np.sum)(np.array([1, 2]))
