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
from tinygrad_dl.drawing.graph import Graph
from tinygrad_dl.drawing.record import Record

from .pictures import SVG, needs_engine, shown

pytestmark = needs_engine


def parameter(name=None, shape=(3,)):
    return tg.parameter(np.ones(shape), name)


def titles(picture):
    return [thing.lines[0] for thing in picture.nodes.values()]


def by_title(picture, *classes):
    """The nodes by what they are called, those of some classes only."""
    return {thing.lines[0]: thing for thing in picture.nodes.values() if not classes or thing.classes[0] in classes}


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
        "n1-value": "output",
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


# ---- numbers


def random_net():
    """A loss with all that broadcasts, is shared, or cut off, and the arrays in it."""
    rng = np.random.default_rng(0)
    arrays = {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=(2, 1)), "X": rng.normal(size=(3, 4))}
    W, b = (tg.parameter(arrays[name], name) for name in "Wb")
    X = tg.Tensor(arrays["X"], name="X")
    Z = W @ X + b
    A = np.tanh(Z)
    Z.name, A.name = "Z", "A"
    return np.sum(A * A * b), arrays


def expected_gradients(arrays):
    """By hand: of Σ A A b, A = tanh(W X + b)."""
    W, b, X = (arrays[name] for name in "WbX")
    Z = W @ X + b
    A = np.tanh(Z)
    dA = 2 * A * b
    dZ = dA * (1 - A**2)
    parts_b = dZ.sum(axis=1, keepdims=True), (A * A).sum(axis=1, keepdims=True)
    return {"A": dA, "Z": dZ, "W": dZ @ X.T, "b": sum(parts_b)}, {"Z": Z, "A": A}, parts_b


def norm(array):
    return f"{np.linalg.norm(array):.3g}"


def test_values_are_the_numbers_of_small_arrays_and_the_range_and_mean_of_large_ones():
    loss, arrays = random_net()
    things = by_title(shown(draw(loss, values=True)), "parameter", "data", "value", "output")
    for name in "WX":
        rows = [line.split() for line in things[name].lines[2:]]
        assert rows == [[f"{x:.3g}" for x in row] for row in arrays[name]]
    assert float(things["output"].lines[-1]) == pytest.approx(loss.item(), rel=0.005)
    large = np.random.default_rng(1).normal(size=(20, 30))
    (thing,) = shown(draw(tg.parameter(large, "L"), values=True)).nodes.values()
    assert thing.lines == ["L", "(20, 30)", f"{large.min():.3g} to {large.max():.3g}, mean {large.mean():.3g}"]
    (thing,) = shown(draw(tg.parameter(large, "L"))).nodes.values()
    assert thing.lines == ["L", "(20, 30)"]


def test_an_image_has_a_pixel_for_each_number_blue_and_orange():
    x = np.array([[1.0, -1.0, 0.0], [0.5, -0.5, 1.0]])
    (thing,) = shown(draw(tg.parameter(x, "x"), values="image", theme="light")).nodes.values()
    pixels = [part.get("fill") for part in thing.element.iter(f"{SVG}polygon") if part.get("stroke") == "none"]
    assert pixels == [style.signed(value) for value in x.ravel()]


def test_an_image_keeps_its_colours_where_a_style_sheet_makes_the_picture_dark():
    """What the sheet fills and outlines is of an outline, and pixels have none."""
    picture = draw(tg.parameter(np.ones((2, 3)), "x"), values="image")._rendered(".svg").decode()
    sheet = picture[picture.index("<style>") : picture.index("</style>")].replace("&gt;", ">")
    for rule in re.findall(r"^(\.node\.[^{]*)\{ (?:fill|stroke):", sheet, re.MULTILINE):
        for selector in rule.split(","):
            if not selector.strip().endswith("text"):
                assert ':not([stroke="none"])' in selector


