"""Sorting, selecting by rank, and set functions: the cotangent goes back to the position of each value."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.primitives import astype, values
from ..core.registry import defcomposite, defvjp

# ---- rearrangements


def _permutation_vjp(g, ans, a, axis):
    """Pull `g` back through a permutation of `a` along `axis`; equal elements keep their order."""
    if axis is None:
        return np.reshape(_permutation_vjp(g, ans, np.ravel(a), 0), a.shape)
    order, taken = (np.argsort(z, axis=axis, kind="stable") for z in (a, ans))
    rank = np.argsort(order, axis=axis)  # numbers all differ, and NumPy's own order is several times as fast
    where = list(np.indices(a.shape, sparse=True))
    where[axis] = np.take_along_axis(taken, rank, axis=axis)
    return g[tuple(where)]


def _sort_vjp(g, ans, a, axis=-1, kind=None, order=None, *, stable=None, descending=None):
    return _permutation_vjp(g, ans, a, axis)


def _partition_vjp(g, ans, a, kth, axis=-1, kind="introselect", order=None):
    return _permutation_vjp(g, ans, a, axis)


defvjp(np.sort,         _sort_vjp)
defvjp(np.partition,    _partition_vjp)


def _sort_complex(a):
    return astype(np.sort(a), np.result_type(a, np.complex64 if a.dtype.name in _SMALL else np.complex128))


_SMALL = {"int8", "uint8", "int16", "uint16", "complex64"}  # float32 is not, in NumPy

defcomposite(np.sort_complex, _sort_complex)

# ---- sets: each value is the first element of the arguments equal to it


def _first(found, *arrays):
    """Select the values `found` as elements of the flattened, concatenated `arrays`."""
    elements = np.ravel(arrays[0]) if len(arrays) == 1 else np.concatenate(arrays, axis=None)
    known, first = np.unique(values(elements), return_index=True)
    return elements[first[np.minimum(np.searchsorted(known, found), len(known) - 1)]]


def _of_set(function):
    """Make the decomposition of a function of one array that returns its distinct values, and constants."""

    def distinct(ar, *args, **kwargs):
        result = function(values(ar), *args, **kwargs)
        if not isinstance(result, tuple):
            return _first(result, ar)
        parts = (_first(result[0], ar), *result[1:])
        return type(result)(*parts) if hasattr(result, "_fields") else parts

    return distinct


def _unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, **kwargs):
    if axis is None:
        return _of_set(np.unique)(ar, return_index, return_inverse, return_counts, **kwargs)
    found = np.unique(values(ar), True, return_inverse, return_counts, axis, **kwargs)
    where = (*(slice(None) for _ in range(normalize_axis_index(axis, ar.ndim))), found[1])
    parts = (ar[where], *found[1 if return_index else 2 :])
    return parts if len(parts) > 1 else parts[0]


def _of_two_sets(function):
    def set_operation(ar1, ar2, *args, **kwargs):
        result = function(values(ar1), values(ar2), *args, **kwargs)
        if isinstance(result, tuple):  # with indices
            return _first(result[0], ar1, ar2), *result[1:]
        return _first(result, ar1, ar2)

    return set_operation


def _setdiff1d(ar1, ar2, assume_unique=False):
    return _first(np.setdiff1d(values(ar1), values(ar2), assume_unique), ar1)


defcomposite(np.unique,          _unique)
defcomposite(np.unique_values,   _of_set(np.unique_values))
defcomposite(np.unique_all,      _of_set(np.unique_all))
defcomposite(np.unique_counts,   _of_set(np.unique_counts))
defcomposite(np.unique_inverse,  _of_set(np.unique_inverse))
defcomposite(np.union1d,         _of_two_sets(np.union1d))
defcomposite(np.intersect1d,     _of_two_sets(np.intersect1d))
defcomposite(np.setxor1d,        _of_two_sets(np.setxor1d))
defcomposite(np.setdiff1d,       _setdiff1d)

# ---- trimming zeros at the ends


def _trim_zeros(filt, trim="fb", axis=None):
    if trim.lower() not in {"fb", "bf", "f", "b"}:
        raise ValueError(f'np.trim_zeros: expected trim="f", "b" or "fb", got {trim!r}.')
    axes = normalize_axis_tuple(range(filt.ndim) if axis is None else axis, filt.ndim)
    kept = np.argwhere(filt)
    start, stop = (np.min(kept, axis=0), np.max(kept, axis=0) + 1) if len(kept) else np.zeros((2, filt.ndim), dtype=int)
    if len(kept) and "f" not in trim.lower():
        start = np.zeros_like(start)
    if len(kept) and "b" not in trim.lower():
        stop = np.array(filt.shape)
    return filt[tuple(slice(start[i], stop[i]) if i in axes else slice(None) for i in range(filt.ndim))]


defcomposite(np.trim_zeros, _trim_zeros)
