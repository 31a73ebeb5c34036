"""The laws of plans: a run has blocks of equal structure, found in any program, and Modules are summed up by depth."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.drawing.folding.checks import blocks_of, check
from tests.drawing.folding.programs import (
    PROGRAMS,
    WAYS,
    Stage,
    chain,
    graph_of,
    mlp,
    nets_in_nets,
    parameter,
    random_graphs,
    recurrent,
    residual,
    with_inner_outputs,
)
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.drawing.folding.plans import Plan


def rolled(graph):
    """The repeats of the outermost runs in order, each run of them checked."""
    view = fold(graph, roll=True, max_nodes=None)
    check(graph, view)
    return [frame.repeats for frame in view.frames if frame.kind == "roll" and frame.times == frame.repeats]


def repeated(graph, repeats, shared):
    """A block with the operations of `graph`, applied to its own value again and again."""
    block = [node for node in graph.nodes if node.kind == "operation"][:12]
    x = W = tg.parameter(np.ones((2, 2)))
    for _ in range(repeats):
        values = {}
        V = W if shared else tg.parameter(np.ones((2, 2)))
        last = x = np.exp(x * V)
        for node in block:
            args = [values.get(i, x if i % 2 else last) for i, _ in node.operands]
            values[node.index] = last = node.function(*args)
        x = np.arctan(last + x + sum(values.values(), x))
    return graph_of(x)


# ---- runs


@given(random_graphs(), st.integers(3, 5), st.booleans())
def test_the_picture_of_a_loop_does_not_grow_with_its_repetitions(graph, repeats, shared):
    sizes = []
    for times in (repeats, repeats + 1, repeats + 4):
        whole = repeated(graph, times, shared)
        view = fold(whole, roll=True, max_nodes=None)
        check(whole, view)
        sizes.append(len(view.units))
    assert sizes[0] == sizes[1] == sizes[2] < len(repeated(graph, 2, shared).nodes)


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


def test_a_run_in_a_run_stands_for_the_product():
    view = fold(nets_in_nets(5, 3), roll=True)
    assert {frame.title for frame in view.frames if frame.kind == "roll"} == {"×5", "×3"}
    assert max(unit.repeats for unit in view.units) == 15


def sum_of(first, *rest):
    return np.add(first, *(rest or [first]))


ODD = {
    "a constant": lambda t, h: h * (0.5 if t != 15 else 0.5000001),
    "a function": lambda t, h: np.exp(h) if t != 15 else np.expm1(h),
    "the order of operands": lambda t, h: h - np.cos(h) if t != 15 else np.cos(h) - h,
    "a setting": lambda t, h: h - np.sum(h, axis=0, keepdims=True) if t != 15 else h - np.sum(h, axis=1, keepdims=True),
    "an axis": lambda t, h: np.cumsum(h, axis=int(t == 15)),
    "a keyword": lambda t, h: h - np.var(h, axis=0, ddof=int(t == 15)),
    "an index": lambda t, h: h + h[0] if t != 15 else h + h[1],
    "wiring": lambda t, h: np.sin(h) * np.cos(h) if t != 15 else np.sin(h) * np.cos(np.sin(h)),
    "one more": lambda t, h: h if t != 15 else np.sin(h),
    "a parameter": lambda t, h: h + tg.parameter(np.ones((4, 3)), "c" if t != 15 else "d"),
    "kind of leaf": lambda t, h: h + (tg.parameter(np.ones((4, 3))) if t != 15 else np.ones((4, 3))),
    "one leaf or two": lambda t, h: h + sum_of(*[tg.parameter(np.ones(3)) for _ in range(1 + (t == 15))]),
    "dtype": lambda t, h: h + (np.ones((4, 3)) if t != 15 else np.ones((4, 3), np.float32)),
    "shape": lambda t, h: h + tg.parameter(np.ones((4, 3) if t != 15 else (4, 1))),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_step_that_differs_is_in_no_run_with_the_others(odd):
    assert rolled(recurrent(30, lambda t, h: ODD[odd](0, h))) == [30]
    graph = recurrent(30, ODD[odd])
    assert max(rolled(graph)) <= 16
    assert len(fold(graph, roll=True).units) < 60


def test_steps_that_take_the_same_and_steps_that_take_one_further_on_are_two_runs():
    states = []

    def look_back(t, h):
        states.append(np.sin(h))
        return (h + states[max(0, t - 15)]) * states[t]

    assert max(rolled(recurrent(30, look_back))) <= 15


def test_a_second_loop_over_the_weights_of_a_first_is_a_run_where_it_has_an_order():
    rng = np.random.default_rng(0)
    for order, found in [(range(8), 2), (range(7, -1, -1), 2), ((0, 2, 5, 1, 7, 4, 6, 3), 1)]:
        W, x = [parameter(rng, 4, 4) for _ in range(8)], parameter(rng, 4, 3)
        for w in W:
            x = np.tanh(w @ x)
        for t in order:
            x = np.sin(W[t] @ x)
        assert rolled(graph_of(x)).count(8) == found


@given(st.lists(st.sampled_from([np.sin, np.cos, np.tanh]), min_size=1, max_size=100))
def test_runs_of_a_chain_share_no_operation(functions):
    """The next run may begin in the last block of the one before, where both have equally long blocks."""
    x = tg.parameter(np.ones(2))
    for function in functions:
        x = function(x)
    assert sum(rolled(graph_of(x))) <= len(functions)  # each repetition has an operation of its own
    x = tg.parameter(np.ones(2))
    for function in [np.cos, np.tanh] * 3 + functions[:1] + [np.tanh, np.sin] * 3:
        x = function(x)
    assert sum(rolled(graph_of(x))) <= 13


def test_a_long_chain_of_many_runs_is_drawn_right():
    graph = chain(300, (np.tanh, np.sin, np.cos))
    assert len(rolled(graph)) > 10


@pytest.mark.parametrize(("times", "found"), [(2, []), (9, [8])])
def test_steps_that_take_a_value_of_the_first_step_are_no_run_with_it(times, found):
    h, first = tg.parameter(np.ones(2)), None
    for _ in range(times):
        a = np.sin(h)
        first = a if first is None else first
        h = np.tanh(a * first)
    assert rolled(graph_of(h)) == found


def test_a_state_that_is_used_elsewhere_ends_its_run():
    states = []
    recurrent(30, lambda t, h: states.append(h) or h)
    assert rolled(graph_of(states[-1] * states[9])) == [10, 20]
    graph = graph_of(np.concatenate(states))
    assert rolled(graph) == [30]
    view = fold(graph, roll=True)
    [link] = [link for link in view.links if link.head == len(view.units) - 1]
    assert (link.count, link.argnum) == (30, None)


def test_branches_are_one_run_where_they_are_used_alike():
    rng = np.random.default_rng(0)
    x = parameter(rng, 4, 3)
    a, b, c = (np.tanh(parameter(rng, 4, 4) @ x) for _ in range(3))
    assert rolled(graph_of(np.concatenate([a, b, c]))) == [3]
    assert rolled(graph_of(np.sum((a.T @ b) @ c.T))) == []


def test_gates_that_are_computed_alike_but_used_otherwise_stay_apart():
    """Each gate is a factor, at the same distance from its computation: of the state, the input, and the output."""
    rng = np.random.default_rng(0)
    W = [parameter(rng, 4, 6) for _ in range(4)]
    h, c = parameter(rng, 4, 3), np.zeros((4, 3))
    for _ in range(9):
        z = np.concatenate([h, rng.normal(size=(2, 3))])
        f, i, o = (tg.nn.sigmoid(w @ z) for w in W[:3])
        c = f * c + i * np.tanh(W[3] @ z)
        h = o * np.tanh(c)
    view = fold(graph_of(np.sum(h)), roll=True)
    assert [frame.title for frame in view.frames] == ["×9"]
    assert sum(unit.repeats == 9 and unit.node.label == "sigmoid" for unit in view.units) == 3


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["forwards", "backwards"])
def test_a_second_loop_over_the_states_of_a_first_is_a_run(order):
    states = []
    recurrent(20, lambda t, h: states.append(h) or h)
    g = tg.Tensor(np.zeros((4, 3)))
    for h in states[order]:
        g = np.sin(g * h)
    graph = graph_of(g)
    assert rolled(graph) == [20, 20]
    view = fold(graph, roll=True)
    between = [link for link in view.links if not link.loops and view.units[link.tail].repeats == 20]
    assert {link.count for link in between} == {20}


def test_a_second_loop_that_takes_each_state_in_no_order_is_no_run():
    states = []
    recurrent(12, lambda t, h: states.append(h) or h)
    g = tg.Tensor(np.zeros((4, 3)))
    for t in (3, 0, 11, 5, 8, 1, 10, 2, 7, 4, 9, 6):
        g = np.sin(g * states[t])
    assert 12 not in rolled(graph_of(g))[1:]


def test_blocks_that_take_different_values_from_outside_are_no_run():
    x = np.exp(tg.parameter(np.ones(2)))
    y = np.arctan(x)
    h = np.tanh(np.cos(x * (x + y)))
    for other, found in [(x, [2]), (y, [])]:
        assert rolled(graph_of(np.tanh(np.cos(other * h)))) == found


def test_a_block_that_takes_a_value_of_two_blocks_before_is_no_run():
    h = [tg.parameter(np.ones(2)), tg.parameter(np.ones(2))]
    for _ in range(12):
        h.append(np.tanh(h[-1] * np.sin(h[-2])))
    graph = graph_of(h[-1])
    view = fold(graph, roll=True)
    check(graph, view)
    for frame in view.frames:
        for blocks in blocks_of(graph, view, frame):
            assert {len(block) for block in blocks} == {len(blocks[0])}


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


def test_the_search_for_runs_in_a_graph_without_any_is_bounded(monkeypatch):
    """A graph of equal operations that are wired at random: each pair of places looks like the start of a run."""
    rng = np.random.default_rng(0)
    x = [tg.parameter(np.ones(1)), tg.parameter(np.ones(1))]
    for _ in range(600):
        x.append(x[-1] + x[rng.integers(len(x) - 1)])
    graph, tried, repeats = graph_of(x[-1]), [], Plan._repeats
    monkeypatch.setattr(Plan, "_repeats", lambda *args: tried.append(1) or repeats(*args))
    check(graph, fold(graph, roll=True, max_nodes=None))
    assert 10_000 < len(tried) <= 20 * len(graph.nodes) + 100_000


# ---- Modules


def test_depth_sums_up_modules_from_outside_in():
    graph = nets_in_nets(2, 3)
    titles = [[unit.title for unit in fold(graph, depth=depth).units if unit.kind == "module"] for depth in range(4)]
    assert titles[0] == ["Stage"]
    assert titles[1] == ["blocks.0: Stage", "blocks.1: Stage"]
    assert titles[2] == [f"blocks.{i}: Residual" for i in range(3)] * 2
    assert titles[3] == ["a: Dense(4, 4)", "b: Dense(4, 4)"] * 6


@pytest.mark.parametrize("program", ["residual", "nets in nets", "mlp"])
def test_members_of_a_module_are_the_nodes_of_its_call(program):
    graph = PROGRAMS[program]()
    for unit in fold(graph, depth=1).units:
        if unit.kind == "module":
            [scope] = {node.scope.path[1] for node in map(graph.nodes.__getitem__, unit.members)}
            assert unit.title == scope.title
            inside = {node.index for node in graph.nodes if node.scope and scope in node.scope.path}
            assert inside == set(unit.members)


def test_modules_that_need_each_other_are_no_cycle():
    """A state that a call kept, and that was not its result, looks as if the next call had computed it."""

    class Stateful(tg.nn.Module):
        def __init__(self):
            self.state = [tg.parameter(np.ones(2))]

        def __call__(self, x):
            self.state = [np.sin(self.state[0] + x)]
            return self.state[0] * 2

    net = Stateful()
    x = tg.parameter(np.ones(2))
    for _ in range(6):
        x = net(x)
    graph = graph_of(np.sum(x))
    for way in WAYS:
        check(graph, fold(graph, **way), way["max_nodes"])


def test_a_call_with_something_from_outside_in_its_middle_is_several_units():
    graph = graph_of(np.tanh(np.tanh(Stage(lambda: np.sin, 1)(tg.parameter(np.ones(2))))))
    graph.nodes[3].scope = graph.nodes[1].scope
    for way in WAYS:
        view = fold(graph, **way)
        check(graph, view, way["max_nodes"])
        if way["max_nodes"] is None and not way.get("roll"):
            assert len(view.units) == 4


def test_a_run_of_modules_has_modules_of_one_kind_and_one_structure():
    rng = np.random.default_rng(0)

    class Twice(tg.nn.Module):
        def __init__(self, function):
            self.function = function

        def __call__(self, x):
            return self.function(np.sin(x))

    x = parameter(rng, 3)
    for function in [np.cos] * 4 + [np.exp] * 5:
        x = Twice(function)(x)
    for depth in (None, 0):
        view = fold(graph_of(x), depth=depth, roll=True)
        assert [frame.repeats for frame in view.frames if frame.kind == "roll"] == [4, 5]

    class Again(Twice):
        pass

    x = parameter(rng, 3)
    for kind in [Twice] * 4 + [Again] * 5:
        x = kind(np.cos)(x)
    assert [frame.repeats for frame in fold(graph_of(x), roll=True).frames if frame.kind == "roll"] == [4, 5]
    assert len(fold(residual(6), depth=1, roll=True).units) == 3
    assert rolled(chain(3)) == [3]
    assert rolled(chain(2)) == []
