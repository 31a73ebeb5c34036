"""Graphs of up to 30 operations from the whole registry, values shared: the chain rule against differences.

An operation is a row of the tables in `coverage.examples`. It takes the arrays of its row, moved a little by values
that were computed before: so it stays where its derivative exists, whatever feeds it.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests import numeric
from tests.coverage.examples import CASES
from tinygrad_dl import pytree

STEP = 0.02  # how far a value moves the argument of another operation: less than half of what keeps ties apart
CHAPTERS = [CASES[i::40] for i in range(40)]  # so that Hypothesis, which prefers first elements, gets to all of them

operations = st.tuples(
    st.sampled_from(CHAPTERS).flatmap(st.sampled_from),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),  # how far back the values are that it uses
)


def program(steps, moves):
    """The sum over what no other operation uses; number k of `moves` changes what operation k is given."""
    values, used = [np.array([0.3, -0.7, 1.1])], set()
    for (case, back), move in zip(steps, moves, strict=True):
        arguments = []
        for array, distance in zip(case.arrays(), back * 3, strict=False):
            i = max(len(values) - 1 - distance, 0)
            used.add(i)
            value = values[i].ravel()[np.arange(array.size) % max(values[i].size, 1)] if values[i].size else 0.0
            arguments.append(array + STEP * np.reshape(np.tanh(value + move) * np.ones(array.size), array.shape))
        outputs = pytree.leaves(case.call(*arguments))
        values += [np.real(output) for output in outputs if np.issubdtype(output.dtype, np.inexact)]
    return sum(np.sum(np.sin(value + i)) for i, value in enumerate(values) if i not in used)


@settings(max_examples=settings.default.max_examples // 4)
@given(st.lists(operations, min_size=1, max_size=30))
def test_the_chain_rule_holds_in_any_graph_of_any_operations(steps):
    def f(moves):
        return program(steps, moves)

    def slope(moves):
        return np.sum(tg.grad(f)(moves) * direction)

    moves, direction = np.zeros(len(steps)), np.cos(np.arange(len(steps)))
    gradient, tangent = tg.grad(f)(moves), tg.jvp(f, (moves,), (direction,))[1]
    numeric.assert_equal(gradient, numeric.gradient(f, [moves]))
    numeric.assert_equal(tg.grad(slope)(moves), numeric.gradient(slope, [moves]), rtol=1e-5)
    np.testing.assert_allclose(tangent, np.sum(gradient * direction), rtol=1e-9, atol=1e-12)
