"""The laws of a picture of the backward pass: the rules and gradients of the engine, from the output to the leaves."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import draw, style
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.graph import formulas
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.op_text import names
from tinygrad_dl.graph.record import Record
from tinygrad_dl.testing import strategies

from .pictures import SVG, needs_engine, shown

pytestmark = needs_engine


def loss_of_net(m=5):
    rng = np.random.default_rng(0)
    net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=rng)
    X = rng.normal(size=(2, m))
    return nn.binary_cross_entropy(net(X), (X[:1] > 0) * 1.0)


def norm(array):
    return f"{np.linalg.norm(array):.3g}"


def backward(loss, **options):
    return shown(draw(loss, show="backward", **options))


# ---- gradients


def test_every_name_has_a_box_with_the_gradient_that_the_engine_gives():
    loss = loss_of_net()
    picture = backward(loss, gradients=True, values=True)
    boxes = {thing.lines[0]: thing for thing in picture.nodes.values() if thing.classes[0] == "gradient"}
    named = tg.named_tensors(loss)
    assert set(boxes) == {"dloss", *(f"d{name}" for name in named)}
    for name, tensor in named.items():
        g = tg.gradients(loss, tensor)
        assert boxes[f"d{name}"].lines[1] == str(g.shape)
        assert f"norm {norm(g)}" in boxes[f"d{name}"].lines
        if g.size <= 12:
            assert [line.split() for line in boxes[f"d{name}"].lines[2 : 2 + g.shape[0]]] == [
                [f"{x:.3g}" for x in row] for row in g
            ]
    assert boxes["dloss"].lines == ["dloss", "()", "1", "norm 1"]


def test_a_parameter_without_a_name_has_a_box_and_an_operation_without_one_has_none():
    x = tg.parameter([1.0, 2.0])
    picture = backward(np.sum(np.tanh(np.exp(x))))
    kinds = sorted(thing.classes[0] for thing in picture.nodes.values())
    assert kinds == ["gradient", "gradient", "rule", "rule", "rule"]


def test_where_contributions_meet_they_are_added_and_each_is_told():
    a = tg.parameter([3.0, 4.0], "a")
    picture = backward(np.sum(a * a + 2 * a), gradients=True)
    ((id, box),) = [(id, thing) for id, thing in picture.nodes.items() if thing.lines[0] == "da"]
    assert "sum of 3" in box.lines
    assert f"norm {norm([8, 10])}" in box.lines
    arriving = sorted(
        line for edge, (_, head) in picture.ends.items() if head == id for line in picture.edges[edge].lines
    )
    assert arriving == sorted([f"norm {norm([3, 4])}"] * 2 + [f"norm {norm([2, 2])}"])
    h = np.tanh(a)
    picture = backward(np.sum(h * h))
    (plus,) = [id for id, thing in picture.nodes.items() if thing.classes[0] == "sum"]
    assert picture.nodes[plus].lines == ["+"]
    assert sum(head == plus for _, head in picture.ends.values()) == 2


def test_an_output_that_another_one_is_computed_from_says_that_it_starts_at_one():
    x = tg.parameter(2.0, "x")
    y = 3 * x
    y.name = "y"
    boxes = {thing.lines[0]: thing.lines for thing in backward([y, 5 * y], values=True).nodes.values()}
    assert boxes["dy"] == ["dy", "()", "6", "1 + 1 more"]
    assert boxes["dx"][:3] == ["dx", "()", "18"]


def test_nothing_leads_to_what_no_gradient_reaches():
    x, X = tg.parameter([1.0, 2.0], "x"), tg.Tensor([1.0, 2.0], name="X")
    h = np.exp(x)
    h.name = "h"
    picture = backward(np.sum(x * X * h.detach()))
    words = " ".join(line for thing in picture.nodes.values() for line in thing.lines)
    assert "dX" not in words
    assert "dh" not in words
    assert len([thing for thing in picture.nodes.values() if thing.classes[0] == "rule"]) == 3


# ---- rules


@settings(max_examples=10)
@given(strategies.programs(max_statements=5))
def test_the_formula_of_each_rule_computes_what_the_engine_computes(program):
    """Each formula is evaluated in Python, with the numbers for the names in it."""
    inputs = [tg.parameter(x, f"x{i}") for i, x in enumerate(program.inputs)]
    loss = np.sum(program(*inputs))
    graph = Graph([loss])
    record, picture = Record(graph), backward(loss, max_nodes=None)
    for c in record.contributions:
        rule = picture.nodes[f"r{c.tail}-{c.argnum}"]
        formula = rule.tooltip.split("\n", 1)[1]
        node = graph.nodes[c.tail]
        given = dict(zip(formulas.parameter_names(node.value), node.value._args, strict=False))
        given |= {"g": record.gradients[c.tail], "ans": node.array}
        scope = {"np": np, **vars(tg.primitives), **vars(nn.fused), **given}
        scope |= {name: given[parameter] for parameter, name in names(graph, node).items() if parameter in given}
        if not re.search(r"…|\n|, \w+ = ", formula):  # cut off for its length, or with names of its own
            try:
                value = eval(formula, scope)
            except NameError:
                continue  # a name of the rule's own module
            np.testing.assert_allclose(np.broadcast_to(value, np.shape(c.raw)), c.raw, rtol=1e-9, atol=1e-12)


def test_a_rule_says_its_formula_in_the_names_of_the_net():
    picture = backward(loss_of_net())
    rules = {id: " ".join(thing.lines) for id, thing in picture.nodes.items() if thing.classes[0] == "rule"}
    assert "dA1 * (1 - A1**2)" in rules.values()
    assert "dZ2 @ A1.T" in rules.values()
    assert "W2.T @ dZ2" in rules.values()
    assert all("the rule of " in picture.nodes[id].tooltip for id in rules)


def test_from_each_gradient_the_rules_lead_to_those_of_its_arguments():
    loss = loss_of_net()
    graph, picture = Graph([loss]), backward(loss)
    tails = {}
    for tail, head in picture.ends.values():
        tails.setdefault(head, []).append(tail)
    name = {node.name: node for node in graph.nodes if node.name}
    for argument, user in (("W2", "Z2"), ("A1", "Z2"), ("b2", "Z2"), ("Z2", "A2"), ("Z1", "A1"), ("W1", "Z1")):
        (rule,) = tails[f"d{name[argument].index}"]
        assert rule.startswith(f"r{name[user].index}-")
        assert tails[rule] == [f"d{name[user].index}"]


# ---- broadcasting


@pytest.mark.parametrize("named", [False, True])
def test_where_broadcasting_is_undone_the_edge_says_over_which_axes(named):
    a, b = tg.parameter(np.ones((3, 1)), "a"), tg.parameter(np.ones((2, 3, 4)), "b")
    h = np.tanh(a)
    h.name = "h" if named else None
    picture = backward(np.sum(h * b))
    summed = [line for edge in picture.edges.values() for line in edge.lines]
    assert summed == ["summed over axes 0, 2: (2, 3, 4) to (3, 1)"]
    many = tg.parameter(np.ones((2, 2, 2, 3, 4)))
    words = " ".join(line for edge in backward(np.sum(h * many)).edges.values() for line in edge.lines)
    assert words == "summed over axes 0, 1, 2, 4: (2, 2, 2, 3, 4) to (3, 1)"
    assert not [edge for edge in backward(np.sum(np.tanh(b) * b)).edges.values() if edge.lines]


# ---- both


def test_both_have_all_of_the_forward_and_all_of_the_backward_picture():
    loss = loss_of_net()
    options = {"gradients": True, "values": True}
    both, forward, back = (shown(draw(loss, show=show, **options)) for show in ("both", "forward", "backward"))
    for part in (forward, back):
        for id, thing in part.nodes.items():
            assert both.nodes[id].lines == thing.lines
    assert len(both.nodes) == len(forward.nodes) + len(back.nodes)
    assert len(both.edges) == len(forward.edges) + len(back.edges)
    assert {"forward", "backward"} <= set(both.frames)
    for id, (tail, head) in back.ends.items():
        assert both.ends[id] == (head, tail)  # laid out against the direction of the picture


def middle(thing):
    texts = [text for text in thing.element.iter() if text.tag.endswith("}text")]
    return np.mean([float(text.get("y")) for text in texts])


def test_beside_each_other_both_passes_run_against_each_other():
    loss = loss_of_net()
    both = shown(draw(loss, show="both"))
    place = {
        thing.lines[0]: middle(thing) for thing in both.nodes.values() if thing.classes[0] in ("value", "gradient")
    }
    assert place["Z1"] < place["A1"] < place["Z2"] < place["A2"]
    assert place["dZ1"] < place["dA1"] < place["dZ2"] < place["dA2"]
    back = backward(loss)
    place = {thing.lines[0]: middle(thing) for thing in back.nodes.values() if thing.classes[0] == "gradient"}
    assert place["dZ1"] > place["dA1"] > place["dZ2"] > place["dA2"]


# ---- options, functions


def test_shapes_of_what_rules_give_are_told():
    x = tg.parameter(np.ones((3, 1)), "x")
    picture = backward(np.sum(x * np.ones((3, 4))), shapes=True)
    assert ["(3, 4)"] in [thing.lines[-1:] for thing in picture.nodes.values() if thing.classes[0] == "rule"]


def test_heat_colours_the_gradients():
    loss = loss_of_net()
    picture = backward(loss, heat=True)
    norms = {f"d{name}": np.linalg.norm(tg.gradients(loss, tensor)) for name, tensor in tg.named_tensors(loss).items()}
    fills = {thing.lines[0]: thing.fills[0] for thing in picture.nodes.values() if thing.classes[0] == "gradient"}
    place = {name: style.SCALE.index(fills[name]) for name in norms}
    order = sorted(norms, key=norms.get)
    assert [place[name] for name in order] == sorted(place.values())
    assert fills[order[-1]] == style.SCALE[-1]


def test_a_function_of_several_outputs_is_drawn():
    x = tg.parameter([[2.0, 1.0], [1.0, 3.0]], "x")
    w, v = np.linalg.eigh(x)
    picture = backward(np.sum(w) + np.sum(v), gradients=True, values=True, formulas=True)
    assert [thing for thing in picture.nodes.values() if thing.lines[0] == "dx"]


# ---- what is summed up


def deep_net(layers=11):
    net = nn.mlp([2, *[3] * layers, 1], output=nn.sigmoid, rng=np.random.default_rng(0))
    X = np.random.default_rng(1).normal(size=(2, 5))
    return nn.binary_cross_entropy(net(X), (X[:1] > 0) * 1.0)


def recurrent(steps=8, named=True, losses=False):
    """One W, U and b in all steps; with `losses` each step has a part of the loss."""
    rng = np.random.default_rng(0)
    W, U, b = (tg.parameter(rng.normal(size=(4, n)) / 2, name) for name, n in (("W", 4), ("U", 2), ("b", 1)))
    h, total = tg.Tensor(np.zeros((4, 3))), 0.0
    for t in range(steps):
        h = np.tanh(W @ h + U @ rng.normal(size=(2, 3)) + b)
        h.name = f"h{t + 1}" if named else None
        total = total + np.mean(h**2) if losses else h
    return np.sum(total)


REPEATED = {
    "mlp": deep_net,
    "recurrent": recurrent,
    "without names": lambda: recurrent(named=False),
    "losses": lambda: recurrent(named=False, losses=True),
}
SUMMED_UP = [{"roll": True}, {"depth": 1, "roll": True}, {"max_nodes": 20}, {"depth": 0}, {"modules": False}]


def norms_of(loss, nodes):
    return [float(np.linalg.norm(g)) for g in tg.gradients(loss, [node.value for node in nodes])]


def told(norms):
    """How the norms of several gradients are told."""
    low, high = f"{min(norms):.3g}", f"{max(norms):.3g}"
    if len(norms) == 1:
        return f"norm {low}"
    return f"norms all {low}" if low == high else f"norms {low} to {high}"


def anchor_of(picture, unit):
    """The node of the picture where the gradient of a unit is; None where it is what the only rule gives."""
    id = f"b{unit.id}" if unit.node is None else f"d{unit.node.index}"
    return id if id in picture.nodes else None


@pytest.mark.few_values
@pytest.mark.parametrize("options", SUMMED_UP)
@pytest.mark.parametrize("what", REPEATED)
def test_what_stands_for_several_gradients_has_the_names_and_the_norms_of_all(what, options):
    loss = REPEATED[what]()
    graph, picture = Graph([loss]), backward(loss, gradients=True, **options)
    several = 0
    for unit in fold(graph, **{key: value for key, value in options.items() if key != "modules"}).units:
        id, members = anchor_of(picture, unit), [graph.nodes[index] for index in unit.members]
        if id is None or picture.nodes[id].classes[0] == "sum":
            continue
        lines, several = picture.nodes[id].lines, several + (len(members) > 1)
        assert told(norms_of(loss, [node for node in members if node.is_tracked])) in lines
        if unit.node is None:
            assert " ".join(lines).startswith(f"backward of {unit.title}")
        elif unit.node.name:
            names = [members[0].name, *([members[-1].name] if len(members) > 1 else [])]
            assert lines[0] == " … ".join(f"d{name}" for name in names)
    assert several or options == {"modules": False} or what != "mlp"


@pytest.mark.few_values
@pytest.mark.parametrize("options", SUMMED_UP)
@pytest.mark.parametrize("what", REPEATED)
def test_a_rule_leads_to_each_gradient_from_all_that_add_to_it_and_from_nothing_else(what, options):
    loss = REPEATED[what]()
    graph, picture = Graph([loss]), backward(loss, **options)
    view = fold(graph, **{key: value for key, value in options.items() if key != "modules"})
    tails = {}
    for tail, head in picture.ends.values():
        tails.setdefault(head, set()).add(tail)

    def sources(ids):
        """The gradients, or units as one, from which rules lead to these nodes."""
        found = set()
        for id in ids:
            found |= sources(tails[id]) if id[0] == "r" and not anchors.get(id) else {id}
        return found

    anchors = {anchor_of(picture, unit) for unit in view.units} - {None}
    anchors = dict.fromkeys(anchors, True)
    expected = {}  # of each unit, those of the units that add to its gradient, through units without a box
    users = {}
    for c in Record(graph).contributions:
        tail, head = view.unit_of[c.head], view.unit_of[c.tail]
        if tail != head or any(link.loops for link in view.links if (link.tail, link.head) == (tail, head)):
            users.setdefault(tail, set()).add(head)

    def boxes(unit):
        id = anchor_of(picture, view.units[unit])
        return {id} if id else set().union(*(boxes(user) for user in users[unit]))

    for unit in view.units:
        id = anchor_of(picture, unit)
        if id:
            expected[id] = set().union(*(boxes(user) for user in users.get(unit.index, ())))
    assert {id: sources(tails.get(id, ())) for id in expected} == expected


@pytest.mark.parametrize("what", REPEATED)
def test_a_loop_goes_back_to_the_one_before_and_is_dashed(what):
    drawing = draw(REPEATED[what](), show="backward", roll=True)
    picture = shown(drawing)
    loops = {id: thing for id, thing in picture.edges.items() if "to the one before" in thing.lines}
    assert len(loops) == (2 if what == "losses" else 1)  # the sum of the losses is one, too
    for id, thing in picture.edges.items():
        dashed = thing.element.find(f".//{SVG}path").get("stroke-dasharray") is not None
        assert dashed == (id in loops)
    assert drawing.source.count("constraint=false") == len(loops)
    (times,) = [frame.tooltip for frame in picture.frames.values() if frame.tooltip.startswith("×")]
    assert times == {"mlp": "×10", "losses": "×7"}.get(what, "×8")


def test_a_formula_of_what_is_drawn_once_has_the_name_of_nothing_that_differs():
    picture = backward(deep_net(), roll=True)
    rules = {id: thing.tooltip.split("\n")[1] for id, thing in picture.nodes.items() if thing.classes[0] == "rule"}
    for formula in ("W.T @ g", "g @ A.T", "g * (1 - ans**2)", "W12.T @ dZ12", "dA1 * (1 - A1**2)"):
        assert formula in rules.values()
    assert not [
        formula for formula in rules.values() if re.search(r"[ZAW]([2-9]|10|11)\b", formula) and "Z12" not in formula
    ]
    shared = {thing.lines[0] for thing in backward(recurrent(), roll=True).nodes.values()}
    assert "W.mT @ g" in shared  # the same W in all steps
    forward = shown(draw(deep_net(), roll=True, formulas=True))
    words = " ".join(line for thing in forward.nodes.values() for line in thing.lines)
    assert "dW: g @ A.T" in words
    assert "dZ5" not in words


def test_the_gradient_of_what_all_steps_share_is_the_sum_of_a_contribution_of_each():
    loss = recurrent(8)
    picture = backward(loss, roll=True, gradients=True)
    record, graph = Record(Graph([loss])), Graph([loss])
    ((id, box),) = [(id, thing) for id, thing in picture.nodes.items() if thing.lines[0] == "dW"]
    assert "sum of 8" in box.lines
    ((edge, _),) = [(edge, ends) for edge, ends in picture.ends.items() if ends[1] == id]
    parts = [np.linalg.norm(c.value) for c in record.into(graph.index(tg.named_tensors(loss)["W"]))]
    assert picture.edges[edge].lines == ["×8", told(parts)]


@pytest.mark.parametrize("depth", [0, 1])
def test_a_group_has_the_norms_of_all_gradients_in_it_and_the_colours_of_the_smallest_and_the_largest(depth):
    loss = deep_net()
    graph, picture = Graph([loss]), backward(loss, depth=depth, heat=True)
    groups = [unit for unit in fold(graph, depth=depth).units if unit.node is None]
    norms = {u.id: norms_of(loss, [graph.nodes[i] for i in u.members if graph.nodes[i].is_tracked]) for u in groups}
    for id, found in norms.items():
        assert told(found) in picture.nodes[f"b{id}"].lines
        ends = [stop.get("style")[11:18] for stop in picture.nodes[f"b{id}"].element.iter(f"{SVG}stop")]
        assert len(ends) in (0, 2)
        assert not ends or style.SCALE.index(ends[0]) < style.SCALE.index(ends[1])
        fill = style.SCALE.index(picture.nodes[f"b{id}"].fills[0]) if not ends else None
        assert fill is None or max(found) < 100 * min(found)
    assert any(picture.nodes[f"b{id}"].element.find(f".//{SVG}stop") is not None for id in norms)


@pytest.mark.parametrize("show", ["forward", "backward"])
def test_the_formulas_of_many_arguments_are_told_of_the_first_ones(monkeypatch, show):
    """As each of them is traced with all arguments, which of 1,500 took half a minute."""
    traced = []
    real = formulas.derivative
    monkeypatch.setattr(formulas, "derivative", lambda *args: traced.append(args) or real(*args))
    parameters = [tg.parameter([1.0], f"p{i}") for i in range(40)]
    picture = shown(draw(np.sum(np.concatenate(parameters)), show=show, formulas=True))
    words = [line for thing in picture.nodes.values() for line in thing.lines]
    assert len(traced) <= 14
    if show == "forward":
        assert "... and 28 more" in words
        assert len([line for line in words if line.startswith("dp")]) == 12
    else:
        tips = [thing.tooltip for thing in picture.nodes.values()]
        assert len([tip for tip in tips if re.fullmatch(r"the rule of (np\.)?concatenate for argument \d+", tip)]) == 28


@pytest.mark.parametrize("options", [{"depth": 0}, {"depth": 1}, {"roll": True}, {"max_nodes": 12}])
def test_what_is_summed_up_forward_is_summed_up_backward(options):
    net = nn.mlp([3] * 8, rng=np.random.default_rng(0))
    loss = np.mean(net(np.ones((3, 2))) ** 2)
    full, folded = draw(loss, show="backward"), draw(loss, show="backward", **options)
    assert folded.nodes < full.nodes
    picture = shown(folded)
    assert len(picture.nodes) == folded.nodes
    assert len(picture.edges) == folded.edges
    shown(draw(loss, show="both", gradients=True, heat=True, **options))


def test_several_outputs_together_have_no_shape():
    values, vectors = np.linalg.eigh(tg.parameter(np.array([[2.0, 1.0], [1.0, 3.0]]), "M"))
    picture = shown(draw(np.sum(values) + np.sum(vectors**2), show="backward"))
    assert all("None" not in thing.lines for thing in picture.nodes.values())
