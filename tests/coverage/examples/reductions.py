"""Reductions: over every axis, by every call."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import apart, one, real, table

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

MASK = np.array([[True, False, True], [True, True, False]])
ROWS = np.array([[True], [False], [True]])
CENTRE = np.array([[0.5, -0.5]], dtype=np.float32)
HOLES = np.array([[np.nan, 0, 0], [0, 0, np.nan]], dtype=np.float32)  # added to an array: nan here and there
NAN_DOMAINS: dict[Any, Any] = {
    np.nansum: real,
    np.nanmean: real,
    np.nanmax: apart,
    np.nanmin: apart,
    np.nanprod: real,
    np.nanvar: real,
    np.nanstd: apart,
}
NEEDS_INITIAL = (np.max, np.min, np.nanmax, np.nanmin)  # when a where= is given


def with_holes(function: Any, label: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """The start of a row for `function` of an array with nan in it."""
    return function, f"with nan, {label}", lambda x: function(x + HOLES, *args, **kwargs)


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
    *[(*one(f, "all by position", 1, None, None, True, 0.7, MASK), real(2, 3)) for f in (np.sum, np.prod)],
    *[(*one(f, "all by position", 1, None, True, 0.1, MASK), apart(2, 3)) for f in (np.max, np.min)],
    *[(*one(f, "initial=", axis=0, initial=0.3), apart(3, 2)) for f in (np.sum, np.prod, np.max, np.min)],
    *[(*one(f, "where=", where=MASK), apart(2, 3)) for f in DOMAINS if f not in NEEDS_INITIAL],
    *[(*one(f, "where= rows", axis=0, where=ROWS), apart(3, 2)) for f in DOMAINS if f not in NEEDS_INITIAL],
    *[(*one(f, "where=", axis=0, where=ROWS, initial=0.0), apart(3, 2)) for f in (np.max, np.min)],
    *[(*one(f, "ddof=1", axis=0, ddof=1), real(4, 2)) for f in (np.var, np.std)],
    *[(*one(f, "ddof=n-1", ddof=2), real(3)) for f in (np.var, np.std)],
    *[(*one(f, "correction=1.5", axis=0, correction=1.5), real(4, 2)) for f in (np.var, np.std)],
    *[(*one(f, "mean=", axis=0, mean=CENTRE, keepdims=True), real(3, 2)) for f in (np.var, np.std)],
    *[(*one(f, "where= ddof=1", axis=1, where=MASK, ddof=1), real(2, 3)) for f in (np.var, np.std)],
    *[(*one(np.prod, f"of {n}"), real(n)) for n in (1, 2, 5, 6, 7)],
    (*one(np.prod, "of 5 in rows", axis=0), real(5, 2)),
    (*one(np.amax, "axis=0", axis=0), apart(2, 3)),
    (*one(np.amin, "axis=0", axis=0), apart(2, 3)),
    *[
        (*with_holes(f, f"axis={axis} keepdims={keepdims}", axis=axis, keepdims=keepdims), domain(2, 3))
        for f, domain in NAN_DOMAINS.items()
        for axis, keepdims in ((None, False), (0, True), (1, False))
    ],
    *[(*with_holes(f, "ddof=1", axis=1, ddof=1), real(2, 3)) for f in (np.nanvar, np.nanstd)],
    *[(*with_holes(f, "where=", where=MASK), real(2, 3)) for f in NAN_DOMAINS if f not in NEEDS_INITIAL],
    *[(*with_holes(f, "by position", 1, None, True, 0.1, MASK), apart(2, 3)) for f in (np.nanmax, np.nanmin)],
    *[(*with_holes(f, "by position", 1, None, None, True, 0.7, MASK), real(2, 3)) for f in (np.nansum, np.nanprod)],
    (*one(np.ptp, ""), apart(2, 3)),
    (*one(np.ptp, "axis=0 keepdims=True", 0, None, True), apart(3, 2)),
    (*one(np.ptp, "axis=(0, -1)", axis=(0, -1)), apart(2, 2, 2)),
)
