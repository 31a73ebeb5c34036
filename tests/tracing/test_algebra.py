"""Exact rules of algebra keep the numbers, for nan and inf too."""

import numpy as np
import pytest

from tinygrad_dl.tracing.algebra import simplified
from tinygrad_dl.tracing.trace import trace

X = np.array([[1.0, -2.0, np.inf], [np.nan, 0.0, -0.0]])
RULES = {
    "square": (lambda x: x**2, [np.square]),
    "sum": (lambda x: np.sum(x, axis=1, keepdims=True), [np.add.reduce]),
    "sum of all": (lambda x: np.sum(x), [np.add.reduce]),
    "max": (lambda x: np.max(x, axis=(0, 1)), [np.maximum.reduce]),
    "mean": (lambda x: np.mean(x, axis=0), [np.add.reduce, np.divide]),
    "double transpose": (lambda x: x.T.T + 1, [np.add]),
    "swapped axes": (lambda x: np.swapaxes(x, -1, -2), [np.transpose]),
    "idle cast": (lambda x: x.astype(float) + 1, [np.add]),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_exact_rule_keeps_the_numbers(rule, dtype):
    f, functions = RULES[rule]
    x = X.astype(dtype)
    program = trace(f, x).program
    simple = simplified(program)
    alive = [node.function for node in simple.nodes if node in simple.uses() and simple.uses()[node]]
    if rule != "idle cast" or dtype == np.float64:
        assert alive == functions
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(simple.evaluate(x)[0], f(x))
        assert simple.evaluate(x)[0].dtype == f(x).dtype


def test_integers_and_half_floats_are_left_alone():
    for x in (np.arange(3), np.arange(3, dtype=np.float16)):
        for f in (lambda x: x**2, np.mean):
            program = simplified(trace(f, x).program)
            assert [node.function for node in program.nodes] in ([np.power], [np.mean])
