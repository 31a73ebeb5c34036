"""`Unread`: an array that is computed only if something reads it.

To differentiate a gradient along a direction takes its graph, not its values. The largest are products of matrices and
their sums, whose rules read what they were computed from, and not the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .dispatching import Dispatching


def _of_values(name: str) -> Callable[[Any], Any]:
    """The method `name` of the values."""
    return lambda self: getattr(np.asarray(self), name)()


class Unread(Dispatching):
    """The answer of `compute(*args)`, of known shape and dtype. Any call but a product or a sum of these reads it."""

    __slots__ = ("_call", "_values", "dtype", "shape")

    shape: tuple[int, ...]
    dtype: np.dtype

    def __init__(self, compute: Callable[..., Any], args: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype):
        self._call: Any = (compute, args)
        self._values: Any = None
        self.shape, self.dtype = shape, dtype

    def values(self) -> Any:
        """Compute the array, once."""
        call = self._call  # another thread may have computed it meanwhile
        if call is not None:
            compute, args = call
            self._values = compute(*map(_read, args))
            self._call = None
        return self._values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values(), dtype=dtype)

    __len__, __bool__ = _of_values("__len__"), _of_values("__bool__")
    item, tolist = _of_values("item"), _of_values("tolist")

    @staticmethod
    def _apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        shape = None if kwargs else _shape(function, *args)
        if shape is not None:
            return Unread(function, args, shape, np.result_type(*[x.dtype for x in args]))
        return function(*_read(args), **_read(kwargs or {}))


def postponed(values: Any) -> Any:
    """`values` whose products and sums are computed only if something reads them."""
    is_matrix = type(values) is np.ndarray and values.ndim > 1
    return Unread(lambda: values, (), values.shape, values.dtype) if is_matrix else values


def _shape(function: Callable[..., Any], *args: Any) -> tuple[int, ...] | None:
    """The shape of the answer of a call that need not be computed yet; None for any other call."""
    if function is np.matmul and all(type(x) in (np.ndarray, Unread) and x.ndim > 1 for x in args):
        x, y = args
        fits = x.shape[-1] == y.shape[-2]
        return (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]) if fits else None
    if function is np.add and all(type(x) is Unread for x in args):
        return np.broadcast_shapes(*[x.shape for x in args])
    return None


def _read(value: Any) -> Any:
    if type(value) is Unread:
        return value.values()
    if type(value) in (list, tuple):
        return type(value)(map(_read, value))
    return {key: _read(part) for key, part in value.items()} if type(value) is dict else value
