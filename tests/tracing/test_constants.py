"""Calls of constants are computed once, when the program is made."""

import numpy as np

from tinygrad_dl.tracing.constants import with_constants
from tinygrad_dl.tracing.trace import trace

X = np.array([1.0, 2.0, 3.0])


def test_what_depends_on_shapes_only_is_computed_at_once():
    program = with_constants(trace(lambda x: x + np.cos(np.zeros_like(x)) * np.full_like(x, 2), X).program)
    assert [node.function for node in program.nodes] == [np.add]
    np.testing.assert_array_equal(program.evaluate(X + 1)[0], X + 3)


def test_what_depends_on_values_stays():
    program = with_constants(trace(lambda x: np.full_like(x, x[0]), X).program)
    assert len(program.nodes) == 2
