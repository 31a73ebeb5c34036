"""Causes of a wrong gradient that show in its numbers alone: a constant ratio to the right one, a transposed shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

TOLERANCE = 1e-4
TRANSPOSED = "transposed: a matrix in place of its transpose, or the other way round; it runs with equal sizes only"
FACTORS = {
    -1.0: "sign: -1 times the right one",
    2.0: "factor 2",
    0.5: "factor 1/2",
    4.0: "factor 4",
    0.25: "factor 1/4",
}


def causes_of(wrong: Mapping[str, tuple[np.ndarray, np.ndarray]], sizes: Mapping[str, int]) -> dict[str, list[str]]:
    """The causes for each wrong gradient, given and right, by name; `sizes` are those of the samples, by letter."""
    return {name: explain(given, truth, sizes) for name, (given, truth) in wrong.items()}


def explain(given: np.ndarray, truth: np.ndarray, sizes: Mapping[str, int]) -> list[str]:
    """The causes that the numbers show, the likeliest first; none if they show none."""
    if given.shape != truth.shape:
        return _of_shape(given, truth)
    scale = np.abs(truth).max(initial=0.0)
    if not scale or not np.all(np.isfinite(given)):
        return ["not finite: nan or inf"] if not np.all(np.isfinite(given)) else []
    if close(given, 0 * given, scale):
        return ["it is 0: a term is missing"]
    ratio = float(np.sum(given * truth) / np.sum(truth * truth))
    if close(given, ratio * truth, scale * max(1.0, abs(ratio))):
        return of_ratio(ratio, sizes)
    if given.ndim == 2 and given.shape[0] == given.shape[1] and close(given, truth.T, scale):
        return ["transposed"]
    return []


def close(a: np.ndarray, b: np.ndarray, scale: float) -> bool:
    """Return whether two arrays are the same up to differences of a part of `scale`."""
    return bool(np.all(np.abs(a - b) <= TOLERANCE * scale))


def of_ratio(ratio: float, sizes: Mapping[str, int]) -> list[str]:
    """The causes of a constant ratio between a gradient and the right one."""
    named = dict(FACTORS)
    for letter, size in sizes.items():
        if size > 1:
            named |= {float(size): f"1/{letter} missing: {letter} times the right one"}
            named |= {1 / size: f"1/{letter} too much: 1/{letter} times the right one"}
            named |= {-float(size): f"1/{letter} missing and sign", -1 / size: f"1/{letter} too much and sign"}
    near = [text for value, text in named.items() if abs(ratio - value) <= TOLERANCE * max(abs(value), 1e-3)]
    return near or [f"factor {ratio:.4g}"]


def _of_shape(given: np.ndarray, truth: np.ndarray) -> list[str]:
    if given.ndim == 2 and given.T.shape == truth.shape and close(given.T, truth, np.abs(truth).max(initial=1e-300)):
        return ["transposed"]
    if given.size == truth.size and close(given.ravel(), truth.ravel(), np.abs(truth).max(initial=1e-300)):
        return [f"keepdims: an axis is lost or kept: shape {given.shape}, expected {truth.shape}"]
    if given.size == 1 and truth.size > 1 and np.allclose(given.ravel()[0], truth.sum(), TOLERANCE):
        return ["axis: summed over all axes"]
    return [f"shape {given.shape}, expected {truth.shape}: is a sum over the wrong axis, or an axis lost?"]
