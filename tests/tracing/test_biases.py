"""Biases that are columns of W give the same numbers, whatever else is done with W, b and the inputs of the layer."""

import functools

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl.tracing import biases
from tinygrad_dl.tracing.biases import above_ones, beside, columns_of, with_bias_columns
from tinygrad_dl.tracing.dead_code import without_dead_code
from tinygrad_dl.tracing.trace import trace

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 20)), RNG.normal(size=(2, 20))
ARRAYS = [RNG.normal(size=shape) for shape in ((4, 3), (4, 1), (2, 4), (2, 1))]


def backprop(X, W1, b1, W2, b2):
    A1 = np.tanh(W1 @ X + b1)
    dZ2 = W2 @ A1 + b2 - Y
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    sums = [np.add.reduce(dZ, axis=1, keepdims=True) for dZ in (dZ1, dZ2)]
    return dZ1 @ X.T, sums[0], dZ2 @ A1.T, sums[1]


@pytest.mark.parametrize("constant", [True, False])
def test_layers_are_products_with_ones(constant):
    program = trace(backprop, X, *ARRAYS).program
    x, W1, b1, W2, b2 = program.inputs
    found = with_bias_columns(program, [(W1, b1), (W2, b2)], {x} if constant else set())
    assert [node.function for node in found.nodes].count(above_ones) == (2 if constant else 1)
    assert {beside, columns_of} <= {node.function for node in found.nodes}
    assert_equal(found.evaluate(0.5 * X, *ARRAYS), backprop(0.5 * X, *ARRAYS))


def test_layers_of_few_columns_and_many_samples_stay(monkeypatch):
    program = trace(backprop, X, *ARRAYS).program
    x, *parameters = program.inputs
    pairs = [(parameters[0], parameters[1]), (parameters[2], parameters[3])]
    monkeypatch.setattr(biases, "_SMALL", 10)
    assert with_bias_columns(program, pairs, {x}) is program
    assert with_bias_columns(program, pairs[:0], {x}) is program


# ---- which layers are joined


def joined(f, *arrays, constant=True, computed=0):
    """The program with layers joined, whose inputs are X and pairs of W and b; and that without."""
    program = trace(f, *arrays).program
    x, *parameters = program.inputs
    pairs = [*zip(parameters[::2], parameters[1::2], strict=True)]
    constants = {x, *program.nodes[:computed]} if constant else set()
    return with_bias_columns(program, pairs, constants), program


def count(program, function):
    return sum(node.function is function for node in program.nodes)


def gradients(dZ, A):
    return dZ @ A.T, np.add.reduce(dZ, axis=1, keepdims=True)


def layer(x, W, b):
    return gradients(np.tanh(W @ x + b), x)


def summed(x, W, b, **settings):
    dZ = np.tanh(W @ x + b)
    return dZ @ x.T, np.add.reduce(dZ, **settings)


W, B = ARRAYS[:2]
SQUARE = RNG.normal(size=(3, 3))
SHARED = [RNG.normal(size=shape) for shape in ((2, 3), (2, 1))]
ONES = np.ones((2, 1, 1))


def of_a_shared_input(x, W1, b1, W2, b2):
    return layer(x, W1, b1), layer(x, W2, b2)


def of_constants(x, W, b):
    dZ = np.tanh(W @ x + b)
    other = np.tanh(np.ones((4, 3)) @ x + b) + (W @ np.ones((3, 20)) + b)
    return *gradients(dZ, x), dZ @ np.ones((20, 2)), other


JOINED = {
    "one layer": (layer, (X, W, B)),
    "the sum over the last axis": (lambda x, W, b: summed(x, W, b, axis=-1, keepdims=True), (X, W, B)),
    "two layers of one input": (of_a_shared_input, (X, W, B, *SHARED)),
    "products with constants": (of_constants, (X, W, B)),
}


