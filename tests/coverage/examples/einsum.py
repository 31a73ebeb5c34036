"""Sums of products over indices: diagonals, ellipses, implicit outputs, broadcasting."""

import numpy as np

from tinygrad_dl import _functions
from tinygrad_dl.coverage.cases import real, table

EINSUM = [  # subscripts, the shapes of the operands
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba", (2, 3)),  # implicit output: in alphabetical order
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iji->j", (2, 3, 2)),
    ("iii->i", (2, 2, 2)),
    ("ii->", (3, 3)),
    ("ij->j", (2, 3)),
    ("ij->", (2, 3)),
    ("ij,k->k", (2, 3), (2,)),  # summed in one operand only
    ("i,i,i->", (3,), (3,), (3,)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ii,i->i", (3, 3), (3,)),
    ("ii,jj->ij", (2, 2), (3, 3)),
    ("i,j->ji", (2,), (3,)),
    ("...ij,...jk->...ik", (2, 2, 3), (2, 3, 2)),
    ("...ij,jk->...ik", (2, 2, 3), (3, 2)),
    ("...i,...i", (2, 3), (3,)),
    ("...i,...i->...", (1, 3), (2, 3)),
    ("i...,i...->...", (2, 1, 3), (2, 2, 1)),
    ("...i,...i->...", (2, 4, 3), (4, 3)),  # ellipses of different lengths
    ("...ii->...", (2, 3, 3)),
    ("...", (2, 3)),
    (" i j , j -> i ", (2, 3), (3,)),
    ("i,i->", (3,), (1,)),  # an axis of length 1 is broadcast
    ("ij,j->i", (2, 1), (3,)),
    (",i->i", (), (3,)),
]

CASES = table(
    *[
        (np.einsum, f"{subscripts} {shapes}", lambda *x, s=subscripts: np.einsum(s, *x), *[real(*s) for s in shapes])
        for subscripts, *shapes in EINSUM
    ],
    (_functions.einsum, "itself", lambda x, y: _functions.einsum("ij,j", x, y), real(2, 3), real(3)),
    (np.einsum, "optimize=", lambda x, y: np.einsum("ij,jk->ik", x, y, optimize=True), real(2, 3), real(3, 2)),
    (np.einsum, "dtype= order=", lambda x: np.einsum("ij->i", x, dtype=x.dtype, order="F"), real(2, 3)),
    (np.einsum, "dtype= casting=", lambda x: np.einsum("ij->i", x, dtype=x.dtype, casting="no"), real(2, 3)),
    (np.einsum, "one operand twice", lambda x: np.einsum("i,i->", x, x), real(3)),
    (np.einsum, "beside an array", lambda x: np.einsum("ij,j->i", np.ones((2, 3)), x), real(3)),
    (np.einsum, "lists", lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), real(2, 3), real(3, 2)),
    (np.einsum, "lists, implicit output", lambda x, y: np.einsum(x, [30, 2], y, [2]), real(2, 3), real(3)),
    (np.einsum, "lists, ellipsis", lambda x: np.einsum(x, [..., 0, 0], [...]), real(2, 2, 2)),
)
