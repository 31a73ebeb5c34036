"""Singular values and singular vectors; in the notation of `eigen`."""

import numpy as np

from ..core import primitives
from ..core.registry import defspelling, defvjp
from .coinciding import (
    check_apart,
    check_separate,
    check_space,
    coincide,
    earlier,
    partnered,
    shared,
    slopes_of_turns,
)
from .eigen import hermitian_vjp, phase_kept, row, scaled
from .matrices import diagonal, hermitian, leading, onto_triangle, vanish
from .symmetric import Frame, of_values

NAME = "np.linalg.svd"


@primitives.primitive
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """`np.linalg.svd`, as a node of which there is one for each matrix."""
    return np.linalg.svd(a, full_matrices, compute_uv, hermitian)


svd.__module__ = "numpy.linalg"  # for readers of a graph, it is NumPy's


def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    square, hermitian = np.shape(a)[-1] == np.shape(a)[-2], bool(hermitian)
    if not compute_uv:  # of the node that has vectors too, if there is one
        full = square or earlier(svd, a, True, True, hermitian) is not None
        return shared(svd, a, full, True, hermitian)[1]
    full = square or bool(full_matrices)
    other = None if square else earlier(svd, a, not full, True, hermitian)
    if other is not None:
        _check_one_basis(other._value[1], max(a.shape[-2:]))
    return shared(svd, a, full, True, hermitian)


def _check_one_basis(s, longer):
    """Raise a LinAlgError if two calls, full and reduced, may choose another basis for values `s` that coincide."""
    if np.any(partnered(s) | vanish(s, longer)):
        raise np.linalg.LinAlgError(
            f"{NAME}: singular values of this matrix coincide, or vanish, and were computed in another call, full or "
            f"reduced, that may have other vectors: call np.linalg.svd once, and take values and vectors from it."
        )


def _svd_vjp(g, ans, a, full_matrices=True, compute_uv=True, hermitian=False):
    (g_u, g_s, g_vh), (u, s, vh) = g, ans
    m, n, k = u.shape[-2], vh.shape[-1], s.shape[-1]
    v, finish = np.conj(vh.mT), lambda ct: ct
    if hermitian:  # NumPy makes v = ± u of eigenvectors u; some versions 0 where s is 0
        signs, finish = _signs(u, v), onto_triangle
        v = u * np.expand_dims(signs, -2)
    if g_u is None and g_vh is None:
        values = primitives.values
        frame = _Singular(values(s), values(u)[..., :k], values(v)[..., :k], finish)
        if frame.plain():
            return finish(np.conj(u[..., :k]) * np.expand_dims(g_s, -2) @ v[..., :k].mT)
        check_separate(NAME, "values", a, _unclear(u, s, v), g_s)
        return finish(of_values(g_s, s, a, frame))
    g_v = np.zeros_like(v) if g_vh is None else np.conj(g_vh.mT)
    g_u = np.zeros_like(u) if g_u is None else g_u
    if hermitian:
        cotangents = (None if g_s is None else g_s * signs, g_u + g_v * np.expand_dims(signs, -2))
        return finish(hermitian_vjp(NAME, cotangents, (s * signs, u), a, False, finish))
    (g_u, u), (g_v, v) = leading(g_u, u, k), leading(g_v, v, k)
    for g_vectors in (g_u, g_v):
        check_separate(NAME, "vectors", a, _unclear(u, s, v), g_vectors)
    return _vectors_vjp(g_u, u, g_s, s, g_v, v, vanish(s, max(m, n)))


def _unclear(u, s, v):
    """The mask of the singular values that share their vectors; those of a single 0 are known but for a sign."""
    m, n = u.shape[-2], v.shape[-2]
    return partnered(s) | (vanish(s, max(m, n)) & (m != n or np.iscomplexobj(u)))


def _signs(u, v):
    along = np.sum(np.real(primitives.values(u) * np.conj(primitives.values(v))), axis=-2)
    return np.where(along < 0, -np.ones_like(along), np.ones_like(along))


class _Singular(Frame):
    """Singular vectors and values, as numbers; those that vanish have the cotangent 0, as |x| has at 0."""

    singular = True

    def __init__(self, s, u, v, finish):
        zero = vanish(s, max(u.shape[-2], v.shape[-2]))
        super().__init__(NAME, s, np.conj(u), v, finish, zero)

    def slopes(self, g, curvature):
        against, s = super().slopes(g, curvature), self.w
        both = self.zero[..., None, :] & self.zero[..., :, None]
        sums = np.where(both, 1, s[..., None, :] + s[..., :, None])
        together = np.where(both, against, (g[..., None, :] + g[..., :, None]) / sums)
        steep = np.diagonal(against, 0, -2, -1)
        return against, together, np.where(self.zero, steep, g / np.where(self.zero, 1, s))

    def turned(self, slopes, ct):
        against, together, ratios = slopes
        u, v, k = np.conj(self.left), self.right, self.w.shape[-1]
        inner = np.conj(u.mT) @ ct @ v
        centred = inner - np.real(inner - self.centred(inner)) * np.eye(k)
        mirrored = np.conj(centred.mT)
        turn = against * (centred + mirrored) / 2 + together * (centred - mirrored) / 2
        moved = u @ turn @ np.conj(v.mT)
        if u.shape[-2] > k:
            moved = moved + (ct @ v - u @ inner) * ratios[..., None, :] @ np.conj(v.mT)
        if v.shape[-2] > k:
            moved = moved + u * ratios[..., None, :] @ (np.conj(u.mT) @ ct - inner @ np.conj(v.mT))
        return np.conj(moved)


def _vectors_vjp(g_u, u, g_s, s, g_v, v, zero):
    m, n, k = u.shape[-2], v.shape[-2], s.shape[-1]
    if g_s is not None:
        check_apart(NAME, _unclear(u, s, v), s, g_s, g_u, g_v)
    along = scaled(g_u, u) + scaled(g_v, v)
    if m >= n:
        g_v = phase_kept(g_v, along, v, row(0, v))
    else:
        g_u = phase_kept(g_u, along, u, row(0, u))
    inner_u, inner_v = u.mT @ g_u, v.mT @ g_v
    both = np.expand_dims(zero, -2) & np.expand_dims(zero, -1)
    skew_u, skew_v = inner_u - np.conj(inner_u.mT), inner_v - np.conj(inner_v.mT)
    check_space(NAME, coincide(s), skew_u + skew_v, g_u, g_v)
    check_space(NAME, both, skew_u, g_u, g_v)
    means = np.where(both, 0, 1 / np.where(both, 1, np.expand_dims(s, -2) + np.expand_dims(s, -1)))
    together, against = slopes_of_turns(s) * (inner_u + inner_v), means * (inner_u - inner_v)
    inner = hermitian(together) + (against - np.conj(against.mT)) / 2
    ct = np.conj(u) @ (inner if g_s is None else inner + diagonal(g_s)) @ v.mT
    inverse = np.expand_dims(np.where(zero, 0, 1 / np.where(zero, 1, s)), -2)
    if m > k:  # out of the space of the columns
        ct = ct + (g_u - np.conj(u) @ inner_u) * inverse @ v.mT
    if n > k:
        ct = ct + np.conj(u) @ np.conj(((g_v - np.conj(v) @ inner_v) * inverse).mT)
    return ct


defvjp(svd, _svd_vjp)
defspelling(np.linalg.svd,     _svd)
defspelling(np.linalg.svdvals, lambda x, /: np.linalg.svd(x, compute_uv=False))
