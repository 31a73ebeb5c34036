"""Calls of NumPy in their fastest spelling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_dl.tracing import spelling
from tinygrad_dl.tracing.spelling import as_array, fastest, is_small_product
from tinygrad_dl.tracing.trace import trace

X = np.array([[0.5, -1.0, 2.0], [2.0, 1.5, 0.25]])
CALLS = {
    "numbers": lambda x: 1 - np.maximum(x, 3) / 7.5,
    "sums": lambda x: np.add.reduce(x, axis=1, keepdims=True) + np.add.reduce(x, axis=None),
    "extrema": lambda x: np.maximum.reduce(x) - np.minimum.reduce(x, axis=1, keepdims=True),
    "powers": lambda x: np.power(np.abs(x), 0.5) + np.sum(x, dtype=np.float64) / 6,
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_fastest_spelling_gives_the_same_bits(name, dtype):
    x = X.astype(dtype)
    program = trace(CALLS[name], x).program
    (found,), (expected,) = fastest(program).evaluate(x), program.evaluate(x)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@given(st.floats() | st.integers(-(10**30), 10**30), st.sampled_from([np.float16, np.float32, np.float64]))
def test_a_number_beside_arrays_is_cast_as_numpy_casts_it(number, dtype):
    array = as_array(number, np.dtype(dtype))
    with np.errstate(all="ignore"):
        expected = np.ones(1, dtype) * number
    if np.isfinite(expected).all():
        assert array.dtype == dtype
        assert array == expected[0]
    else:
        assert array is None


def test_integers_and_other_dtypes_beside_numbers_stay_as_they_are():
    for x in (np.arange(3), np.arange(3) * 1j):
        program = trace(lambda x: x * 2, x).program
        assert fastest(program).nodes[0].args[1] == 2
        assert type(fastest(program).nodes[0].args[1]) is int


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_small_products_of_matrices_are_computed_by_the_method_dot(dtype, monkeypatch):
    monkeypatch.setattr(spelling, "SMALL_PRODUCT", 2**16)  # with NumPy 2.2 too, where `dot` does not warn

    def is_small(x, y):
        return is_small_product(np.matmul, (np.ones(x, dtype), np.ones(y, dtype)))

    rows = 2**16 // np.dtype(dtype).itemsize // 4
    assert is_small((4, 2), (2, rows // 4))
    assert is_small((4, 500), (500, rows))
    assert not is_small((4, 2), (2, rows + 1))
    assert not is_small((2, 4, 2), (2, 3))
    assert not is_small((2,), (2, 3))
    assert not is_small_product(np.matmul, (np.ones((2, 2), dtype), np.ones((2, 2), int)))
    assert not is_small_product(np.multiply, (np.ones((2, 2), dtype), np.ones((2, 2), dtype)))
