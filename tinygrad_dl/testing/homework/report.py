"""The report of `testing.check`: the results of files or of single checks, as text, as HTML, and for `assert`."""

from __future__ import annotations

import itertools
import os
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from ..gradcheck import GradientError
from .findings import RIGHT, UNCHECKED, UNDECIDED, VERDICTS, WRONG, FileResult, Finding, Quantity, visible, worst
from .markup import escaped, file_html

WIDTH, LONGEST = 116, 160  # of wrapped lines, of a row of a table


class CheckReport:
    """The result of `check`, which prints as text.

    Attributes
    ----------
    files
        A `FileResult` for each file; a single one, without a path, for a function, layer or network.

    Examples
    --------
    >>> report = CheckReport([FileResult("ann.py", (Finding("relu, relu_backward", "right"),))])
    >>> report.passed, report.verdict
    (True, 'right')
    >>> print(report)
    relu, relu_backward
      right
    <BLANKLINE>
    1 right, 0 wrong
    """

    files: tuple[FileResult, ...]

    def __init__(self, files: Iterable[FileResult]):
        self.files = tuple(files)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all files."""
        return tuple(finding for result in self.files for finding in result.findings)

    @property
    def verdict(self) -> str:
        """The worst verdict: "wrong", "not checked", "undecided", or "right" if everything is."""
        return worst(result.verdict for result in self.files)

    @property
    def passed(self) -> bool:
        """True if everything was checked and is right."""
        return self.verdict == RIGHT

    def assert_right(self) -> None:
        """Raise an error with the report, unless everything was checked and is right.

        Raises
        ------
        GradientError
            If something is wrong, undecided, or could not be checked. It is an AssertionError.
        """
        __tracebackhide__ = True  # pytest then shows the line that asks
        if not self.passed:
            raise GradientError(self)

    def __str__(self) -> str:
        if len(self.files) == 1:
            return visible("\n".join([*file_lines(self.files[0]), counts_text(self.files)]))
        lines: list[str] = []
        files = with_short_names(self.files)
        for result in files:
            if result.verdict != RIGHT:
                lines += [result.path, "=" * len(result.path), *file_lines(result)]
        return visible("\n".join([*lines, *table_lines(files), "", counts_text(self.files)]))

    def __repr__(self) -> str:
        return f"CheckReport({counts_text(self.files)})"

    def _repr_html_(self) -> str:
        body = "".join(file_html(result, named=len(self.files) > 1) for result in with_short_names(self.files))
        return f"<div>{body}<p>{escaped(counts_text(self.files))}</p></div>"


# ---- text


def file_lines(result: FileResult) -> list[str]:
    """The text of a file: notes, the report of each check, and what stood in the way of others."""
    lines = [line for note in result.notes for line in _wrap(note, "note: ")]
    lines += [""] if lines else []
    for finding in result.findings:
        lines += [*finding_lines(finding), ""]
    return lines + ([*_wrap(result.problem), ""] if result.problem else [])


def finding_lines(finding: Finding) -> list[str]:
    """The title of a check and its report."""
    if finding.problem:
        return [finding.title, *_wrap(f"{finding.verdict}: {finding.problem}", "  ")]
    if finding.report:
        return [finding.title, *finding.report.split("\n")]
    lines = [line for reading in finding.readings for line in _wrap(reading, "  ")]
    for quantity in finding.quantities:
        lines += _wrap(f"{quantity.name}: {quantity_text(quantity)}", "  ")
    return [finding.title, *lines, f"  {finding.verdict}"]


def quantity_text(quantity: Quantity) -> str:
    """The verdict on a gradient, its causes and the detail, in a line: "wrong: sign, or 1 - y for y"."""
    verdict = ": ".join([quantity.verdict, *([", or ".join(quantity.causes)] if quantity.causes else [])])
    return f"{verdict} ({quantity.detail})" if quantity.detail else verdict


def counts_text(files: Sequence[FileResult]) -> str:
    """The counts of the verdicts on all checks: "3 right, 1 wrong"; on a file without one it counts as one."""
    counts: Counter[str] = Counter()
    for result in files:
        counts.update(finding.verdict for finding in result.findings)
        counts[UNCHECKED] += bool(result.problem)
    shown = [verdict for verdict in VERDICTS if counts[verdict] or verdict in (RIGHT, WRONG)]
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in shown)


def mistake_text(finding: Finding) -> str:
    """The first wrong gradient and those with the same causes, in a line: "dW1, db1: wrong: sign"; "" if none is."""
    bad = [q for q in finding.quantities if q.verdict not in (RIGHT, UNDECIDED) and "inherited" not in q.verdict]
    names = [q.name for q in bad if q is bad[0] or (q.causes and q.causes == bad[0].causes)]
    return f"{', '.join(names)}: {quantity_text(bad[0])}" if bad else ""


def reason(result: FileResult) -> str:
    """The first thing that is not right in a file, with the check if it has several; "" if all is right."""
    for finding in result.findings:
        if finding.verdict == WRONG:
            text = mistake_text(finding)
            return text if text and len(result.findings) == 1 else ": ".join(filter(None, [finding.title, text]))
    problems = [finding.problem or finding.title for finding in result.findings if finding.verdict != RIGHT]
    first = next(iter([*([result.problem] if result.problem else []), *problems]), "")
    return re.sub(rf"^{re.escape(result.path)}: ?(?=(\d*))", lambda match: "line " if match[1] else "", first)


def with_short_names(files: Sequence[FileResult]) -> list[FileResult]:
    """The results with paths, also in messages, without the folders that all files share.

    >>> results = [FileResult("class/ann/h.py"), FileResult("class/bob/h.py", problem="class/bob/h.py:2: no")]
    >>> [(result.path, result.problem) for result in with_short_names(results)]
    [('ann/h.py', ''), ('bob/h.py', 'bob/h.py:2: no')]
    """
    folders = [PurePath(result.path).parts[:-1] for result in files]
    same = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))
    shared = PurePath(*same_parts) if len(files) > 1 and (same_parts := [parts[0] for parts in same]) else None
    return [_without(f"{shared}{os.sep}", result) for result in files] if shared else list(files)


def _without(folder: str, result: FileResult) -> FileResult:
    def cut(text: str) -> str:
        return text.replace(folder, "")

    findings = [
        replace(finding, problem=cut(finding.problem), report=cut(finding.report), place=cut(finding.place))
        for finding in result.findings
    ]
    path = PurePath(cut(result.path)).as_posix()
    return replace(
        result, path=path, findings=tuple(findings), problem=cut(result.problem), notes=tuple(map(cut, result.notes))
    )


def table_lines(files: Sequence[FileResult]) -> list[str]:
    """A table: a row for each file."""
    rows = [["file", "verdict", *VERDICTS, ""]]
    for result in files:
        counts = Counter(finding.verdict for finding in result.findings)
        rows.append([result.path, result.verdict, *(str(counts[v] or "") for v in VERDICTS), reason(result)])
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    aligned = [[cell.ljust(n) for cell in column] for column, n in zip(columns, widths, strict=True)]
    lines = ["  ".join(row).rstrip() for row in zip(*aligned, strict=True)]
    return [line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines]


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * (len(indent) + 2), break_on_hyphens=False
    )
