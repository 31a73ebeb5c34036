"""Callbacks of `fit`: functions of the state of training, called after each epoch or step."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import checks
from ..optim import Optimizer
from .history import History
from .saving import save_training

_PREFIX = "parameters."  # of their names in the state of `EarlyStopping`


@dataclass
class TrainingState:
    """The state of a training run, which `fit` gives to its callbacks.

    Attributes
    ----------
    net : Module or function
        The net in training.
    optimizer : Optimizer
        Its optimizer.
    history : History
        The losses and metrics so far.
    epochs : int
        The number of epochs that were asked for.
    rng : numpy.random.Generator or None
        The source of randomness of the minibatches.
    epoch : int
        The number of epochs that have ended.
    step : int
        The number of steps made, since the start of training.
    loss : float
        The loss of the last step.
    stopped : str
        The reason to stop; "" to go on.
    callbacks : sequence of function
        The callbacks of the run.
    """

    net: Any
    optimizer: Optimizer
    history: History
    epochs: int
    rng: np.random.Generator | None = None
    epoch: int = 0
    step: int = 0
    loss: float = math.nan
    stopped: str = field(default="", init=False)
    callbacks: Sequence[Callable[[TrainingState], Any]] = ()

    def stop(self, reason: str = "a callback stopped it") -> None:
        """End training after this epoch, or after this step if called after a step.

        Parameters
        ----------
        reason : str
            The reason, which the progress bar shows.
        """
        self.stopped = reason


def every_step(callback: Callable[[TrainingState], Any]) -> Callable[[TrainingState], Any]:
    """Mark a callback of `fit` as one to be called after each step instead of each epoch.

    Parameters
    ----------
    callback : function
        A function of the `TrainingState`.

    Returns
    -------
    function
        The callback.

    Examples
    --------
    >>> @every_step
    ... def show(state):
    ...     print(state.step, state.loss)
    """

    def at_step(*state: TrainingState) -> Any:  # a method gets its object too
        return callback(*state)

    at_step.every_step = True  # type: ignore[attr-defined]
    for name in ("state_dict", "load_state_dict"):  # which `save_training` and `load_training` look for
        if hasattr(callback, name):
            setattr(at_step, name, getattr(callback, name))
    return at_step


class EarlyStopping:
    """A callback of `fit` that stops training that no longer improves, and restores the best parameters.

    It starts anew with the first epoch of each call of `fit`. A monitored value of nan is worse than all others.
    Callbacks that stop training belong before it in the list: it restores the best parameters when it is called.

    Parameters
    ----------
    patience : int
        The number of epochs without improvement to wait for.
    monitor : str
        The name of a loss or metric in the history. The default is `validation_loss`.
    maximise : bool
        Larger is better, as for an accuracy.
    least : float
        The least change that counts as an improvement.

    Raises
    ------
    ValueError
        If a setting is out of range; during training, if the history has no such name.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> rng = np.random.default_rng(0)
    >>> X, Y = rng.normal(size=(2, 40)), rng.integers(0, 2, (1, 40))
    >>> net = tg.nn.mlp([2, 8, 1], output=tg.nn.sigmoid, rng=rng)
    >>> adam = tg.optim.Adam(net.parameters(), learning_rate=0.1)
    >>> history = tg.fit(net, X[:, :20], Y[:, :20], loss=tg.nn.binary_cross_entropy, optimizer=adam, epochs=500,
    ...     validation=(X[:, 20:], Y[:, 20:]), callbacks=[tg.training.EarlyStopping(patience=5)], progress=False)
    >>> len(history.loss) < 500
    True
    """

    patience: int
    monitor: str
    maximise: bool
    least: float
    best: float
    best_epoch: int

    def __init__(
        self, patience: int = 10, *, monitor: str = "validation_loss", maximise: bool = False, least: float = 0.0
    ):
        self.patience = checks.whole_number("EarlyStopping", "patience", patience)
        self.monitor, self.maximise = monitor, maximise
        self.least = checks.not_negative("EarlyStopping", "least", least)
        self._start()

    def _start(self) -> None:
        self.best, self.best_epoch = math.inf, 0
        self._parameters: dict[str, np.ndarray] = {}

    def __call__(self, state: TrainingState) -> None:
        """Compare the epoch with the best one."""
        measured = {name: values[-1] for name, values in state.history.items() if len(values) == state.epoch}
        if self.monitor not in measured:
            advice = ": pass validation=(X, Y) to fit" if self.monitor.startswith("validation_") else ""
            known = ", ".join(measured)
            raise ValueError(f"EarlyStopping: expected monitor to be one of {known}, got {self.monitor!r}{advice}.")
        if state.epoch == 1:  # it may have served another net
            self._start()
        value = measured[self.monitor] * (-1 if self.maximise else 1)
        value = math.inf if math.isnan(value) else value
        if value < self.best - self.least or not self._parameters:
            self.best, self.best_epoch = value, state.epoch
            self._parameters = parameters_of(state)
        self.stop_if_over(state)
        if state.stopped or state.epoch == state.epochs:
            restore(state, self._parameters)

    def stop_if_over(self, state: TrainingState) -> None:
        """Stop training that has had its patience: after an epoch, and a run that is resumed after it had ended.

        Parameters
        ----------
        state : TrainingState
            The state of training.
        """
        if state.epoch - self.best_epoch >= self.patience:
            state.stop(f"no better {self.monitor} than that of epoch {self.best_epoch}")

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the best value, its epoch, and the parameters of that epoch.

        Returns
        -------
        dict of str to array
            The arrays by name.
        """
        parameters = {f"{_PREFIX}{name}": values for name, values in self._parameters.items()}
        return {"best": np.array(self.best), "best_epoch": np.array(self.best_epoch), **parameters}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Go on from the state of another run.

        Parameters
        ----------
        state : dict of str to array
            What `state_dict` returned.
        """
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])
        self._parameters = {n.removeprefix(_PREFIX): v for n, v in state.items() if n.startswith(_PREFIX)}


class Checkpoint:
    """A callback of `fit` that saves training after every `every` epochs, for `load_training` and `fit(resume=...)`.

    It saves the state of the other callbacks too, which those before it in the list have of this epoch already.

    Parameters
    ----------
    path : str or path-like
        The file. Braces are replaced by the number of epochs: `"run-{epoch}.npz"`.
    every : int
        The number of epochs between two files; the last epoch is always saved.

    Examples
    --------
    >>> Checkpoint("run.npz", every=10)
    Checkpoint('run.npz', every=10)
    """

    path: str
    every: int

    def __init__(self, path: str | os.PathLike[str], every: int = 1):
        self.path = os.fsdecode(path)
        self.every = checks.whole_number("Checkpoint", "every", every)

    def __call__(self, state: TrainingState) -> None:
        """Save training, if this epoch is to be saved."""
        if state.epoch % self.every == 0 or state.stopped or state.epoch == state.epochs:
            path = self.path.replace("{epoch}", str(state.epoch))
            save_training(path, state.net, state.optimizer, state.rng, state.history, state.callbacks)

    def __repr__(self) -> str:
        return f"Checkpoint({self.path!r}, every={self.every})"


def parameters_of(state: TrainingState) -> dict[str, np.ndarray]:
    """Copy the values of all parameters: of the net, or of the optimizer if the net is a function."""
    if hasattr(state.net, "state_dict"):
        copies: dict[str, np.ndarray] = state.net.state_dict()
        return copies
    return {str(i): p.numpy() for i, p in enumerate(state.optimizer.parameters)}


def restore(state: TrainingState, values: dict[str, np.ndarray]) -> None:
    """Set the parameters to the copies that `parameters_of` made."""
    if hasattr(state.net, "load_state_dict"):
        state.net.load_state_dict(values)
    else:
        for i, parameter in enumerate(state.optimizer.parameters):
            parameter.data = values[str(i)]
