"""Decision boundaries: the predictions of a net on the plane, as regions or shades, with the samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.modes import no_grad
from .axes import COLOURS, HEADROOM, MARKERS, axes_for, numbers, with_legend

TINTS = ("#9CC8E2", "#FBE8C0", "#A9DCC9", "#F3C6A5", "#F2DDE8", "#D5EDFA", "#C8C8C8")  # of COLOURS, for regions


def decision_boundary(
    net: Callable[[Any], Any],
    X: Any,
    Y: Any,
    *,
    logits: bool = False,
    classes: Sequence[str] | None = None,
    resolution: int = 200,
    legend: bool = True,
    ax: Any = None,
) -> Any:
    """Plot the predictions of `net` on the plane, and samples.

    A net with one output gives P(y = 1), drawn as ten shades, with a line at 1/2. With several outputs, logits or not,
    each class has the region in which its output is the largest. A new figure has a colour bar; in your own,
    `figure.colorbar(ax.images[0], ax=ax)` adds one.

    Parameters
    ----------
    net
        A function of samples (2, m), such as a Module, to outputs (1, m) or (classes, m).
    X
        Samples, (2, m).
    Y
        Labels 0, 1, ..., of shape (m,) or (1, m), or one-hot, (classes, m).
    logits
        Draw the sigmoid of the one output.
    classes
        The names of the classes.
    resolution
        The number of points along an axis.
    legend
        Draw a legend.
    ax
        Axes to draw into; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    ValueError
        For other shapes, values that are not finite, labels out of range, and for probabilities outside of [0, 1],
        which are logits.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.drawing import plots
    >>> X, Y = np.array([[-1.0, 1.0, 2.0], [0.0, 1.0, 0.0]]), np.array([0, 1, 1])
    >>> ax = plots.decision_boundary(lambda X: tg.nn.sigmoid(X[:1]), X, Y)
    >>> ax.get_title()
    'Decision boundary, accuracy 1.00'
    """
    X = numbers("decision_boundary", "X", X)
    if X.ndim != 2 or X.shape[0] != 2 or not X.size:
        advice = "; samples are columns: pass X.T" if X.ndim == 2 and X.shape[1] == 2 else ""
        raise ValueError(f"decision_boundary: expected X of shape (2, m), got {X.shape}{advice}.")
    scores = _scores(net, X, logits)
    count = len(scores)
    labels = _labels(Y, count, X.shape[1])
    names = list(classes) if classes is not None else [f"class {k}" for k in range(count)]
    if len(names) != count:
        raise ValueError(f"decision_boundary: expected the names of {count} classes, got {classes!r}.")
    if resolution < 2:
        raise ValueError(f"decision_boundary: expected a resolution of at least 2 points, got {resolution}.")
    low, high = X.min(axis=1), X.max(axis=1)
    margin = np.where(high > low, 0.1 * (high - low), 1.0)
    low, high = low - margin, high + margin
    top = low[1] + (high[1] - low[1]) / (1 - HEADROOM * legend)  # the legend lies above the samples, on the field
    x, y = np.linspace(low[0], high[0], resolution), np.linspace(low[1], top, resolution)
    field = _scores(net, np.stack(np.meshgrid(x, y)).reshape(2, -1), logits).reshape(count, resolution, resolution)

    own, ax = ax is None, axes_for("decision_boundary", ax)
    shades = _draw_field(ax, x, y, field)
    _draw_samples(ax, X, labels, names)
    right = np.mean(scores.argmax(axis=0) == labels)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title=f"Decision boundary, accuracy {right:.2f}")
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    if own and count == 2:
        ax.figure.colorbar(shades, ax=ax, label=f"probability of {names[1]}")
    return with_legend(ax, above=True) if legend else ax


def _draw_field(ax: Any, x: np.ndarray, y: np.ndarray, field: np.ndarray) -> Any:
    """The image of P(y = 1) of two classes, or of the regions of several, and lines where the largest score changes."""
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap

    count = len(field)
    if count == 2:
        image, limits = field[1], (0.0, 1.0)
        colours: Any = LinearSegmentedColormap.from_list("probability", TINTS[:2], N=10)
    else:
        image, limits = field.argmax(axis=0), (-0.5, count - 0.5)
        colours = ListedColormap([TINTS[k % len(TINTS)] for k in range(count)])
    half = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2  # a pixel lies around its point
    place = {"extent": (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1]), "origin": "lower"}
    shades = ax.imshow(image, colours, vmin=limits[0], vmax=limits[1], aspect="auto", zorder=0, **place)
    for k in range(1 if count == 2 else 0, count):
        lead = field[k] - np.delete(field, k, axis=0).max(axis=0)
        if lead.min() < 0 < lead.max():
            ax.contour(x, y, lead, [0.0], colors="black", linewidths=1.2, zorder=1)
    return shades


def _draw_samples(ax: Any, X: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
    size = 7 if len(labels) <= 100 else 5 if len(labels) <= 500 else 3.5
    for k, name in enumerate(names):
        colour = COLOURS[k % len(COLOURS)]
        edge = {"markeredgecolor": "white" if colour == "#000000" else "black", "markeredgewidth": 0.6}
        style = {"marker": MARKERS[k % len(MARKERS)], "color": colour, "markersize": size, "linestyle": "none"}
        ax.plot(*X[:, labels == k], label=name, **style, **edge)


def _scores(net: Callable[[Any], Any], X: np.ndarray, logits: bool) -> np.ndarray:
    """A score of each class for each sample, (classes, m), the largest wins: for one output, P(y = 0) and P(y = 1)."""
    with no_grad():
        A = numbers("decision_boundary", "net(X)", net(X))
    if A.ndim != 2 or A.shape[1] != X.shape[1] or not A.size:
        raise ValueError(f"decision_boundary: expected net(X) of shape (classes, {X.shape[1]}), got {A.shape}.")
    if len(A) > 1:
        return A
    if logits:
        A = (1 + np.tanh(A / 2)) / 2  # the sigmoid, with no overflow
    elif A.min() < 0 or A.max() > 1:
        raise ValueError(
            f"decision_boundary: expected probabilities in [0, 1] of a net with one output, got {A.min():.4g} to "
            f"{A.max():.4g}: pass logits=True."
        )
    return np.concatenate([1 - A, A])


def _labels(Y: Any, classes: int, m: int) -> np.ndarray:
    Y = numbers("decision_boundary", "Y", Y)
    if Y.shape == (classes, m):
        if not np.all(((Y == 0) | (Y == 1)) & (Y.sum(axis=0) == 1)):
            raise ValueError(f"decision_boundary: expected one-hot columns in Y of shape {Y.shape}: one 1, else 0.")
        return Y.argmax(axis=0)
    if Y.shape not in ((m,), (1, m)):
        raise ValueError(
            f"decision_boundary: expected Y of shape ({m},), (1, {m}) or one-hot ({classes}, {m}), got {Y.shape}."
        )
    labels = Y.reshape(-1)
    if not np.all(np.isin(labels, np.arange(classes))):
        raise ValueError(f"decision_boundary: expected labels 0 ... {classes - 1}, got {np.unique(labels)!s:.60}.")
    return labels.astype(int)
