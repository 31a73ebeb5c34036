"""Methods of ufuncs of two arguments: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer` and their like.

Sums, products and extrema use the rules of `reductions` and `series`; other ufuncs are folded element by element.
"""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import _functions
from ..core import primitives
from ..core.registry import composites, constants, defcomposite, defnondiff, defvjp, refusals, refuse, vjps
from ..core.tensor import Tensor
from ._shapes import broadcast_along, cast, count_true, index_at_axis, is_small, unreduce
from .kinks import kink, slopes, unit

UFUNCS = {ufunc for ufunc in vars(np).values() if isinstance(ufunc, np.ufunc)}
REDUCED: dict[Any, Any] = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
ACCUMULATED: dict[Any, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}


def _outer(ufunc):
    def outer(x, y, **settings):
        return ufunc(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y, **settings)

    return outer


# ---- reduce


def _reduce_as(function):
    def reduce(x, axis=0, dtype=None, keepdims=False, **start):
        if dtype is not None:
            x = primitives.astype(x, dtype)
        if "where" in start:  # a Tensor there would dispatch to this function again
            start["where"] = primitives.values(start["where"])
        return function(x, axis=axis, keepdims=keepdims, **start)

    return reduce


def _reduce(ufunc):
    """Make the decomposition of `ufunc.reduce` that folds element by element."""

    def reduce(x, axis=0, dtype=None, keepdims=False, initial=np._NoValue, where=True):
        where = where if where is True else primitives.values(where)
        settings = {"axis": axis, "dtype": dtype, "keepdims": keepdims, "where": where}
        if initial is not np._NoValue:
            settings["initial"] = initial
        expected = ufunc.reduce(primitives.values(x), **settings)  # raises what NumPy raises
        if np.size(x) == 0 or expected.dtype.kind not in "fc":
            return expected
        if axis == ():
            return reduce(np.expand_dims(x, 0), 0, dtype, False, initial, where)
        x = x if dtype is None else primitives.astype(x, dtype)
        mask = np.broadcast_to(where, x.shape)
        axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        steps, used = (_merge_axes(y, axes) for y in (x, mask))
        value = ufunc.identity if initial is np._NoValue and not np.all(mask) else initial
        start = 0
        if value is np._NoValue or value is None:
            value, start = steps[0], 1
        else:
            value = np.array(value, dtype=x.dtype)
        for step, use in zip(steps[start:], used[start:], strict=True):  # 1 avoids a division by 0
            value = ufunc(value, step) if np.all(use) else np.where(use, ufunc(value, np.where(use, step, 1)), value)
        return np.reshape(np.broadcast_to(cast(value, expected.dtype), steps.shape[1:]), expected.shape)

    return reduce


def _merge_axes(x, axes):
    """Merge `axes` of `x` into one axis in front."""
    moved = np.moveaxis(x, axes, range(len(axes))) if x.ndim else np.reshape(x, 1)
    return np.reshape(moved, (-1, *moved.shape[max(len(axes), 1):]))


# ---- accumulate and reduceat


def _accumulate_as(function):
    def accumulate(x, axis=0, dtype=None):
        if x.ndim == 0:
            raise TypeError("cannot accumulate on a scalar")
        return function(x, axis=axis, dtype=dtype)

    return accumulate


def _accumulate(ufunc):
    """Make the decomposition of `ufunc.accumulate` that folds element by element."""

    def accumulate(x, axis=0, dtype=None):
        expected = ufunc.accumulate(primitives.values(x), axis=axis, dtype=dtype)  # raises what NumPy raises
        if np.size(x) == 0 or expected.dtype.kind not in "fc":
            return expected
        x = x if dtype is None else primitives.astype(x, dtype)
        first, *others = np.moveaxis(x, axis, 0)
        values = [first]
        for other in others:
            values.append(ufunc(values[-1], other))
        return cast(np.stack(values, axis), expected.dtype)

    return accumulate


def _accumulate_extremum(ufunc):
    """Make the decomposition of `ufunc.accumulate` that reads the latest record, unless an element equals it."""
    fold = _accumulate(ufunc)

    def accumulate(x, axis=0, dtype=None):
        x = x if dtype is None else primitives.astype(x, dtype)
        found = ufunc.accumulate(primitives.values(x), axis=axis)  # raises what NumPy raises
        rows, running = (np.moveaxis(y, axis, 0) for y in (primitives.values(x), found))
        records = np.equal(rows, running)
        if found.dtype.kind != "f" or not np.array_equal(records[1:], running[1:] != running[:-1]):
            return fold(x, axis)
        numbers = broadcast_along(np.arange(len(rows)), 0, rows.ndim)
        latest = np.maximum.accumulate(np.where(records, numbers, 0))
        return np.take_along_axis(x, np.moveaxis(latest, 0, axis), axis)

    return accumulate