@pytest.mark.parametrize("what", JOINED)
def test_one_product_gives_both_gradients_of_a_layer(what):
    f, arrays = JOINED[what]
    found, program = joined(f, *arrays)
    assert count(found, above_ones) == 1
    assert count(found, beside) == len(arrays) // 2
    assert count(found, np.add.reduce) == 0
    assert count(without_dead_code(found), np.matmul) == count(program, np.matmul)
    inputs = [0.5 * array for array in arrays]
    assert_equal(found.evaluate(*inputs), program.evaluate(*inputs))


STAYING = {
    "the gradient of the bias is not computed": lambda x, W, b: np.tanh(W @ x + b) @ x.T,
    "no gradient is computed": lambda x, W, b: np.tanh(W @ x + b),
    "the sum is over units": lambda x, W, b: summed(x, W, b, axis=0, keepdims=True),
    "the sum has no axis of samples": lambda x, W, b: summed(x, W, b, axis=1, keepdims=False),
    "the sum begins elsewhere": lambda x, W, b: summed(x, W, b, axis=1, keepdims=True, initial=2.0),
    "the product is used alone": lambda x, W, b: (*gradients(np.tanh((Z := W @ x) + b), x), Z),
    "the gradient is a stack": lambda x, W, b: gradients(np.tanh(W @ x + b) * ONES, x),
    "the input is a stack": lambda x, W, b: gradients(np.sum(W @ (A := x[:, :3] * ONES) + b, axis=0), A),
    "b is that of another layer": lambda x, W, b: gradients(np.tanh((2 * W) @ x + b), x),
}


@pytest.mark.parametrize("what", STAYING)
def test_a_layer_stays_where_joining_would_not_save_a_call(what):
    found, program = joined(STAYING[what], X, W, B)
    assert found is program


def test_a_transpose_that_swaps_no_axes_is_no_gradient():
    def f(x, W, b):
        dZ = np.tanh(W @ x + b)
        return dZ @ np.transpose(x, (0, 1)), np.add.reduce(dZ, axis=1, keepdims=True)

    found, program = joined(f, SQUARE, W, B)
    assert found is program


def test_inputs_that_are_results_stay_where_they_are():
    def f(x, W, b):
        A = np.tanh(x)
        return *layer(A, W, b), A

    assert len(set(map(id, joined(f, X, W, B, constant=False)))) == 1
    found, _ = joined(lambda *args: f(*args)[:2], X, W, B, constant=False)
    assert count(found, above_ones) == 1


@pytest.mark.parametrize(("units", "is_joined"), [(2, True), (1, False)])
@pytest.mark.parametrize("computed", [0, 1])
def test_a_constant_input_is_copied_only_below_twice_the_units(units, is_joined, computed):
    def f(x, W, b):
        return layer(np.tanh(x) if computed else x, W, b)

    found, _ = joined(f, X, RNG.normal(size=(units, 3)), np.ones((units, 1)), computed=computed)
    assert count(found, above_ones) == is_joined


@pytest.mark.parametrize(("columns", "is_joined"), [(16, True), (15, False)])
def test_large_layers_are_joined_if_the_column_is_one_of_many(columns, is_joined, monkeypatch):
    monkeypatch.setattr(biases, "_SMALL", 10)
    found, _ = joined(layer, np.ones((columns, 20)), np.ones((columns, columns)), np.ones((columns, 1)))
    assert count(found, above_ones) == is_joined


@pytest.mark.parametrize("kinds", [("f4", "f4", "f8"), ("f4", "f8", "f4"), ("f8", "f4", "f4"), ("f4", "f8", "f8")])
def test_arrays_of_different_types_stay_as_exact_as_they_are(kinds):
    arrays = [array.astype(kind) for array, kind in zip((X, W, B), kinds, strict=True)]
    found, program = joined(layer, *arrays)
    assert found is program


