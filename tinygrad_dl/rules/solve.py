"""Inverses, solutions of linear systems, and determinants."""

import math

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.registry import defcomposite, defnondiff, defvjp, defvjp_jointly
from .matrices import from_triangle, onto_triangle, vanish

# ---- inverses


CUT = "rcond cuts off singular values that are not zero, but the rule is for a constant rank: write it with svd."


def _small(dtype):
    """Return the relative size that counts as 0 in this float type, after some rounding."""
    return math.sqrt(np.finfo(dtype).eps)


def _pinv_vjp(g, ans, a, rcond=None, hermitian=False, *, rtol=None):
    """Differentiate at constant rank (Golub and Pereyra 1973). Raises LinAlgError if `rcond` cut off nonzero values."""
    a = from_triangle(a) if hermitian else a
    given, found = primitives.values(a), primitives.values(ans)
    if a.size and np.max(np.abs(given @ found @ given - given)) > _small(given.dtype) * np.max(np.abs(given)):
        raise np.linalg.LinAlgError(f"np.linalg.pinv: {CUT}")
    inverse, a, gh = np.conj(ans), np.conj(a), np.conj(g).mT
    left, right = gh - a @ (inverse @ gh), gh - gh @ inverse @ a  # no product of three inverses, which may overflow
    ct = left @ inverse @ ans.mT + ans.mT @ inverse @ right - ans.mT @ g @ ans.mT
    return onto_triangle(ct) if hermitian else ct


defvjp(np.linalg.inv,  lambda g, ans, a: -(ans.mT @ g @ ans.mT))
defvjp(np.linalg.pinv, _pinv_vjp)


def _tensorinv(a, ind=2):
    shape = np.shape(a)
    if ind < 1 or math.prod(shape[:ind]) != math.prod(shape[ind:]):
        raise ValueError(
            f"np.linalg.tensorinv: expected prod(a.shape[:ind]) = prod(a.shape[ind:]), got shape {shape} and ind={ind}."
        )
    n = math.prod(shape[:ind])
    return np.reshape(np.linalg.inv(np.reshape(a, (n, n))), shape[ind:] + shape[:ind])


defcomposite(np.linalg.tensorinv, _tensorinv)

# ---- linear systems


def _solve_vjp(g, ans, a, b):
    if b.ndim == 1:  # one right-hand side, even for a stack of matrices
        ct_a, ct_b = _solve_vjp(np.expand_dims(g, -1), np.expand_dims(ans, -1), a, np.expand_dims(b, -1))
        return ct_a, ct_b[..., 0]
    ct_b = np.linalg.solve(a.mT, g)
    return -(ct_b @ ans.mT), ct_b


def _lstsq_vjp(g, ans, a, b, rcond=None):
    """Pull back the solution x, the sums of squared residuals and the singular values, at constant rank."""
    (g_x, g_squares, _, g_s), (x, _, rank, s) = g, ans
    if b.ndim == 1:
        b, x, g_x = (None if z is None else np.expand_dims(z, -1) for z in (b, x, g_x))
    residual = b - a @ x
    ct_a, ct_b = np.zeros_like(a), np.zeros_like(b)
    if g_x is not None:
        inverse = np.linalg.pinv(a, _cutoff(s, rank))
        conj, ac, gh = np.conj(inverse), np.conj(a), np.conj(g_x).mT
        ct_b = ct_b + inverse.mT @ g_x
        remainder = gh - gh @ conj @ ac  # zero if the columns of a are independent
        ct_a = ct_a + np.conj(residual) @ gh @ conj @ inverse.mT + inverse.mT @ np.conj(x) @ remainder - ct_b @ x.mT
    if g_squares is not None and g_squares.size:
        steep = 2 * g_squares * np.conj(residual)
        ct_a, ct_b = ct_a - steep @ x.mT, ct_b + steep
    if g_s is not None:
        u, _, vh = np.linalg.svd(a, full_matrices=False)
        ct_a = ct_a + np.conj(u) * np.where(vanish(s, max(a.shape)), 0, g_s) @ np.conj(vh)
    return ct_a, np.reshape(ct_b, np.shape(ct_b)[:1] + np.shape(ans[0])[1:])


def _cutoff(s, rank):
    """Return the `rcond` with which `pinv` keeps the `rank` largest singular values `s`."""
    if rank == len(s):
        return 0.0
    if np.any(s[rank] > _small(s.dtype) * s[0]):
        raise np.linalg.LinAlgError(f"np.linalg.lstsq: {CUT}")
    return ((s[rank - 1] + s[rank]) / (2 * s[0])).item() if rank else 1.0


