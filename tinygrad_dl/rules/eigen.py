"""Eigenvalues and eigenvectors.

The formulas are those of Giles (2008) for real matrices, with conjugates for complex ones. A cotangent `g` pairs with
d(factor) without a conjugate, so a rule has ᵀ where books have ᴴ: `v.mT @ g`.

NumPy reads one triangle of a Hermitian matrix; the derivative with respect to the other one is 0.
"""

from typing import Any

import numpy as np

from ..core import primitives
from ..core.registry import defcomposite, defnondiff, defvjp
from .coinciding import (
    check_apart,
    check_separate,
    check_space,
    coincide,
    decompose_once,
    is_repeated,
    rotation_rates,
)
from .matrices import diagonal, onto_triangle
from .symmetric import Frame, of_values

# ---- the phase of complex vectors


def fix_phase(g: Any, along: Any, v: Any, pivot: Any) -> Any:
    """Correct the cotangent `g` of complex vectors `v`, whose phase LAPACK fixes by making component `pivot` real.

    `along` is the cotangent of the phase: g · v, summed over all vectors that share it.
    """
    if not np.iscomplexobj(v):
        return g
    component = np.sum(pivot * v, axis=-2, keepdims=True)
    return g - 1j * np.imag(along) * (pivot / np.where(component == 0, 1, component))


def scale_cotangent(g: Any, v: Any) -> Any:
    """Compute the cotangent of a scale factor of each of the vectors `v`."""
    return np.sum(g * v, axis=-2, keepdims=True)


def row(i: Any, v: Any) -> Any:
    """Compute the mask of row `i`."""
    return np.expand_dims(np.arange(v.shape[-2]), -1) == i


# ---- Hermitian matrices


@primitives.array_function
def eigh(a: Any, UPLO: Any="L") -> Any:
    """Compute `np.linalg.eigh`, as the one node of its matrix."""
    return np.linalg.eigh(a, UPLO)


eigh.__module__ = "numpy.linalg"  # graphs show it as NumPy's


def _eigh_vjp(g, ans, a, UPLO="L"):
    upper = UPLO == "U"

    def finish(ct):
        return onto_triangle(ct, upper)

    return finish(hermitian_vjp("np.linalg.eigh", g, ans, a, upper, finish))


def hermitian_vjp(name: Any, g: Any, ans: Any, a: Any, upper: Any, finish: Any) -> Any:
    """Compute the cotangent of the Hermitian matrix `a` from those of its eigenvalues and eigenvectors."""
    (g_w, g_v), (w, v) = g, ans
    if g_v is None:
        vectors = primitives.values(v)
        frame = Frame(name, primitives.values(w), np.conj(vectors), vectors, finish)
        if frame.is_plain():
            return np.conj(v) * np.expand_dims(g_w, -2) @ v.mT
        check_separate(name, "values", a, is_repeated(w), g_w)
        return of_values(g_w, w, a, frame)
    if g_w is not None:
        check_apart(name, is_repeated(w), w, g_w, g_v)
    check_separate(name, "vectors", a, is_repeated(w), g_v)
    g_v = fix_phase(g_v, scale_cotangent(g_v, v), v, row(v.shape[-1] - 1 if upper else 0, v))
    inner = v.mT @ g_v
    check_space(name, coincide(w), inner - np.conj(inner.mT), g_v)
    inner = rotation_rates(w) * inner
    return np.conj(v) @ (inner if g_w is None else inner + diagonal(g_w)) @ v.mT


# ---- general matrices


@primitives.array_function
def eig(a: Any) -> Any:
    """Compute `np.linalg.eig`, as the one node of its matrix."""
    return np.linalg.eig(a)


eig.__module__ = "numpy.linalg"


@primitives.array_function
def _inverse_of_vectors(v):
    """Invert the matrix of eigenvectors. Raises LinAlgError if they are nearly dependent.

    An error of ε in the matrix causes one of κε in a first derivative, and of κ²ε in a second, where κ is the condition
    of an eigenvalue. The bar leaves 5/8 of the digits of the first, and a quarter of the second. For a defective
    matrix, rounding alone makes κ about ε**(-1/2) or more, which is above the bar on every machine.
    """
    try:
        inverse = np.linalg.inv(v)
        size = np.max(np.abs(inverse), initial=0)
    except np.linalg.LinAlgError:
        size = np.inf
    if not size <= np.finfo(v.dtype).eps ** (-3 / 8):
        raise np.linalg.LinAlgError(
            f"np.linalg.eig: the matrix is defective, or nearly: its eigenvectors are dependent, with a condition of "
            f"{size:.0e}, so that a derivative is wrong or does not exist. Use functions of the matrix that need no "
            f"eigenvalues: np.trace(a @ a) is the sum of their squares, np.linalg.det(a) their product, np.poly(a) "
            f"has the other symmetric functions."
        )
    return inverse


@primitives.array_function
def _check_alike(frame, g):
    """Raise LinAlgError unless eigenvalues that coincide have equal cotangents."""
    size = np.max(np.abs(g), axis=-1, keepdims=True, initial=0)
    if np.any(np.abs(g - np.sum(frame.mean * g[..., None, :], axis=-1)) > np.sqrt(np.finfo(g.dtype).eps) * size):
        raise np.linalg.LinAlgError(
            "np.linalg.eig: eigenvalues that coincide have infinite derivatives in some direction, so that only a "
            "function that is symmetric in them, such as np.sum(w**2), has a derivative. Set them apart, for example "
            "by adding 1e-6 * np.diag(np.arange(n)) to the matrix; or use eigvalsh if it is Hermitian."
        )


defnondiff(_inverse_of_vectors, _check_alike)


def _eig_vjp(g, ans, a):
    (g_w, g_v), (w, v) = g, ans
    if v.size == 0:
        return np.zeros_like(a)
    inverse, numbers = _inverse_of_vectors(v), primitives.values(v)
    if g_v is None:
        frame = Frame("np.linalg.eig", primitives.values(w), inverse.mT, numbers)
        if frame.is_plain():
            return np.linalg.solve(v.mT, np.expand_dims(g_w, -1) * v.mT)
        _check_alike(frame, g_w)
        check_separate("np.linalg.eig", "values", a, is_repeated(w), g_w)
        return of_values(g_w, w, a, frame)
    if g_w is not None:
        check_apart("np.linalg.eig", is_repeated(w), w, g_w, g_v)
    check_separate("np.linalg.eig", "vectors", a, is_repeated(w), g_v)
    along = scale_cotangent(g_v, v)  # LAPACK makes each of length 1, its largest component real
    largest = np.argmax(np.abs(numbers) * (numbers.imag == 0), axis=-2, keepdims=True)
    g_v = fix_phase(g_v, along, v, row(largest, v))
    inner = v.mT @ (g_v - np.real(along) * np.conj(v))
    check_space("np.linalg.eig", coincide(w), inner, g_v)
    inner = rotation_rates(w) * inner
    return np.linalg.solve(v.mT, inner if g_w is None else inner + diagonal(g_w)) @ v.mT


defvjp(eigh, _eigh_vjp)
defvjp(eig,  _eig_vjp)
defcomposite(np.linalg.eigh,     lambda a, UPLO="L": decompose_once(eigh, a, UPLO.upper()))
defcomposite(np.linalg.eig,      lambda a: decompose_once(eig, a))
defcomposite(np.linalg.eigvalsh, lambda a, UPLO="L": np.linalg.eigh(a, UPLO)[0])
defcomposite(np.linalg.eigvals,  lambda a: np.linalg.eig(a)[0])
