"""The report of `check_backprop`: rows for programs, a text for the terminal, and a table for notebooks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ... import _html

MOST_LINES = 40


@dataclass(frozen=True)
class Cause:
    """A mistake by name at a place: `kind` "1/m missing" at `place` "dW2"; the `formula` as it should be, and why."""

    kind: str
    place: str
    detail: str
    formula: str
    why: str
    week: int

    def __str__(self) -> str:
        return f"{self.kind} ({self.detail})" if self.detail else self.kind


def kinds(causes: Iterable[Cause]) -> list[str]:
    """The kinds of some causes, each once, in an order that doesn't depend on theirs."""
    return sorted({cause.kind for cause in causes})


@dataclass(frozen=True)
class Row:
    """The result for one gradient.

    `status` is "right", "wrong" (for the `causes`, all at once), "unknown" (wrong, no cause found) or "inherited":
    it follows correctly from your `inherited_from`, which is wrong. `alternatives` are causes that give the same
    numbers. A gradient that was not `given` has a row if the mistake must be in it; one that is right has causes if one
    mistake undoes another. Differences from the right value are None where shapes differ.
    """

    name: str
    status: str
    given: bool = True
    causes: tuple[Cause, ...] = ()
    alternatives: tuple[tuple[Cause, ...], ...] = ()
    inherited_from: str | None = None
    max_difference: float | None = None
    relative_difference: float | None = None
    expected_shape: tuple[int, ...] = ()
    given_shape: tuple[int, ...] | None = None
    note: str = ""

    @property
    def cause(self) -> str | None:
        """The kinds of mistake in a line: "sign", "1/m missing and transposed", "sign, or Z for A"."""
        named = [" and ".join(kinds(causes)) for causes in (self.causes, *self.alternatives) if causes]
        return ", or ".join(dict.fromkeys(named)) or None

    @property
    def verdict(self) -> str:
        """The status and what it comes from, in a line."""
        if self.status == "inherited":
            return f"inherited from {self.inherited_from}"
        if self.status == "unknown":
            return "wrong, cause unknown"
        if self.status == "right":
            return "right"
        return f"{'wrong' if self.given else 'not given; wrong'}: {self.cause}"


