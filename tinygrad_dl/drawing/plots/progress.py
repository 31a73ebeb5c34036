"""Plots of training: costs, and norms of gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .axes import COLOURS, LINES, MARKERS, axes_for, count_along, with_legend
from .names import layer_and_kind


def costs(histories: Any, *, log: bool = False, ax: Any = None) -> Any:
    """Plot the cost of each epoch, solid, and the validation cost, dashed.

    Parameters
    ----------
    histories
        A history, that is, the value of `tg.fit` or a list of costs; or a dict of histories by name.
    log
        Use a logarithmic axis of costs.
    ax
        Axes to draw into; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    ValueError
        For a history without costs, and for costs of 0 or below on a logarithmic axis.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from tinygrad_dl.drawing import plots
    >>> ax = plots.costs({"SGD": [0.7, 0.5, 0.4], "Adam": [0.7, 0.3, 0.1]}, log=True)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['SGD', 'Adam']
    """
    several = isinstance(histories, Mapping) and ("loss" not in histories or isinstance(histories["loss"], Mapping))
    runs = {
        str(name): history if isinstance(history, Mapping) else {"loss": history}
        for name, history in (histories if several else {"": histories}).items()
    }
    if not runs:
        raise ValueError("costs: expected a history of tg.fit, or histories by name, got none.")
    kinds = {"loss": "training", "validation_loss": "validation"}
    if not any("validation_loss" in run for run in runs.values()):
        del kinds["validation_loss"]
    curves = []
    for i, (name, run) in enumerate(runs.items()):
        if "loss" not in run:
            raise ValueError(f'costs: expected a history with a "loss" for each name, got {list(run)} for {name!r}.')
        for (kind, label), line in zip(kinds.items(), LINES, strict=False):
            if kind in run:
                values = _series("costs", f"{name} {kind}".strip(), run[kind])
                if log and np.any(values <= 0):
                    raise ValueError(f"costs: expected costs above 0 for log=True, got {np.nanmin(values):.4g}.")
                full = ", ".join([name] * several + [label] * (len(kinds) > 1 or not several))
                curves.append((values, full, line, i))
    ax = axes_for("costs", ax)
    for values, label, line, i in curves:
        marks = _marks(i, len(runs), len(values)) if several or len(values) == 1 else {}
        ax.plot(range(1, len(values) + 1), values, line, color=COLOURS[i % len(COLOURS)], label=label, **marks)
    count_along(ax.xaxis)
    ax.set(xlabel="epoch", ylabel="cost", title="Cost")
    if log:
        ax.set_yscale("log")
    return with_legend(ax)


def gradient_norms(norms: Any, *, log: bool = True, ax: Any = None) -> Any:
    """Plot the Euclidean norm √Σ dW² of each parameter's gradient over training, for a look at vanishing gradients.

    The parameters of a layer share a colour and a marker; W is solid, b is dashed.

    Parameters
    ----------
    norms
        The history of `tg.fit(..., gradient_norms=True)`; or the norms of each step, as lists by name, or as a list of
        dicts by name: `{p.name: np.linalg.norm(p.grad) for p in net.parameters()}` after each backward pass.
    log
        Use a logarithmic axis of norms, which leaves out norms of 0.
    ax
        Axes to draw into; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    ValueError
        For a history without norms, and for negative norms.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from tinygrad_dl.drawing import plots
    >>> ax = plots.gradient_norms([{"W1": 0.01, "b1": 0.003}, {"W1": 0.02, "b1": 0.001}])
    >>> ax.get_xlabel(), ax.get_yscale()
    ('step', 'log')
    """
    recorded = getattr(norms, "gradient_norms", None)
    if recorded is not None and not recorded:
        raise ValueError("gradient_norms: this history has no norms of gradients: tg.fit(..., gradient_norms=True).")
    by_name = norms if recorded is None else recorded
    if not isinstance(by_name, Mapping):
        if not isinstance(by_name, Sequence) or not all(isinstance(step, Mapping) for step in by_name):
            raise ValueError(
                f"gradient_norms: expected a history, lists by name, or a list of dicts by name, got {norms!r:.80}."
            )
        names = dict.fromkeys(name for step in by_name for name in step)
        by_name = {name: [step.get(name, np.nan) for step in by_name] for name in names}
    if not by_name:
        raise ValueError("gradient_norms: expected the norms of at least one parameter, got none.")
    series = {str(name): _series("gradient_norms", name, values) for name, values in by_name.items()}
    for name, values in series.items():
        if np.any(values < 0):
            raise ValueError(f"gradient_norms: expected norms, got {np.nanmin(values):.4g} for {name}.")
    layers, kinds = (list(dict.fromkeys(parts)) for parts in zip(*map(layer_and_kind, series), strict=True))
    ax = axes_for("gradient_norms", ax)
    for name, values in series.items():
        layer, kind = layer_and_kind(name)
        i, line = layers.index(layer), LINES[kinds.index(kind) % len(LINES)]
        style = {"color": COLOURS[i % len(COLOURS)], **_marks(i, len(layers), len(values))}
        ax.plot(range(1, len(values) + 1), values, line, label=name, **style)
    count_along(ax.xaxis)
    ax.set(xlabel="step" if recorded is None else "epoch", ylabel="norm of the gradient", title="Gradients")
    if log and any(np.any(values > 0) for values in series.values()):
        ax.set_yscale("log")
    return with_legend(ax)


def _series(function: str, what: str, values: Any) -> np.ndarray:
    """A number each epoch or step. Where it is not finite, the line has a gap."""
    array = np.asarray(values)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "biuf" or not np.any(np.isfinite(array)):
        raise ValueError(f"{function}: expected a list of numbers for {what}, got {values!r:.80}.")
    return array.astype(float)


def _marks(i: int, lines: int, points: int) -> dict[str, Any]:
    """The marker of line `i`, at about eight of its points, beside those of the other `lines`."""
    every = max(1, points // 8)
    return {"marker": MARKERS[i % len(MARKERS)], "markersize": 5, "markevery": (i * every // lines, every)}
