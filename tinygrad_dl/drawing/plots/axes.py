"""Shared parts of the plots: colours, markers and dashes, Axes, legends, and checks of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "*")
LINES = ("-", "--", ":", "-.")
HEADROOM = 3 / 8  # the most of an Axes' height that is left to a legend


def axes_for(function: str, ax: Any, *shape: int, **options: Any) -> Any:
    """`ax`, if it is one, or those of a new figure."""
    if ax is not None:
        if not hasattr(ax, "transData"):
            raise TypeError(f"{function}: expected ax=Axes, such as figure.subplots() gives, got {ax!r:.80}.")
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(f'plots.{function} needs matplotlib: pip install "tinygrad-dl[plot]"') from None
    return plt.subplots(*shape, layout="constrained", **options)[1]


def with_legend(ax: Any, above: bool = False) -> Any:
    """`ax` with a legend that covers no data: at the best place, or above all data, whose Axes then reach higher."""
    limits = np.array(ax.get_ylim())  # asking brings them up to date, on which the rest relies
    if not above:
        box = ax.legend(loc="best").get_window_extent().padded(4)
        if not any(_meets(line, box) for line in ax.get_lines() if not line.get_label().startswith("_")):
            return ax
    for columns in range(len(ax.get_legend_handles_labels()[0]), 0, -1):
        box = ax.legend(loc="upper center", ncols=columns, columnspacing=1.2, framealpha=1).get_window_extent()
        if box.width < 0.8 * ax.bbox.width:
            break
    share = min(HEADROOM, 1.2 * box.height / ax.bbox.height + 0.02)  # a layout may yet make the Axes lower
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(limits)
    ax.set_ylim(top=scale.inverted().transform(low + (high - low) / (1 - share)))
    return ax


def count_along(axis: Any) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(nbins="auto", integer=True))


def _meets(line: Any, box: Any) -> bool:
    path = line.get_transform().transform_path(line.get_path())
    if line.get_linestyle() == "None":
        return box.count_contains(path.vertices) > 0
    return path.intersects_bbox(box, filled=False)


def plain(values: Any) -> np.ndarray:
    """`values`, of an array, a list or a Tensor."""
    return np.asarray(values.data if type(values) is Tensor else values)


def numbers(function: str, what: str, values: Any) -> np.ndarray:
    """`values`, of an array, a list or a Tensor, as real finite floats."""
    array = plain(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{function}: expected real numbers in {what}, got {array.dtype}.")
    if not np.all(np.isfinite(array)):
        wrong = np.count_nonzero(~np.isfinite(array))
        raise ValueError(f"{function}: expected finite numbers in {what}, and {wrong} of {array.size} are nan or inf.")
    return array.astype(float)
