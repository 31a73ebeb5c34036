"""Arrays of other libraries: which are read, how, and which are left to answer NumPy themselves."""

import array
import ctypes
from collections import deque

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl._foreign import dispatches, is_array, readable

ARRAYS = [array.array("d", [1.0, 2.0]), memoryview(np.array([1.0, 2.0])), (ctypes.c_double * 2)(1.0, 2.0)]
CONTAINERS = [deque([1.0, 2.0]), {1.0: "a", 2.0: "b"}.keys(), {"a": 1.0, "b": 2.0}.values(), range(1, 3)]


@pytest.mark.parametrize("kind", ["arrays", "containers"])
def test_numpy_reads_the_numbers_of_arrays_and_containers(kind):
    for value in ARRAYS if kind == "arrays" else CONTAINERS:
        assert is_array(value) == (kind == "arrays")
        np.testing.assert_array_equal(np.array(readable(value)), [1.0, 2.0])


@pytest.mark.parametrize("value", [None, 1, 2.0, "text", slice(1), np.float64(1.0), np.zeros(2), tg.Tensor(1.0), int])
def test_numbers_texts_and_arrays_of_numpy_are_not_foreign(value):
    assert not is_array(value)


def test_an_array_that_answers_numpy_itself_is_left_to_do_so():
    class Other:
        __array_ufunc__ = None

        def __rmul__(self, x):
            return "asked"

        def __array__(self, dtype=None, copy=None):
            raise AssertionError

    assert dispatches(Other())
    assert tg.parameter(1.0) * Other() == "asked"
