"""tinygrad_dl, as its README shows it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

import tinygrad_dl as tg
from tests.benchmarks.workloads import (
    Chain,
    Convolution,
    Hessian,
    HessianVector,
    Net,
    Normalisation,
    Prediction,
    Recurrent,
    Scalars,
    Shards,
)

LOSSES = {
    "sigmoid": tg.nn.binary_cross_entropy,
    "logits": tg.nn.binary_cross_entropy_with_logits,
    "softmax": tg.nn.softmax_cross_entropy,
}


def _built(problem: Net):
    X, Y, arrays = problem.arrays()
    output = tg.nn.sigmoid if problem.output == "sigmoid" else tg.nn.identity
    hidden = {"tanh": tg.nn.tanh, "relu": tg.nn.relu}[problem.hidden]
    net = tg.nn.mlp(problem.sizes, hidden=hidden, output=output, dtype=problem.dtype, rng=np.random.default_rng(0))
    for parameter, array in zip(net.parameters(), arrays, strict=True):
        parameter.data = array
    return net, tg.Tensor(X), tg.Tensor(Y), LOSSES[problem.output]


def net(problem: Net):
    net, X, Y, loss = _built(problem)
    descent = tg.optim.SGD(net.parameters(), learning_rate=problem.learning_rate)

    def step():
        descent.zero_grad()
        cost = loss(net(X), Y)
        cost.backward(keep_graph=False)
        descent.step()
        return [cost, *[parameter.grad for parameter in descent.parameters]]

    return step


def prediction(problem: Prediction):
    net, X, _, _ = _built(problem.net)
    predict = tg.no_grad()(net)
    return lambda: [predict(X)]


def hessian_vector(problem: HessianVector):
    net, X, Y, loss = _built(problem.net)
    names = [name for name, _ in net.named_parameters()]
    direction = dict(zip(names, problem.net.directions(), strict=True))

    def cost(net):
        return loss(net(X), Y)

    def compute():
        return list(tg.hvp(cost, (net,), (direction,))[0].values())

    return compute


def chain(problem: Chain):
    start, factor, g = problem.arrays()
    x, c = tg.parameter(start), tg.parameter(factor)

    def compute():
        y = problem.last(x, c)
        x.grad = c.grad = None
        y.backward(g)
        return [x.grad, c.grad]

    return compute


def convolution(problem: Convolution):
    A, W, b = map(tg.parameter, problem.arrays()[:3])
    return _gradients(lambda: tg.nn.conv2d(A, W, b), problem.arrays()[3], [A, W, b])


def normalisation(problem: Normalisation):
    Z, gamma, beta, G = problem.arrays()
    Z, norm = tg.parameter(Z), tg.nn.BatchNorm(problem.n)
    norm.gamma.data, norm.beta.data = gamma, beta
    return _gradients(lambda: norm(Z), G, [Z, norm.gamma, norm.beta])


def _gradients(f, G, parameters):
    """The sum of the values of `f` times `G`, and its gradients."""
    G = tg.Tensor(G)

    def compute():
        for parameter in parameters:
            parameter.grad = None
        cost = np.sum(f() * G)
        cost.backward(keep_graph=False)
        return [cost, *[parameter.grad for parameter in parameters]]

    return compute


def shards(problem: Shards):
    net, _, _, loss = _built(problem.net)
    engine = ThreadPoolExecutor(problem.workers) if problem.workers else None
    f = tg.parallel.value_and_grad(loss, [part.arrays()[:2] for part in problem.parts()], engine=engine)

    def compute():
        cost, gradient = f(net)
        return [cost, *gradient.values()]

    return compute


def scalars(problem: Scalars):
    samples, targets, numbers = problem.numbers()
    layers = [[([tg.parameter(w) for w in ws], tg.parameter(b)) for ws, b in layer] for layer in numbers]
    parameters = [p for layer in layers for ws, b in layer for p in (*ws, b)]

    def predicted(x):
        for layer in layers:
            x = [np.tanh(sum((w * x for w, x in zip(ws, x, strict=True)), b)) for ws, b in layer]
        return x[0]

    def compute():
        for parameter in parameters:
            parameter.grad = None
        cost = sum((predicted(x) - target) ** 2 for x, target in zip(samples, targets, strict=True))
        cost.backward()
        return [cost, [parameter.grad for parameter in parameters]]

    return compute


def recurrent(problem: Recurrent):
    X, Y, arrays = problem.arrays()
    W, U, b = map(tg.parameter, arrays)
    xs, Y = list(map(tg.Tensor, X)), tg.Tensor(Y)

    def compute():
        h = tg.Tensor(np.zeros((problem.h, problem.m)))
        for x in xs:
            h = np.tanh(W @ h + U @ x + b)
        cost = np.sum((h - Y) ** 2) / problem.m
        W.grad = U.grad = b.grad = None
        cost.backward()
        return [cost, W.grad, U.grad, b.grad]

    return compute


def hessian(problem: Hessian):
    x, second = problem.x(), tg.hessian(lambda x: np.sum(problem.terms(x)))
    return lambda: [second(x)]
