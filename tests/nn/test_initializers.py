"""Initializers: the mean and the spread of the weights that they draw."""

import numpy as np
import pytest

from tests.nn.test_layers import rng
from tinygrad_dl import nn

INITIALIZERS = {  # and the standard deviation that each is to have, for n_in inputs
    "xavier": (nn.xavier, lambda n_in: n_in**-0.5),
    "he": (nn.he, lambda n_in: (2 / n_in) ** 0.5),
    "normal": (nn.normal(), lambda n_in: 0.01),
    "normal of a scale": (nn.normal(0.3), lambda n_in: 0.3),
}


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(50, 200), (200, 50), (10_000, 1)])
def test_weights_have_mean_0_and_the_spread_of_the_formula(name, shape):
    init, spread = INITIALIZERS[name]
    W = init(shape, rng())
    assert W.shape == shape
    # of 10,000 draws, the standard deviation is known to 1/√20,000 = 0.7 %, and the mean to 1 % of it: four times that
    assert W.std() == pytest.approx(spread(shape[1]), rel=0.03)
    assert abs(W.mean()) < 0.04 * spread(shape[1])


@pytest.mark.parametrize("name", INITIALIZERS)
def test_one_seed_gives_the_same_weights_and_another_seed_others(name):
    init, _ = INITIALIZERS[name]
    assert np.array_equal(init((3, 4), rng(1)), init((3, 4), rng(1)))
    assert not np.array_equal(init((3, 4), rng(1)), init((3, 4), rng(2)))


def test_zeros_are_zeros_with_or_without_an_rng():
    assert np.array_equal(nn.zeros((2, 3)), np.zeros((2, 3)))
    assert np.array_equal(nn.zeros((2, 3), rng()), np.zeros((2, 3)))


def test_normal_is_called_by_its_scale():
    assert nn.normal(0.1).__name__ == "normal(0.1)"
    with pytest.raises(TypeError, match=r"expected init=normal\(scale\), got init=normal: pass a scale"):
        nn.Dense(2, 1, rng=rng(), init=nn.normal)
