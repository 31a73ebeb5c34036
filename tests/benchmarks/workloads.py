"""What is timed: each workload is a hand-written NumPy function and the same with tinygrad_dl.

Both compute the same values and gradients, which `Workload.check` asserts before anything is timed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import tinygrad_dl as tg


@dataclass
class Workload:
    """`hand()` and `ours()` give the same arrays. `operations` is how many operations each of their calls is of."""

    name: str
    hand: Callable[[], list[np.ndarray]]
    ours: Callable[[], list[np.ndarray]]
    operations: int = 1
    bar: float | None = None

    def check(self) -> None:
        for expected, got in zip(self.hand(), self.ours(), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9)


def chain(pairs: int, *, by_factor: bool, bar: float | None = None) -> Workload:
    """`y = y * c; y = y + c` on 4×4 arrays, `pairs` times; the gradient by the first y, and by c if `by_factor`."""
    rng = np.random.default_rng(0)
    start, c, g = rng.uniform(size=(4, 4)), rng.uniform(0.5, 0.9, size=(4, 4)), np.ones((4, 4))
    x = tg.parameter(start)
    factor = tg.Tensor(c, requires_grad=by_factor)

    def hand():
        y, products = start, []
        for _ in range(pairs):
            products.append(y)
            y = y * c
            y = y + c
        dy, dc = g, np.zeros((4, 4))
        if not by_factor:
            for _ in range(pairs):
                dy = dy * c
            return [dy]
        for y in reversed(products):
            dc = dc + dy
            dc = dc + dy * y
            dy = dy * c
        return [dy, dc]

    def ours():
        y = x
        for _ in range(pairs):
            y = y * factor
            y = y + factor
        x.grad = factor.grad = None
        y.backward(g)
        return [x.grad, factor.grad] if by_factor else [x.grad]

    what = "gradient by y and c" if by_factor else "gradient by y"
    return Workload(f"chain of {pairs:,} pairs y*c, y+c on 4x4, {what}, an op", hand, ours, 2 * pairs, bar)


def step(sizes: tuple[int, int, int], m: int, *, logits: bool, bar: float | None = None) -> Workload:
    """One step of gradient descent of a shallow net, loss included; so short a step that the next one is the same.

    By hand the loss has the same guards against overflow and log(0), and the backward pass is the course's.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(sizes[0], m))
    Y = (rng.uniform(size=(sizes[2], m)) < 0.5).astype(float)
    output = tg.nn.identity if logits else tg.nn.sigmoid
    net = tg.nn.mlp(sizes, hidden=tg.nn.tanh, output=output, rng=rng)
    loss = tg.nn.binary_cross_entropy_with_logits if logits else tg.nn.binary_cross_entropy
    parameters = net.parameters()
    optimizer = tg.optim.SGD(parameters, learning_rate=1e-12)
    W1, b1, W2, b2 = (parameter.numpy() for parameter in parameters)
    X_tensor, Y_tensor = tg.Tensor(X), tg.Tensor(Y)

    def hand():
        nonlocal W1, b1, W2, b2
        Z1 = W1 @ X + b1
        A1 = np.tanh(Z1)
        Z2 = W2 @ A1 + b2
        A2 = 1 / (1 + np.exp(np.minimum(-Z2, 80)))
        if logits:
            cost = np.sum(np.logaddexp(0, Z2) - Y * Z2) / m
        else:
            cost = -np.sum(Y * np.log(A2 + 1e-30) + (1 - Y) * np.log(1 - A2 + 1e-30)) / m
        dZ2 = A2 - Y
        dW2 = dZ2 @ A1.T / m
        db2 = np.sum(dZ2, axis=1, keepdims=True) / m
        dZ1 = (W2.T @ dZ2) * (1 - A1**2)
        dW1 = dZ1 @ X.T / m
        db1 = np.sum(dZ1, axis=1, keepdims=True) / m
        W1, b1 = W1 - 1e-12 * dW1, b1 - 1e-12 * db1
        W2, b2 = W2 - 1e-12 * dW2, b2 - 1e-12 * db2
        return [cost, dW1, db1, dW2, db2]

    def ours():
        optimizer.zero_grad()
        cost = loss(net(X_tensor), Y_tensor)
        cost.backward()
        optimizer.step()
        return [cost.item(), *[parameter.grad for parameter in parameters]]

    what = "logits" if logits else "sigmoid"
    return Workload(f"step of a {'-'.join(map(str, sizes))} net, {what}, m={m:,}", hand, ours, 1, bar)


def workloads() -> list[Workload]:
    return [
        chain(100, by_factor=True, bar=4.5),
        chain(100, by_factor=False),
        chain(20_000, by_factor=True),
        step((2, 4, 1), 400, logits=False, bar=1.8),
        step((2, 4, 1), 400, logits=True),
        step((2, 4, 1), 100_000, logits=False),
        step((64, 128, 1), 2_000, logits=False),
    ]
