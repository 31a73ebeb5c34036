"""The laws of a picture of the forward pass: that it says what is true, as an engine reads it."""

import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import draw, style
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.record import Record

from .pictures import SVG, needs_engine, norm, parameter, random_net, shown, titles

pytestmark = needs_engine

# ---- what is drawn


def test_both_edges_of_a_plus_a_are_drawn():
    a = parameter("a")
    picture = shown(draw(a + a))
    assert picture.ends == {"e0-1-0": ("n0", "n1"), "e0-1-1": ("n0", "n1"), "e1-value": ("n1", "n1-value")}


def test_a_name_gives_an_intermediate_its_box_and_without_one_its_shape_stands_in_the_operation():
    x = parameter("x")
    y = np.tanh(x)
    lines = [["x", "(3,)"], ["tanh", "(3,)"], ["× 2"], ["output", "(3,)"]]
    assert sorted(thing.lines for thing in shown(draw(y * 2)).nodes.values()) == sorted(lines)
    y.name = "y"
    lines = [["x", "(3,)"], ["tanh"], ["y", "(3,)"], ["× 2"], ["output", "(3,)"]]
    assert sorted(thing.lines for thing in shown(draw(y * 2)).nodes.values()) == sorted(lines)


def test_an_untracked_tensor_is_a_single_box():
    drawing = draw(tg.Tensor(np.ones((2, 5)), name="X"))
    assert [thing.lines for thing in shown(drawing).nodes.values()] == [["X", "(2, 5)"]]
    assert (drawing.nodes, drawing.edges) == (1, 0)


def test_every_output_is_marked_once_and_nothing_else_is():
    a = parameter("a")
    b, c = np.exp(a), np.log(a)
    picture = shown(draw((a, b, c * b, b)))
    outputs = {id: thing for id, thing in picture.nodes.items() if thing.classes[0] == "output"}
    assert {id: thing.lines[0] for id, thing in outputs.items()} == {
        "n0": "a",
        "n1-value": "b",
        "n3-value": "output",
    }
    for id, thing in picture.nodes.items():  # a double outline
        shapes = [part for part in thing.element.iter() if part.tag == f"{SVG}polygon"]
        assert (len(shapes) == 2) == (id in outputs)


def test_each_kind_of_thing_has_its_class_and_its_fill():
    x, X = parameter("x"), np.ones(3)
    h = np.tanh(x) * X
    h.name = "h"
    picture = shown(draw(h + x.detach(), theme="light"))
    kinds = {thing.classes[0]: thing for thing in picture.nodes.values()}
    assert set(kinds) == {"parameter", "data", "operation", "value", "output", "blocked"}
    for kind, thing in kinds.items():
        assert thing.fills[0] == style.LOOKS[kind].light[0]
        assert thing.strokes[0] == style.LOOKS[kind].light[1]


CALLS = {
    "add": (lambda x: x + 1, "+ 1"),
    "radd": (lambda x: 1 + x, "1 +"),
    "sub": (lambda x: x - 0.5, "− 0.5"),  # noqa: RUF001
    "rsub": (lambda x: 1 - x, "1 −"),  # noqa: RUF001
    "mul": (lambda x: x * x, "×"),
    "div": (lambda x: x / 3, "/ 3"),
    "rdiv": (lambda x: 1 / x, "1 /"),
    "matmul": (lambda x: x @ x, "@"),
    "power": (lambda x: x**2, "** 2"),
    "long number": (lambda x: x * (1 / 3), "× 0.333333"),
    "numpy number": (lambda x: x * np.float64(2), "× 2"),
    "array": (lambda x: x * np.full(3, 2.0), "×"),
    "long shape": (lambda x: np.reshape(x, [1] * 30 + [9]), "reshape(·, (1, 1, 1, 1, 1, 1, 1, 1, 1, …)"),
    "tanh": (np.tanh, "tanh"),
    "sum": (np.sum, "sum"),
    "keywords": (lambda x: np.sum(x, axis=0, keepdims=True), "sum(axis=0, keepdims=True)"),
    "axes": (lambda x: np.sum(x, axis=(0, 1)), "sum(axis=(0, 1))"),
    "constants": (lambda x: np.maximum(x, 0), "maximum(·, 0)"),
    "shape": (lambda x: np.reshape(x, (9,)), "reshape(·, (9,))"),
    "index": (lambda x: x[0, 1:, ...], "getitem[0, 1:, ...]"),
    "array index": (lambda x: x[np.array([0, 2])], "getitem"),
    "arrays in an index": (lambda x: x[np.array([0, 2]), ::2], "getitem[array(2,), ::2]"),
}


@pytest.fixture(scope="module")
def pictured_calls():
    """All in one picture, which is laid out once: the lines of each operation, by its node."""
    answers = [function(parameter("x", (3, 3))) for function, _ in CALLS.values()]
    graph = Graph(answers)
    picture = shown(draw(answers))
    return dict(zip(CALLS, [picture.nodes[f"n{index}"].lines for index in graph.outputs], strict=True))


@pytest.mark.parametrize("call", CALLS)
def test_an_operation_reads_like_the_call_that_made_it(pictured_calls, call):
    assert pictured_calls[call] == [CALLS[call][1]]


