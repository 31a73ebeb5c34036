"""Averages, covariances and histograms."""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import _frames
from .._functions import scatter_add
from ..core.primitives import array_function, values
from ..core.registry import defcomposite, defvjp
from ._shapes import as_array, broadcast_along, cast


def _values(x):
    return None if x is None else values(x)


# ---- averages and covariances


def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a, axis = as_array(a), tuple(axis) if isinstance(axis, list) else axis
    if weights is None:
        average = np.mean(a, axis=axis, keepdims=keepdims)
        total = np.full(average.shape, a.size / max(average.size, 1), dtype=average.dtype)
    else:
        weights = _broadcast_weights(as_array(weights), a, axis)
        dtype = np.result_type(a.dtype, weights.dtype, *(() if a.dtype.kind in "fc" else (np.float64,)))
        total = np.sum(weights, axis=axis, dtype=dtype, keepdims=keepdims)
        if np.any(total == 0):
            raise ZeroDivisionError("np.average: the weights sum to zero.")
        average = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
        total = np.broadcast_to(total, average.shape)
    return (average, total) if returned else average


def _broadcast_weights(weights, a, axis):
    """Reshape the `weights` so that they broadcast with `a`."""
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError(f"np.average: expected an axis=, for weights of shape {weights.shape} and an a of {a.shape}.")
    axes = normalize_axis_tuple(axis, a.ndim)
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError(
            f"np.average: expected weights of shape {tuple(a.shape[i] for i in axes)}, the lengths of a along axis "
            f"{axis}, got {weights.shape}."
        )
    weights = np.transpose(weights, np.argsort(axes))
    return np.reshape(weights, [length if i in axes else 1 for i, length in enumerate(a.shape)])


defcomposite(np.average, _average)


def _variables(m, rowvar, name):
    """Return `m` as a matrix whose rows are variables."""
    m = as_array(m)
    if m.ndim > 2:
        raise ValueError(f"np.cov: expected {name} of at most 2 dimensions, got shape {m.shape}.")
    if m.ndim < 2:
        return np.reshape(m, (1, -1))
    return m if rowvar or (name == "y" and m.shape[0] == 1) else np.transpose(m)


def _cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    parts = [_variables(part, rowvar, name) for part, name in ((m, "m"), (y, "y")) if part is not None]
    dtype = np.result_type(*[part.dtype for part in parts], np.float64) if dtype is None else np.dtype(dtype)
    X = np.concatenate([cast(part, dtype) for part in parts]) if len(parts) > 1 else cast(parts[0], dtype)
    if not len(X):
        return np.empty((0, 0))
    ddof = (0 if bias else 1) if ddof is None else ddof
    if ddof != int(ddof):
        raise ValueError(f"np.cov: expected an integer ddof, got {ddof}.")
    fweights = _check_weights(fweights, X, "fweights")
    aweights = _check_weights(aweights, X, "aweights")
    if fweights is not None and not np.all(np.equal(fweights, np.rint(fweights))):
        raise TypeError("np.cov: expected integers as fweights, the number of times that each sample occurs.")
    given = [w for w in (fweights, aweights) if w is not None]
    w = math.prod(given[1:], start=given[0]) if given else None
    total = X.shape[1] if w is None else np.sum(w)
    free = total - (ddof if aweights is None or ddof == 0 else ddof * np.sum(w * aweights) / total)
    if free <= 0:
        _frames.warn("Degrees of freedom <= 0 for slice", RuntimeWarning)
        free = 0.0
    X = X - _average(X, 1, w, keepdims=True)
    weighted = X if w is None else X * w
    return np.squeeze(np.matmul(X, np.transpose(np.conjugate(weighted))) / free)


def _check_weights(weights, X, name):
    if weights is None:
        return None
    weights = cast(as_array(weights), np.dtype(float))
    if weights.shape != X.shape[1:]:
        raise ValueError(f"np.cov: expected {name} of shape {X.shape[1:]}, one for each sample, got {weights.shape}.")
    if np.any(weights < 0):
        raise ValueError(f"np.cov: expected {name} that are not negative.")
    return weights


def _corrcoef(x, y=None, rowvar=True, *, dtype=None):
    c = np.cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    each = np.arange(len(c))
    deviation = np.sqrt(np.real(c[each, each]))
    return _clip_to_1(c / np.expand_dims(deviation, 1) / deviation)


