"""What there is to see: a node for each Tensor and array behind the outputs, each after what it was computed from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.core import primitives
from tinygrad_dl.graph.nodes import Graph
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
def test_no_chain_is_too_long(step, deep):
    y, length = tg.parameter(np.zeros(3)), 100_000 if deep else 10_000
    for _ in range(length):
        y = step(y)
    graph = Graph([y])
    assert len(graph.nodes) == length + 1
    assert all(operand.index == node.index - 1 for node in graph.nodes for operand in node.operands)


def test_doubling_forty_times_is_forty_operations():
    y = parameter("y")
    for _ in range(40):
        y = y + y
    graph = Graph([y])
    assert len(graph.nodes) == 41
    assert sum(len(node.operands) for node in graph.nodes) == 80


def test_a_parameter_without_a_name_has_that_of_its_place_in_its_module():
    class Cell(tg.nn.Module):
        def __init__(self):
            self.W, self.b = tg.parameter(np.ones((2, 2))), tg.parameter(np.ones((2, 1)), name="bias")

        def __call__(self, h):
            return np.tanh(self.W @ h + self.b)

    class Net(tg.nn.Module):
        def __init__(self):
            self.cell = Cell()

        def __call__(self, h):
            return self.cell(self.cell(h))

    graph = Graph([np.sum(Net()(np.ones((2, 1))))])
    assert {node.name for node in graph.nodes if node.kind == "parameter"} == {"cell.W", "bias"}
