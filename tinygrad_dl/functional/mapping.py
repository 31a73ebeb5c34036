"""`vmap`: apply a function of one sample to many samples at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pytree
from ..batching import Batched, CannotBatch, Level, at_new_level, core_of
from ..core import arguments
from ..core.tensor import Tensor
from ..proxies.dispatching import Symbolic
from .derived import Derived
from .trace import as_array

DIFFERS = "vmap: out_axes is None, but the output differs between samples: give out_axes an axis."


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, *, loop: bool = False) -> Callable[..., Any]:
    """Return `f`, a function of one sample, as a function of many samples along an axis of its arguments.

    `f` runs once, on arrays that hide the axis of samples: functions of NumPy act on each sample, and derivatives
    inside `f` are those of each sample. So `tg.vmap(tg.grad(loss), (None, 0, 0))(p, X, Y)` computes the gradient of the
    loss of each sample without a loop, in the memory of one copy of p per sample.

    Parameters
    ----------
    f
        A function of arrays, or of lists, dicts and the like of them; it returns the same kinds of values.
    in_axes
        The axis of samples, for all arguments, or a tuple of one per argument; None for an argument that is the same
        for all samples. For a list, dict or the like an axis holds for all arrays in it, or has its structure. Keyword
        arguments are the same for all samples.
    out_axes
        The place of the axis of samples in the value, in the same way; None for an output that is the same for all.
    loop
        With True, call `f` for one sample after the other. It is slower, and permits an `if` on values of a sample.

    Returns
    -------
    mapped
        A function of the arguments of `f`, with the axis of samples added to them. It can be nested and differentiated.

    Raises
    ------
    ValueError
        From the function, for an axis that does not exist, or for axes of different lengths.
    TypeError
        From inside `f`, for an operation without a batched form: an `if` on a value of a sample, float(x), x[mask],
        a result whose shape depends on the sample.

    Notes
    -----
    A function without a batching rule (one made with `tg.primitive` or `tg.custom`; np.unique and other rare ones) is
    called for each sample. Numbers drawn from an `rng` inside `f` are the same for all samples.

    References
    ----------
    R. Frostig, M. J. Johnson and C. Leary, Compiling machine learning programs via high-level tracing, SysML 2018.

    Examples
    --------
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
        axes = list(pytree.broadcast_prefix(_per_argument(in_axes, len(args)), args))
        values = list(pytree.leaves(args))
        names = [name for name, _ in pytree.labelled_leaves(args, "args")]
        first = [_move_axis_first(*each) for each in zip(values, axes, names, strict=True)]
        size = _common_size(first, axes, names)
        if loop:
            result, outputs = _loop(f, args, kwargs, first, axes, size, out_axes)
        else:

            def at_once(level):
                given = [x if axis is None else Batched(x, level) for x, axis in zip(first, axes, strict=True)]
                result = f(*pytree.unflatten(args, given), **kwargs)
                wanted = list(pytree.broadcast_prefix(out_axes, result))
                return result, [
                    _batch_output(level, y, axis) for y, axis in zip(pytree.leaves(result), wanted, strict=True)
                ]

            result, outputs = _explain(at_new_level, size, at_once)
        wanted = list(pytree.broadcast_prefix(out_axes, result))
        moved = [y if axis is None else _move_first_axis(y, axis) for y, axis in zip(outputs, wanted, strict=True)]
        return pytree.unflatten(
            result, [y if axis is None else _unshared(y, values) for y, axis in zip(moved, wanted, strict=True)]
        )

    return Derived(mapped, functools.partial(vmap, loop=loop), f, in_axes, out_axes)


def _explain(function: Callable, *args: Any) -> Any:
    """Call `function(*args)`; if an error of NumPy hides one of this package, as for z[0] = x, append that."""
    try:
        return function(*args)
    except ValueError as error:
        if isinstance(error.__cause__, CannotBatch):
            raise ValueError(f"{str(error).rstrip(chr(46))}: {error.__cause__}") from error
        raise


