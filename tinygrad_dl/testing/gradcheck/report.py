"""The report of a gradient check: its rows, mistakes, and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import _frames, _html

LINES = 40  # in an error, at most
SHOWN = 5  # mistakes in a table
UNDECIDED = (
    "Rounding in the function is larger than the changes that these derivatives make. Check it at other inputs, where\n"
    "it is not saturated and adds no large number; compute in float64; or scale it, so that its values are near 1."
)


@dataclass(frozen=True)
class Row:
    """The result for one argument, mode and order: the elements checked, and the largest relative difference.

    An element has a derivative for each checked number of the value: it counts as undecided if one of these is, and as
    decided if one is.
    """

    argument: str
    order: int
    mode: str
    how: str
    worst: float
    kinks: int
    undecided: int
    decided: int
    doubts: tuple[Mistake, ...] = ()  # some undecided derivatives


@dataclass(frozen=True)
class Mistake:
    """A derivative that contradicts differences: `claimed` instead of a number in [low, high], ± `error`."""

    argument: str
    argnum: int
    index: tuple[int, ...]
    element: str
    output: str
    order: int
    mode: str
    claimed: float
    low: float
    high: float
    error: float
    taylor_order: float = float("nan")

    @property
    def numeric(self) -> str:
        """The derivative by differences, as text."""
        if self.high > self.low:
            return f"in [{self.low:.6g}, {self.high:.6g}] (kink)"
        return f"{self.low:.6g} ± {self.error:.0e}"

    @property
    def relative_difference(self) -> float:
        """The distance between claim and differences, relative to the larger."""
        distance = max(self.low - self.claimed, self.claimed - self.high)
        return distance / max(abs(self.claimed), abs(self.low), abs(self.high))


@dataclass(frozen=True)
class Blame:
    """A wrong derivative rule: its function, argument and place in the code, and arguments that show the mistake."""

    function: str
    argnum: int
    parameter: str
    call: str
    place: str
    arguments: tuple[Any, ...]
    mistake: Mistake
    reproduction: str

    def __str__(self) -> str:
        mistake = self.mistake
        order = f", whose derivative of order {mistake.order} is wrong" if mistake.order > 1 else ""
        mode = ", in forward mode" if mistake.mode == "jvp" else ""
        return (
            f"To blame: the rule of {self.function} for argument {self.argnum} ({self.parameter}){mode}{order}\n"
            f"  {self.place}\n"
            f"  in {self.call}\n"
            f"  it gives {mistake.claimed:.6g} for {mistake.element}, differences give {mistake.numeric}"
        )


@dataclass(repr=False)
class GradientReport:
    """The result of `check_gradients` or `check_pair`; print it for a table.

    Attributes
    ----------
    function
        The name of the checked function.
    rows
        A `Row` for each argument, mode and order.
    mistakes
        The wrong derivatives, worst first.
    others
        A description of any other fault, such as a wrong shape or dtype.
    blame
        The derivative rule that caused the mistakes, or None.
    causes
        What may have caused the mistakes, by argument: alternatives, the likeliest first.
    advice
        The last lines of the text of a wrong gradient if no rule is to blame.
    """

    function: str
    rows: list[Row] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    others: str = ""
    blame: Blame | None = None
    causes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    advice: str = (
        "No rule in the graph is wrong by itself. Is part of the computation missing from the graph, by float(x),\n"
        "x.data, x.detach(), or a constant function such as np.round? Is a nan the product of 0 and infinity?"
    )

    @property
    def passed(self) -> bool:
        """True if the verdict is "right"."""
        return self.verdict == "right"

    @property
    def verdict(self) -> str:
        """The verdict: "right"; "wrong"; or "undecided", if rounding hides derivatives and none is wrong."""
        if self.mistakes or self.others:
            return "wrong"
        return "undecided" if self.undecided else "right"

    @property
    def undecided(self) -> int:
        """The number of undecided elements."""
        return sum(row.undecided for row in self.rows)

    @property
    def kinks(self) -> int:
        """The number of elements at a kink."""
        return sum(row.kinks for row in self.rows)

    def __str__(self) -> str:
        return _shorten(self._wrong() if self.verdict == "wrong" else self._right())

    def __repr__(self) -> str:
        return f"GradientReport({self.function!r}, {self.verdict}, undecided={self.undecided})"

    def _repr_html_(self) -> str:
        verdict = _html.title(f"{self.function}: {self.verdict}")
        if self.verdict == "wrong":
            return _html.block(verdict, _html.code(str(self)))
        head = ["argument", "order", "mode", "checked", "largest difference", "kinks", "undecided"]
        rows = [
            [_html.Code(r.argument), r.order, r.mode, r.how, f"{r.worst:.1e}", r.kinks, r.undecided] for r in self.rows
        ]
        verdicts = ["" if row.undecided else "right" for row in self.rows]
        return _html.block(verdict, _html.table(rows, head, verdicts, numbers=[1, 4, 5, 6]))

    def _right(self) -> list[str]:
        if not self.rows:
            return [f"There is nothing to check: {self.function} takes or returns no elements."]
        table = [["argument", "order", "mode", "checked", "largest difference", "kinks", "undecided"]]
        for row in self.rows:
            worst = f"{row.worst:.1e}"
            counts = [str(count or "") for count in (row.kinks, row.undecided)]
            table.append([row.argument, str(row.order), row.mode, row.how, worst, *counts])
        verdict = "are undecided: rounding hides some of them" if self.undecided else "are right"
        lines = [f"The derivatives of {self.function} {verdict}.", "", *_align(table)]
        if self.kinks:
            lines.append("At a kink any number between the slopes of both sides is right.")
        if self.undecided:
            doubts = [doubt for row in self.rows for doubt in row.doubts][:SHOWN]
            table = [["undecided", "derivative of", "claimed", "by differences"]]
            table += [[doubt.element, doubt.output, f"{doubt.claimed:.6g}", doubt.numeric] for doubt in doubts]
            lines += ["", *_align(table), *UNDECIDED.split("\n")]
        return lines

    def _wrong(self) -> list[str]:
        causes = [f"{name}: {' / or: '.join(causes)}" for name, causes in self.causes.items() if causes]
        if not self.mistakes:
            return [self.others, *causes]
        first = self.mistakes[0]
        what = {1: "gradient", 2: "second derivative"}.get(first.order, f"derivative of order {first.order}")
        if first.mode == "jvp":
            what += " in forward mode (jvp)"
        count = len(self.mistakes)
        elements = f"{count} of the elements checked" if count > 1 else "at least one element"
        lines = [f"The {what} of {self.function} with respect to {first.argument} is wrong, in {elements}:", ""]
        table = [["element", "derivative of", "claimed", "by differences", "relative difference"]]
        for mistake in self.mistakes[:SHOWN]:
            claimed = f"{mistake.claimed:.6g}"
            table.append(
                [mistake.element, mistake.output, claimed, mistake.numeric, f"{mistake.relative_difference:.1e}"]
            )
        lines += _align(table)
        if len(self.mistakes) > SHOWN:
            lines.append(f"and {len(self.mistakes) - SHOWN} more")
        if np.isfinite(first.taylor_order):
            order = f"{first.taylor_order:.1f}"
            lines += [
                "",
                f"The remainder of Taylor's formula falls as step^{order}; for a right gradient as step^2 or faster.",
            ]
        if self.blame:
            lines += ["", *str(self.blame).split("\n")]
            lines += ["", "To reproduce:", *(f"    {line}" for line in self.blame.reproduction.split("\n"))]
        else:
            lines += ["", *self.advice.split("\n")]
        return [*lines, *causes]


class GradientError(AssertionError):
    """Raised for a wrong derivative.

    Attributes
    ----------
    report
        The `GradientReport`, with the mistakes and the rule at fault; of `check`, the `CheckReport`.
    """

    def __init__(self, report: Any):
        super().__init__(str(report))
        self.report = report


class UndecidedWarning(UserWarning):
    """Warns of derivatives that differences neither confirm nor contradict, since rounding hides them."""


def raise_or_warn(report: GradientReport) -> GradientReport:
    """Return `report`; raise GradientError if it is wrong, warn at the user's line if it is undecided."""
    if report.verdict == "wrong":
        raise GradientError(report)
    if report.verdict == "undecided":
        _frames.warn(str(report), UndecidedWarning)
    return report


def _align(table: list[list[str]]) -> list[str]:
    kept = [column for column in zip(*table, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in kept]
    rows = zip(*kept, strict=True)
    return ["  " + "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in rows]


def _shorten(lines: list[str]) -> str:
    lines = [line if len(line) <= 160 else line[:157] + "..." for line in lines]
    return "\n".join(lines if len(lines) <= LINES else [*lines[: LINES - 1], "..."])
