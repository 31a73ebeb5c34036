"""Functions of each element: arithmetic, exponentials, trigonometry, choices, casts."""

import numpy as np

from ... import primitives
from .. import cases
from ..cases import apart, below_one, between, halves, nonzero, one, positive, real, table

UNARY = {
    np.negative: real,
    np.positive: real,
    np.copy: real,
    np.reciprocal: nonzero,
    np.square: real,
    np.sqrt: positive,
    np.cbrt: nonzero,
    np.absolute: nonzero,
    np.fabs: nonzero,
    np.exp: real,
    np.exp2: real,
    np.expm1: real,
    np.log: positive,
    np.log2: positive,
    np.log10: positive,
    np.log1p: positive,
    np.sin: real,
    np.cos: real,
    np.tan: below_one,
    np.arcsin: below_one,
    np.arccos: below_one,
    np.arctan: real,
    np.sinh: real,
    np.cosh: real,
    np.tanh: real,
    np.arcsinh: real,
    np.arccosh: cases.above_one,
    np.arctanh: below_one,
    np.deg2rad: real,
    np.radians: real,
    np.rad2deg: real,
    np.degrees: real,
    primitives.identity: real,
}
BINARY = {
    np.add: (real, real),
    np.subtract: (real, real),
    np.multiply: (real, real),
    np.divide: (real, nonzero),
    np.remainder: (halves, cases.near_one),
    np.fmod: (halves, cases.near_one),
    np.power: (positive, real),
    np.float_power: (positive, real),
    np.logaddexp: (real, real),
    np.logaddexp2: (real, real),
    np.arctan2: (nonzero, nonzero),
    np.hypot: (nonzero, nonzero),
    np.maximum: (apart, between),
    np.minimum: (apart, between),
    np.fmax: (apart, between),
    np.fmin: (apart, between),
}
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((), ())]
CHOICE = np.array([[True, False, True], [False, False, True]])

CASES = table(
    *[(f, f"{shape}", f, domain(*shape)) for f, domain in UNARY.items() for shape in [(), (2, 3)]],
    *[(f, f"{a} {b}", f, left(*a), right(*b)) for f, (left, right) in BINARY.items() for a, b in PAIRS],
    *[(f, "beside 1", lambda x, f=f: f(x, 1), left(4)) for f, (left, right) in BINARY.items()],
    *[(f, "2.5 beside", lambda x, f=f: f(2.5, x), right(4)) for f, (left, right) in BINARY.items()],
    (np.real, "of z**2", lambda x, y: np.real((x + 1j * y) ** 2), real(3), real(3)),
    (np.imag, "of z**3", lambda x, y: np.imag((x + 1j * y) ** 3), real(3), real(3)),
    (np.conjugate, "conj(z) z**2", lambda x, y: np.real(np.conj(x + 1j * y) * (x + 1j * y) ** 2), real(3), real(3)),
    (np.angle, "of z**2", lambda x, y: np.angle((x + 1j * y) ** 2), positive(3), real(3)),
    (np.angle, "in degrees", lambda x, y: np.angle(x + 1j * y, deg=True), positive(3), real(3)),
    (np.absolute, "of z", lambda x, y: np.abs(x + 1j * y), nonzero(3), real(3)),
    (np.sign, "of z", lambda x, y: np.imag(np.sign(x + 1j * y)), nonzero(3), real(3)),
    (np.power, "x**2", lambda x: x**2, real(3)),
    (np.power, "x**3", lambda x: x**3, real(3)),
    (np.power, "x**-1.5", lambda x: x**-1.5, positive(3)),
    (np.power, "x**1", lambda x: x**1, real(3)),
    (np.power, "x**0", lambda x: x**0, real(3)),
    (np.power, "2**x", lambda x: 2**x, real(3)),
    (np.power, "x**array", lambda x: x ** np.array([2.0, 3.0, 0.0]), real(3)),
    (np.remainder, "x%2", lambda x: x % 2, halves(3)),
    (np.divide, "1/x", lambda x: 1 / x, nonzero(3)),
    (np.subtract, "1-x", lambda x: 1 - x, real(3)),
    (np.where, "both", lambda x, y: np.where(CHOICE, x, y), real(2, 3), real(2, 3)),
    (np.where, "broadcast", lambda x, y: np.where(CHOICE, x, y), real(3), real(2, 1)),
    (np.where, "leaky", lambda x: np.where(x > 0, x, 0.1 * x), nonzero(4)),
    (np.clip, "low", lambda x, low: np.clip(x, low, None), apart(2, 4), between(4)),
    (np.clip, "high", lambda x, high: np.clip(x, None, high), apart(2, 4), between(2, 1)),
    (np.clip, "both", lambda x, low, high: np.clip(x, low - 1, high + 1), apart(8), below_one(8), below_one()),
    (np.clip, "crossed", lambda x, low, high: np.clip(x, low, high - 3), apart(4), below_one(), below_one()),
    (
        np.clip,
        "crossed, x below",
        lambda x, low, high: np.clip(x, low + 5, high + 3),
        apart(4),
        below_one(),
        below_one(),
    ),
    (*one(np.clip, "numbers", -0.9, 1.1), apart(8)),
    *(
        [
            (*one(np.clip, "min=", min=-0.9), apart(8)),
            (*one(np.clip, "max=", max=1.1), apart(8)),
            (*one(np.clip, "min= max=", min=-0.9, max=1.1), apart(8)),
        ]
        if cases.CLIP_TAKES_MIN
        else []
    ),
    (np.full_like, "number", lambda x: np.full_like(x, x[0, 0]), real(2, 3)),
    (np.full_like, "row", lambda x: np.full_like(x, x[0]), real(2, 3)),
    (primitives.astype, "float64", lambda x: x.astype(np.float64), real(3)),
)
