"""Functions that give the same elements another shape or order."""

import numpy as np

from tinygrad_dl.coverage.cases import one, real, table

CUBE = real(2, 3, 4)
TRIANGLES = (np.tril, np.triu)

CASES = table(
    (*one(np.reshape, "(3, 2)", (3, 2)), real(2, 3)),
    (*one(np.reshape, "-1", -1), real(2, 3)),
    (*one(np.reshape, "F", (3, 2), order="F"), real(2, 3)),
    (np.reshape, "of a transpose", lambda x: np.reshape(x.T, (2, 3)), real(2, 3)),
    (np.reshape, "method, of lengths", lambda x: x.reshape(3, -1), real(2, 3)),
    (*one(np.expand_dims, "0", 0), real(2, 3)),
    (*one(np.expand_dims, "(0, -1)", (0, -1)), real(2, 3)),
    (*one(np.squeeze, "all"), real(1, 2, 1)),
    (*one(np.squeeze, "axis=0", axis=0), real(1, 2, 1)),
    (*one(np.transpose, "all"), CUBE),
    (*one(np.transpose, "(1, 2, 0)", (1, 2, 0)), CUBE),
    (*one(np.transpose, "axes=(-1, 0, 1)", axes=(-1, 0, 1)), CUBE),
    (np.transpose, "method, of numbers", lambda x: x.transpose(2, 0, 1), CUBE),
    (np.transpose, "T", lambda x: x.T, CUBE),
    (*one(np.swapaxes, "0 -1", 0, -1), CUBE),
    (np.swapaxes, "mT", lambda x: x.mT, CUBE),
    (*one(np.moveaxis, "0 2", 0, 2), CUBE),
    (*one(np.moveaxis, "(0, 1) (-1, 0)", (0, 1), (-1, 0)), CUBE),
    (*one(np.matrix_transpose, ""), CUBE),
    (*one(np.rollaxis, "2", 2), CUBE),
    (*one(np.rollaxis, "0 2", 0, 2), CUBE),
    (*one(np.rollaxis, "-3, start=-1", -3, start=-1), CUBE),
    (*one(np.broadcast_to, "(2, 3)", (2, 3)), real(3)),
    (*one(np.broadcast_to, "(2, 3, 2)", (2, 3, 2)), real(3, 1)),
    (*one(np.broadcast_to, "same", (3,)), real(3)),
    (*one(np.ravel, "C"), real(2, 3)),
    (*one(np.ravel, "F", order="F"), real(2, 3)),
    (np.ravel, "flatten", lambda x: x.flatten(), real(2, 3)),
    *[
        (*one(f, f"{shape}"), real(*shape))
        for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)
        for shape in ((), (2,), (2, 3))
    ],
    (np.atleast_2d, "several", lambda x, y: np.atleast_2d(x, y, 3.0)[:2], real(2), real()),
    (*one(np.flip, "all"), real(2, 3)),
    (*one(np.flip, "axis=-1", axis=-1), real(2, 3)),
    (*one(np.flip, "axis=(0, 2)", axis=(0, 2)), real(2, 2, 2)),
    (*one(np.fliplr, ""), real(2, 3)),
    (*one(np.flipud, ""), real(2, 3)),
    (*one(np.roll, "flat", 2), real(2, 3)),
    (*one(np.roll, "axis=1", -1, axis=1), real(2, 3)),
    (*one(np.roll, "axis=(0, 1)", (1, -2), axis=(0, 1)), real(2, 3)),
    (*one(np.roll, "one shift, two axes", 1, (0, 1)), real(2, 3)),
    (*one(np.rot90, ""), real(2, 3)),
    (*one(np.rot90, "k=3 axes=(2, 0)", k=3, axes=(2, 0)), real(2, 1, 3)),
    *[(*one(f, f"{shape} k={k}", k=k), real(*shape)) for f in TRIANGLES for shape, k in (((2, 3), 1), ((2, 2, 2), 0))],
    *[(*one(f, "vector", -1), real(3)) for f in TRIANGLES],
    (np.broadcast_arrays, "two", np.broadcast_arrays, real(3), real(2, 1)),
    (np.broadcast_arrays, "beside a number", lambda x: np.broadcast_arrays(x, 1.0)[0], real(3)),
    (np.meshgrid, "xy", np.meshgrid, real(3), real(2)),
    (np.meshgrid, "ij", lambda x, y, z: np.meshgrid(x, y, z, indexing="ij"), real(2), real(1), real(2)),
    (np.meshgrid, "three, sparse=", lambda x, y, z: np.meshgrid(x, y, z, sparse=True), real(2), real(3), real(2)),
    (np.meshgrid, "one, copy=", lambda x: np.meshgrid(x, copy=False), real(3)),
)
