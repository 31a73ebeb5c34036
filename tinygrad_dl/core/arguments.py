"""Conversion of non-Tensor arguments: numbers, arrays, indices, settings; `_foreign` reads data frames and the like.

The caller may change an array later, so the graph keeps a copy; rules get their primals as arrays or numbers.
"""

import operator
from collections.abc import Iterator, Set
from typing import Any

import numpy as np

from .._foreign import IMMUTABLE, LISTED, dispatches, is_array, readable
from ..guards import cuts
from ..proxies.dispatching import Symbolic
from .modes import IN_RULE, is_recording

_READ = frozenset({np.ndarray, list, tuple, int, float, np.float64})  # types that `np.array` reads


def primal(value: Any) -> Any:
    """Convert a primal that is no Tensor: a number stays as it is; arrays, lists and other containers become an array.

    Other containers are data frames, buffers, deques and the like. Returns NotImplemented for anything else, and for
    arrays that implement NumPy's protocols. Raises TypeError for data that is not plain numbers.

    >>> primal([1.0, 2.0]), primal(3.0), primal("three")
    (array([1., 2.]), 3.0, NotImplemented)
    """
    if type(value) is float or type(value) is int:
        return value
    if type(value) is np.ndarray:
        return constant(value)
    if isinstance(value, (np.ndarray, np.generic, list, tuple)):
        return numbers(value)
    if isinstance(value, (int, float, complex)):
        return value
    if isinstance(value, (str, bytes)) or dispatches(value):
        return NotImplemented
    held = isinstance(value, (*LISTED, Set, Iterator)) or is_array(value)
    return numbers(value) if held else NotImplemented


def no_primal(value: Any) -> Any:
    """Pass on None, a string or a function in the place of a primal. Raises TypeError for other numbers."""
    if hasattr(type(value), "__float__") and not dispatches(value):
        raise TypeError(f"expected numbers, got a {type(value).__name__}: float(...) makes one.")
    return setting(value)


def to_numpy(value: Any) -> Any:
    """Convert an array of another library, such as a data frame, to a plain one; return anything else as it is."""
    return numbers(value) if is_array(value) else value


def constant(array: np.ndarray) -> np.ndarray:
    """Return a copy of `array` that the graph can keep; in a rule, data of Tensors and views of it as they are."""
    owner = array if array.base is None else array.base
    if is_recording() is not IN_RULE or type(owner) is not np.ndarray or owner.base is not None:
        return numbers(array)
    return numbers(array) if array.flags.writeable or owner.flags.writeable else array


def numbers(value: Any, dtype: Any = None) -> np.ndarray:
    """Convert `value` to a new array of numbers.

    Raises TypeError for text and objects, for columns of a data frame that are not numeric, for a masked array, whose
    mask would be lost, and for a `numpy.matrix`, whose `*` is a matrix product.

    >>> numbers([1, 2], dtype=float)
    array([1., 2.])
    """
    if isinstance(value, Symbolic):
        return value if dtype is None or value.dtype == dtype else value.astype(dtype)  # type: ignore[return-value]
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise TypeError(
            f"expected a plain array, got a {type(value).__name__}: x.filled(value) or np.array(x) makes one."
        )
    if type(value) not in _READ:
        value = readable(value)
    array = np.array(value, dtype=dtype)
    if array.dtype.kind not in "biufc":
        for part in value if isinstance(value, (list, tuple)) else ():
            numbers(part)  # for a more precise error
        raise TypeError(f"expected numbers, got data of dtype {array.dtype}: {str(value)[:60]}")
    if cuts.arrays and (cut := cuts.of(value)) is not None:
        cuts.mark(array, cut)
    return array


def own(values: Any) -> Any:
    """A copy of `values` as an array; a symbolic array, which never changes, is returned itself."""
    return values if isinstance(values, Symbolic) else np.array(values)


def setting(value: Any) -> Any:
    """Copy the mutable parts of an argument that is not differentiable, such as an axis or a shape.

    Raises TypeError for an iterator, which the derivative rule would find exhausted.
    """
    if isinstance(value, np.ndarray):
        return numbers(value)
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if kind in (list, tuple):
        return kind(map(setting, value))
    if isinstance(value, dict):
        return {key: setting(part) for key, part in value.items()}
    if dispatches(value):
        return value
    if isinstance(value, (set, bytearray)):
        return kind(value)
    if isinstance(value, Iterator) or is_array(value):
        return numbers(value)
    if isinstance(value, tuple):
        return kind._make(map(setting, value)) if hasattr(kind, "_make") else tuple(map(setting, value))
    return list(map(setting, value)) if isinstance(value, LISTED) and not isinstance(value, (str, bytes)) else value


def index(value: Any) -> Any:
    """Convert an index to numbers, slices, None, `...` and new arrays, or a tuple of these.

    >>> index(([0, 0], slice(None)))
    (array([0, 0]), slice(None, None, None))
    """
    return tuple(map(_position, value)) if isinstance(value, tuple) else _position(value)


def _position(value: Any) -> Any:
    if value is None or value is Ellipsis or isinstance(value, (int, np.generic)):
        return value
    if isinstance(value, slice):
        return slice(_bound(value.start), _bound(value.stop), _bound(value.step))
    array = np.array(np.asarray(value))  # `__array__` of another holder may give the array that it holds
    return array if array.size or isinstance(value, np.ndarray) else array.astype(int)  # not floats, as [] gives


def _bound(value: Any) -> int | None:
    return None if value is None else operator.index(value)  # a 0-d array is mutable
