"""Indexing: whatever NumPy reads, its transpose adds into; what is read twice is added twice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.cases import real, table
from tinygrad_dl import primitives

MASK = np.array([[True, False, True], [False, False, True]])
INDICES = {
    "1": 1,
    "-1": -1,
    "numpy integer": np.int64(1),
    "1, 2": (1, 2),
    "1:": slice(1, None),
    "::-1": slice(None, None, -1),
    ":, ::-2": (slice(None), slice(None, None, -2)),
    "None": None,
    "None, 1, ..., None": (None, 1, ..., None),
    "...": ...,
    "..., 0": (..., 0),
    "()": (),
    "0:0": slice(0, 0),
    "mask": MASK,
    "mask of rows": np.array([True, False]),
    "row, mask": (0, np.array([True, False, True])),
    "list": [1, 0],
    "list of bools": [True, False],
    "repeats": np.array([1, 1, 0, 1]),
    "pairs with repeats": (np.array([0, 1, 0]), np.array([2, 2, 2])),
    "slice, repeats": (slice(None), np.array([0, 2, 0])),
    "list inside a tuple": (slice(None), [0, 2, 0]),
    "int, repeats": (1, np.array([0, 0])),
    "repeats, None, slice": (np.array([0, 0]), None, slice(1, None)),
    "broadcast": (np.array([[0], [1]]), np.array([2, 2])),
    "array of no axes": np.array(1),
    "negative repeats": np.array([-1, 1]),
}

CASES = table(
    *[(primitives.getitem, label, lambda x, i=i: x[i], real(2, 3)) for label, i in INDICES.items()],
    (primitives.getitem, "Tensor", lambda x: x[tg.Tensor([1, 1])], real(2, 3)),
    (primitives.getitem, "Tensor in a tuple", lambda x: x[:, tg.Tensor([0, 0])], real(2, 3)),
    (primitives.getitem, "what a comparison gives", lambda x: x[np.argsort(x[:, 0])][0], real(3, 2)),
    (primitives.getitem, "number", lambda x: x[...], real()),
    (primitives.getitem, "iteration", lambda x: np.stack([row * i for i, row in enumerate(x)]), real(3, 2)),
    *[
        (primitives.scatter_add, label, lambda v, i=i: primitives.scatter_add(v, i, np.zeros((2, 3))), real(*shape))
        for label, i, *shape in [("row", 1, 3), ("repeats", np.array([1, 1]), 2, 3), ("mask", MASK, 3)]
    ],
)


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
