"""Numbers, gradients, broadcasting, cuts and groups in a picture, against NumPy."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.drawing.pictures import SVG, by_title, needs_engine, norm, parameter, random_net, shown
from tinygrad_dl import nn
from tinygrad_dl.drawing import draw, style
from tinygrad_dl.graph import formulas, op_text
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.record import Record

pytestmark = needs_engine

# ---- numbers


def expected_gradients(arrays):
    """By hand: of Σ A A b, A = tanh(W X + b)."""
    W, b, X = (arrays[name] for name in "WbX")
    Z = W @ X + b
    A = np.tanh(Z)
    dA = 2 * A * b
    dZ = dA * (1 - A**2)
    parts_b = dZ.sum(axis=1, keepdims=True), (A * A).sum(axis=1, keepdims=True)
    return {"A": dA, "Z": dZ, "W": dZ @ X.T, "b": sum(parts_b)}, {"Z": Z, "A": A}, parts_b


def test_values_are_the_numbers_of_small_arrays_and_the_range_and_mean_of_large_ones():
    loss, arrays = random_net()
    things = by_title(shown(draw(loss, values=True)), "parameter", "data", "value", "output")
    for name in "WX":
        rows = [line.split() for line in things[name].lines[2:]]
        assert rows == [[f"{x:.3g}" for x in row] for row in arrays[name]]
    assert float(things["loss"].lines[-1]) == pytest.approx(loss.item(), rel=0.005)
    large = np.random.default_rng(1).normal(size=(20, 30))
    (thing,) = shown(draw(tg.parameter(large, "L"), values=True)).nodes.values()
    assert thing.lines == ["L", "(20, 30)", f"{large.min():.3g} to {large.max():.3g}, mean {large.mean():.3g}"]
    (thing,) = shown(draw(tg.parameter(large, "L"))).nodes.values()
    assert thing.lines == ["L", "(20, 30)"]


def test_an_image_has_a_pixel_for_each_number_blue_and_orange():
    x = np.array([[1.0, -1.0, 0.0], [0.5, -0.5, 1.0]])
    (thing,) = shown(draw(tg.parameter(x, "x"), values="image", theme="light")).nodes.values()
    pixels = [part.get("fill") for part in thing.element.iter(f"{SVG}polygon") if part.get("stroke") == "none"]
    assert pixels == [style.signed_colour(value) for value in x.ravel()]


def test_an_image_keeps_its_colours_where_a_style_sheet_makes_the_picture_dark():
    """What the sheet fills and outlines is of an outline, and pixels have none."""
    picture = draw(tg.parameter(np.ones((2, 3)), "x"), values="image")._render(".svg").decode()
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
    assert "gradient 1" in things["loss"].lines
    assert "no gradient needed" in things["X"].lines
    ids = {
        thing.lines[0]: id for id, thing in picture.nodes.items() if thing.lines[0] in "Wb" or thing.lines[0] in "ZA"
    }
    on_edges = {
        name: sorted(line for id, (tail, _) in picture.ends.items() if tail == node for line in picture.edges[id].lines)
        for name, node in ids.items()
    }
    half = norm(values["A"] * arrays["b"])
    assert on_edges["A"] == [f"adds {half}", f"adds {half}"]
    assert on_edges["W"] == [f"adds {norm(expected['W'])}"]
    undone = "summed over axis 1: (2, 4) to (2, 1)"
    assert on_edges["b"] == sorted(
        [*("broadcast", "to (2, 4)", undone) * 2, *(f"adds {norm(part)}" for part in parts_b)]
    )


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
        assert "gradient never computed" in things["×"].lines
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
    foot = " ".join(shown(draw(loss, gradients="stored")).foot)
    assert "freed: backward keeps gradients of leaves only." in foot
    assert "of this loss or of another" in foot
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
    assert "The graph holds 4.1 kB." in picture.foot
    assert "The graph holds 6.2 kB." in shown(draw(np.sum(x * x.detach() + 1.0), memory=True)).foot  # x once


def test_a_dtype_is_told_where_it_is_not_the_usual_one():
    x = parameter("x")
    i = tg.Tensor(np.array([0, 2]), name="i")
    h = np.tanh(x * np.ones(3))[i.numpy()]
    picture = shown(draw(np.sum(h * tg.Tensor(np.ones(2, np.float32), name="f"))))
    assert "dtype: float64 unless noted." in picture.foot
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


@pytest.mark.few_values
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


SHAPES_OF = {  # a call, and the shape to which each argument is repeated
    "both": (lambda a, b: a + b, (3, 1), (1, 4), (3, 4), (3, 4)),
    "a matrix": (np.matmul, (3, 4), (5, 4, 7), (5, 3, 4), None),
    "stacks": (np.matmul, (5, 1, 3, 4), (6, 4, 2), (5, 6, 3, 4), (5, 6, 4, 2)),
    "a vector": (np.matmul, (5, 3, 4), (4,), None, (5, 4)),
    "vectors": (np.matmul, (4,), (4,), None, None),
    "solve": (np.linalg.solve, (3, 3), (5, 3, 2), (5, 3, 3), None),
    "where": (lambda a, b: np.where(np.ones((3, 1), bool), a, b), (3, 4), (4,), None, (3, 4)),
    "clip": (lambda a, b: np.clip(a, b, 9.0), (3, 4), (1, 4), None, (3, 4)),
}


@pytest.mark.few_values
@pytest.mark.parametrize("what", SHAPES_OF)
def test_a_badge_says_the_shape_that_the_rule_sums_over(what):
    """By the function alone; where that is not known, by what the rule gave."""
    call, one, other, *expected = SHAPES_OF[what]
    rng = np.random.default_rng(0)
    a, b = (tg.parameter(rng.uniform(1, 2, size=shape), name) for name, shape in zip("ab", (one, other), strict=True))
    loss = np.sum(call(a, b))
    graph = Graph([loss])
    for options in ({}, {"gradients": True}):
        picture = shown(draw(loss, **options))
        record = Record(graph)
        for name, shape in zip("ab", expected, strict=True):
            if what == "solve" and not options:
                continue
            ((id, edge),) = [
                (id, edge) for id, edge in picture.edges.items() if picture.nodes[picture.ends[id][0]].lines[0] == name
            ]
            assert [line for line in edge.lines if line.startswith("to ")] == ([f"to {shape}"] if shape else [])
            if shape and what != "a vector":
                head, tail, argnum = map(int, id[1:].split("-"))
                assert record.of((head, tail, argnum)).raw_shape == shape
                assert f"broadcast: {graph.nodes[head].shape} to {shape}" in edge.tooltip


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


# ---- what stands for several


def test_the_output_of_a_group_has_a_box_of_its_own_with_a_double_outline():
    net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=np.random.default_rng(0))
    picture = shown(draw(net, np.ones((2, 4)), depth=0))
    ((id, box),) = [(id, thing) for id, thing in picture.nodes.items() if thing.classes[0] == "output"]
    assert box.lines == ["A2", "(1, 4)"]
    assert len([part for part in box.element.iter() if part.tag == f"{SVG}polygon"]) == 2
    (source,) = [tail for tail, head in picture.ends.values() if head == id]
    assert picture.nodes[source].lines[0] == "Sequential"
    assert "output" in picture.foot
    inner = shown(draw(np.sum(net(np.ones((2, 4)))), depth=0))
    assert [thing.lines[0] for thing in inner.nodes.values() if thing.classes[0] == "output"] == ["output"]


def test_the_output_among_repeated_operations_is_marked_as_the_last_of_them():
    x = parameter("x")
    for _ in range(9):
        x = np.tanh(x)
    picture = shown(draw(x, roll=True))
    (box,) = [thing for thing in picture.nodes.values() if thing.classes[0] == "output"]
    assert "the last one is the output" in box.lines


@pytest.mark.parametrize("modules", [True, False])
def test_how_often_something_is_there_is_said_with_frames_or_without(modules):
    net = nn.mlp([3] * 9, rng=np.random.default_rng(0))
    loss = np.mean(net(np.ones((3, 2))) ** 2)
    for show in ("forward", "backward"):
        picture = shown(draw(loss, roll=True, modules=modules, show=show))
        words = [line for thing in picture.nodes.values() for line in thing.lines]
        assert any(frame.tooltip.startswith("×") for frame in picture.frames.values()) == modules
        assert any(line.startswith("×") and line != "×" for line in words) != modules


# ---- all that is known stands in the tooltip


def test_a_tooltip_has_the_line_of_code_the_numbers_and_the_users_line():
    def f(x):
        return np.tanh(x) * 3

    picture = shown(draw(f, np.array([0.5, -0.5])))
    tips = {thing.lines[0]: thing.tooltip for thing in picture.nodes.values()}
    assert "np.tanh(x)" in tips["tanh"]
    assert f"{np.tanh(0.5):.3g}" in tips["tanh"]
    assert "shape (2,), float64, 16 B" in tips["tanh"]
    assert re.search(r"test_annotations\.py:\d+: return np\.tanh\(x\) \* 3", tips["tanh"])
    assert tips["x"].startswith("x\n")


@given(st.permutations(["w", "x", "y", "g", "ans", "dh"]))
def test_a_formula_has_the_name_of_a_tensor_for_this_tensor_only(called):
    w, x, y = (tg.parameter([1.0, 2.0], name=name) for name in called[:3])
    h = w * x
    h.name = "h"
    graph = Graph([np.sum(np.tanh(h - y) ** 2)])
    for node in (node for node in graph.nodes if node.operands):
        given = op_text.names(graph, node)
        parameters = formulas.parameter_names(node.value)
        named = {parameters[o.argnum]: graph.nodes[o.index].name for o in node.operands}
        assert all(named.get(parameter) == name for parameter, name in given.items() if name in called[:3])


def test_a_formula_of_repeated_operations_has_no_name_of_a_tensor_for_an_argument_that_differs():
    x = tg.parameter([1.0, 2.0], name="x")
    h = np.tanh(np.tanh(x) * 2)
    graph = Graph([np.sum(h * x)])
    first, last = [node for node in graph.nodes if node.function is np.tanh]
    assert op_text.names(graph, first, [first.index, last.index])["x"] == "x_"
    assert op_text.names(graph, first)["x"] == "x"
