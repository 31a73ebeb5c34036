"""Numbers in a picture: small arrays in full, large ones in a line, norms, memory, and a tiny image of a matrix."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ..core.primitives import Outputs

# An array is shown in full if it has at most
FULL = 12  # numbers,
ROWS = 6  # rows, and
WIDE = 64  # characters per row


def number(x: Any) -> str:
    """A number in at most three digits.

    >>> number(0.123456), number(12345678.0), number(3), number(True), number(1 - 2j)
    ('0.123', '1.23e+07', '3', 'True', '1-2j')
    """
    x = x.item() if isinstance(x, (np.ndarray, np.generic)) else x
    return str(x) if isinstance(x, bool) else f"{x:.3g}"


class Row(str):
    """A row of an array, to be aligned in columns."""


def lines(array: Any) -> list[str]:
    """The numbers of an array, one line per row; for a large array its range and mean; [] for several outputs.

    >>> lines(np.array([[1.0, -0.5], [0.25, 3.0]]))
    ['   1  -0.5', '0.25     3']
    >>> lines(np.linspace(0, 1, 101))
    ['0 to 1, mean 0.5']
    """
    if isinstance(array, Outputs):
        return []
    array = np.asarray(array)
    if not array.size:
        return ["no numbers"]
    if array.size > FULL or array.ndim > 2 or (array.ndim == 2 and len(array) > ROWS):
        return [spread(array)]
    texts = [[number(x) for x in row] for row in np.atleast_2d(array)]
    width = max(len(text) for row in texts for text in row)
    rows: list[str] = [Row("  ".join(text.rjust(width) for text in row)) for row in texts]
    return rows if len(rows[0]) <= WIDE else [spread(array)]


def spread(array: np.ndarray) -> str:
    """The range of the numbers of a large array, their mean, and the count of those that are not finite."""
    finite = array[np.isfinite(array)]
    bad = array.size - finite.size
    if not finite.size:
        return f"all {bad:,} nan or inf"
    if array.dtype.kind == "c":
        text = f"|z| {number(np.abs(finite).min())} to {number(np.abs(finite).max())}"
    elif finite.min() == finite.max():
        text = f"all {number(finite.flat[0])}"
    else:
        text = f"{number(finite.min())} to {number(finite.max())}, mean {number(mean(finite.astype(float)))}"
    return f"{text}, {bad:,} nan or inf" if bad else text


def mean(finite: np.ndarray) -> Any:
    """The mean of floats or complex numbers, also if their sum overflows.

    >>> mean(np.array([1e308, 1e308]))
    np.float64(1e+308)
    """
    largest = min(float(np.abs(finite).max(initial=0.0)), sys.float_info.max) or 1.0
    return largest * np.mean(finite / largest)


def norm(array: Any) -> float:
    """The Euclidean norm of all numbers, of several outputs together; correct also if their squares overflow.

    >>> round(norm(np.array([[3e200, 4e200]])) / 1e200, 9)
    5.0
    """
    parts = [np.asarray(part) for part in array if part is not None] if isinstance(array, Outputs) else [array]
    largest = max((float(np.max(np.abs(part), initial=0)) for part in parts), default=0.0)
    if not math.isfinite(largest) or largest == 0:
        return largest
    wide = np.complex128 if any(np.iscomplexobj(part) for part in parts) else np.float64
    return largest * math.sqrt(sum(float(np.sum(np.abs(np.asarray(part, wide) / largest) ** 2)) for part in parts))


def memory(count: float) -> str:
    """A number of bytes as text; 1 kB is 1,000 bytes.

    >>> memory(32), memory(12_800), memory(3_000_000_000)
    ('32 B', '12.8 kB', '3.0 GB')
    """
    if count < 1000:
        return f"{count:.0f} B"
    power = next((power for power in (1, 2, 3) if count / 1000**power < 999.95), 4)  # 999.95 is printed as 1000.0
    return f"{count / 1000**power:.1f} {'kMGT'[power - 1]}B"


def size(array: Any) -> int:
    """The bytes that the numbers of an array take, or of several."""
    return sum(part.nbytes for part in array) if isinstance(array, Outputs) else np.asarray(array).nbytes


def image(array: Any, rows: int = 8, columns: int = 16) -> np.ndarray | None:
    """A matrix of at most `rows` x `columns` means of the blocks of a real array, divided by the largest |mean|.

    A vector is a row; of more than two axes, the last is kept. None for fewer than two numbers.

    >>> image(np.array([[1.0, -2.0], [0.0, 4.0]]))
    array([[ 0.25, -0.5 ],
           [ 0.  ,  1.  ]])
    """
    if isinstance(array, Outputs) or np.size(array) < 2 or np.asarray(array).dtype.kind not in "fiub":
        return None
    matrix = np.asarray(array, float).reshape(-1, np.shape(array)[-1])
    matrix = matrix / (np.max(np.abs(matrix), initial=0, where=np.isfinite(matrix)) or 1)  # so that sums don't overflow
    matrix = np.where(np.isfinite(matrix), matrix, np.nan)
    for axis, most in ((0, rows), (1, columns)):
        starts = np.linspace(0, matrix.shape[axis], min(most, matrix.shape[axis]), endpoint=False).astype(int)
        counts = np.diff([*starts, matrix.shape[axis]])
        matrix = np.add.reduceat(matrix, starts, axis=axis) / np.expand_dims(counts, 1 - axis)
    finite = np.where(np.isfinite(matrix), matrix, 0)
    largest = np.max(np.abs(finite))
    return finite / largest if largest else finite
