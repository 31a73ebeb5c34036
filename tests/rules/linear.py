"""The oracle for what only moves elements: the matrix of the map, which NumPy itself gives for unit arrays."""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl import pytree


def assert_transposed(f, shape):
    """Raise unless `f` of a Tensor gives what it gives of an array, and its pullback is the transposed linear map.

    A shape that NumPy itself refuses is refused for Tensors too.
    """
    rng = np.random.default_rng(0)
    x = rng.integers(1, 9, shape).astype(float)
    try:
        expected = pytree.leaves(f(x))
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        refused = IndexError if isinstance(error, IndexError) else (ValueError, TypeError, ZeroDivisionError)
        try:
            f(tg.parameter(x))
        except refused:
            return
        raise AssertionError(f"NumPy raises {error!r}, and Tensors don't") from error
    expected = [np.asarray(y) for y in expected]
    for make in (tg.Tensor, tg.parameter):
        for y, tensor in zip(expected, pytree.leaves(f(make(x))), strict=True):
            np.testing.assert_array_equal(np.asarray(tensor.detach()), y)
            assert tensor.dtype == y.dtype
    if not expected:
        return
    value, pullback = tg.vjp(f, x)
    cotangents = [rng.integers(1, 9, y.shape).astype(float) for y in expected]
    (found,) = pullback(pytree.unflatten(value, cotangents))
    origin = [np.asarray(y) for y in pytree.leaves(f(np.zeros(shape)))]
    for index in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[index] = 1
        moved = [np.asarray(y) for y in pytree.leaves(f(unit))]
        assert found[index] == sum(np.sum(c * (y - y0)) for c, y, y0 in zip(cotangents, moved, origin, strict=True))
    assert found.shape == shape
