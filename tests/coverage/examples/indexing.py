"""Basic and advanced indexing."""

import numpy as np

from tinygrad_dl import _functions
from tinygrad_dl.core import primitives
from tinygrad_dl.core.tensor import Tensor
from tinygrad_dl.coverage.cases import real, table

MASK = np.array([[True, False, True], [False, False, True]])
INDICES = {
    "1": 1,
    "-1": -1,
    "numpy integer": np.int64(1),
    "1, 2": (1, 2),
    "1:": slice(1, None),
    "::-1": slice(None, None, -1),
    ":, ::-2": (slice(None), slice(None, None, -2)),
    "None": None,
    "None, 1, ..., None": (None, 1, ..., None),
    "...": ...,
    "..., 0": (..., 0),
    "()": (),
    "0:0": slice(0, 0),
    "mask": MASK,
    "mask of rows": np.array([True, False]),
    "row, mask": (0, np.array([True, False, True])),
    "list": [1, 0],
    "list of bools": [True, False],
    "repeats": np.array([1, 1, 0, 1]),
    "pairs with repeats": (np.array([0, 1, 0]), np.array([2, 2, 2])),
    "slice, repeats": (slice(None), np.array([0, 2, 0])),
    "list inside a tuple": (slice(None), [0, 2, 0]),
    "int, repeats": (1, np.array([0, 0])),
    "repeats, None, slice": (np.array([0, 0]), None, slice(1, None)),
    "broadcast": (np.array([[0], [1]]), np.array([2, 2])),
    "array of no axes": np.array(1),
    "negative repeats": np.array([-1, 1]),
}

CASES = table(
    *[(primitives.getitem, label, lambda x, i=i: x[i], real(2, 3)) for label, i in INDICES.items()],
    (primitives.getitem, "Tensor", lambda x: x[Tensor([1, 1])], real(2, 3)),
    (primitives.getitem, "Tensor in a tuple", lambda x: x[:, Tensor([0, 0])], real(2, 3)),
    (primitives.getitem, "what a comparison gives", lambda x: x[np.argsort(x[:, 0])][0], real(3, 2)),
    (primitives.getitem, "number", lambda x: x[...], real()),
    (primitives.getitem, "iteration", lambda x: np.stack([row * i for i, row in enumerate(x)]), real(3, 2)),
    *[
        (_functions.scatter_add, label, lambda v, i=i: _functions.scatter_add(v, i, np.zeros((2, 3))), real(*shape))
        for label, i, *shape in [("row", 1, 3), ("repeats", np.array([1, 1]), 2, 3), ("mask", MASK, 3)]
    ],
)
