"""Week 3 on real data: classify tumours as malignant or benign with 4 tanh units, by gradient descent.

Autodiff is compared with the hand-derived formulas of the course at the first and the last step.
"""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import tinygrad_dl as tg
from tinygrad_dl.testing import formulas

matplotlib.use("Agg")
OUTPUT = Path(__file__).parent / "output"


def data():
    """Standardised features (30, m) and labels (1, m), for training and for the test. Samples are columns."""
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    X, X_test = (X - mean) / deviation, (X_test - mean) / deviation
    return X.T, y[np.newaxis, :].astype(float), X_test.T, y_test[np.newaxis, :].astype(float)


def difference_from_hand_derivation(net, X, Y):
    """The largest relative difference between autodiff and the formulas, over all seven gradients of week 3."""
    loss = tg.nn.binary_cross_entropy(net(X), Y)
    tensors = tg.named_tensors(loss)
    parameters = {name: tensors[name].data for name in ("W1", "b1", "W2", "b2")}
    by_hand = formulas.shallow_backward(X, Y, parameters, formulas.shallow_forward(X, parameters))
    differences = {}
    for name, gradient in by_hand.items():
        autodiff = tg.gradients(loss, tensors[name[1:]])
        if name[1] in "ZA":
            autodiff = autodiff * X.shape[1]  # the course's dZ and dA are errors per sample, before the 1/m
        differences[name] = formulas.relative_difference(autodiff, gradient)
    worst = max(differences, key=differences.get)
    return f"{differences[worst]:.1e} (of {worst}, among {' '.join(differences)})"


def main():
    X, Y, X_test, Y_test = data()
    net = tg.nn.mlp([30, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    print(f"Breast cancer: {X.shape[1]} samples to learn from, {X_test.shape[1]} to test with\n")
    print(net.summary(), "\n")

    print("Autodiff and the formulas by hand, largest relative difference")
    print("  at the first step:", difference_from_hand_derivation(net, X, Y))
    history = tg.fit(
        net,
        X,
        Y,
        loss=tg.nn.binary_cross_entropy,
        optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.1),
        epochs=300,
        validation=(X_test, Y_test),
        metrics={"accuracy": tg.nn.accuracy},
    )
    print("  at the last step: ", difference_from_hand_derivation(net, X, Y), "\n")

    for epoch in (1, 10, 30, 100, 300):
        print(f"epoch {epoch:3}: cost {history.loss[epoch - 1]:.4f}")
    print(f"\ntraining accuracy {history['accuracy'][-1]:.3f}, test accuracy {history['validation_accuracy'][-1]:.3f}")

    OUTPUT.mkdir(exist_ok=True)
    cost = tg.nn.binary_cross_entropy(net(tg.Tensor(X, name="X")), tg.Tensor(Y, name="Y"))
    cost.name = "cost"
    graph = tg.draw(cost).render(OUTPUT / "graph.svg")
    axes = history.plot()
    axes.set_title("Cost of the shallow network")
    axes.figure.savefig(OUTPUT / "cost.png", dpi=150)
    print(f"pictures: {graph}, {OUTPUT / 'cost.png'}")


if __name__ == "__main__":
    main()
