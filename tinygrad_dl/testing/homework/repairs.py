"""The one small change of a learner's code that makes wrong gradients right, searched for in bounded time.

The search is in `testing.repair`. It runs in the process of the check, and leaves all as it was: the functions, the
arrays that they can reach, and the random numbers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..repair import Claim, Look, Patch, called_by, patch_of, repairs, repairs_of
from .budget import TooLong, seconds_left, time_limit
from .loading import UserFile
from .old_numpy import mend
from .snapshot import reachable
from .watch import Record

if TYPE_CHECKING:
    from .training import Step

SECONDS, SECONDS_OF_STEP, LEAST = 3.0, 6.0, 0.2  # of a search
SHARE, MOST = 0.25, 0.5  # of the time that is left: for computing, and on a busy machine
TRIAL = 0.5  # seconds for a run of changed code


def seconds_of_search(most: float) -> float:
    """The seconds that a search may take, by the time that is left for the check; 0 if it is too little."""
    seconds = min(most, SHARE * seconds_left())
    return seconds if seconds >= LEAST else 0.0


def repairs_of_claim(file: UserFile, claim: Callable[[], Claim], wanted: Sequence[str]) -> list[str]:
    """The mistakes in a file, of which each alone makes the `wanted` gradients of a claim wrong; none if none is found.

    `claim()` gives the claim with nothing remembered of the code as it was.
    """
    seconds = seconds_of_search(SECONDS)
    if not seconds or not wanted:
        return []
    try:
        with undisturbed(file), _limit():
            trial = _Trial(claim)
            return repairs_of(trial, _patches(file, trial), wanted, seconds)
    except (Exception, TooLong):  # a cause that is not found is no reason to say less
        return []


def repairs_and(
    causes: Mapping[str, Sequence[str]], file: UserFile, claim: Callable[[], Claim]
) -> dict[str, tuple[str, ...]]:
    """The causes of each wrong gradient of a claim: the mistakes that `repairs_of_claim` finds, then the other ones."""
    found = repairs_of_claim(file, claim, list(causes))
    return {name: (*found, *others) for name, others in causes.items()}


def repairs_of_step(step: Step, record: Record, look: Callable[[], Look]) -> list[str]:
    """The mistakes in a training step, of which each alone makes its gradients wrong, as `look` sees them."""
    seconds = seconds_of_search(SECONDS_OF_STEP)
    try:
        with _limit():
            return repairs(step.patches(arrays_of(record)), look, seconds) if seconds else []
    except (Exception, TooLong):
        return []


def _limit() -> AbstractContextManager[None]:
    """A limit on the time of a search, so that the verdict that it explains is not lost on a busy machine."""
    left = seconds_left()
    return time_limit(MOST * left) if math.isfinite(left) else nullcontext()


def arrays_of(record: Record) -> set[str]:
    """The variables of a step that are arrays or floats, by their expressions."""
    return {name for (name, _), value in record.notes.items() if isinstance(value, (np.ndarray, float))}


class _Trial:
    """A claim that is computed anew each time, and not for long."""

    def __init__(self, claim: Callable[[], Claim]):
        self.claim = claim

    def names(self) -> list[str]:
        return self.claim().names()

    def values(self) -> list[Any]:
        return self.claim().values()

    def value(self, *values: Any) -> Any:
        return in_time(lambda: self.claim().value(*values))

    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> Mapping[str, Any]:
        return in_time(lambda: self.claim().gradients(g, values))


def in_time(run: Callable[[], Any]) -> Any:
    """The result of `run`. TimeoutError if it takes too long, as changed code may."""
    try:
        with time_limit(TRIAL):
            return run()
    except TooLong as error:
        raise TimeoutError(str(error)) from None


def _patches(file: UserFile, claim: Claim) -> list[Patch]:
    """The functions of the file that compute the gradients; those that compute the value too come last."""
    values = claim.values()
    ones = np.ones_like(np.asarray(claim.value(*values), dtype=float))
    called = called_by(lambda: claim.gradients(ones, values), file.names.values())
    forward = called_by(lambda: claim.value(*values))
    own = [f for f in called if file.source_of(f) is not None]
    patches = [(f, _patch(file, f, called[f])) for f in sorted(own, key=lambda f: f in forward)]
    return [patch._replace(late=f in forward) for f, patch in patches if patch is not None]


def _patch(file: UserFile, function: FunctionType, arrays: set[str]) -> Patch | None:
    source = file.source_of(function)
    assert source is not None
    return patch_of(function, arrays, partial(mend, integer_division=source.integer_division), source.where)


@contextmanager
def undisturbed(file: UserFile) -> Iterator[None]:
    """Put back the arrays of a file and the random numbers at the end of the block."""
    arrays = {id(v): v for _, v in reachable(file.variables) if isinstance(v, np.ndarray) and v.flags.writeable}
    kept = [(array, array.copy()) for array in arrays.values()]
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        _put_back(kept)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def _put_back(kept: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    for array, copy in kept:
        if not np.array_equal(array, copy):
            array[...] = copy
