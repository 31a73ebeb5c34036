"""The formulas of the course: quoted where a graph is the net of the course, and nowhere else."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.graph import course
from tinygrad_dl.graph.nodes import Graph


def net(hidden=tg.nn.tanh, output=tg.nn.sigmoid):
    return tg.nn.mlp([2, 4, 1], hidden=hidden, output=output, rng=np.random.default_rng(0))


X, Y = np.ones((2, 5)), np.ones((1, 5))


def formulas(cost):
    graph = Graph([cost])
    return {graph.nodes[index].name: told.formula for index, told in course.backward(graph).items()}


@pytest.mark.parametrize(
    ("hidden", "derivative"),
    [
        (tg.nn.sigmoid, "A1 ∘ (1 - A1)"),
        (tg.nn.tanh, "1 - A1²"),
        (tg.nn.relu, "1 where Z1 > 0, else 0"),
        (tg.nn.leaky_relu, "1 where Z1 > 0, else 0.01"),
    ],
)
def test_each_activation_of_the_course_has_its_derivative_spelled(hidden, derivative):
    told = formulas(tg.nn.binary_cross_entropy(net(hidden)(X), Y))
    assert told["Z1"] == f"dZ1 = dA1 ∘ g'(Z1), g'(Z1) = {derivative}"
    assert told["Z2"] == "dZ2 = A2 - Y"


def test_of_logits_the_course_says_the_same():
    told = formulas(tg.nn.binary_cross_entropy_with_logits(net(output=tg.nn.identity)(X), Y))
    assert told["Z2"] == "dZ2 = A2 - Y, A2 = sigmoid(Z2)"
    assert told["W1"] == "dW1 = 1/m dZ1 Xᵀ"


def test_where_the_course_says_something_else_it_is_not_quoted():
    regularised = tg.nn.binary_cross_entropy(net()(X), Y) + np.sum(tg.parameter(1.0))
    assert formulas(regularised) == {}
    assert formulas(tg.nn.mean_squared_error(net()(X), Y)) == {}
    assert formulas(tg.nn.binary_cross_entropy(net(hidden=tg.nn.elu)(X), Y)) == {}
    shared = net()
    A = shared(X)
    Z1 = tg.named_tensors(A)["Z1"]
    told = formulas(tg.nn.binary_cross_entropy(A, Y + 0 * np.sum(Z1)))
    assert "Z1" not in told
