"""Functions of one number: an activation with its derivative, and the fit of nets to 1-D data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...core.backprop import gradients
from ...core.modes import no_grad, recording
from ...core.tensor import Tensor
from .axes import COLOURS, LINES, axes_for, numbers, plain, with_legend


def activation(
    g: Callable[[Any], Any], *, z: tuple[float, float] = (-4.0, 4.0), name: str | None = None, ax: Any = None
) -> Any:
    """Plot an elementwise activation g(z) and its derivative g'(z), computed by autodiff.

    Lines break where g or g' jumps, as the derivative of relu does at 0; a dot marks autodiff's value there.

    Parameters
    ----------
    g
        A function of Tensors and arrays of any shape, applied to each element.
    z
        The range (low, high).
    name
        The title, by default the name of `g`.
    ax
        Axes to draw into; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    ValueError
        For an invalid range, and for a `g` that is not elementwise or leaves the graph.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.drawing import plots
    >>> ax = plots.activation(tg.nn.relu)
    >>> ax.get_title(), [line.get_label() for line in ax.get_legend().get_lines()]
    ('relu', ['g(z)', "g'(z)"])
    """
    if not callable(g):
        raise TypeError(f"activation: expected a function, such as tg.nn.relu, got {type(g).__name__} {g!r:.40}.")
    if np.shape(z) != (2,) or not (np.all(np.isfinite(z)) and z[0] < z[1]):
        raise ValueError(f"activation: expected a range z=(low, high), such as (-4, 4), got {z!r}.")
    name = name or getattr(g, "__name__", "g").replace("<lambda>", "g")
    grid = np.linspace(*z, 801)
    values, slopes = _with_derivative(g, name, grid)
    every_other = _with_derivative(g, name, grid[::2])[0]
    if not np.allclose(every_other, values[::2], equal_nan=True):
        raise ValueError(
            f"activation: expected a function of each z alone, and in {name} they depend on one another. For softmax "
            f"of two, the other being 0, pass lambda z: tg.nn.softmax(np.stack([z, 0 * z]))[0]."
        )
    if not np.any(slopes) and np.count_nonzero(np.diff(values)) > len(grid) / 4:
        raise ValueError(f"activation: {name} varies, and what it gives tracks no gradient: it leaves the graph.")
    ax = axes_for("activation", ax)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for which, heights in enumerate((values, slopes)):
        line = _break_at_jumps(lambda x: _with_derivative(g, name, x), which, grid, heights)
        ax.plot(*line[:2], LINES[which], color=COLOURS[which], label=("g(z)", "g'(z)")[which], linewidth=2)
        if len(line[2]):
            ax.plot(*line[2:], "o", color=COLOURS[which], markersize=4, label="_at jumps")
    ax.set(xlabel="z", title=name)
    sizes = np.abs(np.concatenate([values, slopes]))
    sizes = sizes[np.isfinite(sizes)]
    most = np.percentile(sizes, 80) if len(sizes) else 0.0
    if 0 < 20 * most < sizes.max():  # beside a pole all else would be flat
        ax.set_ylim(-3 * most, 3 * most)
    return with_legend(ax)


def fits(nets: Any, X: Any, Y: Any, *, ax: Any = None) -> Any:
    """Plot the curves y = net(x) of a net, or of several, over data of one feature.

    The notes' picture (week 3): a net without activations fits a straight line, one with activations bends.

    Parameters
    ----------
    nets
        A function of samples (1, m) to predictions (1, m), or a dict of such functions by name.
    X
        Samples, (1, m).
    Y
        Targets, (1, m) or (m,).
    ax
        Axes to draw into; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    ValueError
        For other shapes of data or predictions, and for values that are not finite.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_dl.drawing import plots
    >>> x = np.array([[0.0, 1.0, 2.0]])
    >>> ax = plots.fits({"a line": lambda x: 2 * x, "a bend": lambda x: 4 * np.maximum(0, x - 1)}, x, x**2)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['data', 'a line', 'a bend']
    """
    X, Y = numbers("fits", "X", X), numbers("fits", "Y", Y)
    if X.ndim != 2 or X.shape[0] != 1 or not X.size:
        raise ValueError(f"fits: expected X of shape (1, m), got {X.shape}; samples are columns: X.reshape(1, -1).")
    if Y.shape not in (X.shape, X.shape[1:]):
        raise ValueError(f"fits: expected Y of shape {X.shape}, as X, got {Y.shape}.")
    margin = 0.05 * (X.max() - X.min()) or 1.0
    grid = np.linspace(X.min() - margin, X.max() + margin, 400)
    curves = {}
    for name, net in (nets if isinstance(nets, Mapping) else {"fit": nets}).items():
        with no_grad():
            curves[name] = numbers("fits", f"net(X) of {name}", net(grid[np.newaxis]))
        if curves[name].shape != (1, grid.size):
            raise ValueError(f"fits: expected {name} to give (1, m) for X of shape (1, m), got {curves[name].shape}.")
    ax = axes_for("fits", ax)
    ax.plot(X[0], Y.reshape(-1), "o", color="0.35", label="data")
    for i, (name, curve) in enumerate(curves.items()):
        ax.plot(grid, curve[0], LINES[i % len(LINES)], color=COLOURS[i % len(COLOURS)], label=name, linewidth=2)
    ax.set(xlabel="x", ylabel="y", title="Fit")
    return with_legend(ax)


def _with_derivative(g: Callable[[Any], Any], name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """g(z) and g'(z): the gradient of the sum, since each output depends on its own input only."""
    with recording(True), np.errstate(all="ignore"):  # where g is not defined, the line has a gap
        leaf = Tensor(z, requires_grad=True)
        a = g(leaf)
        values = plain(a)
        if values.shape != z.shape:
            raise ValueError(f"activation: expected {name} to be elementwise, got {values.shape} from {z.shape}.")
        if type(a) is Tensor and a.requires_grad:
            return values, np.where(np.isfinite(values), gradients(np.sum(a), leaf), np.nan)
        return values, np.zeros(z.shape)  # of steps, as np.sign has them


def _break_at_jumps(f: Callable[[Any], Any], which: int, z: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, ...]:
    """A line of `f(z)[which]` that breaks where it jumps: the z and heights of it, and those at the jumps.

    A jump is what remains when the interval that it lies in was halved 40 times.
    """
    a, b, at_a, at_b = z[:-1], z[1:], heights[:-1], heights[1:]
    with np.errstate(invalid="ignore"):
        for _ in range(40):
            middle = (a + b) / 2
            at_middle = f(middle)[which]
            left = np.abs(at_middle - at_a) > np.abs(at_b - at_middle)
            a, at_a = np.where(left, a, middle), np.where(left, at_a, at_middle)
            b, at_b = np.where(left, middle, b), np.where(left, at_middle, at_b)
        finite = np.abs(heights[np.isfinite(heights)])
        reach = finite.max(initial=0.0)
        jumps = np.flatnonzero(np.abs(at_b - at_a) > 1e-3 * reach)
        ends = np.stack([at_a, np.full(len(a), np.nan), at_b], axis=1)[jumps].reshape(-1)
        ends[np.abs(ends) > 2 * reach] = np.nan  # a pole
    places = np.stack([a, a, b], axis=1)[jumps].reshape(-1)
    where = np.repeat(jumps + 1, 3)
    at = np.unique(np.round((a + b)[jumps] / 2, 9))
    values = f(at)[which] if len(at) else at
    shown = np.abs(values) <= 2 * reach
    return np.insert(z, where, places), np.insert(heights, where, ends), at[shown], values[shown]
