"""The code that a failure prints makes the same value again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_dl.testing.source_repr import source_repr
from tinygrad_dl.testing.strategies import LAYOUTS, arrays, indices, shapes

DTYPES = [np.float16, np.float32, np.float64, np.complex64, np.complex128]


def pasted(value):
    return eval(source_repr(value), {"np": np})


def layout_of(x):
    """How the axes lie in memory: the direction of each, and their order from the slowest to the fastest."""
    strides = [stride if n > 1 else None for n, stride in zip(x.shape, x.strides, strict=True)]
    directions = [stride if stride is None else np.sign(stride) for stride in strides]
    return directions, sorted(range(x.ndim), key=lambda axis: -abs(strides[axis] or 0))


def assert_same(again, x):
    assert (again.dtype, again.shape, again.tobytes()) == (x.dtype, x.shape, x.tobytes())
    assert (again.flags.c_contiguous, again.flags.f_contiguous) == (x.flags.c_contiguous, x.flags.f_contiguous)
    assert x.size == 0 or layout_of(again) == layout_of(x)


@given(st.data(), st.sampled_from(DTYPES))
def test_the_code_of_an_array_makes_its_numbers_shape_dtype_and_layout_again(data, dtype):
    x = data.draw(arrays(shapes(empty=True), dtype=dtype, layouts=True, kinks=[0.0], on_kinks=True))
    assert_same(pasted(x), x)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 2), (2, 1, 3), (0, 2)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_code_of_every_layout_makes_it_again(layout, shape):
    x = LAYOUTS[layout](np.arange(1.0, 1 + np.prod(shape)).reshape(shape))
    assert_same(pasted(x), x)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (np.zeros(2), "np.zeros(2)"),
        (np.zeros((0, 2), np.float32), "np.zeros((0, 2), dtype=np.float32)"),
        (np.array([[1.0, -0.0]]), "np.array([[1.0, -0.0]])"),
        (
            np.array([[1.0], [2.0]]).repeat(2, 1).copy("F"),
            "np.asfortranarray(np.array([[1.0, 1.0],\n          [2.0, 2.0]]))",
        ),
        (np.broadcast_to([np.inf], 2), "np.broadcast_to(np.array([np.inf]), (2,))"),
        ({"W": [np.float32(0.1)]}, "{'W': [np.float32(0.1)]}"),
    ],
)
def test_the_code_is_short(value, code):
    assert source_repr(value) == code


@given(indices((2, 3)))
def test_the_code_of_an_index_names_the_same_elements(index):
    x = np.arange(6).reshape(2, 3)
    assert np.array_equal(x[pasted(index)], x[index])


@pytest.mark.parametrize(
    "value",
    [
        np.nan,
        np.inf,
        -np.inf,
        -0.0,
        1,
        "nan",
        None,
        np.float32(0.1),
        np.int8(3),
        [1.5, (np.nan,)],
        {"W": np.array(0.1)},
    ],
    ids=repr,
)
def test_the_code_of_numbers_text_and_trees_makes_them_again(value):
    again = pasted(value)
    assert type(again) is type(value)
    assert repr(again) == repr(value)


def test_large_arrays_are_written_out_in_full_and_in_lines():
    x = np.random.default_rng(0).normal(size=(40, 50))
    assert np.array_equal(pasted(x), x)
    assert max(map(len, source_repr(x).splitlines())) <= 120
