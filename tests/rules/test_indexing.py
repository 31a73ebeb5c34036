"""Indexing: whatever NumPy reads, its transpose adds into; what is read twice is added twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tinygrad_dl import _functions


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


@given(st.data())
def test_a_jacobian_has_a_row_for_each_element_that_is_read_however_often(data):
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=3))
    indices = [
        data.draw(hnp.basic_indices(shape, allow_newaxis=True) | hnp.integer_array_indices(shape)) for _ in range(3)
    ]
    size = int(np.prod(shape))
    read = np.concatenate([np.ravel(np.arange(size).reshape(shape)[index]) for index in indices])
    found = tg.jacobian(lambda x: np.concatenate([np.ravel(x[index]) for index in indices]))(np.zeros(shape))
    np.testing.assert_array_equal(found, np.eye(size)[read].reshape(-1, *shape))


def test_reads_at_arrays_with_a_slice_between_them_add_into_the_rows_of_a_jacobian():
    x, index = np.zeros((2, 3, 2)), (np.array([0, 1]), slice(None), np.array([1, 0]))
    a, b = np.random.default_rng(0).normal(size=(2, 2, 3))
    found = tg.jacobian(lambda x: np.stack([np.sum(a * x[index]), np.sum(b * x[index])]))(x)
    expected = np.zeros((2, *x.shape))
    expected[0][index], expected[1][index] = a, b
    np.testing.assert_array_equal(found, expected)


def test_what_samples_of_two_levels_read_is_added_at_each_level():
    pull_back = tg.vjp(lambda x: (x[0] * 1, x[1] * 1, x[0] * 1), np.zeros(2))[1]
    u = np.array([1.0, 2.0])
    found = tg.vmap(lambda u: tg.vmap(lambda v: pull_back((u, v, v))[0])(10 * np.array([1.0, 2.0])))(u)
    np.testing.assert_array_equal(found, [[[11, 10], [21, 20]], [[12, 10], [22, 20]]])


def test_scatter_add_sums_what_stands_at_one_place():
    scattered = _functions.scatter_add(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 0]), np.zeros(3))
    assert scattered.tolist() == [5.0, 0.0, 2.0]


@given(st.integers(0, 5), st.sampled_from(["f2", "f4", "f8", "c8", "i8"]), st.sampled_from("CF"))
def test_scatter_add_of_many_values_is_that_of_few(seed, dtype, order):
    like, rng = np.zeros((3, 4, 5), order=order), np.random.default_rng(seed)
    rows, columns = rng.integers(-3, 3, (2, 1, 1500))
    for index in (
        rows,
        (slice(None, None, -1), rows),
        (..., rows),
        (rows, 1, columns),
        (rows.T[::50], slice(2), columns[:, ::50]),
    ):
        values = rng.integers(0, 2, like[index].shape).astype(dtype)
        expected = np.zeros(like.shape, np.promote_types(dtype, "f8"))
        np.add.at(expected, index, values)
        found = _functions.scatter_add(values, index, like)
        np.testing.assert_array_equal(found, expected.astype(dtype), strict=True)


def test_scatter_add_has_the_dtype_of_the_values():
    assert _functions.scatter_add(np.ones(1, np.float32), slice(0, 1), np.zeros(2)).dtype == np.float32
    assert _functions.scatter_add(np.array([0.5]), slice(0, 1), np.zeros(2, int)).tolist() == [0.5, 0.0]


def test_an_empty_list_reads_nothing():
    x = tg.parameter([1.0, 2.0])
    assert tg.gradients(np.sum(x[[]]), x).tolist() == [0.0, 0.0]


def test_reads_of_one_array_in_a_loop_add_into_one_sum(monkeypatch):
    """A sum of the size of the array for each of n reads would take n² steps."""
    made = []
    scatter_add = _functions.scatter_add
    monkeypatch.setattr(_functions, "scatter_add", lambda *args: made.append(1) or scatter_add(*args))
    x = np.arange(50.0)
    assert np.array_equal(tg.grad(lambda x: sum(x[i] * x[i] for i in range(50)))(x), 2 * x)
    assert len(made) == 1
    assert np.array_equal(tg.jacobian(lambda x: np.stack([x[i] * x[i] for i in range(50)]))(x), np.diag(2 * x))
    assert len(made) == 3  # one more, and the call for all rows that it makes


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
@pytest.mark.parametrize("keep_graph", [True, False])
def test_reads_and_other_uses_of_one_array_add_up_whatever_their_order(dtype, keep_graph):
    x = tg.parameter(np.arange(6, dtype=dtype).reshape(2, 3))
    y = x + 1
    parts = [y[0, 1], np.sum(y[:, 1:]), np.sum(y), np.sum(y[[0, 0, 1]]), np.sum((y + y)[1]), np.sum(y[y.numpy() != 0])]
    total = np.real(sum(parts[::-1], start=y[1, 2] * 3))
    total.backward(keep_graph=keep_graph)
    assert x.grad.dtype == dtype
    assert x.grad.tolist() == [[4, 6, 5], [5, 6, 9]]


def test_what_was_read_keeps_its_own_cotangent():
    x = tg.parameter(np.ones(3))
    y = x * 1
    a, b = y[0], y[0:2]
    loss = 2 * a + np.sum(b) + np.sum(y)
    da, db, dy = tg.gradients(loss, [a, b, y])
    assert (da.tolist(), db.tolist(), dy.tolist()) == (2.0, [1, 1], [4, 2, 1])
    slopes = tg.hessian(lambda x: x[0] ** 2 * x[1] + x[0] * x[1] * x[2])(np.array([1.0, 2.0, 3.0]))
    assert slopes.tolist() == [[4, 5, 2], [5, 0, 1], [2, 1, 0]]
