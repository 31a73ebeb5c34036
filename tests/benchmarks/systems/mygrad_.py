"""MyGrad, with the layers and losses of `mygrad.nnet`, and without its guards of memory; it has no second order."""

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.losses import softmax_crossentropy

from tests.benchmarks.workloads import Chain, Net, Recurrent, Scalars

HIDDEN = {"tanh": mg.tanh, "relu": relu}
mg.turn_memory_guarding_off()


def _constant(array):
    return mg.tensor(array, constant=True)


def net(problem: Net):
    X, Y, arrays = problem.arrays()
    parameters = [mg.tensor(array) for array in arrays]
    labels = np.argmax(Y, axis=0)
    X, Y, not_Y = _constant(X), _constant(Y), _constant(1 - Y)
    hidden, m, rate = HIDDEN[problem.hidden], problem.m, problem.learning_rate

    def loss(Z):
        if problem.output == "softmax":
            return softmax_crossentropy(Z.T, labels)
        if problem.output == "logits":
            return mg.sum(mg.logaddexp(0, Z) - Y * Z) / m
        A = sigmoid(Z)
        return -mg.sum(Y * mg.log(A) + not_Y * mg.log(1 - A)) / m

    def step():
        A = X
        *before, W, b = parameters
        for V, c in zip(before[::2], before[1::2], strict=True):
            A = hidden(V @ A + c)
        cost = loss(W @ A + b)
        cost.backward()
        for parameter in parameters:
            parameter.data -= rate * parameter.grad
        return [cost, *[parameter.grad for parameter in parameters]]

    return step


def chain(problem: Chain):
    start, c, g = problem.arrays()
    x, c = mg.tensor(start), mg.tensor(c)

    def compute():
        y = problem.last(x, c)
        y.backward(g)
        return [x.grad, c.grad]

    return compute


def scalars(problem: Scalars):
    samples, targets, numbers = problem.numbers()
    layers = [[([mg.tensor(w) for w in weights], mg.tensor(bias)) for weights, bias in layer] for layer in numbers]
    parameters = [p for layer in layers for ws, b in layer for p in (*ws, b)]
    samples = [[_constant(float(number)) for number in x] for x in samples]

    def predicted(x):
        for layer in layers:
            x = [mg.tanh(mg.add_sequence(b, *(w * x for w, x in zip(ws, x, strict=True)))) for ws, b in layer]
        return x[0]

    def compute():
        cost = mg.add_sequence(*((predicted(x) - y) ** 2 for x, y in zip(samples, targets, strict=True)))
        cost.backward()
        return [cost, [parameter.grad for parameter in parameters]]

    return compute


def recurrent(problem: Recurrent):
    X, Y, arrays = problem.arrays()
    W, U, b = map(mg.tensor, arrays)
    xs, Y = list(map(_constant, X)), _constant(Y)

    def compute():
        h = np.zeros((problem.h, problem.m))
        for x in xs:
            h = mg.tanh(mg.add_sequence(W @ h, U @ x, b))
        cost = mg.sum((h - Y) ** 2) / problem.m
        cost.backward()
        return [cost, W.grad, U.grad, b.grad]

    return compute
