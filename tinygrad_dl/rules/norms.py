"""Norms of vectors and matrices, and condition numbers."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core import primitives
from ..core.registry import defcomposite, defvjp
from ..core.tensor import Tensor
from ._shapes import count_true, nonzero
from .kinks import kink, slopes, undefined_slope, unit

# ---- vectors


def _vector_norm_vjp(g, ans, x, *, axis=None, keepdims=False, ord=2):
    """Compute the gradient of a norm of any order; it is zero at each zero element, a kink or a point of slope 0."""
    axes = tuple(range(-x.ndim, 0)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    axes = tuple(i - x.ndim if i >= 0 else i for i in axes)
    if ord == 0:  # the number of nonzero elements
        return np.zeros_like(x)
    tall, longest = (y if keepdims else np.expand_dims(y, axes) for y in (g, ans))
    part = _part(tall, longest, x, axes, ord)
    if type(ans) is not Tensor or not np.any(x == 0 if ord != 2 else ans == 0):
        return part
    slope = slopes(g, ans, ord in (1, np.inf, -np.inf) and not np.iscomplexobj(x))
    slope = slope if keepdims else np.expand_dims(slope, axes)
    if ord != 2:
        slope = _slope_by_element(slope, tall, longest, x, axes, ord)
    return part + kink(np.conj(x), slope, axes if ord > 0 and np.any(ans == 0) else ())


def _part(g, ans, x, axes, ord):
    if ord == 2:
        return g * unit(np.conj(x), ans)
    g = g * np.conj(np.sign(x))
    if np.isinf(ord):
        tied = np.abs(x) == ans
        return g * (tied / count_true(tied, ans, axes, True))
    if ord == 1:
        return g
    if ord < 0:
        g = np.where(ans == 0, 0, g)  # a single zero element makes the norm 0
    return g * np.where(x == 0, 1, np.abs(x) / nonzero(ans)) ** (float(ord) - 1)


def _slope_by_element(slope, g, ans, x, axes, ord):
    """Compute the derivative of the gradient with respect to each zero element; several at a zero norm have only 0."""
    zero, at_zero = x == 0, ans == 0
    alone = np.sum(zero, axis=axes, keepdims=True) == 1
    slope = np.where(alone | (slope == 0), slope, np.nan)
    if 0 < ord < 1:
        return np.where(zero, undefined_slope(g, zero), 0)
    if ord > 2 or np.isinf(ord):  # a zero element beside others contributes to higher order
        beside = 0.0
    elif ord == 1:
        beside = undefined_slope(g, zero & ((primitives.values(g) == 0) | np.iscomplexobj(x)))
    else:
        beside = undefined_slope(primitives.values(g), zero)
    return np.where(zero, np.where(at_zero, slope, beside), 0)


defvjp(np.linalg.vector_norm, _vector_norm_vjp)

# ---- matrices, in the last two axes

_MATRIX_NORMS = {
    "nuc":   lambda x: np.sum(np.linalg.svdvals(x), axis=-1),
    2:       lambda x: np.linalg.svdvals(x)[..., 0],
    -2:      lambda x: np.linalg.svdvals(x)[..., -1],
    1:       lambda x: np.max(np.sum(np.abs(x), axis=-2), axis=-1),
    -1:      lambda x: np.min(np.sum(np.abs(x), axis=-2), axis=-1),
    np.inf:  lambda x: np.max(np.sum(np.abs(x), axis=-1), axis=-1),
    -np.inf: lambda x: np.min(np.sum(np.abs(x), axis=-1), axis=-1),
}


def _matrix_norm(x, /, *, keepdims=False, ord="fro"):
    if 0 in x.shape[-2:]:
        np.linalg.matrix_norm(primitives.values(x), ord=ord)  # raises what NumPy raises
        return np.sum(np.abs(x), axis=(-2, -1), keepdims=keepdims)
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
    if 0 in x.shape[-2:]:
        raise np.linalg.LinAlgError(f"np.linalg.cond: expected matrices with elements, got shape {x.shape}.")
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.matrix_norm(x, ord=p) * np.linalg.matrix_norm(np.linalg.inv(x), ord=p)


defcomposite(np.linalg.matrix_norm, _matrix_norm)
defcomposite(np.linalg.norm,        _norm)
defcomposite(np.linalg.cond,        _cond)
