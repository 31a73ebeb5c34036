"""Week 3 in a picture: logistic regression, and nets with 1, 4 and 20 hidden units, on a flower and on two moons."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

import tinygrad_dl as tg
from tinygrad_dl.drawing import plots

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OUTPUT = Path(__file__).parent / "output"
HIDDEN = [0, 1, 4, 20]  # none is logistic regression


def flower(m, rng):
    """Petals around 0, those of the two classes in turn, r = 4 sin 4θ: X (2, m) and Y (1, m). Samples are columns."""
    n = m // 2
    X = np.empty((2, 2 * n))
    for j in (0, 1):
        theta = np.linspace(j * 3.12, (j + 1) * 3.12, n) + 0.2 * rng.normal(size=n)
        r = 4 * np.sin(4 * theta) + 0.2 * rng.normal(size=n)
        X[:, j * n : (j + 1) * n] = r * np.sin(theta), r * np.cos(theta)
    return X, np.repeat([[0.0, 1.0]], n, axis=1)


def moons(m, rng):
    """Two half circles, each with an end inside of the other."""
    n = m // 2
    angle = np.linspace(0, np.pi, n)
    upper, lower = (np.cos(angle), np.sin(angle)), (1 - np.cos(angle), 0.5 - np.sin(angle))
    return np.hstack([upper, lower]) + 0.15 * rng.normal(size=(2, 2 * n)), np.repeat([[0.0, 1.0]], n, axis=1)


def trained(hidden, X, Y):
    """A 2-n-1 net of tanh and sigmoid, and its accuracy; without hidden units it is logistic regression."""
    sizes = [2, hidden, 1] if hidden else [2, 1]
    net = tg.nn.mlp(sizes, hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(3))
    adam = tg.optim.Adam(net.parameters(), learning_rate=0.05)
    tg.fit(net, X, Y, loss=tg.nn.binary_cross_entropy, optimizer=adam, epochs=1500, progress=False)
    return net, tg.nn.accuracy(net(X).data, Y)


def main():
    rng = np.random.default_rng(1)
    data = {"flower": flower(400, rng), "two moons": moons(400, rng)}
    figure, rows = plt.subplots(2, 4, figsize=(12, 6.4), sharex="row", sharey="row", layout="constrained")
    for row, (name, (X, Y)) in zip(rows, data.items(), strict=True):
        for ax, hidden in zip(row, HIDDEN, strict=True):
            net, accuracy = trained(hidden, X, Y)
            model = f"{hidden} hidden unit{'s' * (hidden > 1)}" if hidden else "logistic regression"
            print(f"{name:9}  {model:19}  accuracy {accuracy:.1%}")
            plots.decision_boundary(net, X, Y, legend=False, ax=ax)
            ax.set_title(f"{model}: {accuracy:.1%}")
            ax.set_ylabel(ax.get_ylabel() if ax is row[0] else "")
    figure.colorbar(ax.images[0], ax=rows, label="probability of class 1", shrink=0.7, aspect=30)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / "decision_boundary.png"
    figure.savefig(path, dpi=90)
    Image.open(path).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)  # a third of it
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
