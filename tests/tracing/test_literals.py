"""Constants in a formula evaluate to what they were, or are not printed."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracing.evaluating import RNG
from tinygrad_dl.tracing import literals


@given(st.floats() | st.integers() | st.complex_numbers())
def test_a_number_evaluates_to_what_it_was(number):
    np.testing.assert_equal(eval(literals.number(number), {"np": np}), number)


ARRAYS = {
    "np.zeros((2, 3))": np.zeros((2, 3)),
    "np.zeros((0, 3))": np.zeros((0, 3)),
    "np.ones(4, int)": np.ones(4, int),
    "np.ones(2, bool)": np.ones(2, bool),
    "np.full((2, 1), 0.5)": np.full((2, 1), 0.5),
    "np.eye(3)": np.eye(3),
    "np.eye(2, 3, dtype=int)": np.eye(2, 3, dtype=int),
    "np.tri(3)": np.tri(3),
    "np.arange(4)": np.arange(4),
    "np.arange(3.0)": np.arange(3.0),
    "np.arange(1, 4)": np.arange(1, 4),
    "np.arange(3, 0, -1)": np.arange(3, 0, -1),
    "np.arange(0, -3, -1)": np.arange(0, -3, -1),
    "np.arange(0.5, 3.5)": np.arange(0.5, 3.5),
    "np.arange(1, 7).reshape(2, 3)": np.arange(1, 7).reshape(2, 3),
    "np.arange(3)[:, None]": np.arange(3)[:, None],
    "np.linspace(0.0, 1.0, 50)": np.linspace(0, 1, 50),
    "np.array([3, 1, 2])": np.array([3, 1, 2]),
    "np.array([3, 1], np.uint8)": np.array([3, 1], np.uint8),
    "np.array([[0.5, np.nan], [-np.inf, 2.0]])": np.array([[0.5, np.nan], [-np.inf, 2.0]]),
    "np.array([1j, (2+0j)])": np.array([1j, 2]),
    "np.array([np.nan])": np.array([np.nan]),
    "np.array([-np.inf, np.inf])": np.array([-np.inf, np.inf]),
    "np.zeros(2, np.int32)": np.zeros(2, np.int32),
    "np.array([True, False])": np.array([True, False]),
}


@pytest.mark.parametrize("text", ARRAYS)
def test_an_array_is_printed_by_its_pattern_or_its_numbers(text):
    x = ARRAYS[text]
    assert literals.array(x) == text
    found = eval(literals.array(x), {"np": np})
    np.testing.assert_array_equal(found, x)
    assert found.shape == x.shape
    assert found.dtype == x.dtype


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 30])
def test_any_array_of_numbers_evaluates_to_what_it_was_or_is_not_printed(count):
    for shape, scale in itertools.product([(count,), (2, count), (count, 1), (count, count)], [1, 0.5, 100]):
        for x in (RNG.integers(-1, 2, shape) * scale, np.arange(math.prod(shape)).reshape(shape) * scale - 1):
            text = literals.array(x)
            assert text is not None or x.size > 10
            if text is not None:
                np.testing.assert_array_equal(eval(text, {"np": np}), x)
                assert eval(text, {"np": np}).shape == x.shape
