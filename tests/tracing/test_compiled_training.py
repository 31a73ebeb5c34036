"""Compiled steps with all that training takes give the numbers of eager ones: layers, terms, schedules, clipping."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.optim import schedules

IMAGES = np.random.default_rng(0).normal(size=(2, 6, 6, 12))
COLUMNS = np.random.default_rng(0).normal(size=(5, 12))


def of_columns(*layers):
    return lambda rng: nn.Sequential(
        nn.Dense(5, 6, rng=rng), *[layer(rng) for layer in layers], nn.Dense(6, 1, rng=rng)
    )


def of_images(pool, units, **settings):
    return lambda rng: nn.Sequential(
        nn.Conv2D(2, 3, 3, rng=rng, **settings), nn.relu, pool, nn.flatten, nn.Dense(units, 1, rng=rng)
    )


NETS = {
    "dropout": (of_columns(lambda rng: nn.tanh, lambda rng: nn.Dropout(0.4, rng=rng)), COLUMNS),
    "batch norm": (of_columns(lambda rng: nn.BatchNorm(6), lambda rng: nn.relu), COLUMNS),
    "both": (of_columns(lambda rng: nn.BatchNorm(6), lambda rng: nn.Dropout(0.2, rng=rng)), COLUMNS),
    "convolution and largest values": (of_images(nn.max_pool2d, 12), IMAGES),
    "strided convolution and means": (of_images(lambda A: nn.average_pool2d(A, 2, stride=1), 3, stride=2), IMAGES),
    "padded convolution": (of_images(nn.average_pool2d, 27, padding=1), IMAGES),
}


def assert_trained_alike(make, X, loss, make_optimizer, steps=6):
    """Train two nets, eagerly and compiled, and compare losses and all arrays of their states."""
    found = []
    for compiled in (False, True):
        net = make(np.random.default_rng(1))
        optimizer = make_optimizer(net.parameters())

        def step(X, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            cost = loss(net, X)
            cost.backward()
            optimizer.step()
            return cost

        run = tg.compile(step) if compiled else step
        losses = [run((1 - 0.05 * i) * X).item() for i in range(steps)]
        net.eval()
        found.append((losses, net.state_dict() | optimizer.state_dict() | {"predictions": net(X).numpy()}))
    assert run.cache_info().hits == steps - 1  # it ran compiled
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-10)
    # The gradient of a bias before batch normalization is 0 but for rounding, 1e-15, which Adam divides by 1e-8.
    atol = steps * 0.05 * 1e-15 / 1e-8
    for name, values in found[0][1].items():
        np.testing.assert_allclose(found[1][1][name], values, rtol=1e-9, atol=atol, err_msg=name)


def squares(net, X):
    return np.mean(np.square(net(X) - 1))


@pytest.mark.parametrize("name", NETS)
def test_layers_train_compiled_as_they_do_eagerly(name):
    make, X = NETS[name]
    assert_trained_alike(make, X, squares, lambda parameters: tg.optim.Adam(parameters, 0.05))


SETTINGS = {
    "a term of l2": {},
    "weight_decay": {"weight_decay": 0.1},
    "clipped gradients": {"max_norm": 0.5},
    "both": {"weight_decay": 0.1, "max_norm": 0.5},
}
RATES = {
    "steps": schedules.Steps(0.1, every=2),
    "exponential": schedules.Exponential(0.1, 0.9),
    "cosine": schedules.Cosine(0.1, 5),
    "1/t": schedules.InverseTime(0.1, decay=0.5),
    "warm-up": schedules.WarmUp(3, then=schedules.Cosine(0.1, 10)),
}


@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Momentum, tg.optim.RMSProp, tg.optim.Adam])
@pytest.mark.parametrize("name", SETTINGS)
def test_terms_and_clipping_are_compiled_with_every_optimizer(name, optimizer):
    def loss(net, X):
        return squares(net, X) + (nn.l2(net, 0.3, m=X.shape[1]) if name == "a term of l2" else 0.0)

    make = of_columns(lambda rng: nn.tanh)
    assert_trained_alike(make, COLUMNS, loss, lambda parameters: optimizer(parameters, 0.05, **SETTINGS[name]))


@pytest.mark.parametrize("name", RATES)
def test_schedules_are_compiled_to_the_rates_of_their_steps(name):
    make = of_columns(lambda rng: nn.tanh)
    assert_trained_alike(make, COLUMNS, squares, lambda parameters: tg.optim.Momentum(parameters, RATES[name]))


def of_arguments(net, X):
    hidden = tg.checkpoint(lambda W, X: (np.tanh(W @ X), np.sum(W**2)))(net.layers[0].W, X)
    return np.mean(hidden[0] ** 2) + 0.1 * hidden[1]


def of_variables(net, X):
    first, _, last = net.layers
    return np.mean(tg.checkpoint(lambda A: np.tanh(last(A) * X[:1]))(first(X)) ** 2)


def of_a_module(net, X):
    return np.mean((tg.checkpoint(net)(X) - 1) ** 2)


@pytest.mark.parametrize("loss", [of_arguments, of_variables, of_a_module])
def test_checkpoints_are_compiled(loss):
    make = of_columns(lambda rng: nn.tanh)
    assert_trained_alike(make, COLUMNS, loss, lambda parameters: tg.optim.SGD(parameters, 0.05))
