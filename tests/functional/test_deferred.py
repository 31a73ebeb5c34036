"""A gradient with respect to parameters is one node, and its own graph is built when it is differentiated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.core.backprop import topological_order
from tinygrad_dl.functional.deferred import gradient

VALUES = st.floats(-2, 2).map(lambda x: round(x, 3))


def test_a_gradient_with_respect_to_a_parameter_is_recorded_as_one_node():
    w = tg.parameter([1.0, 2.0])
    g = tg.grad(lambda w: np.sum(np.tanh(w) ** 2))(w)
    assert [node._function for node in topological_order(g)] == [None, gradient]
    assert "gradient(#0)" in str(tg.draw(g))


@given(VALUES, VALUES, VALUES)
def test_its_derivatives_of_every_order_are_the_closed_forms(x, w, u):
    """f = w^2 x^4, so f_x = 4 w^2 x^3; its gradient u f_x is (12 u w^2 x^2, 8 u w x^3), and so on."""
    x, w = tg.parameter(x), tg.parameter(w)
    slope = tg.grad(lambda x: w**2 * x**4)(x)
    by_x, by_w = tg.gradients(u * slope, [x, w], create_graph=True)
    x_, w_ = x.item(), w.item()
    np.testing.assert_allclose(slope.item(), 4 * w_**2 * x_**3, rtol=1e-12)
    np.testing.assert_allclose(by_x.item(), 12 * u * w_**2 * x_**2, rtol=1e-12)
    np.testing.assert_allclose(by_w.item(), 8 * u * w_ * x_**3, rtol=1e-12)
    third = tg.gradients(by_x, [x, w]) if by_x.requires_grad else [0.0, 0.0]
    np.testing.assert_allclose(third, [24 * u * w_**2 * x_, 24 * u * w_ * x_**2], rtol=1e-12, atol=1e-300)


@given(VALUES, VALUES)
def test_several_gradients_share_the_node_and_any_of_them_can_be_differentiated(a, b):
    """f = a^2 b^3 has the gradient (2 a b^3, 3 a^2 b^2)."""
    p = {"a": tg.parameter(a), "b": tg.parameter(b), "unused": tg.parameter(1.0)}
    g = tg.grad(lambda p: p["a"] ** 2 * p["b"] ** 3)(p)
    assert tg.gradients(g["unused"], p["a"]) == 0 if g["unused"].requires_grad else True
    np.testing.assert_allclose(tg.gradients(g["a"], [p["a"], p["b"]]), [2 * b**3, 6 * a * b**2], rtol=1e-12)
    np.testing.assert_allclose(tg.gradients(g["b"], [p["a"], p["b"]]), [6 * a * b**2, 6 * a**2 * b], rtol=1e-12)
    (g["a"] + g["b"]).backward()
    np.testing.assert_allclose(p["a"].grad, 2 * b**3 + 6 * a * b**2, rtol=1e-9, atol=1e-12)
    assert p["unused"].grad is None or p["unused"].grad == 0


def test_a_value_computed_from_parameters_outside_of_the_function_passes_the_gradient_on():
    w = tg.parameter(3.0)
    outer = w**2
    slope = tg.grad(lambda x: outer * x**2)(5.0)  # 2 w^2 x
    assert tg.gradients(slope, outer) == 10.0
    assert tg.gradients(slope, w) == 60.0


@given(VALUES, VALUES)
def test_values_that_depend_on_each_other_pass_the_gradient_on_once(x, w):
    """2 w^3 x, as a derivative of functions of the parameter w and of v = w^2, which is computed from it."""
    functions = [
        lambda w, v: tg.grad(lambda x: w * v * x**2)(x),
        lambda w, v: tg.grad(lambda x: w * (w * w) * x**2)(x),
        lambda w, v: tg.grad(lambda u: u * v * x)(w) * w * 2,
        lambda w, v: tg.grad(lambda u: u * w * v * x)(w * 1.0) * 2,
        lambda w, v: tg.vjp(lambda x: w * v * x**2, x)[1](1.0)[0],
        lambda w, v: tg.hvp(lambda x: w * v * x**3 / 3, (x,), (1.0,))[0],
    ]
    for f in functions:
        for create_graph in (False, True):
            p = tg.parameter(w)
            v = p * p
            by_w, by_v = tg.gradients(f(p, v), [p, v], create_graph)
            np.testing.assert_allclose(by_w.item(), 6 * w**2 * x, rtol=1e-12, atol=1e-300)
            if f is not functions[1]:  # which computes its own w^2
                np.testing.assert_allclose(by_v.item(), 2 * w * x, rtol=1e-12, atol=1e-300)
            if create_graph and w and x:
                np.testing.assert_allclose(tg.gradients(by_w, p), 12 * w * x, rtol=1e-12)


@given(VALUES, VALUES)
def test_a_checkpoint_computes_a_gradient_inside_of_it_again(x, w):
    """f = w sin(x), with the sine as a derivative, has the gradient (w cos(x), sin(x))."""
    x, w = tg.parameter(x), tg.parameter(w)
    y = tg.checkpoint(lambda x: w * tg.grad(lambda t: t**2 / 2 * np.sin(x))(1.0))(x)
    by_x, by_w = tg.gradients(y, [x, w])
    np.testing.assert_allclose(by_x, w.item() * np.cos(x.item()), rtol=1e-12)
    np.testing.assert_allclose(by_w, np.sin(x.item()), rtol=1e-12)


def test_a_gradient_of_a_parameter_with_new_data_is_an_error_not_a_wrong_number():
    w = tg.parameter([1.0, 2.0])
    g = tg.grad(lambda w: np.sum(w**3))(w)
    w.data = [5.0, 5.0]
    with pytest.raises(RuntimeError, match="given new data"):
        np.sum(g).backward()
    assert g.tolist() == [3.0, 12.0]


def test_in_debug_mode_and_inside_of_a_derivative_the_graph_is_built_at_once():
    w = tg.parameter(2.0)
    with tg.debug():
        g = tg.grad(lambda w: w**3)(w)
    assert gradient not in {node._function for node in topological_order(g)}
    assert tg.grad(lambda w: tg.grad(lambda v: v**3)(w))(2.0) == 12.0


def test_a_product_with_the_hessian_of_a_net_can_be_differentiated():
    """f = sum w^4 has the Hessian-vector product 12 w^2 v, whose sum has the gradient 24 w v."""
    w, v = tg.parameter([1.0, 2.0]), np.array([0.5, -1.0])
    [product] = tg.hvp(lambda w: np.sum(w**4), (w,), (v,))
    np.testing.assert_allclose(product.numpy(), 12 * w.numpy() ** 2 * v, rtol=1e-12)
    np.testing.assert_allclose(tg.gradients(np.sum(product), w), 24 * w.numpy() * v, rtol=1e-12)


def test_each_operation_is_differentiated_once_for_all_values_that_depend_on_each_other():
    calls = []
    triple = tg.primitive(lambda x: 3.0 * x)
    tg.defvjp(triple, lambda g, ans, x: (calls.append(0), triple(g))[1])

    def product(x, w):
        for _ in range(20):
            w = w * 1.0
            x = triple(x * w)
        return x

    w = tg.parameter(1.0)
    gradient = tg.grad(product)(1.0, w)
    calls.clear()
    gradient.backward()
    assert len(calls) == 20 + 19  # in the gradient, whose graph is recorded, and in its derivative
    np.testing.assert_allclose(w.grad, 20 * 3.0**20)
