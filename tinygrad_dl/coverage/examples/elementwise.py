"""Functions of each element: arithmetic, exponentials, trigonometry, parts of numbers, casts."""

import numpy as np

from ... import primitives
from .. import cases
from ..cases import below_one, halves, nonzero, positive, real, table

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
}
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((), ())]

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
    (np.real_if_close, "real", lambda x: np.real_if_close((x + 0j) ** 2), real(3)),
    (np.real_if_close, "complex", lambda x: np.imag(np.real_if_close((x + 1j) ** 2)), real(3)),
    (np.real_if_close, "tol=", lambda x: np.real_if_close((x + 1e-9j) ** 2, tol=1e12), real(3)),
    (np.copysign, "(2, 3) (3,)", np.copysign, nonzero(2, 3), nonzero(3)),
    (np.copysign, "beside 1", lambda x: np.copysign(x, 1) * np.copysign(x, -0.0), nonzero(3)),
    (np.divmod, "of numbers", lambda x, y: np.divmod(x, y)[0] * np.divmod(x, y)[1], halves(), cases.near_one()),
    (np.divmod, "by a row", lambda x, y: np.divmod(x, y)[1], halves(2, 3), cases.near_one(3)),
    (np.divmod, "operators", lambda x: divmod(x, 2)[1] * divmod(2.5, x)[1], halves(3)),
    (np.modf, "both", np.modf, halves(2, 3)),
    (np.modf, "whole part", lambda x: np.modf(x)[1] * x, halves(3)),
    (np.frexp, "mantissa", lambda x: np.frexp(x)[0], cases.positive(2, 3)),
    (np.frexp, "put together", lambda x: np.ldexp(*np.frexp(x)), halves(3)),
    (np.ldexp, "array", lambda x: np.ldexp(x, np.array([1, -2, 3])), real(2, 3)),
    (np.ldexp, "number", lambda x: np.ldexp(x, 2), real()),
    *(
        [
            (np.astype, "", lambda x: np.astype(x, float), real(3)),
            (np.astype, "copy=", lambda x: np.astype(x, x.dtype, copy=False), real(3)),
        ]
        if hasattr(np, "astype")
        else []
    ),
    (np.full_like, "number", lambda x: np.full_like(x, x[0, 0]), real(2, 3)),
    (np.full_like, "row", lambda x: np.full_like(x, x[0]), real(2, 3)),
    (primitives.astype, "float64", lambda x: x.astype(np.float64), real(3)),
    (primitives.astype, "copy=", lambda x: x.astype(x.dtype, copy=False), real(3)),
)
