"""Random search for the learning rate and the layer sizes (course 2, week 3), one training a task of joblib.

Rates are drawn on a logarithmic scale. The picture is `output/hyperparameters.png`.
"""

from pathlib import Path

import joblib
import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tinygrad_dl as tg

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OUTPUT = Path(__file__).parent / "output"
TRIALS = 36
MARKERS = {1: ("o", "#0072B2"), 2: ("s", "#E69F00"), 3: ("^", "#009E73")}  # of the number of hidden layers


def data():
    """Handwritten digits: X (64, m) and y (m,), for training and for validation. Samples are columns."""
    digits = load_digits()
    X, X_val, y, y_val = train_test_split(digits.data / 16, digits.target, random_state=0, stratify=digits.target)
    return X.T, y, X_val.T, y_val


def draw(rng):
    """Settings to try: a learning rate in [1e-4, 1), and 1 to 3 hidden layers of 4 to 128 units."""
    hidden = [int(2 ** rng.uniform(2, 7))] * int(rng.integers(1, 4))
    return {"learning_rate": float(10 ** rng.uniform(-4, 0)), "hidden": hidden}


def trial(settings, seed, X, y, X_val, y_val):
    """Train a net with these settings, and return its accuracy on the validation samples."""
    rng = np.random.default_rng(seed)
    net = tg.nn.mlp([64, *settings["hidden"], 10], hidden=tg.nn.relu, rng=rng)
    adam = tg.optim.Adam(net.parameters(), settings["learning_rate"])
    fitting = {"epochs": 10, "batch_size": 64, "rng": rng, "progress": False}
    tg.fit(net, X, y, loss=tg.nn.softmax_cross_entropy, optimizer=adam, **fitting)
    return tg.nn.accuracy(net(X_val).data, y_val)


def picture(trials, errors, path):
    """Plot the settings, coloured by the validation error, and the error over the learning rate."""
    rates, units, depths = (
        np.array(values)
        for values in zip(*((t["learning_rate"], t["hidden"][0], len(t["hidden"])) for t in trials), strict=True)
    )
    best, percent = int(np.argmin(errors)), matplotlib.ticker.PercentFormatter(1, decimals=0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), sharex=True, layout="constrained")
    for depth, (marker, colour) in MARKERS.items():
        of = depths == depth
        colours = {"c": errors[of], "norm": matplotlib.colors.LogNorm(0.01, 1), "cmap": "viridis_r"}
        points = left.scatter(rates[of], units[of], s=70, edgecolor="black", linewidth=0.5, marker=marker, **colours)
        label = f"{depth} hidden layer{'s' * (depth > 1)}"
        right.scatter(rates[of], errors[of], marker=marker, color=colour, label=label)
    for ax, y in ((left, units), (right, errors)):
        ax.plot(rates[best], y[best], "o", markersize=16, markerfacecolor="none", color="black", label="best trial")
        ax.set(xscale="log", yscale="log", xlabel="learning rate")
    left.set(ylabel="units in a hidden layer", title=f"{len(trials)} random trials", yticks=[4, 8, 16, 32, 64, 128])
    left.yaxis.set_major_formatter("{x:.0f}")
    left.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    right.set(ylabel="validation error", title="Error and learning rate", ylim=(0.01, 1.1))
    right.yaxis.set_major_formatter(percent)
    figure.colorbar(points, ax=left, label="validation error", format=percent)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main():
    rng = np.random.default_rng(0)
    trials = [draw(rng) for _ in range(TRIALS)]
    tasks = (joblib.delayed(trial)(settings, seed, *data()) for seed, settings in enumerate(trials))
    errors = 1 - np.array(joblib.Parallel(n_jobs=-1)(tasks))
    print("validation error  learning rate  hidden layers")
    for i in np.argsort(errors)[:5]:
        print(f"{errors[i]:16.1%}  {trials[i]['learning_rate']:13.2g}  {trials[i]['hidden']}")
    OUTPUT.mkdir(exist_ok=True)
    picture(trials, errors, OUTPUT / "hyperparameters.png")
    print(f"picture: {OUTPUT / 'hyperparameters.png'}")


if __name__ == "__main__":
    main()
