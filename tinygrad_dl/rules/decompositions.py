"""The factors of matrices: eigenvectors, singular vectors, QR, Cholesky.

The formulas are the known ones for real matrices (Giles 2008), with conjugates where complex ones need them. In a rule
a cotangent `g` goes with d(factor) without a conjugate, so that ᵀ stands where a book has ᴴ: `u.mT @ g`.

A Hermitian matrix is given by one of its triangles. Its cotangent is Hermitian: half of an element's in each triangle.
"""

import numpy as np

from .. import primitives
from ..registry import defnondiff, defspelling, defvjp


def _hermitian(ct):
    return (ct + np.conj(ct.mT)) / 2


def _diagonal(x):
    return np.expand_dims(x, -1) * np.eye(x.shape[-1], dtype=x.dtype)


# ---- values that coincide: their vectors are any basis of a space, and turn at once when the values part
#
# The slope of a turn, 1 / (w_j - w_i), is taken as 0 there. That is right for what depends only on the space that the
# vectors span, and it does not matter for what depends on the values alone. What depends on both, such as V f(w) Vᴴ,
# has a derivative that the cotangents of w and V do not tell (it needs f'), so that is an error.


@primitives.primitive
def _coincide(w):
    """Which of the values `w`, as a matrix of pairs, can't be told apart, given how they are rounded."""
    return np.abs(w[..., None, :] - w[..., :, None]) <= _rounding(w)[..., None, None]


@primitives.primitive
def _vanish(s):
    """Which of the singular values `s` can't be told from zero."""
    return s <= _rounding(s)[..., None]


def _rounding(w):
    return w.shape[-1] * np.finfo(w.dtype).eps * np.max(np.abs(w), axis=-1, initial=0)


def _slopes_of_turns(w):
    same = _coincide(w)
    return np.where(same, 0, 1 / np.where(same, 1, np.expand_dims(w, -2) - np.expand_dims(w, -1)))


@primitives.primitive
def _check_apart(name, unclear, *cotangents):
    """Raise a LinAlgError if there are cotangents of values that are `unclear`, or of their vectors, the columns."""
    for g in cotangents:
        if np.any(unclear & (g != 0 if g.ndim == unclear.ndim else np.any(g != 0, axis=-2))):
            raise np.linalg.LinAlgError(
                f"{name}: the derivative of what depends on both the values and their vectors is unknown where values "
                f"coincide, or vanish. Set them apart, adding 1e-6 * np.diag(np.arange(n)) to the matrix for instance; "
                f"or compute it without a decomposition, or from the values alone (eigvalsh, svdvals)."
            )


def _partnered(w):
    return np.sum(_coincide(w), axis=-1) > 1


defnondiff(_coincide, _vanish, _check_apart)

# ---- the phase of complex vectors


def _phase_kept(g, along, v, pivot):
    """The cotangent `g` of vectors `v` that LAPACK turns in the complex plane until their component `pivot` is real.

    `along` is the cotangent of the turn: g · v, summed over all vectors that turn together.
    """
    if not np.iscomplexobj(v):
        return g
    component = np.sum(pivot * v, axis=-2, keepdims=True)
    return g - 1j * np.imag(along) * (pivot / np.where(component == 0, 1, component))


def _along(g, v):
    return np.sum(g * v, axis=-2, keepdims=True)


def _row(i, v):
    return np.expand_dims(np.arange(v.shape[-2]), -1) == i


# ---- eigenvectors


def _eigh_vjp(g, ans, a, UPLO="L"):
    (g_w, g_v), (w, v) = g, ans
    if g_v is None:
        return _hermitian(np.conj(v) * np.expand_dims(g_w, -2) @ v.mT)
    if g_w is not None:
        _check_apart("np.linalg.eigh", _partnered(w), g_w, g_v)
    g_v = _phase_kept(g_v, _along(g_v, v), v, _row(0 if UPLO in "lL" else v.shape[-1] - 1, v))
    inner = _slopes_of_turns(w) * (v.mT @ g_v)
    return _hermitian(np.conj(v) @ (inner if g_w is None else inner + _diagonal(g_w)) @ v.mT)


def _eig_vjp(g, ans, a):
    (g_w, g_v), (w, v) = g, ans
    if g_v is None:
        return np.linalg.solve(v.mT, np.expand_dims(g_w, -1) * v.mT)
    if v.size == 0:
        return np.zeros_like(a)
    if g_w is not None:
        _check_apart("np.linalg.eig", _partnered(w), g_w, g_v)
    along, numbers = _along(g_v, v), primitives.values(v)  # each of length 1, its largest component real
    largest = np.argmax(np.abs(numbers) * (numbers.imag == 0), axis=-2, keepdims=True)
    g_v = _phase_kept(g_v, along, v, _row(largest, v))
    inner = _slopes_of_turns(w) * (v.mT @ (g_v - np.real(along) * np.conj(v)))
    return np.linalg.solve(v.mT, inner if g_w is None else inner + _diagonal(g_w)) @ v.mT


defvjp(np.linalg.eigh, _eigh_vjp)
defvjp(np.linalg.eig,  _eig_vjp)
defspelling(np.linalg.eigvalsh, lambda a, UPLO="L": np.linalg.eigh(a, UPLO)[0])
defspelling(np.linalg.eigvals,  lambda a: np.linalg.eig(a)[0])

