"""Polynomials given by their coefficients, highest power first."""

from typing import Any

import numpy as np

from .. import _frames, _functions
from ..core import primitives
from ..core.registry import defcomposite, defnondiff, defvjp
from ._shapes import broadcast_along

# ---- values and roots


def _vander_vjp(g, ans, x, N=None, increasing=False):
    """Use d x**k / dx = k x**(k - 1), whose power is in the adjacent column."""
    count = ans.shape[-1]
    if count < 2:
        return np.zeros_like(x)
    powers = np.arange(1, count, dtype=ans.dtype)
    if increasing:
        return np.sum(g[:, 1:] * powers * ans[:, :-1], axis=1)
    return np.sum(g[:, :-1] * powers[::-1] * ans[:, 1:], axis=1)


def _powers(x, count, dtype):
    return primitives.astype(np.vander(np.ravel(x), count), dtype)  # np.vander widens float32 to float64


def _slope(p, x, dtype):
    """Evaluate the derivative of the polynomial `p` at `x`."""
    p = np.atleast_1d(p)  # len of a np.poly1d is its degree
    if len(p) < 2:
        return np.zeros_like(x)
    return np.polyval(p[:-1] * broadcast_along(np.arange(len(p) - 1, 0, -1, dtype=dtype), 0, p.ndim), x)


def _polyval_by_coefficients(g, ans, p, x):
    powers = _powers(x, len(p), ans.dtype)
    if p.ndim == 1:
        return np.matmul(np.ravel(g), powers)
    powers = np.reshape(powers.T, (len(p), *(1,) * (ans.ndim - np.ndim(x)), *np.shape(x)))
    return np.sum(g * powers, axis=tuple(range(1, ans.ndim + 2 - p.ndim)))  # the engine sums over broadcast axes


def _roots_vjp(g, ans, p):
    """Differentiate p(r) = 0: dr = -dp(r) / p'(r), infinite where two roots coincide."""
    slope = np.where(_is_repeated(p, ans), 0, _slope(p, ans, ans.dtype))
    return -np.matmul(g / slope, _powers(ans, len(p), ans.dtype))


@primitives.array_function
def _is_repeated(p, roots):
    """Compute the mask of roots that coincide up to rounding: an error ε of a coefficient moves a root by ε / p'(r).

    Two roots at a distance d have p' = p'' d, and coincide after such an error if d is about ε**(1/2); three, ε**(1/3).
    """
    p, size = np.trim_zeros(p, "f"), np.abs(roots)
    moved = 64 * np.finfo(roots.dtype).eps * np.polyval(np.abs(p), size)
    return np.abs(np.polyval(np.polyder(p), roots)) ** 2 <= moved * np.abs(np.polyval(np.polyder(p, 2), roots))


defnondiff(_is_repeated)


defvjp(np.vander, _vander_vjp)
defvjp(
    np.polyval,
    _polyval_by_coefficients,
    lambda g, ans, p, x: g * _slope(p, x, ans.dtype),
)
defvjp(np.roots, _roots_vjp)


_SMALL = 16  # up to this size powers of a matrix cost at most 4 digits; above it eigenvalues are more accurate


