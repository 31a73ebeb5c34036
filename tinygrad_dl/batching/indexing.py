"""Reading elements and adding into them, at the same places of each sample or at others."""

from typing import Any

import numpy as np

from ..core import primitives
from .axes import along, shifted
from .batched import Level, NotAtOnce, rules


def _expanded(index: Any, ndim: int) -> tuple:
    """An index as a tuple without `...`: an entry for each axis that it names, of the `ndim` of a sample."""
    entries = list(index) if isinstance(index, tuple) else [index]
    where = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    missing = ndim - sum(_axes_of(entry) for entry in entries if entry is not Ellipsis)
    if missing < 0 or len(where) > 1:
        raise IndexError("the axis of the samples is none of those of a sample")
    if where:
        entries[where[0] : where[0] + 1] = [slice(None)] * missing
    return tuple(entries)


def _axes_of(entry: Any) -> int:
    """The number of axes that an entry of an index names."""
    if entry is None or isinstance(entry, (bool, np.bool_)):
        return 0
    mask = entry if hasattr(entry, "dtype") else np.array(entry) if isinstance(entry, list) else None
    return mask.ndim if mask is not None and mask.dtype.kind == "b" else 1


def _getitem(level: Level, x, index):
    entries = index if isinstance(index, tuple) else (index,)
    if any(map(level.has, entries)):
        return _getitem_at_samples(level, x, entries)
    last = np.moveaxis(x._value, 0, -1)  # behind the axes that an index names, so that it means what it says
    return level.wrapped(np.moveaxis(last[_expanded(index, x.ndim)], -1, 0))


def _getitem_at_samples(level: Level, x, entries):
    """At an index of each sample's own: the sample's number is one index more."""
    entries = _expanded(entries, np.ndim(x))
    arrays = [i for i, entry in enumerate(entries) if not (entry is None or isinstance(entry, slice))]
    if any(level.has(entries[i]) and entries[i].dtype.kind == "b" for i in arrays):
        raise NotAtOnce("by a mask, which gives another shape for each sample: np.where(mask, x, 0)")
    if any(np.asarray(entries[i]).dtype.kind == "b" for i in arrays if not level.has(entries[i])):
        raise NotAtOnce("by a mask and an index of each sample's own")
    ndim = max(np.ndim(entries[i]) for i in arrays)
    own = [level.aligned(entry, ndim) if i in arrays else entry for i, entry in enumerate(entries)]
    number = np.reshape(np.arange(level.size), (level.size, *(1,) * ndim))
    result = level.front(x)[(number, *own)]
    before = arrays[0]  # axes that stand before those of the index; with the number, NumPy puts them behind
    if before and arrays == list(range(arrays[0], arrays[-1] + 1)):
        result = np.moveaxis(result, tuple(range(1, ndim + 1)), tuple(range(before + 1, before + 1 + ndim)))
    return level.wrapped(result)


def _scatter_add(level: Level, values, index, like):
    entries = index if isinstance(index, tuple) else (index,)
    if any(map(level.has, entries)):
        raise NotAtOnce("at another index for each sample")
    shape = np.shape(like)
    last = np.moveaxis(level.front(values), 0, -1)
    target = np.broadcast_to(np.zeros((), values.dtype), (*shape, level.size))
    return level.wrapped(np.moveaxis(primitives.scatter_add(last, _expanded(index, len(shape)), target), -1, 0))


def _take(level: Level, a, indices, axis=None, out=None, mode="raise"):
    if not level.has(indices):
        return along(np.take, none="flatten")(level, a, indices, axis, mode=mode)
    if not level.has(a):  # a table that all samples read: the index may have any shape
        if axis is not None and axis % np.ndim(a):
            raise NotAtOnce("along another axis than the first, of a table that all samples share")
        return level.wrapped(np.take(a, indices._value, axis, mode=mode))
    if mode != "raise":
        raise NotAtOnce(f"with mode={mode!r}, at an index of each sample's own")
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = shifted(axis, a.ndim) - 1
    return a[(*(slice(None),) * axis, np.asarray(indices) if not level.has(indices) else indices)]


def _take_along_axis(level: Level, arr, indices, axis=-1):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    ndim = np.ndim(arr)
    parts = (level.front(arr), level.front(indices))
    return level.wrapped(np.take_along_axis(*parts, shifted(axis, ndim)))


rules |= {
    primitives.getitem: _getitem,
    primitives.scatter_add: _scatter_add,
    np.take: _take,
    np.take_along_axis: _take_along_axis,
}
