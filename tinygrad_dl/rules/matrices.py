"""Helpers of the chapters of linear algebra: masks, diagonals, the triangle of a Hermitian matrix that NumPy reads."""

from typing import Any

import numpy as np

from ..core import primitives
from ..core.registry import defnondiff


def diagonal(x: Any) -> Any:
    """Make diagonal matrices from the vectors `x`."""
    return np.expand_dims(x, -1) * np.eye(x.shape[-1], dtype=x.dtype)


def hermitian(ct: Any) -> Any:
    """Compute the Hermitian part of `ct`."""
    return (ct + np.conj(ct.mT)) / 2


def half_triangle(x: Any, upper: Any = False) -> Any:
    """Return the mask of a triangle, with 1/2 on the diagonal."""
    mask = np.tri(x.shape[-1], dtype=x.dtype) - np.eye(x.shape[-1], dtype=x.dtype) / 2
    return mask.T if upper else mask


def from_triangle(a: Any, upper: Any = False) -> Any:
    """Complete a triangle to the Hermitian matrix that LAPACK reads, without the imaginary part of the diagonal."""
    part = half_triangle(a, upper) * a
    return part + np.conj(part.mT)


def onto_triangle(ct: Any, upper: Any = False) -> Any:
    """Convert the cotangent of a Hermitian matrix to that of the triangle that was read; 0 in the other triangle."""
    return half_triangle(ct, upper) * (ct + np.conj(ct.mT))


def leading_columns(g: Any, u: Any, k: Any) -> Any:
    """Reduce the cotangent `g` of a unitary matrix to its first `k` columns; return both.

    The other columns depend on these only through the space that they span. A rotation among them is NumPy's choice,
    and has no derivative.
    """
    if u.shape[-1] == k:
        return g, u
    u, others = u[..., :k], u[..., k:]
    return g[..., :k] - np.conj(others) @ np.conj(g[..., k:].mT) @ np.conj(u), u


@primitives.array_function
def vanish(s: Any, size: Any) -> Any:
    """Compute the mask of singular values `s` that are 0 up to rounding, as in matrix_rank; `size` = max(m, n)."""
    return s <= size * np.finfo(s.dtype).eps * np.max(s, axis=-1, keepdims=True, initial=0)


defnondiff(vanish)
