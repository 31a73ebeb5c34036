"""Batching rules of functions that rearrange: reshape, transpose, join. The batch axis stays in front."""

import math
import operator

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import _functions
from .axes import shift_axis
from .batched import CannotBatch, Level, rules


def _resolve_shape(shape, size):
    """Resolve the -1 in a shape for an array of `size` elements."""
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    known = math.prod(n for n in shape if n != -1)
    return tuple((size // known if known else 0) if n == -1 else operator.index(n) for n in shape)


def _reshape(level: Level, a, shape, order="C", **kwargs):
    if order not in ("C", "F"):
        raise CannotBatch(f'expected order="C" or "F", got "{order}", which depends on memory')
    new = _resolve_shape(shape, a.size)
    if math.prod(new) != a.size:
        raise ValueError(f"np.reshape: expected a shape with {a.size} elements for shape {a.shape}, got {shape}.")
    return level.wrap(np.reshape(a._value, (level.size, *new), order=order, **kwargs))


def _transpose(level: Level, a, axes=None):
    order = tuple(reversed(range(a.ndim))) if axes is None else tuple(axes)
    return level.wrap(np.transpose(a._value, (0, *shift_axis(order, a.ndim))))


def _expand_dims(level: Level, a, axis):
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return level.wrap(np.expand_dims(a._value, shift_axis(tuple(axes), a.ndim + len(axes))))


def _squeeze(level: Level, a, axis=None):
    axes = tuple(i for i, n in enumerate(a.shape) if n == 1) if axis is None else axis
    return level.wrap(np.squeeze(a._value, shift_axis(axes, a.ndim)))


def _broadcast_to(level: Level, a, shape, subok=False):
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    return level.wrap(np.broadcast_to(level.align(a, len(shape)), (level.size, *shape)))


def _concatenate(level: Level, arrays, axis=0, **kwargs):
    if axis is None:
        arrays, axis = [np.ravel(array) for array in arrays], 0
    axis = shift_axis(axis, max(map(np.ndim, arrays)))
    return level.wrap(np.concatenate([level.unwrap(array) for array in arrays], axis, **kwargs))


def _rot90(level: Level, m, k=1, axes=(0, 1)):
    return level.wrap(np.rot90(m._value, k, shift_axis(tuple(axes), m.ndim)))


def _tile(level: Level, A, reps):
    reps = tuple(map(operator.index, reps if isinstance(reps, (tuple, list)) else (reps,)))
    ndim = max(A.ndim, len(reps))
    return level.wrap(np.tile(level.align(A, ndim), (1, *(1,) * (ndim - len(reps)), *reps)))


def _pad(level: Level, array, pad_width, mode="constant", **kwargs):
    if isinstance(pad_width, dict):
        by_axis = {shift_axis(axis, array.ndim) - 1: width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(by_axis.get(i, 0), 2).tolist() for i in range(array.ndim)]
    widths = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
    for keyword in ("constant_values", "end_values", "stat_length"):
        if kwargs.get(keyword) is not None:
            kwargs[keyword] = [(1, 1), *np.broadcast_to(kwargs[keyword], (array.ndim, 2)).tolist()]
    return level.wrap(np.pad(array._value, [(0, 0), *widths], mode, **kwargs))


def _moveaxis(level: Level, a, source, destination):
    return level.wrap(np.moveaxis(a._value, *(_shift_axes(axis, a.ndim) for axis in (source, destination))))


def _shift_axes(axis, ndim):
    return tuple(i + 1 for i in normalize_axis_tuple(axis, ndim))


def _last_two(function):
    def rule(level: Level, m, *args, **kwargs):
        if m.ndim < 2:
            raise CannotBatch("expected at least two axes for each sample")
        return level.wrap(function(m._value, *args, **kwargs))

    return rule


def _planes(function):
    def rule(level: Level, a, offset=0, axis1=0, axis2=1, **kwargs):
        axes = shift_axis(axis1, a.ndim), shift_axis(axis2, a.ndim)
        return level.wrap(function(a._value, offset, *axes, **kwargs))

    return rule


def _diag(level: Level, v, k=0):
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise CannotBatch("expected a vector or matrix for each sample")
    n = v.shape[0] + abs(k)
    rows = np.arange(v.shape[0]) + max(-k, 0)
    return _functions.scatter_add(v, (rows, rows + k), np.zeros((n, n), v.dtype))


def _split(parts):
    def split(level: Level, ary, indices_or_sections, axis=0):
        return level.wrap(list(parts(ary._value, indices_or_sections, shift_axis(axis, ary.ndim))))

    return split


rules |= {
    np.reshape: _reshape,
    np.ravel: lambda level, a, order="C": _reshape(level, a, -1, order),
    np.transpose: _transpose,
    np.swapaxes: lambda level, a, i, j: level.wrap(np.swapaxes(a._value, shift_axis(i, a.ndim), shift_axis(j, a.ndim))),
    np.moveaxis: _moveaxis,
    np.matrix_transpose: _last_two(np.matrix_transpose),
    np.tril: _last_two(np.tril),
    np.triu: _last_two(np.triu),
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.broadcast_to: _broadcast_to,
    np.concatenate: _concatenate,
    _functions.concatenate: lambda level, *arrays, axis=0: _concatenate(level, arrays, axis),
    np.stack: lambda level, arrays, axis=0, **kwargs: _concatenate(
        level, [np.expand_dims(array, axis) for array in arrays], axis, **kwargs
    ),
    np.vstack: lambda level, tup, **kwargs: np.concatenate([np.atleast_2d(a) for a in tup], **kwargs),
    np.hstack: lambda level, tup, **kwargs: np.concatenate(
        [np.atleast_1d(array) for array in tup], 1 if np.ndim(tup[0]) > 1 else 0, **kwargs
    ),
    np.atleast_1d: lambda level, a: np.reshape(a, 1) if a.ndim == 0 else a,
    np.atleast_2d: lambda level, a: np.reshape(a, (1, -1)) if a.ndim < 2 else a,
    np.split: _split(np.split),
    np.array_split: _split(np.array_split),
    np.fliplr: lambda level, m: np.flip(m, 1),
    np.flipud: lambda level, m: np.flip(m, 0),
    np.rot90: _rot90,
    np.tile: _tile,
    np.pad: _pad,
    np.diagonal: _planes(np.diagonal),
    np.trace: _planes(np.trace),
    np.diag: _diag,
    np.diagflat: lambda level, v, k=0: _diag(level, np.ravel(v), k),
}
