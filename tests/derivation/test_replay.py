"""A replay is the loss and its gradients again, as a program of the data and the parameters."""

import numpy as np
from hypothesis import given

import tinygrad_dl as tg
from tests.derivation.test_derivations import LABELS, X, loss_of
from tinygrad_dl.derivation.replay import Origin, replay
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.testing import strategies


def test_the_inputs_are_data_parameters_the_seed_and_the_number_of_samples():
    net, loss = loss_of("binary_cross_entropy")
    replayed = replay(loss, net.parameters())
    names = [node.name for node in replayed.program.inputs]
    assert names[:2] == ["X", "Y"]
    assert sorted(names[2:6]) == ["W1", "W2", "b1", "b2"]
    assert names[6:] == ["1", "m"]
    assert replayed.m is replayed.program.inputs[-1]


def test_the_program_computes_loss_and_gradients_of_other_data_and_samples():
    net, loss = loss_of("binary_cross_entropy")
    program = replay(loss, net.parameters()).program
    data = X[:, :3] * 2, LABELS["binary_cross_entropy"][:, :3]
    by_name = {p.name: p for p in net.parameters()}
    leaves = [by_name[node.name].numpy() for node in program.inputs[2:6]]
    found = program.evaluate(*data, *leaves, np.ones(()), 3)
    other = tg.nn.binary_cross_entropy(net(data[0]), data[1])
    expected = [other.item(), *tg.gradients(other, net.parameters())]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@given(strategies.programs())
def test_the_program_of_any_loss_computes_its_gradients(program):
    parameters = [tg.parameter(x) for x in program.inputs]
    loss = np.sum(np.sin(program(*parameters)))
    if type(loss) is not tg.Tensor or not loss.requires_grad:
        return
    leaves = [p for p in parameters if p in set(tg.core.backprop.topological_order(loss))]
    replayed = replay(loss, leaves)
    found = replayed.program.evaluate(*[node.value for node in replayed.program.inputs])
    for a, b in zip(found, [loss.numpy(), *tg.gradients(loss, leaves)], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.max(np.abs(b)))


def test_the_same_array_is_one_input():
    w = tg.parameter(np.ones((2, 2)), name="W")
    replayed = replay(np.sum(np.tanh(w @ X) * np.tanh(X)), [w])
    assert [node.name for node in replayed.program.inputs].count("X") == 1
    assert "Y" in [node.name for node in replayed.program.inputs]


def test_a_condition_that_has_lost_its_formula_is_a_mask():
    w = tg.parameter(np.array([[0.5, -1.0]]), name="w")
    replayed = replay(np.sum(np.where(w > 0, w, w * LABELS["mean_squared_error"][:, :2])), [w])
    assert {node.name for node in replayed.program.inputs} == {"w", "mask", "X", "1"} | {"m"}


def test_a_cotangent_has_the_operations_that_it_came_through():
    _, loss = loss_of("binary_cross_entropy")
    origins = replay(loss, []).origins
    assert origins == {}
    net, loss = loss_of("binary_cross_entropy")
    origins = replay(loss, net.parameters()).origins
    assert origins["dZ1"] == [Origin("np.tanh", "A1")]
    assert origins["dA2"] == [Origin("binary_cross_entropy", "")]


def test_plain_arrays_have_the_names_that_are_given_or_x_and_y():
    w = tg.parameter(np.ones((1, 2)), name="w")
    loss = np.mean((w @ np.ones((2, 6)) - np.zeros((1, 6))) ** 2)
    points, targets = (node.array for node in Graph([loss]).nodes if node.kind == "data")
    assert [node.name for node in replay(loss, [w]).program.inputs[:2]] == ["X", "Y"]
    named = replay(loss, [w], {id(points): "points", id(targets): "targets"})
    assert [node.name for node in named.program.inputs[:2]] == ["points", "targets"]
    assert named.m.value == 6


def names_of(loss):
    return [node.name for node in replay(loss, []).program.inputs]


def test_equal_arrays_of_other_dtypes_or_names_are_inputs_of_their_own():
    w = tg.parameter(np.ones((3, 3)), name="w")
    assert names_of(np.sum(w * np.arange(3.0)) + np.sum(np.take(w, np.arange(3), axis=0)))[:2] == ["X", "Y"]
    assert names_of(np.sum(w * np.ones((3, 3))) + np.sum(np.where(np.ones((3, 3), bool), w, 0)))[:2] == ["X", "Y"]
    a, b = (tg.Tensor(np.ones((3, 3)), name=name) for name in "ab")
    assert names_of(np.sum(w * a) + np.sum(w**2 * b) + np.sum(a * w**3)) == ["a", "b", "w", "1"]


def test_names_are_those_of_python_variables_that_are_free():
    names = {"layers.0.W": "layers_0_W", "1": "_1", "lambda": "lambda_", "np": "np_", "a b": "a_b", "权重": "权重"}
    for name, printed in names.items():
        assert names_of(np.sum(tg.parameter(np.ones(2), name=name) ** 2))[0] == printed


def test_a_name_is_that_of_its_user_whatever_comes_first():
    x, y = tg.parameter(np.ones(3)), tg.Tensor(np.full(3, 2.0), name="X")
    assert set(names_of(np.sum(x * tg.Tensor(np.ones(3), name="x") * np.arange(3.0) * y))) == {
        "x_",
        "x",
        "X",
        "Y",
        "1",
    }
    points, named = np.full(3, 2.0), tg.parameter(np.ones(3), name="x")
    loss = np.sum(x * points)
    data = next(node.array for node in Graph([loss]).nodes if node.kind == "data")
    assert [node.name for node in replay(loss, [x], {id(data): "x"}).program.inputs] == ["x", "x_", "1"]
    assert set(names_of(np.sum(x * named))) == {"x_", "x", "1"}


def test_an_array_that_is_too_long_to_print_is_an_input():
    E, ids = tg.parameter(np.ones((50, 2)), name="E"), np.random.default_rng(0).integers(0, 50, (3, 20))
    targets = np.random.default_rng(1).normal(size=(3, 20, 2))
    loss = np.mean((E[ids] - targets) ** 2)
    assert names_of(loss)[:2] == ["X", "Y"]
    formulas = {step.quantity: step.formula for step in tg.derive(loss).steps}
    assert formulas["t1"] == "E[X] - Y"
    assert formulas["dE"] == "scatter_add(1 / 120 * (2 * t1), X, E)"
    assert names_of(np.sum(E[:, np.array([0, 1])]))[0] == "E"


def test_the_number_of_samples_has_a_line_wherever_it_is_used_and_a_name_of_its_own():
    w, m = tg.parameter(np.ones((2, 5)), name="w"), tg.parameter(np.ones((1, 2)), name="m")
    assert tg.derive(np.sum(np.tanh(w / 5) * X), []).source == "m = X.shape[1]\ncost = np.sum(np.tanh(w / m) * X)"
    assert tg.derive(np.sum((m @ X) ** 2) / X.shape[1]).source.startswith("m_ = X.shape[1]\ncost = np.sum((m @ X)")
