"""Data: shuffled minibatches of arrays whose columns are samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from . import _guesses, checks

__all__ = ["minibatches"]


def minibatches(
    X: np.ndarray, Y: np.ndarray, batch_size: int, *, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Iterate once over all samples in random order, `batch_size` at a time.

    Parameters
    ----------
    X : array
        Samples, (n, m), or images and the like, (..., m).
    Y : array
        Labels, (..., m).
    batch_size : int
        The number of samples in a batch; the last batch is smaller if `batch_size` does not divide m.
    rng : numpy.random.Generator
        The source of randomness for the order.

    Returns
    -------
    iterator of (array, array)
        Columns of `X`, (n, batch_size), and of `Y`, (..., batch_size).

    Raises
    ------
    ValueError
        If the numbers of samples differ or are 0, or `batch_size` is below 1.
    TypeError
        If `batch_size` is not a whole number, or `rng` is not a `numpy.random.Generator`.

    Examples
    --------
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
    """Return the number of samples m of `X` (..., m) and `Y` (..., m), or raise ValueError if they differ or are 0."""
    if X.ndim < 2 or Y.ndim < 1 or X.shape[-1] != Y.shape[-1]:
        advice = ""
        if X.ndim == 2 and Y.ndim and X.shape[0] in (Y.shape[0], Y.shape[-1]):
            advice = f"; samples are columns: pass X.T{' and Y.T' * (X.shape[0] != Y.shape[-1])}"
        elif X.ndim == Y.ndim == 2 and X.shape[1] == Y.shape[0]:
            advice = "; samples are columns: pass Y.T"
        elif X.ndim == 1 and X.size:
            advice = "; samples are columns: for one sample, pass X.reshape(-1, 1)"
        elif X.ndim > 2 and Y.ndim and X.shape[0] == Y.shape[-1]:
            advice = "; the samples are the last axis: pass np.moveaxis(X, 0, -1)"
        raise ValueError(f"expected X of shape (n, m) and Y of (..., m), got {X.shape} and {Y.shape}{advice}.")
    if not X.shape[-1]:
        raise ValueError(f"expected at least one sample, got X of shape {X.shape}.")
    return X.shape[-1]


if not TYPE_CHECKING:

    def __getattr__(name):
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
