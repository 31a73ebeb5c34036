"""Data: shuffled minibatches of arrays whose columns are samples, in memory or on disk."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _guesses, checks
from .core import arguments

__all__ = ["minibatches"]


def minibatches(
    X: Any, Y: Any, batch_size: int, *, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Iterate once over all samples in random order, `batch_size` at a time.

    Arrays on disk (`np.memmap`, zarr, HDF5, Dask) are read a minibatch at a time, and checked to be finite then. They
    are read fastest if the values of a sample lie together: a `np.memmap` of rows, given as its `.T`; chunks of zarr
    or HDF5 that hold all values of some samples.

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
        If the numbers of samples differ or are 0, or `batch_size` is below 1; at a minibatch from disk, if it contains
        nan or inf.
    TypeError
        If the data are not numbers, `batch_size` is not a whole number, or `rng` is not a `numpy.random.Generator`.

    Examples
    --------
    >>> X, Y = np.arange(10).reshape(2, 5), np.arange(5)
    >>> [x.shape for x, y in minibatches(X, Y, 2, rng=np.random.default_rng(0))]
    [(2, 2), (2, 2), (2, 1)]
    """
    X, Y = as_array(X), as_array(Y)
    m = number_of_samples(X, Y)
    batch_size = checks.whole_number("minibatches", "batch_size", batch_size)
    return batches(X, Y, checks.generator("minibatches", rng).permutation(m), batch_size)


def batches(X: Any, Y: Any, order: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Iterate over the samples in the given order, `size` at a time; arrays on disk are read as far as needed."""
    for start in range(0, len(order), size):
        columns = order[start : start + size]
        yield _read("X", X, columns), _read("Y", Y, columns)


def _read(name: str, values: Any, columns: np.ndarray) -> np.ndarray:
    """Copy the samples `columns` of `values`, (..., m)."""
    if not is_on_disk(values):
        part: np.ndarray = values[..., columns]
        return part
    order = np.argsort(columns)  # HDF5 reads in increasing order only
    part = np.empty((*values.shape[:-1], len(columns)), values.dtype)
    index = *(slice(None) for _ in values.shape[1:]), columns[order]  # zarr takes no ... for one axis
    part[..., order] = getattr(values, "oindex", values)[index]
    check_finite(name, part, columns)
    return part


def as_array(values: Any) -> Any:
    """Convert lists, data frames and the like to an array; arrays, those on disk too, are returned as they are.

    Raises TypeError for other data than numbers, and for a masked array, whose mask would be lost.
    """
    return values if type(values) is np.ndarray or is_on_disk(values) else arguments.numbers(values)


def is_on_disk(values: Any) -> bool:
    """Return whether an array is to be read piece by piece: a `np.memmap` or a view of one, or an array of chunks."""
    if isinstance(values, np.ndarray):
        while isinstance(values, np.ndarray):  # a copy of a np.memmap is one by its class, and has no base
            values = values.base
        return isinstance(values, mmap.mmap)
    return all(hasattr(values, name) for name in ("shape", "dtype", "chunks", "__getitem__"))


def check_finite(name: str, values: np.ndarray, columns: np.ndarray | None = None) -> None:
    """Raise ValueError with the position of the first nan or inf; `columns` are the numbers of the samples."""
    if np.all(np.isfinite(values)):
        return
    wrong = np.argwhere(~np.isfinite(values))
    *row, column = wrong[0]
    where = ", ".join(map(str, (*row, column if columns is None else columns[column])))
    value = values[tuple(wrong[0])]
    raise ValueError(f"{name}[{where}] is {value}: {len(wrong)} of {values.size} are not finite.")


def number_of_samples(X: Any, Y: Any) -> int:
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
    return int(X.shape[-1])


if not TYPE_CHECKING:

    def __getattr__(name):
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
