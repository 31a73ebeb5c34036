"""Primitives that NumPy lacks, and `array_function`, which makes a function of arrays dispatch as NumPy's functions do.

Their derivative rules are `defvjp` lines in `rules/`, as for functions of NumPy.
"""

import cmath
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

on_arrays: dict[
    Callable[..., Any], Callable[..., Any]
] = {}  # primitive -> the function that it was made from, which does not dispatch
_plain = np.ndarray.__array_function__
TINY, LEAST = 1e-30, 1e-35


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


def product(x: Any, y: Any) -> Any:
    """Compute x @ y; of small matrices by the method `dot`, which takes down to half of the time."""
    is_small = type(x) is type(y) is np.ndarray and x.ndim == y.ndim == 2 and len(x) * y.shape[1] <= 2**13
    return x.dot(y) if is_small else np.matmul(x, y)


@array_function
def masked(x: Any, mask: Any) -> Any:
    """Compute `np.where(mask, x, 0)`, by a product where `x` is finite, which is up to ten times as fast.

    >>> masked(np.array([1.0, np.inf]), np.array([True, False]))
    array([1., 0.])
    """
    finite = type(x) is np.ndarray and cmath.isfinite(np.vdot(x, x))
    return x * mask.astype(x.dtype) if finite else np.where(mask, x, 0)


@array_function
def sigmoid(x: Any) -> Any:
    """Compute 1 / (1 + exp(-x)), at least 2e-35, the value at -80: exp(80) still fits a float32."""
    return 1 / (1 + np.exp(np.minimum(-x, 80)))


@array_function
def softplus(x: Any) -> Any:
    """Compute log(1 + exp(x)), whose derivative is the sigmoid."""
    return np.logaddexp(0, x)


@array_function
def log_above_0(x: Any) -> Any:
    """Compute log(x + TINY), finite at 0, with the derivative 1 / x down to LEAST.

    LEAST lies below σ(-80), the smallest value of `sigmoid`, and far enough above the smallest float32 for weighted
    costs.
    """
    return np.log(x + TINY)


@array_function
def widened(x: Any) -> Any:
    """Convert `x` to float32 if it is float16, with a cotangent that float16 can hold."""
    return x.astype(np.promote_types(x.dtype, np.float32))


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


@array_function
def scatter_add(values: Any, index: Any, like: Any) -> Any:
    """Zeros of the shape of `like`, with `values` added at `index`; values at the same element are summed.

    It is the transpose of the linear map `getitem`.

    >>> scatter_add(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 0]), np.zeros(3))
    array([4., 0., 2.])
    """
    total = np.zeros_like(like, dtype=values.dtype)
    add_into(total, index, values)
    return total


def add_into(total: Any, index: Any, values: Any) -> None:
    """Add `values` to the array `total` in place, at `index`."""
    if _may_repeat(index):
        sparse = total.size > 16 * values.size and total.dtype.char != "e"  # where few meet, and a copy would cost more
        wide = None if sparse else accumulator(values, values.size)
        if wide is None:
            np.add.at(total, index, values)
        else:
            sums = np.zeros(total.shape, wide)
            np.add.at(sums, index, values.astype(wide))
            total += sums.astype(total.dtype)
    else:
        total[index] += values


@array_function
def set_at(x: Any, index: Any, value: Any) -> Any:
    """Compute a copy of `x` with `value` at `index`: `x[index] = value` as a function, also for Tensors.

    Gradients flow to `value`, and to the other elements of `x`. If `index` selects an element twice, the last value
    stays, as in NumPy, and gets the gradient.

    Parameters
    ----------
    x
        An array of any shape.
    index
        A basic or advanced index.
    value
        Numbers of a shape that broadcasts to that of `x[index]`.

    Returns
    -------
    array or Tensor
        Of the shape of `x`, and of its dtype, unless that can't hold numbers of the kind of `value`: integers become
        floats, floats become complex.

    Examples
    --------
    >>> set_at(np.zeros(3), slice(1, None), [5.0, 7.0])
    array([0., 5., 7.])
    >>> set_at(np.array([1, 2, 3]), np.array([True, False, True]), 0.5)
    array([0.5, 2. , 0.5])
    """
    changed = _copy_for(x, value)
    changed[index] = value
    return changed


@array_function
def add_at(x: Any, index: Any, value: Any) -> Any:
    """Compute a copy of `x` with `value` added at `index`: `np.add.at` as a function, also for Tensors.

    Parameters
    ----------
    x, index, value
        As for `set_at`; `value` is added repeatedly to elements that `index` selects repeatedly.

    Returns
    -------
    array or Tensor
        As of `set_at`.

    Examples
    --------
    >>> add_at(np.zeros(3), np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]))
    array([4., 0., 2.])
    """
    changed = _copy_for(x, value)
    np.add.at(changed, index, value)
    return changed


@array_function
def put_along_axis(x: Any, indices: Any, values: Any, axis: int | None) -> Any:
    """Compute a copy of `x` with `values` where `np.take_along_axis(x, indices, axis)` reads, also for Tensors.

    Parameters
    ----------
    x
        An array of any shape.
    indices
        Integers, of the number of axes of `x`.
    values
        Numbers of a shape that broadcasts to that of `indices`.
    axis
        The axis, or None for `x` flattened.

    Returns
    -------
    array or Tensor
        As of `set_at`.

    Examples
    --------
    >>> put_along_axis(np.array([[1.0, 9.0], [8.0, 2.0]]), np.array([[1], [0]]), 0.0, axis=1)
    array([[1., 0.],
           [0., 2.]])
    """
    changed = _copy_for(x, values)
    np.put_along_axis(changed, np.asarray(indices), values, axis)
    return changed


@array_function
def einsum(subscripts: str, *operands: Any, optimize: Any = False) -> Any:
    """`np.einsum` of operands whose indices are given as a string."""
    return np.einsum(subscripts, *operands, optimize=optimize)


@array_function
def concatenate(*arrays: Any, axis: int | None = 0) -> Any:
    """`np.concatenate` with the arrays as separate arguments, so that each can have its own rule."""
    return np.concatenate(arrays, axis=axis)


def _copy_for(x: Any, value: Any) -> np.ndarray:
    """A copy of `x` that can hold `value`, which may be a number or a list."""
    x = np.asarray(x)
    common = np.result_type(x, value if isinstance(value, (int, float, complex)) else np.asarray(value))
    return np.array(x, dtype=x.dtype if np.can_cast(common, x.dtype, "same_kind") else common)


def _may_repeat(index: Any) -> bool:
    """Return whether `index` can select one element twice: only an array of integers can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(type(part) is list or (isinstance(part, np.ndarray) and part.dtype != bool) for part in parts)


def accumulator(x: Any, count: float) -> np.dtype | None:
    """The dtype to add `count` of `x` up in: NumPy adds floats that are not adjacent one by one, rounding each time."""
    many = x.dtype.char in "efF" and count > (8 if x.dtype.char == "e" else 1000)
    return np.promote_types(x.dtype, np.float64) if many else None
