"""Exact rules of algebra keep the numbers, for nan and inf too."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.tracing import spelling
from tinygrad_dl.tracing.algebra import OF_EAGER, OF_SPEED, simplified
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


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_products_of_a_column_and_a_row_are_multiplied_where_they_run(dtype, monkeypatch):
    monkeypatch.setattr(spelling, "SMALL_PRODUCT", 2**16)  # with NumPy 2.2 too
    column, row = X.reshape(-1, 1).astype(dtype), np.tile(X.reshape(1, -1), 2**12).astype(dtype)
    program = trace(np.matmul, column, row).program
    fast = simplified(program, rules=OF_SPEED)
    assert [node.function for node in fast.nodes] == [np.multiply]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(fast.evaluate(column, row)[0], column @ row)
    for others in ((row, row.T), (column, row[:, :3]), (np.arange(3)[:, None], row)):
        with np.errstate(all="ignore"):
            other = trace(np.matmul, *others).program
        assert [node.function for node in simplified(other, rules=OF_SPEED).nodes] == [np.matmul]


@given(st.integers(2, 2000), st.sampled_from([np.float64, np.float32]), st.integers(0, 2**32 - 1))
def test_sums_of_short_rows_are_products_with_ones(m, dtype, seed):
    x = np.random.default_rng(seed).normal(size=(3, m)).astype(dtype)
    program = trace(lambda x: np.add.reduce(x, axis=1, keepdims=True), x).program
    fast = simplified(program, rules=OF_EAGER)
    is_short = m <= {np.float64: 1024, np.float32: 128}[dtype]
    assert [node.function for node in fast.nodes] == [np.matmul if is_short else np.add.reduce]
    exact = [[math.fsum(row)] for row in x.tolist()]
    bound = m * np.finfo(dtype).eps * np.sum(np.abs(x), axis=1, keepdims=True)
    assert np.all(np.abs(fast.evaluate(x)[0] - exact) <= bound)


@pytest.mark.parametrize("row", [[1, np.inf], [np.inf, -np.inf], [np.nan, 1], [-np.inf, -np.inf], [0.0, -0.0]])
def test_sums_of_short_rows_pass_on_nan_and_inf(row):
    x = np.array([row])
    program = trace(lambda x: np.add.reduce(x, axis=1, keepdims=True), np.ones((1, 2))).program
    with np.errstate(all="ignore"):
        found, expected = simplified(program, rules=OF_EAGER).evaluate(x)[0], program.evaluate(x)[0]
    np.testing.assert_array_equal(found, expected)


def test_other_sums_stay_as_they_are():
    for f in (
        lambda x: np.add.reduce(x, axis=0, keepdims=True),
        lambda x: np.add.reduce(x, axis=1),
        lambda x: np.add.reduce(x[:, :1], axis=1, keepdims=True),
        lambda x: np.add.reduce(x.astype(int), axis=1, keepdims=True),
        lambda x: np.add.reduce(x, axis=1, keepdims=True, dtype=np.float64),
    ):
        program = trace(f, np.ones((3, 4), np.float32)).program
        assert simplified(program, rules=OF_EAGER).nodes[-1].function == np.add.reduce


@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_sigmoid_that_meets_the_cross_entropy_is_exact_where_it_saturates(y, dtype):
    z = np.array([[-1000.0, -90.0, -50.0, -1.0, 0.0, 2.0, 36.0, 37.0, 50.0, 1000.0]], dtype)
    labels = tg.Tensor(np.full_like(z, y))
    f = tg.grad(lambda z: tg.nn.binary_cross_entropy(tg.nn.sigmoid(z), labels))
    compiled = tg.compile(f)
    for scale in (1, 0.5):
        expected = f(scale * z)
        tolerance = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(compiled(scale * z), expected, rtol=tolerance, atol=tolerance * np.max(expected))
    assert np.maximum not in [node.function for node in compiled.program.nodes]


def test_integers_and_half_floats_are_left_alone():
    for x in (np.arange(3), np.arange(3, dtype=np.float16)):
        for f in (lambda x: x**2, np.mean):
            program = simplified(trace(f, x).program)
            assert [node.function for node in program.nodes] in ([np.power], [np.mean])
