"""The laws of folding: every node is in one unit, every edge in one link; Modules by depth; what is said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.drawing.folding.checks import check, drawn, ids
from tests.drawing.folding.programs import (
    PROGRAMS,
    WAYS,
    Stage,
    chain,
    doubling,
    graph_of,
    mlp,
    nets_in_nets,
    random_graphs,
    recurrent,
    residual,
)
from tests.marks import in_depth
from tinygrad_dl.drawing.folding import fold


@pytest.mark.parametrize("way", [*WAYS[1::4], *map(in_depth, WAYS[::4] + WAYS[2::4] + WAYS[3::4])], ids=str)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_node_is_in_one_unit_and_every_edge_in_one_link_or_inside_of_a_unit(program, way):
    if program == "chain" and way.get("max_nodes", 1) is None and "roll" not in way:
        pytest.skip("checked with fewer nodes")
    graph = PROGRAMS[program]()
    check(graph, fold(graph, **way), way["max_nodes"])


@given(random_graphs(), st.sampled_from(WAYS))
def test_the_laws_hold_for_any_graph(graph, way):
    check(graph, fold(graph, **way), way["max_nodes"])


@given(random_graphs())
def test_without_folding_the_view_is_the_graph(graph):
    view = fold(graph)
    assert [unit.node for unit in view.units] == graph.nodes
    assert view.unit_of == list(range(len(graph.nodes)))
    edges = [(tail, node.index, argnum) for node in graph.nodes for tail, argnum in node.operands]
    assert sorted((link.tail, link.head, link.argnum) for link in view.links) == sorted(edges)
    assert all(
        link.count == 1 and not link.loops and link.operand == (link.tail, link.head, link.argnum)
        for link in view.links
    )
    assert view.note == ""


@pytest.mark.few_values
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_program_gives_the_same_picture(program, deep):
    make = PROGRAMS[program]
    for way in WAYS[1:8] if deep else WAYS[4:8:3]:
        if program != "chain" or "roll" in way:
            assert ids(fold(make(), **way)) == ids(fold(make(), **way))


def test_a_plus_a_has_two_links_rolled_or_not():
    a = tg.parameter([1.0])
    assert [drawn(link)[:4] for link in fold(graph_of(a + a)).links] == [(0, 1, 0, 1), (0, 1, 1, 1)]
    view = fold(doubling(40), roll=True)
    assert [drawn(link) for link in view.links] == [
        (0, 1, 0, 1, False),
        (0, 1, 1, 1, False),
        (1, 1, 0, 39, True),
        (1, 1, 1, 39, True),
    ]


# ---- Modules


def test_depth_sums_up_modules_from_outside_in():
    graph = nets_in_nets(2, 3)
    titles = [[unit.title for unit in fold(graph, depth=depth).units if unit.kind == "module"] for depth in range(4)]
    assert titles[0] == ["Stage"]
    assert titles[1] == ["blocks.0: Stage", "blocks.1: Stage"]
    assert titles[2] == [f"blocks.{i}: Residual" for i in range(3)] * 2
    assert titles[3] == ["a: Dense(4, 4)", "b: Dense(4, 4)"] * 6


def test_a_module_says_what_is_in_it():
    unit = fold(mlp(50), depth=0).units[1]
    assert unit.title == "Sequential"
    assert unit.lines == ["102 operations, 997 parameters", "51 affine, 50 tanh, 1 sigmoid", "(1, 3)"]
    [unit] = [unit for unit in fold(mlp(50), depth=1, roll=True).units if unit.kind == "module" and unit.repeats > 1]
    assert unit.title == "layers.2 … layers.98: Dense(4, 4)"
    assert unit.lines == ["1 operation, 20 parameters each", "(4, 3)"]


def test_members_of_a_module_are_what_was_computed_in_it():
    graph = residual(4)
    for unit in fold(graph, depth=1).units:
        if unit.kind == "module":
            [scope] = {node.scope.path[1] for node in map(graph.nodes.__getitem__, unit.members)}
            assert unit.title == scope.title
            inside = {node.index for node in graph.nodes if node.scope and scope in node.scope.path}
            assert inside == set(unit.members)


def test_modules_that_need_each_other_are_no_cycle():
    """A state that a call kept, and that was not its result, looks as if it was computed in the next call."""

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


def test_a_scope_with_something_from_outside_in_its_middle_is_left_out():
    graph = graph_of(np.tanh(np.tanh(Stage(lambda: np.sin, 1)(tg.parameter(np.ones(2))))))
    graph.nodes[3].scope = graph.nodes[1].scope
    for way in WAYS:
        view = fold(graph, **way)
        check(graph, view, way["max_nodes"])
        if way["max_nodes"] is None and not way.get("roll"):
            assert len(view.units) == 4


# ---- what is said, and refused


def test_a_note_tells_which_way_was_taken_and_how_to_see_all():
    assert fold(mlp(50), max_nodes=20).note == (
        "207 nodes in 15: repeated blocks are drawn once (×N). max_nodes=207 draws them all."
    )
    assert fold(mlp(50), max_nodes=10).note == (
        "207 nodes in 9: repeated blocks are drawn once (×N), Modules are summed up from depth 1 on. "
        "max_nodes=207 draws them all."
    )
    view = fold(chain(3_000, (np.tanh, np.sin, np.cos)))
    assert (
        view.note
        == f"3,001 nodes in {len(view.units)}: runs of operations are summed up. max_nodes=3001 draws them all."
    )
    assert len(view.units) <= 60
    assert all(unit.kind == "segment" and "operations" in unit.title for unit in view.units[:-1])
    assert fold(mlp(50), depth=0).note == fold(mlp(50)).note == ""


@pytest.mark.parametrize(
    ("error", "settings"),
    [
        (ValueError, {"depth": -1}),
        (ValueError, {"max_nodes": 0}),
        (TypeError, {"depth": 1.5}),
        (TypeError, {"depth": True}),
        (TypeError, {"max_nodes": "all"}),
        (TypeError, {"roll": 3}),
    ],
    ids=str,
)
def test_bad_settings_are_refused_with_a_way_out(error, settings):
    [(name, value)] = settings.items()
    with pytest.raises(error, match=rf"{name}: expected .* got {value!r}: .*draws"):
        fold(doubling(3), **settings)


@pytest.mark.parametrize("make", [lambda: recurrent(833), in_depth(lambda: chain(40_000))])
def test_a_large_graph_of_repeated_blocks_is_small(make):
    assert len(fold(make()).units) < 20
