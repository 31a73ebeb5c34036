"""Averages, covariances and histograms."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import apart, one, positive, real, table

COUNTS = np.array([1, 3, 0, 2])
EDGES = np.array([-1.5, -0.2, 0.9, 1.4], dtype=np.float32)
PLACES = np.array([0, 2, 2, 5])
BINS: Any = (2, EDGES)
RANGES: Any = [(-2.1, 2.1), None]
POINTS = np.linspace(-2, 2, 6)

CASES = table(
    (*one(np.average, ""), real(2, 3)),
    (*one(np.average, "axis=0 returned=True", 0, None, True), real(3, 2)),
    (
        np.average,
        "weights of the shape",
        lambda a, w: np.average(a, weights=w, keepdims=True),
        real(2, 3),
        positive(2, 3),
    ),
    (np.average, "weights of an axis", lambda a, w: np.average(a, -1, w, returned=True), real(2, 3), positive(3)),
    (
        np.average,
        "weights of two axes",
        lambda a, w: np.average(a, axis=(1, 0), weights=w, keepdims=True),
        *(real(2, 3, 2), positive(3, 2)),
    ),
    (*one(np.cov, ""), real(3, 4)),
    (*one(np.cov, "of one variable", bias=True), real(4)),
    (np.cov, "of two", lambda x, y: np.cov(x, y, ddof=0), real(4), real(2, 4)),
    (np.cov, "rowvar=False", lambda x, y: np.cov(x, y, rowvar=False), real(4, 2), real(4, 1)),
    (np.cov, "aweights=", lambda x, w: np.cov(x, aweights=w), real(2, 4), positive(4)),
    (np.cov, "fweights= aweights=", lambda x, w: np.cov(x, None, True, False, 1, COUNTS, w), real(2, 4), positive(4)),
    (np.cov, "aweights= ddof=0", lambda x, w: np.cov(x, aweights=w, ddof=0), real(2, 4), positive(4)),
    (*one(np.corrcoef, ""), real(3, 4)),
    (np.corrcoef, "rowvar=False", lambda x, y: np.corrcoef(x, y, False), real(4, 1), real(4, 2)),
    (np.bincount, "weights", lambda w: np.bincount(PLACES, w), real(4)),
    (np.bincount, "weights=", lambda w: np.bincount(PLACES, weights=w, minlength=8), real(4)),
    (np.histogram, "weights=", lambda w: np.histogram(POINTS, 4, weights=w)[0], real(6)),
    (np.histogram, "range=", lambda w: np.histogram(POINTS, 3, (-1.0, 1.5), True, w)[0], positive(6)),
    (np.histogram, "the edges", lambda x: np.histogram(x, 3)[1], apart(5)),
    (np.histogram, "density", lambda x, w: np.histogram(x, 3, None, True, w), apart(5), positive(5)),
    (np.histogram, "given edges", lambda b, w: np.histogram(POINTS, b, density=True, weights=w), apart(1), positive(6)),
    (*one(np.histogram_bin_edges, "bins='sturges'", "sturges"), apart(2, 3)),
    (*one(np.histogram_bin_edges, "bins=3", 3), apart(5)),
    (
        np.histogram2d,
        "weights=",
        lambda w: np.histogram2d(POINTS, POINTS[::-1] ** 2, [EDGES, 2], weights=w)[0],
        *(real(6),),
    ),
    (
        np.histogram2d,
        "density=True",
        lambda x, y, w: np.histogram2d(x, y, 2, density=True, weights=w),
        *(apart(6), apart(6), positive(6)),
    ),
    (np.histogramdd, "weights=", lambda w: np.histogramdd(POINTS, (3,), weights=w)[0], real(6)),
    (np.histogramdd, "the edges", lambda x: np.histogramdd(x, (3, 2))[1], apart(5, 2)),
    (
        np.histogramdd,
        "density=True",
        lambda x, w: np.histogramdd([x, POINTS], BINS, RANGES, True, w)[0],
        *(apart(6), positive(6)),
    ),
)