def test_names_lines_and_checks_stay():
    def f(x, W1, b1, W2, b2):
        A = np.tanh(W1 @ x + b1)
        cost = tg.nn.binary_cross_entropy(1 / (1 + np.exp(-(W2 @ A + b2))), np.ones((2, 20)))
        return *layer(x, W1, b1), *gradients(W2 @ A + b2, A), cost

    program = trace(f, X, *ARRAYS).program
    for i, node in enumerate(program.nodes):
        node.name, node.line = f"n{i}", f"line {i}"
    x, W1, b1, W2, b2 = program.inputs
    found = with_bias_columns(program, [(W1, b1), (W2, b2)], {x})
    assert count(found, above_ones) == 2
    assert [(node.name, node.line) for node in found.outputs] == [(node.name, node.line) for node in program.outputs]
    kept = {node.name: node.line for node in program.nodes if node.function is not np.matmul}
    assert kept.items() <= {node.name: node.line for node in found.nodes}.items()
    assert len(found.guards) == len(program.guards) > 0
    assert {guard.node for guard in found.guards} <= {*found.inputs, *found.nodes}


# ---- compiled steps


def net_and_step(change="", optimizer=tg.optim.Momentum, data=tg.Tensor, dtype=np.float64, threads=0):
    """A step of a 3-4-4-2 net, and its parameters; a `change` makes something else of it."""
    net = tg.nn.mlp([3, 4, 4, 2], hidden=tg.nn.tanh, dtype=dtype, rng=np.random.default_rng(1))
    parameters = net.parameters()
    if change == "frozen bias":
        parameters[1].requires_grad = False
    trained = parameters[::-1] if change == "other order" else [p for p in parameters if p.requires_grad]
    descent = optimizer(trained, learning_rate=0.05)
    x, y = data(X.astype(dtype)), data(Y.astype(dtype))
    first, _, second, _, third, *_ = net.layers
    W2, b2 = second.parameters()

    def step(x=None, y=None):
        descent.zero_grad()
        Z1 = first(x)
        A1 = np.tanh(Z1)
        A2 = np.tanh(second(A1))
        if change == "used twice":
            A2 = np.tanh(second(A2))
        if change == "without bias":
            A2 = np.tanh(W2 @ A2)
        cost = np.mean((third(A2) - y) ** 2)
        if change == "constant slope":  # no sum over samples gives the gradient of b2
            cost = np.mean((third(A1) - y) ** 2) + 0.1 * np.sum(second(A1)) + np.sum(b2**2)
        if change == "decay":
            cost = cost + 0.1 * np.sum(W2**2)
        cost.backward()
        if change == "decoupled decay":
            W2.data = 0.99 * W2.data
        descent.step()
        if change == "outputs":
            return cost, Z1, A1, A2
        if change == "constant slope":
            return cost
        return cost, [p.grad for p in parameters]

    compiled = tg.compile(step, threads) if threads else step
    return functools.partial(compiled, x, y), parameters


CHANGES = (
    "",
    "frozen bias",
    "other order",
    "used twice",
    "without bias",
    "decay",
    "decoupled decay",
    "constant slope",
    "outputs",
)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("threads", "data"), [(1, tg.Tensor), (2, np.asarray)])
def test_a_net_trains_the_same(change, threads, data):
    found = []
    for count in (0, threads):
        step, parameters = net_and_step(change, data=data, threads=count)
        results = []
        for i in range(4):
            results.append(step())  # kept: later calls must not write into them
            if i == 1:
                parameters[0].data = 0.5 * parameters[0].data
        found.append((results, [p.numpy() for p in parameters]))
        assert not count or step.func.cache_info().eager == 0
    assert_equal(found[1], found[0], rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Momentum, tg.optim.RMSProp, tg.optim.Adam])
def test_optimizers_with_state_train_the_same(optimizer, dtype):
    found = []
    for threads in (0, 1):
        step, parameters = net_and_step(optimizer=optimizer, dtype=dtype, threads=threads)
        found.append(([step() for _ in range(5)], [p.numpy() for p in parameters]))
    assert_equal(found[1], found[0], rtol=1e-11 if dtype is np.float64 else 1e-4)
