"""Functions that work along axes: reductions, cumulative sums, sorting, transforms. The samples' axis is left alone."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core import registry
from .batched import Level, NotAtOnce, rules


def shifted(axis: Any, ndim: int) -> Any:
    """An axis, or several, of a sample of `ndim` axes, as those of all samples together.

    Raises an error for an axis that a sample has not: that of the samples can't be reached.
    """
    if any(isinstance(each, (bool, np.bool_)) for each in (axis if isinstance(axis, (tuple, list)) else (axis,))):
        raise NotAtOnce("along an axis that is no integer")
    if isinstance(axis, (tuple, list)):
        return tuple(i + 1 for i in normalize_axis_tuple(axis, ndim))
    return normalize_axis_index(axis, ndim) + 1


def along(function, default: Any = None, none: str = "all", keyword: str = "axis"):
    """The rule for a `function` of one array along an `axis`; `None` for it means all axes, or the array flattened."""

    def rule(level: Level, *args, **kwargs):
        bound = registry.signature_of(function).bind(*args, **kwargs)
        given = bound.arguments
        name, x = next(iter(given.items()))
        axis = given.get(keyword, default)
        others = list(given.values())[1:]
        if not level.has(x) or any(map(level.has, others)) or any(np.ndim(y) > x.ndim for y in others if _is_array(y)):
            raise NotAtOnce("of several arrays of the samples")
        value: Any = x._value
        axes: Any
        if axis is None and (none == "refused" or (none == "vector" and x.ndim != 1)):
            raise NotAtOnce("of several axes and none named")
        if axis is None and none != "all":
            if given.get("keepdims") is True:
                raise NotAtOnce("with keepdims and without an axis")
            value, axes = np.reshape(value, (level.size, x.size)), 1
        elif axis is None:
            axes = tuple(range(1, value.ndim))
        else:
            axes = shifted(axis, x.ndim)
        given[name], given[keyword] = value, axes
        return level.wrapped(function(*bound.args, **bound.kwargs))

    return rule


def _is_array(value: Any) -> bool:
    return hasattr(value, "ndim")


def named(names: str) -> list:
    """The functions of NumPy with these names, as far as this version has them."""
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

for _function in named(ALL):
    rules[_function] = along(_function)
for _function in named(FLATTENED):
    rules[_function] = along(_function, none="flatten")
for _function in named(SORTED):
    rules[_function] = along(_function, default=-1, none="flatten")
for _function in named(LAST):
    rules[_function] = along(_function, default=-1, none="refused")
for _function in named("fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2"):
    rules[_function] = along(_function, default=(-2, -1), keyword="axes")
for _function in named("fft.fftn fft.ifftn fft.rfftn fft.irfftn fft.fftshift fft.ifftshift"):
    rules[_function] = along(_function, keyword="axes")
for _function in named("cumulative_sum cumulative_prod"):
    rules[_function] = along(_function, none="vector")


def _reduced(method):
    """`np.add.reduce`, or `accumulate`, of any ufunc: along the first axis if nothing else is said."""

    def rule(level: Level, array, axis=0, *args, **kwargs):
        if any(np.ndim(y) > array.ndim for y in (*args, *kwargs.values()) if _is_array(y)):
            raise NotAtOnce("of several arrays of the samples")
        axes = tuple(range(1, array.ndim + 1)) if axis is None else shifted(axis, array.ndim)
        return level.wrapped(method(array._value, axes, *args, **kwargs))

    return rule


def _reduced_at(method):
    def rule(level: Level, array, indices, axis=0, *args, **kwargs):
        return level.wrapped(method(array._value, indices, shifted(axis, array.ndim), *args, **kwargs))

    return rule


def _outer(method):
    def rule(level: Level, A, B, **kwargs):
        return method.__self__(np.reshape(A, (*np.shape(A), *(1,) * np.ndim(B))), B, **kwargs)

    return rule


rules[np.ufunc.reduce] = rules[np.ufunc.accumulate] = _reduced
rules[np.ufunc.reduceat], rules[np.ufunc.outer] = _reduced_at, _outer

# ---- with a twist


def _quantile(function):
    along_axis = along(function)

    def rule(level: Level, a, q, *args, **kwargs):
        quantiles = np.ndim(q)
        if quantiles > 1 and function in (np.nanquantile, np.nanpercentile):
            raise NotAtOnce("of several q, whose axes NumPy puts elsewhere")
        result = along_axis(level, a, q, *args, **kwargs)
        return level.wrapped(np.moveaxis(result._value, quantiles, 0)) if quantiles else result

    return rule


for _function in named("quantile percentile nanquantile nanpercentile"):
    rules[_function] = _quantile(_function)


def _roll(level: Level, a, shift, axis=None):
    if axis is None:
        return level.wrapped(np.reshape(np.roll(np.reshape(a._value, (level.size, a.size)), shift, 1), a._value.shape))
    return level.wrapped(np.roll(a._value, shift, shifted(axis, a.ndim)))


def _norm(level: Level, x, ord=None, axis=None, keepdims=False):
    if isinstance(ord, (tuple, list)):
        raise NotAtOnce("of an order that is no number")
    if axis is None and ord is None:
        norm = np.linalg.norm(np.reshape(x._value, (level.size, x.size)), axis=1)
        return level.wrapped(np.reshape(norm, (level.size, *(1,) * x.ndim)) if keepdims else norm)
    axes = shifted(tuple(range(x.ndim)) if axis is None else axis, x.ndim)
    axes = axes[0] if isinstance(axes, tuple) and len(axes) == 1 else axes
    return level.wrapped(np.linalg.norm(x._value, ord, axes, keepdims))


def _gradient(level: Level, f, *varargs, axis=None, edge_order=1):
    if not level.has(f):
        raise NotAtOnce("by distances of the samples")
    axes = shifted(tuple(range(f.ndim)) if axis is None else axis, f.ndim)
    return level.wrapped(np.gradient(f._value, *varargs, axis=axes, edge_order=edge_order))


def _trapezoid(level: Level, y, x=None, dx=1.0, axis=-1):
    if not level.has(y) or level.has(x) or np.ndim(x) > 1:
        raise NotAtOnce("of several arrays of the samples")
    return level.wrapped(np.trapezoid(y._value, x, dx, shifted(axis, y.ndim)))


def _vector_norm(level: Level, x, /, *, axis=None, keepdims=False, ord=2):
    axes = tuple(range(x.ndim)) if axis is None else axis
    norm = np.linalg.vector_norm(x._value, axis=shifted(axes, x.ndim), keepdims=keepdims, ord=ord)
    return level.wrapped(norm)


rules |= {np.roll: _roll, np.linalg.norm: _norm, np.linalg.vector_norm: _vector_norm}
rules |= {np.gradient: _gradient, np.trapezoid: _trapezoid}
