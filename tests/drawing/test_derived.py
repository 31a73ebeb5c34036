"""Pages and pictures show the derived line of each quantity that has one name, and where their own number differs."""

import html
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing.derived import DerivedLines
from tinygrad_dl.graph.data_names import name_data
from tinygrad_dl.graph.nodes import Graph

X, Y = np.ones((2, 5)), np.ones((1, 5))


def net(output=tg.nn.sigmoid):
    return tg.nn.mlp([2, 4, 1], output=output, rng=np.random.default_rng(0))


def lines_of(cost):
    graph = Graph([cost])
    lines = DerivedLines(graph)
    by_name = {graph.nodes[index].name: line for index, line in lines.backward.items()}
    return lines, by_name, {graph.nodes[index].name: line for index, line in lines.forward.items()}


def test_lines_of_the_course_have_their_week_and_errors_per_sample_a_remark():
    lines, backward, forward = lines_of(tg.nn.binary_cross_entropy(net()(X), Y))
    assert forward["Z1"].text == "Z1 = W1 @ X + b1"
    assert forward["Z1"].week == "week 3"
    assert backward["Z2"].text == "dZ2 = A2 - Y"
    assert "m = 5 times what is shown here; σ' = A (1 - A) cancels" in backward["Z2"].remark
    assert "the same" in backward["W1"].remark
    assert "dZ2, dA1, dZ1: errors per sample" in lines.note


def test_the_line_of_the_cost_is_beside_an_output_with_the_name_of_the_users_variable():
    loss = tg.nn.binary_cross_entropy(net()(X), Y)
    graph = Graph([loss])
    name_data(graph, {"loss": loss})
    lines = DerivedLines(graph)
    assert graph.names[graph.outputs[0]] == "loss"
    assert lines.forward[graph.outputs[0]].text.startswith("cost = -np.sum(")


def test_lines_have_the_names_that_the_picture_has():
    w = tg.parameter(np.ones((1, 2)), name="w")
    points, targets = np.random.default_rng(0).normal(size=(2, 2, 6))
    drawing = tg.draw(np.mean((w @ points - targets[:1]) ** 2), show="both")
    assert "t1 = w @ points - X" in str(drawing)


def test_a_parameter_without_a_name_has_the_line_of_its_path():
    class Layer(tg.nn.Module):
        def __init__(self):
            self.W = tg.parameter(np.ones((1, 2)))

        def __call__(self, x):
            return self.W @ x

    class Net(tg.nn.Module):
        def __init__(self):
            self.layer = Layer()

        def __call__(self, x):
            return self.layer(x)

    loss = np.sum(Net()(X))
    _, backward, _ = lines_of(loss)
    assert backward["layer.W"].text.startswith("dlayer_W = ")
    assert "dlayer_W = " in str(tg.draw(loss, show="backward"))


def test_no_line_has_a_quantity_that_the_graph_does_not_name():
    W, V = (tg.parameter(np.full((2, 2), 0.5), name=name) for name in "WV")
    _, backward, _ = lines_of(np.sum(np.tanh(W @ X) * np.exp(W @ X)) + np.sum(V**2))
    assert [line.text for line in backward.values()] == ["dV = 2 * V"]
    t = tg.parameter([0.5, 1.0], name="t")
    _, backward, _ = lines_of(np.sum(t**3))
    assert backward["t"].text == "dt = 3 * t**2"


def test_any_loss_is_derived():
    penalty = 0.5 * np.sum(tg.parameter([1.0, 2.0], name="w") ** 2)
    _, backward, _ = lines_of(tg.nn.mean_squared_error(net(tg.nn.identity)(X), Y) + penalty)
    assert backward["w"].text == "dw = 0.5 * (2 * w)"
    assert backward["w"].week == ""
    assert backward["w"].remark is None
    assert backward["Z2"].text == "dZ2 = 2 * (Z2 - Y)"


@pytest.mark.parametrize("freed", [False, True])
def test_a_graph_that_cant_be_derived_has_no_lines(freed):
    x = tg.parameter(np.diag([1.0, 2.0]), name="x")
    values, vectors = np.linalg.eigh(x)  # whose rule can't be traced
    cost = np.sum(values) + np.sum(vectors**2)
    if freed:
        cost = x[0, 0] * 2
    graph = Graph([cost])
    if freed:
        cost.backward(keep_graph=False)
    lines = DerivedLines(graph)
    assert (lines.forward, lines.backward, lines.note) == ({}, {}, None)


def test_a_backward_picture_has_the_joint_formula_of_rules_that_cancel():
    source = tg.draw(tg.nn.binary_cross_entropy(net()(X), Y), show="backward").source
    assert source.count("= (A2 - Y) / m") == 2  # in the label and the tooltip of dZ2
    assert "(A2 - Y) / m" not in tg.draw(tg.nn.binary_cross_entropy(net()(X), Y)).source


def test_the_picture_in_the_readme_has_the_error_of_the_course():
    root = Path(__file__).parents[2]
    (picture,) = re.findall(r'<img src="(\S+backprop\.svg)"', (root / "README.md").read_text(encoding="utf-8"))
    assert "= (A2 - Y) / m</text>" in html.unescape((root / picture).read_text(encoding="utf-8"))


def test_a_gradient_is_no_quantity_of_its_user_and_an_array_of_data_has_none():
    W = tg.parameter(np.full((2, 2), 0.5), name="W")
    own = np.tanh(W)
    own.name = "dW"
    lines = DerivedLines(Graph([np.sum(own**2)]))
    assert [line.text for line in lines.backward.values()] == ["ddW = 2 * dW"]
    x, w = np.full((2, 2), 3.0), tg.parameter(np.full((2, 2), 0.5))
    graph = Graph([np.sum((w * x) ** 2)])
    name_data(graph, {"x": x})
    assert not DerivedLines(graph).backward
