"""Step through backprop in your browser: the shallow network of week 3 on six samples.

Each step shows one operation: its value and, going back, the arriving derivative, its contribution to each
argument, and the formula of the course.
"""

from pathlib import Path

import numpy as np

import tinygrad_dl as tg

OUTPUT = Path(__file__).parent / "output"


def main():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 6))  # samples are columns
    Y = (X[:1] * X[1:] > 0).astype(float)  # are both features of one sign?
    net = tg.nn.mlp([2, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=rng)
    with tg.debug():  # so that the page knows the lines that computed it
        A2 = net(tg.Tensor(X, name="X"))
        cost = tg.nn.binary_cross_entropy(A2, tg.Tensor(Y, name="Y"))
    cost.name = "cost"

    OUTPUT.mkdir(exist_ok=True)
    path = tg.explore(cost, OUTPUT / "backprop.html", title="The shallow network of week 3, forward and backward")
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB. Open it in a browser; it needs no network.")
    print("  → and ← go a step, space plays, Home and End go to the first and the last step, / searches.")
    print("  At the step back through affine of Z1, compare dW1 with your own derivation: dW1 = dZ1 @ X.T / m.")
    print("  Click on any node for its values and its gradient.")


if __name__ == "__main__":
    main()
