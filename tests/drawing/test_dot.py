"""The laws of a picture: what a graph's DOT text says, and that a layout engine reads it as it was meant."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.drawing import draw, engine

SVG = "{http://www.w3.org/2000/svg}"
needs_engine = pytest.mark.skipif(engine.find() is None, reason="no layout engine is installed")


def nodes_of(source):
    """The label and attributes of each node, read from the lines of DOT that `draw` writes."""
    found = re.findall(r'^\t(n\d+) \[label=("(?:[^"\\]|\\.)*"|\S+) (.*)\]$', source, re.MULTILINE)
    return {node: (label.strip('"'), attributes) for node, label, attributes in found}


def edges_of(source):
    return re.findall(r"^\t(n\d+) -> (n\d+)(?::(\w+))?$", source, re.MULTILINE)


def labels_of(source):
    return [label for label, _ in nodes_of(source).values()]


def laid_out(drawing):
    """The lines of text in each node, and the titles of the edges, read from the SVG that the engine makes."""
    root = ET.fromstring(engine.rendered(drawing.source, ".svg"))
    groups = list(root.iter(f"{SVG}g"))
    lines = [[line.text or "" for line in g.iter(f"{SVG}text")] for g in groups if g.get("class") == "node"]
    nodes = [[text.replace("\xa0", " ") for text in node] for node in lines]  # Graphviz's way to keep spaces
    edges = [g.findtext(f"{SVG}title") for g in groups if g.get("class") == "edge"]
    return nodes, edges


def parameter(name=None, shape=(3,)):
    return tg.parameter(np.ones(shape), name)


# ---- what is drawn


def test_both_edges_of_a_plus_a_are_drawn():
    a = parameter("a")
    edges = edges_of(draw(a + a).source)
    assert len(edges) == 3
    assert edges[0][:2] == edges[1][:2] == ("n1", "n2")


def test_a_name_gives_an_intermediate_its_box_and_without_one_its_shape_stands_in_the_operation():
    x = parameter("x")
    y = np.tanh(x)
    assert labels_of(draw(y * 2).source) == [r"x\n(3,)", r"tanh\n(3,)", "× 2", r"output\n(3,)"]
    y.name = "y"
    assert labels_of(draw(y * 2).source) == [r"x\n(3,)", "tanh", r"y\n(3,)", "× 2", r"output\n(3,)"]


def test_an_untracked_tensor_is_a_single_box():
    drawing = draw(tg.Tensor(np.ones((2, 5)), name="X"))
    assert labels_of(drawing.source) == [r"X\n(2, 5)"]
    assert (drawing.nodes, drawing.edges) == (1, 0)


def test_every_output_is_marked_once_and_nothing_else_is():
    a = parameter("a")
    b, c = np.exp(a), np.log(a)
    nodes = nodes_of(draw((a, b, c * b, b)).source)
    marked = [label for label, attributes in nodes.values() if "peripheries=2" in attributes]
    assert marked == [r"a\n(3,)", r"output\n(3,)", r"output\n(3,)"]


def test_each_kind_of_node_has_an_outline_of_its_own_without_its_colour():
    h = np.tanh(parameter("w") * np.ones(3))
    h.name = "h"
    outlines = {
        tuple(re.findall(r'(?:shape|style|peripheries)=(?!filled\b)("[^"]*"|\w+)', attributes))
        for _, attributes in nodes_of(draw(h * h).source).values()
    }
    assert len(outlines) == 5  # a parameter, data, an operation, an intermediate, an output


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
    "array": (lambda x: x * np.ones(3), "×"),
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


@pytest.mark.parametrize("call", CALLS)
def test_an_operation_reads_like_the_call_that_made_it(call):
    function, label = CALLS[call]
    source = draw(function(parameter("x", (3, 3)))).source
    assert label in [label for label, attributes in nodes_of(source).values() if "shape=ellipse" in attributes]


def test_the_operands_arrive_from_left_to_right():
    a, b = parameter("a"), parameter("b")
    for x, y in ((a, b), (b, a)):
        source = draw(x - y).source
        nodes = nodes_of(source)
        sides = {nodes[tail][0]: side for tail, _, side in edges_of(source) if side}
        assert sides == {rf"{x.name}\n(3,)": "nw", rf"{y.name}\n(3,)": "ne"}


@needs_engine
def test_many_operands_stand_in_order():
    names = [f"p{i}" for i in range(6)]
    svg = engine.rendered(draw(np.stack([parameter(name) for name in names])).source, ".svg")
    texts = [text for text in ET.fromstring(svg).iter(f"{SVG}text") if text.text in names]
    assert [text.text for text in sorted(texts, key=lambda text: float(text.get("x")))] == names


@pytest.mark.parametrize(("uses", "copies"), [(4, 1), (5, 5), (300, 300)])
def test_a_parameter_that_many_operations_share_has_a_copy_for_each_use(uses, copies):
    w, h = parameter("w"), parameter("h")
    for _ in range(uses):
        h = np.hypot(w, h)
    source = draw(h).source
    stubs = [node for node, (label, _) in nodes_of(source).items() if label.startswith(r"w\n")]
    assert len(stubs) == copies
    assert sum(tail in stubs for tail, _, _ in edges_of(source)) == uses


def test_an_output_has_one_node_however_often_it_is_used():
    w = h = parameter("w")
    for _ in range(9):
        h = np.hypot(w, h)
    assert sum(label.startswith(r"w\n") for label in labels_of(draw([h, w]).source)) == 1


@st.composite
def programs(draw_from):
    """A random program of a few operations on a few leaves, its last value and how many operands it has in all."""
    values = [parameter("a"), parameter(), tg.Tensor(np.ones(3), name="X")]
    for step in range(draw_from(st.integers(0, 8))):
        x, y = (draw_from(st.sampled_from(values)) for _ in range(2))
        value = draw_from(st.sampled_from([lambda: x + y, lambda: x * y, lambda: np.tanh(x), lambda: 2 - x]))()  # noqa: B023
        value.name = draw_from(st.sampled_from([None, f"h{step}"]))
        values.append(value)
    return values[-1]


@needs_engine
@settings(max_examples=30, deadline=None)
@given(programs())
def test_an_engine_reads_an_edge_for_each_operand_and_each_box_that_an_operation_fills(output):
    made = set()
    stack = [output]
    while stack:
        node = stack.pop()
        if node._function is not None and node not in made:
            made.add(node)
            stack += [parent for parent in node._parents if parent is not None]
    operands = sum(np.ndim(arg) > 0 for node in made for arg in node._args)
    boxes = sum(node.name is not None or node is output for node in made)
    drawing = draw(output)
    nodes, edges = laid_out(drawing)
    assert len(edges) == drawing.edges == operands + boxes
    assert len(nodes) == drawing.nodes


# ---- names


def shown(name):
    """The lines with something on them in a picture of `name`; what no XML can hold is as Python writes it."""
    impossible = "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
    lines = re.sub(impossible, lambda match: repr(match[0])[1:-1], name).split("\n")
    return [line for line in lines if line]


AWKWARD = [
    '"',
    "\\",
    "\\N",
    '\\"',
    "<b>",
    "<b>bold</b>",
    "<>",
    "&amp; & &lt;",
    "a\nb",
    "权重",
    "🎉",
    "a\\",
    "{x|y}",
    "é",
]


@needs_engine
@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_name_is_shown_as_typed(name):
    ((*lines, shape),), _ = laid_out(draw(parameter(name)))
    assert lines == name.split("\n")
    assert shape == "(3,)"


@needs_engine
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), min_size=1))
def test_any_name_is_shown_as_typed(name):
    ((*lines, _),), _ = laid_out(draw(parameter(name)))
    assert lines == [line.replace("\xa0", " ") for line in shown(name)]


@needs_engine
@pytest.mark.parametrize("name", AWKWARD)
def test_the_name_of_an_operation_is_escaped_too(name):
    @tg.primitive
    def function(x):
        return x

    function.__name__ = name
    tg.defvjp(function, lambda g, ans, x: g)
    nodes, _ = laid_out(draw(function(parameter("x"))))
    assert nodes[1] == name.split("\n")


# ---- size and order


def test_the_same_program_gives_the_same_text():
    def program():
        X, W, b = np.ones((2, 7)), parameter("W", (4, 2)), parameter("b", (4, 1))
        A = np.tanh(W @ X + b)
        return draw([np.mean(A * A), A]).source

    assert program() == program()


def test_doubling_forty_times_is_forty_operations():
    y = parameter("y")
    for _ in range(40):
        y = y + y
    drawing = draw(y)
    assert (drawing.nodes, drawing.edges) == (42, 81)


@pytest.mark.parametrize("length", [1_500, 20_000])
def test_no_chain_is_too_long(length):
    y = parameter("y")
    for _ in range(length):
        y = np.tanh(y)
    assert len(edges_of(draw(y).source)) == length + 1


# ---- what can't be drawn


@pytest.mark.parametrize("wrong", [np.ones(3), 2.0, None, "loss", {"loss": 1}, [parameter(), 3]])
def test_anything_but_tensors_is_an_error_that_says_what_to_pass(wrong):
    got = type(wrong[1] if isinstance(wrong, list) else wrong).__name__
    with pytest.raises(TypeError, match=rf"draw: expected a Tensor.* got {got} .*pass the Tensor itself"):
        draw(wrong)


def test_an_empty_list_is_an_error():
    with pytest.raises(TypeError, match=r"expected a Tensor.* got an empty list: pass the loss"):
        draw([])


def test_importing_the_package_does_not_import_graphviz():
    code = "import sys, tinygrad_dl.drawing; sys.exit('graphviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
