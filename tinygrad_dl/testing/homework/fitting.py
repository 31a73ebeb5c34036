"""Standard costs of a prediction, and their fit: what a net minimises, if its file has no cost function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray


class Cost(NamedTuple):
    """A cost of a prediction and labels of its shape; `kind` and `reduction` as `check_backprop` calls them."""

    words: str
    of: Callable[[Array, Array], float]
    kind: str
    reduction: str


def costs_for(P: Array, Y: Any, samples: int) -> Iterator[Cost]:
    """The standard costs that a prediction may have, likeliest first."""
    inside = bool(np.all((P > 0) & (P < 1)))
    sums = [axis for axis in range(P.ndim) if P.shape[axis] > 1 and np.allclose(P.sum(axis=axis), 1)]
    squared = [
        ("½ Σ (a - y)²", lambda p, y: 0.5 * np.sum((p - y) ** 2), "half_squared_error"),
        ("Σ (a - y)²", lambda p, y: np.sum((p - y) ** 2), "mean_squared_error"),
    ]
    entropies: list[tuple[str, Callable, str]] = []
    if inside and sums:
        entropies = [("cross-entropy", _cross_entropy, "categorical_cross_entropy")]
    elif inside:
        entropies = [("binary cross-entropy", _binary, "binary_cross_entropy")]
    for words, f, kind in [*entropies, *squared]:
        if samples > 1:
            yield Cost(f"{words}, mean over the samples", _divided(f, samples), kind, "mean")
        yield Cost(f"{words}, summed" if samples > 1 else words, f, kind, "sum")
        if (kind, samples) != ("categorical_cross_entropy", 1) and P.size not in (samples, 1) and "squared" in kind:
            yield Cost(f"{words}, mean over all elements", _divided(f, P.size), kind, "elements")
    if not inside and P.ndim == 2:
        for axis in (0, 1):
            if P.shape[axis] > 1 and P.shape[1 - axis] == samples:
                words = "cross-entropy of the softmax of the scores"
                f = _of_scores(axis)
                yield Cost(f"{words}, mean", _divided(f, samples), "categorical_cross_entropy", "mean")
                yield Cost(f"{words}, summed", f, "categorical_cross_entropy", "sum")


def as_predicted(Y: Any, P: Array) -> Array | None:
    """Labels in the shape of a prediction: one-hot for class numbers. None if they don't fit."""
    Y = np.asarray(Y)
    if Y.shape == P.shape:
        return Y.astype(float)
    if Y.size == P.size and P.ndim <= 2:
        return Y.reshape(P.shape).astype(float) if 1 in P.shape or P.ndim < 2 else Y.T.astype(float)
    if Y.dtype.kind in "iu" or np.all(Y.astype(int) == Y):
        numbers = Y.astype(int).ravel()
        for axis in range(P.ndim):
            if P.ndim == 2 and P.shape[1 - axis] == numbers.size and numbers.max() < P.shape[axis]:
                one_hot = np.eye(P.shape[axis])[numbers]
                return one_hot if axis == 1 else one_hot.T
        if P.ndim == 2 and 1 in P.shape and numbers.size == 1:
            return np.eye(P.size)[numbers].reshape(P.shape)
    return None


def penalties(lambd: float, samples: int) -> Iterator[tuple[str, float]]:
    """The usual L2 penalties, as factors of Σ W²."""
    yield "λ/(2m) Σ W²", lambd / (2 * samples)
    yield "λ/2 Σ W²", lambd / 2
    yield "λ Σ W²", lambd
    yield "λ/m Σ W²", lambd / samples


def _binary(p: Array, y: Array) -> float:
    return float(-np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)))


def _cross_entropy(p: Array, y: Array) -> float:
    return float(-np.sum(y * np.log(p)))


def _of_scores(axis: int) -> Callable[[Array, Array], float]:
    def cost(s: Array, y: Array) -> float:
        top = s - s.max(axis=axis, keepdims=True)
        return float(-np.sum(y * (top - np.log(np.exp(top).sum(axis=axis, keepdims=True)))))

    return cost


def _divided(f: Callable[[Array, Array], float], n: int) -> Callable[[Array, Array], float]:
    return lambda p, y: float(f(p, y)) / n