class BackpropReport:
    """The result of `check_backprop`, which prints as a table: a row for each gradient, in the order of backprop.

    Attributes
    ----------
    rows
        A `Row` for each gradient; `report["dW1"]` is the row of dW1.
    convention
        "course" if dZ and dA are errors per sample, "derivative" if they are derivatives of the cost.
    readings
        Sentences on how the gradients are read, where there are several ways.

    Examples
    --------
    >>> report = BackpropReport([Row("dW1", "right"), Row("db1", "unknown")], "course")
    >>> report.passed, report["dW1"].status, "dW2" in report
    (False, 'right', False)
    """

    rows: list[Row]
    convention: str
    readings: tuple[str, ...]

    def __init__(self, rows: Sequence[Row], convention: str, readings: Sequence[str] = ()):
        self.rows, self.convention, self.readings = list(rows), convention, tuple(readings)

    @property
    def passed(self) -> bool:
        """True if all gradients are right."""
        return all(row.status == "right" for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name}: there is nothing about it, only about {', '.join(row.name for row in self)}.")

    def __contains__(self, name: object) -> bool:
        return any(row.name == name for row in self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def assert_right(self) -> None:
        """Raise an AssertionError with the report, unless all gradients are right.

        Raises
        ------
        AssertionError
            If a gradient is wrong.
        """
        if not self.passed:
            raise AssertionError(f"\n{self}")

    # ---- to read

    def _headline(self) -> str:
        given = [row for row in self if row.given]
        wrong = sum(row.status != "right" for row in given)
        if len(given) == 1:
            return f"The gradient is {'wrong' if wrong else 'right'}."
        if not wrong:
            return f"All {len(given)} gradients are right."
        return f"{wrong} of {len(given)} gradients {'are' if wrong > 1 else 'is'} wrong."

    def _reading(self) -> str:
        readings = list(self.readings)
        if any(row.name[1] in "ZA" for row in self if row.given):
            what = "errors per sample, before the 1/m" if self.convention == "course" else "derivatives of the cost"
            readings.insert(0, f"dZ and dA are read as {what}.")
        return " ".join(readings)

    def _explanations(self) -> list[tuple[str, list[str]]]:
        """A headline for each cause, with where it is, and lines that teach."""
        entries: list[tuple[str, list[str]]] = []
        places: dict[tuple, list[Row]] = {}
        for row in self:
            if row.causes and row.status == "wrong":
                key = (tuple(c.kind for c in row.causes), tuple(tuple(c.kind for c in a) for a in row.alternatives))
                places.setdefault(key, []).append(row)
        for rows in places.values():
            row, lines = rows[0], []
            for cause in row.causes:
                if cause.formula not in lines:
                    lines.append(cause.formula)
                lines.append(f"{cause.why} (week {cause.week})")
            lines += _alternatives(row)
            names = ", ".join(row.name for row in rows)
            entries.append((f"{names}: {' and '.join(map(str, row.causes))}", lines))
        notes: dict[str, list[str]] = {}
        for row in self:
            if row.note:
                notes.setdefault(row.note, []).append(row.name)
        return entries + [(f"{', '.join(names)}: {note}", []) for note, names in notes.items()]

    def __str__(self) -> str:
        table = [["", "shape", "max diff", "relative", ""]]
        table += [[row.name, _shape(row), *_numbers(row), row.verdict] for row in self]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [f"{self._headline()} {self._reading()}".rstrip(), ""]
        lines += ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]
        left = [_wrap(headline, rest) for headline, rest in self._explanations()]
        while left and len(lines) + 1 + len(left[0]) < MOST_LINES:
            lines += ["", *left.pop(0)]
        if left:
            lines.append(f"... and {len(left)} more: start with the first.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"BackpropReport({self._headline()})"

    def _repr_html_(self) -> str:
        cells = [[_html.Code(row.name), _shape(row), *_numbers(row), row.verdict] for row in self]
        verdicts = [_VERDICTS[row.status] for row in self]
        table = _html.table(cells, ["gradient", "shape", "max diff", "relative", "verdict"], verdicts, numbers=[2, 3])
        notes = (
            part for headline, lines in self._explanations() for part in (_html.title(headline), _html.note(*lines))
        )
        return _html.block(_html.title(self._headline(), self._reading()), table, *notes)


def _wrap(headline: str, rest: Iterable[str]) -> list[str]:
    lines = textwrap.wrap(headline, 116, subsequent_indent=" " * 4)
    for line in rest:
        lines += textwrap.wrap(line, 116, initial_indent=" " * 4, subsequent_indent=" " * 6)
    return lines


def _alternatives(row: Row) -> list[str]:
    """A line each for what gives the same numbers as the causes of a row."""
    same = [causes for causes in row.alternatives if kinds(causes) == kinds(row.causes)]
    places = list(dict.fromkeys(cause.place for causes in same for cause in causes if cause.place != row.name))
    lines = [f"The same numbers come of it in {' or '.join(places)}, which you did not give."] if places else []
    for causes in row.alternatives:
        if causes not in same:
            what = " and ".join(f"{cause} in {cause.place}" for cause in causes)
            lines.append(f"The same numbers come of {what}.")
    return lines


_VERDICTS = {"right": "right", "wrong": "wrong", "unknown": "wrong", "inherited": ""}


def _shape(row: Row) -> str:
    if row.given_shape in (None, row.expected_shape):
        return str(row.expected_shape)
    return f"{row.given_shape}, expected {row.expected_shape}"


def _numbers(row: Row) -> list[str]:
    return ["" if x is None else f"{x:.1e}" for x in (row.max_difference, row.relative_difference)]
