"""Functions that call a function of yours along axes."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.linear import assert_transposed

SHAPES = [(1,), (3,), (2, 3), (2, 1, 3), (0,), (2, 0), ()]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axis", range(-3, 3))
@pytest.mark.parametrize("f", [np.sum, np.flip, np.diag, lambda v: v * 2, lambda v: v[..., None, None]])
def test_what_is_applied_along_an_axis_gives_what_numpy_gives(f, axis, shape):
    assert_transposed(lambda x: np.apply_along_axis(f, axis, x), shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axes", [0, -1, [0, 1], (-1, 0), []])
@pytest.mark.parametrize("f", [np.sum, np.flip, lambda x, axis: np.sum(x, axis, keepdims=True)])
def test_what_is_applied_over_axes_gives_what_numpy_gives(f, axes, shape):
    assert_transposed(lambda x: np.apply_over_axes(f, x, axes), shape)


def test_more_arguments_go_to_the_function():
    x = tg.parameter([[1.0, 2.0], [3.0, 4.0]])
    y = np.apply_along_axis(lambda v, a, b=0: a * v + b, 0, x, 3.0, b=1)
    assert y.tolist() == [[4.0, 7.0], [10.0, 13.0]]
    assert tg.gradients(np.sum(y), x).tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_a_function_over_axes_that_takes_away_too_much_is_an_error():
    with pytest.raises(ValueError, match="expected a function that keeps or removes the axis"):
        np.apply_over_axes(lambda x, axis: np.sum(x), tg.parameter(np.ones((2, 3, 2))), [0])
