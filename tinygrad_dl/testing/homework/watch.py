"""The watch over one training step of a learner: its parameters set, its values noted, its updates suspended."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .snapshot import Attribute, reachable
from .uncalled import call_losses, is_noted

KEPT = 200_000  # numbers of an array; of larger ones no copy is kept
Path = tuple[Any, ...]


class StepDone(BaseException):
    """Raised at the end of the step; no Exception, so that the learner's code does not catch it by chance."""


@dataclass
class Update:
    """An update of a parameter.

    Attributes
    ----------
    path
        The place of the parameter, from the names at the start of the step.
    target
        The learner's expression for it.
    terms
        The terms added: a sign, the factors that scale it, the rest, its expression, and the variables in it.
    step
        The whole change.
    old
        The parameter before it.
    key
        The index of the changed elements; None for all.
    """

    path: Path
    target: str
    terms: list[tuple[int, tuple, Any, str, dict[str, Any]]]
    step: Any
    old: Any
    key: Any = None


@dataclass
class Record:
    """A watched step: the values by their names, the differences a - b, and the updates, in their order."""

    notes: dict[tuple[str, int], Any] = field(default_factory=dict)
    differences: list[tuple[Any, Any]] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    before: int = -1  # the number of notes before the first update of an array
    own: int | None = None  # the number of notes of the step itself, if losses were called after it


