"""An LSTM in plain NumPy remembers the first token of a sequence through noise.

It reads tokens one by one, and names the first one at the end. In the notation of course 5, week 1:

    Γ = σ(W [a[t-1]; x[t]] + b) for the gates u, f and o      c̃ = tanh(Wc [a[t-1]; x[t]] + bc)
    c[t] = Γu c̃ + Γf c[t-1]                                   a[t] = Γo tanh(c[t])
"""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import testing

UNITS, TOKENS, LENGTH = 16, 4, 20


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def logits(p, X):
    """The logits of the first token, (tokens, m), after sequences X, (T, tokens, m)."""
    a = c = np.zeros((UNITS, X.shape[-1]))
    for x in X:
        ax = np.concatenate([a, x])
        update, forget, out = (sigmoid(p["W" + gate] @ ax + p["b" + gate]) for gate in "ufo")
        c = update * np.tanh(p["Wc"] @ ax + p["bc"]) + forget * c
        a = out * np.tanh(c)
    return p["Wy"] @ a + p["by"]


def new_parameters(rng):
    p = {"W" + gate: rng.normal(0, 0.2, (UNITS, UNITS + TOKENS)) for gate in "ufoc"}
    p |= {"b" + gate: np.full((UNITS, 1), 3.0 * (gate == "f")) for gate in "ufoc"}  # 3: remember, at first
    return p | {"Wy": rng.normal(0, 0.2, (TOKENS, UNITS)), "by": np.zeros((TOKENS, 1))}


def cost(p, X):
    """The cross-entropy of the softmax of the logits, and the first tokens."""
    Z = logits(p, X)
    return np.mean(np.log(np.sum(np.exp(Z), axis=0)) - np.sum(X[0] * Z, axis=0))


def accuracy(p, X):
    return np.mean(np.argmax(logits(p, X), axis=0) == np.argmax(X[0], axis=0))


def sequences(m, length, rng):
    """Random one-hot tokens, (length, tokens, m)."""
    return np.moveaxis(np.eye(TOKENS)[rng.integers(0, TOKENS, (length, m))], 2, 1)


def train(p, rng, steps=250, rate=0.02, beta=0.9):
    """RMSProp, on new sequences at each step."""
    value_and_grad, s = tg.value_and_grad(cost), {name: 0.0 for name in p}
    for step in range(steps + 1):
        value, gradient = value_and_grad(p, sequences(32, LENGTH, rng))
        for name, d in gradient.items():
            s[name] = beta * s[name] + (1 - beta) * d**2
            p[name] = p[name] - rate * (1 - step / steps) * d / (np.sqrt(s[name]) + 1e-8)
        if step % 50 == 0:
            print(f"step {step:3d}  cost {value:.4f}")


def main():
    rng = np.random.default_rng(0)
    p = new_parameters(rng)
    assert testing.check_gradients(cost, p, sequences(3, 4, rng), argnums=0, progress=False).passed
    train(p, rng)
    for length in (LENGTH, 2 * LENGTH):
        right = accuracy(p, sequences(1000, length, rng))
        print(f"trained on {LENGTH} tokens, it names the first of {length} in {right:.1%} of 1000 sequences")
        assert right > 0.98


if __name__ == "__main__":
    main()
