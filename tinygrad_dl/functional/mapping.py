"""`vmap`: a function of one sample as a function of many, computed all at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pytree
from ..batching import Batched, CannotBatch, Level, at_new_level, core_of
from ..core import arguments
from ..core.tensor import Tensor
from .derived import Derived


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, *, loop: bool = False) -> Callable[..., Any]:
    """The function that computes `f`, written for one sample, for all samples that lie along an axis of its arguments.

    `in_axes` says which axis that is: for all arguments (0 if left out), or as a tuple for each; None is an argument
    that is the same for all samples. In the place of a list, dict or the like it holds for all that is in it, or has
    its structure. `out_axes` says where the samples' axis goes in the value, in the same way. Keyword arguments are the
    same for all samples.

    `f` runs once, on arrays that hide the samples' axis: NumPy's functions act on each sample, and derivatives in `f`
    are those of each sample, so `tg.vmap(tg.grad(loss), (None, 0, 0))(p, X, Y)` gives the gradient of each sample's
    loss, without a loop, in the memory of as many copies of p. Nests, and can be differentiated. What has no rule for
    all samples at once (a function made by `tg.primitive` or `tg.custom`; np.unique, and others that are rare) is
    called for each sample. What an `rng` draws inside of `f` is one draw for all.

    Raises ValueError for axes that are not there or have several lengths; TypeError, from inside of `f`, for what can't
    be one computation for all samples: an `if` on a sample's value, float(x), x[mask], a result that has another shape
    for each sample. With `loop=True`, `f` is called for one sample after the other: slower, with `if`s and all.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> def loss(w, x, y):  # of one sample
    ...     return (w @ x - y) ** 2
    >>> w, X, Y = np.array([1.0, -1.0]), np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]]), np.array([0.0, 2.0, 1.0])
    >>> tg.vmap(loss, in_axes=(None, 0, 0))(w, X, Y)
    array([1., 0., 1.])
    >>> tg.vmap(tg.grad(loss), in_axes=(None, 0, 0))(w, X, Y)
    array([[-2., -4.],
           [ 0.,  0.],
           [ 0.,  0.]])
    """
    if not callable(f):
        raise TypeError(f"vmap: expected a function, got {f!r:.40}.")

    def mapped(*args, **kwargs):
        axes = list(pytree.broadcast_prefix(_for_each(in_axes, len(args)), args))
        values = list(pytree.leaves(args))
        names = [name for name, _ in pytree.labelled_leaves(args, "args")]
        first = [_axis_first(*each) for each in zip(values, axes, names, strict=True)]
        size = _one_size(first, axes, names)
        if loop:
            result, outputs = _one_by_one(f, args, kwargs, first, axes, size)
        else:

            def at_once(level):
                given = [x if axis is None else Batched(x, level) for x, axis in zip(first, axes, strict=True)]
                result = f(*pytree.unflatten(args, given), **kwargs)
                wanted = list(pytree.broadcast_prefix(out_axes, result))
                return result, [_output(level, y, axis) for y, axis in zip(pytree.leaves(result), wanted, strict=True)]

            result, outputs = _explained(at_new_level, size, at_once)
        wanted = list(pytree.broadcast_prefix(out_axes, result))
        moved = [y if axis is None else np.moveaxis(y, 0, axis) for y, axis in zip(outputs, wanted, strict=True)]
        return pytree.unflatten(
            result, [y if axis is None else _own(y, values) for y, axis in zip(moved, wanted, strict=True)]
        )

    return Derived(mapped, functools.partial(vmap, loop=loop), f, in_axes, out_axes)


def _explained(function: Callable, *args: Any) -> Any:
    """`function(*args)`; an error of NumPy that hides one of ours, as in z[0] = x, shows it in its last line."""
    try:
        return function(*args)
    except ValueError as error:
        if isinstance(error.__cause__, CannotBatch):
            raise ValueError(f"{str(error).rstrip(chr(46))}: {error.__cause__}") from error
        raise


def _for_each(in_axes: Any, count: int) -> Any:
    """`in_axes` as one for each argument."""
    if in_axes is None or isinstance(in_axes, (int, np.integer)):
        return (in_axes,) * count
    if not isinstance(in_axes, (list, tuple)) or len(in_axes) != count:
        raise ValueError(
            f"vmap: expected in_axes as a number, or as a tuple of {count} like the arguments, got {in_axes}."
        )
    return tuple(in_axes)


def _axis_first(value: Any, axis: int | None, name: str) -> Any:
    """`value` with the samples' axis as the first."""
    value = arguments.opened(value)
    if axis is None:
        return value
    if not hasattr(value, "shape") or not -value.ndim <= axis < value.ndim:
        what = f"has shape {value.shape}" if hasattr(value, "shape") else f"is {value!r:.40}"
        raise ValueError(
            f"vmap: {name} {what} and has no axis {axis} to map over: None in in_axes says that it is the same for all "
            f"samples."
        )
    return np.moveaxis(value, axis, 0) if axis else value


def _one_size(values: list, axes: list, names: list[str]) -> int:
    sizes = {name: x.shape[0] for x, axis, name in zip(values, axes, names, strict=True) if axis is not None}
    if not sizes:
        raise ValueError("vmap: there is nothing to map over: in_axes is None for all arguments.")
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} in {name}" for name, size in sizes.items())
        raise ValueError(f"vmap: expected one number of samples in all arguments, got {found}: see in_axes.")
    return next(iter(sizes.values()))


def _output(level: Level, y: Any, axis: int | None) -> Any:
    """One output for all samples, whose axis is the first; repeated if it does not depend on the sample."""
    if not isinstance(core_of(y), (Tensor, np.ndarray, np.generic, int, float, complex)):
        raise TypeError(f"vmap: expected a function that gives arrays, got {type(y).__name__}.")
    if axis is not None:
        return level.unwrap(y)
    if level.is_batched(y):
        raise ValueError("vmap: out_axes is None, but the output differs between samples: give out_axes an axis.")
    return y


def _one_by_one(f: Callable, args: tuple, kwargs: dict, first: list, axes: list, size: int) -> tuple[Any, list]:
    """The value of `f` for the first sample, and what it gives for all of them, stacked."""
    if size == 0:
        raise ValueError("vmap: loop=True needs at least one sample, to know what f gives.")
    results = []
    for i in range(size):
        sample = [x if axis is None else x[i] for x, axis in zip(first, axes, strict=True)]
        results.append(f(*pytree.unflatten(args, sample), **kwargs))
    stacked = [np.stack(column) for column in zip(*map(pytree.leaves, results), strict=True)]
    return results[0], stacked


def _own(y: Any, inputs: list) -> Any:
    """`y`, or if it is a view of an array, or one of the inputs, an array of its own."""
    shared = type(y) is np.ndarray and (y.base is not None or any(y is x for x in inputs))
    return np.array(y) if shared else y
