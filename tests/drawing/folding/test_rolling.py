"""The laws of rolling: each repetition is the block again, by an oracle that compares node with node."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.drawing.folding.checks import described
from tests.drawing.folding.programs import (
    PROGRAMS,
    WAYS,
    graph_of,
    mlp,
    nets_in_nets,
    random_graphs,
    recurrent,
    with_inner_outputs,
)
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.drawing.folding.ordering import Sequence
from tinygrad_dl.drawing.folding.rolling import rolls_of


def rolls(graph):
    sequence = Sequence(graph)
    for roll in rolls_of(sequence):
        if roll.level == 0:
            places = range(roll.start, roll.end)
            nodes = [int(sequence.which[place]) if sequence.what[place] == 0 else None for place in places]
            yield [nodes[k : k + roll.period] for k in range(0, len(nodes), roll.period)]


def assert_isomorphic(graph, blocks):
    """Each operation is like that of the next block, and its operands are the same, or as far on, or leaves alike."""
    uses = Counter(tail for node in graph.nodes for tail, _ in node.operands)
    where = {index: (b, k) for b, block in enumerate(blocks) for k, index in enumerate(block) if index is not None}
    ways = {}
    for b, (block, following) in enumerate(itertools.pairwise(blocks)):
        leaves = {}
        for k, (one, other) in enumerate(zip(block, following, strict=True)):
            assert (one is None) == (other is None)
            if one is None:
                continue
            one, other = graph.nodes[one], graph.nodes[other]
            assert described(one) == described(other)
            assert b == len(blocks) - 2 or not other.is_output
            assert not one.is_output
            for (i, argnum), (j, argnum2) in zip(one.operands, other.operands, strict=True):
                assert argnum == argnum2
                x, y = graph.nodes[i], graph.nodes[j]
                assert (x.shape, x.array.dtype) == (y.shape, y.array.dtype)
                if j in where and where[j][0] == b and b == 0 and i not in where:
                    continue  # from outside, where it later comes from the block before
                assert ways.setdefault((k, argnum), i == j) == (i == j)
                if i == j:
                    continue
                if j in where:
                    assert where[j] == (where[i][0] + 1, where[i][1])
                elif x.kind == "operation":  # of another roll, say, that goes along
                    assert i not in where
                    assert described(x) == described(y)
                else:
                    assert i not in where
                    assert x.kind == y.kind != "operation"
                    assert uses[i] == uses[j]
                    assert leaves.setdefault(i, j) == j
        assert len(set(leaves.values())) == len(leaves)


@pytest.mark.few_values
@pytest.mark.parametrize("program", PROGRAMS)
def test_rolled_blocks_are_isomorphic(program):
    graph = PROGRAMS[program]()
    found = list(rolls(graph))
    for blocks in found:
        assert_isomorphic(graph, blocks)
    operations = sum(node.kind == "operation" for node in graph.nodes)
    inside = sum(len(blocks) * sum(n is not None for n in blocks[0]) for blocks in found)
    rest = [unit for unit in fold(graph, roll=True, max_nodes=None).units if unit.repeats == 1]
    assert inside + sum(unit.node.kind == "operation" for unit in rest) == operations


@given(random_graphs())
def test_rolled_blocks_of_any_graph_are_isomorphic(graph):
    for blocks in rolls(graph):
        assert_isomorphic(graph, blocks)


@given(random_graphs(), st.integers(2, 5), st.booleans())
def test_a_repeated_program_is_found(graph, repeats, shared):
    """A block of random operations, applied to what it gave: however it is wired inside."""
    block = [node for node in graph.nodes if node.kind == "operation"][:12]
    shape = (2, 2)
    x = tg.parameter(np.ones(shape))
    W = tg.parameter(np.ones(shape))
    for _ in range(repeats):
        values = {}
        V = W if shared else tg.parameter(np.ones(shape))
        last = x = np.exp(x * V)
        for node in block:
            args = [values.get(i, x if i % 2 else last) for i, _ in node.operands]
            values[node.index] = last = node.function(*args)
        x = np.arctan(last + x + sum(values.values(), x))
    whole = graph_of(x)
    once = sum(node.kind == "operation" for node in whole.nodes) // repeats
    [blocks] = rolls(whole)
    assert (len(blocks), len(blocks[0])) == (repeats, once)
    assert_isomorphic(whole, blocks)


def test_fifty_layers_are_one_and_the_first_and_the_last_stay():
    view = fold(mlp(50), roll=True)
    assert Counter(unit.repeats for unit in view.units) == {1: 11, 49: 4}
    assert {unit.title: unit.lines for unit in view.units if unit.repeats == 49} == {
        "W2 … W50": ["49 different ones"],
        "b2 … b50": ["49 different ones"],
        "Z2 … Z50": [],
        "A2 … A50": [],
    }
    titles = [[frame.title, frame.parent and frame.parent.title] for frame in view.frames]
    assert ["×49", "Sequential"] in titles
    assert ["layers.2: Dense(4, 4)", "×49"] in titles


def test_shared_parameters_stay_themselves_and_data_of_each_step_are_one_unit():
    view = fold(recurrent(30), roll=True)
    leaves = {u.title or u.node.title: u.repeats for u in view.units if u.node.kind != "operation"}
    assert leaves == {"W": 1, "U": 1, "b": 1, "h0": 1, "data": 30}
    assert [(link.count, link.argnum) for link in view.links if link.loops] == [(29, 1)]


def test_a_roll_in_a_roll_stands_for_the_product():
    view = fold(nets_in_nets(5, 3), roll=True)
    assert {frame.title for frame in view.frames if frame.kind == "roll"} == {"×5", "×3"}
    assert max(unit.repeats for unit in view.units) == 15


ODD = {
    "a constant": lambda t, h: h * (0.5 if t != 15 else 0.5000001),
    "a function": lambda t, h: np.exp(h) if t != 15 else np.expm1(h),
    "the order of operands": lambda t, h: h - np.cos(h) if t != 15 else np.cos(h) - h,
    "a setting": lambda t, h: h - np.sum(h, axis=0, keepdims=True) if t != 15 else h - np.sum(h, axis=1, keepdims=True),
    "wiring": lambda t, h: np.sin(h) * np.cos(h) if t != 15 else np.sin(h) * np.cos(np.sin(h)),
    "one more": lambda t, h: h if t != 15 else np.sin(h),
    "a parameter": lambda t, h: h + tg.parameter(np.ones((4, 3)), "c" if t != 15 else "d"),
    "kind of leaf": lambda t, h: h + (tg.parameter(np.ones((4, 3))) if t != 15 else np.ones((4, 3))),
    "dtype": lambda t, h: h + (np.ones((4, 3)) if t != 15 else np.ones((4, 3), np.float32)),
    "shape": lambda t, h: h + tg.parameter(np.ones((4, 3) if t != 15 else (4, 1))),
}


@pytest.mark.few_values
@pytest.mark.parametrize("odd", ODD)
def test_a_step_that_differs_is_not_swallowed(odd):
    same, other = recurrent(30, lambda t, h: ODD[odd](0, h)), recurrent(30, ODD[odd])
    whole, parts = list(rolls(same)), list(rolls(other))
    assert [len(blocks) for blocks in whole] == [30]
    for blocks in parts:
        assert_isomorphic(other, blocks)
        assert len(blocks) <= 16


def test_steps_that_take_the_same_and_steps_that_take_one_further_on_are_two_kinds():
    states = []

    def look_back(t, h):
        states.append(np.sin(h))
        return (h + states[max(0, t - 15)]) * states[t]

    graph = recurrent(30, look_back)
    found = list(rolls(graph))
    assert sorted(len(blocks) for blocks in found) == [14, 15]
    for blocks in found:
        assert_isomorphic(graph, blocks)


def test_a_state_that_is_used_elsewhere_ends_its_roll():
    states = []
    recurrent(30, lambda t, h: states.append(h) or h)
    assert [len(blocks) for blocks in rolls(graph_of(states[-1] * states[9]))] == [10, 20]
    assert [len(blocks) for blocks in rolls(graph_of(np.stack(states)))] == [30]


def test_what_is_repeated_in_the_first_repetition_only_is_no_roll_in_it():
    z = s = t = np.sin(tg.parameter(np.ones(2)))
    for _ in range(6):
        first = np.tanh(np.cos(z) + s)  # like the next line, but only while both take the same
        z = np.tanh(first + t)
        s, t = first, z
    assert [(roll.repeats, roll.level) for roll in rolls_of(Sequence(graph_of(z)))] == [(6, 0)]


def test_blocks_that_take_different_values_from_outside_are_no_repetitions():
    x = np.exp(tg.parameter(np.ones(2)))
    y = np.arctan(x)
    h = np.tanh(np.cos(x * (x + y)))
    for other, found in [(x, 1), (y, 0)]:
        assert len(list(rolls(graph_of(np.tanh(np.cos(other * h)))))) == found


def test_outputs_are_never_hidden():
    for keep in [(3,), (3, 4, 9), range(12)]:
        graph = recurrent(12, keep=keep)
        for way in WAYS:
            view = fold(graph, **way)
            if way["max_nodes"] is None or way["max_nodes"] > 2 * len(graph.outputs):
                for index in graph.outputs:
                    unit = view.units[view.unit_of[index]]
                    assert unit.is_output
                    assert sum(graph.nodes[member].is_output for member in unit.members) == 1
                    assert not unit.node or unit.repeats == 1 or index == max(unit.members)
    graph = with_inner_outputs()
    view = fold(graph, depth=0)
    for index in graph.outputs:
        assert index == max(view.units[view.unit_of[index]].members)
