"""Two traces of a function are the same program, unless it gets something else each time."""

import random
import sys

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.tracing.repeats import check_same, random_states
from tinygrad_dl.tracing.trace import trace

X = np.ones(3)


def program(factor, last=0.0):
    return trace(lambda x: x[:2] * factor + last, X).program


@pytest.mark.parametrize("factor", [2.0, 2, np.array([1.0, 2.0]), np.float32(3), float("nan")])
def test_a_program_is_the_same_as_its_repetition(factor):
    check_same(program(factor), program(factor))


@pytest.mark.parametrize("other", [3.0, 2, np.array([1.0, 2.0]), np.float32(2)])
def test_other_constants_are_another_program(other):
    with pytest.raises(TypeError, match="other constants each time"):
        check_same(program(2.0), program(other))


def test_draws_change_the_states():
    before = random_states()
    assert before <= random_states()
    random.random()
    assert not before <= random_states()


def test_a_module_of_random_numbers_that_is_imported_meanwhile_is_no_draw(monkeypatch):
    module = np.random
    monkeypatch.delitem(sys.modules, "numpy.random")

    def first_use(x):
        sys.modules["numpy.random"] = module
        return np.sin(x)

    assert np.array_equal(tg.compile(first_use)(X), np.sin(X))
