"""Functions with names of their own: sinc, i0."""

import numpy as np

from tinygrad_dl.coverage.cases import halves, one, real, table

CASES = table(
    (*one(np.sinc, "near 0"), real(2, 3)),
    (np.sinc, "far from 0", lambda x: np.sinc(3 * x), halves(3)),
    (np.sinc, "at 0", lambda x: np.sinc(x - x), real()),
    (*one(np.i0, "near 0"), real(2, 3)),
    (np.i0, "far from 0", lambda x: np.i0(4 * x) / 100, halves(3)),
)
