"""Indexing: whatever NumPy reads, its transpose adds into; what is read twice is added twice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tinygrad_dl import primitives


@given(st.data())
def test_the_gradient_of_what_an_index_reads_counts_how_often_each_element_is_read(data):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    index = data.draw(
        hnp.basic_indices(shape, allow_newaxis=True)
        | hnp.integer_array_indices(shape)
        | hnp.arrays(bool, shape)
        | hnp.arrays(bool, shape[:1])
    )
    read = np.bincount(np.arange(np.prod(shape)).reshape(shape)[index].ravel(), minlength=np.prod(shape))
    gradient = tg.grad(lambda x: np.sum(x[index]))(np.zeros(shape))
    np.testing.assert_array_equal(gradient, read.reshape(shape))


def test_scatter_add_sums_what_stands_at_one_place():
    scattered = primitives.scatter_add(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 0]), np.zeros(3))
    assert scattered.tolist() == [5.0, 0.0, 2.0]


def test_scatter_add_has_the_dtype_of_the_values():
    assert primitives.scatter_add(np.ones(1, np.float32), slice(0, 1), np.zeros(2)).dtype == np.float32
    assert primitives.scatter_add(np.array([0.5]), slice(0, 1), np.zeros(2, int)).tolist() == [0.5, 0.0]


def test_an_empty_list_reads_nothing():
    x = tg.parameter([1.0, 2.0])
    assert tg.gradients(np.sum(x[[]]), x).tolist() == [0.0, 0.0]