@array_function
def _clip_to_1(c):
    """Clip correlations `c` to [-1, 1], which only rounding exceeds; the derivative is that of the identity."""
    if np.iscomplexobj(c):
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)


defvjp(_clip_to_1, lambda g, ans, c: g)


defcomposite(np.cov,         _cov)
defcomposite(np.corrcoef,    _corrcoef)

# ---- histograms: linear in the weights, constant in the data, whose extremes determine the edges


def _histogram(a, bins=10, range=None, density=None, weights=None):
    counts, found = np.histogram(values(a), _plain(bins), range, weights=_values(weights))
    if weights is not None:
        counts = cast(_sums([np.ravel(values(a))], [found], np.ravel(as_array(weights))), counts.dtype)
    edges = _edges(as_array(a), bins, range, found)
    return (_density(counts, [edges]) if density else counts), edges


def _histogram_bin_edges(a, bins=10, range=None, weights=None):
    found = np.histogram_bin_edges(values(a), _plain(bins), range, _values(weights))
    return _edges(as_array(a), bins, range, found)


def _histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    if len(x) != len(y):
        raise ValueError(f"np.histogram2d: expected as many x as y, got {len(x)} and {len(y)}.")
    if hasattr(bins, "__len__") and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = _histogramdd([x, y], bins, range, density, weights)
    return counts, *edges


def _histogramdd(sample, bins=10, range=None, density=None, weights=None):
    columns = _columns(sample)
    each = list(bins) if hasattr(bins, "__len__") else [bins] * len(columns)
    plain = [values(column) for column in columns]
    sums, found = np.histogramdd(np.stack(plain, 1), [_plain(b) for b in each], range, weights=_values(weights))
    if weights is not None:
        sums = _sums(plain, found, as_array(weights))
    ranges = [None] * len(columns) if range is None else range
    edges = type(found)(map(_edges, columns, each, ranges, found))
    return (_density(sums, edges) if density else sums), edges


def _columns(sample):
    """Return the coordinates of a sample: the columns of a matrix, the arrays of a sequence, or one vector."""
    if not hasattr(sample, "shape"):
        return [as_array(column) for column in sample]
    return [sample] if sample.ndim < 2 else [sample[:, i] for i in range(sample.shape[1])]


def _plain(bins):
    """Return `bins` as a number, a name, or the plain values of edges."""
    return bins if isinstance(bins, str) or np.ndim(bins) == 0 else values(bins)


def _edges(a, bins, range, found):
    """Recompute the edges that NumPy `found` from the given edges, or from the extremes of `a`, to record them."""
    if not isinstance(bins, str) and np.ndim(bins):
        return as_array(bins)
    if isinstance(a, np.ndarray) or range is not None or not a.size:
        return found
    low, high = np.min(a), np.max(a)
    if low == high:
        low, high = low - 0.5, high + 0.5
    share = np.linspace(0, 1, len(found), dtype=found.dtype)
    return low * (1 - share) + high * share


def _sums(columns, edges, weights):
    """Sum the `weights` in each bin, in float64 as NumPy does."""
    bins = [_bin_of(column, ends) for column, ends in zip(columns, edges, strict=True)]
    lengths = [len(ends) - 1 for ends in edges]
    inside = np.all([(i >= 0) & (i < length) for i, length in zip(bins, lengths, strict=True)], axis=0)
    wide = cast(weights, np.result_type(weights.dtype, np.float64))
    return scatter_add(wide[inside], tuple(i[inside] for i in bins), np.zeros(lengths))


def _bin_of(column, edges):
    """Return the bin number of each element; the last bin includes its right edge."""
    return np.where(column == edges[-1], len(edges) - 2, np.searchsorted(edges, column, side="right") - 1)


def _density(sums, edges):
    density = sums
    for axis, ends in enumerate(edges):
        widths = cast(np.diff(ends), np.dtype(float))
        density = density / broadcast_along(widths, axis, len(edges))
    return density / np.sum(sums)


defcomposite(np.histogram,           _histogram)
defcomposite(np.histogram_bin_edges, _histogram_bin_edges)
defcomposite(np.histogram2d,         _histogram2d)
defcomposite(np.histogramdd,         _histogramdd)
defvjp(np.bincount, None,           lambda g, ans, x, weights, minlength=0: g[x])
