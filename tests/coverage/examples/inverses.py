"""Inverses, solutions of linear systems, and determinants: of stacks, of any shape, singular and not."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import graded, one, real, table

SOLVE = [((2, 2), (2,)), ((2, 2), (2, 3)), ((2, 2, 2), (2,)), ((2, 2, 2), (2, 1)), ((2, 2), (2, 2, 1))]
LSTSQ = [((3, 2), (3,)), ((3, 2), (3, 2)), ((2, 2), (2,)), ((2, 3), (2, 1))]


def of_low_rank(function: Any) -> Any:
    """`function` of a 3x3 matrix of rank 2, made of two factors: where `x` moves, the rank stays."""
    return lambda x, y: function(x @ y)


def hermitian(x: Any) -> Any:
    return x + np.conj(x.mT)


CASES = table(
    *[(*one(np.linalg.inv, f"{shape}"), graded(*shape)) for shape in [(1, 1), (3, 3), (2, 2, 2)]],
    *[(*one(np.linalg.pinv, f"{shape}"), graded(*shape)) for shape in [(2, 2), (3, 2), (2, 3), (2, 3, 1)]],
    (np.linalg.pinv, "of rank 2", of_low_rank(lambda a: np.linalg.pinv(a, 1e-5)), graded(3, 2), graded(2, 3)),
    (*one(np.linalg.pinv, "rtol=", rtol=1e-5), graded(3, 2)),
    (*one(np.linalg.pinv, "one triangle", hermitian=True), graded(2, 2)),
    (np.linalg.pinv, "hermitian=", lambda x: np.linalg.pinv(hermitian(x), hermitian=True), graded(2, 2)),
    *[(np.linalg.solve, f"{a} {b}", np.linalg.solve, graded(*a), real(*b)) for a, b in SOLVE],
    (np.linalg.solve, "beside an array", lambda b: np.linalg.solve(np.array([[2.0, 1.0], [0.0, 3.0]]), b), real(2)),
    *[(np.linalg.lstsq, f"{a} {b}", lambda a, b: np.linalg.lstsq(a, b)[:2], graded(*a), real(*b)) for a, b in LSTSQ],
    (np.linalg.lstsq, "singular values", lambda a, b: np.linalg.lstsq(a, b)[3], graded(3, 2), real(3)),
    (
        np.linalg.lstsq,
        "all",
        lambda a, b: (*np.linalg.lstsq(a, b)[:2], np.linalg.lstsq(a, b)[3]),
        graded(3, 2),
        real(3),
    ),
    (
        np.linalg.lstsq,
        "of rank 2",
        lambda x, y, b: np.linalg.lstsq(x @ y, b, rcond=1e-5)[0],
        graded(3, 2),
        graded(2, 3),
        real(3),
    ),
    (
        np.linalg.tensorsolve,
        "(2, 2, 4)",
        lambda a, b: np.linalg.tensorsolve(np.reshape(a, (2, 1, 2)), b),
        graded(2, 2),
        real(2, 1),
    ),
    (
        np.linalg.tensorsolve,
        "axes=",
        lambda a, b: np.linalg.tensorsolve(np.reshape(a, (2, 2, 1)), b, axes=(0,)),
        graded(2, 2),
        real(2, 1),
    ),
    (np.linalg.tensorinv, "(2, 1, 2)", lambda a: np.linalg.tensorinv(np.reshape(a, (2, 1, 2))), graded(2, 2)),
    (np.linalg.tensorinv, "ind=", lambda a: np.linalg.tensorinv(np.reshape(a, (2, 2, 1)), ind=1), graded(2, 2)),
    *[(*one(np.linalg.det, f"{shape}"), graded(*shape)) for shape in [(1, 1), (3, 3), (2, 2, 2)]],
    *[(np.linalg.det, f"rank {r} of 3", of_low_rank(np.linalg.det), real(3, r), real(r, 3)) for r in (1, 2)],
    (np.linalg.det, "near rank 2", lambda x, y, d: np.linalg.det(x @ y + d * 1e-9), real(3, 2), real(2, 3), real(3, 3)),
    *[(*one(np.linalg.slogdet, f"{shape}"), graded(*shape)) for shape in [(3, 3), (2, 2, 2)]],
    (np.linalg.slogdet, "log alone", lambda x: np.linalg.slogdet(x)[1], graded(2, 2)),
    (np.linalg.slogdet, "of z", lambda x, y: np.imag(np.linalg.slogdet(x + 1j * y)[0]), graded(2, 2), real(2, 2)),
)