def test_gradients_are_the_true_ones_at_nodes_and_on_edges_and_their_parts_add_up():
    loss, arrays = random_net()
    expected, values, parts_b = expected_gradients(arrays)
    picture = shown(draw(loss, gradients=True))
    things = by_title(picture, "parameter", "data", "value", "output")
    for name in "WZ":
        assert f"gradient norm {norm(expected[name])}" in things[name].lines
    assert f"gradient norm {norm(expected['A'])}, sum of 2" in things["A"].lines
    assert f"gradient norm {norm(expected['b'])}, sum of 2" in things["b"].lines
    assert "gradient 1" in things["output"].lines
    assert "no gradient needed" in things["X"].lines
    ids = {
        thing.lines[0]: id for id, thing in picture.nodes.items() if thing.lines[0] in "Wb" or thing.lines[0] in "ZA"
    }
    on_edges = {
        name: sorted(line for id, (tail, _) in picture.ends.items() if tail == node for line in picture.edges[id].lines)
        for name, node in ids.items()
    }
    half = norm(values["A"] * arrays["b"])
    assert on_edges["A"] == [f"g {half}", f"g {half}"]
    assert on_edges["W"] == [f"g {norm(expected['W'])}"]
    undone = "summed over axis 1: (2, 4) to (2, 1)"
    assert on_edges["b"] == sorted([*("broadcast", "to (2, 4)", undone) * 2, *(f"g {norm(part)}" for part in parts_b)])


def test_the_gradient_of_one_number_is_told_with_its_sign_and_of_few_with_the_values():
    x, y = tg.parameter(2.0, "x"), tg.parameter([1.0, 4.0], "y")
    things = by_title(shown(draw(np.sum(-3 * x * y), gradients=True, values=True)), "parameter")
    assert things["x"].lines == ["x", "()", "2", "gradient -15"]
    assert things["y"].lines == ["y", "(2,)", "1  4", f"gradient norm {norm([6, 6])}", "-6  -6"]


def test_an_output_that_another_one_is_computed_from_has_its_own_one_beside_the_parts():
    x = tg.parameter(2.0, "x")
    y = x * 3
    y.name = "y"
    things = by_title(shown(draw([y, y * 5], gradients=True)))
    assert things["y"].lines == ["y", "()", "gradient 6, 1 + 1 more"]
    assert things["x"].lines == ["x", "()", "gradient 18"]


def test_stored_gradients_are_those_in_grad_and_no_backward_pass_is_run():
    x, w = tg.parameter([1.0, 2.0], "x"), tg.parameter([3.0, 4.0], "w")
    loss = np.sum(x * w)
    x.grad = np.array([30.0, 40.0])
    for heat in (False, True):
        things = by_title(shown(draw(loss, gradients="stored", heat=heat)))
        assert things["x"].lines == ["x", "(2,)", "gradient norm 50"]
        assert things["w"].lines == ["w", "(2,)", "gradient never computed"]
        assert "gradient freed" in things["×"].lines
    assert w.grad is None
    assert shown(draw(np.tanh(x), gradients="stored")).nodes  # of any shape


def test_the_five_states_are_told_apart():
    x, never = tg.parameter([1.0, 2.0], "x"), tg.parameter([1.0, 2.0], "never")
    zero, X = tg.parameter([5.0, 5.0], "zero"), tg.Tensor([1.0, 1.0], name="X")
    blocked = x.detach()
    blocked.name = "blocked"
    loss = np.sum(x * X + 0.0 * zero + blocked)
    loss.backward()
    things = by_title(shown(draw([loss, np.sum(never * X)], gradients="stored")))
    words = {name: things[name].lines[-1] for name in ("x", "never", "zero", "X", "blocked")}
    assert words == {
        "x": f"gradient norm {norm([1, 1])}",
        "never": "gradient never computed",
        "zero": "gradient zero",
        "X": "no gradient needed",
        "blocked": "gradient blocked",
    }
    assert "gradient freed" in things["+"].lines
    recorded = by_title(shown(draw(loss, gradients=True)))
    assert "gradient zero" in recorded["zero"].lines
    assert "gradient blocked" in recorded["blocked"].lines


def test_gradients_are_the_same_in_debug_mode():
    loss, _ = random_net()
    plain = draw(loss, gradients=True).source
    with tg.debug():
        assert draw(loss, gradients=True).source == plain


def test_formulas_stand_in_the_operation_for_each_argument_that_has_a_gradient():
    loss, arrays = random_net()
    expected, values, _ = expected_gradients(arrays)
    things = by_title(shown(draw(loss, formulas=True)), "operation")
    (tanh,) = [line for line in things["tanh"].lines if ":" in line]
    name, formula = tanh.split(": ")
    assert name == "dZ"
    np.testing.assert_allclose(eval(formula, {"np": np, "dA": expected["A"], **values}), expected["Z"])
    assert [line.split(":")[0] for line in things["@"].lines if ":" in line] == ["dW"]
    assert all(":" not in line for thing in by_title(shown(draw(loss)), "operation").values() for line in thing.lines)