def _reduceat(ufunc):
    def reduceat(x, indices, axis=0, dtype=None):
        expected = ufunc.reduceat(primitives.values(x), indices, axis=axis, dtype=dtype)  # raises what NumPy raises
        x = np.moveaxis(x if dtype is None else primitives.astype(x, dtype), axis, 0)
        starts = [int(start) for start in indices]
        stops = [*starts, len(x)][1:]
        parts = [
            ufunc.reduce(x[start:stop], axis=0) if start + 1 < stop else x[start]
            for start, stop in zip(starts, stops, strict=True)
        ]
        return cast(np.moveaxis(np.stack(parts) if parts else x[:0], 0, axis), expected.dtype)

    return reduceat


# ---- folds with one rule for all steps


def _shares(exp):
    """Make the rule of a log-sum-exp: each element gets its share of the sum; infinite ones share equally."""

    def rule(g, ans, x, axis=0, dtype=None, out=None, keepdims=False):
        g, total = (unreduce(y, x, axis, keepdims) for y in (g, ans))
        if is_small(ans):
            return g * exp(x - total)
        infinite = np.isinf(total)
        tied = infinite & np.equal(x, total)
        share = tied / count_true(tied, x, axis, True)
        distance = np.where(infinite, 0, x) - np.where(infinite, 0, total)
        shares = np.where(infinite, share, exp(distance))
        return g * (shares / np.sum(shares, axis=axis, keepdims=True))  # of a large total, rounded far off the sum

    return rule


def _hypot_vjp(g, ans, x, axis=0, dtype=None, out=None, keepdims=False):
    tall, length = (unreduce(y, x, axis, keepdims) for y in (g, ans))
    part = tall * unit(x, length)
    if type(ans) is not Tensor or not np.any(ans == 0):
        return part
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    slope = unreduce(slopes(g, ans, False), x, axis, keepdims)
    return part + kink(x, slope, tuple(i - x.ndim for i in axes))


def _extremum_vjp(g, ans, x, axis=0, dtype=None, out=None, keepdims=False):
    extremum = unreduce(ans, x, axis, keepdims)
    tied = np.equal(x, extremum) | np.isnan(extremum)
    ties = count_true(tied, ans, axis, keepdims)
    return unreduce(g / ties, x, axis, keepdims) * tied


def _add_reduceat_vjp(g, ans, x, indices, axis=0, dtype=None, out=None):
    starts = np.asarray(indices)
    counts = np.maximum(np.append(starts[1:], x.shape[axis]) - starts, 1)
    slices = np.repeat(np.arange(len(starts)), counts)  # which slice each element is added in
    elements = np.arange(len(slices)) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    return _functions.scatter_add(np.take(g, slices, axis), index_at_axis(axis % x.ndim, elements), x)


RULES: dict[np.ufunc, Any] = {
    np.logaddexp: _shares(np.exp),
    np.logaddexp2: _shares(np.exp2),
    np.hypot: _hypot_vjp,
    np.fmax: _extremum_vjp,
    np.fmin: _extremum_vjp,
}

# ---- the methods of each ufunc

for ufunc in UFUNCS:
    refuse(f"it changes an array in place. Write tg.primitives.set_at(x, i, np.{ufunc.__name__}(x[i], ...)).", ufunc.at)
    methods = ufunc.outer, ufunc.reduce, ufunc.accumulate, ufunc.reduceat
    if ufunc.nin != 2 or ufunc.signature is not None:
        continue
    steps = ufunc in constants and "dd->d" in ufunc.types  # differentiable for one element
    if ufunc in constants:
        defnondiff(*methods)
    elif ufunc in refusals:
        refuse(refusals[ufunc], *methods)
    else:
        defcomposite(ufunc.outer, _outer(ufunc))
    if steps or (ufunc in (vjps.keys() | composites.keys()) - {np.heaviside} and "dd->d" in ufunc.types):
        defcomposite(ufunc.reduce, _reduce_as(REDUCED[ufunc]) if ufunc in REDUCED else _reduce(ufunc))
        as_function, is_extremum = ACCUMULATED.get(ufunc), ufunc in (np.maximum, np.minimum, np.fmax, np.fmin)
        of_steps = _accumulate_extremum(ufunc) if is_extremum else _accumulate(ufunc)
        defcomposite(ufunc.accumulate, _accumulate_as(as_function) if as_function else of_steps)
        defcomposite(ufunc.reduceat, _reduceat(ufunc))
refuse(
    "NumPy's own loop for it is wrong on some processors. Write a Python loop over the elements.",
    *(np.power.reduce, np.power.reduceat, np.arctan2.reduce, np.arctan2.reduceat),
)
for ufunc, rule in RULES.items():
    defvjp(ufunc.reduce, rule)
defvjp(np.add.reduceat, _add_reduceat_vjp)
refuse("it changes an array in place. Write tg.primitives.add_at(x, i, y).", np.add.at)
