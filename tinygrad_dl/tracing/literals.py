"""Constants as text that Python reads: numbers, settings such as a dtype, arrays that are short or have a pattern."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_LONGEST = 80  # characters of the numbers in an array


def number(value: complex) -> str:
    """A number as text that evaluates to the same number.

    >>> number(0.5), number(400), number(-np.inf), number(-1j)
    ('0.5', '400', '-np.inf', '-1j')
    """
    if not isinstance(value, complex):
        return re.sub("inf|nan", r"np.\g<0>", repr(value))
    if not np.isfinite(value):
        return f"complex({number(value.real)}, {number(value.imag)})"
    return repr(value) if value.real else number(value.imag).removesuffix(".0") + "j"


def setting(value: Any) -> str | None:
    """A string, a type, None or the like as text; None for values without a short form that Python reads.

    >>> setting("edge"), setting(np.dtype("float32")), setting(bool), setting(...), setting(object())
    ('"edge"', 'np.float32', 'bool', '...', None)
    """
    if isinstance(value, str):
        return repr(value) if '"' in value else f'"{repr(value)[1:-1]}"'
    if isinstance(value, (np.dtype, type)):
        name = value.name if isinstance(value, np.dtype) else value.__name__
        return name if name in ("bool", "int", "float", "complex") else f"np.{name}" if hasattr(np, name) else None
    if value is Ellipsis:
        return "..."
    return repr(value) if value is None or isinstance(value, range) else None


@np.errstate(all="ignore")
def array(x: np.ndarray) -> str | None:
    """An array as text, by its pattern or its numbers; None if it has too many numbers to read.

    >>> array(np.zeros((2, 3))), array(np.arange(3, 0, -1)), array(np.array([0.5, 2])), array(np.sin(np.arange(99)))
    ('np.zeros((2, 3))', 'np.arange(3, 0, -1)', 'np.array([0.5, 2.0])', None)
    """
    if x.dtype.kind not in "biufc":
        return None
    pattern = _pattern(x)
    if pattern is not None or x.size > _LONGEST:
        return pattern
    numbers = _nest(x.tolist())
    dtype = _dtype(x, ", ") if x.dtype.kind in "iu" and x.dtype != int else ""
    return f"np.array({numbers}{dtype})" if len(numbers) <= _LONGEST else None


def _dtype(x: np.ndarray, before: str) -> str:
    """The dtype argument for a function whose default is float; empty for floats."""
    return "" if x.dtype.kind in "fc" else f"{before}int" if x.dtype == int else f"{before}{setting(x.dtype)}"


def _nest(part: Any) -> str:
    return f"[{', '.join(map(_nest, part))}]" if isinstance(part, list) else number(part)


def _pattern(x: np.ndarray) -> str | None:
    """The call that makes zeros, ones, an identity matrix, a triangle or a range; None for other arrays."""
    flat, shape = np.ravel(x), x.shape[0] if x.ndim == 1 else x.shape
    if not x.size or np.all(flat == flat[0]):
        value = flat[0].item() if x.size else 0
        if value in (0, 1):
            return f"np.{'ones' if value else 'zeros'}({shape}{_dtype(x, ', ')})"
        return f"np.full({shape}, {number(value)})" if x.dtype.kind in "fc" or x.dtype == int else None
    for name, matrix in (("eye", np.eye), ("tri", np.tri)) if x.ndim == 2 else ():
        if np.array_equal(x, matrix(*x.shape)):
            sides = f"{len(x)}" if x.shape[0] == x.shape[1] else f"{x.shape[0]}, {x.shape[1]}"
            return f"np.{name}({sides}{_dtype(x, ', dtype=')})"
    ends = _range(flat) if x.size > 1 and (x.dtype.kind == "f" or x.dtype == int) else None
    if ends is None or x.ndim == 1:
        return ends
    return f"{ends}[:, None]" if x.ndim == 2 and x.shape[1] == 1 else f"{ends}.reshape{x.shape}"


def _range(x: np.ndarray) -> str | None:
    if not np.all(np.isfinite(x[[0, 1, -1]])):
        return None
    first, second, last = x[[0, 1, -1]].tolist()
    step = second - first
    if abs(step) == 1 and np.array_equal(x, np.arange(first, last + step, step)):
        ends = [last + step] if (first, step) == (0, 1) else [first, last + step]
        return f"np.arange({', '.join(map(number, ends if step == 1 else [*ends, step]))})"
    if x.dtype.kind == "f" and x.size > 2 and np.array_equal(x, np.linspace(first, last, x.size)):
        return f"np.linspace({number(first)}, {number(last)}, {x.size})"
    return None
