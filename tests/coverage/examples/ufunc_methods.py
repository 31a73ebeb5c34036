"""Methods of ufuncs: each of those of two arguments has the same ones."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage import cases
from tinygrad_dl.coverage.cases import apart, between, halves, nonzero, one, positive, real, table

DOMAINS: dict[Any, Any] = {  # the arguments of f, and what may be folded by f
    np.add: (real, real, real),
    np.subtract: (real, real, real),
    np.multiply: (real, real, real),
    np.divide: (real, nonzero, nonzero),
    np.power: (positive, real, positive),
    np.float_power: (positive, real, positive),
    np.remainder: (halves, cases.near_one, None),
    np.fmod: (halves, cases.near_one, None),
    np.arctan2: (nonzero, nonzero, positive),
    np.hypot: (nonzero, nonzero, nonzero),
    np.logaddexp: (real, real, real),
    np.logaddexp2: (real, real, real),
    np.copysign: (nonzero, nonzero, nonzero),
    np.maximum: (apart, between, apart),
    np.minimum: (apart, between, apart),
    np.fmax: (apart, between, apart),
    np.fmin: (apart, between, apart),
}
WRONG = {np.power, np.arctan2}  # whose own reductions are


def folding(f: Any, x: Any) -> Any:
    """What `f` may be folded over: whatever it is given, or for remainders numbers that shrink."""
    return x if DOMAINS[f][2] else x / 10 + np.array([9.4, 2.7, 0.8])


def _of_method(f, method, label, draw, *args, **kwargs):
    function = getattr(f, method)
    return function, label, lambda x: function(folding(f, x), *args, **kwargs), draw


CASES = table(
    *[(f.outer, "", f.outer, left(2), right(1, 2)) for f, (left, right, _) in DOMAINS.items()],
    (np.add.outer, "beside a list", lambda x: np.add.outer([1.0, 2.0], x), real(2)),
    (np.divmod.outer, "", lambda x, y: np.divmod.outer(x, y)[1], halves(2), cases.near_one(2)),
    (np.heaviside.outer, "", lambda h: np.heaviside.outer([-1.0, 0.0], h), real(2)),
    (np.ldexp.outer, "", lambda x: np.ldexp.outer(x, [1, 2]), real(2)),
    *[
        _of_method(f, method, "axis=-1", (domain or cases.below_one)(2, 3), *args, axis=-1)
        for f, (_, _, domain) in DOMAINS.items()
        for method, *args in (("accumulate",), *((("reduce",), ("reduceat", [0, 2, 1])) if f not in WRONG else ()))
    ],
    *[(*one(f.reduce, "", keepdims=True), DOMAINS[f][2](3, 2)) for f in DOMAINS if DOMAINS[f][2] and f not in WRONG],
    *[
        (*one(f.reduce, "axis=None", axis=None), DOMAINS[f][2](2, 2))
        for f in (np.add, np.multiply, np.maximum, np.minimum, np.hypot, np.logaddexp, np.fmax)
    ],
    (*one(np.add.reduce, "axis=(0, 2)", axis=(0, 2)), real(2, 2, 2)),
    (*one(np.fmin.reduce, "axis=(0, 2)", axis=(0, 2)), apart(2, 2, 2)),
    (np.add.reduce, "dtype=", lambda x: np.add.reduce(x, 0, x.dtype), real(2, 2)),
    (*one(np.subtract.reduce, "dtype=", 0, float), real(2, 2)),
    (*one(np.subtract.reduce, "initial=", initial=2.0), real(2, 2)),
    (*one(np.subtract.reduce, "where=", initial=2.0, where=np.array([True, False])), real(3, 2)),
    (np.add.accumulate, "dtype=", lambda x: np.add.accumulate(x, 0, x.dtype), real(2, 2)),
    (*one(np.maximum.accumulate, "dtype=", dtype=float), apart(3)),
    (np.add.reduceat, "dtype=", lambda x: np.add.reduceat(x, [1], 0, x.dtype), real(3)),
    (*one(np.floor_divide.reduce, "of one element"), halves(1, 2)),
    (*one(np.floor_divide.accumulate, ""), halves(3)),
    (*one(np.floor_divide.reduceat, "", [0, 2, 1]), halves(3)),
)
