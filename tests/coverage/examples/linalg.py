"""Products of vectors, matrices and stacks of them, at every combination of ranks."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import graded, one, real, table

MATMUL = [  # the shapes of two factors
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((1, 3), (3, 1)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((3,), (2, 2, 3, 4)),
    ((2, 3), (2, 3, 4)),
    ((2, 2, 3), (3, 4)),
    ((2, 2, 3), (2, 3, 1)),
    ((1, 2, 3), (2, 3, 4)),
    ((2, 1, 2, 3), (3, 3, 2)),
]
DOT = [((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (3,)), ((2, 2, 3), (3,)), ((2, 3), (2, 3, 2))]
TENSORDOT = [
    ((2, 3), (2, 3), 2),
    ((2,), (3,), 0),
    ((2, 3), (3, 2), 1),
    ((2, 3, 4), (4, 3), ([1, 2], [1, 0])),
    ((2, 3), (3, 2), (-1, 0)),
    ((2, 3), (2, 4), (0, 0)),
]
MATVEC = [((2, 3), (3,)), ((2, 2, 3), (3,)), ((2, 3), (2, 3))]
CROSS: list[Any] = [
    ((3,), (3,), {}),
    ((2, 3), (3,), {}),
    ((3, 2), (2, 3), {"axisa": 0, "axisc": 0}),
    ((3, 1), (3, 2), {"axis": 0}),
    ((2, 3), (2, 3, 1), {"axisb": 1, "axisc": -2}),
    ((3,), (2, 3), {"axisa": 0, "axisb": -1}),
]

matmul: Any = np.matmul  # the types that NumPy gives these don't know axis, axes and keepdims
vecdot: Any = np.vecdot
linalg_vecdot: Any = np.linalg.vecdot
matvec: Any = getattr(np, "matvec", None)
vecmat: Any = getattr(np, "vecmat", None)

CASES = table(
    *[(np.matmul, f"{a} {b}", np.matmul, real(*a), real(*b)) for a, b in MATMUL],
    (np.matmul, "@ an array", lambda x: x @ np.ones((3, 2)), real(2, 3)),
    (np.matmul, "array @", lambda x: np.ones((2, 2)) @ x, real(2, 3)),
    *[(np.dot, f"{a} {b}", np.dot, real(*a), real(*b)) for a, b in DOT],
    (np.dot, "method", lambda x: x.dot(np.ones(3)), real(2, 3)),
    *[(np.outer, f"{a} {b}", np.outer, real(*a), real(*b)) for a, b in [((2,), (3,)), ((2, 2), (3,)), ((), (2,))]],
    *[
        (np.tensordot, f"{a} {b} {axes}", lambda x, y, axes=axes: np.tensordot(x, y, axes), real(*a), real(*b))
        for a, b, axes in TENSORDOT
    ],
    (np.tensordot, "axes=", lambda x, y: np.tensordot(x, y, axes=1), real(2, 3), real(3)),
    (np.matmul, "axes=", lambda x, y: matmul(x, y, axes=[(0, 1), (1, 2), (0, -1)]), real(2, 3), real(2, 3, 1)),
    (np.matmul, "axes= of a vector", lambda x, y: matmul(x, y, axes=[(1, 0), 0, 0]), real(3, 2), real(3)),
    *[(np.inner, f"{a} {b}", np.inner, real(*a), real(*b)) for a, b in [((3,), (3,)), ((2, 2), (3, 2)), ((), (2,))]],
    *[(np.vdot, f"{a} {b}", np.vdot, real(*a), real(*b)) for a, b in [((3,), (3,)), ((2, 2), (2, 2)), ((), ())]],
    *[(np.kron, f"{a} {b}", np.kron, real(*a), real(*b)) for a, b in [((2, 2), (1, 2)), ((2,), (2, 2)), ((), (3,))]],
    *[
        (np.vecdot, f"{a} {b}", np.vecdot, real(*a), real(*b))
        for a, b in [((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3))]
    ],
    (np.vecdot, "axis=0", lambda x, y: vecdot(x, y, axis=0), real(3), real(3, 2)),
    (np.vecdot, "axis= keepdims=", lambda x, y: vecdot(x, y, axis=0, keepdims=True), real(3, 2), real(3, 2)),
    (np.vecdot, "keepdims=", lambda x, y: vecdot(x, y, keepdims=True), real(2, 3), real(3)),
    (np.vecdot, "axes=", lambda x, y: vecdot(x, y, axes=[0, 1]), real(3, 2), real(2, 3)),
    (np.vecdot, "axes= keepdims=", lambda x, y: vecdot(x, y, axes=[0, 0, 0], keepdims=True), real(3), real(3, 2)),
    *[(np.matvec, f"{a} {b}", np.matvec, real(*a), real(*b)) for a, b in MATVEC],
    *[(np.vecmat, f"{b} {a}", np.vecmat, real(*b), real(*a[:-2], a[-1], 2)) for a, b in MATVEC],
    (np.matvec, "axes=", lambda x, y: matvec(x, y, axes=[(0, 1), 0, 0]), real(2, 3), real(3, 2)),
    (np.vecmat, "axes=", lambda x, y: vecmat(x, y, axes=[-1, (0, 1), -1]), real(2), real(2, 3, 1)),
    *[
        (np.cross, f"{a} {b} {axes}", lambda x, y, axes=axes: np.cross(x, y, **axes), real(*a), real(*b))
        for a, b, axes in CROSS
    ],
    (*one(np.trace, "2, 3"), real(2, 3)),
    (np.trace, "by position", lambda x: np.trace(x, 1, -1, 0, x.dtype), real(3, 2, 2)),
    (*one(np.trace, "offset= axis1= axis2=", offset=-1, axis1=2, axis2=0), real(2, 1, 3)),
    (np.linalg.multi_dot, "2", lambda *x: np.linalg.multi_dot(x), real(2), real(2, 3)),
    (np.linalg.multi_dot, "4", lambda *x: np.linalg.multi_dot(x), real(2, 3), real(3, 1), real(1, 3), real(3, 2)),
    (np.linalg.multi_dot, "3, vectors at the ends", lambda *x: np.linalg.multi_dot(x), real(2), real(2, 3), real(3)),
    *[(*one(np.linalg.matrix_power, f"{n}", n), graded(2, 2)) for n in (-2, -1, 0, 1, 2, 5)],
    (*one(np.linalg.matrix_power, "of a stack", 3), real(2, 2, 2)),
    (np.linalg.cross, "(2, 3) (3,)", np.linalg.cross, real(2, 3), real(3)),
    (np.linalg.cross, "axis=", lambda x, y: np.linalg.cross(x, y, axis=0), real(3, 2), real(3, 2)),
    (np.linalg.matmul, "(2, 3) (3,)", np.linalg.matmul, real(2, 3), real(3)),
    (np.linalg.outer, "(2,) (3,)", np.linalg.outer, real(2), real(3)),
    (np.linalg.tensordot, "axes=", lambda x, y: np.linalg.tensordot(x, y, axes=1), real(2, 3), real(3, 2)),
    (np.linalg.tensordot, "axes=2", np.linalg.tensordot, real(2, 3), real(2, 3)),
    (np.linalg.vecdot, "(2, 3) (3,)", np.linalg.vecdot, real(2, 3), real(3)),
    (np.linalg.vecdot, "axis=", lambda x, y: linalg_vecdot(x, y, axis=0), real(3, 2), real(3, 2)),
    (*one(np.linalg.matrix_transpose, "(2, 1, 3)"), real(2, 1, 3)),
    (*one(np.linalg.diagonal, "offset=", offset=1), real(2, 2, 3)),
    (*one(np.linalg.trace, "(2, 2, 2)"), real(2, 2, 2)),
    (np.linalg.trace, "dtype=", lambda x: np.linalg.trace(x, offset=-1, dtype=x.dtype), real(3, 2)),
)
