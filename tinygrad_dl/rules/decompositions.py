"""Triangular decompositions, QR and Cholesky; see `eigen` and `singular` for the others.

A cotangent `g` pairs with d(factor) without a conjugate, so a rule has ᵀ where books have ᴴ: `q.mT @ g`.
"""

import numpy as np

from ..core.primitives import array_function
from ..core.registry import defnondiff, defvjp
from .matrices import half_triangle, leading_columns, onto_triangle


@array_function
def _check_independent(r, longer):
    """Raise LinAlgError if the columns of a matrix with the factor `r` are dependent up to rounding."""
    sizes = np.abs(np.diagonal(r, 0, -2, -1))
    if np.any(sizes <= longer * np.finfo(r.dtype).eps * np.max(np.abs(r), axis=(-2, -1), initial=0)[..., None]):
        raise np.linalg.LinAlgError(
            "np.linalg.qr: the first columns of the matrix are dependent, so that the factors have no derivative. "
            "Use functions that need no factors, such as a.T @ a for R.T @ R; or add a little to the matrix."
        )


def _qr_vjp(g, ans, a, mode="reduced"):
    if mode == "r":
        g, ans = (None, g), np.linalg.qr(a)
    elif mode not in ("reduced", "complete"):
        raise TypeError(f'np.linalg.qr has no derivative rule for mode={mode!r}: write "reduced", "complete" or "r".')
    (g_q, g_r), (q, r) = g, ans
    k = min(a.shape[-2:])
    g_r = np.zeros_like(r[..., :k, :]) if g_r is None else g_r[..., :k, :]
    g_q, q = leading_columns(np.zeros_like(q) if g_q is None else g_q, q, k)
    ct_right = np.conj(q) @ g_r[..., k:]  # of the columns beyond the first k: r = qᴴ a
    g_q = g_q + np.conj(a[..., k:]) @ np.conj(g_r[..., k:].mT)
    r, g_r = r[..., :k, :k], g_r[..., :k]
    _check_independent(r, max(a.shape[-2:]))
    inner_q, inner_r = q.mT @ g_q, g_r @ r.mT
    twist = inner_q - inner_r
    inner = inner_r - inner_q + half_triangle(r) * (twist - np.conj(twist.mT))
    left = g_q + np.conj(q) @ inner
    ct_left = np.linalg.solve(r, left.mT).mT
    return np.concatenate([ct_left, ct_right], axis=-1)


def _cholesky_vjp(g, ans, a, *, upper=False):
    g, factor = (np.conj(g.mT), np.conj(ans.mT)) if upper else (g, ans)
    inner = half_triangle(ans) * (factor.mT @ g)
    left = np.linalg.solve(factor.mT, inner)
    return onto_triangle(np.linalg.solve(np.conj(factor.mT), left.mT).mT, upper)


defnondiff(_check_independent)
defvjp(np.linalg.qr,       _qr_vjp)
defvjp(np.linalg.cholesky, _cholesky_vjp)