def test_shapes_stand_on_each_edge():
    loss, _ = random_net()
    picture = shown(draw(loss, shapes=True))
    graph = Graph([loss])
    for node in graph.nodes:
        for head, argnum in node.operands:
            assert str(graph.nodes[head].shape) == picture.edges[f"e{head}-{node.index}-{argnum}"].lines[0]
    assert not any(thing.lines for id, thing in picture.edges.items() if id.endswith("-value"))


def test_memory_is_that_of_each_array_and_of_all():
    x = tg.parameter(np.ones((16, 16)), "x")
    y = np.tanh(x)
    y.name = "y"
    picture = shown(draw(np.sum(y), memory=True))
    things = by_title(picture, "parameter", "value", "output")
    assert [things[name].lines[-1] for name in ("x", "y", "output")] == ["2.0 kB", "2.0 kB", "8 B"]
    assert "The graph holds 4.0 kB." in picture.foot
    assert "The graph holds 6.0 kB." in shown(draw(np.sum(x * x.detach() + 1.0), memory=True)).foot  # x once


def test_a_dtype_is_told_where_it_is_not_the_usual_one():
    x = parameter("x")
    i = tg.Tensor(np.array([0, 2]), name="i")
    h = np.tanh(x * np.ones(3))[i.numpy()]
    picture = shown(draw(np.sum(h * tg.Tensor(np.ones(2, np.float32), name="f"))))
    assert "dtype: float64 where nothing else is said." in picture.foot
    assert [thing.lines for thing in picture.nodes.values() if "float32" in " ".join(thing.lines)] == [
        ["f", "(2,)  float32"]
    ]
    assert sum("int64" in " ".join(thing.lines) for thing in picture.nodes.values()) == 1


# ---- broadcasting and cuts


BROADCASTS = {  # a call, and which arguments are repeated in it
    "+": (lambda: parameter("a", (3, 1)) + parameter("b", (1, 4)), {0, 1}),
    "same": (lambda: parameter("a", (3, 1)) + parameter("b", (3, 1)), set()),
    "scalar": (lambda: parameter("a", (3, 4)) * parameter("b", ()), {1}),
    "number": (lambda: parameter("a", (3, 4)) * 2.0, set()),
    "data": (lambda: parameter("a", (3, 4)) * np.ones((2, 1, 1)), {0, 1}),
    "matrices": (lambda: parameter("a", (3, 4)) @ parameter("b", (4, 2)), set()),
    "stacks": (lambda: parameter("a", (5, 3, 4)) @ parameter("b", (4, 2)), {1}),
    "stacks of one": (lambda: parameter("a", (5, 1, 3, 4)) @ parameter("b", (6, 4, 2)), {0, 1}),
    "equal stacks": (lambda: parameter("a", (5, 3, 4)) @ parameter("b", (5, 4, 2)), set()),
    "vectors": (lambda: parameter("a", (4,)) @ parameter("b", (4,)), set()),
    "matrix and vector": (lambda: parameter("a", (3, 4)) @ parameter("b", (4,)), set()),
    "sum": (lambda: np.sum(parameter("a", (3, 4)), axis=0), set()),
    "where": (lambda: np.where(np.ones((3, 1), bool), parameter("a", (3, 4)), parameter("b", (4,))), {0, 2}),
    "broadcast_to": (lambda: np.broadcast_to(parameter("a", (4,)), (3, 4)), {0}),
    "layer": (lambda: nn.fused.affine(parameter("a", (3, 4)), parameter("b", (4, 5)), parameter("c", (3, 1))), {2}),
    "layer, one sample": (
        lambda: nn.fused.affine(parameter("a", (3, 4)), parameter("b", (4, 1)), parameter("c", (3, 1))),
        set(),
    ),
    "several outputs": (lambda: np.divmod(parameter("a", (3, 1)), parameter("b", (4,)))[1], {0, 1}),
}


@pytest.fixture(scope="module")
def pictured_broadcasts():
    values = {name: call() for name, (call, _) in BROADCASTS.items()}
    graph = Graph(list(values.values()))
    picture = shown(draw(list(values.values())))
    edges = {}
    for name, index in zip(values, graph.outputs, strict=True):
        node = graph.nodes[index]
        while len(node.operands) == 1 and graph.nodes[node.operands[0].index].kind == "operation":
            node = graph.nodes[node.operands[0].index]  # the function of several outputs
        edges[name] = {argnum: picture.edges[f"e{head}-{node.index}-{argnum}"] for head, argnum in node.operands}
    return edges


