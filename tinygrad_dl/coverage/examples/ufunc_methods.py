"""Methods of ufuncs."""

import numpy as np

from ..cases import apart, one, real, table

CASES = table(
    (*one(np.add.reduce, ""), real(2, 3)),
    (*one(np.add.reduce, "axis=1 keepdims=True", axis=1, keepdims=True), real(2, 3)),
    (*one(np.multiply.reduce, ""), real(3, 2)),
    (*one(np.maximum.reduce, "axis=1", axis=1), apart(2, 3)),
    (*one(np.minimum.reduce, "axis=None", axis=None), apart(2, 3)),
)
