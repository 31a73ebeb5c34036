"""Plain arrays get the name by which the user knows them, where it can be known."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.graph.data_names import name_data
from tinygrad_dl.graph.nodes import Graph

RNG = np.random.default_rng(0)
features, labels = RNG.normal(size=(2, 5)), RNG.integers(0, 2, size=(1, 5)) * 1.0
net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=np.random.default_rng(1))
W = tg.parameter(RNG.normal(size=(1, 2)), name="W")


def data_names(*outputs, **variables):
    graph = Graph(outputs)
    name_data(graph, variables)
    return [node.name for node in graph.nodes if node.kind == "data"]


def test_the_input_of_a_net_is_x_and_the_labels_have_the_name_of_the_argument_of_the_loss():
    given = {"features": features, "labels": labels}
    assert data_names(nn.binary_cross_entropy(net(features), labels), **given) == ["X", "Y"]


class Pair(nn.Module):
    def __init__(self):
        self.W = tg.parameter(np.ones((1, 2)))

    def __call__(self, left, right):
        return self.W @ left + self.W @ right


def test_each_input_of_a_module_has_the_name_of_its_own_argument():
    left, right = RNG.normal(size=(2, 2, 5))
    assert data_names(np.sum(Pair()(left, right))) == ["left", "right"]


def test_other_arrays_have_the_names_of_the_users_variables():
    assert data_names(np.sum(W @ features - labels), features=features, labels=labels) == ["features", "labels"]
    assert data_names(np.mean((net(features) - labels) ** 2), features=features, labels=labels) == ["X", "labels"]


def test_two_names_of_one_array_are_no_doubt_but_two_equal_arrays_are():
    assert data_names(np.sum(W @ features), features=features, again=features) == ["features"]
    assert data_names(np.sum(W @ features), features=features, other=features.copy()) == ["X"]
    assert data_names(np.sum(W @ features), _3=features) == ["X"]  # what a notebook keeps of its outputs


def test_arrays_without_any_name_are_numbered_unless_there_is_one():
    assert data_names(np.sum(W @ features - labels)) == ["X1", "X2"]
    assert data_names(np.sum(W @ features)) == ["X"]
    assert data_names(np.mean((net(features) - labels) ** 2)) == ["X", "Y"]
    assert data_names(np.sum(tg.parameter(W.data, name="X1") @ features - labels)) == ["X2", "X3"]


def test_arrays_that_differ_in_one_number_only_do_not_share_a_name():
    wide = np.zeros((2, 1000))
    for place in (0, 1, 999):
        other = wide.copy()
        other[1, place] = 1
        assert data_names(np.sum(W @ wide) + np.sum(W @ other)) == ["X1", "X2"]


def test_equal_arrays_share_a_name_and_named_tensors_keep_theirs():
    assert data_names(np.sum(W @ features) + np.sum(W @ features - labels)) == ["X1", "X1", "X2"]
    assert data_names(np.sum(W @ tg.Tensor(features, name="points")), features=features) == ["points"]


def output_names(*outputs, **variables):
    graph = Graph(outputs)
    name_data(graph, variables)
    return [graph.names[index] for index in graph.outputs]


def test_an_output_without_a_name_has_the_name_of_the_variable_that_holds_it_and_not_one_of_equal_value():
    cost, equal = np.sum(W**2), np.sum(W**2)
    assert output_names(cost, cost=cost, other=equal) == ["cost"]
    assert output_names(cost, other=equal) == [""]
    assert output_names(cost, _=cost, J=cost, again=cost) == ["J"]
    assert output_names(cost, equal, cost=cost, penalty=equal) == ["cost", "penalty"]


def test_an_output_keeps_its_own_name_and_does_not_take_that_of_another_node():
    named, cost = np.sum(W**2), np.sum(W**3)
    named.name = "loss"
    assert output_names(named, cost=named) == ["loss"]
    assert output_names(cost, W=cost) == [""]


@pytest.mark.parametrize("options", [{}, {"show": "backward", "gradients": True}])
def test_a_picture_has_the_names_at_the_line_that_draws_it(options):
    points, targets = RNG.normal(size=(2, 5)), RNG.normal(size=(1, 5))
    drawing = tg.draw(np.mean((W @ points - targets) ** 2), **options)
    assert [node.name for node in drawing.graph.nodes if node.kind == "data"] == ["points", "targets"]
