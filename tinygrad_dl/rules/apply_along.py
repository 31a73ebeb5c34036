"""Functions that apply a user's function along axes: the operations of each call are recorded."""

import math

import numpy as np

from ..core.registry import defcomposite


def _apply_along_axis(func1d, axis, arr, *args, **kwargs):
    vectors = np.moveaxis(arr, axis, -1)
    others, axis = vectors.shape[:-1], axis % arr.ndim
    count = math.prod(others)
    if count == 0:
        raise ValueError(f"np.apply_along_axis: expected at least one vector along axis {axis}, got shape {arr.shape}.")
    results = [func1d(vector, *args, **kwargs) for vector in np.reshape(vectors, (count, arr.shape[axis]))]
    stacked = np.stack(results)
    inner = stacked.ndim - 1  # the axes of a result replace the axis
    stacked = np.reshape(stacked, others + stacked.shape[1:])
    return np.moveaxis(stacked, range(len(others), len(others) + inner), range(axis, axis + inner))


def _apply_over_axes(func, a, axes):
    for axis in np.ravel(axes):
        axis = int(axis) + np.ndim(a) if axis < 0 else int(axis)
        result = func(a, axis)
        result = result if np.ndim(result) == np.ndim(a) else np.expand_dims(result, axis)
        if np.ndim(result) != np.ndim(a):
            raise ValueError(
                f"np.apply_over_axes: expected a function that keeps or removes the axis, got shape {np.shape(result)} "
                f"from {np.shape(a)}."
            )
        a = result
    return a


defcomposite(np.apply_along_axis,    _apply_along_axis)
defcomposite(np.apply_over_axes,     _apply_over_axes)
