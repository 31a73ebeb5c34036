"""A net of the course and its loss, for the tests of pictures."""

import numpy as np
import pytest

from tinygrad_dl import nn

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 6)), RNG.integers(0, 2, size=(1, 6)) * 1.0


def net_of(layers=2, **options):
    return nn.mlp([2] + [3] * (layers - 1) + [1], output=nn.sigmoid, rng=np.random.default_rng(1), **options)


def loss_of(net):
    return nn.binary_cross_entropy(net(X), Y)


@pytest.fixture(scope="module")
def net():
    return net_of()


@pytest.fixture(scope="module")
def loss(net):
    return loss_of(net)
