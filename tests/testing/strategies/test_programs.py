"""Programs that the strategies draw: the same in NumPy and on Tensors, short, and of nearly all functions."""

import numpy as np
import pytest
from hypothesis import given

from tests.testing.strategies.test_arrays import few
from tinygrad_dl.testing import strategies
from tinygrad_dl.testing.strategies import arrays, broadcastable


@few
@given(strategies.programs(dtype=np.float32, kinks=True))
def test_programs_of_float32_stay_float32(program):
    assert program(*program.inputs).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: arrays(domain="rael"), "unknown domain 'rael': expected .* real, positive"),
        (lambda: arrays(domain=(1, 1)), "low < high"),
        (lambda: arrays(dtype=int), "expected a float or complex dtype"),
        (lambda: arrays(on_kinks=True), "expected kinks"),
        (lambda: arrays(domain=(0, 0.05), kinks=[0.0]), "expected room"),
        (lambda: broadcastable(3, ["real", "positive"]), "expected one domain for all arrays, or 3"),
    ],
)
def test_what_can_t_be_drawn_is_an_error_at_once_that_says_what_can(make, words):
    with pytest.raises(ValueError, match=words):
        make()
