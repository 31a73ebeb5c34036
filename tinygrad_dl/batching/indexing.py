"""Batching rules of indexing: reading elements and adding into them, at common or per-sample indices."""

from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives
from .axes import along_axis, shift_axis
from .batched import CannotBatch, Level, rules


def _expand_index(index: Any, ndim: int) -> tuple:
    """Expand an index for a sample of `ndim` axes to a tuple without `...`."""
    entries = list(index) if isinstance(index, tuple) else [index]
    where = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    missing = ndim - sum(_axes_of(entry) for entry in entries if entry is not Ellipsis)
    if missing < 0 or len(where) > 1:
        raise IndexError(f"expected an index of at most {ndim} axes, got {index!r:.80}")
    if where:
        entries[where[0] : where[0] + 1] = [slice(None)] * missing
    return tuple(entries)


def _axes_of(entry: Any) -> int:
    """Return the number of array axes that an entry of an index consumes."""
    if entry is None or isinstance(entry, (bool, np.bool_)):
        return 0
    mask = entry if hasattr(entry, "dtype") else np.array(entry) if isinstance(entry, list) else None
    return mask.ndim if mask is not None and mask.dtype.kind == "b" else 1


def is_basic(entries: Any) -> bool:
    """Return True if an index consists of integers and slices, so that it applies to the axes after another too."""
    return all(type(entry) in (int, slice) or entry is None or entry is Ellipsis for entry in entries)


def _getitem(level: Level, x, index):
    entries = index if isinstance(index, tuple) else (index,)
    if any(map(level.is_batched, entries)):
        return _getitem_at_samples(level, x, entries)
    if is_basic(entries):
        return level.wrap(x._value[(slice(None), *entries)])
    last = np.moveaxis(x._value, 0, -1)  # the batch axis last, so that the index applies to the axes of a sample
    return level.wrap(np.moveaxis(last[_expand_index(index, x.ndim)], -1, 0))


def _getitem_at_samples(level: Level, x, entries):
    """Read elements at per-sample indices: the sample's number becomes the first index."""
    entries = _expand_index(entries, np.ndim(x))
    arrays = [i for i, entry in enumerate(entries) if not (entry is None or isinstance(entry, slice))]
    if any(level.is_batched(entries[i]) and entries[i].dtype.kind == "b" for i in arrays):
        raise CannotBatch("a per-sample mask selects a different shape for each sample: write np.where(mask, x, 0)")
    if any(np.asarray(entries[i]).dtype.kind == "b" for i in arrays if not level.is_batched(entries[i])):
        raise CannotBatch("expected no mask beside a per-sample index")
    ndim = max(np.ndim(entries[i]) for i in arrays)
    own = [level.align(entry, ndim) if i in arrays else entry for i, entry in enumerate(entries)]
    number = np.reshape(np.arange(level.size), (level.size, *(1,) * ndim))
    result = level.unwrap(x)[(number, *own)]
    before = arrays[0]  # axes before those of the index; with the sample's number in front, NumPy puts them after
    if before and arrays == list(range(arrays[0], arrays[-1] + 1)):
        result = np.moveaxis(result, tuple(range(1, ndim + 1)), tuple(range(before + 1, before + 1 + ndim)))
    return level.wrap(result)


def _scatter_add(level: Level, values, index, like):
    entries = index if isinstance(index, tuple) else (index,)
    if any(map(level.is_batched, entries)):
        raise CannotBatch("expected an index that is the same for all samples")
    shape = np.shape(like)
    if is_basic(entries):
        target = np.zeros((level.size, *shape), values.dtype)
        return level.wrap(_functions.scatter_add(level.unwrap(values), (slice(None), *entries), target))
    last = np.moveaxis(level.unwrap(values), 0, -1)
    target = np.broadcast_to(np.zeros((), values.dtype), (*shape, level.size))
    return level.wrap(np.moveaxis(_functions.scatter_add(last, _expand_index(index, len(shape)), target), -1, 0))


def _take(level: Level, a, indices, axis=None, out=None, mode="raise"):
    if not level.is_batched(indices):
        return along_axis(np.take, none="flatten")(level, a, indices, axis, mode=mode)
    if not level.is_batched(a):  # a table that all samples share: the index may have any shape
        if axis is not None and axis % np.ndim(a):
            raise CannotBatch("expected axis 0 for a table that all samples share")
        return level.wrap(np.take(a, indices._value, axis, mode=mode))
    if mode != "raise":
        raise CannotBatch(f"expected mode='raise' with a per-sample index, got {mode!r}")
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = shift_axis(axis, a.ndim) - 1
    return a[(*(slice(None),) * axis, np.asarray(indices) if not level.is_batched(indices) else indices)]


def _take_along_axis(level: Level, arr, indices, axis=-1):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    ndim = np.ndim(arr)
    parts = (level.unwrap(arr), level.unwrap(indices))
    return level.wrap(np.take_along_axis(*parts, shift_axis(axis, ndim)))


rules |= {
    primitives.getitem: _getitem,
    _functions.scatter_add: _scatter_add,
    np.take: _take,
    np.take_along_axis: _take_along_axis,
}
