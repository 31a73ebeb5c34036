"""`array_function`, which makes a function of arrays dispatch as NumPy's do, and the primitives that the core calls."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

on_arrays: dict[
    Callable[..., Any], Callable[..., Any]
] = {}  # primitive -> the function that it was made from, which does not dispatch
_plain = np.ndarray.__array_function__


def array_function(function: F) -> F:
    """Make `function`, a function of arrays, dispatch by `__array_function__`, as functions of NumPy do (NEP 18).

    A call with a Tensor is then recorded as one node. `tg.primitive` isolates users' functions besides.
    """

    @functools.wraps(function)
    def dispatching(*args, **kwargs):
        for arg in (*args, *kwargs.values()) if kwargs else args:
            kind = type(arg)
            if kind is np.ndarray:  # the usual case
                continue
            if kind is tuple:  # perhaps an index, which may have such arrays
                arg = next((part for part in arg if getattr(type(part), "__array_function__", _plain) is not _plain), 0)
                kind = type(arg)
            dispatch = getattr(kind, "__array_function__", _plain)
            if dispatch is not _plain:
                answer = dispatch(arg, dispatching, (kind,), args, kwargs)
                if answer is not NotImplemented:
                    return answer
        return function(*args, **kwargs)

    on_arrays[dispatching] = function
    return dispatching  # type: ignore[return-value]  # it takes what `function` takes


def wraps(function: Callable[..., Any]) -> Callable[[F], F]:
    """`functools.wraps`, but type checkers and editors keep the signature of the function that it decorates."""
    return functools.wraps(function)  # type: ignore[return-value]


class Hidden:
    """The base class of internal keyword arguments, which messages, pictures and formulas leave out."""


def visible_kwargs(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the keyword arguments that the user wrote, without internal ones."""
    return {keyword: value for keyword, value in (kwargs or {}).items() if not isinstance(value, Hidden)}


class Outputs(tuple):
    """The value of a node whose function has several outputs, or their cotangents, None for a missing one.

    The backward pass treats it as any value: it can be added, and its shape and dtype always fit.
    """

    shape = dtype = None

    def __add__(self, other: Any) -> "Outputs":
        return Outputs(a if b is None else b if a is None else a + b for a, b in zip(self, other, strict=True))


class Kept(NamedTuple):
    """The answer of a function, and intermediate values for its derivative rules."""

    answer: Any
    kept: Any


@array_function
def output(outputs: Any, i: int, count: int) -> Any:
    """Number `i` of the `count` outputs of a function that has several, such as `np.linalg.eigh`."""
    return outputs[i]


@array_function
def identity(x: Any) -> Any:
    """`x` as a new node, which distinguishes the variables of an inner and an outer derivative."""
    return x


@array_function
def values(x: Any) -> Any:
    """The values of `x` as a plain array, through which no gradient flows."""
    return np.asarray(x)


@array_function
def astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    """`x` cast to another float type; without `copy`, `x` itself if it has that type."""
    return x.astype(dtype, copy=copy)


@array_function
def getitem(x: Any, index: Any) -> Any:
    """Compute `x[index]`, also for an `index` that `vmap` maps.

    Parameters
    ----------
    x
        An array of any shape.
    index
        A basic or advanced index.

    Returns
    -------
    array or Tensor
        The elements.
    """
    return x[index]


def accumulator(x: Any, count: float) -> np.dtype | None:
    """The dtype to add `count` of `x` up in: NumPy adds floats that are not adjacent one by one, rounding each time."""
    many = x.dtype.char in "efF" and count > (8 if x.dtype.char == "e" else 1000)
    return np.promote_types(x.dtype, np.float64) if many else None
