"""What one asks to see: Tensors as they are, or a function, which is called on Tensors made of its inputs."""

import dataclasses
import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing.input_tensors import tensors_to_show
from tinygrad_dl.graph.nodes import Graph


def parameter(name=None, shape=(3,)):
    return tg.parameter(np.ones(shape), name)


def test_a_tensor_and_lists_of_them_are_taken_as_they_are():
    x, y = parameter("x"), parameter("y")
    for given, expected in ((x, [x]), ([x, y], [x, y]), ((y, x), [y, x])):
        assert list(map(id, tensors_to_show("draw", given))) == list(map(id, expected))


def test_a_function_is_called_on_its_inputs_which_are_named_after_its_arguments():
    def f(weights, rate, data):
        return weights * rate + data

    w, rate, data = np.ones(3), 0.5, [1.0, 2.0, 3.0]
    graph = Graph(tensors_to_show("draw", f, (w, rate, data)))
    assert {node.name: node.kind for node in graph.nodes if node.kind != "operation"} == {
        **{"weights": "parameter", "rate": "parameter", "data": "parameter"}
    }
    assert np.array_equal(graph.nodes[graph.outputs[0]].array, [1.5, 2.5, 3.5])


def test_a_net_calls_its_input_X_which_is_data():
    net = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0))
    X = np.ones((2, 4))
    graph = Graph(tensors_to_show("draw", net, (X,)))
    assert {node.name: node.kind for node in graph.nodes if node.kind == "data"} == {"X": "data"}
    assert sorted(node.name for node in graph.nodes if node.kind == "parameter") == ["W1", "W2", "b1", "b2"]


def test_tensors_that_one_passes_stay_as_they_are_and_are_not_named():
    x, y, z = parameter("mine"), tg.Tensor(np.ones(3)), parameter()
    graph = Graph(tensors_to_show("draw", lambda a, b, c: a * b["y"] + c[0], (x, {"y": y}, [z])))
    assert all(graph.index(tensor) is not None for tensor in (x, y, z))
    assert [tensor.name for tensor in (x, y, z)] == ["mine", None, None]
    assert not y.requires_grad


def test_tensors_that_are_tracked_for_the_picture_are_others():
    x = tg.Tensor(np.ones(3), name="x")
    graph = Graph(tensors_to_show("draw", np.tanh, (x,)))
    assert graph.index(x) is None
    assert graph.nodes[0].name == "x"
    assert not x.requires_grad


@pytest.mark.parametrize("pack", [list, tuple, lambda parts: dict(zip("ab", parts, strict=True))])
def test_arrays_in_lists_tuples_and_dicts_become_tensors_named_by_where_they_are(pack):
    """And Tensors in them stay; the structure is that which was given."""
    w = tg.parameter(np.ones(3), "w")
    kinds = []

    def f(parts):
        kinds.append(type(parts))
        first, second = parts.values() if isinstance(parts, dict) else parts
        return first * second[0] + second[1]

    parts = pack([np.full(3, 2.0), (w, np.full(3, 4.0))])
    graph = Graph(tensors_to_show("draw", f, (parts,)))
    assert kinds == [type(parts)]
    assert graph.index(w) is not None
    one, two = ("['a']", "['b']") if isinstance(parts, dict) else ("[0]", "[1]")
    names = {node.name: node.kind for node in graph.nodes if node.kind != "operation"}
    assert names == {f"parts{one}": "data", "w": "parameter", f"parts{two}[1]": "data"}
    assert type(next(iter(parts.values() if isinstance(parts, dict) else parts))) is np.ndarray


def test_arrays_in_structures_are_tracked_where_nothing_else_is():
    @dataclasses.dataclass
    class State:
        h: np.ndarray
        count: int

    seen = []

    def f(xs, state, *more):
        seen.append((state.count, *more))
        return np.sum(xs[0] * xs[1] + state.h)

    graph = Graph(tensors_to_show("draw", f, ([np.ones(3), np.ones(3)], State(np.zeros(3), 7), "text", None, 3)))
    names = {node.name: node.kind for node in graph.nodes if node.kind != "operation"}
    assert names == {"xs[0]": "parameter", "xs[1]": "parameter", "state.h": "parameter"}
    assert seen == [(7, "text", None, 3)] * 2


def test_inputs_that_the_function_has_no_name_for_have_none():
    graph = Graph(tensors_to_show("draw", lambda x, *more: x * more[0] + more[1][0], (np.ones(3), 2.0, [np.ones(3)])))
    assert sorted(str(node.name) for node in graph.nodes if node.kind != "operation") == ["None", "None", "x"]


