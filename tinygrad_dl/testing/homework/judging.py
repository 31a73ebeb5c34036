"""The verdict on each gradient of a function, by differences of the function itself, and the finding made of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import numpy as np

from ..gradcheck import GradientReport, pair_report
from .findings import RIGHT, UNDECIDED, WRONG, Finding, Quantity, read_as, worst

Gradients = Callable[[np.ndarray, Sequence[Any]], Mapping[str, Any]]
_BY_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD
LARGEST = 1e-4  # of the numbers that are there to keep a logarithm or a quotient finite
OF_SMALL = 1e3  # a gradient is off by no more than so many times such a number: of log(p + 1e-9), for p from 1/1000 on


@dataclass
class Judgement:
    """The reports on gradients, by argument; `missing` arguments have none. `ratios` are those of wrong gradients."""

    reports: dict[str, GradientReport]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst verdict."""
        return worst([*(r.verdict for r in self.reports.values()), *([WRONG] if self.missing else [])])

    @property
    def fits(self) -> bool:
        """True if all gradients are there, with the shapes of their arguments."""
        return not self.missing and not any(r.others for r in self.reports.values())

    @property
    def wrong(self) -> int:
        """The number of wrong gradients; those of a wrong shape count for more."""
        return sum((r.verdict == WRONG) + 10 * bool(r.others) for r in self.reports.values()) + 10 * len(self.missing)


def judge(
    title: str,
    names: Sequence[str],
    values: Sequence[Any],
    value: Callable[..., Any],
    gradients: Gradients,
    wanted: Sequence[str],
    small: float = 0.0,
    progress: bool = False,
) -> Judgement:
    """Compare `gradients(g, values)` with differences of `value(*values)`, an argument at a time.

    Gradients that are off by no more than what a `small` number in the function explains are right.
    """

    def forward(*primals):
        return value(*primals), primals

    def result_of(given: Any, name: str) -> Any:
        if given.get(name) is None:
            raise TypeError(f"the gradient with respect to {name} is None.")
        return given[name]

    forward.__signature__ = inspect.Signature([inspect.Parameter(n, _BY_PLACE) for n in names])  # type: ignore
    ans = np.asarray(value(*values), dtype=float)
    given = gradients(np.ones_like(ans), values)
    missing = tuple(n for n in wanted if given.get(n) is None)
    reports, notes = {}, []
    for name in (n for n in wanted if n not in missing):

        def backward(g, cache, name=name):
            return result_of(gradients(g, cache), name)

        forward.__name__, backward.__name__ = title.split(", ")[0], title.split(", ")[-1]
        report = pair_report(forward, backward, *values, argnums=[names.index(name)], progress=progress)
        off = _off(report)
        if report.verdict == WRONG and not report.others and off <= OF_SMALL * small:
            notes.append(f"the gradient with respect to {name} is right up to {off:.0e}: a small number is left out")
            report = replace(report, mistakes=[])
        reports[name] = replace(report, function=title if ", " not in title else f"the pair {title}")
    return Judgement(reports, missing, tuple(notes))


def shapes_fit(given: Mapping[str, Any], names: Sequence[str], values: Sequence[Any], wanted: Sequence[str]) -> bool:
    """Return whether all gradients are there, in the shapes of their arguments."""
    shapes = {n: np.shape(value) for n, value in zip(names, values, strict=True)}
    return all(given.get(n) is not None and np.shape(given[n]) == shapes[n] for n in wanted)


def small_number(functions: Collection[Callable[..., Any]]) -> float:
    """The largest number in the code or the defaults of functions that is only there to avoid log(0) or x/0."""
    found = [0.0]

    def search(code: CodeType) -> None:
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                search(constant)
            elif isinstance(constant, float) and 0 < constant <= LARGEST:
                found.append(constant)

    for function in map(inspect.unwrap, functions):
        if hasattr(function, "__code__"):
            search(function.__code__)
            found += [d for d in function.__defaults__ or () if isinstance(d, float) and 0 < d <= LARGEST]
    return max(found)


def merged(first: Judgement, second: Judgement, note: str) -> Judgement:
    """Two judgements on the same gradients as one: the first mistake counts; `note` tells the second from the first."""
    reports = dict(first.reports)
    notes = list(first.notes)
    for name, report in second.reports.items():
        if (report.verdict == WRONG and reports.get(name, report).verdict != WRONG) or name not in reports:
            reports[name] = report
            notes += [f"{name} is wrong {note}"]
    return Judgement(reports, tuple({*first.missing, *second.missing}), tuple(notes))


def finding_of(
    title: str,
    names: Sequence[str],
    place: str,
    taken: Sequence[str],
    readings: Sequence[str],
    judgement: Judgement,
    called: Mapping[str, str],
    causes: Mapping[str, Sequence[str]],
    verdict: str = "",
    order: Sequence[str] = (),
) -> Finding:
    """The finding on a judgement. `called` are the learner's names of the gradients, by argument."""
    quantities = []
    for name in order or (*judgement.reports, *judgement.missing):
        label = called.get(name) or f"d{name}"
        if name in judgement.missing:
            quantities.append(Quantity(label, WRONG, detail=f"there is no gradient for {name}"))
        elif name in judgement.reports:
            report = judgement.reports[name]
            detail = _detail(report)
            quantities.append(Quantity(label, report.verdict, tuple(causes.get(name, ())), detail))
    verdict = verdict or worst(q.verdict for q in quantities)
    readings = [*readings, *judgement.notes]
    return Finding(
        title,
        verdict,
        tuple(readings),
        tuple(quantities),
        report=_text(taken, readings, judgement, quantities, verdict),
        place=place,
        names=tuple(dict.fromkeys(n for n in names if n)),
    )


def _off(report: GradientReport) -> float:
    """The largest difference between claims and differences, relative to the largest wrong claim."""
    size = max((max(abs(m.claimed), abs(m.low), abs(m.high)) for m in report.mistakes), default=1.0)
    return max((max(m.low - m.claimed, m.claimed - m.high) / size for m in report.mistakes), default=0.0)


def _detail(report: GradientReport) -> str:
    if report.others:
        return report.others
    if report.mistakes:
        first = report.mistakes[0]
        return f"{first.element}: {first.claimed:.6g}, by differences {first.numeric}"
    return ""


def _text(
    taken: Sequence[str],
    readings: Sequence[str],
    judgement: Judgement,
    quantities: Sequence[Quantity],
    verdict: str,
) -> str:
    lines = [*(f"  {note}" for note in taken), *(f"  {read_as(reading)}" for reading in readings), ""]
    reports = list(judgement.reports.values())
    if all(report.verdict == RIGHT for report in reports) and not judgement.missing:
        lines.append(str(replace(reports[0], rows=[row for report in reports for row in report.rows])))
        if verdict == UNDECIDED:
            lines.append("undecided, see above")
        return "\n".join(lines)
    width = max(len(quantity.name) for quantity in quantities)
    for quantity in quantities:
        lines.append(f"  {quantity.name.ljust(width)}  {quantity.verdict}")
        lines += [f"    {'or: ' if i else ''}{cause}" for i, cause in enumerate(quantity.causes)]
    lines += [f"no gradient for {name}" for name in judgement.missing]
    for report in [report for report in reports if report.verdict != RIGHT][:2]:
        lines += ["", str(report)]
    return "\n".join(lines)
