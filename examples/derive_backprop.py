"""Derive backprop by machine: the formulas of the course's notes, written down by the program that computes them.

For the shallow network of week 3 the derivation is compared with the notes, line by line, as text. Then come a deep
network, a softmax, an L2 penalty and a dropout mask, which the notes leave to the reader.
"""

import numpy as np

import tinygrad_dl as tg

NOTES = {  # week 3, in NumPy's syntax
    "dZ2": "A2 - Y",
    "dW2": "dZ2 @ A1.T / m",
    "db2": "np.sum(dZ2, axis=1, keepdims=True) / m",
    "dA1": "W2.T @ dZ2",
    "dZ1": "dA1 * (1 - A1**2)",
    "dW1": "dZ1 @ X.T / m",
    "db1": "np.sum(dZ1, axis=1, keepdims=True) / m",
}


def compare_with_the_notes(derivation):
    formulas = {step.quantity: step.formula for step in derivation.steps}
    print(f"{'':5} {'derived':40} the notes")
    for name, noted in NOTES.items():
        print(f"{name:5} {formulas[name]:40} {noted if formulas[name] != noted else 'the same'}")


def main():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 6))  # samples are columns
    Y = (X[:1] * X[1:] > 0).astype(float)

    net = tg.nn.mlp([2, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=rng)
    derivation = tg.derive(tg.nn.binary_cross_entropy(net(X), Y), explain=True)
    print("The shallow network of week 3, with the reason of each step:\n")
    print(derivation)
    print()
    compare_with_the_notes(derivation)
    print("\nIn LaTeX, for a notebook or a paper:\n")
    print(derivation.latex())

    net = tg.nn.mlp([2, 4, 3, 1], hidden=tg.nn.relu, output=tg.nn.sigmoid, rng=rng)
    print("\nA network of three layers, as in week 4:\n")
    print(tg.derive(tg.nn.binary_cross_entropy(net(X), Y)).source)

    net = tg.nn.mlp([2, 4, 3], rng=rng)
    cost = tg.nn.softmax_cross_entropy(net(X), np.eye(3)[:, [0, 1, 2, 0, 1, 2]])
    penalty = 0.05 * sum(np.sum(layer.W**2) for layer in (net.layers[0], net.layers[2]))
    print("\nA softmax with an L2 penalty:\n")
    print(tg.derive(cost + penalty).source)

    W1, W2 = tg.parameter(rng.normal(size=(4, 2)), name="W1"), tg.parameter(rng.normal(size=(1, 4)), name="W2")
    D1 = tg.Tensor((rng.uniform(size=(4, 6)) < 0.8) * 1.0, name="D1")
    Z1 = W1 @ X
    A1 = np.tanh(Z1) * D1 / 0.8
    Z2 = W2 @ A1
    Z1.name, A1.name, Z2.name = "Z1", "A1", "Z2"
    print("\nInverted dropout, written in plain NumPy:\n")
    print(tg.derive(tg.nn.binary_cross_entropy_with_logits(Z2, Y)).source)


if __name__ == "__main__":
    main()
