"""Eigenvalues and eigenvectors.

The formulas are the known ones for real matrices (Giles 2008), with conjugates where complex ones need them. In a rule
a cotangent `g` goes with d(factor) without a conjugate, so that ᵀ stands where a book has ᴴ: `v.mT @ g`.

Of a Hermitian matrix NumPy reads one triangle; so does the derivative, which is 0 by the other one.
"""

import numpy as np

from ..core import primitives
from ..core.registry import defnondiff, defspelling, defvjp
from .coinciding import (
    check_apart,
    check_separate,
    check_space,
    coincide,
    partnered,
    shared,
    slopes_of_turns,
)
from .matrices import diagonal, onto_triangle
from .symmetric import Frame, of_values

# ---- the phase of complex vectors


def phase_kept(g, along, v, pivot):
    """The cotangent `g` of vectors `v` that LAPACK turns in the complex plane until their component `pivot` is real.

    `along` is the cotangent of the turn: g · v, summed over all vectors that turn together.
    """
    if not np.iscomplexobj(v):
        return g
    component = np.sum(pivot * v, axis=-2, keepdims=True)
    return g - 1j * np.imag(along) * (pivot / np.where(component == 0, 1, component))


def scaled(g, v):
    """The cotangent of a factor by which each of the vectors `v` is multiplied."""
    return np.sum(g * v, axis=-2, keepdims=True)


def row(i, v):
    """The mask of row `i`."""
    return np.expand_dims(np.arange(v.shape[-2]), -1) == i


# ---- Hermitian matrices


@primitives.primitive
def eigh(a, UPLO="L"):
    """`np.linalg.eigh`, as a node of which there is one for each matrix."""
    return np.linalg.eigh(a, UPLO)


eigh.__module__ = "numpy.linalg"  # for readers of a graph, it is NumPy's


def _eigh_vjp(g, ans, a, UPLO="L"):
    upper = UPLO == "U"

    def finish(ct):
        return onto_triangle(ct, upper)

    return finish(hermitian_vjp("np.linalg.eigh", g, ans, a, upper, finish))


def hermitian_vjp(name, g, ans, a, upper, finish):
    """The cotangent of the Hermitian matrix `a`, given those of its eigenvalues and of its eigenvectors."""
    (g_w, g_v), (w, v) = g, ans
    if g_v is None:
        vectors = primitives.values(v)
        frame = Frame(name, primitives.values(w), np.conj(vectors), vectors, finish)
        if frame.plain():
            return np.conj(v) * np.expand_dims(g_w, -2) @ v.mT
        check_separate(name, "values", a, partnered(w), g_w)
        return of_values(g_w, w, a, frame)
    if g_w is not None:
        check_apart(name, partnered(w), w, g_w, g_v)
    check_separate(name, "vectors", a, partnered(w), g_v)
    g_v = phase_kept(g_v, scaled(g_v, v), v, row(v.shape[-1] - 1 if upper else 0, v))
    inner = v.mT @ g_v
    check_space(name, coincide(w), inner - np.conj(inner.mT), g_v)
    inner = slopes_of_turns(w) * inner
    return np.conj(v) @ (inner if g_w is None else inner + diagonal(g_w)) @ v.mT


# ---- matrices of any kind


@primitives.primitive
def eig(a):
    """`np.linalg.eig`, as a node of which there is one for each matrix."""
    return np.linalg.eig(a)


eig.__module__ = "numpy.linalg"


@primitives.primitive
def _inverse_of_vectors(v):
    """The inverse of eigenvectors. Raises LinAlgError where these are nearly dependent.

    An error of ε in the matrix is one of κε in a derivative, and of κ²ε in a second one, where κ is the condition of an
    eigenvalue. The bar leaves 5/8 of the digits to the first, a quarter to the second. At a matrix that is defective,
    rounding alone makes κ about ε**(-1/2) or more, which is beyond it on every machine.
    """
    try:
        inverse = np.linalg.inv(v)
        size = np.max(np.abs(inverse), initial=0)
    except np.linalg.LinAlgError:
        size = np.inf
    if not size <= np.finfo(v.dtype).eps ** (-3 / 8):
        raise np.linalg.LinAlgError(
            f"np.linalg.eig: the matrix is defective, or nearly: its eigenvectors are dependent, with a condition of "
            f"{size:.0e}, and a derivative by them is wrong, if there is one. Use functions of the matrix that need no "
            f"eigenvalues: np.trace(a @ a) is the sum of their squares, np.linalg.det(a) their product, np.poly(a) "
            f"has the others that are symmetric."
        )
    return inverse


@primitives.primitive
def _check_alike(frame, g):
    """Raise a LinAlgError unless the cotangents of eigenvalues that coincide are the same."""
    size = np.max(np.abs(g), axis=-1, keepdims=True, initial=0)
    if np.any(np.abs(g - np.sum(frame.mean * g[..., None, :], axis=-1)) > np.sqrt(np.finfo(g.dtype).eps) * size):
        raise np.linalg.LinAlgError(
            "np.linalg.eig: eigenvalues that coincide move infinitely fast in some direction, so that only what is "
            "symmetric in them, such as np.sum(w**2), has a derivative. Set them apart, adding 1e-6 * "
            "np.diag(np.arange(n)) to the matrix for instance; or use eigvalsh if it is Hermitian."
        )


defnondiff(_inverse_of_vectors, _check_alike)


def _eig_vjp(g, ans, a):
    (g_w, g_v), (w, v) = g, ans
    if v.size == 0:
        return np.zeros_like(a)
    inverse, numbers = _inverse_of_vectors(v), primitives.values(v)
    if g_v is None:
        frame = Frame("np.linalg.eig", primitives.values(w), inverse.mT, numbers)
        if frame.plain():
            return np.linalg.solve(v.mT, np.expand_dims(g_w, -1) * v.mT)
        _check_alike(frame, g_w)
        check_separate("np.linalg.eig", "values", a, partnered(w), g_w)
        return of_values(g_w, w, a, frame)
    if g_w is not None:
        check_apart("np.linalg.eig", partnered(w), w, g_w, g_v)
    check_separate("np.linalg.eig", "vectors", a, partnered(w), g_v)
    along = scaled(g_v, v)  # each of length 1, its largest component real
    largest = np.argmax(np.abs(numbers) * (numbers.imag == 0), axis=-2, keepdims=True)
    g_v = phase_kept(g_v, along, v, row(largest, v))
    inner = v.mT @ (g_v - np.real(along) * np.conj(v))
    check_space("np.linalg.eig", coincide(w), inner, g_v)
    inner = slopes_of_turns(w) * inner
    return np.linalg.solve(v.mT, inner if g_w is None else inner + diagonal(g_w)) @ v.mT


defvjp(eigh, _eigh_vjp)
defvjp(eig,  _eig_vjp)
defspelling(np.linalg.eigh,     lambda a, UPLO="L": shared(eigh, a, UPLO.upper()))
defspelling(np.linalg.eig,      lambda a: shared(eig, a))
defspelling(np.linalg.eigvalsh, lambda a, UPLO="L": np.linalg.eigh(a, UPLO)[0])
defspelling(np.linalg.eigvals,  lambda a: np.linalg.eig(a)[0])
