"""Functions that join or split arrays: each array gets its part of the cotangent."""

import itertools

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.registry import defcomposite, defvjp_jointly
from ._shapes import as_array, index_at_axis

# ---- joining


def _concatenate_vjp(g, ans, *arrays, axis=0):
    stops = itertools.accumulate(array.shape[axis] for array in arrays)
    parts = [slice(stop - array.shape[axis], stop) for array, stop in zip(arrays, stops, strict=True)]
    return tuple(g[index_at_axis(axis % g.ndim, part)] for part in parts)


defvjp_jointly(_functions.concatenate, _concatenate_vjp)  # jointly, as there may be thousands of arrays


def _concatenate(arrays, axis=0, *, dtype=None, casting="same_kind"):
    arrays = [as_array(array) for array in arrays]
    if axis is None:
        arrays, axis = [np.ravel(array) for array in arrays], 0
    if dtype is None:
        return _functions.concatenate(*arrays, axis=axis)
    for array in arrays:
        if not np.can_cast(array.dtype, dtype, casting):
            raise TypeError(f"cannot cast {array.dtype} to {np.dtype(dtype)} with casting={casting!r}.")
    return _functions.concatenate(*[primitives.astype(array, dtype) for array in arrays], axis=axis)


def _stack(arrays, axis=0, **cast):
    return _concatenate([np.expand_dims(array, axis) for array in arrays], axis, **cast)


def _vstack(tup, **cast):
    return _concatenate(_all(np.atleast_2d, tup), **cast)


def _hstack(tup, **cast):
    arrays = _all(np.atleast_1d, tup)
    return _concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, **cast)


def _column_stack(tup):
    return _concatenate([np.reshape(x, (-1, 1)) if np.ndim(x) < 2 else x for x in tup], 1)


def _all(function, arrays):
    return [function(array) for array in arrays]


def _block(arrays):
    depth = _depth(arrays)
    ndim = max(depth, *map(np.ndim, _leaves(arrays)))

    def join(part, level):
        if level == depth:
            return np.reshape(part, (1,) * (ndim - np.ndim(part)) + np.shape(part))
        return _concatenate([join(inner, level + 1) for inner in part], level - depth)

    return join(arrays, 0)


def _depth(arrays):
    """Return the nesting depth of the lists."""
    if isinstance(arrays, tuple):
        raise TypeError("np.block: expected nested lists of arrays, got a tuple.")
    if not isinstance(arrays, list):
        return 0
    depths = set(map(_depth, arrays))
    if len(depths) != 1:
        raise ValueError(f"np.block: expected lists that are nested equally deep, none empty, got depths {depths}.")
    return 1 + depths.pop()


def _leaves(arrays):
    return [leaf for part in arrays for leaf in _leaves(part)] if isinstance(arrays, list) else [arrays]


defcomposite(np.concatenate, _concatenate)
defcomposite(np.stack, _stack)
defcomposite(np.vstack, _vstack)
defcomposite(np.hstack, _hstack)
defcomposite(np.dstack, lambda tup: _concatenate(_all(np.atleast_3d, tup), 2))
defcomposite(np.column_stack, _column_stack)
defcomposite(np.append, lambda arr, values, axis=None: _concatenate([arr, values], axis))
defcomposite(np.block, _block)
defcomposite(getattr(np, "row_stack", np.vstack), _vstack)  # an old name

# ---- splitting


def _split(x, indices_or_sections, axis=0):
    length = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)) and length % indices_or_sections:
        raise ValueError(
            f"np.split: an axis of length {length} has no {indices_or_sections} equal parts: np.array_split allows "
            f"unequal ones."
        )
    return _array_split(x, indices_or_sections, axis)


def _array_split(x, indices_or_sections, axis=0):
    # NumPy splits the positions 0, 1, ... along the axis
    parts = np.array_split(np.arange(x.shape[axis]), primitives.values(indices_or_sections))
    slices = [slice(part[0], part[-1] + 1) if len(part) else slice(0, 0) for part in parts]
    return [x[index_at_axis(axis % x.ndim, part)] for part in slices]


def _split_along(name, ndim, axis):
    def split(ary, indices_or_sections):
        if ary.ndim < ndim:
            raise ValueError(f"{name}: expected at least {ndim} axes, got an array of shape {ary.shape}.")
        return _split(ary, indices_or_sections, axis if ary.ndim > 1 else 0)

    return split


defcomposite(np.split, _split)
defcomposite(np.array_split, _array_split)
defcomposite(np.hsplit, _split_along("np.hsplit", 1, 1))
defcomposite(np.vsplit, _split_along("np.vsplit", 2, 0))
defcomposite(np.dsplit, _split_along("np.dsplit", 3, 2))
defcomposite(np.unstack, lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)))
