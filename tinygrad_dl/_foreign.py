"""Arrays of other libraries and containers of numbers, such as data frames, buffers and deques, for NumPy to read."""

from collections.abc import ItemsView, Iterator, KeysView, Sequence, Set, ValuesView
from types import BuiltinFunctionType, EllipsisType, FunctionType, NoneType
from typing import Any

import numpy as np

IMMUTABLE = frozenset(
    {NoneType, EllipsisType, bool, int, float, complex, str, bytes, slice, range, type}
    | {FunctionType, BuiltinFunctionType, np.ufunc}
)
LISTED = (Sequence, KeysView, ValuesView, ItemsView)  # a list of their elements is equivalent, and does not change


def is_array(value: Any) -> bool:
    """Return whether `value` is an array of another library that does not implement NumPy's protocols."""
    kind = type(value)
    if kind in IMMUTABLE or isinstance(value, np.generic) or dispatches(value):
        return False
    if hasattr(kind, "__array__") or (not isinstance(value, type) and hasattr(value, "__array_interface__")):
        return True
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


def dispatches(value: Any) -> bool:
    """Return whether `value` implements NumPy's protocols, or opts out of them with `__array_ufunc__ = None`."""
    kind = type(value)
    return hasattr(kind, "__array_function__") or getattr(kind, "__array_ufunc__", kind) is None


def readable(value: Any) -> Any:
    """Convert `value` to a form that `np.array` reads. Raises TypeError if it does not hold plain numbers."""
    if isinstance(value, (np.ndarray, np.generic, list, tuple, str, bytes)):
        return value
    if isinstance(value, LISTED) and not is_array(value):
        return list(value)
    if isinstance(value, (Set, Iterator)):
        raise TypeError(
            f"expected an array of numbers, got a {type(value).__name__}, which has no order or is read only once: "
            f"pass a list, such as list(x) or sorted(x)."
        )
    array = np.asarray(value)
    dtypes = getattr(value, "dtypes", None)  # of a data frame, by column, or of a series
    if dtypes is None:
        return array
    name = getattr(value, "name", None)
    series = {type(value).__name__ if name is None else name: dtypes}
    named = dict(dtypes.items()) if hasattr(dtypes, "items") else series
    wrong = [name for name, dtype in named.items() if getattr(dtype, "kind", "f") not in "biufc"]
    if not wrong and array.dtype.kind not in "biufc":  # a value is missing, or there is bool beside float
        wrong = [name for name, dtype in named.items() if type(dtype).__module__.split(".")[0] != "numpy"] or [*named]
    if wrong:
        listed = ", ".join(f"{name!r} of dtype {named[name]}" for name in wrong[:5])
        raise TypeError(f"expected numbers, got {listed}: cast it with x.astype(float), or leave it out.")
    return array
