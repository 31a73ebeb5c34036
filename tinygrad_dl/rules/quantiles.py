"""Median, quantile and percentile, also those that skip nan.

What such a function makes of the ranks 0, 1, 2, ... of the elements says which elements to take: for 2.25 three
quarters of the one of rank 2, and one quarter of that of rank 3. So no method of interpolation is repeated here.
"""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.primitives import astype, primitive, values
from ..core.registry import defspelling, defvjp
from .arrays import as_array


def _ranked(a, axis):
    """`a` with the axes to reduce as one, the last; the order along it; the ranks in the shape of `a`, nan for nan."""
    axes = normalize_axis_tuple(range(a.ndim) if axis is None else axis, a.ndim)
    moved = (*(i for i in range(a.ndim) if i not in axes), *axes)
    rows = np.transpose(a, moved)
    lengths, kept = rows.shape, a.ndim - len(axes)
    rows = np.reshape(rows, (*lengths[:kept], math.prod(lengths[kept:])))
    order = np.argsort(rows, axis=-1, kind="stable")
    ranks = np.where(np.isnan(rows), np.nan, np.argsort(order, axis=-1))
    return rows, order, np.transpose(np.reshape(ranks, lengths), np.argsort(moved))


def _taken(rows, order, rank, ndim):
    """The elements of `rows` with a `rank`, which has the axes of several quantiles first, then `ndim` of the array."""
    rank = np.reshape(rank, (*rank.shape[: rank.ndim - ndim], *rows.shape[:-1])).astype(int)
    where = np.indices(rows.shape[:-1], sparse=True)
    return rows[(*where, order[(*where, rank)])]


def _finished(ans, rank, dtype, keepdims):
    """`ans` with nan where there is no `rank`, in NumPy's dtype and shape."""
    missing = np.reshape(np.isnan(rank), ans.shape)
    if np.any(missing):
        ans = np.where(missing, np.nan, ans)
    if ans.dtype != dtype:
        ans = astype(ans, dtype)
    return np.reshape(ans, rank.shape) if keepdims else ans


def _median_of(function):
    def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
        axis = tuple(axis) if isinstance(axis, list) else axis
        dtype = function(np.zeros(1, a.dtype)).dtype
        rows, order, ranks = _ranked(a, axis)
        if not rows.size:
            some = math.prod(rows.shape[:-1])  # nan, with NumPy's warning, if there is something to give
            return (np.mean if some else np.sum)(a, axis=axis, keepdims=keepdims)
        rank = np.asarray(function(ranks, axis=axis, keepdims=True))
        known = np.where(np.isnan(rank), 0, rank)
        low, high = np.floor(known), np.ceil(known)
        ans = _taken(rows, order, low, a.ndim)
        if np.any(low != high):
            ans = ans / 2 + _taken(rows, order, high, a.ndim) / 2
        return _finished(ans, rank, dtype, keepdims)

    return median


def _quantile_of(function):
    def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
        a = as_array(a)
        axis = tuple(axis) if isinstance(axis, list) else axis
        dtype = function(np.zeros(1, a.dtype), values(q) if hasattr(q, "shape") else q, method=method).dtype
        rows, order, ranks = _ranked(a, axis)
        rank = rank_at(q, function, ranks, axis, method, None if weights is None else values(weights))
        given, placed = rank.shape, _order_of_axes(function, np.shape(q), a.shape, axis)
        if placed is not None:
            lengths = np.array([*np.shape(q), *rows.shape[:-1]])
            rank = np.transpose(np.reshape(rank, lengths[placed]), np.argsort(placed))
            rank = np.reshape(rank, (*np.shape(q), *np.sum(ranks, axis=axis, keepdims=True).shape))
        known = np.where(np.isnan(rank), 0, rank)
        low = np.floor(known)
        share = known - low
        ans = _taken(rows, order, low, a.ndim)
        if np.any(share) or not isinstance(q, (int, float, list, tuple, np.ndarray, np.generic)):
            last = np.sum(~np.isnan(ranks), axis=axis, keepdims=True) - 1
            above = _taken(rows, order, np.minimum(low + 1, last), a.ndim)
            ans = ans + astype(np.reshape(share, ans.shape), dtype) * (above - ans)
        if placed is None:
            return _finished(ans, rank, dtype, keepdims)
        ans = np.transpose(_finished(ans, rank, dtype, False), placed)
        return np.reshape(ans, given) if keepdims else ans

    return quantile


def _order_of_axes(function, q_shape, shape, axis):
    """NumPy's order of the axes of several quantiles, and then of the array; None if it is that.

    It is another for those that skip nan, of several axes, with a `q` of several: axes of lengths of their own tell.
    """
    if len(q_shape) < 2 or not isinstance(axis, tuple) or len(axis) < 2:
        return None
    axes = normalize_axis_tuple(axis, len(shape))
    q_lengths = range(2, 2 + len(q_shape))
    lengths = [1 if i in axes else 2 + len(q_shape) + i for i in range(len(shape))]
    found = function(np.zeros(lengths), np.zeros(q_lengths), axis=axes).shape
    order = [*q_lengths, *(length for length in lengths if length > 1)]
    return None if list(found) == order else [order.index(length) for length in found]


# ---- by q: a step, or a straight line from rank to rank

SLOPES = {  # method -> how many ranks up from q = 0 to q = 1, less the number of elements; the others are steps
    "linear": -1,
    "hazen": 0,
    "interpolated_inverted_cdf": 0,
    "weibull": 1,
    "median_unbiased": 1 / 3,
    "normal_unbiased": 1 / 4,
}


@primitive
def rank_at(q, function, ranks, axis, method, weights):
    """The rank, counted from 0 and perhaps between two integers, of a quantile."""
    return function(ranks, q, axis=axis, method=method, keepdims=True, weights=weights)


def _rank_by_q(g, ans, q, function, ranks, axis, method, weights):
    if method not in SLOPES:
        return np.zeros_like(q)
    count = np.sum(~np.isnan(ranks), axis=axis, keepdims=True)
    slope = (count + SLOPES[method]) * (((ans > 0) | (method == "linear")) & (ans < count - 1))
    percent = 100.0 if function in (np.percentile, np.nanpercentile) else 1.0
    return np.sum(g * (slope / percent), axis=tuple(range(q.ndim, ans.ndim)))


defvjp(rank_at,                 _rank_by_q)
defspelling(np.median,          _median_of(np.median))
defspelling(np.nanmedian,       _median_of(np.nanmedian))
defspelling(np.quantile,        _quantile_of(np.quantile))
defspelling(np.nanquantile,     _quantile_of(np.nanquantile))
defspelling(np.percentile,      _quantile_of(np.percentile))
defspelling(np.nanpercentile,   _quantile_of(np.nanpercentile))
