"""Calls with a neutral element are left out where NumPy returns an array or a scalar as it was."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.tracing.neutral import IDLE, NEUTRAL
from tinygrad_dl.tracing.trace import trace


@pytest.mark.parametrize("function", NEUTRAL)
@pytest.mark.parametrize("x", [np.array([2.5, -1.0]), np.array(2.5), np.float64(2.5), np.array([True, False])])
def test_neutral_elements_change_neither_value_nor_kind(function, x):
    neutral, _ = NEUTRAL[function]
    if (type(neutral) is bool) == (x.dtype == bool):
        found, expected = tg.compile(lambda x: function(x, neutral))(x), function(x, neutral)
        assert type(found) is type(expected)
        np.testing.assert_array_equal(found, expected)


def test_idle_calls_are_not_recorded():
    assert IDLE.keys() >= {np.real, np.reshape}
    assert not trace(lambda x: np.real(np.reshape(x, (2,))), np.ones(2)).program.nodes