defvjp_jointly(np.linalg.solve, _solve_vjp)
defvjp_jointly(np.linalg.lstsq, _lstsq_vjp)


def _tensorsolve(a, b, axes=None):
    order = list(range(np.ndim(a)))
    for axis in axes or ():
        order.remove(axis)
        order.append(axis)
    a = np.transpose(a, order)
    shape, n = np.shape(a)[np.ndim(b) :], math.prod(np.shape(b))
    if math.prod(shape) != n or math.prod(np.shape(a)) != n * n:
        raise np.linalg.LinAlgError(
            f"np.linalg.tensorsolve: expected prod(a.shape[:b.ndim]) = prod(a.shape[b.ndim:]) = b.size, got a of shape "
            f"{np.shape(a)} and b of shape {np.shape(b)}."
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


defcomposite(np.linalg.tensorsolve, _tensorsolve)

# ---- determinants


def _det_vjp(g, ans, a):
    """Use the cofactors, which for a regular matrix are its determinant times its transposed inverse."""
    if a.size == 0:
        return np.zeros_like(a)
    u, vh, regular = _bases(a)
    if np.all(regular):
        cofactors = np.expand_dims(ans, (-2, -1)) * np.linalg.inv(a).mT
    else:
        places = np.ndindex(a.shape[:-2])
        cofactors = np.stack([_cofactors(a[i], u[i], vh[i], regular[i]) for i in places]).reshape(a.shape)
    return np.expand_dims(g, (-2, -1)) * cofactors


@primitives.array_function
def _bases(a):
    """Compute singular vectors of the matrices `a`, and a mask of singular values far from zero, all constants."""
    u, s, vh = np.linalg.svd(np.nan_to_num(a))
    return u, vh, s > math.sqrt(np.finfo(s.dtype).eps) * s[..., :1]


defnondiff(_bases)


def _cofactors(a, u, vh, regular):
    """Compute the cofactors of a matrix, singular or not, as polynomials, so that all derivatives are right.

    In the given constant bases, the matrix has a regular corner, whose Schur complement is nearly zero.
    """
    rank = int(np.sum(regular))
    moved = np.conj(u.mT) @ a @ np.conj(vh.mT)
    corner, right = moved[:rank, :rank], moved[:rank, rank:]
    low, rest = moved[rank:, :rank], moved[rank:, rank:]
    inverse, ones = np.linalg.inv(corner), np.eye(len(a) - rank, dtype=a.dtype)
    schur = rest - low @ inverse @ right
    adjugate, det = _division_free(schur)
    part = _functions.scatter_add(inverse * det, (slice(rank), slice(rank)), moved)
    tall, wide = np.concatenate([-(inverse @ right), ones]), np.concatenate([-(low @ inverse), ones], axis=1)
    whole = np.linalg.det(corner) * (part + tall @ adjugate @ wide)
    turn = np.linalg.det(u) * np.linalg.det(vh)
    return (np.conj(vh.mT) @ (turn * whole) @ np.conj(u.mT)).mT


def _division_free(a):
    """Compute the adjugate and determinant of a small matrix (Faddeev, LeVerrier), dividing only by integers."""
    n, ones = len(a), np.eye(len(a), dtype=a.dtype)
    matrix = ones
    for k in range(1, n):
        product = a @ matrix
        matrix = product - np.trace(product) / k * ones
    adjugate = matrix * (-1) ** (n - 1)
    return adjugate, np.trace(a @ adjugate) / n if n else 1


def _slogdet_vjp(g, ans, a):
    """Differentiate log(det a); the sign is constant for a real matrix, and a phase for a complex one."""
    (g_sign, g_log), (sign, _) = g, ans
    if not np.iscomplexobj(a):
        slope = g_log
    else:
        turn = None if g_sign is None else np.imag(g_sign * sign) * 1j
        slope = turn if g_log is None else g_log if turn is None else g_log + turn
    return np.zeros_like(a) if slope is None else np.expand_dims(slope, (-2, -1)) * np.linalg.inv(a).mT


defvjp(np.linalg.det,     _det_vjp)
defvjp(np.linalg.slogdet, _slogdet_vjp)

defnondiff(np.linalg.matrix_rank)
