"""Products that are computed only if something reads them."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.proxies import unread

READINGS = [
    np.asarray,
    np.sum,
    np.tanh,
    np.transpose,
    len,
    lambda x: 2 * x,
    lambda x: x.mT,
    lambda x: x[1:],
    lambda x: x.tolist(),
    lambda x: np.concatenate([x, x]),
    lambda x: np.add(x, 1, dtype=complex),
    lambda x: x @ np.ones(5),
]


def product():
    """A product that is not computed yet, and the array that it is."""
    x, y = np.arange(12.0).reshape(4, 3), np.arange(15.0).reshape(3, 5) - 7
    return unread.postponed(x) @ y, x @ y


@pytest.mark.parametrize("read", READINGS)
def test_each_way_to_read_a_product_gives_what_it_gives_of_the_array(read):
    late, array = product()
    assert type(late) is unread.Unread
    for _ in range(2):
        np.testing.assert_array_equal(read(late), read(array))
    assert type(read(late)) is type(read(array))


def test_a_product_of_size_1_becomes_a_number():
    late = unread.postponed(np.full((1, 1), 3)) @ np.full((1, 1), 5)
    assert (late.item(), bool(late), len(late)) == (15, True, 1)


@given(
    *(st.sampled_from([(), (1,), (2,), (3, 1), (3, 2)]) for _ in range(2)),
    *(st.sampled_from([np.float32, np.float64, np.complex64, np.int8]) for _ in range(2)),
)
def test_shape_and_dtype_are_known_before_it_is_computed(left, right, of_x, of_y):
    try:
        stacks = np.broadcast_shapes(left, right)
    except ValueError:
        stacks = None
    x, y = np.ones((*left, 4, 3), of_x), np.ones((*right, 3, 5), of_y)
    if stacks is None:
        with pytest.raises(ValueError, match="broadcast"):
            unread.postponed(x) @ y
        return
    late, array = unread.postponed(x) @ y, x @ y
    late, array = late + late, array + array
    assert type(late) is unread.Unread
    assert (late.shape, late.ndim, late.size, late.dtype) == (array.shape, array.ndim, array.size, array.dtype)
    np.testing.assert_array_equal(late, array)


def test_factors_that_do_not_fit_are_an_error_at_once():
    with pytest.raises(ValueError, match="mismatch"):
        unread.postponed(np.ones((2, 3))) @ np.ones((4, 2))


def test_hvp_holds_no_gradient():
    """Σ tanh(W x)² of a large W: beside copies of W and the tangent, the result is the only array of its size."""
    n = 400
    rng = np.random.default_rng(0)
    W, T, x = rng.normal(size=(n, n)), rng.normal(size=(n, n)), rng.normal(size=(n, 1)) / n
    t = np.tanh(W @ x)
    expected = ((2 - 8 * t**2 + 6 * t**4) * (T @ x)) @ x.T

    def compute():
        return tg.hvp(lambda W: np.sum(np.tanh(W @ x) ** 2), (W,), (T,))[0]

    np.testing.assert_allclose(compute(), expected, rtol=1e-10, atol=1e-15)
    tracemalloc.start()
    compute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * W.nbytes
