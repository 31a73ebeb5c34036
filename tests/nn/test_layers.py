"""Initializers, Dense, Sequential and mlp: shapes, names, the table of shapes, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn


def rng(seed=0):
    return np.random.default_rng(seed)


# ---- Dense


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 5), st.sampled_from([np.float32, np.float64]))
def test_dense_is_W_A_plus_b_for_each_sample(n_in, n_out, m, dtype):
    layer = nn.Dense(n_in, n_out, rng=rng(), dtype=dtype)
    layer.b.data = np.arange(n_out)[:, np.newaxis] - 1.5
    A = rng(1).normal(size=(n_in, m)).astype(dtype)
    Z = layer(A)
    assert Z.shape == (n_out, m)
    assert Z.dtype == layer.W.dtype == layer.b.dtype == dtype
    W, b = layer.W.numpy().astype(float), layer.b.numpy()
    for unit in range(n_out):
        for sample in range(m):
            z = sum(W[unit, i] * float(A[i, sample]) for i in range(n_in)) + b[unit, 0]
            # products of five normals and the sum, rounded a dozen times
            assert abs(Z.numpy()[unit, sample] - z) <= 20 * np.finfo(dtype).eps * (2 + n_in)


def test_dense_draws_its_weights_by_init_and_starts_from_biases_of_zero():
    layer = nn.Dense(3, 4, rng=rng(5), init=nn.he)
    assert np.array_equal(layer.W.data, nn.he((4, 3), rng(5)))
    assert np.array_equal(layer.b.data, np.zeros((4, 1)))
    assert np.array_equal(nn.Dense(3, 4, rng=rng(5)).W.data, nn.xavier((4, 3), rng(5)))
    assert np.array_equal(layer([[1.0]] * 3).numpy(), layer(np.ones((3, 1))).numpy())  # a list will do
    assert layer.W.requires_grad
    assert layer.b.requires_grad


WRONG_INPUTS = [
    ((569, 30), r"Dense\(30, 4\): expected \(30, m\), got \(569, 30\); samples are columns: pass X\.T\."),
    ((30,), r"pass x\.reshape\(-1, 1\)\."),
    ((29, 5), r"got \(29, 5\); samples are columns\."),
    ((29,), r"got \(29,\); samples are columns\."),
    ((30, 5, 1), r"got \(30, 5, 1\); samples are columns\."),
    ((), r"got \(\); samples are columns\."),
]


@pytest.mark.parametrize(("shape", "message"), WRONG_INPUTS)
def test_inputs_of_another_height_are_refused_with_advice(shape, message):
    layer = nn.Dense(30, 4, rng=rng())
    for A in (np.ones(shape), tg.parameter(np.ones(shape))):
        with pytest.raises(ValueError, match=message):
            layer(A)


WRONG_LAYERS = [
    ({"n_in": 0}, ValueError, r"Dense: expected n_in to be a whole number of at least 1, got 0"),
    ({"n_out": -1}, ValueError, r"Dense: expected n_out to be a whole number of at least 1, got -1"),
    ({"n_in": 2.0}, TypeError, r"^Dense: expected n_in .*, got 2\.0: int\(x\)"),
    ({"n_out": "3"}, TypeError, "^Dense: expected n_out .*, got '3'"),
    ({"n_in": None}, TypeError, "^Dense: expected n_in .*, got None"),
    ({"n_out": np.array([2, 3])}, TypeError, r"^Dense: expected n_out .*, got array\("),
    ({"n_out": True}, TypeError, "^Dense: expected n_out .*, got True"),
    ({"init": 2}, TypeError, "^Dense: expected init to be a function, such as init=tg.nn.he, got 2"),
    ({"rng": None}, TypeError, r"^Dense: expected rng=np\.random\.default_rng\(0\), got none"),
    ({"rng": 0}, TypeError, r"rng=np\.random\.default_rng\(0\), got int"),
    ({"rng": np.random.RandomState(0)}, TypeError, "got RandomState"),
    ({"init": lambda shape, rng: np.zeros(shape[::-1])}, ValueError, r"init to give \(1, 2\), got \(2, 1\)"),
    ({"dtype": int}, TypeError, "expected floats"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), WRONG_LAYERS)
def test_a_layer_that_can_not_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.Dense(**({"n_in": 2, "n_out": 1, "rng": rng()} | arguments))


WRONG_NETS = [
    ({"sizes": 2}, r"^mlp: expected the sizes .*, such as \[30, 4, 1\], got 2"),
    ({"sizes": [2, 6 / 2, 1]}, "^Dense: expected n_out .*, got 3.0"),
    ({"sizes": [None, 1]}, "^Dense: expected n_in .*, got None"),
    ({"hidden": 2}, "^mlp: expected hidden to be a function, such as hidden=tg.nn.relu, got 2"),
    ({"output": None}, "^mlp: expected output to be a function, such as .*, got None"),
    ({"init": 2}, "^Dense: expected init to be a function, such as init=tg.nn.he, got 2"),
    ({"rng": None}, r"^mlp: expected rng=np\.random\.default_rng\(0\), got none"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG_NETS)
def test_a_net_of_wrong_settings_is_refused_by_their_names(arguments, message):
    with pytest.raises(TypeError, match=message):
        nn.mlp(**({"sizes": [2, 3, 1], "rng": rng()} | arguments))


def test_sizes_are_whole_numbers_of_any_kind():
    net = nn.mlp(np.array([2, 3, 1]), rng=rng())
    assert repr(net) == repr(nn.mlp((2, np.int8(3), np.array(1)), rng=rng())) == repr(nn.mlp([2, 3, 1], rng=rng()))
    assert {type(layer.n_in) for layer in net.layers[::2]} == {int}


@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Momentum, tg.optim.RMSProp, tg.optim.Adam])
def test_float32_stays_float32_through_training(optimizer):
    net = nn.mlp([2, 3, 1], rng=rng(), output=nn.sigmoid, dtype=np.float32)
    X, Y = np.ones((2, 4), np.float32), np.ones((1, 4), np.float32)
    before = net.state_dict()
    history = tg.fit(
        net,
        X,
        Y,
        loss=nn.binary_cross_entropy,
        optimizer=optimizer(net.parameters(), learning_rate=np.float64(0.1)),
        epochs=2,
        progress=False,
    )
    assert history.loss[1] < history.loss[0]
    for name, parameter in net.named_parameters():
        assert parameter.dtype == parameter.grad.dtype == np.float32
        assert not np.array_equal(parameter.data, before[name])
    assert net(X).dtype == np.float32


# ---- Sequential: names


def names(net):
    """The names of all Tensors on the way from tracked data to the output, some of which may have the same."""
    graph = tg.core.backprop.topological_order(net(tg.parameter(np.ones((2, 3)))))
    return sorted(tensor.name for tensor in graph if tensor.name is not None)


def dense(n_in, n_out):
    return nn.Dense(n_in, n_out, rng=rng())


def two():
    return [dense(2, 2), nn.tanh, dense(2, 2), nn.sigmoid]


TWO = ["A1", "A2", "W1", "W2", "Z1", "Z2", "b1", "b2"]
NETS = {
    "two layers": (lambda: nn.Sequential(*two()), TWO),
    "an identity gives no node": (lambda: nn.Sequential(*two()[:3], nn.identity), sorted({*TWO} - {"A2"})),
    "no output function": (lambda: nn.Sequential(*two()[:3]), sorted({*TWO} - {"A2"})),
    "no function in between": (lambda: nn.Sequential(dense(2, 2), *two()[2:]), sorted({*TWO} - {"A1"})),
    "of two functions the last gives A": (lambda: nn.Sequential(*two()[:2], np.square, *two()[2:]), TWO),
    "nested": (lambda: nn.Sequential(nn.Sequential(*two()[:2]), nn.Sequential(*two()[2:])), TWO),
    "twice nested": (lambda: nn.Sequential(nn.Sequential(nn.Sequential(*two()))), TWO),
    "a layer after a nested net": (lambda: nn.Sequential(nn.Sequential(*two()[:2]), *two()[2:]), TWO),
    "a nested net after a layer": (lambda: nn.Sequential(*two()[:2], nn.Sequential(*two()[2:])), TWO),
    "a nested function": (lambda: nn.Sequential(two()[0], nn.Sequential(nn.tanh), *two()[2:]), TWO),
    "a function first": (lambda: nn.Sequential(np.square, *two()), TWO),
}


@pytest.mark.parametrize("name", NETS)
def test_what_a_net_computes_carries_the_names_of_the_course(name):
    make, expected = NETS[name]
    assert names(make()) == expected


def test_layers_that_come_and_go_are_named_too():
    net = nn.Sequential(*two()[:2])
    net.layers += two()[2:]
    assert names(net) == TWO
    net.layers.pop()
    assert names(net) == sorted({*TWO} - {"A2"})


def test_the_names_stand_at_the_right_tensors():
    net, X = nn.Sequential(*two()[:2], np.square, *two()[2:]), rng(3).normal(size=(2, 3))
    tensors = tg.named_tensors(net(X))
    (first, _, _, second, _), values = net.layers, {name: tensor.numpy() for name, tensor in tensors.items()}
    assert tensors["W1"] is first.W
    assert tensors["b2"] is second.b
    assert np.array_equal(values["Z1"], first.W.data @ X)  # the biases are zero
    assert np.array_equal(values["A1"], np.tanh(values["Z1"]) ** 2)
    assert np.array_equal(values["Z2"], second.W.data @ values["A1"])
    assert np.allclose(values["A2"], 1 / (1 + np.exp(-values["Z2"])), rtol=1e-15)


def test_a_name_of_ones_own_is_kept():
    def named(A):
        result = np.tanh(A)
        result.name = "mine"
        return result

    assert names(nn.Sequential(dense(2, 1), named)) == ["W1", "Z1", "b1", "mine"]


def test_a_sequential_is_the_composition_first_one_first():
    assert nn.Sequential(lambda A: A + 1, lambda A: 2 * A)(3) == 8
    assert nn.Sequential()(3) == 3


@pytest.mark.parametrize("part", [3, "tanh", None, np.ones(2)])
def test_a_part_that_can_not_be_called_is_refused(part):
    with pytest.raises(TypeError, match=r"got .* at position 1"):
        nn.Sequential(np.tanh, part)


# ---- Sequential: the table


def cells(net):
    """The rows of the summary after its head, each as its words, a shape being one."""
    return [row.replace(", ", ",").split() for row in net.summary().splitlines()[1:]]


def test_the_summary_has_the_shapes_of_week_4_and_adds_up():
    net = nn.Sequential(
        dense(30, 4), nn.tanh, nn.Sequential(dense(4, 3), nn.relu, np.square, dense(3, 2)), nn.Sequential(dense(2, 1))
    )
    assert cells(net) == [
        ["0", "X", "(30,m)"],
        ["1", "Dense(30,4)", "(4,30)", "(4,1)", "(4,m)", "tanh", "(4,m)", "124"],
        ["2", "Dense(4,3)", "(3,4)", "(3,1)", "(3,m)", "relu", "square", "(3,m)", "15"],
        ["3", "Dense(3,2)", "(2,3)", "(2,1)", "(2,m)", "identity", "(2,m)", "8"],
        ["4", "Dense(2,1)", "(1,2)", "(1,1)", "(1,m)", "identity", "(1,m)", "3"],
        ["total", "150"],
    ]
    assert sum(p.size for p in net.parameters()) == 150
    lines = net.summary().splitlines()
    assert lines[0].split() == ["l", "layer", "W[l]", "b[l]", "Z[l]", "g[l]", "A[l]", "parameters"]
    assert {line.index("(") for line in lines[3:5]} == {8}  # the columns stand under each other
    assert len({len(line) for line in [lines[0], *lines[2:]]}) == 1


class Scale(nn.Module):
    def __init__(self):
        self.factor = tg.parameter(np.ones(5))

    def __call__(self, A):
        return np.sum(self.factor) * A

    def __repr__(self):
        return "Scale()"


def test_the_summary_shows_a_layer_of_ones_own_and_counts_a_shared_one_once():
    shared = dense(2, 2)
    rows = cells(nn.Sequential(shared, Scale(), nn.tanh, shared))
    assert rows[2] == ["Scale()", "tanh", "5"]
    assert rows[-1] == ["total", "11"]
    assert [row[0] for row in rows] == ["0", "1", "Scale()", "2", "total"]
    assert cells(nn.Sequential(np.square, Scale(), nn.tanh)) == [["Scale()", "tanh", "5"], ["total", "5"]]
    assert "square" not in nn.Sequential(np.square, Scale()).summary()


def test_the_summary_counts_layers_as_the_names_of_their_weights_do():
    conv, bare = (
        nn.Conv2D(2, 3, 3, rng=np.random.default_rng(0)),
        type("Bare", (nn.Module,), {"__call__": lambda self, A: A})(),
    )
    net = nn.Sequential(conv, nn.relu, nn.flatten, dense(48, 5), bare, nn.tanh, nn.Sequential(dense(5, 2)))
    assert cells(net) == [
        ["1", "Conv2D(2,3,3)", "(3,2,3,3)", "(3,1)", "relu", "flatten", "57"],
        ["2", "Dense(48,5)", "(5,48)", "(5,1)", "(5,m)", "identity", "(5,m)", "245"],
        ["Bare", "tanh", "0"],
        ["3", "Dense(5,2)", "(2,5)", "(2,1)", "(2,m)", "identity", "(2,m)", "12"],
        ["total", "314"],
    ]
    assert [net.layers[0].W.name, net.layers[3].W.name, net.layers[6].layers[0].W.name] == ["W1", "W2", "W3"]


def test_the_summary_counts_what_is_trained():
    net = nn.Sequential(dense(2, 3), nn.BatchNorm(3), nn.tanh, dense(3, 1))
    assert [row[-1] for row in cells(net)[1:]] == ["9", "6", "4", "19"]  # scales and shifts, no running averages
    net.layers[0].W.requires_grad = False
    assert [row[-1] for row in cells(net)[1:]] == ["3", "6", "4", "13"]


def test_the_text_of_a_net_names_its_parts():
    assert repr(nn.Sequential(dense(2, 1), nn.tanh, Scale())) == "Sequential(Dense(2, 1), tanh, Scale())"


# ---- mlp


@pytest.mark.parametrize(
    ("hidden", "init"),
    [(h, nn.he) for h in (nn.relu, nn.leaky_relu, nn.elu, nn.gelu)]
    + [(h, nn.xavier) for h in (nn.tanh, nn.sigmoid, nn.identity, nn.softplus)],
)
def test_mlp_chooses_the_initializer_for_its_hidden_units(hidden, init):
    net = nn.mlp([3, 4, 2], hidden=hidden, rng=rng(7))
    drawn = rng(7)
    assert np.array_equal(net.layers[0].W.data, init((4, 3), drawn))
    assert np.array_equal(net.layers[2].W.data, init((2, 4), drawn))
    assert np.array_equal(nn.mlp([3, 4], hidden=hidden, init=nn.zeros, rng=rng()).layers[0].W.data, np.zeros((4, 3)))


def test_mlp_stacks_layers_with_hidden_functions_between_and_one_at_the_end():
    net = nn.mlp([3, 4, 5, 2], hidden=nn.relu, output=nn.softmax, rng=rng(), dtype=np.float32)
    assert [repr(layer) for layer in net.layers[::2]] == ["Dense(3, 4)", "Dense(4, 5)", "Dense(5, 2)"]
    assert net.layers[1::2] == [nn.relu, nn.relu, nn.softmax]
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float32)}
    assert nn.mlp([3, 4, 2], rng=rng()).layers[1::2] == [nn.tanh, nn.identity]


@pytest.mark.parametrize("sizes", [[], [3]])
def test_mlp_without_a_layer_is_refused(sizes):
    with pytest.raises(ValueError, match=r"such as \[30, 4, 1\], got \["):
        nn.mlp(sizes, rng=rng())


@pytest.mark.parametrize("value", [None, "X.csv", {"a": 1.0}, {1.0, 2.0}, (row for row in ())])
def test_what_holds_no_numbers_is_no_matter_of_shapes(value):
    with pytest.raises(TypeError, match=r"expected (an array of )?numbers, got"):
        nn.Dense(2, 1, rng=np.random.default_rng(0))(value)


def test_words_stand_for_activations_and_initializers():
    by_word = nn.mlp([2, 3, 1], rng=np.random.default_rng(0), hidden="relu", output="sigmoid", init="he")
    by_hand = nn.mlp([2, 3, 1], rng=np.random.default_rng(0), hidden=nn.relu, output=nn.sigmoid, init=nn.he)
    assert repr(by_word) == repr(by_hand)
    assert by_word.layers[0].W.numpy().tobytes() == by_hand.layers[0].W.numpy().tobytes()
    with pytest.raises(ValueError, match=r"mlp: expected an activation, such as 'identity', .* got 'rellu'"):
        nn.mlp([2, 3, 1], rng=np.random.default_rng(0), hidden="rellu")
    with pytest.raises(ValueError, match=r"Dense: expected an initializer, such as 'he', .* got 'best'"):
        nn.Dense(2, 3, rng=np.random.default_rng(0), init="best")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda **rng: nn.mlp([2, 3, 1], activation="relu", **rng), "write hidden=tg.nn.relu, output=tg.nn.sigmoid"),
        (lambda **rng: nn.mlp([2, 3, 1], dropout=0.5, **rng), "tg.nn.Dropout("),
        (lambda **rng: nn.mlp([2, 3, 1], kernel_initializer="he", **rng), "write init=tg.nn.he"),
        (lambda **rng: nn.mlp([2, 3, 1], seed=0), "write rng=np.random.default_rng(0)"),
        (lambda **rng: nn.Dense(2, 3, activation="relu", **rng), "write tg.nn.Sequential(tg.nn.Dense("),
        (lambda **rng: nn.Dense(2, 3, bias=False, **rng), "Dense has no bias=: write tg.nn.Dense(3, 4, rng=rng)"),
        (lambda **rng: nn.Sequential([nn.Dense(2, 3, **rng)]), "write Sequential(*layers)"),
        (lambda **rng: nn.Sequential(nn.Dense(2, 3, **rng), "ReLU"), "pass tg.nn.relu"),
    ],
)
def test_what_other_libraries_call_it_is_answered_with_the_line_to_write(make, line):
    with pytest.raises(TypeError, match=re.escape(line)):
        make(rng=np.random.default_rng(0))
