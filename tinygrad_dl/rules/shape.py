"""Functions that rearrange: reshape, transpose, broadcast, join, split. The derivative of each is its inverse."""

import numpy as np

from .. import primitives
from ..registry import defspelling, defvjp, defvjp_each


def _known(order):
    if order not in ("C", "F"):
        raise TypeError(f'np.reshape: order="{order}" depends on how an array lies in memory; say "C" or "F".')
    return order


def _inverse_permutation(axes):
    return None if axes is None else np.argsort([axis % len(axes) for axis in axes])


defvjp(np.reshape,          lambda g, ans, x, shape, order="C": np.reshape(g, x.shape, order=_known(order)))
defvjp(np.expand_dims,      lambda g, ans, x, axis: np.reshape(g, x.shape))
defvjp(np.squeeze,          lambda g, ans, x, axis=None: np.reshape(g, x.shape))
defvjp(np.transpose,        lambda g, ans, x, axes=None: np.transpose(g, _inverse_permutation(axes)))
defvjp(np.swapaxes,         lambda g, ans, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis,         lambda g, ans, x, source, destination: np.moveaxis(g, destination, source))
defvjp(np.matrix_transpose, lambda g, ans, x: np.swapaxes(g, -1, -2))
defvjp(np.broadcast_to,     lambda g, ans, x, shape: g)  # the engine sums over what was repeated


def _ravel(x, order="C"):
    return np.reshape(x, -1, order=_known(order))


defspelling(np.ravel, _ravel)

# ---- joining


def _concatenate_vjp(argnum, g, ans, *arrays, axis=0):
    start = sum(array.shape[axis] for array in arrays[:argnum])
    stop = start + arrays[argnum].shape[axis]
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, stop),)]


defvjp_each(primitives.concatenate, _concatenate_vjp)


def _concatenate(arrays, axis=0):
    if axis is None:
        return primitives.concatenate(*[np.ravel(array) for array in arrays], axis=0)
    arrays = [array if hasattr(array, "shape") else np.array(array) for array in arrays]
    return primitives.concatenate(*arrays, axis=axis)


def _stack(arrays, axis=0):
    return _concatenate([np.expand_dims(array, axis) for array in arrays], axis)


def _vstack(arrays):
    return _concatenate([array if np.ndim(array) > 1 else np.reshape(array, (1, -1)) for array in arrays])


def _hstack(arrays):
    arrays = [array if np.ndim(array) else np.reshape(array, 1) for array in arrays]
    return _concatenate(arrays, axis=0 if np.ndim(arrays[0]) == 1 else 1)


defspelling(np.concatenate, _concatenate)
defspelling(np.stack, _stack)
defspelling(np.vstack, _vstack)
defspelling(np.hstack, _hstack)

# ---- splitting


def _split(x, indices_or_sections, axis=0):
    length = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)) and length % indices_or_sections:
        raise ValueError(f"np.split: an axis of length {length} has no {indices_or_sections} equal parts.")
    return _array_split(x, indices_or_sections, axis)


def _array_split(x, indices_or_sections, axis=0):
    # where NumPy itself would cut the numbers 0, 1, ..., which are the positions along the axis
    parts = np.array_split(np.arange(x.shape[axis]), indices_or_sections)
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(part[0], part[-1] + 1) if len(part) else slice(0, 0))] for part in parts]


defspelling(np.split, _split)
defspelling(np.array_split, _array_split)