@pytest.mark.parametrize("name", BROADCASTS)
def test_a_badge_stands_where_broadcasting_happens_and_nowhere_else(pictured_broadcasts, name):
    edges = pictured_broadcasts[name]
    assert {argnum for argnum, edge in edges.items() if "broadcast" in edge.lines} == BROADCASTS[name][1]
    assert {argnum for argnum, edge in edges.items() if "broadcast" in edge.classes} == BROADCASTS[name][1]


@settings(max_examples=8)
@given(
    st.sampled_from(
        [((3, 1), (1, 4)), ((), (2, 3)), ((4,), (2, 3, 4)), ((2, 3), (2, 3)), ((1, 1), (5, 2)), ((1, 4), (5, 1, 4))]
    )
)
def test_each_broadcast_says_its_shapes_and_how_it_is_undone(shapes):
    a, b = (parameter(name, shape) for name, shape in zip("ab", shapes, strict=True))
    shape = np.broadcast_shapes(*shapes)
    picture = shown(draw(np.sum(a * b), gradients=True))
    for argnum, own in enumerate(shapes):
        edge = picture.edges[f"e{argnum}-2-{argnum}"]
        assert (f"to {shape}" in edge.lines) == (own != shape)
        summed = [line for line in edge.lines if line.startswith("summed")]
        assert len(summed) == (own != shape)
        for line in summed:
            axes = {int(axis) for axis in re.findall(r"\d+", line.split(":")[0])}
            full = (1,) * (len(shape) - len(own)) + own
            assert axes == {
                i for i, (n, m) in enumerate(zip(full, shape, strict=True)) if n != m or i < len(shape) - len(own)
            }


def test_what_no_gradient_passes_says_why_and_has_a_dotted_edge_from_what_it_was_cut_off_from():
    x = parameter("x")
    h = np.tanh(x)
    h.name = "h"
    for cut, by in ((lambda: h.detach(), "detach"), (lambda: np.sign(h), "np.sign"), (lambda: h > 0, "np.greater")):
        for loss in (np.sum(h * cut()), np.sum(cut() * h), np.sum(cut() * x) + np.sum(h)):
            picture = shown(draw(loss))
            ((id, thing),) = [(id, thing) for id, thing in picture.nodes.items() if thing.classes[0] == "blocked"]
            named, below = by == "detach", "(3,)  bool" if by == "np.greater" else "(3,)"
            assert thing.lines[:2] == (["h", "cut off by detach"] if named else [by, below])
            assert f"cut off from the graph by {by}: no gradient passes" in thing.tooltip
            (edge,) = [edge for edge, (_, head) in picture.ends.items() if head == id]
            assert picture.nodes[picture.ends[edge][0]].lines[0] == "h"
            assert edge.endswith("-cut")
            assert picture.edges[edge].element.find(f".//{SVG}path").get("stroke-dasharray")
    with tg.no_grad():
        frozen = h * 2
    things = by_title(shown(draw(np.sum(frozen * x))))
    assert things["no_grad"].classes == ["blocked"]


# ---- all that is known stands in the tooltip


def test_a_tooltip_has_the_line_of_code_the_numbers_and_the_users_line():
    def f(x):
        return np.tanh(x) * 3

    picture = shown(draw(f, np.array([0.5, -0.5])))
    tips = {thing.lines[0]: thing.tooltip for thing in picture.nodes.values()}
    assert "np.tanh(x)" in tips["tanh"]
    assert f"{np.tanh(0.5):.3g}" in tips["tanh"]
    assert "shape (2,), float64, 16 B" in tips["tanh"]
    assert re.search(r"test_dot\.py:\d+: return np\.tanh\(x\) \* 3", tips["tanh"])
    assert tips["x"].startswith("x\n")


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
def test_no_chain_is_too_long(show):
    y = tg.parameter(1.0, "y")
    for _ in range(4_000):
        y = np.tanh(y)
    drawing = draw(y, show=show, gradients=True, heat=True, max_nodes=None)
    assert drawing.edges >= 4_000
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
        assert f"g {norm(c.value)}" in edge.lines
        assert f"norm {np.linalg.norm(c.value):.6g}" in edge.tooltip
    told = [id for id, edge in picture.edges.items() if any(line.startswith("g ") for line in edge.lines)]
    assert len(told) == len(record.contributions)


def test_importing_the_package_does_not_import_graphviz():
    code = "import sys, tinygrad_dl.drawing; sys.exit('graphviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