# ---- singular vectors


def _svd_vjp(g, ans, a, full_matrices=True, compute_uv=True, hermitian=False):
    if not compute_uv:
        g, ans = (None, g, None), np.linalg.svd(a, False, True, hermitian)
    (g_u, g_s, g_vh), (u, s, vh) = g, ans
    k = s.shape[-1]
    if g_u is None and g_vh is None:
        slopes = np.expand_dims(np.where(s == 0, 0, g_s), -2)  # as |x| has at 0
        ct = np.conj(u[..., :k]) * slopes @ np.conj(vh[..., :k, :])
    else:
        v = np.conj(vh.mT)
        g_v = np.zeros_like(v) if g_vh is None else np.conj(g_vh.mT)
        g_u = np.zeros_like(u) if g_u is None else g_u
        (g_u, u), (g_v, v) = _leading(g_u, u, k), _leading(g_v, v, k)
        ct = _singular_vectors_vjp(g_u, u, g_s, s, g_v, v)
    return _hermitian(ct) if hermitian else ct


def _singular_vectors_vjp(g_u, u, g_s, s, g_v, v):
    m, n, k, zero = u.shape[-2], v.shape[-2], s.shape[-1], _vanish(s)
    if g_s is not None:
        _check_apart("np.linalg.svd", _partnered(s) | (zero & (m != n or np.iscomplexobj(u))), g_s, g_u, g_v)
    along = _along(g_u, u) + _along(g_v, v)
    if m >= n:
        g_v = _phase_kept(g_v, along, v, _row(0, v))
    else:
        g_u = _phase_kept(g_u, along, u, _row(0, u))
    inner_u, inner_v = u.mT @ g_u, v.mT @ g_v
    both = np.expand_dims(zero, -2) & np.expand_dims(zero, -1)
    means = np.where(both, 0, 1 / np.where(both, 1, np.expand_dims(s, -2) + np.expand_dims(s, -1)))
    together, against = _slopes_of_turns(s) * (inner_u + inner_v), means * (inner_u - inner_v)
    inner = _hermitian(together) + (against - np.conj(against.mT)) / 2
    ct = np.conj(u) @ (inner if g_s is None else inner + _diagonal(g_s)) @ v.mT
    inverse = np.expand_dims(np.where(zero, 0, 1 / np.where(zero, 1, s)), -2)
    if m > k:  # out of the space of the columns
        ct = ct + (g_u - np.conj(u) @ inner_u) * inverse @ v.mT
    if n > k:
        ct = ct + np.conj(u) @ np.conj(((g_v - np.conj(v) @ inner_v) * inverse).mT)
    return ct


def _leading(g, u, k):
    """The cotangent of the first `k` columns of a unitary matrix alone, and these: the others only make room for them.

    How those turn among themselves is NumPy's choice: what depends on that has no derivative.
    """
    if u.shape[-1] == k:
        return g, u
    u, others = u[..., :k], u[..., k:]
    return g[..., :k] - np.conj(others) @ np.conj(g[..., k:].mT) @ np.conj(u), u


defvjp(np.linalg.svd, _svd_vjp)
defspelling(np.linalg.svdvals, lambda x, /: np.linalg.svd(x, compute_uv=False))

# ---- triangular factors


def _qr_vjp(g, ans, a, mode="reduced"):
    if mode == "r":
        g, ans = (None, g), np.linalg.qr(a)
    elif mode not in ("reduced", "complete"):
        raise TypeError(f'np.linalg.qr has no derivative rule for mode={mode!r}: say "reduced", "complete" or "r".')
    (g_q, g_r), (q, r) = g, ans
    k = min(a.shape[-2:])
    g_r = np.zeros_like(r[..., :k, :]) if g_r is None else g_r[..., :k, :]
    g_q, q = _leading(np.zeros_like(q) if g_q is None else g_q, q, k)
    ct_right = np.conj(q) @ g_r[..., k:]  # of the columns that give no new direction: r = qᴴ a
    g_q = g_q + np.conj(a[..., k:]) @ np.conj(g_r[..., k:].mT)
    r, g_r = r[..., :k, :k], g_r[..., :k]
    inner_q, inner_r = q.mT @ g_q, g_r @ r.mT
    twist = inner_q - inner_r
    inner = inner_r - inner_q + _half_lower(r) * (twist - np.conj(twist.mT))
    left = g_q + np.conj(q) @ inner
    ct_left = np.linalg.solve(r, left.mT).mT
    return np.concatenate([ct_left, ct_right], axis=-1)


def _cholesky_vjp(g, ans, a, *, upper=False):
    g, factor = (np.conj(g.mT), np.conj(ans.mT)) if upper else (g, ans)
    inner = _half_lower(ans) * (factor.mT @ g)
    left = np.linalg.solve(factor.mT, inner)
    return _hermitian(np.linalg.solve(np.conj(factor.mT), left.mT).mT)


def _half_lower(x):
    """The mask of a lower triangle, half of the diagonal."""
    return np.tri(x.shape[-1], dtype=x.dtype) - np.eye(x.shape[-1], dtype=x.dtype) / 2


defvjp(np.linalg.qr,       _qr_vjp)
defvjp(np.linalg.cholesky, _cholesky_vjp)
