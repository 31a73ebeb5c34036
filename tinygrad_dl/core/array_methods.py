"""The methods of NumPy's arrays, each a call of the NumPy function of that name.

There are no graphs here: `x.sum()` is recorded because `np.sum(x)` is. Type checkers read `array_methods.pyi`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..guards.lacking import Lacking
from . import primitives


def _method(function: Callable) -> Callable[..., Any]:
    """`x.f(...)`, which is `np.f(x, ...)`."""

    @functools.wraps(function)
    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__doc__ = f"`np.{function.__name__}(x, ...)`, as a method of x."
    return method


def _of_two(function: Callable) -> Callable[[Any, Any], Any]:
    """The method for `x op y`; defers to a `y` that opts out of NumPy's protocols, such as `pytest.approx(1.0)`."""

    @functools.wraps(function)
    def operator(self, other):
        return NotImplemented if getattr(type(other), "__array_ufunc__", self) is None else function(self, other)

    return operator


class ArrayMethods(Lacking):
    """The methods and operators of `numpy.ndarray`, by NumPy's functions."""

    __slots__ = ()

    __array_priority__ = 10_000.0  # makes data frames and others defer in x op y
    __pandas_priority__ = 10_000

    __pos__ = _method(np.positive)
    __abs__ = _method(np.absolute)

    __floordiv__ = _of_two(np.floor_divide)
    __divmod__ = _of_two(np.divmod)

    def __rfloordiv__(self, other: Any) -> Any:
        return np.floor_divide(other, self)

    def __rdivmod__(self, other: Any) -> Any:
        return np.divmod(other, self)

    __lt__ = _of_two(np.less)
    __le__ = _of_two(np.less_equal)
    __gt__ = _of_two(np.greater)
    __ge__ = _of_two(np.greater_equal)
    __eq__ = _of_two(np.equal)
    __ne__ = _of_two(np.not_equal)
    __hash__ = object.__hash__  # by identity: equality is elementwise

    sum = _method(np.sum)
    prod = _method(np.prod)
    mean = _method(np.mean)
    var = _method(np.var)
    std = _method(np.std)
    cumsum = _method(np.cumsum)
    cumprod = _method(np.cumprod)
    max = _method(np.max)
    min = _method(np.min)
    any = _method(np.any)
    all = _method(np.all)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argsort = _method(np.argsort)
    argpartition = _method(np.argpartition)
    nonzero = _method(np.nonzero)
    searchsorted = _method(np.searchsorted)
    round = __round__ = _method(np.round)
    dot = _method(np.dot)
    take = _method(np.take)
    repeat = _method(np.repeat)
    diagonal = _method(np.diagonal)
    choose = _method(np.choose)
    swapaxes = _method(np.swapaxes)
    squeeze = _method(np.squeeze)
    ravel = _method(np.ravel)
    flatten = _method(np.ravel)
    copy = _method(np.copy)
    conj = conjugate = _method(np.conjugate)
    astype = _method(primitives.astype)

    def compress(self, condition: Any, axis: int | None = None) -> Any:
        """`np.compress(condition, x, axis)`: the slices of x where the condition is true."""
        return np.compress(condition, self, axis)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """`np.clip` to the interval from `min` to `max`."""
        return np.clip(self, min, max)

    def reshape(self, *shape: Any, order: Any = "C", **copy: Any) -> Any:
        """`np.reshape`, of a shape given as one tuple or as separate lengths."""
        return np.reshape(self, (shape[0] if len(shape) == 1 else shape), order=order, **copy)

    def transpose(self, *axes: Any) -> Any:
        """`np.transpose`, by axes given as one tuple, as separate numbers, or not at all: then it reverses them."""
        return np.transpose(self, *(axes if len(axes) < 2 else (axes,)))

    @property
    def real(self) -> Any:
        """The real part."""
        return np.real(self)

    @property
    def imag(self) -> Any:
        """The imaginary part: 0 of a real Tensor."""
        return np.imag(self)

    @property
    def T(self) -> Any:
        """The transpose: the axes in reverse order."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        """The transpose of each matrix in a stack: the last two axes swapped."""
        return np.swapaxes(self, -1, -2)
