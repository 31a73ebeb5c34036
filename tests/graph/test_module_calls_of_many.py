"""Scopes of many layers, inputs and outputs."""

import gc
import weakref
from collections import Counter

import numpy as np
import pytest
from hypothesis import given

import tinygrad_dl as tg
from tests.graph.test_module_calls import RNG, Noting, Witness, assert_as_witnessed, nested
from tinygrad_dl import nn
from tinygrad_dl.graph import module_calls
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.nn.call_tracking import values_in


@given(nested())
def test_outer_scopes_come_first_and_each_is_within_its_parent_once(tree):
    def module(tree):
        return nn.Sequential(*[np.tanh if part == "own" else module(part) for part in tree])

    graph = Graph([module(tree)(tg.parameter(np.ones(3))) * 2])
    place = {id(scope): i for i, scope in enumerate(graph.scopes)}
    assert all(scope.parent is None or place[id(scope.parent)] < place[id(scope)] for scope in graph.scopes)
    assert len(place) == len(graph.scopes)


def test_a_thousand_layers_and_a_hundred_nested_nets_are_no_trouble():
    net = nn.mlp([2] * 1001, rng=RNG)
    assert len(Graph([net(np.ones((2, 1)))]).scopes) == 1001
    nest = np.tanh
    for _ in range(100):
        nest = nn.Sequential(nest)
    graph = Graph([nest(tg.parameter(np.ones(3)))])
    assert len(graph.nodes[1].scope.path) == 100


class Unrolled(nn.Module):
    """A recurrent net that takes all its inputs at once, and gives all its states."""

    def __init__(self):
        self.W, self.cell = tg.parameter(0.5 * np.eye(3), "W"), nn.Dense(3, 3, rng=RNG)

    def __call__(self, xs):
        h, states = np.zeros((3, 1)), []
        for x in xs:
            h = np.tanh(self.W @ h + self.cell(x))
            states.append(h)
        return states


@pytest.mark.parametrize("steps", [3, 2_000])
def test_a_net_of_many_inputs_and_outputs_has_all_its_operations_and_none_of_its_inputs(steps):
    net = Unrolled()
    xs = [RNG.normal(size=(3, 1)) for _ in range(steps)]
    xs[1] = tg.Tensor(xs[1])
    states = net(xs)
    graph = Graph([np.sum(states[-1])])
    assert [type(scope.module).__name__ for scope in graph.scopes] == ["Unrolled", *["Dense"] * steps]
    assert all(scope.parent is graph.scopes[0] for scope in graph.scopes[1:])
    assert graph.scopes[0].outputs == [graph.index(h) for h in states]
    own = [node for node in graph.nodes if node.scope is graph.scopes[0] and node.kind == "operation"]
    assert len(own) == 3 * steps
    data = [node for node in graph.nodes if node.kind == "data"]
    assert len(data) == steps + 1
    own = [node.scope for node in data if not node.array.any()]  # h₀; the others are inputs
    assert own == [graph.scopes[0]]
    assert sum(node.scope is None for node in data) == steps


def test_what_a_call_was_given_is_looked_through_twice_however_much_it_gives(monkeypatch):
    """Once for when it was there, and once for what leaves came from outside: not for each output, or each leaf."""
    looks = []
    monkeypatch.setattr(module_calls, "values_in", lambda tree: looks.append(tree) or values_in(tree))
    states = Unrolled()([RNG.normal(size=(3, 1)) for _ in range(50)])
    graph = Graph([np.sum(states[-1])])
    assert len(graph.scopes) == 51
    assert max(Counter(map(id, looks)).values()) == 2


@pytest.mark.parametrize("call", [lambda m, h: m(h), lambda m, h: m(A=h)])
def test_a_history_that_grows_after_a_call_was_given_it_was_shorter_then(call):
    witness = Witness()
    cell = Noting(witness, "cell", lambda self, A: witness(witness(A[-1] * self.w) + A[0]))
    history = [witness(np.tanh(tg.parameter(np.ones(3))))]
    for _ in range(4):
        history.append(call(cell, history))
        history.append(witness(history[-1] * 2))
    graph = Graph([history[-1]])
    assert_as_witnessed(graph, witness)
    assert len(graph.scopes) == 4


def test_what_contains_itself_may_be_given_to_a_module():
    witness = Witness()
    x = witness(np.tanh(tg.parameter(np.ones(3))))
    loop = [x]
    loop.append(loop)
    net = Noting(witness, "net", lambda self, A: witness(A[1][0] * self.w))
    assert_as_witnessed(Graph([net(loop)]), witness)


def test_gradients_that_were_made_with_a_graph_keep_the_scopes_of_the_forward_pass():
    net = nn.Sequential(nn.Dense(2, 1, rng=RNG))
    g = tg.gradients(np.mean(net(np.ones((2, 3))) ** 2), net.layers[0].W, create_graph=True)
    graph = Graph([g])
    assert {type(scope.module).__name__ for scope in graph.scopes} == {"Sequential", "Dense"}


def test_a_call_keeps_its_answer_alive_no_longer_than_the_answer_is_used():
    net = nn.mlp([2, 3, 1], rng=RNG)
    gc.collect()
    gc.disable()
    try:
        y = weakref.ref(net(np.ones((2, 3))))
        assert y() is None
    finally:
        gc.enable()
