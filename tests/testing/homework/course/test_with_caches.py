"""The activations that stand in for the course's have right derivatives."""

import numpy as np
import pytest

from tinygrad_dl.testing import check_pair
from tinygrad_dl.testing.homework.course import with_caches


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_the_derivatives_are_right(name):
    backward = getattr(with_caches, f"{name}_backward")
    assert check_pair(getattr(with_caches, name), backward, np.array([[-2.0, 0.5], [3.0, -0.1]])).passed
