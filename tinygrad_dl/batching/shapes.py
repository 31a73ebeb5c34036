"""Functions that rearrange: reshape, transpose, join. The samples' axis stays in front."""

import math
import operator

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core import primitives
from .axes import shifted
from .batched import Level, NotAtOnce, rules


def _sizes(shape, size):
    """A shape for `np.reshape` with the -1 in it worked out."""
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    known = math.prod(n for n in shape if n != -1)
    return tuple((size // known if known else 0) if n == -1 else operator.index(n) for n in shape)


def _reshape(level: Level, a, shape, order="C", **kwargs):
    if order not in ("C", "F"):
        raise NotAtOnce(f'in order="{order}", of memory')
    new = _sizes(shape, a.size)
    if math.prod(new) != a.size:
        raise ValueError(f"np.reshape: cannot make {shape} of an array of shape {a.shape}.")
    return level.wrapped(np.reshape(a._value, (level.size, *new), order=order, **kwargs))


def _transpose(level: Level, a, axes=None):
    order = tuple(reversed(range(a.ndim))) if axes is None else tuple(axes)
    return level.wrapped(np.transpose(a._value, (0, *shifted(order, a.ndim))))


def _expand_dims(level: Level, a, axis):
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return level.wrapped(np.expand_dims(a._value, shifted(tuple(axes), a.ndim + len(axes))))


def _squeeze(level: Level, a, axis=None):
    axes = tuple(i for i, n in enumerate(a.shape) if n == 1) if axis is None else axis
    return level.wrapped(np.squeeze(a._value, shifted(axes, a.ndim)))


def _broadcast_to(level: Level, a, shape, subok=False):
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    return level.wrapped(np.broadcast_to(level.aligned(a, len(shape)), (level.size, *shape)))


def _concatenate(level: Level, arrays, axis=0, **kwargs):
    if axis is None:
        arrays, axis = [np.ravel(array) for array in arrays], 0
    axis = shifted(axis, max(map(np.ndim, arrays)))
    return level.wrapped(np.concatenate([level.front(array) for array in arrays], axis, **kwargs))


def _rot90(level: Level, m, k=1, axes=(0, 1)):
    return level.wrapped(np.rot90(m._value, k, shifted(tuple(axes), m.ndim)))


def _tile(level: Level, A, reps):
    reps = tuple(map(operator.index, reps if isinstance(reps, (tuple, list)) else (reps,)))
    ndim = max(A.ndim, len(reps))
    return level.wrapped(np.tile(level.aligned(A, ndim), (1, *(1,) * (ndim - len(reps)), *reps)))


def _pad(level: Level, array, pad_width, mode="constant", **kwargs):
    if isinstance(pad_width, dict):
        by_axis = {shifted(axis, array.ndim) - 1: width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(by_axis.get(i, 0), 2).tolist() for i in range(array.ndim)]
    widths = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
    for keyword in ("constant_values", "end_values", "stat_length"):
        if kwargs.get(keyword) is not None:
            kwargs[keyword] = [(1, 1), *np.broadcast_to(kwargs[keyword], (array.ndim, 2)).tolist()]
    return level.wrapped(np.pad(array._value, [(0, 0), *widths], mode, **kwargs))


def _moved(level: Level, a, source, destination):
    return level.wrapped(np.moveaxis(a._value, *(_plural(axis, a.ndim) for axis in (source, destination))))


def _plural(axis, ndim):
    return tuple(i + 1 for i in normalize_axis_tuple(axis, ndim))


def _last_two(function):
    def rule(level: Level, m, *args, **kwargs):
        if m.ndim < 2:
            raise NotAtOnce("a triangle of a vector")
        return level.wrapped(function(m._value, *args, **kwargs))

    return rule


def _planes(function):
    def rule(level: Level, a, offset=0, axis1=0, axis2=1, **kwargs):
        axes = shifted(axis1, a.ndim), shifted(axis2, a.ndim)
        return level.wrapped(function(a._value, offset, *axes, **kwargs))

    return rule


def _diag(level: Level, v, k=0):
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise NotAtOnce("of neither a vector nor a matrix")
    n = v.shape[0] + abs(k)
    rows = np.arange(v.shape[0]) + max(-k, 0)
    return primitives.scatter_add(v, (rows, rows + k), np.zeros((n, n), v.dtype))


def _split(parts):
    def split(level: Level, ary, indices_or_sections, axis=0):
        return level.wrapped(list(parts(ary._value, indices_or_sections, shifted(axis, ary.ndim))))

    return split


rules |= {
    np.reshape: _reshape,
    np.ravel: lambda level, a, order="C": _reshape(level, a, -1, order),
    np.transpose: _transpose,
    np.swapaxes: lambda level, a, i, j: level.wrapped(np.swapaxes(a._value, shifted(i, a.ndim), shifted(j, a.ndim))),
    np.moveaxis: _moved,
    np.matrix_transpose: _last_two(np.matrix_transpose),
    np.tril: _last_two(np.tril),
    np.triu: _last_two(np.triu),
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.broadcast_to: _broadcast_to,
    np.concatenate: _concatenate,
    primitives.concatenate: lambda level, *arrays, axis=0: _concatenate(level, arrays, axis),
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
