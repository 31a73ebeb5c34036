"""Functions of the two ends of a range, and those of `np.emath`, on both sides of where the reals end."""

import numpy as np

from tinygrad_dl.coverage.cases import above_one, below_one, one, positive, real, table

EMATH = {  # name -> where it is real, and where it is not
    "sqrt": (positive, lambda x: -x),
    "log": (positive, lambda x: -x),
    "log2": (positive, lambda x: -x),
    "log10": (positive, lambda x: -x),
    "arccos": (below_one, lambda x: x + 3),
    "arcsin": (below_one, lambda x: x - 3),
    "arctanh": (below_one, lambda x: x + 3),
}


def _beyond(function, move):
    return lambda x: np.real(function(move(x)) * (1 - 2j))


CASES = table(
    *[
        (f, f"num={num} endpoint={end}", lambda x, y, f=f, num=num, end=end: f(x, y, num, end), *[domain()] * 2)
        for f, domain in ((np.linspace, real), (np.logspace, below_one), (np.geomspace, positive))
        for num, end in ((4, True), (3, False), (1, True))
    ],
    *[
        (f, f"axis={axis}", lambda x, y, f=f, axis=axis: f(x, y, num=3, axis=axis), domain(2, 1), domain(2))
        for f, domain in ((np.linspace, real), (np.logspace, below_one), (np.geomspace, positive))
        for axis in (0, -1)
    ],
    (np.linspace, "from 0, dtype=", lambda x: np.linspace(0, x, 4, dtype=x.dtype), real(2)),
    (np.linspace, "retstep=", lambda x, y: np.linspace(x, y, 3, retstep=True), real(), real()),
    (np.linspace, "by keyword", lambda x, y: np.linspace(start=x, stop=y, num=3), real(), real()),
    (np.logspace, "base", lambda x, b: np.logspace(x, 1, num=3, base=b), below_one(), positive()),
    (np.logspace, "bases", lambda x, b: np.logspace(x, x + 1, num=3, base=b), below_one(), positive(2)),
    (np.logspace, "dtype=", lambda x: np.logspace(x, 1, num=3, dtype=x.dtype), below_one()),
    (np.geomspace, "negative, dtype=", lambda x, y: np.geomspace(-x, -y, 3, dtype=x.dtype), positive(), positive()),
    *[
        row
        for name, (domain, move) in EMATH.items()
        for f in [getattr(np.emath, name)]
        for row in [(*one(f, "real"), domain(3)), (f, "complex", _beyond(f, move), domain(2))]
    ],
    (np.emath.logn, "real", np.emath.logn, above_one(3), positive()),
    (np.emath.logn, "complex", lambda n, x: np.imag(np.emath.logn(n, -x)), above_one(), positive(2)),
    (np.emath.power, "real", np.emath.power, positive(2), real(2)),
    (np.emath.power, "complex", lambda x, p: np.imag(np.emath.power(-x, p)), positive(2), real()),
    (np.emath.power, "whole", lambda x: np.emath.power(x, np.array([2, -1])), positive(2)),
)
