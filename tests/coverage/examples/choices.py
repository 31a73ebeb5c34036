"""Functions that choose, element by element."""

import numpy as np

from tinygrad_dl import _functions
from tinygrad_dl.coverage.cases import apart, below_one, between, halves, nonzero, one, real, table

MASK = np.array([[True, False, True], [False, False, True]])
SIGNS = np.array([-1.0, 0.0, 2.0])
NUMBERS = np.array([[0, 1, 2], [2, 2, 0]])
ONE = np.array([False, True, False])
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((), ())]
EXTREMA = (np.maximum, np.minimum, np.fmax, np.fmin)

CASES = table(
    *[(f, f"{a} {b}", f, apart(*a), between(*b)) for f in EXTREMA for a, b in PAIRS],
    *[(f, "beside 1", lambda x, f=f: f(x, 1), apart(4)) for f in EXTREMA],
    *[(f, "2.5 beside", lambda x, f=f: f(2.5, x), between(4)) for f in EXTREMA],
    (np.where, "both", lambda x, y: np.where(MASK, x, y), real(2, 3), real(2, 3)),
    (np.where, "broadcast", lambda x, y: np.where(MASK, x, y), real(3), real(2, 1)),
    (np.where, "leaky", lambda x: np.where(x > 0, x, 0.1 * x), nonzero(4)),
    (_functions.masked, "2-d", lambda x: _functions.masked(x, MASK), real(2, 3)),
    (_functions.masked, "broadcast", lambda x: _functions.masked(x, MASK[0]), real(2, 3)),
    (np.heaviside, "at 0", lambda h: np.heaviside(SIGNS, h), real(3)),
    (np.heaviside, "broadcast", lambda x, h: np.heaviside(SIGNS, h) * x, real(2, 1), real()),
    (np.clip, "low", lambda x, low: np.clip(x, low, None), apart(2, 4), between(4)),
    (np.clip, "high", lambda x, high: np.clip(x, None, high), apart(2, 4), between(2, 1)),
    (np.clip, "both", lambda x, low, high: np.clip(x, low - 1, high + 1), apart(8), below_one(8), below_one()),
    (np.clip, "crossed", lambda x, low, high: np.clip(x, low, high - 3), apart(4), below_one(), below_one()),
    (np.clip, "crossed, x below", lambda x, a, b: np.clip(x, a + 5, b + 3), apart(4), below_one(), below_one()),
    (*one(np.clip, "numbers", -0.9, 1.1), apart(8)),
    (*one(np.clip, "min=", min=-0.9), apart(8)),
    (*one(np.clip, "max=", max=1.1), apart(8)),
    (*one(np.clip, "min= max=", min=-0.9, max=1.1), apart(8)),
    (*one(np.nan_to_num, "finite"), real(2, 3)),
    (np.nan_to_num, "nan", lambda x: np.nan_to_num(np.where(ONE, np.nan, x), nan=x[0]), real(3)),
    (np.nan_to_num, "inf", lambda x: np.nan_to_num(np.where(ONE, np.inf, x), True, 0.0, 7.0), real(3)),
    (np.nan_to_num, "-inf", lambda x: np.nan_to_num(np.where(ONE, -np.inf, x), neginf=x[0]), real(3)),
    (np.select, "two", lambda x, y: np.select([x > 1, x > -1], [x**2, y], default=-x), halves(2, 3), real(3)),
    (np.select, "default", lambda x: np.select([MASK[0], ~MASK[0]], [x, 0.0], 1.0), real(3)),
    (np.select, "numbers", lambda x: np.select([x > 2, x < 2], [3, x]), below_one()),
    (np.piecewise, "two", lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, np.sin]), halves(2, 3)),
    (np.piecewise, "otherwise", lambda x: np.piecewise(x, [x < 0], [np.exp, 3.0]), apart(4)),
    (np.piecewise, "one condition", lambda x: np.piecewise(x, x < 0, [np.exp, lambda v: v * v]), halves(4)),
    (np.piecewise, "number", lambda x: np.piecewise(x, [x < 0, x > 0], [np.exp, np.cos]), halves()),
    (np.piecewise, "overlap", lambda x: np.piecewise(x, [x < 9, x < 0], [np.exp, np.sin]), halves(4)),
    (
        *(np.piecewise, "more arguments"),
        lambda x, w: np.piecewise(x, [x < 0], [lambda v, w, k: v * w, lambda v, w, k: w + k * v], w, k=2),
        *(halves(4), real()),
    ),
    (np.choose, "three", lambda x, y, z: np.choose(NUMBERS, [x, y, z]), real(2, 3), real(3), real()),
    (np.choose, "rows", lambda x: np.choose(NUMBERS[0], x), real(3, 3)),
    (np.choose, "wrap", lambda x: np.choose([3, -1, 1], x, mode="wrap"), real(2, 3)),
    (np.choose, "clip", lambda x: np.choose([3, -1, 1], x, mode="clip"), real(2, 3)),
)
