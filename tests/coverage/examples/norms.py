"""Norms of vectors and matrices, of every order and along every axis, and condition numbers."""

import numpy as np

from tinygrad_dl.coverage.cases import between, graded, nonzero, one, table

ORDERS = (2, 1, np.inf, -np.inf, 3, 0.5, -1, 0, 4.0)
KINDS = ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)
inf = np.inf

CASES = table(
    *[(*one(np.linalg.vector_norm, f"ord={p}", ord=p), between(4)) for p in ORDERS],
    *[(*one(np.linalg.vector_norm, f"ord={p} axis=-2", ord=p, axis=-2), between(3, 2)) for p in (inf, 3)],
    (*one(np.linalg.vector_norm, "axis=(0, 2) keepdims=", axis=(0, 2), keepdims=True, ord=3), nonzero(2, 1, 3)),
    (*one(np.linalg.vector_norm, "keepdims=", keepdims=True), nonzero(2, 2)),
    (*one(np.linalg.vector_norm, "of a number"), nonzero()),
    (*one(np.linalg.vector_norm, "axis=(-1, 0)", axis=(-1, 0), ord=1), nonzero(2, 1, 3)),
    *[(*one(np.linalg.matrix_norm, f"ord={p}", ord=p), graded(2, 2, 2)) for p in KINDS],
    (*one(np.linalg.matrix_norm, "nuc keepdims=", ord="nuc", keepdims=True), graded(2, 1, 2)),
    (*one(np.linalg.matrix_norm, "keepdims=", keepdims=True), graded(2, 2, 2)),
    (*one(np.linalg.norm, "(2, 2, 2)"), nonzero(2, 2, 2)),
    (*one(np.linalg.norm, "of a number"), nonzero()),
    (*one(np.linalg.norm, "f keepdims=", "f", keepdims=True), nonzero(2, 3)),
    (*one(np.linalg.norm, "ord=2", 2), nonzero(3)),
    (*one(np.linalg.norm, "ord=3", 3), nonzero(3)),
    (*one(np.linalg.norm, "axis=0", axis=0), nonzero(3, 2)),
    (*one(np.linalg.norm, "ord=1 axis=-1 keepdims=", 1, -1, True), nonzero(3, 2)),
    (*one(np.linalg.norm, "ord=1", 1), graded(2, 2)),
    (*one(np.linalg.norm, "ord=-2", -2), graded(3, 2)),
    (*one(np.linalg.norm, "nuc axis=(2, 0) keepdims=", "nuc", axis=(2, 0), keepdims=True), nonzero(2, 1, 3)),
    (*one(np.linalg.norm, "ord=inf axis=(-1, 0)", inf, axis=(-1, 0)), nonzero(3, 1, 2)),
    (*one(np.linalg.norm, "axis=(0, 1)", axis=(0, 1)), nonzero(2, 2, 2)),
    *[
        # NumPy 2.2 gives some of these as complex numbers
        (np.linalg.cond, f"{p}", lambda x, p=p: np.real(np.linalg.cond(x, p)), graded(2, 2))
        for p in (None, 2, -2, 1, -1, inf, -inf, "fro", "nuc")
    ],
    (*one(np.linalg.cond, "(2, 3, 2)"), graded(2, 3, 2)),
)
