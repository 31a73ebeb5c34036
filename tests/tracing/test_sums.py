"""Sums over stacks give the numbers of the additions, whatever else the terms are used for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl.tracing import sums
from tinygrad_dl.tracing.sums import stacked, with_long_sums
from tinygrad_dl.tracing.trace import trace

RNG = np.random.default_rng(0)
x, y = RNG.normal(size=(2, 3, 2))

TERMS = [
    lambda x, y: np.tanh(x),
    lambda x, y: x * y,
    lambda x, y: x,  # an input
    lambda x, y: (x @ y.T) @ y,
    lambda x, y: x.T.copy().T,  # a view
    lambda x, y: np.float32(2) * y,
    lambda x, y: np.sum(x, axis=0),  # of another shape
    lambda x, y: 1.5,
    lambda x, y: np.arange(6.0).reshape(3, 2),  # a constant
]


def added(x, y, terms, splits, seen):
    """The sum of some `terms`, of which `splits` are added up on their own, and what is `seen` of it on the way."""
    values = [TERMS[i](x, y) for i in terms]
    total, results = values[0], []
    for i, value in enumerate(values[1:]):
        if i in splits:
            value = value + values[0] + value
        total = total + value if i % 2 else value + total
        if i in seen:
            results.append(total if i % 3 else value)
    return total, results


numbers = st.lists(st.integers(0, len(TERMS) - 1), min_size=2, max_size=12)
places = st.sets(st.integers(0, 11), max_size=3)


@given(numbers, places, places, st.sampled_from([np.float64, np.float32]), st.booleans())
def test_sums_give_the_same_numbers_on_other_inputs_too(terms, splits, seen, dtype, differentiate):
    def f(x, y):
        if differentiate:
            return tg.grad(lambda x, y: np.sum(added(x, y, terms, splits, seen)[0] ** 2), argnum=(0, 1))(x, y)
        return added(x, y, terms, splits, seen)

    if differentiate and not {*terms} & {0, 1, 3, 4}:
        return
    compiled = tg.compile(f)
    kept = []
    for scale in (1, -0.5, 2):  # the results of a call stay as they are in the next
        kept.append((compiled(*arguments(scale, dtype)), f(*arguments(scale, dtype))))
    for found, expected in kept:
        assert_equal(found, expected, rtol=1e-11 if dtype is np.float64 else 1e-4)


def arguments(scale, dtype):
    return (scale * x).astype(dtype), (scale * y).astype(dtype)


def traced(f, *arrays):
    return with_long_sums(trace(f, *arrays).program)


def sizes(program):
    """The number of terms in each stack."""
    return [len(node.args) for node in program.nodes if node.function is stacked]


def powers(x, count):
    terms = [x]
    for _ in range(count - 1):
        terms.append(np.tanh(terms[-1]))
    return terms


def test_terms_are_added_in_the_order_of_the_calls():
    def f(x):
        total = x
        for i in range(2, 9):
            total = total + x * i if i % 2 else x * i + total
        return total

    program = traced(f, x)
    (stack,) = (node for node in program.nodes if node.function is stacked)
    assert [node.args[1] for node in stack.args[2:]] == [3, 4, 5, 6, 7, 8]
    assert not any(node.function is np.add for node in program.nodes)
    assert_equal(program.evaluate(2 * x), [f(2 * x)])


def test_checks_of_the_package_stay():
    Y = np.ones((1, 6))
    program = traced(lambda x: tg.nn.binary_cross_entropy(sum(powers(x, 9)[1:], x), Y), np.full((1, 6), 0.1))
    assert sizes(program) == [9]
    assert program.guards
    assert {guard.node for guard in program.guards} <= {*program.inputs, *program.nodes}


def test_a_partial_sum_that_is_used_elsewhere_is_a_sum_of_its_own():
    def f(x):
        terms = powers(x, 20)
        half = sum(terms[1:10], terms[0])
        return sum(terms[10:], half), half * half

    assert sizes(traced(f, x)) == [10, 11]
    assert_equal(traced(f, x).evaluate(2 * x), list(f(2 * x)))


def test_of_two_sums_the_longer_one_takes_the_other_as_a_term():
    def f(x):
        terms = powers(x, 20)
        return sum(terms[1:8], terms[0]) + sum(terms[9:], terms[8])

    assert sizes(traced(f, x)) == [8, 13]
    assert_equal(traced(f, x).evaluate(2 * x), [f(2 * x)])


LARGE = np.ones((50, 50))  # of which six would fit


@pytest.mark.parametrize("array", [LARGE, np.ones((3, 2), int), np.ones((3, 2), complex), np.float64(1)])
def test_sums_of_large_arrays_and_of_other_kinds_stay(array):
    program = trace(lambda x: sum([x * i for i in range(3, 12)], x * 2), array).program
    assert with_long_sums(program) is program


def test_short_sums_stay(monkeypatch):
    program = trace(lambda x: sum(powers(x, 5)[1:], x), x).program
    assert with_long_sums(program) is program
    monkeypatch.setattr(sums, "_FEWEST", 5)
    assert sizes(with_long_sums(program)) == [5]


def test_a_sum_of_thousands_of_terms_is_found_without_recursion(monkeypatch):
    monkeypatch.setattr(sums, "_LARGEST", 1 << 30)
    program = traced(lambda x: sum([x * float(i) for i in range(2, 5_000)], x), np.ones(1))
    assert sizes(program) == [4_999]


def test_terms_are_computed_into_the_stack():
    compiled = tg.compile(lambda x: sum(powers(x, 9)[1:], x))
    compiled(x)
    body = compiled.source(buffers=True).partition("def step(")[2]
    assert body.count("[...] = ") == 1  # of x itself
    assert body.count("tanh(") == 8


def test_threads_add_up_their_own_stacks():
    f = tg.compile(lambda X: np.sum(sum(powers(X, 9)[1:], X)), threads=2)
    X = RNG.normal(size=(3, 20))
    f(X)
    assert f.source(buffers=True).count("add_reduce(_stack") == 2
    np.testing.assert_allclose(f(2 * X), np.sum(sum(powers(2 * X, 9))), rtol=1e-13)