def _per_argument(in_axes: Any, count: int) -> Any:
    """`in_axes` as a tuple of one per argument."""
    if in_axes is None or isinstance(in_axes, (int, np.integer)):
        return (in_axes,) * count
    if not isinstance(in_axes, (list, tuple)) or len(in_axes) != count:
        raise ValueError(
            f"vmap: expected in_axes as a number, or as a tuple of {count}, one for each argument, got {in_axes!r}."
        )
    return tuple(in_axes)


def _move_axis_first(value: Any, axis: int | None, name: str) -> Any:
    """`value` with the axis of samples moved to the front. Raises ValueError if it has no such axis."""
    value = arguments.to_numpy(value)
    if axis is None:
        return value
    if not (hasattr(value, "shape") and _has_axis(value, axis)):
        what = f"has shape {value.shape}" if hasattr(value, "shape") else f"is {value!r:.40}"
        raise ValueError(
            f"vmap: {name} {what} and has no axis {axis!r} to map over: write None in in_axes for an argument that is "
            f"the same for all samples."
        )
    return np.moveaxis(value, axis, 0) if axis else value


def _move_first_axis(y: Any, axis: Any) -> Any:
    """`y`, whose first axis is that of samples, with this axis moved. Raises ValueError if it has no such axis."""
    if not _has_axis(y, axis):
        raise ValueError(f"vmap: out_axes is {axis!r} for an output that has shape {y.shape} with the axis of samples.")
    return np.moveaxis(y, 0, axis)


def _has_axis(array: Any, axis: Any) -> bool:
    return isinstance(axis, (int, np.integer)) and -array.ndim <= axis < array.ndim


def _common_size(values: list, axes: list, names: list[str]) -> int:
    sizes = {name: x.shape[0] for x, axis, name in zip(values, axes, names, strict=True) if axis is not None}
    if not sizes:
        raise ValueError("vmap: there is nothing to map over: in_axes is None for all arguments.")
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} in {name}" for name, size in sizes.items())
        raise ValueError(f"vmap: expected one number of samples in all arguments, got {found}: check in_axes.")
    return next(iter(sizes.values()))


def _batch_output(level: Level, y: Any, axis: int | None) -> Any:
    """One output with the axis of samples in front, repeated if it does not depend on the sample."""
    _check_output(y)
    if axis is not None:
        return level.unwrap(y)
    if level.is_batched(y):
        raise ValueError(DIFFERS)
    return y


def _check_output(y: Any) -> None:
    if not isinstance(core_of(y), (Tensor, Symbolic, np.ndarray, np.generic, int, float, complex)):
        raise TypeError(f"vmap: expected a function that returns arrays, got {type(y).__name__}.")


def _loop(
    f: Callable, args: tuple, kwargs: dict, first: list, axes: list, size: int, out_axes: Any
) -> tuple[Any, list]:
    """Call `f` for each sample; return the first value, for its structure, and the stacked outputs."""
    if size == 0:
        raise ValueError("vmap: loop=True needs at least one sample, to determine the shapes of the outputs.")
    results = []
    for i in range(size):
        sample = [x if axis is None else x[i] for x, axis in zip(first, axes, strict=True)]
        results.append(f(*pytree.unflatten(args, sample), **kwargs))
    like = results[0]
    columns = zip(*[pytree.leaves_like(like, result) for result in results], strict=True)
    return like, [_stack(*each) for each in zip(columns, pytree.broadcast_prefix(out_axes, like), strict=True)]


def _stack(outputs: tuple, axis: int | None) -> Any:
    """Stack one output of all samples; for an `axis` of None, where they must be equal, return that of the first."""
    for y in outputs:
        _check_output(y)
    if axis is not None:
        return np.stack(outputs)
    first, *others = [as_array(core_of(y)) for y in outputs]
    if not all(np.array_equal(y, first, equal_nan=True) for y in others):
        raise ValueError(DIFFERS)
    return outputs[0]


def _unshared(y: Any, inputs: list) -> Any:
    """`y`, copied if it is a view of an array or one of the inputs."""
    shared = type(y) is np.ndarray and (y.base is not None or any(y is x for x in inputs))
    return np.array(y) if shared else y
