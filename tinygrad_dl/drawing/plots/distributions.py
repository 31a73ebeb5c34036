"""Histograms of the numbers in a net, as small multiples."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.modes import recording
from ...core.tensor import Tensor
from ...graph.named_tensors import named_tensors
from ...nn.module import course_names
from .axes import COLOURS, axes_for, count_along, numbers
from .names import layer_and_kind


def histograms(arrays: Any, X: Any = None, *, bins: int = 41, ax: Any = None) -> Any:
    """Plot a histogram of each array in a panel, with its mean and standard deviation below.

    Parameters
    ----------
    arrays
        A dict of arrays by name, of any shapes; or a net, whose parameters W1 b1 W2 ... are drawn, a row a layer.
    X
        Samples, (n, m), for a net: the Tensors Z1, A1, ... that it computes from them are drawn too.
    bins
        The number of bins.
    ax
        An Axes, or an array of at least as many Axes as there are panels; a new figure by default.

    Returns
    -------
    array of matplotlib.axes.Axes
        The panels.

    Raises
    ------
    ValueError
        For no arrays, for empty ones, for values that are not finite, and for too few Axes.
    TypeError
        If `arrays` is neither a dict nor a net.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.drawing import plots
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> [ax.get_title() for ax in plots.histograms(net, np.ones((2, 3))).flat]
    ['W1 (4, 2)', 'b1 (4, 1)', 'Z1 (4, 3)', 'A1 (4, 3)', 'W2 (1, 4)', 'b2 (1, 1)', 'Z2 (1, 3)', 'A2 (1, 3)']
    """
    if isinstance(arrays, Mapping):
        if X is not None:
            raise ValueError("histograms: X is for a net; a dict of arrays is drawn as it is.")
        named = dict(arrays)
    elif hasattr(arrays, "named_parameters"):
        named = _tensors(arrays, X)
    else:
        raise TypeError(f"histograms: expected a net, or a dict of arrays by name, got {arrays!r:.80}.")
    named = {str(name): numbers("histograms", str(name), values) for name, values in named.items()}
    for name, values in named.items():
        if not values.size:
            raise ValueError(f"histograms: expected numbers in {name}, got none, of shape {values.shape}.")
    if not named:
        raise ValueError("histograms: expected at least one array, got none.")
    panels, drawn = _panels(list(named), ax)
    kinds = list(dict.fromkeys(layer_and_kind(name)[1] for name in named))
    for name, panel in drawn.items():
        values = named[name].reshape(-1)
        low, high, size = values.min(), values.max(), np.abs(values).max()
        around = 0.0 if high - low > 1e-9 * size else 0.5 * max(1.0, size)  # a constant lies amidst its panel
        colour = COLOURS[kinds.index(layer_and_kind(name)[1]) % len(COLOURS)]
        count_along(panel.yaxis)
        panel.hist(values, bins, range=(low - around, high + around), color=colour)
        panel.set(title=f"{name} {named[name].shape}", xlabel=f"mean {values.mean():.2g}, std {values.std():.2g}")
    return panels


def _tensors(net: Any, X: Any) -> dict[str, Tensor]:
    """The parameters of `net` and, with samples, what it computes from them, by name."""
    named = course_names(net.named_parameters())
    if X is None:
        return named
    with recording(True):  # else the Tensors could not be found
        inside = named_tensors(net(Tensor(numbers("histograms", "X", X), requires_grad=True)))
    parameters = set(named.values())
    return named | {name: tensor for name, tensor in inside.items() if tensor not in parameters}


def _panels(names: list[str], ax: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """The Axes, all of them and by name."""
    if ax is None:
        cells = _cells(names)
        rows, columns = (1 + max(position) for position in zip(*cells.values(), strict=True))
        size = {"figsize": (max(3.6, 2.7 * columns), max(2.6, 2.2 * rows))}
        panels = axes_for("histograms", None, rows, columns, squeeze=False, **size)
        for position, panel in np.ndenumerate(panels):
            panel.set_visible(position in cells.values())
        for panel in panels[:, 0]:
            panel.set_ylabel("count")
        return panels, {name: panels[cell] for name, cell in cells.items()}
    panels = np.atleast_1d(np.asarray(ax, object))
    if panels.size < len(names):
        raise ValueError(f"histograms: expected {len(names)} Axes, for {', '.join(names)}; got {panels.size}.")
    return panels, {name: axes_for("histograms", panel) for name, panel in zip(names, panels.flat, strict=False)}


def _cells(names: list[str]) -> dict[str, tuple[int, int]]:
    """The row and column of each: a row a layer, where they have the names of the course, else about a square."""
    if all(re.fullmatch(r"[A-Za-z]+\d+", name) for name in names):
        layers, kinds = (list(dict.fromkeys(parts)) for parts in zip(*map(layer_and_kind, names), strict=True))
        layers.sort(key=int)
        if len(kinds) <= 5:
            return {
                name: (layers.index(layer), kinds.index(kind))
                for name, (layer, kind) in zip(names, map(layer_and_kind, names), strict=True)
            }
    columns = min(4, math.ceil(math.sqrt(len(names))))
    return {name: divmod(i, columns) for i, name in enumerate(names)}
