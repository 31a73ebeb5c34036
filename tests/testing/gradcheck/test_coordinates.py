"""Arrays as vectors of real coordinates: to and fro, in any layout in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_dl.testing import strategies
from tinygrad_dl.testing.gradcheck.coordinates import (
    arrays,
    cotangents,
    element,
    in_layout_of,
    real,
    real_of_cotangents,
    sizes,
)

Z = np.array([[1 + 2j, 3 - 4j]])


def test_coordinates_and_arrays_are_inverse():
    like = [np.ones((2, 2)), Z, np.array(5.0), np.zeros((0, 3))]
    vector = real(like)
    assert vector.tolist() == [1, 1, 1, 1, 1, 2, 3, -4, 5]
    for again, array in zip(arrays(vector, like), like, strict=True):
        assert again.dtype == array.dtype
        assert np.array_equal(again, array)


@pytest.mark.parametrize("layout", strategies.LAYOUTS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 3), (0, 2)])
def test_a_copy_lies_in_memory_as_its_model_does(layout, shape):
    like = np.arange(float(np.prod(shape))).reshape(shape)
    like = strategies.LAYOUTS[layout](like) if shape and like.size else like
    copy = in_layout_of(like.astype(complex), like)
    steps = [stride for stride, length in zip(copy.strides, shape, strict=True) if length > 1]
    assert np.array_equal(copy, like)
    assert (
        layout == "repeated"
        or not like.size
        or steps == [2 * s for s, n in zip(like.strides, shape, strict=True) if n > 1]
    )
    copy[...] = 0  # no elements overlap, and none is the model's
    assert not np.any(copy)
    assert np.array_equal(like, in_layout_of(like, like))


@pytest.mark.parametrize("like", [np.arange(90.0)[::30], np.lib.stride_tricks.sliding_window_view(np.arange(4.0), 2)])
def test_a_copy_of_what_overlaps_or_lies_far_apart_is_dense(like):
    copy = in_layout_of(like.copy(), like)
    assert copy.flags.c_contiguous
    assert np.array_equal(copy, like)


def test_cotangents_count_the_change_of_each_part():
    ct, dz = np.array([[2 - 1j, 0.5j]]), np.array([[0.1 + 0.3j, -0.2 + 0.7j]])
    assert real_of_cotangents([ct]) @ real([dz]) == pytest.approx(np.sum(ct * dz).real)
    assert np.array_equal(cotangents(real_of_cotangents([ct]), [Z])[0], ct)


def test_a_coordinate_knows_its_element():
    assert element(np.ones((2, 3)), 4) == (1, 1)
    assert element(Z, 3) == (0, 1)
    assert element(np.array(1.0), 0) == ()


@given(st.lists(st.floats(-1e200, 1e200), min_size=1, max_size=5))
def test_sizes_are_positive_and_those_of_the_numbers(values):
    x = np.array(values)
    size = sizes(x)
    assert np.all(size > 0)
    assert np.all((size >= np.abs(x)) & ((size <= np.abs(x) * (1 + 1e-9)) | (size <= np.max(np.abs(x), initial=1))))
