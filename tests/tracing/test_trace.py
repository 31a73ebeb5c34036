"""A program is the traced function: for other values too, of any order of differentiation."""

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_dl as tg
from tests.marks import once
from tinygrad_dl import pytree
from tinygrad_dl.testing import strategies
from tinygrad_dl.tracing.program import Mismatch
from tinygrad_dl.tracing.trace import trace

NET = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
X = np.random.default_rng(1).normal(size=(2, 6))
Y = (X[:1] > 0).astype(float)


def cost(net, X, Y):
    return tg.nn.binary_cross_entropy(net(X), Y)


def assert_equal(found, expected):
    for a, b in zip(pytree.leaves(found), pytree.leaves(expected), strict=True):
        assert (type(a) is tg.Tensor) == (type(b) is tg.Tensor)
        assert np.shape(a) == np.shape(b)
        a, b = (x.numpy() if type(x) is tg.Tensor else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.max(np.abs(b), initial=0))


@given(strategies.programs(kinks=True))
@settings(max_examples=3 * settings.default.max_examples)
@once
def test_the_program_of_derivatives_gives_them_for_other_inputs_too(program):
    argnums = tuple(range(len(program.inputs)))
    first = tg.grad(lambda *xs: np.sum(np.sin(program(*xs))), argnums)
    second = tg.grad(lambda *xs: sum(np.sum(np.cos(g)) for g in first(*xs)), argnums)
    others = [0.9 * x + 0.01 for x in program.inputs]
    for f in (first, second):
        with np.errstate(all="ignore"):
            traced = trace(f, *program.inputs)
            assert_equal(traced(*program.inputs), f(*program.inputs))
            try:
                found = traced(*others)
            except (Mismatch, IndexError):  # a rule takes another branch there
                continue
            assert_equal(found, f(*others))


def test_a_net_is_traced_with_the_names_of_the_course():
    traced = trace(tg.value_and_grad(cost), NET, X, Y)
    names = {node.name for node in traced.program.nodes}
    assert {"Z1", "A1", "Z2", "A2", "dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"} <= names
    assert [node.name for node in traced.program.inputs] == ["W1", "b1", "W2", "b2", "X", "Y"]
    parameters = [p.numpy() for p in NET.parameters()]
    value, gradient = traced(*parameters, X, Y)
    expected = tg.value_and_grad(cost)(NET, X, Y)
    np.testing.assert_allclose(value.numpy(), expected[0].numpy(), rtol=1e-12)
    for name, g in gradient.items():
        np.testing.assert_allclose(g.numpy(), expected[1][name].numpy(), rtol=1e-12)


def test_checks_of_the_package_are_guards_of_the_program():
    traced = trace(cost, NET, X, Y)
    parameters = [p.numpy() for p in NET.parameters()]
    with pytest.raises(Mismatch, match=r"losses\.py"):
        traced(*parameters, X, Y + 1)


def test_a_primitive_of_code_that_ran_without_a_name_is_a_call():
    names = {}
    exec("def double(x): return 2 * x", names)
    double = tg.primitive(names["double"])
    nodes = trace(lambda x: np.tanh(double(x)), np.ones(3)).program.nodes
    assert [node.function for node in nodes] == [double, np.tanh]


def test_an_update_inside_is_traced():
    def step(W, X):
        W = tg.parameter(W)
        descent = tg.optim.SGD([W], learning_rate=0.1)
        np.sum((W @ X) ** 2).backward()
        descent.step()
        return W.data, W.grad

    W = np.ones((1, 2))
    assert_equal(trace(step, W, X)(2 * W, X), step(2 * W, X))


def test_tensors_give_tensors_and_arrays_give_arrays():
    traced = trace(lambda t, x, n: (t * n, {"x": x, "n": n}), tg.Tensor(X), X, 3)
    t, rest = traced(X, X + 1)
    assert type(t) is tg.Tensor
    assert_equal(t, tg.Tensor(3 * X))
    assert rest["n"] == 3
    np.testing.assert_array_equal(rest["x"], X + 1)
