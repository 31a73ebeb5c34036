"""A recurrent net in plain NumPy adds binary numbers: it learns the carry from short ones, and adds long ones.

At each step t it reads a bit of each number, x[t], the lowest bits first, and gives a bit of the sum:

    a[t] = tanh(Wa a[t-1] + Wx x[t] + ba)        z[t] = Wy a[t] + by,  the logit of the bit

The notation is that of course 5, week 1. `tg.grad` goes back through all steps.
"""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import testing

UNITS = 8


def new_parameters(rng):
    shapes = {"Wa": (UNITS, UNITS), "Wx": (UNITS, 2), "ba": (UNITS, 1), "Wy": (1, UNITS), "by": (1, 1)}
    return {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}


def logits(p, X):
    """The logits of the bits of the sums, (T, 1, m), for the bits of m pairs of numbers, (T, 2, m)."""
    a, Z = np.zeros((UNITS, X.shape[-1])), []
    for x in X:
        a = np.tanh(p["Wa"] @ a + p["Wx"] @ x + p["ba"])
        Z.append(p["Wy"] @ a + p["by"])
    return np.stack(Z)


def cost(p, X, Y):
    """The binary cross-entropy of logits, a mean over steps and samples."""
    Z = logits(p, X)
    return np.mean(np.logaddexp(0, Z) - Y * Z)


def bits(numbers, T):
    """The T lowest bits of integers (..., m), as (T, ..., m), the lowest first."""
    return np.stack([(numbers >> t) & 1 for t in range(T)]).astype(float)


def train(p, rng, steps=600, rate=0.02, beta=0.9):
    """RMSProp, on new numbers below 2⁷ at each step."""
    value_and_grad, s = tg.value_and_grad(cost), {name: 0.0 for name in p}
    for step in range(steps + 1):
        numbers = rng.integers(0, 2**7, (2, 32))
        value, gradient = value_and_grad(p, bits(numbers, 8), bits(numbers.sum(axis=0, keepdims=True), 8))
        for name, d in gradient.items():
            s[name] = beta * s[name] + (1 - beta) * d**2
            p[name] = p[name] - rate * (1 - step / steps) * d / (np.sqrt(s[name]) + 1e-8)
        if step % 100 == 0:
            print(f"step {step:3d}  cost {value:.4f}")


def main():
    rng = np.random.default_rng(0)
    p = new_parameters(rng)
    some = rng.integers(0, 2, (3, 2, 4)).astype(float)
    assert testing.check_gradients(cost, p, some, some[:, :1], argnums=0, progress=False).passed
    train(p, rng)

    numbers = rng.integers(0, 2**30, (2, 1000))
    sums = np.sum((logits(p, bits(numbers, 31))[:, 0] > 0) << np.arange(31)[:, np.newaxis], axis=0)
    for (a, b), total in list(zip(numbers.T, sums, strict=True))[:3]:
        print(f"{a} + {b} = {total}")
    right = np.mean(sums == numbers.sum(axis=0))
    print(f"trained on numbers of 7 bits, it adds those of 30 bits: {right:.1%} of 1000 sums are right")
    assert right > 0.99


if __name__ == "__main__":
    main()
