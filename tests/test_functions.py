"""Functions that NumPy lacks: copies of arrays with other elements, which NumPy only changes in place."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import _functions


def in_place(x, index, value):
    x = x.copy()
    x[index] = value
    return x


INDICES = [0, -1, slice(1, None), [0, 2], np.array([1, 1]), np.array([True, False, True]), (), ..., None]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_set_at_and_add_at_change_a_copy(index):
    x = np.array([1.0, 2.0, 4.0])
    before = x.copy()
    np.testing.assert_array_equal(_functions.set_at(x, index, 9.0), in_place(x, index, 9.0))
    added = x.copy()
    np.add.at(added, index, 9.0)
    np.testing.assert_array_equal(_functions.add_at(x, index, 9.0), added)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("f", [_functions.set_at, _functions.add_at])
@pytest.mark.parametrize(
    ("x", "value", "dtype"),
    [
        (np.float32, 1.5, np.float32),
        (np.float32, np.float64(1.5), np.float32),
        (np.float64, np.float32(1.5), np.float64),
        (np.int64, 1.5, np.float64),
        (np.uint8, 3, np.uint8),
        (np.float32, 1j, np.complex64),
        (np.float64, np.complex64(1j), np.complex128),
        (np.int32, np.float32(0.5), np.float64),
    ],
)
def test_the_dtype_is_that_of_the_array_unless_the_value_is_of_another_kind(f, x, value, dtype):
    y = f(np.ones(2, x), 0, value)
    assert y.dtype == dtype
    assert y.tolist() == [value + (f is _functions.add_at), 1]
    assert f(tg.Tensor(np.ones(2, x)), 0, value).dtype == dtype


def test_a_gradient_flows_into_an_array_of_integers():
    w = tg.parameter(0.5)
    y = _functions.set_at(np.arange(3), 1, w)
    assert y.tolist() == [0.0, 0.5, 2.0]
    assert tg.gradients(np.sum(y**2), w) == 1.0


def test_a_loop_that_fills_an_array_is_differentiated():
    def fibonacci(x):
        f = np.zeros(8)
        f = _functions.set_at(f, [0, 1], x)
        for i in range(2, 8):
            f = _functions.set_at(f, i, f[i - 1] + f[i - 2])
        return f[-1]

    assert tg.grad(fibonacci)(np.array([1.0, 1.0])).tolist() == [8.0, 13.0]


def test_an_index_may_be_a_tensor():
    x, i = tg.parameter([1.0, 2.0]), tg.Tensor([1])
    assert _functions.set_at(x, i, 5.0).tolist() == [1.0, 5.0]
    assert _functions.add_at(np.ones((2, 2)), (slice(None), i), x[:, None]).tolist() == [[1.0, 2.0], [1.0, 3.0]]


def test_put_along_axis_takes_arrays_in_any_order_of_memory():
    x = tg.parameter(np.arange(6.0).reshape(3, 2).T)
    y = _functions.put_along_axis(x, [1, 3], 9.0, None)
    assert y.tolist() == [[0, 9, 4], [9, 3, 5]]
    assert tg.gradients(y, x, cotangent=np.ones((3, 2)).T).tolist() == [[1, 0, 1], [0, 1, 1]]


def test_put_along_axis_is_what_take_along_axis_reads():
    x = tg.parameter([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]])
    order = np.argsort(x, axis=1)
    sorted_ = np.take_along_axis(x, order, axis=1)
    back = _functions.put_along_axis(np.zeros((2, 3)), order, sorted_, axis=1)
    assert back.tolist() == x.tolist()
    assert tg.gradients(np.sum(back * [1.0, 2.0, 3.0]), x).tolist() == [[1.0, 2.0, 3.0]] * 2


MEETING = {  # many numbers made of each element of b -> which
    "index": lambda b, n: b[np.zeros(n, int)],
    "take": lambda b, n: np.take(b, np.zeros(n, int)),
    "repeat": lambda b, n: np.repeat(b[:1], n),
    "tile": lambda b, n: np.tile(b[:1], n),
    "take_along_axis": lambda b, n: np.take_along_axis(b, np.zeros(n, int), 0),
    "pad": lambda b, n: np.pad(b[:1], (0, n - 1), "edge"),
}


@pytest.mark.parametrize("name", MEETING)
@pytest.mark.parametrize(("dtype", "n"), [(np.float16, 5000), (np.float32, 200_000)])
def test_gradients_that_meet_in_one_element_are_added_as_exactly_as_their_dtype_can_hold(name, dtype, n):
    b = np.ones(2, dtype)
    _, pullback = tg.vjp(lambda b: MEETING[name](b, n), b)
    g = np.full(n, 0.1, dtype)
    (found,) = pullback(g)
    exact = n * float(g[0])
    assert found.dtype == dtype
    assert abs(found[0] - exact) <= np.finfo(dtype).eps * exact
