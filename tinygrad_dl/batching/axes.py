"""Batching rules of functions along axes: reductions, cumulative sums, sorting, transforms. The batch axis stays."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core import registry
from .batched import CannotBatch, Level, rules


def shift_axis(axis: Any, ndim: int) -> Any:
    """Convert an axis, or several, of a sample with `ndim` axes to axes of the batched array.

    Raises AxisError for an axis that a sample does not have, so the batch axis cannot be reached.
    """
    if any(isinstance(each, (bool, np.bool_)) for each in (axis if isinstance(axis, (tuple, list)) else (axis,))):
        raise CannotBatch("expected an integer axis, got a bool")
    if isinstance(axis, (tuple, list)):
        return tuple(i + 1 for i in normalize_axis_tuple(axis, ndim))
    return normalize_axis_index(axis, ndim) + 1


def along_axis(function: Any, default: Any = None, none: str = "all", keyword: str = "axis") -> Any:
    """Make the rule of a function of one array along an axis; `none` states the meaning of axis=None."""

    def rule(level: Level, *args, **kwargs):
        bound = registry.signature_of(function).bind(*args, **kwargs)
        given = bound.arguments
        name, x = next(iter(given.items()))
        axis = given.get(keyword, default)
        others = list(given.values())[1:]
        if (
            not level.is_batched(x)
            or any(map(level.is_batched, others))
            or any(np.ndim(y) > x.ndim for y in others if _is_array(y))
        ):
            raise CannotBatch("expected one batched array, got several")
        value: Any = x._value
        axes: Any
        if axis is None and (none == "error" or (none == "vector" and x.ndim != 1)):
            raise CannotBatch("expected an axis")
        if axis is None and none != "all":
            if given.get("keepdims") is True:
                raise CannotBatch("expected an axis with keepdims=True")
            value, axes = np.reshape(value, (level.size, x.size)), 1
        elif axis is None:
            axes = tuple(range(1, value.ndim))
        else:
            axes = shift_axis(axis, x.ndim)
        given[name], given[keyword] = value, axes
        return level.wrap(function(*bound.args, **bound.kwargs))

    return rule


def _is_array(value: Any) -> bool:
    return hasattr(value, "ndim")


def functions_named(names: str) -> list[Any]:
    """Return the NumPy functions with these names; names that this version lacks are skipped."""
    found = []
    for name in names.split():
        holder, _, last = name.rpartition(".")
        function = getattr(getattr(np, holder) if holder else np, last, None)
        if function is not None:
            found.append(function)
    return found


ALL = "sum prod mean var std max min amax amin any all nansum nanprod nanmean nanvar nanstd nanmax nanmin median"
ALL += " nanmedian ptp count_nonzero flip"
FLATTENED = "cumsum cumprod nancumsum nancumprod argmax argmin nanargmax nanargmin repeat"
SORTED = "sort argsort partition argpartition"
LAST = "diff unwrap fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft"

for _function in functions_named(ALL):
    rules[_function] = along_axis(_function)
for _function in functions_named(FLATTENED):
    rules[_function] = along_axis(_function, none="flatten")
for _function in functions_named(SORTED):
    rules[_function] = along_axis(_function, default=-1, none="flatten")
for _function in functions_named(LAST):
    rules[_function] = along_axis(_function, default=-1, none="error")
for _function in functions_named("fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2"):
    rules[_function] = along_axis(_function, default=(-2, -1), keyword="axes")
for _function in functions_named("fft.fftn fft.ifftn fft.rfftn fft.irfftn fft.fftshift fft.ifftshift"):
    rules[_function] = along_axis(_function, keyword="axes")
for _function in functions_named("cumulative_sum cumulative_prod"):
    rules[_function] = along_axis(_function, none="vector")


def _reduce(method):
    """Make the rule of `reduce` or `accumulate` of a ufunc, along the first axis by default."""

    def rule(level: Level, array, axis=0, *args, **kwargs):
        if any(np.ndim(y) > array.ndim for y in (*args, *kwargs.values()) if _is_array(y)):
            raise CannotBatch("expected one batched array, got several")
        axes = tuple(range(1, array.ndim + 1)) if axis is None else shift_axis(axis, array.ndim)
        return level.wrap(method(array._value, axes, *args, **kwargs))

    return rule


def _reduceat(method):
    def rule(level: Level, array, indices, axis=0, *args, **kwargs):
        return level.wrap(method(array._value, indices, shift_axis(axis, array.ndim), *args, **kwargs))

    return rule


def _outer(method):
    def rule(level: Level, A, B, **kwargs):
        return method.__self__(np.reshape(A, (*np.shape(A), *(1,) * np.ndim(B))), B, **kwargs)

    return rule


rules[np.ufunc.reduce] = rules[np.ufunc.accumulate] = _reduce
rules[np.ufunc.reduceat], rules[np.ufunc.outer] = _reduceat, _outer

# ---- special cases


def _quantile(function):
    simple_rule = along_axis(function)

    def rule(level: Level, a, q, *args, **kwargs):
        quantiles = np.ndim(q)
        if quantiles > 1 and function in (np.nanquantile, np.nanpercentile):
            raise CannotBatch("expected one axis of q: NumPy orders the axes of several differently")
        result = simple_rule(level, a, q, *args, **kwargs)
        return level.wrap(np.moveaxis(result._value, quantiles, 0)) if quantiles else result

    return rule


for _function in functions_named("quantile percentile nanquantile nanpercentile"):
    rules[_function] = _quantile(_function)


def _roll(level: Level, a, shift, axis=None):
    if axis is None:
        return level.wrap(np.reshape(np.roll(np.reshape(a._value, (level.size, a.size)), shift, 1), a._value.shape))
    return level.wrap(np.roll(a._value, shift, shift_axis(axis, a.ndim)))


def _norm(level: Level, x, ord=None, axis=None, keepdims=False):
    if isinstance(ord, (tuple, list)):
        raise CannotBatch("expected a number as ord")
    if axis is None and ord is None:
        norm = np.linalg.norm(np.reshape(x._value, (level.size, x.size)), axis=1)
        return level.wrap(np.reshape(norm, (level.size, *(1,) * x.ndim)) if keepdims else norm)
    axes = shift_axis(tuple(range(x.ndim)) if axis is None else axis, x.ndim)
    axes = axes[0] if isinstance(axes, tuple) and len(axes) == 1 else axes
    return level.wrap(np.linalg.norm(x._value, ord, axes, keepdims))


def _gradient(level: Level, f, *varargs, axis=None, edge_order=1):
    if not level.is_batched(f):
        raise CannotBatch("expected spacings that are the same for all samples")
    axes = shift_axis(tuple(range(f.ndim)) if axis is None else axis, f.ndim)
    return level.wrap(np.gradient(f._value, *varargs, axis=axes, edge_order=edge_order))


def _trapezoid(level: Level, y, x=None, dx=1.0, axis=-1):
    if not level.is_batched(y) or level.is_batched(x) or np.ndim(x) > 1:
        raise CannotBatch("expected one batched array, got several")
    return level.wrap(np.trapezoid(y._value, x, dx, shift_axis(axis, y.ndim)))


def _vector_norm(level: Level, x, /, *, axis=None, keepdims=False, ord=2):
    axes = tuple(range(x.ndim)) if axis is None else axis
    norm = np.linalg.vector_norm(x._value, axis=shift_axis(axes, x.ndim), keepdims=keepdims, ord=ord)
    return level.wrap(norm)


rules |= {np.roll: _roll, np.linalg.norm: _norm, np.linalg.vector_norm: _vector_norm}
rules |= {np.gradient: _gradient, np.trapezoid: _trapezoid}