class Watch:
    """The object that watched code calls, see `rewriting.watched`.

    `given` are values for parameters by their paths, `cleared` the paths of sums that begin at 0, and `suspended` tells
    to leave all parameters as they are.
    """

    given: Any
    cleared: Any
    suspended: bool
    path: str
    skipped: int
    record: Any
    started: bool
    finished: bool
    counted: bool

    index = np.s_

    def __init__(
        self, given: Mapping[Path, Any] | None = None, cleared: tuple[Path, ...] = (), suspended: bool = False
    ):
        self.given, self.cleared, self.suspended = dict(given or {}), cleared, suspended
        self.path = ""  # of the file, by which its own functions are known
        self.skipped = 0  # turns to come that are no step yet
        self.updating: dict[str, Any] = {}  # the local names where the first parameter is updated
        self.record = Record()
        self.started = self.finished = self.counted = False
        self.state: dict[int, tuple[Path, np.ndarray]] = {}  # the arrays that were there at the start, and are now
        self.numbers: dict[Path, float] = {}
        self._counts: dict[str, int] = {}

    # ---- the step

    @property
    def idle(self) -> bool:
        """True if numbers have been updated, and there is no step yet."""
        return self.counted and not self.started

    def start(self, local: dict[str, Any], module: dict[str, Any]) -> dict[str, Any]:
        """Begin the step: give the names that have new values."""
        if self.started:
            self.done()
        if self.skipped:
            self.skipped -= 1
            return {}
        self.started = True
        names = {n: v for n, v in module.items() if not n.startswith("__")} if local is not module else {}
        roots = {**names, **{n: v for n, v in local.items() if not n.startswith("__")}}
        places = [(path, value) for path, value in reachable(roots) if is_number(value)]
        values = dict(places)
        changed: dict[int, Any] = {}  # arrays, which may have several names
        numbers: dict[Path, float] = {}
        for path, new in [*((path, None) for path in self.cleared), *self.given.items()]:
            old = values.get(path)
            if isinstance(old, np.ndarray):
                changed[id(old)] = np.zeros(old.shape) if new is None else np.array(new)
            elif old is not None:
                numbers[path] = 0.0 if new is None else float(new)
        fresh = {}
        for path, value in places:
            new = changed.get(id(value), numbers.get(path))
            if new is not None:
                value = new
                if len(path) > 1:
                    put(roots, path, value)
                elif path[0] in local and local is not module:
                    fresh[path[0]] = value
                else:
                    module[path[0]] = value
            if isinstance(value, np.ndarray):
                self.state.setdefault(id(value), (path, value))
            else:
                self.numbers[path] = value
        return fresh

    def done(self, local: Mapping[str, Any] | None = None, module: Mapping[str, Any] | None = None) -> None:
        """End the step, and if it has left its parameters as they are, call losses that it has not computed."""
        if not self.started:
            return
        if self.suspended and local is not None and module is not None:
            self._call_losses(local, module)
        self.finished = True
        raise StepDone

    def _call_losses(self, local: Mapping[str, Any], module: Mapping[str, Any]) -> None:
        if not is_noted({name for name, _ in self.record.notes}):
            self.record.own = len(self.record.notes)
            call_losses([self.updating, local], module, self.path)

    # ---- values

    def note(self, name: str, value: Any) -> Any:
        """Keep a copy of a value under its name."""
        if self.started:
            self._note(name, value)
        return value

    def _note(self, name: str, value: Any) -> None:
        kept = copied(value)
        if kept is not None:
            count = self._counts[name] = self._counts.get(name, -1) + 1
            self.record.notes[name, count] = kept

    def minus(self, a: Any, b: Any) -> Any:
        """The difference a - b, of which both sides are kept."""
        if self.started:
            self.record.differences.append((copied(a), copied(b)))
        return a - b

    def change(
        self, target: str, op: str, old: Any, value: Any, terms: Callable[[], tuple], container: Any, key: Any
    ) -> Any:
        """The new value of a target; the old one if it is a parameter, and its updates are suspended."""
        self.counted |= is_number(old)
        if self.started:
            held, partial = (container, True) if isinstance(container, np.ndarray) else (old, False)
            if isinstance(container, list) and isinstance(key, int) and key < 0:
                key += len(container)  # its place in the list
            path = self._path_of(held, target, key)
            if path is not None:
                if self.record.before < 0 and isinstance(held, np.ndarray):
                    self.record.before = len(self.record.notes)
                if self.suspended and not self.updating and path in self.given:
                    self.updating = dict(sys._getframe(1).f_locals)
                step = {"+": value, "-": -np.asarray(value)}[op] if op else np.asarray(value) - old
                parts = [
                    (sign, scales, copied(rest), text, {n: copied(v) for n, v in leaves.items()})
                    for sign, scales, rest, text, leaves in terms()
                ]
                self.record.updates.append(
                    Update(path, target, parts, copied(step), copied(held), key if partial else None)
                )
                if self.suspended and path in self.given:
                    return old
                try:
                    new = self._performed(op, old, value)
                except ValueError:  # a step of the wrong shape, which the verdict is on
                    return old
                if not partial:
                    self._now(path, new)
                if np.ndim(new) == 0:
                    self._note(target, new)  # a total loss, for example
                return new
            if op == "-" and isinstance(container, np.ndarray) and np.ndim(value) == 0 and value == 1:
                one_hot = np.zeros(container.shape)
                one_hot[key] = 1
                self.record.differences.append((copied(container), one_hot))
            new = self._performed(op, old, value)
            self._note(target, new)
            return new
        return self._performed(op, old, value)

    def _path_of(self, held: Any, target: str, key: Any) -> Path | None:
        """The path of a value that was there at the start of the step; None for any other."""
        if isinstance(held, np.ndarray):
            known = self.state.get(id(held))
            return known[0] if known and known[1] is held and is_number(held) else None
        last = key if key is not None else target.rpartition(".")[2]
        found = [path for path, value in self.numbers.items() if value is held and path[-1] == last]
        return found[0] if is_number(held) and found else None

    def _now(self, path: Path, value: Any) -> None:
        if isinstance(value, np.ndarray):
            self.state[id(value)] = path, value
        else:
            self.numbers[path] = value

    @staticmethod
    def _performed(op: str, old: Any, value: Any) -> Any:
        return {"+": operator.iadd, "-": operator.isub}[op](old, value) if op else value


def is_number(value: Any) -> bool:
    """Return whether a value is a number or an array of numbers that an update may change."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fi"
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def copied(value: Any) -> Any:
    """A copy of a number or an array of numbers; None for anything else."""
    if isinstance(value, (bool, int, float, np.number)):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.size <= KEPT:
        return value.copy()
    return None


def put(roots: Mapping[str, Any], path: Path, new: Any) -> None:
    """Set the value at a path."""
    holder: Any = roots[path[0]]
    for step in path[1:-1]:
        holder = getattr(holder, step) if isinstance(step, Attribute) else holder[step]
    if isinstance(path[-1], Attribute):
        setattr(holder, path[-1], new)
    elif not isinstance(holder, tuple):
        holder[path[-1]] = new
