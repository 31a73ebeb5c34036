"""Common subexpressions are computed once, if they are the same to the last bit."""

import numpy as np
import pytest

from tinygrad_dl.tracing.subexpressions import with_common_once
from tinygrad_dl.tracing.trace import trace

X = np.array([1.0, 2.0, 3.0])
SAME = [
    lambda x: (1 - x) * (1.0 - x),
    lambda x: (x + 2) * (2 + x),
    lambda x: np.sum(x, axis=0) * np.sum(x, axis=0),
    lambda x: x[1:] * x[1:],
    lambda x: (x + np.arange(3.0)) * (x + np.arange(3.0)),
]
DIFFERENT = [
    lambda x: (x * 0.0) + (x * -0.0),
    lambda x: (x - 1) * (1 - x),
    lambda x: np.sum(x, axis=0) * np.sum(x, axis=0, keepdims=True),
    lambda x: x[1:] * x[:-1],
    lambda x: np.maximum(x, 1) * np.minimum(x, 1),
]


@pytest.mark.parametrize("f", SAME)
def test_equal_calls_are_merged(f):
    program = trace(f, X).program
    once = with_common_once(program)
    assert len(once.nodes) == len(program.nodes) - 1
    np.testing.assert_array_equal(once.evaluate(X + 1)[0], f(X + 1))


@pytest.mark.parametrize("f", DIFFERENT)
def test_different_calls_stay(f):
    program = trace(f, X).program
    assert len(with_common_once(program).nodes) == len(program.nodes)


def test_1_and_1_point_0_differ_beside_integers():
    program = trace(lambda x: (x + 1, x + 1.0), np.arange(3)).program
    assert [output.dtype for output in with_common_once(program).evaluate(np.arange(3))] == [np.int64, np.float64]
