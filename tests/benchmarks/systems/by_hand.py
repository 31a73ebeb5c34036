"""NumPy by hand: the formulas of the course, with the guards against overflow and log(0) that ours have too."""

import math

import numpy as np

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
    Tracing,
)

TINY = 1e-30


def net(problem: Net):
    """A shallow net line by line, as in week 3; any other layer by layer, as in week 4."""
    return _shallow(problem) if len(problem.sizes) == 3 and problem.output != "softmax" else _deep(problem)


def _shallow(problem):
    X, Y, (W1, b1, W2, b2) = problem.arrays()
    m, rate = problem.m, problem.learning_rate

    def step():
        nonlocal W1, b1, W2, b2
        Z1 = W1 @ X + b1
        A1 = np.tanh(Z1)
        Z2 = W2 @ A1 + b2
        A2 = 1 / (1 + np.exp(np.minimum(-Z2, 80)))
        if problem.output == "logits":
            cost = np.sum(np.logaddexp(0, Z2) - Y * Z2) / m
        else:
            cost = -np.sum(Y * np.log(A2 + TINY) + (1 - Y) * np.log(1 - A2 + TINY)) / m
        dZ2 = A2 - Y
        dW2 = dZ2 @ A1.T / m
        db2 = np.sum(dZ2, axis=1, keepdims=True) / m
        dZ1 = (W2.T @ dZ2) * (1 - A1**2)
        dW1 = dZ1 @ X.T / m
        db1 = np.sum(dZ1, axis=1, keepdims=True) / m
        W1, b1 = W1 - rate * dW1, b1 - rate * db1
        W2, b2 = W2 - rate * dW2, b2 - rate * db2
        return [cost, dW1, db1, dW2, db2]

    return step


def _deep(problem):
    X, Y, parameters = problem.arrays()
    L, m, rate = len(problem.sizes) - 1, problem.m, problem.learning_rate
    Ws, bs = parameters[::2], parameters[1::2]

    def step():
        Zs, As = [], [X]
        for l in range(L):
            Z = Ws[l] @ As[l] + bs[l]
            Zs.append(Z)
            if l < L - 1:
                As.append(np.maximum(Z, 0) if problem.hidden == "relu" else np.tanh(Z))
        if problem.output == "softmax":
            shifted = Z - np.max(Z, axis=0)
            exp = np.exp(shifted)
            total = np.sum(exp, axis=0)
            cost = -np.sum(Y * (shifted - np.log(total))) / m
            dZ = (exp / total - Y) / m
        else:
            A = 1 / (1 + np.exp(np.minimum(-Z, 80)))
            cost = -np.sum(Y * np.log(A + TINY) + (1 - Y) * np.log(1 - A + TINY)) / m
            dZ = (A - Y) / m
        gradients = []
        for l in reversed(range(L)):
            gradients += [np.sum(dZ, axis=1, keepdims=True), dZ @ As[l].T]
            if l > 0:
                dA = Ws[l].T @ dZ
                dZ = dA * (Zs[l - 1] > 0) if problem.hidden == "relu" else dA * (1 - As[l] ** 2)
        gradients.reverse()
        for l in range(L):
            Ws[l] = Ws[l] - rate * gradients[2 * l]
            bs[l] = bs[l] - rate * gradients[2 * l + 1]
        return [cost, *gradients]

    return step


def hessian_vector(problem: HessianVector):
    """Forward over reverse: what each line of backprop changes by, along the direction (Pearlmutter 1994)."""
    X, Y, parameters = problem.net.arrays()
    direction = problem.net.directions()
    L, m = len(problem.net.sizes) - 1, problem.net.m
    Ws, bs, VWs, Vbs = parameters[::2], parameters[1::2], direction[::2], direction[1::2]

    def compute():
        masks, As, RAs = [], [X], [np.zeros_like(X)]
        for l in range(L):
            Z = Ws[l] @ As[l] + bs[l]
            RZ = VWs[l] @ As[l] + Vbs[l]
            if l > 0:
                RZ += Ws[l] @ RAs[l]
            if l < L - 1:
                masks.append(Z > 0)
                As.append(np.maximum(Z, 0))
                RAs.append(RZ * masks[l])
        exp = np.exp(Z - np.max(Z, axis=0))
        P = exp / np.sum(exp, axis=0)
        dZ, RdZ = (P - Y) / m, P * (RZ - np.sum(P * RZ, axis=0)) / m
        seconds = []
        for l in reversed(range(L)):
            RdW = RdZ @ As[l].T
            if l > 0:
                RdW += dZ @ RAs[l].T
            seconds += [np.sum(RdZ, axis=1, keepdims=True), RdW]
            if l > 0:
                dA, RdA = Ws[l].T @ dZ, VWs[l].T @ dZ + Ws[l].T @ RdZ
                dZ, RdZ = dA * masks[l - 1], RdA * masks[l - 1]
        return seconds[::-1]

    return compute


def prediction(problem: Prediction):
    X, _, (W1, b1, W2, b2) = problem.net.arrays()

    def compute():
        A1 = np.tanh(W1 @ X + b1)
        return [1 / (1 + np.exp(np.minimum(-(W2 @ A1 + b2), 80)))]

    return compute


