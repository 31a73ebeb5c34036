"""Primitives that the core calls: values without the graph, and products of matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.core import primitives


def test_values_leave_the_graph():
    x = tg.parameter([1.0, 2.0])
    values = primitives.values(x)
    assert type(values) is np.ndarray
    assert tg.gradients(np.sum(x * values), x).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 3.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, complex, int])
@pytest.mark.parametrize(
    ("x", "y"),
    [((3, 2), (2, 4)), ((90, 2), (2, 95)), ((3, 0), (0, 4)), ((2,), (2, 3)), ((2, 3, 2), (2, 4)), ((3, 2), (2,))],
)
def test_a_product_is_that_of_numpy_for_matrices_of_any_size_and_stacks(x, y, dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-9, 9, shape).astype(dtype) for shape in (x, y))  # whose products are exact
    found = primitives.product(x, y)
    np.testing.assert_array_equal(found, x @ y)
    assert found.dtype == dtype
    assert primitives.product(tg.parameter(x.real.astype(float)), y)._function is np.matmul


LAYOUTS = {
    "in order": lambda x: x,
    "transposed": lambda x: np.asfortranarray(x),
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1].copy()[::-1],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, complex])
@given(st.tuples(*[st.integers(0, 9)] * 3), *[st.sampled_from([*LAYOUTS])] * 2, st.integers(0, 2**32 - 1))
def test_a_product_has_the_bits_of_numpy_in_every_layout(dtype, lengths, of_x, of_y, seed):
    rng, (n, k, m) = np.random.default_rng(seed), lengths
    x, y = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for shape in ((n, k), (k, m)))
    x, y = (part.astype(dtype) if dtype is complex else part.real.astype(dtype) for part in (x, y))
    x, y = LAYOUTS[of_x](x), LAYOUTS[of_y](y)
    assert np.array_equal(primitives.product(x, y), x @ y)
