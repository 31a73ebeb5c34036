"""PyTorch, eager: its fused losses, gradients by `torch.autograd.grad`, and the update in place."""

import numpy as np
import torch
from torch.nn import functional as F

from tests.benchmarks.workloads import (
    Chain,
    Convolution,
    Hessian,
    HessianVector,
    Net,
    Normalisation,
    Recurrent,
    Scalars,
)

HIDDEN = {"tanh": torch.tanh, "relu": torch.relu}


def limit_threads(n: int) -> None:
    torch.set_num_threads(n)


def _parameter(array):
    return torch.from_numpy(np.array(array)).requires_grad_()


def _built(problem: Net):
    """The cost as a function of the parameters, and the parameters."""
    X, Y, arrays = problem.arrays()
    X, Y = torch.from_numpy(X), torch.from_numpy(Y)
    hidden = HIDDEN[problem.hidden]

    def cost(*parameters):
        A = X
        *before, W, b = parameters
        for V, c in zip(before[::2], before[1::2], strict=True):
            A = hidden(torch.addmm(c, V, A))
        Z = torch.addmm(b, W, A)
        if problem.output == "softmax":
            return F.cross_entropy(Z[None], Y[None])  # classes are its second axis, so that neither is transposed
        if problem.output == "logits":
            return F.binary_cross_entropy_with_logits(Z, Y)
        return F.binary_cross_entropy(torch.sigmoid(Z), Y)

    return cost, [_parameter(array) for array in arrays]


def net(problem: Net):
    cost, parameters = _built(problem)
    rate = problem.learning_rate

    def step():
        value = cost(*parameters)
        gradients = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=rate)
        return [value.detach(), *gradients]

    return step


def hessian_vector(problem: HessianVector):
    """Reverse over reverse."""
    cost, parameters = _built(problem.net)
    direction = [torch.from_numpy(v) for v in problem.net.directions()]

    def compute():
        gradients = torch.autograd.grad(cost(*parameters), parameters, create_graph=True)
        return list(torch.autograd.grad(gradients, parameters, direction))

    return compute


def chain(problem: Chain):
    start, c, g = problem.arrays()
    x, c, g = _parameter(start), _parameter(c), torch.from_numpy(g)

    def compute():
        return list(torch.autograd.grad(problem.last(x, c), (x, c), g))

    return compute


def convolution(problem: Convolution):
    """With the samples first, as torch has them."""
    A, W, b, G = problem.arrays()
    A, G = (torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 0))) for array in (A, G))
    A.requires_grad_()
    W, b = _parameter(W), _parameter(b[:, 0])

    def compute():
        cost = torch.sum(F.conv2d(A, W, b) * G)
        dA, dW, db = torch.autograd.grad(cost, (A, W, b))
        return [cost.detach(), dA.permute(1, 2, 3, 0), dW, db[:, None]]

    return compute


def normalisation(problem: Normalisation):
    """With samples as rows."""
    Z, gamma, beta, G = problem.arrays()
    Z, G = _parameter(Z.T.copy()), torch.from_numpy(G.T.copy())
    gamma, beta = _parameter(gamma[:, 0]), _parameter(beta[:, 0])
    mean, variance = torch.zeros(problem.n, dtype=Z.dtype), torch.ones(problem.n, dtype=Z.dtype)

    def compute():
        cost = torch.sum(F.batch_norm(Z, mean, variance, gamma, beta, training=True) * G)
        dZ, dgamma, dbeta = torch.autograd.grad(cost, (Z, gamma, beta))
        return [cost.detach(), dZ.T, dgamma[:, None], dbeta[:, None]]

    return compute


def scalars(problem: Scalars):
    samples, targets, numbers = problem.numbers()
    layers = [[([_parameter(w) for w in weights], _parameter(bias)) for weights, bias in layer] for layer in numbers]
    parameters = [p for layer in layers for ws, b in layer for p in (*ws, b)]
    samples = [torch.tensor(x, dtype=torch.float64).unbind() for x in samples]

    def weighted(x, ws, total):
        for w, number in zip(ws, x, strict=True):
            total = torch.addcmul(total, w, number)
        return total

    def predicted(x):
        for layer in layers:
            x = [torch.tanh(weighted(x, ws, b)) for ws, b in layer]
        return x[0]

    def compute():
        cost = sum((predicted(x) - target) ** 2 for x, target in zip(samples, targets, strict=True))
        gradients = torch.autograd.grad(cost, parameters)
        return [cost.detach(), list(gradients)]

    return compute


def recurrent(problem: Recurrent):
    """By what `nn.RNN` calls, where samples are rows, and there is a second bias."""
    X, Y, arrays = problem.arrays()
    X, Y = torch.from_numpy(X).transpose(1, 2).contiguous(), torch.from_numpy(Y).T.contiguous()
    W, U, b = map(_parameter, arrays)
    start, none = torch.zeros(1, *Y.shape, dtype=Y.dtype), torch.zeros(problem.h, dtype=Y.dtype)

    def compute():
        _, h = torch.rnn_tanh(X, start, [U, W, b[:, 0], none], True, 1, 0.0, True, False, False)
        cost = torch.sum((h[0] - Y) ** 2) / problem.m
        return [cost.detach(), *torch.autograd.grad(cost, (W, U, b))]

    return compute


def hessian(problem: Hessian):
    """All rows in one batched second pass."""
    x = _parameter(problem.x())
    basis = torch.eye(problem.parameters, dtype=x.dtype)

    def compute():
        (gradient,) = torch.autograd.grad(torch.sum(problem.terms(x)), x, create_graph=True)
        return list(torch.autograd.grad(gradient, x, basis, is_grads_batched=True))

    return compute
