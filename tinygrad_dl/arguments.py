"""What stands beside Tensors in a call: numbers, arrays, lists, indices, settings, as the graph may keep them.

Whoever passed an array may change it later, so the graph keeps a copy; a rule reads its primals as arrays or numbers.
"""

import operator
from typing import Any

import numpy as np

from . import cuts


def primal(value: Any) -> Any:
    """A number, array or list in the place of a primal: a number stays as it is, the others become a new array.

    Gives NotImplemented for anything else. Raises TypeError for arrays that are not of numbers, or are more than that.

    >>> primal([1.0, 2.0]), primal(3.0), primal("three")
    (array([1., 2.]), 3.0, NotImplemented)
    """
    if type(value) is float or type(value) is int:
        return value
    if isinstance(value, (np.ndarray, np.generic, list, tuple)):
        return numbers(value)
    return value if isinstance(value, (int, float, complex)) else NotImplemented


def numbers(value: Any, dtype: Any = None) -> np.ndarray:
    """A new array of what is an array of numbers, or can become one.

    Raises TypeError for text and objects, for a masked array, whose mask would be lost, and for a `numpy.matrix`,
    whose `*` is another.

    >>> numbers([1, 2], dtype=float)
    array([1., 2.])
    """
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise TypeError(
            f"expected a plain array, got a {type(value).__name__}: x.filled(value) or np.array(x) makes one."
        )
    array = np.array(value, dtype=dtype)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"expected numbers, got data of dtype {array.dtype}: {str(value)[:60]}")
    if cuts.arrays and (cut := cuts.of(value)) is not None:
        cuts.mark(array, cut)
    return array


def setting(value: Any) -> Any:
    """An argument that nothing is differentiated by, such as an axis or a shape: any arrays in it are copied."""
    if isinstance(value, np.ndarray):
        return numbers(value)
    if type(value) in (list, tuple):
        return type(value)(map(setting, value))
    if type(value) is dict:
        return {key: setting(part) for key, part in value.items()}
    return value


def index(value: Any) -> Any:
    """An index in NumPy's own terms: numbers, slices, None, `...` and new arrays, or a tuple of these.

    >>> index(([0, 0], slice(None)))
    (array([0, 0]), slice(None, None, None))
    """
    return tuple(map(_position, value)) if isinstance(value, tuple) else _position(value)


def _position(value: Any) -> Any:
    if value is None or value is Ellipsis or isinstance(value, (int, np.generic)):
        return value
    if isinstance(value, slice):
        return slice(_bound(value.start), _bound(value.stop), _bound(value.step))
    array = np.array(value)
    return array if array.size or isinstance(value, np.ndarray) else array.astype(int)  # [] is no list of floats


def _bound(value: Any) -> int | None:
    return None if value is None else operator.index(value)  # an array of no axes may change
