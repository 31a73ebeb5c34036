"""Primitives that the core calls: values without the graph."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import primitives


def test_values_leave_the_graph():
    x = tg.parameter([1.0, 2.0])
    values = primitives.values(x)
    assert type(values) is np.ndarray
    assert tg.gradients(np.sum(x * values), x).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 3.0
