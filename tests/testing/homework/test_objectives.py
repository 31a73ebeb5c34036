"""What a step minimises."""

import math

import numpy as np
import pytest

from tinygrad_dl.testing.homework.objectives import is_cost, ratio


@pytest.mark.parametrize("factor", [1.0, -1.0, 1 / 7, 30.0])
def test_the_ratio_of_two_gradients_is_their_common_factor(factor):
    true = np.array([0.3, -2.0, 1e-3])
    assert math.isclose(ratio(factor * true, true), factor)


def test_gradients_without_a_common_factor_have_no_ratio_and_zeros_have_any():
    true = np.array([0.3, -2.0, 1e-3])
    assert ratio(true + np.array([0, 0, 1e-2]), true) is None
    assert ratio(np.full(3, np.nan), true) is None
    assert math.isnan(ratio(np.zeros(3), np.zeros(3)))


def test_costs_go_by_their_names():
    names = ("loss", "self.cost", "J", "train_loss", "dloss", "layer", "losses[0]")
    assert [name for name in names if is_cost(name)] == ["loss", "self.cost", "J", "train_loss", "losses[0]"]
