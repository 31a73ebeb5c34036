"""Functions that rearrange."""

import numpy as np

from ... import primitives
from ..cases import one, real, table

CUBE = real(2, 3, 4)

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
    (*one(np.broadcast_to, "(2, 3)", (2, 3)), real(3)),
    (*one(np.broadcast_to, "(2, 3, 2)", (2, 3, 2)), real(3, 1)),
    (*one(np.broadcast_to, "same", (3,)), real(3)),
    (*one(np.ravel, "C"), real(2, 3)),
    (*one(np.ravel, "F", order="F"), real(2, 3)),
    (np.ravel, "flatten", lambda x: x.flatten(), real(2, 3)),
    (primitives.concatenate, "two", lambda x, y: np.concatenate([x, y]), real(2, 3), real(1, 3)),
    (np.concatenate, "axis=-1", lambda x, y: np.concatenate((x, y), axis=-1), real(2, 3), real(2, 1)),
    (np.concatenate, "axis=1 by position", lambda x, y: np.concatenate((x, y), 1), real(2, 3, 2), real(2, 1, 2)),
    (np.concatenate, "axis=None", lambda x, y: np.concatenate((x, y), axis=None), real(2, 3), real(2)),
    (np.concatenate, "three", lambda x, y, z: np.concatenate([x, y, z]), real(1), real(2), real(3)),
    (np.concatenate, "longest first", lambda x, y, z: np.concatenate([x, y, z]), real(3), real(1), real(2)),
    (np.concatenate, "twice", lambda x: np.concatenate([x, np.ones(2), x, [5.0]]), real(3)),
    (np.stack, "0", lambda x, y: np.stack([x, y]), real(3), real(3)),
    (np.stack, "-1", lambda x, y: np.stack([x, y], axis=-1), real(2, 3), real(2, 3)),
    (np.stack, "numbers", lambda x, y: np.stack([x, y, x]), real(), real()),
    (np.vstack, "rows", lambda x, y: np.vstack([x, y]), real(3), real(2, 3)),
    (np.vstack, "numbers", lambda x, y: np.vstack([x, y]), real(), real()),
    (np.hstack, "vectors", lambda x, y: np.hstack([x, y]), real(3), real(2)),
    (np.hstack, "numbers", lambda x, y: np.hstack([x, y]), real(), real(2)),
    (np.hstack, "matrices", lambda x, y: np.hstack([x, y]), real(2, 3), real(2, 1)),
    (*one(np.split, "equal", 3), real(6)),
    (*one(np.split, "at, axis=1", [1, 3], axis=1), real(2, 4)),
    (*one(np.split, "axis=-1", 2, axis=-1), real(2, 4)),
    (*one(np.array_split, "unequal", 3), real(7, 2)),
    (*one(np.array_split, "into nothing", 3), real(2)),
)