def arrival(edge):
    """Where the line of an edge ends."""
    numbers = re.findall(r"-?[\d.]+", edge.element.find(f".//{SVG}path").get("d"))
    return float(numbers[-2]), float(numbers[-1])


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_the_operands_arrive_from_left_to_right_or_from_top_to_bottom(direction):
    a, b = parameter("a"), parameter("b")
    a.name, b.name = "a", "b"
    for x, y in ((a, b), (b, a)):
        picture = shown(draw([np.tanh(a), x - y], direction=direction))
        (minus,) = [id for id, thing in picture.nodes.items() if thing.lines == ["−"]]  # noqa: RUF001
        ends = {
            picture.nodes[tail].lines[0]: arrival(picture.edges[id])
            for id, (tail, head) in picture.ends.items()
            if head == minus
        }
        axis = 0 if direction == "TB" else 1
        assert ends[x.name][axis] < ends[y.name][axis] - 5


def test_many_operands_stand_in_order():
    names = [f"p{i}" for i in range(6)]
    picture = shown(draw(np.stack([parameter(name) for name in names])))
    places = {thing.lines[0]: float(thing.element.find(f".//{SVG}text").get("x")) for thing in picture.nodes.values()}
    assert sorted(names, key=places.get) == names


@pytest.mark.parametrize(("uses", "copies"), [(4, 1), (5, 5), (60, 60)])
def test_a_parameter_that_many_operations_share_has_a_copy_for_each_use(uses, copies):
    w, h = parameter("w"), parameter("h")
    for _ in range(uses):
        h = np.hypot(w, h)
    picture = shown(draw(np.sum(h), gradients=True))
    stubs = {id: thing for id, thing in picture.nodes.items() if thing.lines[0] == "w"}
    assert len(stubs) == copies
    assert all(id.startswith("n0") for id in stubs)
    assert len({tuple(thing.lines) for thing in stubs.values()}) == 1
    assert sum(tail in stubs for tail, _ in picture.ends.values()) == uses
    assert Counter(tail for tail, _ in picture.ends.values() if tail in stubs) == dict.fromkeys(stubs, uses // copies)


def test_an_output_has_one_node_however_often_it_is_used():
    w = h = parameter("w")
    for _ in range(9):
        h = np.hypot(w, h)
    assert titles(shown(draw([h, w]))).count("w") == 1


@st.composite
def programs(draw_from):
    """The last value of a random program of a few operations on a few leaves."""
    values = [parameter("a"), parameter(), tg.Tensor(np.ones(3), name="X")]
    for step in range(draw_from(st.integers(0, 8))):
        x, y = (draw_from(st.sampled_from(values)) for _ in range(2))
        value = draw_from(st.sampled_from([lambda: x + y, lambda: x * y, lambda: np.tanh(x), lambda: 2 - x]))()  # noqa: B023
        value.name = draw_from(st.sampled_from([None, f"h{step}"]))
        values.append(value)
    return values[-1]


@settings(max_examples=12)
@given(programs())
def test_an_engine_reads_an_edge_for_each_operand_and_each_box_that_an_operation_fills(output):
    graph = Graph([output])
    operations = [node for node in graph.nodes if node.kind == "operation"]
    boxed = {node.index for node in operations if node.name is not None or node.is_output}
    operands = {
        f"e{head}-{node.index}-{argnum}": (head, node.index) for node in operations for head, argnum in node.operands
    }
    drawing = draw(output)
    picture = shown(drawing)
    assert set(picture.edges) == {*operands, *(f"e{index}-value" for index in boxed)}
    assert len(picture.edges) == drawing.edges
    assert len(picture.nodes) == drawing.nodes
    uses = {index: sum(tail == index for tail, _ in operands.values()) for index in range(len(graph.nodes))}
    for id, (tail, head) in operands.items():
        expected = f"n{tail}-value" if tail in boxed else f"n{tail}"
        if graph.nodes[tail].kind != "operation" and uses[tail] > 4:
            assert picture.ends[id][0].startswith(f"n{tail}-use-")
        else:
            assert picture.ends[id][0] == expected
        assert picture.ends[id][1] == f"n{head}"
    assert {id for id in picture.nodes if id.endswith("-value")} == {f"n{index}-value" for index in boxed}


# ---- names


AWKWARD = [
    *('"', "\\", "\\N", '\\"', "<b>", "<b>bold</b>", "<>", "&amp; & &lt;", "a\nb", "权重", "🎉", "a\\", "{x|y}", "é"),
    *("n0:nw", "a -> b", "%%", "\\G\\L", "'", "]]>", "--", "\x00\x1b", "\ud800", "x" * 44),
]


def as_seen(name):
    """The lines of a name; what no XML can hold is as Python writes it."""
    impossible = "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
    return re.sub(impossible, lambda match: repr(match[0])[1:-1], name).split("\n")


def test_awkward_names_of_parameters_values_and_operations_are_shown_as_typed():
    tensors = []
    for name in AWKWARD:

        @tg.primitive
        def function(x):
            return x * 1

        function.__name__ = name
        tg.defvjp(function, lambda g, ans, x: g)
        value = function(parameter(name))
        value.name = name
        tensors.append(value)
    graph = Graph(tensors)
    picture = shown(draw(tensors))
    for name, index in zip(AWKWARD, graph.outputs, strict=True):
        (operand,) = graph.nodes[index].operands
        assert picture.nodes[f"n{index}"].lines == as_seen(name)
        assert picture.nodes[f"n{index}-value"].lines == [*as_seen(name), "(3,)"]
        assert picture.nodes[f"n{operand.index}"].lines == [*as_seen(name), "(3,)"]
        assert picture.nodes[f"n{operand.index}"].tooltip.split("\n")[: len(as_seen(name))] == as_seen(name)


@settings(max_examples=10)
@given(st.lists(st.text(st.characters(codec=None), min_size=1, max_size=20), min_size=5, max_size=10))
def test_any_names_are_drawn(names):
    picture = shown(draw([parameter(name) for name in names]))
    assert len(picture.nodes) == len(names)


def test_a_long_name_is_cut_and_whole_in_the_tooltip():
    name = "x" * 200
    (thing,) = shown(draw(parameter(name))).nodes.values()
    assert len(thing.lines[0]) < 60
    assert "…" in thing.lines[0]
    assert thing.tooltip.startswith(name)


# ---- repeated blocks


def test_the_edge_of_some_of_the_parameters_of_a_run_has_their_number():
    weights, x = [tg.parameter(np.eye(3), f"W{i}") for i in range(1, 10)], parameter("x")
    for W in weights:
        x = np.tanh(W @ x)
    picture = shown(draw(np.sum(x) + np.sum(weights[6] ** 2), roll=True))
    [(W, _)] = [(id, thing) for id, thing in picture.nodes.items() if thing.lines[0] == "W1 … W9"]
    labels = [picture.edges[id].lines for id, (tail, _) in picture.ends.items() if tail == W]
    assert sorted(labels) == [[], ["1 of 9"]]


# ---- size and order


def test_the_same_program_gives_the_same_text():
    def program():
        X, W, b = np.ones((2, 7)), parameter("W", (4, 2)), parameter("b", (4, 1))
        A = np.tanh(W @ X + b) * nn.relu(W @ X)
        options = {"gradients": True, "heat": True, "formulas": True, "values": True, "show": "both"}
        return draw(np.mean(A * A.detach()), **options).source

    assert program() == program()


def test_doubling_forty_times_is_forty_operations():
    y = parameter("y")
    for _ in range(40):
        y = y + y
    drawing = draw(y)
    assert (drawing.nodes, drawing.edges) == (42, 81)


@pytest.mark.parametrize("show", ["forward", "backward"])
def test_no_chain_is_too_long(show, deep):
    y, length = tg.parameter(1.0, "y"), 4_000 if deep else 300
    for _ in range(length):
        y = np.tanh(y)
    drawing = draw(y, show=show, gradients=True, heat=True, max_nodes=None)
    assert drawing.edges >= length
    assert len(re.findall(r"^\t\S+ -> ", drawing.source, re.MULTILINE)) == drawing.edges


def test_ids_of_nodes_are_those_of_the_graph():
    loss, _ = random_net()
    graph, picture = Graph([loss]), shown(draw(loss))
    for node in graph.nodes:
        own = picture.nodes[node.id]
        assert own.lines[0] == (node.label if node.kind == "operation" else node.title)
        boxed = node.kind == "operation" and (bool(node.name) or node.is_output)
        assert (f"{node.id}-value" in picture.nodes) == boxed


def test_every_contribution_is_told_on_its_edge_in_any_net():
    rng = np.random.default_rng(0)
    net = nn.mlp([2, 3, 3, 1], hidden=nn.relu, output=nn.sigmoid, rng=rng)
    loss = nn.binary_cross_entropy(net(rng.normal(size=(2, 5))), np.ones((1, 5)))
    graph, picture = Graph([loss]), shown(draw(loss, gradients=True))
    record = Record(graph)
    for c in record.contributions:
        edge = picture.edges[f"e{c.head}-{c.tail}-{c.argnum}"]
        assert f"adds {norm(c.value)}" in edge.lines
        assert f"norm {np.linalg.norm(c.value):.6g}" in edge.tooltip
    told = [id for id, edge in picture.edges.items() if any(line.startswith("adds ") for line in edge.lines)]
    assert len(told) == len(record.contributions)


def test_importing_the_package_does_not_import_graphviz():
    code = "import sys, tinygrad_dl.drawing; sys.exit('graphviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_formula_of_several_lines_with_wide_letters_is_no_wider_than_a_line():
    Z, Y = tg.parameter(np.ones((3, 4)), name="得分"), tg.Tensor(np.full((3, 4), 1 / 3), name="标签")
    source = draw(tg.nn.softmax_cross_entropy(Z, Y), show="both", formulas=True).source
    widths = [float(inches) for inches in re.findall(r"\bwidth=([\d.]+)", source)]
    assert widths
    assert max(widths) < 44 * 0.6 * 2 * 12 / 72 + 0.3
