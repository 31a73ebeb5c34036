"""The factors of matrices: eigenvectors, singular vectors, QR, Cholesky. Complex vectors have the phase of LAPACK."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import graded, one, real, table

SHAPES = [(2, 2), (3, 2), (2, 3), (2, 2, 2)]
FLAT = ((4, 2), (1, 3), (2, 1, 2))


def hermitian(x: Any) -> Any:
    return x + np.conj(x.mT)


def of_hermitian(function: Any, label: Any, *args: Any, **kwargs: Any) -> Any:
    """A row of a function that reads one triangle: of a matrix that is Hermitian however its elements move."""
    return function, label, lambda x: function(hermitian(x), *args, **kwargs)


def projector(u: Any, axis: Any) -> Any:
    """The projector to the space of all but the first of the vectors along an `axis` of `u`, whatever their basis."""
    others = u[:, 1:] if axis else np.conj(u[1:]).mT
    return others @ np.conj(others.mT)


def parts(result: Any) -> Any:
    """The real and imaginary parts of all outputs."""
    return [part for y in result for part in (np.real(y), np.imag(y))]


def of_any_matrix(label: Any, shape: Any, *outputs: Any) -> Any:
    """A row of `np.linalg.eig`, whose outputs are real or complex as the version of NumPy has it."""
    return np.linalg.eig, label, lambda x: parts(np.linalg.eig(x)[i] for i in outputs), graded(*shape)


CASES = table(
    *[(*of_hermitian(np.linalg.eigh, f"{shape}"), graded(*shape)) for shape in [(1, 1), (3, 3), (2, 2, 2)]],
    (*of_hermitian(np.linalg.eigh, "UPLO=", UPLO="U"), graded(3, 3)),
    (*one(np.linalg.eigh, "one triangle"), graded(3, 3)),
    (*one(np.linalg.eigvalsh, "the other triangle", "U"), graded(3, 3)),
    (*one(np.linalg.svd, "one triangle", hermitian=True), graded(2, 2)),
    (np.linalg.eigh, "vectors", lambda x: np.linalg.eigh(hermitian(x)).eigenvectors, real(2, 2)),
    (np.linalg.eigh, "the largest", lambda x: np.linalg.eigh(hermitian(x))[1][..., -1], graded(2, 2, 2)),
    (*of_hermitian(np.linalg.eigvalsh, "(2, 2, 2)"), graded(2, 2, 2)),
    (*of_hermitian(np.linalg.eigvalsh, "by position", "U"), graded(3, 3)),
    *[of_any_matrix(f"{shape}", shape, 0, 1) for shape in [(1, 1), (3, 3), (2, 2, 2)]],
    (np.linalg.eig, "complex pairs", lambda x: parts(np.linalg.eig(x - 3 * x.mT)), real(3, 3)),
    of_any_matrix("vectors", (2, 2), 1),
    (np.linalg.eigvals, "(2, 2, 2)", lambda x: parts([np.linalg.eigvals(x)]), graded(2, 2, 2)),
    (np.linalg.eigvals, "complex pairs", lambda x: parts([np.linalg.eigvals(x - 3 * x.mT)]), real(3, 3)),
    *[(*one(np.linalg.svd, f"{shape}", full_matrices=False), graded(*shape)) for shape in [*SHAPES, *FLAT]],
    (*one(np.linalg.svd, "square"), graded(3, 3)),
    (np.linalg.svd, "left", lambda x: np.linalg.svd(x, False)[0], graded(3, 2)),
    (np.linalg.svd, "right", lambda x: np.linalg.svd(x, False).Vh, graded(3, 2)),
    (np.linalg.svd, "full, first columns", lambda x: np.linalg.svd(x)[0][:, :2], graded(3, 2)),
    (np.linalg.svd, "full, first rows", lambda x: np.linalg.svd(x)[2][:1], graded(1, 3)),
    *[
        (
            np.linalg.svd,
            f"projector {shape}",
            lambda x, i=i: projector(np.linalg.svd(x)[i], axis=1 - i // 2),
            graded(*shape),
        )
        for i, shape in ((0, (3, 1)), (2, (1, 3)))
    ],
    (*one(np.linalg.svd, "compute_uv=", compute_uv=False), graded(2, 3, 2)),
    (*of_hermitian(np.linalg.svd, "hermitian=", hermitian=True), graded(3, 3)),
    (*of_hermitian(np.linalg.svd, "by position", False, False, True), graded(2, 2)),
    (*one(np.linalg.svdvals, "(2, 2, 3)"), graded(2, 2, 3)),
    *[(*one(np.linalg.qr, f"{shape}"), graded(*shape)) for shape in [*SHAPES, *FLAT]],
    *[(*one(np.linalg.qr, f"r {shape}", "r"), graded(*shape)) for shape in [(3, 2), (2, 3)]],
    *[(*one(np.linalg.qr, f"complete {shape}", mode="complete"), graded(*shape)) for shape in [(2, 2), (2, 3)]],
    (np.linalg.qr, "complete, r", lambda x: np.linalg.qr(x, mode="complete").R, graded(3, 2)),
    (np.linalg.qr, "complete, projector", lambda x: projector(np.linalg.qr(x, "complete")[0], axis=1), graded(3, 1)),
    *[(*of_hermitian(np.linalg.cholesky, f"{shape}"), graded(*shape)) for shape in [(1, 1), (3, 3), (2, 2, 2)]],
    (*of_hermitian(np.linalg.cholesky, "upper=", upper=True), graded(3, 3)),
)