def chain(problem: Chain):
    start, c, g = problem.arrays()

    def compute():
        y, products = start, []
        for _ in range(problem.pairs):
            products.append(y)
            y = y * c
            y = y + c
        dy, dc = g, np.zeros((4, 4))
        for y in reversed(products):
            dc = dc + dy
            dc = dc + dy * y
            dy = dy * c
        return [dy, dc]

    return compute


def convolution(problem: Convolution):
    """One product for all places, with a column of the image for each."""
    A, W, b, G = problem.arrays()
    c_out, c, k, _ = W.shape
    _, h, w, m = G.shape

    def compute():
        windows = np.lib.stride_tricks.sliding_window_view(A, (k, k), (1, 2))
        columns = windows.transpose(0, 4, 5, 1, 2, 3).reshape(c * k * k, -1)
        Z = (W.reshape(c_out, -1) @ columns + b).reshape(G.shape)
        cost = np.sum(Z * G)
        dZ = G.reshape(c_out, -1)
        dW = (dZ @ columns.T).reshape(W.shape)
        db = np.sum(dZ, axis=1, keepdims=True)
        parts = (W.reshape(c_out, -1).T @ dZ).reshape(c, k, k, h, w, m)
        dA = np.zeros(A.shape, A.dtype)
        for i in range(k):
            for j in range(k):
                dA[:, i : i + h, j : j + w] += parts[:, i, j]
        return [cost, dA, dW, db]

    return compute


def normalisation(problem: Normalisation):
    """The course's formulas, dx̂, dσ² and dμ combined; and the running averages."""
    Z, gamma, beta, G = problem.arrays()
    m = problem.m
    running_mean, running_variance = np.zeros(gamma.shape), np.ones(gamma.shape)

    def compute():
        nonlocal running_mean, running_variance
        mean = np.sum(Z, axis=1, keepdims=True) / m
        centred = Z - mean
        variance = np.sum(centred**2, axis=1, keepdims=True) / m
        running_mean = 0.9 * running_mean + 0.1 * mean
        running_variance = 0.9 * running_variance + 0.1 * variance
        deviation = np.sqrt(variance + 1e-5)
        x_hat = centred / deviation
        cost = np.sum((gamma * x_hat + beta) * G)
        dgamma = np.sum(G * x_hat, axis=1, keepdims=True)
        dbeta = np.sum(G, axis=1, keepdims=True)
        dZ = gamma / deviation * (G - dbeta / m - x_hat * (dgamma / m))
        return [cost, dZ, dgamma, dbeta]

    return compute


def shards(problem: Shards):
    steps = [net(part) for part in problem.parts()]

    def compute():
        results = [step() for step in steps]
        return [sum(parts) / len(parts) for parts in zip(*results, strict=True)]

    return compute


def scalars(problem: Scalars):
    """In Python's numbers, which NumPy's are slower than."""
    samples, targets, layers = problem.numbers()

    def compute():
        cost = 0.0
        by_weights = [[[0.0] * len(weights) for weights, _ in layer] for layer in layers]
        by_biases = [[0.0] * len(layer) for layer in layers]
        for x, target in zip(samples, targets, strict=True):
            As = [x]
            for layer in layers:
                a = As[-1]
                As.append([math.tanh(sum([w * x for w, x in zip(ws, a, strict=True)], bias)) for ws, bias in layer])
            error = As[-1][0] - target
            cost += error**2
            dA = [2 * error]
            for l in reversed(range(len(layers))):
                dZ = [g * (1 - a * a) for g, a in zip(dA, As[l + 1], strict=True)]
                dA = [0.0] * len(As[l])
                for j, dz in enumerate(dZ):
                    by_biases[l][j] += dz
                    weights, sums = layers[l][j][0], by_weights[l][j]
                    for i, a in enumerate(As[l]):
                        sums[i] += dz * a
                        dA[i] += dz * weights[i]
        flat = [
            g
            for ws, bs in zip(by_weights, by_biases, strict=True)
            for w, b in zip(ws, bs, strict=True)
            for g in (*w, b)
        ]
        return [cost, flat]

    return compute


def recurrent(problem: Recurrent):
    X, Y, (W, U, b) = problem.arrays()

    def compute():
        hs = [np.zeros((problem.h, problem.m))]
        for x in X:
            hs.append(np.tanh(W @ hs[-1] + U @ x + b))
        error = hs[-1] - Y
        cost = np.sum(error**2) / problem.m
        dh = 2 * error / problem.m
        dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
        for t in reversed(range(problem.T)):
            dz = dh * (1 - hs[t + 1] ** 2)
            dW += dz @ hs[t].T
            dU += dz @ X[t].T
            db += np.sum(dz, axis=1, keepdims=True)
            dh = W.T @ dz
        return [cost, dW, dU, db]

    return compute


def tracing(problem: Tracing):
    return recurrent(problem.net)


def hessian(problem: Hessian):
    """Its three diagonals, as closed forms."""
    x = problem.x()

    def compute():
        diagonal = np.zeros_like(x)
        diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
        diagonal[1:] += 200
        beside = -400 * x[:-1]
        return [np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)]

    return compute
