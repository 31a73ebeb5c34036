"""`History`: the losses and metrics of a training run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import _html


class History(dict[str, list[float]]):
    """A dict of the loss and the metrics of each epoch: `history["loss"]`, `history["validation_accuracy"]`, ...

    A list has nan for the epochs before the first in which a resumed run measured it.

    Attributes
    ----------
    gradient_norms : dict of str to list of float
        The mean norm of each parameter's gradient in each epoch; empty unless `fit` had `gradient_norms=True`.
    steps : int
        The number of steps that `fit` made in these epochs.
    """

    def __init__(self, *values: Any, **by_name: list[float]):
        super().__init__(*values, **by_name)
        self.gradient_norms: dict[str, list[float]] = {}
        self.steps = 0

    @property
    def loss(self) -> list[float]:
        """The training loss of each epoch."""
        return self["loss"]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """The metrics of each epoch, by name, without the losses."""
        return {name: values for name, values in self.items() if name not in ("loss", "validation_loss")}

    def record(self, values: Mapping[str, float], prefix: str = "") -> None:
        """Append the values of one epoch; for the epochs before it that lack a name, nan.

        Parameters
        ----------
        values : mapping of str to float
            The values by name.
        prefix : str
            Prepended to each name.
        """
        epoch = len(self.get("loss", ())) + ("loss" in values and not prefix)
        _append(self, {prefix + name: float(value) for name, value in values.items()}, epoch)

    def _record_norms(self, norms: Mapping[str, float]) -> None:
        """Append the mean norms of the gradients of the epoch whose loss has been recorded."""
        _append(self.gradient_norms, norms, len(self.loss))

    def plot(self, ax: Any = None, *, log: bool = False) -> Any:
        """Plot the losses over the epochs, as `tinygrad_dl.drawing.plots.costs` does for several histories.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw into. The default is a new figure.
        log : bool
            Use a logarithmic scale for the loss.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from ..drawing import plots

        return plots.costs(self, ax=ax, log=log)

    def __str__(self) -> str:
        """A table: a row for each epoch, of long runs for about ten of them."""
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)

    def _repr_html_(self) -> str:
        """The same table for notebooks. Its colours are those of the page, light or dark."""
        names, *epochs = self._rows()
        return _html.block(_html.table(epochs, names, numbers=range(len(names))))

    def _rows(self) -> list[list[str]]:
        """The names, then the values of about ten epochs, the first and the last among them."""
        epochs = len(self.get("loss", ()))
        every = max(1, -(-epochs // 10))
        shown = [epoch for epoch in range(1, epochs + 1) if epoch in (1, epochs) or epoch % every == 0]
        return [["epoch", *self], *([f"{epoch}", *self._values(epoch)] for epoch in shown)]

    def _values(self, epoch: int) -> list[str]:
        """The values of an epoch as text; empty where a name has none, not being measured any more."""
        return [f"{values[epoch - 1]:.4g}" if epoch <= len(values) else "" for values in self.values()]

    def __repr__(self) -> str:
        ends = (f"{name} {values[0]:.4g} -> {values[-1]:.4g}" for name, values in self.items())
        return f"History of {len(self.get('loss', ()))} epochs: {', '.join(ends)}"


def _append(lists: dict[str, list[float]], values: Mapping[str, float], epoch: int) -> None:
    """Append the values of an epoch, each in the place of that epoch: nan stands for what was not measured before."""
    for name, value in values.items():
        of_name = lists.setdefault(name, [])
        of_name += [math.nan] * (epoch - 1 - len(of_name))
        of_name.append(value)
