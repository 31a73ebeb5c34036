"""Functions that rearrange: each gradient is the inverse rearrangement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.cases import one, real, table
from tinygrad_dl import primitives

CUBE = real(2, 3, 4)

CASES = table(
    (*one(np.reshape, "(3, 2)", (3, 2)), real(2, 3)),
    (*one(np.reshape, "-1", -1), real(2, 3)),
    (*one(np.reshape, "F", (3, 2), order="F"), real(2, 3)),
    (np.reshape, "of a transpose", lambda x: np.reshape(x.T, (2, 3)), real(2, 3)),
    (np.reshape, "method, of lengths", lambda x: x.reshape(3, -1), real(2, 3)),
    (*one(np.expand_dims, "0", 0), real(2, 3)),
    (*one(np.expand_dims, "(0, -1)", (0, -1)), real(2, 3)),
    (*one(np.squeeze, "all"), real(1, 2, 1)),
    (*one(np.squeeze, "axis=0", axis=0), real(1, 2, 1)),
    (*one(np.transpose, "all"), CUBE),
    (*one(np.transpose, "(1, 2, 0)", (1, 2, 0)), CUBE),
    (*one(np.transpose, "axes=(-1, 0, 1)", axes=(-1, 0, 1)), CUBE),
    (np.transpose, "method, of numbers", lambda x: x.transpose(2, 0, 1), CUBE),
    (np.transpose, "T", lambda x: x.T, CUBE),
    (*one(np.swapaxes, "0 -1", 0, -1), CUBE),
    (np.swapaxes, "mT", lambda x: x.mT, CUBE),
    (*one(np.moveaxis, "0 2", 0, 2), CUBE),
    (*one(np.moveaxis, "(0, 1) (-1, 0)", (0, 1), (-1, 0)), CUBE),
    (*one(np.matrix_transpose, ""), CUBE),
    (*one(np.broadcast_to, "(2, 3)", (2, 3)), real(3)),
    (*one(np.broadcast_to, "(2, 3, 2)", (2, 3, 2)), real(3, 1)),
    (*one(np.broadcast_to, "same", (3,)), real(3)),
    (*one(np.ravel, "C"), real(2, 3)),
    (*one(np.ravel, "F", order="F"), real(2, 3)),
    (np.ravel, "flatten", lambda x: x.flatten(), real(2, 3)),
    (primitives.concatenate, "two", lambda x, y: np.concatenate([x, y]), real(2, 3), real(1, 3)),
    (np.concatenate, "axis=-1", lambda x, y: np.concatenate((x, y), axis=-1), real(2, 3), real(2, 1)),
    (np.concatenate, "axis=1 by position", lambda x, y: np.concatenate((x, y), 1), real(2, 3, 2), real(2, 1, 2)),
    (np.concatenate, "axis=None", lambda x, y: np.concatenate((x, y), axis=None), real(2, 3), real(2)),
    (np.concatenate, "three", lambda x, y, z: np.concatenate([x, y, z]), real(1), real(2), real(3)),
    (np.concatenate, "longest first", lambda x, y, z: np.concatenate([x, y, z]), real(3), real(1), real(2)),
    (np.concatenate, "twice", lambda x: np.concatenate([x, np.ones(2), x, [5.0]]), real(3)),
    (np.stack, "0", lambda x, y: np.stack([x, y]), real(3), real(3)),
    (np.stack, "-1", lambda x, y: np.stack([x, y], axis=-1), real(2, 3), real(2, 3)),
    (np.stack, "numbers", lambda x, y: np.stack([x, y, x]), real(), real()),
    (np.vstack, "rows", lambda x, y: np.vstack([x, y]), real(3), real(2, 3)),
    (np.vstack, "numbers", lambda x, y: np.vstack([x, y]), real(), real()),
    (np.hstack, "vectors", lambda x, y: np.hstack([x, y]), real(3), real(2)),
    (np.hstack, "numbers", lambda x, y: np.hstack([x, y]), real(), real(2)),
    (np.hstack, "matrices", lambda x, y: np.hstack([x, y]), real(2, 3), real(2, 1)),
    (*one(np.split, "equal", 3), real(6)),
    (*one(np.split, "at, axis=1", [1, 3], axis=1), real(2, 4)),
    (*one(np.split, "axis=-1", 2, axis=-1), real(2, 4)),
    (*one(np.array_split, "unequal", 3), real(7, 2)),
    (*one(np.array_split, "into nothing", 3), real(2)),
)


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
