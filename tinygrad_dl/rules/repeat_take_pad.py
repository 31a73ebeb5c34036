"""Functions that move elements: repeat, tile, take, delete, insert, pad and their like.

Most share one rule: it numbers the elements of an argument, lets the function itself move the numbers, and adds each
part of the cotangent to the element that has its number.
"""

import inspect
import math
from typing import Any

import numpy as np

from .. import _functions
from .._signatures import signature
from ..core import primitives
from ..core.registry import defcomposite, defvjp
from ._shapes import as_array, cast, index_at_axis


def defmove(function: Any, *argnums: Any, **neutral: Any) -> None:
    """Define the rules of a `function` that only moves elements of its arguments `argnums`.

    `neutral` replaces keyword arguments when numbers are moved, so that elements from no argument get the number 0.
    """
    rules = [_move_rule(function, argnum, argnums, neutral) if argnum in argnums else None for argnum in range(3)]
    defvjp(function, *rules[: max(argnums) + 1])


def _move_rule(function, argnum, argnums, neutral):
    def rule(g, ans, *args, **kwargs):
        shape = args[argnum].shape
        size = math.prod(shape)
        numbered = [np.zeros(np.shape(arg), int) if i in argnums else arg for i, arg in enumerate(args)]
        numbered[argnum] = np.reshape(np.arange(1, size + 1), shape)
        origins = function(*numbered, **{name: neutral.get(name, value) for name, value in kwargs.items()})
        sums = _functions.scatter_add(np.ravel(g), np.ravel(origins), np.empty(size + 1))
        return np.reshape(sums[1:], shape)

    first = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("g", "ans")]
    given = signature(function).parameters.values()  # calls are checked by its signature
    of_rule = inspect.Signature([*first, *(each.replace(default=each.empty) for each in given)])
    setattr(rule, "__signature__", of_rule)  # noqa: B010 (mypy rejects this attribute)
    return rule


defmove(np.repeat, 0)
defmove(np.tile, 0)
defmove(np.resize, 0)
defmove(np.delete, 0)
defmove(np.compress, 1)
defmove(np.extract, 1)
defmove(np.diag, 0)
defmove(np.diagflat, 0)
defmove(np.diagonal, 0)

# ---- reading elements by their numbers, as indexing does


def _take_vjp(g, ans, a, indices, axis=None, out=None, mode="raise"):
    if axis is None or not a.ndim:  # NumPy accepts axis 0 for a 0-d array
        return np.reshape(_take_vjp(g, ans, np.reshape(a, -1), indices, 0, None, mode), a.shape)
    indices = cast(as_array(indices), int)  # True is 1 here, not a mask
    if mode != "raise":
        last = a.shape[axis] - 1
        indices = np.clip(indices, 0, last) if mode == "clip" else indices % (last + 1)
    return _functions.scatter_add(g, index_at_axis(axis % a.ndim, indices), a)


def _take_along_axis_vjp(g, ans, arr, indices, axis=-1):
    if axis is None:
        return _take_vjp(g, ans, arr, indices)
    index = list(np.indices(arr.shape, sparse=True))
    index[axis] = indices
    return _functions.scatter_add(g, tuple(index), arr)


defvjp(np.take, _take_vjp)
defvjp(np.take_along_axis, _take_along_axis_vjp)

# ---- insertion


@primitives.array_function
def insert(arr: Any, obj: Any, values: Any, axis: Any) -> Any:
    """Compute `np.insert` for `values` of the dtype of `arr`."""
    return np.insert(arr, obj, values, axis)


def _insert(arr, obj, values, axis=None):
    arr, values = (x if hasattr(x, "shape") else np.asarray(x) for x in (arr, values))
    return insert(arr, obj, primitives.astype(values, arr.dtype), axis)


defmove(insert, 0, 2)
defcomposite(np.insert, _insert)

# ---- copies with replaced elements

defvjp(
    _functions.set_at,
    lambda g, ans, x, index, value: _functions.set_at(g, index, 0),
    None,
    _move_rule(_functions.set_at, 2, (0, 2), {}),
)
defvjp(_functions.add_at, lambda g, ans, x, index, value: g, None, lambda g, ans, x, index, value: g[index])
defvjp(
    _functions.put_along_axis,
    lambda g, ans, x, indices, values, axis: _functions.put_along_axis(g, indices, 0, axis),
    None,
    _move_rule(_functions.put_along_axis, 2, (0, 2), {}),
)

