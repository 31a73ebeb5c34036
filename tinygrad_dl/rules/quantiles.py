"""Median, quantile and percentile, and their variants that skip nan.

NumPy's function itself, applied to the ranks 0, 1, 2, ... of the elements, gives the weights: the result 2.25 means
three quarters of the element of rank 2 and one quarter of that of rank 3. So no interpolation method is reimplemented.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.primitives import array_function, astype, values
from ..core.registry import defcomposite, defvjp
from ._shapes import as_array


def _rank_elements(a, axis):
    """Return `a` with the reduced axes merged as the last, the order along it, and ranks like `a`, nan for nan."""
    axes = normalize_axis_tuple(range(a.ndim) if axis is None else axis, a.ndim)
    moved = (*(i for i in range(a.ndim) if i not in axes), *axes)
    rows = np.transpose(a, moved)
    lengths, kept = rows.shape, a.ndim - len(axes)
    rows = np.reshape(rows, (*lengths[:kept], math.prod(lengths[kept:])))
    order = np.argsort(rows, axis=-1, kind="stable")
    ranks = np.where(np.isnan(rows), np.nan, np.argsort(order, axis=-1))
    return rows, order, np.transpose(np.reshape(ranks, lengths), np.argsort(moved))


def _select_rank(rows, order, rank, ndim):
    """Select the elements of `rows` at `rank`, whose last `ndim` axes are those of the array, after those of q."""
    rank = np.reshape(rank, (*rank.shape[: rank.ndim - ndim], *rows.shape[:-1])).astype(int)
    where = np.indices(rows.shape[:-1], sparse=True)
    return rows[(*where, order[(*where, rank)])]


def _finish(ans, rank, dtype, keepdims):
    """Set nan in `ans` where `rank` is nan, and convert to NumPy's dtype and shape."""
    missing = np.reshape(np.isnan(rank), ans.shape)
    if np.any(missing):
        ans = np.where(missing, np.nan, ans)
    if ans.dtype != dtype:
        ans = astype(ans, dtype)
    return np.reshape(ans, rank.shape) if keepdims else ans


def _make_median(function):
    def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
        axis = tuple(axis) if isinstance(axis, list) else axis
        dtype = function(np.zeros(1, a.dtype)).dtype
        rows, order, ranks = _rank_elements(a, axis)
        if not rows.size:
            some = math.prod(rows.shape[:-1])  # the mean gives nan with NumPy's warning
            return (np.mean if some else np.sum)(a, axis=axis, keepdims=keepdims)
        rank = np.asarray(function(ranks, axis=axis, keepdims=True))
        known = np.where(np.isnan(rank), 0, rank)
        low, high = np.floor(known), np.ceil(known)
        ans = _select_rank(rows, order, low, a.ndim)
        if np.any(low != high):
            ans = ans / 2 + _select_rank(rows, order, high, a.ndim) / 2
        return _finish(ans, rank, dtype, keepdims)

    return median


def _make_quantile(function):
    def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
        a = as_array(a)
        axis = tuple(axis) if isinstance(axis, list) else axis
        dtype = function(np.zeros(1, a.dtype), values(q) if hasattr(q, "shape") else q, method=method).dtype
        rows, order, ranks = _rank_elements(a, axis)
        rank = rank_at(q, function, ranks, axis, method, None if weights is None else values(weights))
        given, placed = rank.shape, _order_of_axes(function, np.shape(q), a.shape, axis)
        if placed is not None:
            lengths = np.array([*np.shape(q), *rows.shape[:-1]])
            rank = np.transpose(np.reshape(rank, lengths[placed]), np.argsort(placed))
            rank = np.reshape(rank, (*np.shape(q), *np.sum(ranks, axis=axis, keepdims=True).shape))
        if not rows.shape[-1]:  # variants that skip nan give nan
            rows, order = np.sum(rows, axis=-1, keepdims=True), np.zeros((*rows.shape[:-1], 1), int)
        known = np.where(np.isnan(rank), 0, rank)
        low = np.floor(known)
        share = known - low
        ans = _select_rank(rows, order, low, a.ndim)
        if np.any(share) or not isinstance(q, (int, float, list, tuple, np.ndarray, np.generic)):
            last = np.sum(~np.isnan(ranks), axis=axis, keepdims=True) - 1
            above = _select_rank(rows, order, np.minimum(low + 1, last), a.ndim)
            ans = ans + astype(np.reshape(share, ans.shape), dtype) * (above - ans)
        if placed is None:
            return _finish(ans, rank, dtype, keepdims)
        ans = np.transpose(_finish(ans, rank, dtype, False), placed)
        return np.reshape(ans, given) if keepdims else ans

    return quantile


def _order_of_axes(function, q_shape, shape, axis):
    """Find NumPy's order of the result axes; None if it is the usual one, those of `q`, then those of the array.

    Variants that skip nan use another order for several axes and a `q` of several axes. A trial call on axes of
    distinct lengths shows it.
    """
    if len(q_shape) < 2 or not isinstance(axis, tuple) or len(axis) < 2:
        return None
    axes = normalize_axis_tuple(axis, len(shape))
    q_lengths = range(2, 2 + len(q_shape))
    lengths = [1 if i in axes else 2 + len(q_shape) + i for i in range(len(shape))]
    found = function(np.zeros(lengths), np.zeros(q_lengths), axis=axes).shape
    order = [*q_lengths, *(length for length in lengths if length > 1)]
    return None if list(found) == order else [order.index(length) for length in found]


# ---- the derivative with respect to q: 0 for step functions, else piecewise constant

SLOPES = {  # method -> the ranks between q = 0 and q = 1, minus the number of elements; other methods are steps
    "linear": -1,
    "hazen": 0,
    "interpolated_inverted_cdf": 0,
    "weibull": 1,
    "median_unbiased": 1 / 3,
    "normal_unbiased": 1 / 4,
}


@array_function
def rank_at(q: Any, function: Any, ranks: Any, axis: Any, method: Any, weights: Any) -> Any:
    """Compute the fractional rank of a quantile, from 0."""
    return function(ranks, q, axis=axis, method=method, keepdims=True, weights=weights)


def _rank_by_q(g, ans, q, function, ranks, axis, method, weights):
    if method not in SLOPES:
        return np.zeros_like(q)
    count = np.sum(~np.isnan(ranks), axis=axis, keepdims=True)
    slope = (count + SLOPES[method]) * (((ans > 0) | (method == "linear")) & (ans < count - 1))
    percent = 100.0 if function in (np.percentile, np.nanpercentile) else 1.0
    return np.sum(g * (slope / percent), axis=tuple(range(q.ndim, ans.ndim)))


defvjp(rank_at,                 _rank_by_q)
defcomposite(np.median,          _make_median(np.median))
defcomposite(np.nanmedian,       _make_median(np.nanmedian))
defcomposite(np.quantile,        _make_quantile(np.quantile))
defcomposite(np.nanquantile,     _make_quantile(np.nanquantile))
defcomposite(np.percentile,      _make_quantile(np.percentile))
defcomposite(np.nanpercentile,   _make_quantile(np.nanpercentile))
