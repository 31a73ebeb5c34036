"""Reductions: over every axis, by every spelling."""

from typing import Any

import numpy as np

from ..cases import apart, one, real, table

DOMAINS: dict[Any, Any] = {
    np.sum: real,
    np.mean: real,
    np.max: apart,
    np.min: apart,
    np.prod: real,
    np.var: real,
    np.std: apart,
}
AXES = [(None, False), (None, True), (0, False), (1, True), (-1, False), ((0, 2), False), ((-1, 0), True)]

CASES = table(
    *[
        (*one(f, f"axis={axis} keepdims={keepdims}", axis=axis, keepdims=keepdims), domain(2, 3, 2))
        for f, domain in DOMAINS.items()
        for axis, keepdims in AXES
    ],
    *[(*one(f, "of a number"), real()) for f in (np.sum, np.mean, np.max, np.min, np.prod, np.var)],
    *[(*one(f, "axis=()", axis=()), real(2)) for f in (np.sum, np.mean, np.max, np.min, np.prod)],
    *[(*one(f, "by position", 1, None, None, True), real(2, 3)) for f in (np.sum, np.mean, np.prod)],
    *[(*one(f, "by position", 0, None, None, 1, True), real(3, 2)) for f in (np.var, np.std)],
    *[(*one(f, "by position", -1, None, True), apart(2, 3)) for f in (np.max, np.min)],
    *[(*one(f, "ddof=1", axis=0, ddof=1), real(4, 2)) for f in (np.var, np.std)],
    *[(*one(np.prod, f"of {n}"), real(n)) for n in (1, 2, 5, 6, 7)],
    (*one(np.prod, "of 5 in rows", axis=0), real(5, 2)),
    (*one(np.amax, "axis=0", axis=0), apart(2, 3)),
    (*one(np.amin, "axis=0", axis=0), apart(2, 3)),
)
