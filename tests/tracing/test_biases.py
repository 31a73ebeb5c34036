"""Biases that are columns of W give the same numbers, whatever else is done with W, b and the inputs of the layer."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl.tracing import biases
from tinygrad_dl.tracing.biases import above_ones, beside, columns_of, with_bias_columns
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


def net_and_step(change="", optimizer=tg.optim.Momentum, data=tg.Tensor, dtype=np.float64, threads=0):
    """A step of a 3-4-4-2 net, and its parameters; a `change` makes something else of it."""
    net = tg.nn.mlp([3, 4, 4, 2], hidden=tg.nn.tanh, dtype=dtype, rng=np.random.default_rng(1))
    parameters = net.parameters()
    if change == "frozen bias":
        parameters[1].requires_grad = False
    trained = parameters[::-1] if change == "other order" else [p for p in parameters if p.requires_grad]
    descent = optimizer(trained, learning_rate=0.05)
    x, y = data(X.astype(dtype)), data(Y.astype(dtype))
    W1, b1, W2, b2, W3, b3 = parameters

    def step(x=None, y=None):
        descent.zero_grad()
        Z1 = W1 @ x + b1
        A1 = np.tanh(Z1)
        A2 = np.tanh(W2 @ A1 + b2)
        if change == "used twice":
            A2 = np.tanh(W2 @ A2 + b2)
        if change == "without bias":
            A2 = np.tanh(W2 @ A2)
        cost = np.mean((W3 @ A2 + b3 - y) ** 2)
        if change == "decay":
            cost = cost + 0.1 * np.sum(W2**2)
        cost.backward()
        if change == "decoupled decay":
            W2.data = 0.99 * W2.data
        descent.step()
        if change == "outputs":
            return cost, Z1, A1, A2
        return cost, [p.grad for p in parameters]

    compiled = tg.compile(step, threads) if threads else step
    return (lambda: compiled(x, y)), parameters


CHANGES = "", "frozen bias", "other order", "used twice", "without bias", "decay", "decoupled decay", "outputs"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("data", [tg.Tensor, np.asarray])
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
    assert_equal(found[1], found[0], rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Momentum, tg.optim.RMSProp, tg.optim.Adam])
def test_optimizers_with_state_train_the_same(optimizer, dtype):
    found = []
    for threads in (0, 1):
        step, parameters = net_and_step(optimizer=optimizer, dtype=dtype, threads=threads)
        found.append(([step() for _ in range(5)], [p.numpy() for p in parameters]))
    assert_equal(found[1], found[0], rtol=1e-11 if dtype is np.float64 else 1e-4)
