"""Sorting, selecting by rank, and functions of sets: the cotangent goes back to where each value came from."""

import numpy as np

from tinygrad_dl.coverage.cases import apart, between, one, table

LATER = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 1.0], dtype=np.float32)  # times an array: some of it zero
FRAME = np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=np.float32)

CASES = table(
    (*one(np.sort, ""), apart(2, 4)),
    (*one(np.sort, "axis=0 stable=True", axis=0, stable=True), apart(4, 2)),
    (*one(np.sort, "axis=None", None), apart(2, 3)),
    (*one(np.sort, "kind=", 1, "mergesort"), apart(2, 3, 1)),
    (*one(np.partition, "", 2), apart(7)),
    (*one(np.partition, "of several, axis=0", (1, -1), axis=0), apart(4, 2)),
    (*one(np.partition, "axis=None kind=", 3, None, "introselect"), apart(2, 3)),
    (np.sort_complex, "of real numbers", lambda x: np.real(np.sort_complex(x)), apart(2, 3)),
    (np.sort_complex, "of complex numbers", lambda x: np.imag(np.sort_complex(1j * x)), apart(5)),
    (*one(np.unique, ""), apart(2, 3)),
    (np.unique, "with repeats", lambda x: np.unique(x[np.array([0, 2, 1, 2, 0])]), apart(3)),
    (np.unique, "and the rest", lambda x: np.unique(x, True, True, True)[0], apart(4)),
    (np.unique, "axis=0", lambda x: np.unique(x[np.array([0, 1, 0])], axis=0), apart(2, 3)),
    (np.unique, "axis=-1 and counts", lambda x: np.unique(x, return_counts=True, axis=-1)[0], apart(2, 3)),
    (np.unique_values, "", lambda x: np.sort(np.unique_values(x)), apart(2, 3)),  # in NumPy in no order
    (np.unique_all, "values", lambda x: np.unique_all(x).values, apart(4)),
    (np.unique_counts, "values", lambda x: np.unique_counts(x).values, apart(4)),
    (np.unique_inverse, "values", lambda x: np.unique_inverse(x).values, apart(4)),
    (np.union1d, "", lambda x, y: np.union1d(x, y), apart(2, 2), between(3)),
    (np.intersect1d, "", lambda x, y: np.intersect1d(np.append(x, y[:2]), y), apart(3), between(3)),
    (
        np.intersect1d,
        "assume_unique=True and indices",
        lambda x, y: np.intersect1d(x, np.concatenate([y, x[1:]]), True, True)[0],
        *(apart(4), between(3)),
    ),
    (np.setdiff1d, "", lambda x, y: np.setdiff1d(x, np.append(y, x[1])), apart(4), between(3)),
    (np.setxor1d, "", lambda x, y: np.setxor1d(x, np.append(y, x[1])), apart(4), between(3)),
    (np.trim_zeros, "", lambda x: np.trim_zeros(x * LATER), apart(6)),
    (np.trim_zeros, "trim='f'", lambda x: np.trim_zeros(x * LATER[::-1], "f"), apart(6)),
    (np.trim_zeros, "of a matrix", lambda x: np.trim_zeros(x * FRAME), apart(4, 3)),
    (np.trim_zeros, "trim='b' axis=0", lambda x: np.trim_zeros(x * FRAME, "b", axis=0), apart(4, 3)),
)
