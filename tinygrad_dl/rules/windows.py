"""Sliding windows, of which convolutions are made, and their transpose, which adds overlapping windows."""

import itertools
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view

from .. import batching
from ..core import primitives
from ..core.registry import defvjp


@primitives.array_function
def add_windows(windows: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Add overlapping windows to an array of `shape`: the transpose of the linear map `sliding_window_view`.

    The last axes of `windows` are those inside a window; window axis k slides along `axes[k]`.

    >>> add_windows(np.ones((3, 2)), (4,), (0,))
    array([1., 2., 2., 1.])
    """
    total = np.zeros(shape, windows.dtype)
    for offsets in itertools.product(*map(range, windows.shape[len(shape):])):
        starts = [sum(o for o, axis in zip(offsets, axes, strict=True) if axis == a) for a in range(len(shape))]
        places = tuple([slice(start, start + n) for start, n in zip(starts, windows.shape, strict=False)])
        total[places] += windows[(..., *offsets)]
    return total


def _by_windows(g, ans, x, window_shape, axis=None, *, subok=False):
    axes = range(x.ndim) if axis is None else axis
    return add_windows(g, x.shape, normalize_axis_tuple(axes, x.ndim, allow_duplicate=True))


def _by_added(g, ans, windows, shape, axes):
    return sliding_window_view(g, windows.shape[len(shape):], axes)


defvjp(sliding_window_view, _by_windows)
defvjp(add_windows, _by_added)
batching.rules[add_windows] = lambda level, windows, shape, axes: level.wrap(
    add_windows(windows._value, (level.size, *shape), tuple([axis + 1 for axis in axes]))
)
