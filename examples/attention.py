"""Attention in plain NumPy learns to write a sequence backwards, and its weights show where it looks.

A column for each position: of queries Q = Wq X, keys K = Wk X and values V = Wv X (course 5, week 4),

    A = softmax(Kᵀ Q / √d), down each column      Y = softmax(Wy V A)

so position j of the output mixes the values in the shares A[:, j]. The samples are the first axis of X here.
"""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import testing

TOKENS, LENGTH, WIDTH = 10, 8, 16


def log_softmax(Z):
    """The logarithms of softmax(Z) down the columns."""
    Z = Z - np.max(Z, axis=-2, keepdims=True)
    return Z - np.log(np.sum(np.exp(Z), axis=-2, keepdims=True))


def weights(p, X):
    """The attention A, (m, from position, to position)."""
    Q, K = p["Wq"] @ X, p["Wk"] @ X
    return np.exp(log_softmax(np.swapaxes(K, -1, -2) @ Q / np.sqrt(WIDTH)))


def logits(p, X):
    """The logits of the tokens to write, (m, tokens, positions)."""
    return p["Wy"] @ (p["Wv"] @ X @ weights(p, X))


def cost(p, X, Y):
    """The cross-entropy, a mean over samples and positions, for one-hot tokens Y."""
    return -np.mean(np.sum(Y * log_softmax(logits(p, X)), axis=-2))


def sequences(m, rng):
    """Inputs X (m, tokens + positions, positions), both one-hot, and the tokens backwards, one-hot."""
    tokens = np.swapaxes(np.eye(TOKENS)[rng.integers(0, TOKENS, (m, LENGTH))], 1, 2)
    positions = np.broadcast_to(np.eye(LENGTH), (m, LENGTH, LENGTH))
    return np.concatenate([tokens, positions], axis=1), tokens[..., ::-1]


def new_parameters(rng):
    shapes = dict.fromkeys(("Wq", "Wk", "Wv"), (WIDTH, TOKENS + LENGTH)) | {"Wy": (TOKENS, WIDTH)}
    return {name: rng.normal(0, 1 / np.sqrt(shape[1]), shape) for name, shape in shapes.items()}


def train(p, rng, steps=150, rate=0.02, beta=0.9):
    """RMSProp, on new sequences at each step."""
    value_and_grad, s = tg.value_and_grad(cost), {name: 0.0 for name in p}
    for step in range(steps + 1):
        value, gradient = value_and_grad(p, *sequences(32, rng))
        for name, d in gradient.items():
            s[name] = beta * s[name] + (1 - beta) * d**2
            p[name] = p[name] - rate * (1 - step / steps) * d / (np.sqrt(s[name]) + 1e-8)
        if step % 50 == 0:
            print(f"step {step:3d}  cost {value:.4f}")


def main():
    rng = np.random.default_rng(0)
    p = new_parameters(rng)
    assert testing.check_gradients(cost, p, *sequences(2, rng), argnums=0, progress=False).passed
    train(p, rng)
    X, Y = sequences(1000, rng)
    written, right = (np.argmax(values, axis=1) for values in (logits(p, X), Y))
    print(f"\n{right[0, ::-1]} becomes {written[0]}; attention, a row for each position read:")
    for row in weights(p, X[0]):
        print("    " + " ".join(".:-=+*#%@"[int(8 * share)] for share in row))
    print(f"{(share := np.mean(written == right)):.1%} of the tokens of 1000 sequences are right")
    assert share > 0.99


if __name__ == "__main__":
    main()
