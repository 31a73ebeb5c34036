"""`Symbol`: a named array that records its computation, so that the formula of a derivative rule can be printed.

A rule computes with Symbols as with arrays, and takes the same branches; each call of NumPy is recorded in a Symbol
(NEP 13 and NEP 18). `printing.py` prints them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...core import primitives
from ...core.array_methods import Dispatching


def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Any:
    """Call `function` on arguments that contain Symbols; return a Symbol for each array or number of the answer.

    Other answers, such as a shape or a dtype, are returned unchanged.

    Raises TypeError for calls that would change a Symbol in place.
    """
    kwargs = kwargs or {}
    if kwargs.get("out") is not None or getattr(function, "__name__", "") == "at":
        raise TypeError("a Symbol can't be changed in place.")
    unchanged = _unchanged(function, args) if not kwargs else None
    if unchanged is not None:
        return unchanged
    if function is primitives.scatter_add and isinstance(args[2], np.ndarray):
        args = (*args[:2], np.zeros_like(args[2]))  # the values do not matter
    if function is np.transpose:  # axes are printed as numbers, not as an array
        args = tuple(tuple(arg.tolist()) if isinstance(arg, np.ndarray) else arg for arg in args)
    compute = primitives.on_arrays.get(function, function)
    value = compute(*map(value_of, args), **{keyword: value_of(part) for keyword, part in kwargs.items()})
    return _wrap(Symbol(value, function, args, kwargs))


def _unchanged(function: Callable, args: tuple) -> Symbol | None:
    """The argument that `function` returns unchanged, or None; such a call is not printed."""
    if function in (primitives.values, primitives.identity):
        return args[0]
    if function in NEUTRAL:
        neutral, on_the_left = NEUTRAL[function]
        for x, other in (args, args[::-1]) if on_the_left else (args,):
            kinds = "b" if type(neutral) is bool else "fc"
            if type(x) is Symbol and x.dtype.kind in kinds and type(other) is type(neutral) and other == neutral:
                return x
    if function in IDLE and type(args[0]) is Symbol and IDLE[function](*args):
        return args[0]
    return None


NEUTRAL: dict[Any, tuple[Any, bool]] = {  # function -> its neutral element on the right, True if on the left too
    np.multiply: (1, True),
    np.subtract: (0, False),
    np.power: (1, False),
    np.bitwise_and: (True, True),
    np.logical_and: (True, True),
    np.bitwise_or: (False, True),
}
IDLE: dict[Any, Callable[..., bool]] = {  # function -> a test whether it returns its first argument unchanged
    np.conjugate: lambda x: x.dtype.kind == "f",
    np.real: lambda x: x.dtype.kind == "f",
    np.broadcast_to: lambda x, shape: shape == x.shape,
    np.reshape: lambda x, shape: shape == x.shape,
    np.moveaxis: lambda x, source, destination: source == destination,
}


def _wrap(whole: Symbol) -> Any:
    """The answer of the call recorded in `whole`: a Symbol, or one per output."""
    value = whole._value
    if isinstance(value, (np.generic, float, complex)) or hasattr(value, "__array_ufunc__"):
        return whole
    if isinstance(value, (tuple, list)) and any(hasattr(part, "dtype") for part in value):
        parts = [_wrap(Symbol(part, primitives.getitem, (whole, i))) for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def value_of(arg: Any) -> Any:
    """`arg` with values in place of Symbols, also in tuples, lists, dicts and slices."""
    if type(arg) is Symbol:
        return arg._value
    if isinstance(arg, (tuple, list)) and any(True for _ in symbols_in(arg)):
        parts = map(value_of, arg)
        return type(arg)(*parts) if hasattr(arg, "_fields") else type(arg)(parts)
    if type(arg) is dict:
        return {key: value_of(part) for key, part in arg.items()}
    return slice(*map(value_of, (arg.start, arg.stop, arg.step))) if type(arg) is slice else arg


def symbols_in(arg: Any) -> Iterator[Symbol]:
    """The Symbols in an argument, one per occurrence."""
    if type(arg) is Symbol:
        yield arg
    elif isinstance(arg, slice):
        yield from symbols_in((arg.start, arg.stop, arg.step))
    elif isinstance(arg, (tuple, list, dict)):
        for part in arg.values() if isinstance(arg, dict) else arg:
            yield from symbols_in(part)


class Shape(tuple):
    """The shape of a Symbol `of`, printed as `x.shape` instead of `(2, 3)`."""

    of: Symbol


class Symbol(Dispatching):
    """A value with the call that computed it, `function(*args, **kwargs)`; a leaf has a name instead.

    >>> x = Symbol(np.array([1.0, 2.0]), name="x")
    >>> 2 * np.sin(x)
    Symbol(array([1.68294197, 1.81859485]), made by multiply)
    """

    __slots__ = ("_args", "_function", "_kwargs", "_name", "_value")
    _apply = staticmethod(apply)

    def __init__(
        self,
        value: Any,
        function: Callable[..., Any] | None = None,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str = "",
    ):
        self._value, self._function, self._args, self._kwargs, self._name = value, function, args, kwargs or {}, name

    @property
    def shape(self) -> Shape:
        """The length of each axis."""
        shape = Shape(self._value.shape)
        shape.of = self
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self._value.dtype

    def item(self) -> Symbol:
        """The value of a Symbol of size 1, still a Symbol."""
        return self if self.ndim == 0 else self.reshape(())

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("a Symbol can't be changed in place.")

    # ---- conversions that rules use for branches; float and array are missing, since they would lose the name

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __int__(self) -> int:
        return int(self._value)

    def __index__(self) -> int:
        return operator.index(self._value)

    # ---- protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise TypeError("a Symbol can't become a plain array, which would lose its name.")

    def __repr__(self) -> str:
        made = f"made by {getattr(self._function, '__name__', self._function)}" if self._function else self._name
        return f"Symbol({self._value!r}, {made})"
