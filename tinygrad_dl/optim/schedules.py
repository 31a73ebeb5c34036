"""Schedules: learning rates that change with the steps of an optimizer.

A schedule is any function of the number of steps made that returns a rate, and is passed as `learning_rate`. Those here
are NumPy formulas, so that a compiled step computes them too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks

__all__ = ["Cosine", "Exponential", "InverseTime", "Steps", "WarmUp"]


class _Checked:
    """Base class of schedules: it checks their settings, whole numbers of steps and positive rates and factors."""

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name, value in vars(self).items():
            if name in ("every", "total"):
                checks.whole_number(kind, name, value)
            elif name == "least":
                checks.not_negative(kind, name, value)
            else:
                checks.positive(kind, name, value)


@dataclass(frozen=True)
class InverseTime(_Checked):
    """The course's decay: α / (1 + decay · epoch), where an epoch has `every` steps.

    Parameters
    ----------
    rate : float
        The rate α at the start.
    decay : float
        The decay rate, above 0.
    every : int
        The number of steps after which the rate changes: those of an epoch.

    References
    ----------
    Course 2, week 2.

    Examples
    --------
    >>> schedule = InverseTime(0.2, decay=1)
    >>> [schedule(step) for step in range(3)]
    [0.2, 0.1, 0.06666666666666667]
    """

    rate: float
    decay: float
    every: int = 1

    def __call__(self, step: Any) -> Any:
        """Return the rate after `step` steps."""
        return self.rate / (1 + self.decay * (step // self.every))


@dataclass(frozen=True)
class Exponential(_Checked):
    """Exponential decay: α · decay^epoch, where an epoch has `every` steps.

    Parameters
    ----------
    rate : float
        The rate α at the start.
    decay : float
        The factor, above 0, such as 0.95.
    every : int
        The number of steps after which the rate changes.

    References
    ----------
    Course 2, week 2.

    Examples
    --------
    >>> schedule = Exponential(0.2, decay=0.5)
    >>> [schedule(step) for step in range(3)]
    [0.2, 0.1, 0.05]
    """

    rate: float
    decay: float
    every: int = 1

    def __call__(self, step: Any) -> Any:
        """Return the rate after `step` steps."""
        return self.rate * self.decay ** (step // self.every)


@dataclass(frozen=True)
class Steps(_Checked):
    """A staircase: the rate is multiplied by `factor` after every `every` steps.

    Parameters
    ----------
    rate : float
        The rate at the start.
    every : int
        The length of a stair in steps.
    factor : float
        The factor from stair to stair.

    Examples
    --------
    >>> schedule = Steps(0.1, every=2)
    >>> [schedule(step) for step in range(4)]
    [0.1, 0.1, 0.05, 0.05]
    """

    rate: float
    every: int
    factor: float = 0.5

    def __call__(self, step: Any) -> Any:
        """Return the rate after `step` steps."""
        return self.rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Cosine(_Checked):
    """Half a cosine, from `rate` at the start to `least` after `total` steps, and `least` from then on.

    Parameters
    ----------
    rate : float
        The rate at the start.
    total : int
        The number of steps to the end.
    least : float
        The rate at the end.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Examples
    --------
    >>> schedule = Cosine(0.1, total=4)
    >>> [round(float(schedule(step)), 4) for step in range(6)]
    [0.1, 0.0854, 0.05, 0.0146, 0.0, 0.0]
    """

    rate: float
    total: int
    least: float = 0.0

    def __call__(self, step: Any) -> Any:
        """Return the rate after `step` steps."""
        share = np.minimum(step / self.total, 1.0)
        return self.least + (self.rate - self.least) * (1 + np.cos(np.pi * share)) / 2


@dataclass(frozen=True)
class WarmUp:
    """A linear rise from 0 over the first `steps` steps, then another schedule, which counts from there.

    Parameters
    ----------
    steps : int
        The number of steps of the rise: the first has 1/steps of the rate.
    then : float or function
        The rate after it, or a schedule.

    References
    ----------
    Goyal et al., "Accurate, large minibatch SGD", 2017.

    Examples
    --------
    >>> schedule = WarmUp(4, then=0.1)
    >>> [round(float(schedule(step)), 4) for step in range(6)]
    [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]
    """

    steps: int
    then: float | Callable[[Any], Any]

    def __post_init__(self) -> None:
        checks.whole_number("WarmUp", "steps", self.steps)
        if not callable(self.then):
            checks.positive("WarmUp", "then", self.then)

    def __call__(self, step: Any) -> Any:
        """Return the rate after `step` steps."""
        later = np.maximum(step - self.steps, 0)
        rate = self.then(later) if callable(self.then) else self.then
        return rate * np.minimum((step + 1) / self.steps, 1.0)
