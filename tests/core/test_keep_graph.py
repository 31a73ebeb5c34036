"""`backward(keep_graph=False)`: the same gradients, with the graph given up on the way."""

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.testing import formulas


@given(st.integers(0, 2**32 - 1))
def test_the_gradients_are_those_of_a_pass_that_keeps_the_graph(seed):
    """Through a diamond, a function of several outputs, and a parameter that is used in several places."""
    W = tg.parameter(np.diag([1.0, 2.0, 3.0]) + 0.1 * np.random.default_rng(seed).normal(size=(3, 3)))
    Q, R = np.linalg.qr(np.tanh(W @ W))
    loss = np.sum(Q * R) + np.sum(W)
    loss.backward()
    kept, W.grad = W.grad, None
    loss.backward(keep_graph=False)
    assert np.array_equal(W.grad, kept)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_gradients_of_a_net_are_the_hand_derived_ones(depth, m, seed):
    draw = np.random.default_rng(seed)
    net = tg.nn.mlp([3] * depth + [1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=draw)
    X, Y = draw.normal(size=(3, m)), draw.integers(0, 2, size=(1, m))
    tg.nn.binary_cross_entropy(net(X), Y).backward(keep_graph=False)
    parameters = {parameter.name: parameter for parameter in net.parameters()}
    values = {name: parameter.numpy() for name, parameter in parameters.items()}
    A, caches = formulas.deep_forward(X, values, ["tanh"] * (depth - 1) + ["sigmoid"])
    by_hand = formulas.deep_backward(formulas.cost_backward(A, Y), caches)
    for name, parameter in parameters.items():
        np.testing.assert_allclose(parameter.grad, by_hand[f"d{name}"], rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("no_gc")
def test_what_a_node_holds_is_freed_before_the_rules_of_those_behind_it_run():
    alive = []

    @tg.primitive
    def noted(x):
        return np.array(x)

    def rule(g, ans, x):
        alive.append([ref() is not None for ref in later])
        return g

    tg.defvjp(noted, rule)
    y = noted(tg.parameter(np.ones(3)))
    a = np.exp(y)
    b = np.sin(a)
    loss = np.sum(b)
    later = [weakref.ref(x) for x in (a, b)]
    del a, b
    loss.backward()
    loss.backward(keep_graph=False)
    assert alive == [[True, True], [False, False]]


@pytest.mark.usefixtures("no_gc")
def test_what_the_forward_pass_keeps_for_a_rule_is_freed():
    loss = tg.nn.softmax_cross_entropy(tg.parameter(np.ones((3, 2))), np.array([0, 2]))
    alive = [weakref.ref(array) for array in loss._kept]
    loss.backward()
    assert all(ref() is not None for ref in alive)
    loss.backward(keep_graph=False)
    assert [ref() for ref in alive] == [None, None, None]


@pytest.mark.usefixtures("no_gc")
def test_what_one_holds_keeps_no_array_that_it_was_made_from():
    a = np.sin(tg.parameter(np.ones(3)))
    array = weakref.ref(a.data.base)
    b = np.exp(a)
    del a
    np.sum(b).backward(keep_graph=False)
    assert array() is None
    assert np.array_equal(b.data, np.exp(np.sin(np.ones(3))))


def test_what_one_holds_keeps_its_values_and_says_that_its_past_is_gone():
    x = tg.parameter([1.0, 2.0], name="x")
    y = np.exp(x)
    y.name = "y"
    loss = np.sum(y)
    loss.backward(keep_graph=False)
    assert np.array_equal(y.data, np.exp([1.0, 2.0]))
    assert "made by np.exp" in repr(y)
    for again in (loss.backward, np.sum(y * 2).backward, lambda: tg.draw(loss), lambda: tg.named_tensors(y)):
        with pytest.raises(
            RuntimeError, match=r"the graph behind .*, made by np\.\w+, was freed by backward\(keep_graph=False\)"
        ):
            again()
    assert np.array_equal(x.grad, np.exp([1.0, 2.0]))  # of the one pass back that there was


def test_a_part_of_several_outputs_can_be_printed_when_its_graph_is_gone():
    Q, R = np.linalg.qr(tg.parameter(np.eye(2)))
    np.sum(Q + R).backward(keep_graph=False)
    assert "made by" in repr(Q)


def test_what_another_graph_shares_is_gone_for_it_too():
    x = tg.parameter(2.0)
    y = x * x
    first, second = y * 1.0, y + 1.0
    first.backward(keep_graph=False)
    with pytest.raises(RuntimeError, match="keep_graph=False"):
        second.backward()
