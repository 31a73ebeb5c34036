"""Data: arrays whose columns are samples, in shuffled minibatches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import checks


def minibatches(
    X: np.ndarray, Y: np.ndarray, batch_size: int, *, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All samples once, in random order, `batch_size` at a time: pairs of columns of `X` and of `Y`.

    `X` is (n, m); `Y` has m labels along its last axis. The last batch is smaller if `batch_size` does not divide m.
    Raises ValueError for numbers of samples that differ and for a batch size below 1, TypeError for one that is not
    whole, and for an `rng` that is no `numpy.random.Generator`.

    >>> X, Y = np.arange(10).reshape(2, 5), np.arange(5)
    >>> [x.shape for x, y in minibatches(X, Y, 2, rng=np.random.default_rng(0))]
    [(2, 2), (2, 2), (2, 1)]
    """
    X, Y = np.asarray(X), np.asarray(Y)
    m = number_of_samples(X, Y)
    batch_size = checks.whole_number("minibatches", "batch_size", batch_size)
    return _batches(X, Y, checks.generator("minibatches", rng).permutation(m), batch_size)


def _batches(X: np.ndarray, Y: np.ndarray, order: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(order), size):
        columns = order[start : start + size]
        yield X[..., columns], Y[..., columns]


def number_of_samples(X: np.ndarray, Y: np.ndarray) -> int:
    """The m that `X` (n, m) and `Y` (..., m) share. Raises ValueError if they don't, or if it is 0."""
    if X.ndim != 2 or Y.ndim < 1 or X.shape[-1] != Y.shape[-1]:
        advice = ""
        if X.ndim == 2 and Y.ndim and X.shape[0] in (Y.shape[0], Y.shape[-1]):
            advice = f"; samples are columns: pass X.T{' and Y.T' * (X.shape[0] != Y.shape[-1])}"
        elif X.ndim == Y.ndim == 2 and X.shape[1] == Y.shape[0]:
            advice = "; samples are columns: pass Y.T"
        elif X.ndim == 1 and X.size:
            advice = "; samples are columns: of one sample, pass X.reshape(-1, 1)"
        raise ValueError(f"expected X of shape (n, m) and Y of (..., m), got {X.shape} and {Y.shape}{advice}.")
    if not X.shape[-1]:
        raise ValueError(f"expected at least one sample, got X of shape {X.shape}.")
    return X.shape[-1]
