"""Pullbacks and directional derivatives of functions of any structure; that they are right is in `rules/`."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import pytree

W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
X = np.array([0.5, -2.0])


def layer(p, x):
    Z = p["W"] @ x
    return {"Z": Z, "parts": (np.tanh(Z), np.sum(x))}


def test_a_pullback_of_unit_cotangents_gives_the_rows_of_the_jacobian():
    value, pullback = tg.vjp(lambda x: W @ x, X)
    assert type(value) is np.ndarray
    assert value.tolist() == (W @ X).tolist()
    rows = [pullback(u)[0] for u in np.eye(3)]  # it can be called again
    assert np.array_equal(rows, W)


def test_tangents_along_the_axes_give_the_columns_of_the_jacobian():
    columns = [tg.jvp(lambda x: W @ x, (X,), (t,))[1] for t in np.eye(2)]
    assert np.array_equal(np.transpose(columns), W)


def test_primals_and_values_may_have_any_structure():
    Z = W @ X
    value, pullback = tg.vjp(layer, {"W": W}, X)
    assert value["Z"].tolist() == Z.tolist()
    assert value["parts"][1] == X.sum()
    dW, dx = pullback({"Z": np.zeros(3), "parts": (np.ones(3), 2.0)})
    slope = 1 - np.tanh(Z) ** 2
    np.testing.assert_allclose(dW["W"], np.outer(slope, X), rtol=1e-14)
    np.testing.assert_allclose(dx, W.T @ slope + 2, rtol=1e-14)
    _, tangent = tg.jvp(layer, ({"W": W}, X), ({"W": np.zeros((3, 2))}, np.ones(2)))
    np.testing.assert_allclose(tangent["parts"][0], slope * (W @ np.ones(2)), rtol=1e-14)
    assert tangent["parts"][1] == 2


def test_a_value_given_twice_takes_both_cotangents():
    _, pullback = tg.vjp(lambda x: [x, x], 3.0)
    assert pullback([1.0, 10.0]) == (11.0,)
    assert tg.jvp(lambda x: [x, x], (3.0,), (2.0,))[1] == [2.0, 2.0]


def test_an_argument_given_on_as_it_is_takes_its_tangent():
    assert tg.jvp(lambda x, y: x + y, (1.0, 2.0), (10.0, 100.0)) == (3.0, 110.0)


def test_what_does_not_depend_on_the_primals_has_derivative_zero():
    _, pullback = tg.vjp(lambda x: (x, np.floor(x)), X)
    assert pullback((np.zeros(2), np.ones(2)))[0].tolist() == [0, 0]
    assert tg.jvp(lambda x: (x, np.floor(x)), (X,), (X,))[1][1].tolist() == [0, 0]
    assert tg.jvp(lambda x: tg.Tensor(5.0), (X,), (X,))[1] == 0


def test_cotangents_and_tangents_are_matched_by_key():
    def product(q):
        return {"sum": q["a"] + q["b"], "product": q["a"] * q["b"]}

    p = {"a": 2.0, "b": 3.0}
    assert tg.jvp(product, (p,), ({"b": 1.0, "a": 0.0},))[1] == {"sum": 1.0, "product": 2.0}
    _, pullback = tg.vjp(product, p)
    assert pullback({"product": 1.0, "sum": 0.0})[0] == {"a": 3.0, "b": 2.0}


def test_none_in_the_place_of_a_structure_is_zero_for_all_in_it():
    net = tg.nn.Sequential(tg.nn.Dense(2, 3, rng=np.random.default_rng(0)), np.tanh)
    primals = (net, {"x": np.ones((2, 2)), "y": X})

    def f(net, p):
        return layer({"W": net(p["x"])}, p["y"])

    def products(zeros, t, u):
        product = tg.hvp(lambda *args: np.sum(f(*args)["Z"]), primals, (zeros, t))
        return [tg.jvp(f, primals, (zeros, t))[1], product, tg.vjp(f, *primals)[1](u)]

    zeros = {name: np.zeros(p.shape) for name, p in net.named_parameters()}
    found = products(None, {"x": np.eye(2), "y": None}, {"Z": W[0, [0, 0, 1]], "parts": None})
    expected = products(zeros, {"x": np.eye(2), "y": X * 0}, {"Z": W[0, [0, 0, 1]], "parts": (np.zeros(3), 0.0)})
    for a, b in zip(pytree.leaves(found), pytree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_tangent_of_zero_is_not_multiplied_by_an_infinite_slope():
    with np.errstate(invalid="ignore"):  # by the exponent there is no derivative
        assert tg.jvp(np.power, (-1.0, -1.0), (1.0, 0.0))[1] == -1


@pytest.mark.parametrize("outer", [tg.grad, lambda f: lambda x: tg.jvp(f, (x,), (1.0,))[1]])
def test_they_nest_in_each_other(outer):
    def by_jvp(x):
        return tg.jvp(lambda y: y**3 * x, (x,), (x,))[1]  # 3x² · x · x

    def by_vjp(x):
        return tg.vjp(lambda y: y**3 * x, x)[1](x)[0]

    for f in (by_jvp, by_vjp):
        assert float(f(2.0)) == 3 * 2.0**4
        assert float(outer(f)(2.0)) == 12 * 2.0**3
        assert float(outer(outer(f))(2.0)) == 36 * 2.0**2


def test_a_tangent_and_a_cotangent_can_be_differentiated_by():
    assert tg.grad(lambda t: tg.jvp(np.sin, (0.5,), (t,))[1])(1.0) == np.cos(0.5)
    assert tg.grad(lambda u: tg.vjp(np.sin, 0.5)[1](u)[0])(1.0) == np.cos(0.5)


@pytest.mark.parametrize("f", [lambda x: x, np.exp, tg.grad(lambda x: np.sum(np.exp(x))), tg.checkpoint(np.exp)])
def test_derivatives_by_a_cotangent_are_arrays_which_keep_no_graph_of_the_primals(f):
    _, pullback = tg.vjp(f, X)
    slope = pullback(np.ones(2))[0]
    found = tg.grad(lambda u: np.sum(pullback(u)[0] ** 2))(X)
    forward = tg.vjp(lambda u: pullback(u)[0], X)[1](X)[0]
    by_constants = tg.grad(lambda w: np.sum(w * tg.vjp(lambda x: w * f(x), X)[0]))(X)
    assert {type(part) for part in (slope, found, forward, by_constants)} == {np.ndarray}
    np.testing.assert_allclose(found, 2 * slope**2 * X)
    np.testing.assert_allclose(forward, slope * X)
    np.testing.assert_allclose(by_constants, 2 * X * f(X))
    assert pullback(np.ones(2))[0].tolist() == slope.tolist()


def test_results_are_tensors_where_a_primal_was_one():
    value, pullback = tg.vjp(np.sin, tg.Tensor(X))
    assert type(value) is type(pullback(X)[0]) is tg.Tensor
    assert {type(part) for part in tg.jvp(np.sin, (tg.Tensor(X),), (X,))} == {tg.Tensor}


def test_a_result_shares_no_memory_with_an_array_of_the_function():
    constant = np.ones(2)
    for value in (tg.vjp(lambda x: constant, tg.Tensor(X))[0], tg.jvp(lambda x: constant, [tg.Tensor(X)], [X])[0]):
        assert not np.may_share_memory(value.data, constant)
        assert constant.flags.writeable


def test_float32_stays_float32():
    x = X.astype(np.float32)
    value, pullback = tg.vjp(np.tanh, x)
    assert {value.dtype, pullback(X)[0].dtype} == {np.dtype(np.float32)}
    assert {part.dtype for part in tg.jvp(np.tanh, (x,), (X,))} == {np.dtype(np.float32)}


def test_a_holomorphic_function_multiplies_by_its_derivative():
    z, u = 0.3 + 0.4j, 2 - 1j
    assert tg.vjp(np.exp, z)[1](u) == (u * np.exp(z),)
    np.testing.assert_allclose(tg.jvp(np.exp, (z,), (u,))[1], np.exp(z) * u, rtol=1e-15)


def test_the_conjugate_of_the_gradient_of_a_real_function_points_uphill():
    z = np.array([3 + 4j])
    np.testing.assert_allclose(tg.grad(lambda z: np.sum(np.abs(z) ** 2))(z), 2 * np.conj(z), rtol=1e-15)
    uphill = np.conj(tg.grad(lambda z: np.sum(np.abs(z)))(z))
    np.testing.assert_allclose(uphill, z / 5, rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tg.vjp(np.sin, X)[1](np.ones(3)), ValueError, r"a cotangent of shape \(2,\), got \(3,\)"),
        (lambda: tg.vjp(np.sin, X)[1]([X, X]), ValueError, r"a cotangent of shape \(2,\), got \(2, 2\)"),
        (lambda: tg.vjp(np.sin, X)[1](X * 1j), TypeError, "a real cotangent for float64, got a complex one"),
        (lambda: tg.jvp(np.sin, (X,), (np.ones(3),)), ValueError, r"a tangent of shape \(2,\), got \(3,\)"),
        (lambda: tg.jvp(np.add, (X, X), (X,)), ValueError, "expected a tuple of 2, got "),
        (lambda: tg.vjp(lambda p: {"a": p}, X)[1]({"b": X}), ValueError, r"a dict with the keys \['a'\]"),
        (lambda: tg.vjp(lambda x: None, X), TypeError, r"got NoneType: is a return missing\?"),
        (lambda: tg.vjp(lambda x: x.item(), 1.0), TypeError, r"leave out float\(\)"),
        (lambda: tg.jvp(np.sin, (np.array([1]),), (X,)), TypeError, "expected floats, got int64"),
        (lambda: tg.vjp(np.sin, "text"), TypeError, "expected numbers, got data of dtype <U4"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_hvp_by_several_arguments_has_the_mixed_derivatives_too():
    x, y, s, t = 2.0, 3.0, 0.5, -1.0
    found = tg.hvp(lambda x, y: x**2 * y**3, (x, y), (s, t))
    assert found == (2 * y**3 * s + 6 * x * y**2 * t, 6 * x * y**2 * s + 6 * x**2 * y * t)
