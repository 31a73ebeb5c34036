"""What there is to see: a node for each Tensor and array behind the outputs, each after what it was computed from."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import primitives
from tinygrad_dl.drawing.graph import Graph, outputs_of
from tinygrad_dl.testing import strategies


def parameter(name=None, shape=(3,)):
    return tg.parameter(np.ones(shape), name)


def kinds(graph):
    return [node.kind for node in graph.nodes]


def program_of(program):
    """The value of a random program as a Tensor, and its inputs."""
    inputs = [tg.parameter(x, f"x{i}") for i, x in enumerate(program.inputs)]
    return program(*inputs), inputs


def behind(*outputs):
    """All Tensors and arrays behind `outputs` by identity, and the number of operands: found by a search of its own."""
    values, operands, stack = {}, 0, list(outputs)
    while stack:
        value = stack.pop()
        if id(value) in values:
            continue
        values[id(value)] = value
        if isinstance(value, tg.Tensor) and value._function is not None:
            parents = [*value._parents, *[None] * len(value._args)]
            for arg, parent in zip(value._args, parents, strict=False):
                if parent is not None or np.ndim(arg if isinstance(arg, np.ndarray) else 0):
                    operands += 1
                    stack.append(arg if parent is None else parent)
    return values, operands


# ---- nodes and operands


@given(strategies.programs(kinks=True), st.integers(1, 3))
def test_there_is_one_node_for_each_tensor_and_array_after_its_operands(program, times):
    y, inputs = program_of(program)
    outputs = [y, *inputs][:times]
    graph = Graph(outputs)
    values, operands = behind(*outputs)
    assert {id(node.value) for node in graph.nodes} == set(values)
    assert len(graph.nodes) == len(values)
    assert sum(len(node.operands) for node in graph.nodes) == operands
    for index, node in enumerate(graph.nodes):
        assert node.index == index
        assert node.id == f"n{index}"
        assert graph.index(node.value) == index
        for head, argnum in node.operands:
            assert head < index
            parents = node.value._parents
            primal = parents[argnum] if argnum < len(parents) else None
            assert graph.nodes[head].value is (node.value._args[argnum] if primal is None else primal)
    assert [graph.nodes[index].value is output for index, output in zip(graph.outputs, outputs, strict=True)]
    assert {node.index for node in graph.nodes if node.is_output} == set(graph.outputs)


def test_a_plus_a_has_two_operands_of_one_node():
    a = parameter("a")
    graph = Graph([a + a])
    assert [(operand.index, operand.argnum) for operand in graph.nodes[1].operands] == [(0, 0), (0, 1)]
    assert len(graph.nodes) == 2


def test_equal_arrays_are_different_data_and_one_array_tensor_is_one():
    a, ones = parameter("a"), np.ones(3)
    assert len(Graph([a * ones + ones]).nodes) == 5  # each operation has a copy of its own
    X = tg.Tensor(ones)
    assert len(Graph([a * X + X]).nodes) == 4


def test_numbers_are_no_nodes():
    assert len(Graph([2 * parameter() + np.float64(3)]).nodes) == 3


@pytest.mark.parametrize(
    ("function", "name", "count"),
    [(np.linalg.eigh, "np.linalg.eigh", 2), (np.modf, "np.modf", 2), (np.linalg.qr, "np.linalg.qr", 2)],
)
def test_a_function_of_several_outputs_is_one_node_with_a_node_for_each_output_that_is_used(function, name, count):
    x = tg.parameter(np.diag([1.0, 2.5]), "x")
    parts = function(x)
    graph = Graph(list(parts))
    made = [node for node in graph.nodes if node.function is not None and node.function is not primitives.output]
    assert len(made) == 1
    assert made[0].shape is None
    assert len(made[0].array) == count
    assert sum(node.function is primitives.output for node in graph.nodes) == count
    assert {graph.operation(node) for node in graph.nodes} == {None, name}
    assert len(Graph([parts[0]]).nodes) == 3


def test_kinds_tell_parameters_data_operations_and_what_is_blocked():
    x, X = parameter("x"), tg.Tensor(np.ones(3))
    with tg.no_grad():
        frozen = x * 2
    y = x + X + np.zeros(3) + x.detach() + frozen + np.sign(x) + (x > 0)
    kinds = {}
    for node in Graph([y]).nodes:
        kinds.setdefault(node.kind, []).append(node)
    assert {kind: len(nodes) for kind, nodes in kinds.items()} == {
        "parameter": 1,
        "data": 2,
        "operation": 6,
        "blocked": 4,
    }
    assert [node.cut.by for node in kinds["blocked"]] == ["detach", "no_grad", "np.sign", "np.greater"]
    assert all(node.cut is None for node in kinds["data"])
    assert [node.is_tracked for nodes in kinds.values() for node in nodes[:1]] == [
        kind in ("parameter", "operation") for kind in kinds
    ]


def test_a_blocked_node_knows_what_it_was_cut_off_from_if_that_is_in_the_graph():
    x = parameter("x")
    h, other = np.tanh(x), np.exp(parameter("w"))
    graph = Graph([h * h.detach() + other.detach()])
    per_node = [graph.sources_of_cut(node) for node in graph.nodes if node.kind == "blocked"]
    assert per_node == [[graph.index(h)], []]


def test_a_dead_source_of_a_cut_is_no_error():
    x = parameter("x")
    frozen = np.exp(x * 2).detach()
    (blocked,) = [node for node in Graph([x * frozen]).nodes if node.kind == "blocked"]
    assert Graph([x * frozen]).sources_of_cut(blocked) == []


def test_an_untracked_output_is_a_graph_of_one_node():
    graph = Graph([tg.Tensor([1.0], name="X")])
    assert kinds(graph) == ["data"]
    assert kinds(Graph([parameter().detach()])) == ["blocked"]
    assert kinds(Graph([parameter()])) == ["parameter"]


def test_one_output_asked_for_twice_is_one_node():
    y = parameter() * 2
    graph = Graph([y, y])
    assert graph.outputs == [1, 1]
    assert len(graph.nodes) == 2


def test_gradients_made_with_create_graph_have_the_graph_that_made_them():
    x = parameter("x")
    (g,) = tg.gradients(np.sum(np.tanh(x) ** 2), [x], create_graph=True)
    graph = Graph([g])
    assert graph.index(x) is not None
    assert graph.nodes[graph.outputs[0]].value is g


# ---- words


def test_a_node_tells_its_name_or_what_it_is():
    x = parameter("x")
    h = np.sum(x, axis=0, keepdims=True)
    graph = Graph([h * 2])
    assert [node.title for node in graph.nodes] == ["x", "sum(axis=0, keepdims=True)", "× 2"]
    h.name = "h"
    assert graph.nodes[1].title == "h"
    assert graph.nodes[1].label == "sum(axis=0, keepdims=True)"
    assert repr(graph.nodes[1]) == "<n1 operation h (1,) of [0]>"


# ---- size


@pytest.mark.parametrize("step", [lambda y: y * 1.000001, np.tanh, lambda y: y + y], ids=["*", "tanh", "+"])
def test_no_chain_is_too_long(step):
    y = tg.parameter(np.zeros(3))
    for _ in range(100_000):
        y = step(y)
    graph = Graph([y])
    assert len(graph.nodes) == 100_001
    assert all(operand.index == node.index - 1 for node in graph.nodes for operand in node.operands)


def test_doubling_forty_times_is_forty_operations():
    y = parameter("y")
    for _ in range(40):
        y = y + y
    graph = Graph([y])
    assert len(graph.nodes) == 41
    assert sum(len(node.operands) for node in graph.nodes) == 80


# ---- what one gives to a picture


def test_a_tensor_and_lists_of_them_are_taken_as_they_are():
    x, y = parameter("x"), parameter("y")
    for given_, expected in ((x, [x]), ([x, y], [x, y]), ((y, x), [y, x])):
        assert [a is b for a, b in zip(outputs_of("draw", given_), expected, strict=True)] == [True] * len(expected)


def test_a_function_is_called_on_its_inputs_which_are_named_after_its_arguments():
    def f(weights, rate, data):
        return weights * rate + data

    w, rate, data = np.ones(3), 0.5, [1.0, 2.0, 3.0]
    graph = Graph(outputs_of("draw", f, (w, rate, data)))
    assert {node.name: node.kind for node in graph.nodes if node.kind != "operation"} == {
        **{"weights": "parameter", "rate": "parameter", "data": "parameter"}
    }
    assert np.array_equal(graph.nodes[graph.outputs[0]].array, [1.5, 2.5, 3.5])


def test_a_net_calls_its_input_X_which_is_data():
    net = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0))
    X = np.ones((2, 4))
    graph = Graph(outputs_of("draw", net, (X,)))
    assert {node.name: node.kind for node in graph.nodes if node.kind == "data"} == {"X": "data"}
    assert sorted(node.name for node in graph.nodes if node.kind == "parameter") == ["W1", "W2", "b1", "b2"]


def test_the_names_and_the_tracking_of_tensors_that_one_passes_stay():
    x, y = parameter("mine"), tg.Tensor(np.ones(3))
    graph = Graph(outputs_of("draw", lambda a, b: a * b, (x, y)))
    assert {node.name: node.kind for node in graph.nodes[:2]} == {"mine": "parameter", "b": "data"}
    assert graph.index(x) is not None
    assert not y.requires_grad


def test_integers_stay_integers_and_data():
    graph = Graph(outputs_of("draw", lambda x, i: x[i], (np.arange(3.0), np.array([0, 2]))))
    assert graph.nodes[graph.outputs[0]].array.tolist() == [0.0, 2.0]


def test_a_function_may_give_several_tensors():
    graph = Graph(outputs_of("draw", lambda x: (np.sum(x), x * 2), (parameter("x"),)))
    assert [graph.nodes[index].label for index in graph.outputs] == ["sum", "× 2"]


def test_lines_are_recorded_of_a_function_that_is_called_and_of_nothing_else():
    def f(x):
        return np.tanh(x) * 2

    x = parameter("x")
    graph = Graph(outputs_of("draw", f, (x,)))
    lines = [node.line for node in graph.nodes]
    assert lines[0] is None
    assert all(re.search(r"test_graph\.py:\d+", line) and "return np.tanh(x) * 2" in line for line in lines[1:])
    assert [node.line for node in Graph([f(x)]).nodes] == [None, None, None]


def test_a_function_that_fails_fails_with_its_own_error():
    with pytest.raises(ValueError, match=r"expected \(2, m\), got \(3, 4\)"):
        outputs_of("draw", tg.nn.Dense(2, 1, rng=np.random.default_rng(0)), (np.ones((3, 4)),))


@pytest.mark.parametrize("wrong", [np.ones(3), 2.0, None, "loss", {"loss": 1}, [parameter(), 3]])
def test_anything_but_tensors_is_an_error_that_says_what_to_pass(wrong):
    got = type(wrong[1] if isinstance(wrong, list) else wrong).__name__
    with pytest.raises(TypeError, match=rf"draw: expected a Tensor.* got {got} .*pass the Tensor itself"):
        outputs_of("draw", wrong)


def test_no_tensors_are_an_error():
    with pytest.raises(TypeError, match=r"explore: expected a Tensor.* got an empty list: pass the loss"):
        outputs_of("explore", [])


def test_inputs_for_what_is_no_function_are_an_error():
    with pytest.raises(
        TypeError, match=r"draw\(f, \*inputs\): expected a function or a net .* 2 inputs, got Tensor .*alone"
    ):
        outputs_of("draw", parameter(), (np.ones(3), 1.0))


def test_a_function_that_gives_no_tensor_is_an_error():
    with pytest.raises(TypeError, match=r"draw: expected a Tensor.* got float64"):
        outputs_of("draw", lambda x: x.data.sum(), (parameter(),))
