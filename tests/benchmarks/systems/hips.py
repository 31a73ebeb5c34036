"""HIPS autograd, which differentiates NumPy's own functions."""

import autograd
import autograd.numpy as np
from autograd.scipy.special import expit
from autograd.tracer import getval

from tests.benchmarks.workloads import Chain, Hessian, HessianVector, Net, Recurrent, Scalars

HIDDEN = {"tanh": np.tanh, "relu": lambda Z: Z * (Z > 0)}  # whose gradient is faster than np.maximum's


def _cost(problem: Net):
    """The cost as a function of the parameters."""
    X, Y, _ = problem.arrays()
    not_Y, m = 1 - Y, problem.m
    hidden = HIDDEN[problem.hidden]

    def cost(parameters):
        A = X
        *before, W, b = parameters
        for V, c in zip(before[::2], before[1::2], strict=True):
            A = hidden(V @ A + c)
        Z = W @ A + b
        if problem.output == "softmax":
            shifted = Z - np.max(getval(Z), axis=0)
            return np.sum(Y * (np.log(np.sum(np.exp(shifted), axis=0)) - shifted)) / m
        if problem.output == "logits":
            return np.sum(np.logaddexp(0, Z) - Y * Z) / m
        A = expit(Z)
        return -np.sum(Y * np.log(A) + not_Y * np.log(1 - A)) / m

    return cost


def net(problem: Net):
    _, _, parameters = problem.arrays()
    rate = problem.learning_rate
    value_and_gradients = autograd.value_and_grad(_cost(problem))

    def step():
        value, gradients = value_and_gradients(parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= rate * gradient
        return [value, *gradients]

    return step


def hessian_vector(problem: HessianVector):
    """Reverse over reverse."""
    _, _, parameters = problem.net.arrays()
    direction = problem.net.directions()
    make = autograd.make_hvp(_cost(problem.net))

    def compute():
        along, _ = make(parameters)
        return along(direction)

    return compute


def chain(problem: Chain):
    start, c, g = problem.arrays()
    make = autograd.make_vjp(problem.last, argnum=(0, 1))

    def compute():
        gradients, _ = make(start, c)
        return list(gradients(g))

    return compute


def scalars(problem: Scalars):
    samples, targets, layers = problem.numbers()
    numbers = np.array([p for layer in layers for ws, b in layer for p in (*ws, b)])

    def cost(numbers):
        each = iter([numbers[i] for i in range(len(numbers))])
        boxed = [[([next(each) for _ in ws], next(each)) for ws, _ in layer] for layer in layers]
        total = 0
        for x, target in zip(samples, targets, strict=True):
            for layer in boxed:
                x = [np.tanh(sum((w * x for w, x in zip(ws, x, strict=True)), b)) for ws, b in layer]
            total = total + (x[0] - target) ** 2
        return total

    value_and_gradients = autograd.value_and_grad(cost)
    return lambda: list(value_and_gradients(numbers))


def recurrent(problem: Recurrent):
    X, Y, parameters = problem.arrays()

    def cost(W, U, b):
        h = np.zeros((problem.h, problem.m))
        for x in X:
            h = np.tanh(W @ h + U @ x + b)
        return np.sum((h - Y) ** 2) / problem.m

    value_and_gradients = autograd.value_and_grad(cost, argnum=(0, 1, 2))

    def compute():
        value, gradients = value_and_gradients(*parameters)
        return [value, *gradients]

    return compute


def hessian(problem: Hessian):
    x, second = problem.x(), autograd.hessian(lambda x: np.sum(problem.terms(x)))
    return lambda: [second(x)]
