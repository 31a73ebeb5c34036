"""Reductions: sum, mean, max, min, prod, var, std, and their variants that skip nan."""

import functools

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._signatures import signature
from ..core import primitives
from ..core.primitives import values
from ..core.registry import defcomposite, defvjp
from ..core.tensor import Tensor
from ._shapes import cast, count_true, nonzero, unreduce
from .kinks import kink, slopes
from .ties import at_tie, slope_at_ties

# ---- shapes and counts


def _unreduce_where(where, g, x, axis, keepdims):
    """Repeat `g` along the reduced axes of `x`, with 0 for the elements that `where` excludes."""
    repeated = unreduce(g, x, axis, keepdims)
    return repeated if where is True else np.where(where, repeated, 0)


def _count(x, ans, axis, keepdims, where=True):
    """Count the elements of `x` per element of `ans`; not in float16, whose largest number is 65504."""
    if where is True:
        count = x.size // max(ans.size, 1)
        return np.float32(count) if ans.dtype == np.float16 else count
    return count_true(np.broadcast_to(where, x.shape), ans, axis, keepdims)


# ---- sums and means


def _sum_vjp(g, ans, x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    return _unreduce_where(where, g, x, axis, keepdims)


def _mean_vjp(g, ans, x, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    return _unreduce_where(where, g / _count(x, ans, axis, keepdims, where), x, axis, keepdims)


# ---- extrema


def _extremum_vjp(g, ans, x, axis=None, out=None, keepdims=False, initial=None, where=True):
    extremum = unreduce(ans, x, axis, keepdims)
    tied = np.equal(x, extremum)
    if np.any(np.isnan(ans)):
        tied |= np.isnan(x) & np.isnan(extremum)  # NumPy orders nan beyond every number
    if where is not True:
        tied = np.logical_and(tied, where)
    ties = count_true(tied, ans, axis, keepdims)
    if initial is not None:
        ties = ties + np.equal(ans, initial) * np.any(tied, axis=axis, keepdims=keepdims)
    part = unreduce(g / ties, x, axis, keepdims) * tied
    if type(ans) is not Tensor or not np.any(ties > 1):
        return part
    slope = slope_at_ties(g, ans, values(ties)) / ties
    lacking = at_tie(x, unreduce(slope, x, axis, keepdims)) * tied
    mean = np.sum(lacking, axis=axis, keepdims=keepdims) / ties
    return part + lacking - unreduce(mean, x, axis, keepdims) * tied


# ---- variances


def _var_vjp(
    g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None
):
    ddof = ddof if correction is None else correction
    return _squares_vjp(g, 0.5, ans, x, axis, dtype, ddof, keepdims, where, mean)


def _std_vjp(
    g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None
):
    ddof = ddof if correction is None else correction
    slope = slopes(g, ans, False) if type(ans) is Tensor and np.any(ans == 0) else None
    return _squares_vjp(g, nonzero(ans), ans, x, axis, dtype, ddof, keepdims, where, mean, slope)


def _squares_vjp(g, scale, ans, x, axis, dtype, ddof, keepdims, where, mean, slope=None):
    """Compute the cotangent of half the mean squared deviation, divided by `scale`; `slope` is that at a kink."""
    if where is not True:
        x = np.where(where, x, 0)  # avoids 0 * nan at excluded elements
    free = _count(x, ans, axis, keepdims, where) - ddof
    free = np.maximum(free, 0) if hasattr(free, "shape") else max(free, 0)  # as in NumPy
    if mean is None and where is True:
        mean = np.mean(x, axis=axis, dtype=dtype or primitives.accumulator(x, x.size / max(ans.size, 1)), keepdims=True)
        mean = mean if dtype else cast(mean, x.dtype)
    elif mean is None:
        mean = np.sum(x, axis=axis, dtype=dtype, keepdims=True) / _count(x, ans, axis, True, where)
    deviation = x - mean
    if np.iscomplexobj(x):
        deviation = np.conjugate(deviation)  # the variance is the mean of |deviation|**2
    if slope is None:
        return _unreduce_where(where, g / (free * scale), x, axis, keepdims) * deviation
    kinks = unreduce(ans == 0, x, axis, keepdims)
    part = _unreduce_where(where, g / (free * scale), x, axis, keepdims) * np.where(kinks, 0, deviation)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None or not x.ndim else axis, x.ndim)
    inside = deviation if where is True else np.where(where, deviation, 0)
    lacking = kink(inside, unreduce(slope / free, x, axis, keepdims), tuple(i - x.ndim for i in axes))
    lacking = _unreduce_where(where, lacking, x, None, True)
    mean = np.sum(lacking, axis=axis, keepdims=True) / _count(x, ans, axis, True, where)
    return part + _unreduce_where(where, lacking - mean, x, None, True)  # deviations add up to 0, one alone is 0


# ---- products


def _prod_vjp(g, ans, x, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
    if dtype is not None:
        x = primitives.astype(x, dtype)
    if where is not True:
        x = np.where(where, x, 1)
    return _unreduce_where(where, g * initial, x, axis, keepdims) * _products_of_others(x, axis)


def _products_of_others(x, axis):
    """Compute for each element the product of all others along `axis`, without division, so that zeros are allowed.

    A binary tree of pairwise products is built upwards; on the way down, the others of an element are its sibling and
    the others of its parent.
    """
    if x.size == 0:
        return np.ones_like(x)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % x.ndim for i in axes if x.ndim)
    order = axes + tuple(i for i in range(x.ndim) if i not in axes)
    factors = np.transpose(x, order)
    moved_shape = factors.shape
    level = np.reshape(factors, (int(np.prod(moved_shape[: len(axes)])), -1))
    siblings = []
    while len(level) > 1:
        if len(level) % 2:
            level = np.concatenate([level, np.ones_like(level[:1])])
        pairs = np.reshape(level, (len(level) // 2, 2, -1))
        siblings.append(pairs[:, ::-1])
        level = pairs[:, 0] * pairs[:, 1]
    others = np.ones_like(level)
    for sibling in reversed(siblings):
        others = np.expand_dims(others[: len(sibling)], 1) * sibling
        others = np.reshape(others, (2 * len(sibling), -1))
    others = np.reshape(others[: factors.size // max(others.shape[1], 1)], moved_shape)
    return np.transpose(others, np.argsort(order))


# ---- variants that skip nan


def _skip_nan(rule):
    """The `rule` of a reduction for its like that skips nan: as if `where` had left them out."""
    of_rule = signature(rule)

    @functools.wraps(rule)
    def rule_without_nan(g, ans, x, *args, **kwargs):
        arguments = of_rule.bind(g, ans, x, *args, **kwargs).arguments
        arguments["where"] = np.logical_and(arguments.get("where", True), ~np.isnan(x))
        return rule(**arguments)

    return rule_without_nan


defvjp(np.sum,      _sum_vjp)
defvjp(np.mean,     _mean_vjp)
defvjp(np.max,      _extremum_vjp)
defvjp(np.min,      _extremum_vjp)
defvjp(np.amax,     _extremum_vjp)
defvjp(np.amin,     _extremum_vjp)
defvjp(np.prod,     _prod_vjp)
defvjp(np.var,      _var_vjp)
defvjp(np.std,      _std_vjp)

defvjp(np.nansum,   _skip_nan(_sum_vjp))
defvjp(np.nanmean,  _skip_nan(_mean_vjp))
defvjp(np.nanmax,   _skip_nan(_extremum_vjp))
defvjp(np.nanmin,   _skip_nan(_extremum_vjp))
defvjp(np.nanprod,  _skip_nan(_prod_vjp))
defvjp(np.nanvar,   _skip_nan(_var_vjp))
defvjp(np.nanstd,   _skip_nan(_std_vjp))


def _ptp(a, axis=None, out=None, keepdims=False):
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


defcomposite(np.ptp, _ptp)
