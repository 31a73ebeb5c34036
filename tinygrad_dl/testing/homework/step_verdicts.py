"""The verdict on a training step: its gradients, and those of the loss that it minimises, compared."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..gradcheck.causes import near
from ..repair import Look
from . import factors
from .final_losses import PENALTY, consumed, has_penalty
from .findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, Finding, Quantity, worst
from .judging import LARGEST, OF_SMALL
from .loading import UserFile
from .objectives import (
    Gradient,
    Objective,
    Output,
    Parameter,
    Point,
    fitted,
    gradient_of,
    losses,
    outputs,
    ratio,
    unseen,
)
from .repairs import repairs_of_step
from .snapshot import reachable, text_of
from .training import Step
from .updates import RATE
from .watch import Record

SCALES = (0.7, 0.2, 0.05, 0.002)  # of parameters drawn anew, over the root of their size

SHAPE = "the wrong shape"
HIDDEN = "nothing depends on it for these samples"
STEEP = 1e-6  # least slope; the noise of a difference is 1e-11


class Judge:
    """The verdict on a training step."""

    file: UserFile
    step: Step
    parameters: list[Parameter]
    cleared: Any
    names: tuple[str, ...]
    title: str
    known: list[int]
    gradients: Any
    labels: list[str]
    rated: bool
    claims: Any
    outputs: Any
    sizes: list[int]
    updated: Any
    squares: list[Objective]
    entropies: list[Objective]

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
        self.notes, self.readings = [*notes], [*notes]
        self._finding: Finding | None = None
        self._search: Callable[[], list[str]] | None = None

    def finding(self) -> Finding:
        """The finding on the step."""
        if self._finding is None:
            point = self._point()
            problem = f"{self._place()}: the step can't be run again: {self.step.error}"
            self._finding = self._finish(UNCHECKED, [], problem) if point is None else self._judged(point)
            if self._finding.verdict == WRONG and (other := self._point(seed=1)) is not None:
                self._finding = self._confirmed(self._finding, other)
        return self._finding

    def _confirmed(self, wrong: Finding, other: Point) -> Finding:
        """The finding at other parameters if it is wrong there too; else undecided, as a kink may be in between."""
        self.readings = [*self.notes]
        finding = self._judged(other)
        if finding.verdict == WRONG:
            return finding
        self._search = None
        self.readings = [*wrong.readings, "differences at other parameters agree with the gradients"]
        rows = [replace(q, verdict=UNDECIDED, causes=()) if q.verdict == WRONG else q for q in wrong.quantities]
        return self._finish(UNDECIDED, rows)

    def _place(self) -> str:
        return self.file.place_of(self.step.region)

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
        """The step at parameters drawn anew: none of its gradients is 0, all are finite, and no output is saturated.

        One with saturated outputs is better than none.
        """
        flat = dead = None
        for scale in SCALES:
            rng = np.random.default_rng(seed)
            values = [_drawn(p.value, scale, rng) for p in self.parameters]
            point = Point(self.step, self.parameters, self.cleared, values)
            if point.record is None:
                continue
            found = [g.value for p in self.parameters if (g := gradient_of(point.record, p)) and g.value is not None]
            if not all(map(_is_alive, found)):
                dead = dead or (point if all(np.all(np.isfinite(g)) for g in found) else None)
            elif point.differentiate():
                if _is_steep(point) and not any(map(_is_saturated, outputs(point))):
                    return point
                flat = flat or point
        if flat is None and dead is not None and dead.differentiate() and _is_steep(dead):
            return dead  # with a gradient that is 0 everywhere, and should not be
        return flat

    # ---- verdicts

    def _judged(self, point: Point) -> Finding:
        self.point = point
        found = [gradient_of(point.record, p) for p in self.parameters]
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
        self.updated = self._uses_updated(point.record)
        objectives = [*losses(point), *(o for output in self.outputs for o in fitted(output))]
        for objective in objectives:
            objective.ratios = [ratio(self.claims[point.of(i)], objective.slopes[point.of(i)]) for i in self.known]
            if None in objective.ratios and (objective.kind != "loss" or not has_penalty(self.file.whole)):
                self._allow_penalty(objective)
        self.squares = [o for o in objectives if o.kind == "squares"]
        self.entropies = [o for o in objectives if o.kind == "entropy"]
        if objectives and not _is_steep(point):
            problem = f"{self._place()}: the outputs are saturated: they tell nothing of the gradients."
            return self._finish(UNDECIDED, [Quantity(label, UNDECIDED) for label in self.labels], problem)
        return self._decide(objectives)

    def _allow_penalty(self, objective: Objective) -> None:
        """Leave out one multiple of all parameters from gradients that the loss does not explain."""
        found = {}
        theta = self.point.along(self.point.values)
        for place, i in enumerate(self.known):
            if objective.ratios[place] is None:
                mask = self.point.of(i)
                A = np.stack([objective.slopes[mask], theta[mask]], axis=1)
                (r, strength), *_ = np.linalg.lstsq(A, self.claims[mask], rcond=None)
                if len(A) < 3 or not ratio(self.claims[mask], A @ (r, strength)) or strength <= 0 or abs(r) < 1e-9:
                    return
                found[place] = r, strength
        strengths = [strength for _, strength in found.values()]
        if max(strengths) <= min(strengths) * (1 + 1e-3):
            objective.ratios = [found[k][0] if k in found else r for k, r in enumerate(objective.ratios)]
            objective.doubtful = not self._is_named(strengths[0])
            objective.penalty = f", and {strengths[0]:.3g}/2 of the sum of squares of the weights, which it leaves out"

    def _is_named(self, strength: float) -> bool:
        """True for the value of a variable that is named as the strength of a penalty, or 1/m of it."""
        every = reachable(self.step.snapshot.names)
        named = [v for path, v in every if isinstance(v, (int, float)) and PENALTY.fullmatch(str(path[-1]))]
        return any(factors.close(strength * n, value) for value in named for n in self.sizes)

    def _is_rate(self, factor: float) -> bool:
        """True for the value of a variable that is named as a learning rate is."""
        every = reachable(self.step.snapshot.names)
        rates = [v for path, v in every if isinstance(v, float) and re.fullmatch(RATE, str(path[-1]))]
        return any(factors.close(factor, rate) for rate in rates)

    def _decide(self, objectives: list[Objective]) -> Finding:
        own = [o for o in objectives if o.kind in ("loss", "shown") and not self._is_measure(o)]
        named = self._final([o for o in own if o.kind == "loss"])
        for loss in [*named, *(o for o in own if o.kind == "shown")]:
            if all(factors.close(r, 1.0) for r in loss.ratios):
                self.readings.append(f"minimised: {loss.name}{loss.penalty}")
                return self._verdict(loss, 1.0)
        named = [o for o in named if not self._may_have_another_penalty(o)]
        if named:
            loss = max(reversed(named), key=lambda o: (factors.score(o, 1.0), sum(r is not None for r in o.ratios)))
            return self._by_loss(loss)
        return self._by_fit(
            [o for o in objectives if o.kind in ("squares", "entropy")], [o for o in own if o.kind == "shown"]
        )

    def _may_have_another_penalty(self, loss: Objective) -> bool:
        """True for a loss that the step itself does not compute, in a file with a penalty."""
        notes = self.point.record.notes
        own = self.point.record.own
        return own is not None and list(notes).index(loss.key) >= own and has_penalty(self.file.whole)

    def _final(self, named: list[Objective]) -> list[Objective]:
        """The losses that no other one is computed from, each with its last value."""
        last = {o.name.rpartition(".")[2]: o for o in named}
        sums = {u.target.rpartition(".")[2] for u in self.point.record.updates}
        parts = consumed(self.file.whole, last.keys(), sums)
        return [o for name, o in last.items() if name not in parts] or named

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
        off = np.max(np.abs(self.claims - loss.slopes)) / np.max(np.abs(loss.slopes))
        fits = [e for e in self.entropies if factors.shared(e) is not None and off <= OF_SMALL * self._small()]
        exact = next(iter(fits if not has_penalty(self.file.whole) else []), None)
        if exact is not None:
            self.readings.append(f"minimised: {loss.name}, without the small number in its logarithm")
            return self._verdict(exact, factors.shared(exact) or 1.0)
        squares = next((s for s in self.squares if ratio(loss.slopes, s.slopes) is not None), None)
        if squares is not None:
            factor = ratio(loss.slopes, squares.slopes)
            assert factor is not None
            right, by_loss = factors.score(squares, 1.0), factors.score(loss, 1.0)
            # 1/2 is in the loss itself, unless it is a mean over two outputs
            halves = [o for o in self.outputs for n in (*o.shape, o.a.size) if n != 1 and factors.close(factor, 1 / n)]
            half = any(not factors.close(factor, 2 / o.a.size) for o in halves)
            if right > by_loss and not half:
                self.readings.append(
                    f"minimised: {squares.name}, of which {loss.name} is {factors.words(factor, self.sizes)}: a "
                    f"constant factor of all gradients"
                )
                return self._verdict(squares, 1.0)
            if by_loss == 0 and factors.score(loss, 0.5) > 0:
                self.readings.append(
                    f"minimised: {loss.name}, halved: the 2 of its derivative is left to the learning rate"
                )
                return self._verdict(loss, 0.5)
        shared = factors.shared(loss)
        self.readings.append(f"minimised: {loss.name}")
        unusual = shared is not None and (factors.constant(shared, self.sizes) is None or self._is_rate(shared))
        if shared is not None and shared > 0 and not self.rated and unusual:
            self.readings.append("the learning rate is not told from the gradients: they are right up to one factor")
            return self._verdict(loss, shared)
        if loss.array and shared is not None and factors.name(shared, self.sizes).startswith("a 1/"):
            self.readings.append(f"{loss.name} has a value for each sample: the gradients are those of its mean")
            return self._verdict(loss, shared)
        if shared is not None and factors.name(shared, self.sizes).startswith("a 1/"):
            self.readings.append(
                f"all gradients have a factor that {loss.name} has not: right if its mean is minimised"
            )
            return self._verdict(loss, shared, UNDECIDED)
        return self._verdict(loss, 1.0)

    def _small(self) -> float:
        """The largest number in the file that is only there to avoid log(0) or x/0."""
        numbers = (n.value for n in ast.walk(self.file.whole) if isinstance(n, ast.Constant))
        return max((n for n in numbers if isinstance(n, float) and 0 < n <= LARGEST), default=0.0)

    def _by_fit(self, fits: list[Objective], shown: list[Objective]) -> Finding:
        """The verdict by the usual losses of the output, if the file has none."""
        best, factor, score = None, 1.0, (0, False)
        for fit in fits:
            for r in [r for r in fit.ratios if r is not None and not math.isnan(r)]:
                each = factors.score(fit, r), factors.accepted(r, self.sizes)
                if each > score:
                    best, factor, score = fit, r, each
        if best is None:
            if not fits:
                problem = f"{self._place()}: no loss was found, and no difference of an output and its target."
                return self._finish(UNCHECKED, [], problem)
            for fit in fits[:2]:
                causes = self._repairs(fit, None)
                if causes:
                    self.readings.append(f"the file has no loss: read as {fit.name}")
                    return self._finish(WRONG, [Quantity(label, WRONG, tuple(causes)) for label in self.labels])
            self.readings.append(
                "the file has no loss: neither the squared error nor the cross-entropy has these gradients"
            )
            rows = [Quantity(label, UNDECIDED) for label in self.labels]
            return self._finish(UNDECIDED, rows)
        name = best.name
        accepted = factor > 0 and (not self.rated or factors.accepted(factor, self.sizes))
        if factor < 0 and (factors.accepted(-factor, self.sizes) or (not self.rated and factors.shared(best))):
            self.readings.append(f"the file has no loss: read as {name}")
            return self._verdict(best, -factor)
        if not accepted and factors.shared(best) is not None and factors.constant(factor, self.sizes) is None:
            self.readings.append(
                f"the file has no loss: {factor:.4g} times the gradients of {name}, which is no usual factor"
            )
            return self._finish(UNDECIDED, [Quantity(label, UNDECIDED) for label in self.labels])
        if not accepted:
            self.readings.append(f"the file has no loss: read as {name}")
            return self._verdict(best, 1.0)
        times = "" if factors.close(factor, 1.0) else f", times {factors.words(factor, self.sizes)}"
        self.readings.append(f"the file has no loss: the gradients are those of {name}{times}{best.penalty}")
        return self._verdict(best, factor)

    def _verdict(self, objective: Objective, factor: float, verdict: str = RIGHT) -> Finding:
        """The finding, where right gradients are `factor` times those of the objective."""
        rows = []
        if objective.kind != "loss" and not objective.penalty and has_penalty(self.file.whole):
            self.readings.append("the file has a loss with a penalty, of which the gradients have nothing")
            objective.doubtful = True
        verdict = UNDECIDED if objective.doubtful else verdict
        for label, r, i in zip((self.labels[i] for i in self.known), objective.ratios, self.known, strict=True):
            if i in self.updated:
                rows.append(
                    Quantity(label, WRONG, (f"updated W: it is computed from {self.updated[i]} after its update",))
                )
            elif r is not None and (math.isnan(r) or factors.close(r, factor)):
                rows.append(Quantity(label, verdict))
            else:
                rows.append(Quantity(label, WRONG, self._causes(r, factor, np.size(self.gradients[i]) == 1)))
        for label, gradient, parameter in zip(self.labels, self.found, self.parameters, strict=True):
            if gradient is None:
                rows.append(Quantity(label, UNDECIDED, detail="its gradient was not found in the update"))
            elif gradient.value is None:
                shapes = f"{gradient.shape}; {parameter.name} has {parameter.shape}"
                rows.append(Quantity(label, WRONG, (f"{SHAPE}, from a sum over the wrong axis: {shapes}",)))
        hidden = unseen(self.parameters, self.cleared)
        rows += [Quantity(f"the step of {text_of(path)}", UNDECIDED, detail=HIDDEN) for path in hidden]
        if any(row.verdict == WRONG for row in rows):
            self._search = partial(self._repairs, objective, factor)
        return self._finish(worst(row.verdict for row in rows), rows)

    def explained(self) -> Finding:
        """The finding on the step, with the changes of the code that make wrong gradients right as their causes."""
        finding = self.finding()
        causes = self._search() if self._search is not None else []
        rows = [replace(q, causes=(*causes, *q.causes)) if q.verdict == WRONG else q for q in finding.quantities]
        return self._finish(finding.verdict, rows, finding.problem) if causes else finding

    def misuse(self) -> list[Quantity]:
        """The wrong updates if all gradients are right, with their shapes: no code behind these is to blame then."""
        wrong = [q for q in self.finding().quantities if q.verdict == WRONG and not any(SHAPE in c for c in q.causes)]
        return [q if q.name.startswith("the step") else replace(q, name=f"the update by {q.name}") for q in wrong]

    def _causes(self, r: float | None, factor: float, single: bool) -> tuple[str, ...]:
        """The factor of a wrong gradient; a `single` number always has one, which tells nothing if it is unusual."""
        known = r is not None and (
            factors.constant(r / factor, self.sizes) is not None or factors.close(r / factor, 1 / math.log(2))
        )
        if r is None or (single and not known):
            return ()
        return (factors.name(r / factor, self.sizes) if known else f"a factor of {r / factor:.6g}",)

    def _repairs(self, objective: Objective, factor: float | None) -> list[str]:
        """The small changes that make all gradients right, and leave the forward pass as it is."""
        base = self.point.record
        assert base is not None

        def ratios_of(record: Record) -> list[float | None] | None:
            """The ratios of the gradients; None if the forward pass is another."""
            if isinstance(objective.key, tuple):
                same = [(r.notes.get(objective.key)) for r in (base, record)]
            elif len(record.differences) > objective.key:
                same = [r.differences[objective.key] for r in (base, record)]
            else:
                return None
            if not all(np.array_equal(a, b) for a, b in zip(*map(_pair, same), strict=True)):
                return None
            found = [gradient_of(record, p) for p in self.parameters]
            if any(g is None or g.value is None for g in found):
                return None
            claims = self.point.along([g.value for g in found])  # type: ignore[union-attr]
            return [ratio(claims[self.point.of(i)], objective.slopes[self.point.of(i)]) for i in range(len(found))]

        def right(ratios: Sequence[float | None]) -> list[bool]:
            first = next((r for r in ratios if r is not None and not math.isnan(r)), None)
            wanted = first if factor is None and first is not None and factors.accepted(first, self.sizes) else factor
            return [
                r is not None and wanted is not None and (math.isnan(r) or factors.close(r, wanted)) for r in ratios
            ]

        labels = [str(i) for i in range(len(self.parameters))]
        wrong = [not fine for fine in right(ratios_of(base) or [])] or [True] * len(labels)

        def look() -> Look:
            record = self.point.again()
            if record is None:
                raise ValueError("it does not run.")
            ratios = ratios_of(record)
            if ratios is None:
                return Look(dict.fromkeys(labels, False), False, lambda: False)
            now, before = ([gradient_of(each, p) for p in self.parameters] for each in (record, base))
            pairs = zip(now, before, wrong, strict=True)
            differs = all(not near(a.value, b.value) for a, b, bad in pairs if bad)  # type: ignore[union-attr]
            updated = self._uses_updated(record) if self.updated else {}
            fine = [good and i not in updated for i, good in enumerate(right(ratios))]
            return Look(dict(zip(labels, fine, strict=True)), differs or bool(self.updated), lambda: True)

        return repairs_of_step(self.step, base, look)

    # ---- what is known of the step

    def _sizes(self) -> list[int]:
        """The numbers that an average may divide by: of samples, of outputs, and of both."""
        sizes = {1}
        for output in self.outputs:
            sizes.update((output.a.size, *output.shape))
        if not self.outputs:
            shapes = [np.shape(v) for v in self.point.record.notes.values()]
            sizes.update(n for shape in shapes for n in shape)
        return sorted(sizes)

    def _uses_updated(self, record: Record) -> dict[int, str]:
        """The parameters whose first steps change if the updates are performed, and the parameters they then use.

        Later steps are those of the next sample, where a loop over the samples is in the step.
        """
        performed = self.point.performed()
        before, after = _first_steps(record), _first_steps(performed or Record())
        found = {}
        for i in self.known:
            p = self.parameters[i]
            if any(path == p.path and _is_other(step, after.get((path, key))) for (path, key), step in before.items()):
                found[i] = " or ".join(dict.fromkeys(q.name for q in self.parameters if q is not p))
        return found


def _first_steps(record: Record) -> dict[tuple[Any, str], Any]:
    """The first step of each parameter, or of each element of one, by its path and index."""
    return {(u.path, repr(u.key)): u.step for u in reversed(record.updates)}


def _is_other(step: Any, performed: Any) -> bool:
    if step is None or performed is None or np.shape(step) != np.shape(performed):
        return False
    step, performed = np.asarray(step, float), np.asarray(performed, float)
    return bool(np.max(np.abs(performed - step), initial=0) > 1e-9 * np.max(np.abs(step), initial=0))


def _drawn(value: Any, scale: float, rng: np.random.Generator) -> Any:
    shape = np.shape(value)
    drawn = scale * rng.normal(size=shape) / math.sqrt(max(1.0, float(np.mean(shape)) if shape else 1.0) / 2)
    return drawn if shape else float(drawn)


def _is_steep(point: Point) -> bool:
    """True if a loss or an output depends on all parameters by more than the noise of its differences."""
    found = [*(loss.slopes for loss in losses(point)), *(output.J for output in outputs(point))]
    parts = [point.of(i) for i in range(len(point.parameters))]
    return any(all(np.any(np.abs(slopes[part]) > STEEP) for part in parts) for slopes in found)


def _is_saturated(output: Output) -> bool:
    """True for probabilities that are 0 or 1 but for rounding: these have no logarithm."""
    a = output.a
    return bool(np.all((a >= 0) & (a <= 1)) and np.any(a * (1 - a) < STEEP))


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
