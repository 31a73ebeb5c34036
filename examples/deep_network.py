"""Week 4 on real data: an L-layer net with softmax reads handwritten digits, by minibatches and Adam."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tinygrad_dl as tg


def data():
    """Pixels (64, m) in [0, 1] and digits (m,), for training and for the test. Samples are columns."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0, stratify=y)
    return X.T, y, X_test.T, y_test


def show(pixels):
    """One digit in characters."""
    for row in pixels.reshape(8, 8):
        print("   ", "".join(" .:-=+*#%@"[int(9 * pixel)] * 2 for pixel in row))


def main():
    rng = np.random.default_rng(0)
    X, y, X_test, y_test = data()
    net = tg.nn.mlp([64, 64, 32, 10], hidden=tg.nn.relu, rng=rng)
    print(f"Digits: {X.shape[1]} samples to learn from, {X_test.shape[1]} to test with\n")
    print(net.summary(), "\n")

    history = tg.fit(
        net,
        X,
        y,
        loss=tg.nn.softmax_cross_entropy,  # of logits: the softmax is in the loss
        optimizer=tg.optim.Adam(net.parameters(), learning_rate=0.003),
        epochs=20,
        batch_size=64,
        rng=rng,
        validation=(X_test, y_test),
        metrics={"accuracy": tg.nn.accuracy},
    )
    for epoch in (1, 2, 5, 10, 20):
        print(
            f"epoch {epoch:2}: cost {history.loss[epoch - 1]:.4f}, "
            f"test accuracy {history['validation_accuracy'][epoch - 1]:.3f}"
        )
    print(f"\ntest accuracy {history['validation_accuracy'][-1]:.3f}")

    with tg.no_grad():
        probabilities = tg.nn.softmax(net(X_test)).data
    wrong = np.flatnonzero(probabilities.argmax(axis=0) != y_test)
    if len(wrong):
        sample = wrong[np.argmax(probabilities[:, wrong].max(axis=0))]
        guess = probabilities[:, sample].argmax()
        sure = f"{probabilities[guess, sample]:.0%}"
        print(f"\nits most confident mistake: {sure} sure that this {y_test[sample]} is a {guess}")
        show(X_test[:, sample])


if __name__ == "__main__":
    main()
