"""Functions that join arrays, and those that split one."""

import numpy as np

from tinygrad_dl import _functions
from tinygrad_dl.coverage.cases import deprecated_row, one, real, table


def _of_list(function, *args, **kwargs):
    return lambda *arrays: function(list(arrays), *args, **kwargs)


CASES = table(
    (_functions.concatenate, "two", _of_list(np.concatenate), real(2, 3), real(1, 3)),
    (np.concatenate, "axis=-1", lambda x, y: np.concatenate((x, y), axis=-1), real(2, 3), real(2, 1)),
    (np.concatenate, "axis=1 by position", lambda x, y: np.concatenate((x, y), 1), real(2, 3, 2), real(2, 1, 2)),
    (np.concatenate, "axis=None", _of_list(np.concatenate, axis=None), real(2, 3), real(2)),
    (np.concatenate, "three", _of_list(np.concatenate), real(1), real(2), real(3)),
    (np.concatenate, "longest first", _of_list(np.concatenate), real(3), real(1), real(2)),
    (np.concatenate, "twice", lambda x: np.concatenate([x, np.ones(2), x, [5.0]]), real(3)),
    (np.concatenate, "rows", np.concatenate, real(2, 3)),
    (np.concatenate, "dtype= casting=", _of_list(np.concatenate, dtype=float, casting="safe"), real(2), real(1)),
    (np.stack, "0", _of_list(np.stack), real(3), real(3)),
    (np.stack, "-1", _of_list(np.stack, axis=-1), real(2, 3), real(2, 3)),
    (np.stack, "numbers", lambda x, y: np.stack([x, y, x]), real(), real()),
    (np.stack, "dtype=", _of_list(np.stack, dtype=float), real(3), real(3)),
    (np.vstack, "rows", _of_list(np.vstack), real(3), real(2, 3)),
    (np.vstack, "numbers", _of_list(np.vstack), real(), real()),
    (np.vstack, "dtype=", _of_list(np.vstack, dtype=float), real(3), real(3)),
    (np.hstack, "vectors", _of_list(np.hstack), real(3), real(2)),
    (np.hstack, "numbers", _of_list(np.hstack), real(), real(2)),
    (np.hstack, "matrices", _of_list(np.hstack, casting="no"), real(2, 3), real(2, 1)),
    (np.dstack, "vectors", _of_list(np.dstack), real(3), real(1, 3)),
    (np.dstack, "cubes", _of_list(np.dstack), real(2, 3), real(2, 3, 2)),
    (np.column_stack, "vectors", _of_list(np.column_stack), real(3), real(3)),
    (np.column_stack, "vector and matrix", _of_list(np.column_stack), real(2), real(2, 3)),
    (np.append, "flat", np.append, real(2, 3), real(2)),
    (np.append, "axis=1", lambda x, y: np.append(x, y, axis=1), real(2, 3), real(2, 1)),
    (np.append, "number", lambda x: np.append(x, 3.0), real(2)),
    (np.block, "row", _of_list(np.block), real(3), real(2)),
    (np.block, "matrix", lambda x, y: np.block([[x, np.ones((2, 1))], [y, 7.0]]), real(2, 3), real(3)),
    (np.block, "deep", lambda x, y: np.block([[[x]], [[y]]]), real(2, 3), real(2, 3)),
    (np.block, "one", lambda x: np.block(x) ** 2, real(2, 3)),
    *[(*row, real(2, 3)) for row in deprecated_row("row_stack", "of rows")],
    (*one(np.split, "equal", 3), real(6)),
    (*one(np.split, "at, axis=1", [1, 3], axis=1), real(2, 4)),
    (*one(np.split, "axis=-1", 2, axis=-1), real(2, 4)),
    (*one(np.array_split, "unequal", 3), real(7, 2)),
    (*one(np.array_split, "into nothing", 3), real(2)),
    (*one(np.array_split, "axis=1", [2], axis=1), real(2, 3)),
    (*one(np.hsplit, "matrix", 2), real(2, 4)),
    (*one(np.hsplit, "vector", [1]), real(4)),
    (*one(np.vsplit, "", [1]), real(3, 2)),
    (*one(np.dsplit, "", 2), real(1, 3, 2)),
    (*one(np.unstack, "0"), real(2, 3)),
    (*one(np.unstack, "axis=-1", axis=-1), real(2, 3)),
)
