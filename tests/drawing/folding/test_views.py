"""The laws of views: every node is in one unit, and every edge in one link or inside of a unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.drawing.folding.checks import check, drawn, ids
from tests.drawing.folding.programs import (
    PROGRAMS,
    WAYS,
    doubling,
    graph_of,
    mlp,
    parameter,
    random_graphs,
    random_nets,
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


@given(st.one_of(random_graphs(), random_nets()), st.sampled_from(WAYS))
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


def test_a_module_says_what_is_in_it():
    unit = fold(mlp(50), depth=0).units[1]
    assert unit.title == "Sequential"
    assert unit.lines == ["102 operations, 997 parameters", "51 affine, 50 tanh, 1 sigmoid", "(1, 3)"]
    [unit] = [unit for unit in fold(mlp(50), depth=1, roll=True).units if unit.kind == "module" and unit.repeats > 1]
    assert unit.title == "layers.2 … layers.98: Dense(4, 4)"
    assert unit.lines == ["1 operation, 20 parameters each", "(4, 3)"]


def test_some_of_the_leaves_of_a_run_may_have_further_users_or_be_outputs():
    rng = np.random.default_rng(0)
    weights = [parameter(rng, 4, 4, name=f"W{i}") for i in range(9)]
    x = parameter(rng, 4, 3)
    for W in weights:
        x = np.tanh(W @ x)
    loss = np.sum(x) + np.sum(weights[6] ** 2)
    view = fold(graph_of(loss), roll=True)
    check(graph_of(loss), view)
    [W] = [unit for unit in view.units if unit.repeats == 9 and unit.node.kind == "parameter"]
    assert W.title == "W0 … W8"
    assert sorted(link.count for link in view.links if link.tail == W.index) == [1, 9]
    graph = graph_of(loss, weights[3])
    view = fold(graph, roll=True)
    check(graph, view)
    assert view.units[view.unit_of[graph.outputs[1]]].members == [graph.outputs[1]]


def test_a_leaf_is_in_the_frame_of_its_module_and_in_none_that_was_given_it():
    frames = {u.node.title: u.frame and u.frame.title for u in fold(mlp(2)).units if u.node.kind != "operation"}
    assert frames["data"] is None
    assert (frames["W1"], frames["b3"]) == ("layers.0: Dense(2, 4)", "layers.4: Dense(4, 1)")
    view = fold(PROGRAMS["recurrent Modules"](), roll=True)
    assert [frame.title for frame in view.frames if frame.kind == "roll"] == ["×40", "×40"]
    data = {u.repeats: u.frame.title for u in view.units if u.node.kind == "data"}
    assert data == {1: "Recurrent", 40: "×40"}
    assert {u.frame.title for u in view.units if u.node.kind == "parameter"} == {"Recurrent"}
