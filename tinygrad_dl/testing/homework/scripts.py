"""Gradients in a training loop: its step is run once with the updates watched, and compared with differences.

The step is found in `training`, its gradients and the function that it minimises in `objectives`; here is the verdict.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .entries import PREFIX, role_of
from .findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, Check, Finding, Quantity
from .loading import UserFile
from .objectives import (
    Gradient,
    Objective,
    Parameter,
    Point,
    fits,
    fitted,
    gradient_of,
    losses,
    outputs,
    parameters_of,
    ratio,
)
from .repairs import arrays_of, repairs
from .snapshot import text_of
from .training import Step, regions
from .watch import Record

LONGEST = 4.0  # seconds to get to the steps of a file
SCALES = (0.7, 0.2, 0.05)  # of parameters drawn anew, over the root of their size


def find(file: UserFile, progress: bool = False) -> Iterator[Check]:
    """The checks of the training steps of a file."""
    seen: set[int] = set()
    end = time.monotonic() + LONGEST
    for group in regions(file.tree):
        found = _first(file, group, seen, end)
        if found is not None:
            seen.add(id(found.step.region))
            yield Check(found.title, found.names, found.finding)


def _first(file: UserFile, group: list[Any], seen: set[int], end: float) -> _Judge | None:
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
        parameters, cleared = parameters_of(step)
        if parameters:
            return _Judge(file, step, parameters, cleared)
    for step in missed if len(missed) == len(group) else []:
        for values in step.drawn(end):
            targets = [v for n, v in values.items() if role_of(n.removeprefix(PREFIX)) == "targets"]
            parameters, cleared = parameters_of(step) if fits(step, targets) else ([], ())
            if parameters:
                notes = [f"drawn: {n.removeprefix(PREFIX)} {_shape(v)}" for n, v in values.items()]
                judge = _Judge(file, step, parameters, cleared, notes)
                if judge.finding().verdict != UNCHECKED:
                    return judge
    return None


def _shape(value: Any) -> str:
    return str(np.shape(value)) if np.ndim(value) else repr(value)


class _Judge:
    """The verdict on a training step."""

    def __init__(
        self,
        file: UserFile,
        step: Step,
        parameters: Sequence[Parameter],
        cleared: tuple,
        notes: Sequence[str] = (),
    ):
        self.file, self.step, self.parameters, self.cleared = file, step, list(parameters), cleared
        gradients = [g.name for p in parameters if (g := gradient_of(step.run() or Record(), p)) and g.name]
        self.names = step.names_of_check([*(str(p.path[0]) for p in parameters), *gradients])
        at = ", ".join(self.names) if step.function else f"line {step.region.lineno}"
        self.title = f"the training step of {at}" if step.function else f"the training step at {at}"
        self.readings: list[str] = [*notes]
        self._finding: Finding | None = None

    def finding(self) -> Finding:
        """The finding on the step."""
        if self._finding is None:
            point = self._point()
            problem = f"{self._place()}: the step can't be run again: {self.step.error}"
            self._finding = self._finish(UNCHECKED, [], problem) if point is None else self._judged(point)
        return self._finding

    def _place(self) -> str:
        return f"{self.file.path}:{self.step.region.lineno}"

    def _finish(self, verdict: str, quantities: Sequence[Quantity], problem: str = "") -> Finding:
        lines = [f"  read as: {reading}" for reading in self.readings]
        width = max((len(q.name) for q in quantities), default=0)
        for q in quantities:
            lines.append(f"  {q.name.ljust(width)}  {q.verdict}")
            lines += [f"    {'or: ' if i else ''}{cause}" for i, cause in enumerate(q.causes)]
            lines += [f"    {q.detail}"] if q.detail else []
        report = "\n".join([*lines, *([problem] if problem else [])])
        return Finding(
            self.title, verdict, tuple(self.readings), tuple(quantities), problem, report, self._place(), self.names
        )

    # ---- values

    def _point(self, seed: int = 0) -> Point | None:
        """The step at parameters drawn anew: none of its gradients is 0, and all are finite."""
        for scale in SCALES:
            rng = np.random.default_rng(seed)
            values = [_drawn(p.value, scale, rng) for p in self.parameters]
            point = Point(self.step, self.parameters, self.cleared, values)
            if point.record is None:
                continue
            found = [gradient_of(point.record, p) for p in self.parameters]
            alive = [g is None or g.value is None or _is_alive(g.value) for g in found]
            if all(alive) and point.differentiate():
                return point
        return None

    # ---- verdicts

    def _judged(self, point: Point) -> Finding:
        self.point = point
        found = [gradient_of(point.record, p) for p in self.parameters]  # type: ignore[arg-type]
        self.found = found
        self.known = [i for i, g in enumerate(found) if g is not None and g.value is not None]
        self.gradients = [
            g.value if g and g.value is not None else 0 * v for g, v in zip(found, point.values, strict=True)
        ]
        self.labels = [_label(g, p) for g, p in zip(found, self.parameters, strict=True)]
        self.rated = all(found[i].rated for i in self.known)  # type: ignore[union-attr]
        if not self.known and all(g is None for g in found):
            return self._finish(UNCHECKED, [], f"{self._place()}: no gradient was found in the updates.")
        self.claims = point.along(self.gradients)
        self.outputs = list(outputs(point))
        self.sizes = self._sizes()
        self.updated = self._uses_updated()
        objectives = [*losses(point), *(o for output in self.outputs for o in fitted(output))]
        for objective in objectives:
            objective.ratios = [ratio(self.claims[point.of(i)], objective.slopes[point.of(i)]) for i in self.known]
        self.squares = [o for o in objectives if o.kind == "squares"]
        return self._decide(objectives)

    def _decide(self, objectives: list[Objective]) -> Finding:
        own = [o for o in objectives if o.kind in ("loss", "shown") and not self._is_measure(o)]
        named = [o for o in own if o.kind == "loss"]
        for loss in own:
            if all(_is(r, 1.0) for r in loss.ratios):
                self.readings.append(f"minimised: {loss.name}")
                return self._verdict(loss, 1.0)
        if named:
            loss = max(named, key=lambda o: (_score(o, 1.0), sum(r is not None for r in o.ratios)))
            return self._by_loss(loss)
        return self._by_fit(
            [o for o in objectives if o.kind in ("squares", "entropy")], [o for o in own if o.kind == "shown"]
        )

    def _is_measure(self, loss: Objective) -> bool:
        """True for a mean of |a - y| or the like, which only shows how far the training is."""
        for output in self.outputs:
            e = np.abs(output.a - output.y)
            values = [e.sum(), e.mean(), math.sqrt(np.mean(e**2)), math.sqrt(np.sum(e**2)), e.max()]
            if any(math.isclose(loss.value, value, rel_tol=1e-9) for value in values):
                return True
        return False

    def _by_loss(self, loss: Objective) -> Finding:
        """The verdict by a loss of the file that the gradients are not exactly those of."""
        squares = next((s for s in self.squares if ratio(loss.slopes, s.slopes) is not None), None)
        if squares is not None:
            factor = ratio(loss.slopes, squares.slopes)
            assert factor is not None
            right, by_loss = _score(squares, 1.0), _score(loss, 1.0)
            # 1/2 is in the loss itself, unless it is a mean over two outputs
            halves = [o for o in self.outputs for n in (*o.shape, o.a.size) if n != 1 and _is(factor, 1 / n)]
            half = any(not _is(factor, 2 / o.a.size) for o in halves)
            if right > by_loss and not half:
                self.readings.append(
                    f"minimised: {squares.name}, of which {loss.name} is {_words(factor, self.sizes)}: a constant "
                    f"factor of all gradients"
                )
                return self._verdict(squares, 1.0)
            if by_loss == 0 and _score(loss, 0.5) > 0:
                self.readings.append(
                    f"minimised: {loss.name}, halved: the 2 of its derivative is left to the learning rate"
                )
                return self._verdict(loss, 0.5)
        shared = _shared(loss)
        self.readings.append(f"minimised: {loss.name}")
        if shared is not None and shared > 0 and not self.rated and _constant(shared, self.sizes) is None:
            self.readings.append("the learning rate is not told from the gradients: they are right up to one factor")
            return self._verdict(loss, shared)
        if loss.array and shared is not None and _name(shared, self.sizes).startswith("a 1/"):
            self.readings.append(f"{loss.name} has a value for each sample: the gradients are those of its mean")
            return self._verdict(loss, shared)
        if shared is not None and _name(shared, self.sizes).startswith("a 1/"):
            self.readings.append(
                f"all gradients have a factor that {loss.name} has not: right if its mean is minimised"
            )
            return self._verdict(loss, shared, UNDECIDED)
        return self._verdict(loss, 1.0)

    def _by_fit(self, fits: list[Objective], shown: list[Objective]) -> Finding:
        """The verdict by the usual losses of the output, if the file has none."""
        best, factor, score = None, 1.0, (0, False)
        for fit in fits:
            for r in [r for r in fit.ratios if r is not None and not math.isnan(r)]:
                each = _score(fit, r), _accepted(r, self.sizes)
                if each > score:
                    best, factor, score = fit, r, each
        if best is None:
            if not fits:
                problem = f"{self._place()}: no loss was found, and no difference of an output and its target."
                return self._finish(UNCHECKED, [], problem)
            for fit in fits[:2]:
                causes = self._repairs(fit, 1.0)
                if causes:
                    self.readings.append(f"the file has no loss: read as {fit.name}")
                    return self._finish(WRONG, [Quantity(label, WRONG, tuple(causes)) for label in self.labels])
            self.readings.append(
                "the file has no loss: neither the squared error nor the cross-entropy has these gradients"
            )
            rows = [Quantity(label, UNDECIDED) for label in self.labels]
            return self._finish(UNDECIDED, rows)
        name = best.name
        accepted = factor > 0 and (not self.rated or _accepted(factor, self.sizes))
        if factor < 0 and _accepted(-factor, self.sizes):
            self.readings.append(f"the file has no loss: read as {name}")
            return self._verdict(best, -factor)
        if not accepted:
            self.readings.append(f"the file has no loss: read as {name}")
            return self._verdict(best, 1.0)
        times = "" if _is(factor, 1.0) else f", times {_words(factor, self.sizes)}"
        self.readings.append(f"the file has no loss: the gradients are those of {name}{times}")
        return self._verdict(best, factor)

    def _verdict(self, objective: Objective, factor: float, verdict: str = RIGHT) -> Finding:
        """The finding, where right gradients are `factor` times those of the objective."""
        rows = []
        for label, r, i in zip((self.labels[i] for i in self.known), objective.ratios, self.known, strict=True):
            if i in self.updated:
                rows.append(
                    Quantity(label, WRONG, (f"updated W: it is computed from {self.updated[i]} after its update",))
                )
            elif r is not None and (math.isnan(r) or _is(r, factor)):
                rows.append(Quantity(label, verdict))
            else:
                rows.append(Quantity(label, WRONG, self._causes(r, factor)))
        for label, gradient, parameter in zip(self.labels, self.found, self.parameters, strict=True):
            if gradient is None:
                rows.append(Quantity(label, UNDECIDED, detail="its gradient was not found in the update"))
            elif gradient.value is None:
                shapes = f"{gradient.shape}; {parameter.name} has {parameter.shape}"
                rows.append(Quantity(label, WRONG, (f"the wrong shape, from a sum over the wrong axis: {shapes}",)))
        unexplained = [row for row in rows if row.verdict == WRONG and not row.causes]
        if unexplained:
            causes = tuple(self._repairs(objective, factor))
            rows = [replace(row, causes=causes) if row in unexplained else row for row in rows]
        verdicts = [row.verdict for row in rows]
        worst = next(v for v in (WRONG, UNDECIDED, UNCHECKED, RIGHT) if v in verdicts)
        return self._finish(worst, rows)

    def _causes(self, r: float | None, factor: float) -> tuple[str, ...]:
        return (_name(r / factor, self.sizes),) if r is not None else ()

    def _repairs(self, objective: Objective, factor: float) -> list[str]:
        """The small changes that make all gradients right, and leave the forward pass as it is."""
        base = self.point.record
        assert base is not None

        def is_repaired(record: Record) -> bool:
            if isinstance(objective.key, tuple):
                same = [(r.notes.get(objective.key)) for r in (base, record)]
            elif len(record.differences) > objective.key:
                same = [r.differences[objective.key] for r in (base, record)]
            else:
                return False
            if not all(np.array_equal(a, b) for a, b in zip(*map(_pair, same), strict=True)):
                return False
            found = [gradient_of(record, p) for p in self.parameters]
            if any(g is None or g.value is None for g in found):
                return False
            claims = self.point.along([g.value for g in found])  # type: ignore[union-attr]
            ratios = [ratio(claims[self.point.of(i)], objective.slopes[self.point.of(i)]) for i in range(len(found))]
            return all(r is not None and (math.isnan(r) or _is(r, factor)) for r in ratios)

        return repairs(self.step, arrays_of(base.notes), self.point.again, is_repaired)

    # ---- what is known of the step

    def _sizes(self) -> list[int]:
        """The numbers that an average may divide by: of samples, of outputs, and of both."""
        sizes = {1}
        for output in self.outputs:
            sizes.update((output.a.size, *output.shape))
        if not self.outputs:
            shapes = [np.shape(v) for v in self.point.record.notes.values()]  # type: ignore[union-attr]
            sizes.update(n for shape in shapes for n in shape)
        return sorted(sizes)

    def _uses_updated(self) -> dict[int, str]:
        """The parameters whose gradients change if the updates are performed, and the parameters they then use."""
        performed = self.point.performed()
        found = {}
        for i in self.known:
            p = self.parameters[i]
            other = gradient_of(performed, p) if performed else None
            scale = np.max(np.abs(self.gradients[i]), initial=0)
            if (
                other is not None
                and other.value is not None
                and np.max(np.abs(other.value - self.gradients[i]), initial=0) > 1e-9 * scale
            ):
                earlier = [q.name for q in self.parameters if q is not p]
                found[i] = " or ".join(earlier)
        return found


def _drawn(value: Any, scale: float, rng: np.random.Generator) -> Any:
    shape = np.shape(value)
    drawn = scale * rng.normal(size=shape) / math.sqrt(max(1.0, float(np.mean(shape)) if shape else 1.0) / 2)
    return drawn if shape else float(drawn)


def _pair(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _is_alive(gradient: Any) -> bool:
    return bool(np.all(np.isfinite(gradient)) and np.any(np.abs(gradient) > 1e-6))


def _label(gradient: Gradient | None, parameter: Parameter) -> str:
    """The learner's name of a gradient; of an entry with a key that varies, d and the key."""
    key, by_path = parameter.path[-1], text_of(parameter.path)
    plain = gradient.name if gradient else ""
    if plain and (parameter.name == by_path or parameter.name.startswith("self.")) and "[" not in parameter.name:
        return plain
    if parameter.name != by_path and isinstance(key, str) and key.isidentifier():
        return f"d{key}" if plain else f"the step of {key}"
    return plain if plain and parameter.name == by_path else f"the step of {by_path}"


