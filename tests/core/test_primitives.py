"""Primitives that the core calls: values without the graph, and products of matrices."""

import numpy as np
import pytest

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
