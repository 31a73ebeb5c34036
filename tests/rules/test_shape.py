"""Functions that rearrange: each gradient is the inverse rearrangement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg


@given(st.data())
def test_the_gradient_through_a_permutation_of_axes_is_the_cotangent_permuted_back(data):
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, max_side=3))
    axes = data.draw(st.permutations(range(len(shape))))
    axes = [axis - len(shape) if data.draw(st.booleans()) else axis for axis in axes]
    x, cotangent = np.zeros(shape), np.arange(np.prod(shape, dtype=int)).reshape([shape[axis] for axis in axes])
    positions = np.transpose(np.arange(x.size).reshape(shape), axes)
    gradient = tg.grad(lambda x: np.sum(np.transpose(x, axes) * cotangent))(x)
    np.testing.assert_array_equal(gradient.ravel()[positions], cotangent)


@pytest.mark.parametrize("order", ["A", "K"])
def test_an_order_that_depends_on_memory_is_an_error(order):
    x = tg.parameter(np.ones((2, 3)))
    with pytest.raises(TypeError, match='depends on how an array lies in memory; say "C" or "F"'):
        np.ravel(x, order=order)


def test_a_reshape_by_the_order_of_memory_has_no_gradient():
    y = np.reshape(tg.parameter(np.ones((2, 3))).T, -1, order="A")
    with pytest.raises(TypeError, match=r'order="A" depends on how an array lies in memory'):
        tg.backward(np.sum(y))


def test_split_into_unequal_parts_is_an_error_with_numbers():
    with pytest.raises(ValueError, match="an axis of length 3 has no 2 equal parts"):
        np.split(tg.parameter([1.0, 2.0, 3.0]), 2)
