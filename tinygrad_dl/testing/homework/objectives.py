"""The function that a training step minimises, and its numerical gradient: a loss of the file, or one fitted to it.

The parameters are moved a little, and the step is run again, with its updates suspended: all numbers that it computes
give their slopes at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .training import Step
from .watch import Path, Record, Update

MOVE, LEAST = 1e-5, 1e-7  # of parameters, for a central difference: a share of their values, and never less
ALL, SOME = 30, 20  # elements of a parameter that are all moved; those that are of a larger one, and as many directions
FEW, SECONDS = 4, 2.0  # at least so many, if more would take longer
CLOSE = 1e-6
COST = (
    r"\w*cost\w*|\w*loss\w*|J\w*|j|L|E|\w*error\w*|obj(ective)?\w*|\w*energy|nll|\w*entropy|ce|bce|mse|MSE|\w*sse|SSE"
    r"|rmse"
)


WEIGHTS = re.compile(r"_?([wW]|[wW]eights?|[bB]|bias(es)?|[tT]hetas?|syn(apse)?)_?(\d|[a-z]{1,2})?")


@dataclass
class Parameter:
    """A parameter: its place, the learner's expression for it, its value, and the momenta that its update uses."""

    path: Path
    name: str
    value: Any
    states: tuple[Path, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return np.shape(self.value)


def parameters_of(step: Step) -> tuple[list[Parameter], tuple[Path, ...]]:
    """The parameters of a step, and the paths of other sums that it goes on with, such as momenta or a total loss.

    A parameter is updated, and what is computed before the first update depends on it.
    """
    record = step.run()
    if record is None:
        return [], ()
    updates = {update.path: update for update in reversed(record.updates) if np.asarray(update.step).dtype.kind == "f"}
    parameters, others = [], []
    early = list(record.notes)[: record.before if record.before >= 0 else None]
    rng = np.random.default_rng(0)
    targets = {update.target for update in updates.values()}
    early = [key for key in early if key[0] not in targets]
    for path, update in reversed(updates.items()):
        if is_cost(update.target):
            others.append(path)
            continue
        old = np.asarray(update.old, float)
        moved = step.run({path: old + 1e-3 * (1 + np.abs(old)) * rng.uniform(0.5, 1.5, old.shape)})
        if moved is not None and any(_differs(record.notes[n], moved.notes.get(n)) for n in early):
            parameters.append(Parameter(path, update.target, update.old))
        elif isinstance(update.old, (float, np.ndarray)):
            others.append(path)
    for path in others:
        changed = _steps(step.run({path: 1 + rng.uniform(0.5, 1.5, np.shape(updates[path].old))}))
        still = _steps(step.run({}, (path,)))
        for p in parameters:
            if _differs(changed.get(p.path), still.get(p.path)):
                p.states += (path,)
    return parameters, tuple(others)


def unseen(parameters: Sequence[Parameter], others: Sequence[Path]) -> list[Path]:
    """The paths among other sums that are called as weights or biases are, and on which nothing depends."""
    states = {path for p in parameters for path in p.states}
    names = [(path, [str(step) for step in path if isinstance(step, str)]) for path in others if path not in states]
    return [path for path, steps in names if steps and WEIGHTS.fullmatch(steps[-1])]


def _steps(record: Record | None) -> dict[Path, Any]:
    return {u.path: u.step for u in record.updates} if record else {}


def fits(step: Step, targets: Sequence[Any]) -> bool:
    """Return whether the arrays of a step fit together without broadcasting: outputs and targets, steps and parameters.

    A difference of an output and one of the `targets` has two sides of one shape.
    """
    record = step.run()
    if record is None:
        return False
    for a, b in record.differences:
        for side, other in ((a, b), (b, a)):
            if any(_same_numbers(side, target) for target in targets) and np.shape(other) != np.shape(side):
                return False
    sizes = [(np.size(u.step), np.size(u.old)) for u in record.updates if u.key is None]
    return all(a == b for a, b in sizes)


def keeps_shapes(step: Step) -> bool:
    """Return whether the updates of a step leave each parameter its shape."""
    record = step.run()
    whole = [u for u in record.updates if u.key is None] if record else []
    return all(np.broadcast_shapes(np.shape(u.step), np.shape(u.old)) == np.shape(u.old) for u in whole)


def _same_numbers(a: Any, b: Any) -> bool:
    return np.size(a) == np.size(b) and np.array_equal(np.sort(np.ravel(a)), np.sort(np.ravel(b)))


def _differs(a: Any, b: Any) -> bool:
    return np.shape(a) != np.shape(b) or not np.array_equal(a, b, equal_nan=True)


class Point:
    """A step at values of its parameters, with the slopes of what it computes.

    A `move` is an element of a parameter, or a random direction of one that is large.
    """

    step: Step
    parameters: Sequence[Parameter]
    cleared: tuple[Path, ...]
    values: list[Any]
    record: Any

    def __init__(self, step: Step, parameters: Sequence[Parameter], cleared: tuple[Path, ...], values: list[Any]):
        self.step, self.parameters, self.cleared, self.values = step, parameters, cleared, values
        self.record = self._run(values, True)
        self.moves: list[tuple[int, np.ndarray]] = []
        self.moved: list[tuple[Record, Record, float]] = []

    def _run(self, values: Sequence[Any], suspended: bool) -> Record | None:
        given = {p.path: value for p, value in zip(self.parameters, values, strict=True)}
        return self.step.run(given, self.cleared, suspended)

    def performed(self) -> Record | None:
        """The record of the step with its updates performed."""
        return self._run(self.values, False)

    def differentiate(self) -> bool:
        """Move the parameters; False if the step fails anywhere."""
        rng = np.random.default_rng(0)
        start = time.perf_counter()
        self._run(self.values, True)
        most = int(SECONDS / (2 * (time.perf_counter() - start) * len(self.values)))
        some = min(max(most // 2, FEW), SOME)
        largest = max(float(np.max(np.abs(value), initial=0)) for value in self.values)
        for i, value in enumerate(self.values):
            size = np.size(value)
            units = np.eye(size) if size <= max(min(ALL, most), FEW) else None
            if units is None:
                units = np.zeros((2 * some, size))
                units[np.arange(some), rng.permutation(size)[:some]] = 1
                units[some:] = rng.normal(size=(some, size)) / np.sqrt(size)
            for direction in units.reshape(-1, *np.shape(value)):
                h = max(MOVE * largest, LEAST)
                sides = []
                for side in (h, -h):
                    moved = [*self.values]
                    moved[i] = value + side * direction
                    record = self._run(moved, True)
                    if record is None or len(record.notes) != len(self.record.notes):
                        return False
                    sides.append(record)
                self.moves.append((i, direction))
                self.moved.append((sides[0], sides[1], 2 * h))
        return True

    def again(self) -> Record | None:
        """The step once more, at the same values."""
        return self._run(self.values, True)

    def slopes_of_note(self, key: tuple[str, int]) -> np.ndarray | None:
        """The slope of a number, or of the sum of an array, with each move; None if it is not always there."""
        found = []
        for after, before, width in self.moved:
            if key not in after.notes or key not in before.notes:
                return None
            found.append((np.sum(after.notes[key]) - np.sum(before.notes[key])) / width)
        return np.array(found)

    def slopes_of_difference(self, number: int, side: int) -> np.ndarray | None:
        """The slopes of one side of a difference a - b: a row for each move."""
        found = []
        for after, before, width in self.moved:
            pairs: list[Any] = [
                r.differences[number][side] if number < len(r.differences) else None for r in (after, before)
            ]
            if any(p is None for p in pairs) or np.shape(pairs[0]) != np.shape(pairs[1]):
                return None
            found.append(np.ravel(np.asarray(pairs[0], float) - np.asarray(pairs[1], float)) / width)
        return np.array(found)

    def along(self, gradients: Sequence[Any]) -> np.ndarray:
        """The slopes that these gradients claim."""
        return np.array([np.sum(gradients[i] * direction) for i, direction in self.moves])

    def of(self, parameter: int) -> np.ndarray:
        """The mask of the moves of a parameter."""
        return np.array([i == parameter for i, _ in self.moves])


@dataclass
class Objective:
    """A function that may be minimised: its name, its slopes, and its kind.

    `kind` is "loss" for a loss of the file, "shown" for a number that it only shows, "squares" and "entropy" for what
    is fitted to the output: 1/2 Σ (a - y)², and the cross-entropy, a sum. `key` is that of its note, or the number of
    the difference.
    """

    name: str
    kind: str
    slopes: np.ndarray
    value: float = 0.0
    array: bool = False
    key: Any = None
    penalty: str = ""
    doubtful: bool = False
    ratios: list[float | None] = field(default_factory=list)


def ratio(claimed: np.ndarray, true: np.ndarray) -> float | None:
    """The factor between a claimed gradient and the true one; None if there is none, nan if both are 0."""
    size, scale = float(true @ true), max(float(np.max(np.abs(true), initial=0)), 1e-12)
    if not np.all(np.isfinite(claimed)) or not np.all(np.isfinite(true)):
        return None
    if np.max(np.abs(true), initial=0) < 1e-9 and np.max(np.abs(claimed), initial=0) < 1e-9:
        return float("nan")
    factor = float(claimed @ true) / size if size else 0.0
    off = np.max(np.abs(claimed - factor * true), initial=0)
    return factor if factor and off <= CLOSE * scale * abs(factor) else None


def losses(point: Point) -> Iterator[Objective]:
    """The numbers of the step that depend on its parameters, and are named or shown as a loss is."""
    errors = [d for pair in point.record.differences for d in [_minus(*pair)] if d is not None]
    for key, value in point.record.notes.items():
        text = key[0]
        shown = text.startswith("shown ")
        name = text.removeprefix("shown ").removeprefix("return of ")
        called = re.fullmatch(r"(\w+\.)*(\w*(loss|cost)\w*)\(.*\)", name)
        name = called[2] if called else name
        named = (
            is_cost(name)
            and not (shown and "(" in name)
            and not (np.size(value) > 1 and not re.search("(?i)loss|cost", name))
        )
        if not (named or (shown and np.size(value) == 1)) or np.asarray(value).dtype.kind != "f":
            continue
        if any(np.shape(e) == np.shape(value) and np.allclose(np.abs(e), np.abs(value)) for e in errors):
            continue  # the error y - a itself
        slopes = point.slopes_of_note(key)
        if slopes is not None and np.all(np.isfinite(slopes)) and np.any(np.abs(slopes) > 1e-9):
            yield Objective(
                name,
                "loss" if named and "err" not in name.lower() else "shown",
                slopes,
                float(np.sum(value)),
                np.size(value) > 1,
                key,
            )


def _minus(a: Any, b: Any) -> np.ndarray | None:
    if a is None or b is None:
        return None
    try:
        return np.asarray(a, float) - np.asarray(b, float)
    except ValueError:
        return None


@dataclass
class Output:
    """The output a of a step and its target y, with the slopes of a: a row for each move."""

    a: np.ndarray
    y: np.ndarray
    J: np.ndarray
    shape: tuple[int, ...]
    number: int = 0


def outputs(point: Point) -> Iterator[Output]:
    """The sides of differences a - y, or y - a, that depend on all parameters, where the other depends on none.

    Differences of single numbers, as of the units in lists, make one output together.
    """
    single: dict[tuple[float, float], Output] = {}
    whole = False
    for number, sides in enumerate(point.record.differences):
        if any(side is None for side in sides):
            continue
        J = [point.slopes_of_difference(number, side) for side in (0, 1)]
        if any(j is None for j in J):
            continue
        depends = [np.any(np.abs(j) > 1e-9) for j in J]  # type: ignore[arg-type]
        if depends[0] == depends[1]:
            continue
        side = 0 if depends[0] else 1
        a, y = (np.asarray(sides[s], float) for s in (side, 1 - side))
        if a.shape != y.shape and a.size != 1:
            continue
        output = Output(np.ravel(a), np.ravel(y) * np.ones(a.size), J[side], a.shape, number)  # type: ignore[arg-type]
        if _depends_on_all(point, output.J):
            whole = True
            yield output
        elif a.size == 1 and y.size == 1:
            single.setdefault((float(a.ravel()[0]), float(y.ravel()[0])), output)
    if not whole and len(single) > 1:
        yield from _together(point, list(single.values()))


def _depends_on_all(point: Point, J: np.ndarray) -> bool:
    return all(np.any(np.abs(J[point.of(i)]) > 1e-9) for i in range(len(point.parameters)))


def _together(point: Point, parts: Sequence[Output]) -> Iterator[Output]:
    """The output whose units are those of several, if it depends on all parameters."""
    a, y = (np.concatenate([getattr(part, side) for part in parts]) for side in ("a", "y"))
    J = np.concatenate([part.J for part in parts], axis=1)
    if _depends_on_all(point, J):
        yield Output(a, y, J, a.shape, parts[0].number)


def fitted(output: Output, shape: tuple[int, ...] = ()) -> Iterator[Objective]:
    """The usual losses of an output and its target."""
    a, y, J = output.a, output.y, output.J
    number = output.number
    yield Objective("1/2 Σ (a - y)²", "squares", J @ (a - y), float(np.sum((a - y) ** 2) / 2), key=number)
    if np.all((a > 0) & (a < 1)) and np.all((y >= 0) & (y <= 1)):
        yield Objective(
            "the cross-entropy -Σ y log a + (1 - y) log(1 - a)", "entropy", J @ ((a - y) / (a * (1 - a))), key=number
        )
        yield Objective("the cross-entropy -Σ y log a", "entropy", J @ (-y / a), key=number)


@dataclass
class Gradient:
    """The gradient in the updates of a parameter, and the learner's name of it.

    `value` is None if it has not the shape of the parameter, but `shape`. `rated` tells that its learning rate was
    recognised.
    """

    value: Any
    name: str
    rated: bool
    shape: tuple[int, ...] = ()


def gradient_of(record: Record, parameter: Parameter) -> Gradient | None:
    """The gradient of a parameter; None if there is no update, or an optimizer hides it."""
    own = [u for u in record.updates if u.path == parameter.path]
    if not own:
        return None
    if parameter.states:
        return _behind_state(record, parameter, own[-1])
    total: Any = np.zeros(parameter.shape)
    name, rated = "", True
    for update in own:
        for sign, scales, rest, text, leaves in update.terms:
            if rest is None:
                return None
            factor = sign * np.prod([np.sign(s) for s in scales]) if scales else sign
            rated &= bool(scales)
            name = name or (text if text in leaves else "")
            part = -factor * np.asarray(rest, float)
            try:
                if update.key is not None:
                    total[update.key] += part
                    continue
                total = total + (np.broadcast_to(part, parameter.shape) if part.size <= total.size else part)
            except ValueError:
                return Gradient(None, name, rated, part.shape)
            if np.shape(total) != parameter.shape:
                return Gradient(None, name, rated, part.shape)
    return Gradient(total if np.ndim(total) else float(total), name, rated)


def _behind_state(record: Record, parameter: Parameter, last: Update) -> Gradient | None:
    """The gradient that an optimizer takes: the variable of the parameter's shape that goes into its momenta."""
    updates = [u for u in record.updates if u.path in parameter.states]
    texts = {u.target for u in updates} | {parameter.name}
    for update in updates:
        for _, _, _, _, leaves in update.terms:
            for text, value in leaves.items():
                if text not in texts and value is not None and np.shape(value) == parameter.shape:
                    direction = float(np.sum(np.asarray(last.step) * value))
                    return Gradient(-np.sign(direction) * np.asarray(value, float), text, True)
    return None


def is_cost(name: str) -> bool:
    """Return whether a variable is named as the value of a cost is."""
    name = name.split("[")[0].rpartition(".")[2]
    return bool(re.fullmatch(COST, name)) and not re.match("d_?(loss|cost|[A-Z]|error|mse)", name)
