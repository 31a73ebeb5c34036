"""Shared by the chapters of linear algebra: masks, diagonals, the triangle that NumPy reads of a Hermitian matrix."""

import numpy as np

from ..core import primitives
from ..core.registry import defnondiff


def diagonal(x):
    """Diagonal matrices of the vectors `x`."""
    return np.expand_dims(x, -1) * np.eye(x.shape[-1], dtype=x.dtype)


def hermitian(ct):
    """The Hermitian part."""
    return (ct + np.conj(ct.mT)) / 2


def half_triangle(x, upper=False):
    """The mask of a triangle, with half of the diagonal."""
    mask = np.tri(x.shape[-1], dtype=x.dtype) - np.eye(x.shape[-1], dtype=x.dtype) / 2
    return mask.T if upper else mask


def from_triangle(a, upper=False):
    """The Hermitian matrix of which LAPACK reads a triangle, ignoring the imaginary part of the diagonal."""
    part = half_triangle(a, upper) * a
    return part + np.conj(part.mT)


def onto_triangle(ct, upper=False):
    """The cotangent of the triangle that was read, given that of the Hermitian matrix: 0 in the other triangle."""
    return half_triangle(ct, upper) * (ct + np.conj(ct.mT))


def leading(g, u, k):
    """The cotangent of the first `k` columns of a unitary matrix alone, and these: the others only make room for them.

    How those turn among themselves is NumPy's choice: what depends on that has no derivative.
    """
    if u.shape[-1] == k:
        return g, u
    u, others = u[..., :k], u[..., k:]
    return g[..., :k] - np.conj(others) @ np.conj(g[..., k:].mT) @ np.conj(u), u


@primitives.primitive
def vanish(s, size):
    """Mask of the singular values `s` that are 0 but for rounding, as matrix_rank has it; `size` is the longer side."""
    return s <= size * np.finfo(s.dtype).eps * np.max(s, axis=-1, keepdims=True, initial=0)


defnondiff(vanish)
