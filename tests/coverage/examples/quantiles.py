"""Median, quantile and percentile: by the array, by the fraction, by every method."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import apart, one, positive, table

LINES = ("linear", "hazen", "interpolated_inverted_cdf", "weibull", "median_unbiased", "normal_unbiased")
STEPS = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest")
HOLES = np.array([[0, np.nan, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
FRACTIONS = np.array([0.13, 0.71])


def fractions(rng: Any) -> Any:
    return FRACTIONS


def percents(rng: Any) -> Any:
    return FRACTIONS * 100


CASES = table(
    (*one(np.median, "of odd number"), apart(5)),
    (*one(np.median, "of even number"), apart(2, 3)),
    (*one(np.median, "axis=0 keepdims=True", axis=0, keepdims=True), apart(4, 2)),
    (*one(np.median, "by position", (0, -1), None, False, False), apart(2, 2, 2)),
    (np.nanmedian, "", lambda x: np.nanmedian(x + HOLES), apart(2, 4)),
    (np.nanmedian, "axis=1", lambda x: np.nanmedian(x + HOLES, axis=1, keepdims=True), apart(2, 4)),
    *[(*one(np.quantile, method, 0.3, method=method), apart(7)) for method in STEPS],
    *[
        (np.quantile, method, lambda x, q, m=method: np.quantile(x, q, method=m), apart(5), fractions)
        for method in LINES
    ],
    (*one(np.quantile, "axis=0 keepdims=True", [0.2, 0.9], axis=0, keepdims=True), apart(4, 2)),
    (*one(np.quantile, "by position", 0.4, (1, 0), None, False, "linear", True), apart(2, 2, 2)),
    (
        np.quantile,
        "weights=",
        lambda x, w: np.quantile(x, FRACTIONS, axis=1, method="inverted_cdf", weights=w),
        *(apart(2, 3), positive(2, 3)),
    ),
    (np.percentile, "", lambda x, q: np.percentile(x, q), apart(6), percents),
    (np.percentile, "axis=0", lambda x, q: np.percentile(x, q, axis=0), apart(4, 2), percents),
    (*one(np.percentile, "method=", 40, -1, method="midpoint"), apart(2, 4)),
    (np.nanquantile, "", lambda x, q: np.nanquantile(x + HOLES, q, axis=1), apart(2, 4), fractions),
    (np.nanquantile, "axis=0", lambda x: np.nanquantile(x + HOLES, 0.3, axis=0, keepdims=True), apart(2, 4)),
    (np.nanpercentile, "", lambda x, q: np.nanpercentile(x + HOLES, q, keepdims=True), apart(2, 4), percents),
)
