"""Values as NumPy code, for failures that can be pasted and run."""

import sys
from typing import Any

import numpy as np


def source_repr(value: Any) -> str:
    """Return NumPy code for `value`; for an array, code with the same numbers, shape, dtype and kind of memory layout.

    Lists, tuples and dicts of arrays become code too; anything else its `repr`.

    >>> source_repr(np.array([[0.0, np.nan]], dtype=np.float32))
    'np.array([[0.0, np.nan]], dtype=np.float32)'
    >>> source_repr({"W": np.zeros((2, 3)), "b": np.arange(3.0)[::-1]})
    "{'W': np.zeros((2, 3)), 'b': np.flip(np.array([0.0, 1.0, 2.0]), (0,))}"
    """
    if type(value) is np.ndarray:
        return _array(value)
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({_number(value)})"
    if isinstance(value, (float, complex)):
        return _number(value)
    if type(value) is dict:
        return f"{{{', '.join(f'{key!r}: {source_repr(part)}' for key, part in value.items())}}}"
    if type(value) is list:
        return f"[{', '.join(map(source_repr, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(source_repr, value))}{',' * (len(value) == 1)})"
    return repr(value)


class Pasted:
    """A base class that makes Hypothesis print the `repr`, several lines of code, and not the fields."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        for i, line in enumerate(repr(self).splitlines()):
            if i:
                printer.break_()
            printer.text(line)


def _array(x: np.ndarray) -> str:
    """The code of an array: its numbers in memory order, inside the operations that make its layout."""
    steps = [(axis, stride) for axis, stride in enumerate(x.strides) if x.shape[axis] > 1]
    if x.size and any(stride == 0 for _, stride in steps):
        kept = tuple(slice(0, 1 if n > 1 and stride == 0 else n) for n, stride in zip(x.shape, x.strides, strict=True))
        return f"np.broadcast_to({_array(x[kept])}, {x.shape})"
    backwards = tuple(axis for axis, stride in steps if stride < 0)
    if backwards:
        return f"np.flip({_array(np.flip(x, backwards))}, {backwards})"
    if x.flags.c_contiguous:
        return _numbers(x)
    if x.flags.f_contiguous:
        return f"np.asfortranarray({_numbers(x)})"
    order = tuple(int(axis) for axis in np.argsort([-stride for stride in x.strides], kind="stable"))
    if order != tuple(range(x.ndim)):
        return f"np.transpose({_array(np.transpose(x, order))}, {tuple(int(axis) for axis in np.argsort(order))})"
    return f"np.repeat({_numbers(x)}, 2, axis=-1)[..., ::2]"  # with gaps


def _numbers(x: np.ndarray) -> str:
    dtype = f", dtype=np.{x.dtype.name}"
    if x.size == 0 or (x.size > 1 and not any(x.tobytes())):  # not for -0.0, which has a bit set
        return f"np.zeros({x.shape if x.ndim != 1 else len(x)}{dtype if x.dtype != float else ''})"
    values = np.array2string(
        x, separator=", ", threshold=sys.maxsize, max_line_width=110, prefix="np.array(", formatter={"all": _number}
    )
    return f"np.array({values}{dtype if x.dtype not in (float, int, bool, complex) else ''})"


def _number(value: Any) -> str:
    if isinstance(value, (complex, np.complexfloating)):
        return f"complex({_number(value.real)}, {_number(value.imag)})"  # in a sum of both, a -0.0 would be lost
    return str(value).replace("nan", "np.nan").replace("inf", "np.inf")
