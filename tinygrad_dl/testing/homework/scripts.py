"""Gradients in a training loop: its step is run once with the updates watched, and compared with differences.

A step is found and run in `training`; its gradients and the losses that it may minimise are in `objectives`, the
verdict in `step_verdicts`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .entries import PREFIX, role_of
from .findings import UNCHECKED, Check, Finding
from .loading import UserFile
from .objectives import Parameter, fits, keeps_shapes, parameters_of, unseen
from .step_verdicts import Judge
from .training import Step, regions
from .watch import Path

LONGEST = 4.0  # seconds to get to the steps of a file
OTHERS = 5  # samples to try


def find(file: UserFile, progress: bool = False) -> Iterator[Check]:
    """The checks of the training steps of a file."""
    seen: set[int] = set()
    end = time.monotonic() + LONGEST
    for group in regions(file.whole):
        try:
            found = _first(file, group, seen, end)
        except Exception as error:
            names = Step(file, group[0]).names_of_check([])
            yield Check(f"the training step of {', '.join(names)}", names, partial(_raise, error))
            continue
        if found is not None:
            seen.add(id(found.step.region))
            yield Check(found.title, found.names, found.explained, found.misuse)


def _raise(error: Exception) -> Finding:
    raise error


def _first(file: UserFile, group: list[Any], seen: set[int], end: float) -> Judge | None:
    """The innermost of some statements that is a step: as the file gets to it, or else with drawn values."""
    missed = []
    for region in group:
        if id(region) in seen:
            return None
        if time.monotonic() > end:
            return None
        step = Step(file, region)
        if not step.found():
            missed.append(step)
            continue
        parameters, cleared = _parameters(step)
        if parameters:
            judge = Judge(file, step, parameters, cleared)
            if judge.finding().verdict != UNCHECKED:
                return judge
    poor = None
    for step in missed if len(missed) == len(group) else []:
        for values in step.drawn(end):
            targets = [v for n, v in values.items() if role_of(n.removeprefix(PREFIX)) == "targets"]
            parameters, cleared = parameters_of(step) if fits(step, targets) else ([], ())
            if parameters and (keeps_shapes(step) or poor is None):
                notes = [f"drawn: {n.removeprefix(PREFIX)} {_shape(v)}" for n, v in values.items()]
                judge = Judge(file, step, parameters, cleared, notes)
                if judge.finding().verdict != UNCHECKED:
                    if keeps_shapes(step):
                        return judge
                    poor = judge  # other targets may fit better
    return poor


def _parameters(step: Step) -> tuple[list[Parameter], tuple[Path, ...]]:
    """The parameters of a step and its other sums, for samples that hide no weights, as zeros do, if there are any."""
    first, seed = parameters_of(step), step.seed
    if not first[0] or not unseen(*first):
        return first
    for turn in range(1, OTHERS + 1):
        step.skipped, step.seed = turn, seed + turn
        found = parameters_of(step)
        if found[0] and not unseen(*found):
            return found
    step.skipped, step.seed = 0, seed
    return first


def _shape(value: Any) -> str:
    return str(np.shape(value)) if np.ndim(value) else repr(value)
