"""Singular values and singular vectors; in the notation of `eigen`."""

from typing import Any

import numpy as np

from ..core import primitives
from ..core.registry import defcomposite, defvjp
from .coinciding import (
    check_apart,
    check_separate,
    check_space,
    coincide,
    decompose_once,
    find_node,
    is_repeated,
    rotation_rates,
)
from .eigen import fix_phase, hermitian_vjp, row, scale_cotangent
from .matrices import diagonal, hermitian, leading_columns, onto_triangle, vanish
from .symmetric import Frame, of_values

NAME = "np.linalg.svd"


@primitives.array_function
def svd(a: Any, full_matrices: Any = True, compute_uv: Any = True, hermitian: Any = False) -> Any:
    """Compute `np.linalg.svd`, as the one node of its matrix."""
    return np.linalg.svd(a, full_matrices, compute_uv, hermitian)


svd.__module__ = "numpy.linalg"  # graphs show it as NumPy's


def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    square, hermitian = np.shape(a)[-1] == np.shape(a)[-2], bool(hermitian)
    if not compute_uv:  # reuse a node that has vectors too
        full = square or find_node(svd, a, True, True, hermitian) is not None
        return decompose_once(svd, a, full, True, hermitian)[1]
    full = square or bool(full_matrices)
    other = None if square else find_node(svd, a, not full, True, hermitian)
    if other is not None:
        _check_one_basis(other._value[1], max(a.shape[-2:]))
    return decompose_once(svd, a, full, True, hermitian)


def _check_one_basis(s, longer):
    """Raise LinAlgError if two calls, full and reduced, may choose different bases for values `s` that coincide."""
    if np.any(is_repeated(s) | vanish(s, longer)):
        raise np.linalg.LinAlgError(
            f"{NAME}: singular values of this matrix coincide, or vanish, and were computed in another call, full or "
            f"reduced, that may have other vectors: call np.linalg.svd once for both values and vectors."
        )


def _svd_vjp(g, ans, a, full_matrices=True, compute_uv=True, hermitian=False):
    (g_u, g_s, g_vh), (u, s, vh) = g, ans
    m, n, k = u.shape[-2], vh.shape[-1], s.shape[-1]
    v, finish = np.conj(vh.mT), lambda ct: ct
    if hermitian:  # NumPy gives v = ± u for eigenvectors u, or in some versions 0 where s is 0
        signs, finish = _signs(u, v), onto_triangle
        v = u * np.expand_dims(signs, -2)
    if g_u is None and g_vh is None:
        values = primitives.values
        frame = _Singular(values(s), values(u)[..., :k], values(v)[..., :k], finish)
        if frame.is_plain():
            return finish(np.conj(u[..., :k]) * np.expand_dims(g_s, -2) @ v[..., :k].mT)
        check_separate(NAME, "values", a, _unclear(u, s, v), g_s)
        return finish(of_values(g_s, s, a, frame))
    g_v = np.zeros_like(v) if g_vh is None else np.conj(g_vh.mT)
    g_u = np.zeros_like(u) if g_u is None else g_u
    if hermitian:
        cotangents = (None if g_s is None else g_s * signs, g_u + g_v * np.expand_dims(signs, -2))
        return finish(hermitian_vjp(NAME, cotangents, (s * signs, u), a, False, finish))
    (g_u, u), (g_v, v) = leading_columns(g_u, u, k), leading_columns(g_v, v, k)
    for g_vectors in (g_u, g_v):
        check_separate(NAME, "vectors", a, _unclear(u, s, v), g_vectors)
    return _vectors_vjp(g_u, u, g_s, s, g_v, v, vanish(s, max(m, n)))


def _unclear(u, s, v):
    """Compute the mask of singular values without unique vectors; those of a single 0 are unique up to a sign."""
    m, n = u.shape[-2], v.shape[-2]
    return is_repeated(s) | (vanish(s, max(m, n)) & (m != n or np.iscomplexobj(u)))


def _signs(u, v):
    along = np.sum(np.real(primitives.values(u) * np.conj(primitives.values(v))), axis=-2)
    return np.where(along < 0, -np.ones_like(along), np.ones_like(along))


class _Singular(Frame):
    """A `Frame` of singular vectors and values; values of 0 have cotangent 0, like |x| at 0."""

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

    def rotate(self, slopes, ct):
        against, together, ratios = slopes
        u, v, k = np.conj(self.left), self.right, self.w.shape[-1]
        inner = np.conj(u.mT) @ ct @ v
        centred = inner - np.real(inner - self.centre(inner)) * np.eye(k)
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
    along = scale_cotangent(g_u, u) + scale_cotangent(g_v, v)
    if m >= n:
        g_v = fix_phase(g_v, along, v, row(0, v))
    else:
        g_u = fix_phase(g_u, along, u, row(0, u))
    inner_u, inner_v = u.mT @ g_u, v.mT @ g_v
    both = np.expand_dims(zero, -2) & np.expand_dims(zero, -1)
    skew_u, skew_v = inner_u - np.conj(inner_u.mT), inner_v - np.conj(inner_v.mT)
    check_space(NAME, coincide(s), skew_u + skew_v, g_u, g_v)
    check_space(NAME, both, skew_u, g_u, g_v)
    means = np.where(both, 0, 1 / np.where(both, 1, np.expand_dims(s, -2) + np.expand_dims(s, -1)))
    together, against = rotation_rates(s) * (inner_u + inner_v), means * (inner_u - inner_v)
    inner = hermitian(together) + (against - np.conj(against.mT)) / 2
    ct = np.conj(u) @ (inner if g_s is None else inner + diagonal(g_s)) @ v.mT
    inverse = np.expand_dims(np.where(zero, 0, 1 / np.where(zero, 1, s)), -2)
    if m > k:  # the part orthogonal to the columns
        ct = ct + (g_u - np.conj(u) @ inner_u) * inverse @ v.mT
    if n > k:
        ct = ct + np.conj(u) @ np.conj(((g_v - np.conj(v) @ inner_v) * inverse).mT)
    return ct


defvjp(svd, _svd_vjp)
defcomposite(np.linalg.svd,     _svd)
defcomposite(np.linalg.svdvals, lambda x, /: np.linalg.svd(x, compute_uv=False))