def _is(r: float | None, factor: float) -> bool:
    return r is not None and math.isclose(r, factor, rel_tol=1e-4)


def _score(objective: Objective, factor: float) -> int:
    return sum(_is(r, factor) for r in objective.ratios)


def _shared(objective: Objective) -> float | None:
    """The factor of all gradients; None if they have several."""
    factors = [r for r in objective.ratios if r is None or not math.isnan(r)]
    first = factors[0] if factors else None
    return first if first is not None and all(_is(r, first) for r in factors) else None


def _constant(r: float, sizes: Sequence[int]) -> tuple[float, int, int] | None:
    """A factor as a number times a size, or divided by one: (2, 1, 30) is 2/30. None if it is neither."""
    for n in sizes:
        for c in (1.0, 2.0, 0.5, 4.0, 0.25):
            for sign in (1, -1):
                if _is(r, sign * c * n):
                    return sign * c, n, 1
                if _is(r, sign * c / n):
                    return sign * c, 1, n
    return None


def _accepted(r: float, sizes: Sequence[int]) -> bool:
    """True for the factors of usual losses: 1, 2, 1/m and 2/m."""
    return any(_is(r, c / n) for n in sizes for c in (1.0, 2.0))


def _words(r: float, sizes: Sequence[int]) -> str:
    constant = _constant(r, sizes)
    if constant is None:
        return f"{r:.4g} times it"
    c, n, d = constant
    return f"{c * n:g}/{d} of it" if d > 1 else f"{c * n:g} times it"


def _name(r: float, sizes: Sequence[int]) -> str:
    """The cause of a factor that is not 1."""
    constant = _constant(r, sizes)
    if constant is None:
        return f"a factor of {r:.6g}"
    c, n, d = constant
    if (abs(c), n, d) == (1, 1, 1):
        return "sign" if c < 0 else ""
    minus = "sign, and " if c < 0 else ""
    if abs(c) != 1 and n == d == 1:
        return f"{minus}a factor of {abs(c):g}"
    times = "" if abs(c) == 1 else f", and a factor of {abs(c):g}"
    return f"{minus}1/m missing{times}" if n > 1 else f"{minus}a 1/m too many{times}"