def test_lists_of_numbers_are_arrays_and_other_things_stay():
    def f(matrix, empty, words, shape, names, net):
        assert (empty, words, shape) == ([], ["a", "b"], (2, 2))
        assert names.tolist() == ["a", "b"]
        return net(np.reshape(matrix, shape))

    net = tg.nn.Dense(2, 2, rng=np.random.default_rng(0))
    inputs = ([[1.0, 2.0], [3.0, 4.0]], [], ["a", "b"], (2, 2), np.array(["a", "b"]), net)
    graph = Graph(tensors_to_show("draw", f, inputs))
    assert {graph.index(p) is None for p in net.parameters()} == {False}
    assert graph.scopes[0].module is net


@pytest.mark.parametrize("answer", [lambda y: y, lambda y: (y, y + 1), lambda y: [y]])
def test_a_net_is_called_once_and_a_function_of_data_alone_a_second_time(answer):
    calls = []

    def f(x, w):
        calls.append(w.requires_grad)
        return answer(np.tanh(x * w))

    tensors_to_show("draw", f, (np.ones(3), parameter()))
    assert calls == [True]
    outputs = tensors_to_show("draw", f, (np.ones(3), np.ones(3)))
    assert calls == [True, False, True]
    assert all(y.requires_grad for y in outputs)


def test_a_parameter_stays_itself_where_what_comes_of_it_is_cut_off():
    seen = []

    def f(w, X):
        seen.append(w)
        return (w * X).detach()

    w = parameter("w")
    with pytest.raises(ValueError, match=r"depends on neither: pass X\.astype\(float\) for integers"):
        tensors_to_show("draw", f, (w, np.ones(3)))
    assert seen
    assert all(given is w for given in seen)


def test_integers_are_nothing_to_differentiate_by_and_the_error_says_so():
    with pytest.raises(ValueError, match=r"draw\(f, \*inputs\): expected f to compute something of floats"):
        tensors_to_show("draw", lambda x: tg.Tensor(x) * 2, (np.array([1, 2]),))


def test_a_float_in_the_function_is_no_oversight_to_warn_of():
    """As in debug mode, in which lines are noted too."""

    def f(x):
        return x / float(np.max(np.abs(x)))

    x = parameter("x")
    assert len(Graph(tensors_to_show("draw", f, (x,))).nodes) == 2
    with tg.debug(), pytest.warns(UserWarning, match="took a Tensor of shape"):
        tensors_to_show("draw", f, (x,))


def test_integers_stay_integers_and_data():
    graph = Graph(tensors_to_show("draw", lambda x, i: x[i], (np.arange(3.0), np.array([0, 2]))))
    assert graph.nodes[graph.outputs[0]].array.tolist() == [0.0, 2.0]


def test_a_function_may_give_several_tensors():
    graph = Graph(tensors_to_show("draw", lambda x: (np.sum(x), x * 2), (parameter("x"),)))
    assert [graph.nodes[index].label for index in graph.outputs] == ["sum", "× 2"]


def test_lines_are_recorded_of_a_function_that_is_called_and_of_nothing_else():
    def f(x):
        return np.tanh(x) * 2

    x = parameter("x")
    graph = Graph(tensors_to_show("draw", f, (x,)))
    lines = [node.line for node in graph.nodes]
    assert lines[0] is None
    assert all(re.search(r"test_input_tensors\.py:\d+", line) and "return np.tanh(x) * 2" in line for line in lines[1:])
    assert [node.line for node in Graph([f(x)]).nodes] == [None, None, None]


def test_a_function_that_fails_fails_with_its_own_error():
    with pytest.raises(ValueError, match=r"expected \(2, m\), got \(3, 4\)"):
        tensors_to_show("draw", tg.nn.Dense(2, 1, rng=np.random.default_rng(0)), (np.ones((3, 4)),))


@pytest.mark.parametrize("wrong", [np.ones(3), 2.0, None, "loss", {"loss": 1}, [parameter(), 3]])
def test_anything_but_tensors_is_an_error_that_says_what_to_pass(wrong):
    got = type(wrong[1] if isinstance(wrong, list) else wrong).__name__
    with pytest.raises(TypeError, match=rf"draw: expected a Tensor.* got {got} .*pass the Tensor itself"):
        tensors_to_show("draw", wrong)


def test_no_tensors_are_an_error():
    with pytest.raises(TypeError, match=r"explore: expected a Tensor.* got an empty list: pass the loss"):
        tensors_to_show("explore", [])


def test_inputs_for_what_is_no_function_are_an_error():
    with pytest.raises(
        TypeError, match=r"draw\(f, \*inputs\): expected a function or a net .* 2 inputs, got Tensor .*alone"
    ):
        tensors_to_show("draw", parameter(), (np.ones(3), 1.0))


def test_a_function_that_gives_no_tensor_is_an_error():
    with pytest.raises(TypeError, match=r"expected f to give a Tensor.* got float64"):
        tensors_to_show("draw", lambda x: x.data.sum(), (parameter(),))
