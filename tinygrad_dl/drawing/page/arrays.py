"""Arrays on the page: shape, statistics, a histogram, and as many numbers as there is room for.

An array that occurs in several places, such as a gradient that is a single contribution, is written once, into a table;
its users hold its position there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph import values

_TOTAL = 40_000  # numbers on a page; beyond it, each array is cut shorter
_BINS = 20
_FEW = 30  # numbers, up to which a histogram shows less than they do


class Table:
    """The arrays on a page, with at most `limit` numbers of each, fewer if arrays of these `sizes` leave no such room.

    Only what the page shows of an array is kept.

    >>> table = Table(limit=100)
    >>> x = np.array([[1.0, -2.0], [np.nan, 0.0]])
    >>> table.place(x), table.place(x), table.place(None)
    (0, 0, None)
    >>> entry, = table.entries
    >>> entry["blocks"], entry["min"], entry["bad"], entry["zeros"]
    ([{'at': '', 'rows': [[1.0, -2.0], ['nan', 0.0]]}], -2.0, 1, 0.25)
    """

    def __init__(self, limit: int, sizes: Sequence[int] = ()):
        while limit > 1 and sum(min(size, limit) for size in sizes) > _TOTAL:
            limit = limit * 3 // 4
        self.entries: list[dict[str, Any]] = []  # for JSON
        self._limit = limit
        self._places: dict[int, int] = {}

    def place(self, array: Any, *, lasting: bool = True) -> int | None:
        """Add `array` to the table and return its position; None for no array, and for a tuple of several.

        An array that outlives the table is written once. Pass `lasting=False` for one that doesn't: another array may
        get its id.
        """
        if array is None or isinstance(array, tuple):
            return None
        place = self._places.get(id(array)) if lasting else None
        if place is None:
            place = len(self.entries)
            self.entries.append(to_json(np.asarray(array), self._limit))
            if lasting:
                self._places[id(array)] = place
        return place


def to_json(array: np.ndarray, limit: int) -> dict[str, Any]:
    """One array, with at most about `limit` of its numbers, for JSON; what JSON has no number for is a word.

    >>> to_json(np.arange(6.0).reshape(2, 3), limit=4)["blocks"]
    [{'at': '', 'rows': [[0.0, 1.0], [3.0, 4.0]]}]
    >>> to_json(np.array(np.inf), limit=4)["blocks"], to_json(np.ones((0, 3)), limit=4)["blocks"]
    ([{'at': '', 'rows': [['inf']]}], [])
    """
    with np.errstate(all="ignore"):
        entry = {"shape": list(array.shape), "size": array.size, "dtype": str(array.dtype), **_statistics(array)}
        blocks = _blocks(array, limit)
    shown = sum(len(row) for block in blocks for row in block["rows"])
    return entry | {"blocks": blocks, "cut": shown < array.size}


def _statistics(array: np.ndarray) -> dict[str, Any]:
    numeric, ordered = array.dtype.kind in "fciub", array.dtype.kind in "fiub"
    finite = array[np.isfinite(array)] if numeric else array[:0]
    wide = finite.astype(float if ordered else complex)
    largest = min(float(np.abs(wide).max(initial=0.0)), sys.float_info.max)  # of a longdouble it may be inf
    facts: dict[str, Any] = {"bad": array.size - finite.size, "largest": number(largest)}
    if array.size < 2:
        return facts
    ordered = ordered and finite.size > 0
    facts |= {
        "min": number(finite.min()) if ordered else None,
        "max": number(finite.max()) if ordered else None,
        "mean": number(values.mean(wide)) if finite.size else None,
        "norm": number(values.norm(array)) if numeric else None,
        "zeros": round(float(np.mean(array == 0)), 4),
        "histogram": _histogram(wide) if ordered and array.size > _FEW else None,
    }
    return facts


def _histogram(finite: np.ndarray) -> dict[str, Any] | None:
    low, high = float(finite.min()), float(finite.max())
    if not low < high or not math.isfinite(high - low):
        return None
    counts, _ = np.histogram((finite - low) / (high - low), bins=_BINS, range=(0.0, 1.0))
    return {"from": number(low), "to": number(high), "counts": counts.tolist()}


def _blocks(array: np.ndarray, limit: int) -> list[dict[str, Any]]:
    """The matrices that an array consists of, each with its index, cut at the right and at the bottom."""
    if not array.size:
        return []
    matrix = array.reshape((1,) * (2 - array.ndim) + array.shape) if array.ndim < 2 else array
    outer, (height, width) = matrix.shape[:-2], matrix.shape[-2:]
    count = min(math.prod(outer), max(1, limit // min(height * width, 16)))
    each = max(1, limit // count)
    rows = min(height, max(math.isqrt(each), each // width, 1))
    columns = min(width, max(each // rows, 1))
    blocks = []
    for flat in range(count):
        index = tuple(int(i) for i in np.unravel_index(flat, outer)) if outer else ()
        at = f"[{', '.join(map(str, index))}]" if index else ""
        part = matrix[index][:rows, :columns]
        blocks.append({"at": at, "rows": [[number(x) for x in row] for row in part.tolist()]})
    return blocks


def number(x: Any) -> Any:
    """A number in six digits, or the word for what JSON has none for: nan, inf, a complex number.

    >>> number(1 / 3), number(np.longdouble(1) / 3), number(-np.inf), number(True), number(1 - 0.5j), number(7)
    (0.333333, 0.333333, '-inf', True, '1-0.5j', 7)
    """
    if isinstance(x, np.generic) and not isinstance(x, np.longdouble | np.clongdouble):
        x = x.item()  # of these two it is no number of Python's
    if isinstance(x, bool) or (isinstance(x, int) and abs(x) < 2**53):
        return x
    if isinstance(x, float | np.longdouble):
        return float(f"{float(x):.6g}") if math.isfinite(float(x)) else str(x)  # 1e+400, too, of a longdouble
    return f"{complex(x):.4g}" if isinstance(x, complex | np.clongdouble) else str(x)
