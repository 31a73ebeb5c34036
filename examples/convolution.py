"""Beyond the course's first part: a convolutional net reads handwritten digits, with dropout and a schedule."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tinygrad_dl as tg


def data():
    """Images (1, 8, 8, m) with values in [0, 1], and digits (m,), for training and for the test: samples are last."""
    digits = load_digits()
    images, images_test, y, y_test = train_test_split(
        digits.images / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    X, X_test = (np.moveaxis(pixels, 0, -1)[np.newaxis].astype(np.float32) for pixels in (images, images_test))
    return X, y, X_test, y_test


def convolutional_net(rng):
    """Two convolutions, pooling, and a dense layer to the logits of ten digits."""
    return tg.nn.Sequential(
        tg.nn.Conv2D(1, 16, 3, padding=1, rng=rng, dtype=np.float32),  # (16, 8, 8, m)
        tg.nn.relu,
        tg.nn.Conv2D(16, 32, 3, rng=rng, dtype=np.float32),  # (32, 6, 6, m)
        tg.nn.relu,
        tg.nn.max_pool2d,  # (32, 3, 3, m)
        tg.nn.flatten,  # (288, m)
        tg.nn.Dropout(0.5, rng=rng),
        tg.nn.Dense(288, 10, rng=rng, dtype=np.float32),
    )


def main():
    rng = np.random.default_rng(0)
    X, y, X_test, y_test = data()
    net = convolutional_net(rng)
    print(f"{net}\n{sum(p.size for p in net.parameters())} parameters, images {X.shape}\n")

    steps = -(-X.shape[-1] // 64)  # in an epoch
    schedule = tg.optim.schedules.WarmUp(steps, then=tg.optim.schedules.Cosine(0.005, total=14 * steps))
    history = tg.fit(
        net,
        X,
        y,
        loss=tg.nn.softmax_cross_entropy,
        optimizer=tg.optim.Adam(net.parameters(), schedule),
        epochs=15,
        batch_size=64,
        rng=rng,
        validation=(X_test, y_test),
        metrics={"accuracy": tg.nn.accuracy},
    )
    print(history)
    print(f"\ntest accuracy {history['validation_accuracy'][-1]:.3f}")


if __name__ == "__main__":
    main()
