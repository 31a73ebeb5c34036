"""Arrays as one vector of real numbers, their coordinates.

A complex number has two coordinates, its parts. The cotangent ct of z has the coordinates (Re ct, -Im ct), those of its
conjugate, since ct stands for the change Re(ct dz).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .differences import root_mean_square


def real(arrays: Sequence[Any]) -> np.ndarray:
    """The coordinates of `arrays`, concatenated.

    >>> real([np.array([[1.0], [2.0]]), np.array(3 + 4j)])
    array([1., 2., 3., 4.])
    """
    return np.concatenate([_pairs(np.asarray(array)) for array in arrays]) if arrays else np.zeros(0)


def real_of_cotangents(arrays: Sequence[Any]) -> np.ndarray:
    """The coordinates of cotangents: the derivative with respect to each coordinate of their primals."""
    return real([np.conj(np.asarray(array)) for array in arrays])


def cotangents(vector: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The cotangents, of the shapes and dtypes in `like`, with the coordinates `vector`."""
    return [np.conj(part) for part in arrays(vector, like)]


def arrays(vector: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The arrays with the coordinates `vector`, of the shapes and memory layouts in `like`, complex where they are.

    A complex `vector` gives complex arrays, for complex steps.
    """
    parts, start = [], 0
    for x in like:
        part = vector[start : start + coordinates(x)]
        start += part.size
        if x.dtype.kind == "c":
            part = part[0::2] + 1j * part[1::2]
        parts.append(in_layout_of(part.reshape(x.shape), x))
    return parts


def in_layout_of(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The array `values` in the memory layout of `like`: the order of its axes, backwards, with gaps.

    A layout in which elements overlap or lie far apart becomes a dense one.
    """
    if like.flags.c_contiguous:
        return np.asarray(values, order="C")
    steps, extent = [stride // like.itemsize for stride in like.strides], 1
    for step, length in sorted(zip(map(abs, steps), like.shape, strict=True)):
        dense = step < extent and length > 1
        if dense:
            break
        extent += step * (length - 1)
    if dense or extent > 4 * like.size:
        result = np.empty_like(like, values.dtype, subok=False)
    else:
        first = -sum(min(step, 0) * (length - 1) for step, length in zip(steps, like.shape, strict=True))
        memory, size = np.empty(extent, values.dtype), values.itemsize
        result = np.ndarray(like.shape, values.dtype, memory, first * size, [step * size for step in steps])
    result[...] = values
    return result


def coordinates(array: np.ndarray) -> int:
    """The number of real coordinates of `array`."""
    return 2 * array.size if array.dtype.kind == "c" else array.size


def sizes(x: np.ndarray) -> np.ndarray:
    """The size of each number, as a scale for steps: the size of the others for a 0, and 1 if all are 0.

    A subnormal number is like 0: steps of its size would be rounded.

    >>> sizes(np.array([2.0, 0.0, -1.0])).round(2)
    array([2.  , 1.29, 1.  ])
    """
    size = np.where(np.abs(x) < np.finfo(float).tiny, 0, np.abs(x))
    typical = float(root_mean_square(size.ravel())) if x.size else 0.0
    return np.where(size == 0, typical or 1.0, np.maximum(size, 1e-3 * typical))


def element(array: np.ndarray, coordinate: int) -> tuple[int, ...]:
    """The index of the element of `array` with this coordinate."""
    position = coordinate // 2 if np.iscomplexobj(array) else coordinate
    return tuple(int(i) for i in np.unravel_index(position, array.shape))


def _pairs(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "c":
        return array.ravel().astype(float)
    return np.stack([array.real.ravel(), array.imag.ravel()], axis=1).ravel().astype(float)
