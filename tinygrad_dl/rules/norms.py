"""Norms of vectors and matrices, and condition numbers."""

import numpy as np

from ..registry import defspelling, defvjp
from .arrays import nonzero

# ---- vectors


def _vector_norm_vjp(g, ans, x, *, axis=None, keepdims=False, ord=2):
    """Zero wherever an element is, for every order: there the norm has a kink, or no slope."""
    if not keepdims:
        axes = tuple(range(x.ndim)) if axis is None else axis
        g, ans = np.expand_dims(g, axes), np.expand_dims(ans, axes)
    if ord == 0:  # how many are not zero
        return np.zeros_like(x)
    if ord == 2:
        return g * (np.conj(x) / nonzero(ans))
    g = g * np.conj(np.sign(x))
    if np.isinf(ord):
        tied = np.abs(x) == ans
        return g * (tied / np.sum(tied, axis=axis, keepdims=True, dtype=ans.dtype))
    if ord == 1:
        return g
    if ord < 0:
        g = np.where(ans == 0, 0, g)  # one zero makes it 0, whatever the others are
    return g * np.where(x == 0, 1, np.abs(x) / nonzero(ans)) ** (float(ord) - 1)


defvjp(np.linalg.vector_norm, _vector_norm_vjp)

# ---- matrices, in the last two axes

_MATRIX_NORMS = {
    "nuc":   lambda x: np.sum(np.linalg.svdvals(x), axis=-1),
    2:       lambda x: np.max(np.linalg.svdvals(x), axis=-1),
    -2:      lambda x: np.min(np.linalg.svdvals(x), axis=-1),
    1:       lambda x: np.max(np.sum(np.abs(x), axis=-2), axis=-1),
    -1:      lambda x: np.min(np.sum(np.abs(x), axis=-2), axis=-1),
    np.inf:  lambda x: np.max(np.sum(np.abs(x), axis=-1), axis=-1),
    -np.inf: lambda x: np.min(np.sum(np.abs(x), axis=-1), axis=-1),
}


def _matrix_norm(x, /, *, keepdims=False, ord="fro"):
    if ord in (None, "fro", "f"):
        return np.linalg.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord not in _MATRIX_NORMS:
        raise ValueError(f"expected one of 'fro', 'nuc', 2, -2, 1, -1, inf, -inf as ord for matrices, got {ord!r}.")
    norm = _MATRIX_NORMS[ord](x)
    return np.expand_dims(norm, (-2, -1)) if keepdims else norm


def _norm(x, ord=None, axis=None, keepdims=False):
    ndim = np.ndim(x)
    if axis is None and (ord is None or (ord in ("fro", "f") and ndim == 2)):
        return np.linalg.vector_norm(x, keepdims=keepdims)
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"np.linalg.norm: expected a number or None as ord for vectors, got {ord!r}.")
        return np.linalg.vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"np.linalg.norm: expected one axis or two, got {len(axes)}; np.linalg.vector_norm takes any.")
    norm = np.linalg.matrix_norm(np.moveaxis(x, axes, (-2, -1)), ord=ord)
    return np.expand_dims(norm, axes) if keepdims else norm


def _cond(x, p=None):
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.matrix_norm(x, ord=p) * np.linalg.matrix_norm(np.linalg.inv(x), ord=p)


defspelling(np.linalg.matrix_norm, _matrix_norm)
defspelling(np.linalg.norm,        _norm)
defspelling(np.linalg.cond,        _cond)
