"""Primitives that NumPy lacks, beside those of the core: copies with other elements, and parts of layers and losses.

Their derivative rules are `defvjp` lines in `rules/`, as for functions of NumPy.
"""

import cmath
from typing import Any

import numpy as np

from .core.primitives import accumulator, array_function

TINY, LEAST = 1e-30, 1e-35


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
def scatter_add(values: Any, index: Any, like: Any) -> Any:
    """Zeros of the shape of `like`, with `values` added at `index`; values at the same element are summed.

    It is the transpose of the linear map `getitem`.

    >>> scatter_add(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 0]), np.zeros(3))
    array([4., 0., 2.])
    """
    total = np.zeros_like(like, dtype=getattr(values, "dtype", float))
    add_into(total, index, values)
    return total


def add_into(total: Any, index: Any, values: Any) -> None:
    """Add `values` to the array `total` in place, at `index`."""
    if _may_repeat(index):
        few = values.size <= 1000 or total.size > 16 * values.size  # where few meet, and copies would cost more
        if few and total.dtype.char != "e":
            np.add.at(total, index, values)
        else:  # NumPy adds at the numbers of elements of a vector several times as fast as at other indices
            numbers = np.reshape(np.arange(total.size), total.shape)[index]
            values = np.broadcast_to(values, numbers.shape)
            wide = accumulator(values, values.size) or total.dtype
            sums = np.zeros(total.size, wide)
            np.add.at(sums, np.ravel(numbers), np.ravel(values.astype(wide, copy=False)))
            total += np.reshape(sums, total.shape).astype(total.dtype, copy=False)
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
    changed = np.asarray(_copy_for(x, values), order="C")  # NumPy takes no other order if the axis is None
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
    """Return whether `index` can select one element twice: only an array of several integers can."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [np.asarray(part) for part in parts if isinstance(part, (list, np.ndarray))]
    return any(array.size > 1 and array.dtype != bool for array in arrays)