# ---- padding: with elements, or with values computed from those along an axis


@primitives.array_function
def pad(array: Any, pad_width: Any, mode: Any, **settings: Any) -> Any:
    """Compute `np.pad` for floats in a mode that only moves elements, or for other numbers in any mode."""
    return np.pad(array, pad_width, mode, **settings)


defmove(pad, 0, constant_values=0)


def _pad(array, pad_width, mode="constant", **kwargs):
    if callable(mode):
        raise TypeError("np.pad of Tensors: a mode that is a function writes into its argument; use np.concatenate.")
    if mode == "empty":
        mode, kwargs = "constant", {}  # any values are allowed
    if mode == "constant" and array.dtype.kind in "fc":
        return _pad_with_constants(array, pad_width, **kwargs)
    mirrored = mode in ("reflect", "symmetric") and kwargs.get("reflect_type", "even") == "even"
    if array.dtype.kind not in "fc" or array.size == 0 or mirrored or mode not in _PADDINGS:
        return pad(array, pad_width, mode, **kwargs)
    np.pad(primitives.values(array), pad_width, mode, **kwargs)  # raises what NumPy raises
    widths = _widths(array, pad_width)
    setting: Any = next(iter(kwargs.values()), 0 if mode == "linear_ramp" else None)
    settings = np.broadcast_to(setting, (array.ndim, 2))
    for axis in range(array.ndim):
        x = np.moveaxis(array, axis, 0)
        before = np.flip(_PADDINGS[mode](np.flip(x, 0), widths[axis, 0], settings[axis, 0]), 0)
        after = _PADDINGS[mode](x, widths[axis, 1], settings[axis, 1])
        array = np.moveaxis(np.concatenate([before, x, after]), 0, axis)
    return array


def _widths(array, pad_width):
    """The widths before and after along each axis, (ndim, 2)."""
    if isinstance(pad_width, dict):
        given = {axis % array.ndim: width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(array.ndim)]
    return np.broadcast_to(pad_width, (array.ndim, 2))


def _pad_with_constants(array, pad_width, **kwargs):
    constants = np.pad(np.zeros(array.shape, array.dtype), pad_width, "constant", **kwargs)
    begins = _widths(array, pad_width)[:, 0].tolist()
    index = tuple([slice(begin, begin + n) for begin, n in zip(begins, array.shape, strict=True)])
    padded = _functions.scatter_add(array, index, constants)
    return padded + constants if np.any(constants) else padded


def _repeat_statistic(function):
    """Make a function that pads after `x` along its first axis with `function` of the last elements."""

    def padding(x, width, count):
        chosen = x if count is None else x[max(len(x) - count, 0):]
        return np.broadcast_to(function(chosen, axis=0, keepdims=True), (width, *x.shape[1:]))

    return padding


def _ramp(x, width, end):
    return np.flip(np.linspace(end, x[-1], width, endpoint=False, dtype=x.dtype), 0)


def _reflect(skip):
    """Make a function that pads after `x` along its first axis with its point reflection about the last element."""

    def padding(x, width, _):
        if len(x) == 1:  # NumPy repeats it
            return np.broadcast_to(x, (width, *x.shape[1:]))
        parts, period, edge, source = [x[:0]], len(x) - skip, x[-1:], np.flip(x, 0)
        while width > 0:
            part = 2 * edge - source[skip:skip + min(width, period)]
            parts, width, edge = [*parts, part], width - period, part[-1:]
            source = np.flip(part, 0) if not skip else np.flip(np.concatenate([source[:1], part]), 0)
        return np.concatenate(parts)

    return padding


_PADDINGS = {  # mode -> a function of x, a width and a setting that computes the padding after x along its first axis
    "linear_ramp": _ramp,
    "maximum": _repeat_statistic(np.max),
    "minimum": _repeat_statistic(np.min),
    "mean": _repeat_statistic(np.mean),
    "median": _repeat_statistic(np.median),
    "reflect": _reflect(1),
    "symmetric": _reflect(0),
}
defcomposite(np.pad, _pad)