def _poly(seq_of_zeros):
    zeros = np.atleast_1d(np.stack(seq_of_zeros) if isinstance(seq_of_zeros, (list, tuple)) else seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        if len(zeros) <= _SMALL:
            return characteristic(zeros + 0.0 if zeros.dtype.kind in "biu" else zeros)
        zeros = np.linalg.eigvals(zeros)
    if zeros.ndim != 1:
        raise ValueError(f"np.poly: expected a vector of roots or a square matrix, got shape {zeros.shape}.")
    if len(zeros) == 0:
        return 1.0
    zeros = zeros if zeros.dtype.kind in "fc" else zeros + 0.0
    coefficients = np.ones(1, dtype=zeros.dtype)
    for zero in zeros:
        coefficients = np.convolve(coefficients, np.stack([np.ones_like(zero), -zero]))
    values = primitives.values(zeros)
    conjugates = np.iscomplexobj(values) and np.all(np.sort(values) == np.sort(values.conj()))
    return np.real(coefficients) if conjugates else coefficients


@primitives.array_function
def characteristic(a: Any) -> Any:
    """Compute the coefficients of det(z - a), which NumPy derives from eigenvalues."""
    return np.poly(a)


def _characteristic_vjp(g, ans, a):
    """Use the adjugate of z - a by the Faddeev-LeVerrier recurrence, which holds for any eigenvalues."""
    eye = np.eye(len(a), dtype=ans.dtype)
    factor, ct = eye, -g[1] * eye
    for k in range(1, len(a)):
        factor = a @ factor + ans[k] * eye
        ct = ct - g[k + 1] * factor.mT
    return ct


defvjp(characteristic, _characteristic_vjp)
defcomposite(np.poly, _poly)

# ---- arithmetic


def _pad_to_one_length(a1, a2):
    """Pad both to vectors of one length, with zeros for the missing high powers."""
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    count = max(len(a1), len(a2))
    return (np.concatenate([np.zeros(count - len(a), a.dtype), a]) if len(a) < count else a for a in (a1, a2))


def _drop_leading_zeros(p):
    """Drop leading zero coefficients, as `np.poly1d` does."""
    p = np.atleast_1d(p)
    found = np.flatnonzero(primitives.values(p))
    return p[found[0] :] if len(found) else p[-1:]


def _polydiv(u, v):
    u, v = np.atleast_1d(u) + 0.0, np.atleast_1d(v) + 0.0
    quotient, rest = [], primitives.astype(u, np.result_type(u.dtype, v.dtype))
    for k in range(len(u) - len(v) + 1):
        quotient.append(rest[k] / v[0])
        rest = rest - _functions.scatter_add(quotient[-1] * v, slice(k, k + len(v)), rest)
    while len(rest) > 1 and np.allclose(primitives.values(rest[0]), 0, rtol=1e-14):
        rest = rest[1:]
    return np.stack(quotient) if quotient else np.zeros_like(rest[:1]), rest


def _polyder(p, m=1):
    if m < 0:
        raise ValueError(f"np.polyder: expected an order of at least 0, got {m}: to integrate, use np.polyint.")
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1, dtype=float)
    return p


def _polyint(p, m=1, k=None):
    constants = np.atleast_1d(np.zeros(m) if k is None else k)
    if m < 0 or (len(constants) != 1 and len(constants) < m):
        raise ValueError(f"np.polyint: expected an order of at least 0 and one constant or {m}, got {len(constants)}.")
    for i in range(m):
        constant = constants[i if len(constants) > 1 else 0]
        p = np.concatenate([p / np.arange(len(p), 0, -1, dtype=float), np.reshape(constant, 1)])
    return p


defcomposite(np.polyadd, lambda a1, a2: np.add(*_pad_to_one_length(a1, a2)))
defcomposite(np.polysub, lambda a1, a2: np.subtract(*_pad_to_one_length(a1, a2)))
defcomposite(np.polymul, lambda a1, a2: np.convolve(_drop_leading_zeros(a1), _drop_leading_zeros(a2)))
defcomposite(np.polydiv, _polydiv)
defcomposite(np.polyder, _polyder)
defcomposite(np.polyint, _polyint)

# ---- least squares


def _polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    order = int(deg) + 1
    x, y = np.add(x, 0.0), np.add(y, 0.0)
    lengths = {np.shape(z)[:1] for z in ((x, y) if w is None else (x, y, w))}
    if order < 1 or x.ndim != 1 or x.size == 0 or y.ndim not in (1, 2) or len(lengths) > 1:
        raise TypeError(
            f"np.polyfit: expected a degree of at least 0, a vector x, and y and w as long as it; got deg={deg} and "
            f"shapes {x.shape}, {y.shape}{'' if w is None else f', {np.shape(w)}'}."
        )
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = np.vander(x, order), y
    if w is not None:
        left, right = left * np.expand_dims(w, -1), right * (w if y.ndim == 1 else np.expand_dims(w, -1))
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    c, squares, rank, s = np.linalg.lstsq(left, right, rcond)
    c = c / (scale if y.ndim == 1 else np.expand_dims(scale, -1))
    if full:
        return c, squares, rank, s, rcond
    if rank != order:
        _frames.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning)
    if not cov:
        return c
    covariance = np.linalg.inv(left.mT @ left) / np.outer(scale, scale)
    covariance = covariance if y.ndim == 1 else np.expand_dims(covariance, -1)
    if cov == "unscaled":
        return c, covariance
    if len(x) <= order:
        raise ValueError(f"np.polyfit: cov=True needs more than {order} points, got {len(x)}; or cov='unscaled'.")
    return c, covariance * (squares / (len(x) - order))


defcomposite(np.polyfit, _polyfit)
