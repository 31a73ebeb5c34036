"""The table of coverage: a row a function, a cell a check of all its examples, and totals."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .cases import Case
from .checks import CHECKS, NotApplicable, NotDecided, failure
from .numpy_functions import KINDS, NumpyFunction

YES, NO, NOT_APPLICABLE = "yes", "NO", "-"


@dataclass
class Row:
    """The result for a function: a cell for each check, and descriptions of the failures."""

    function: NumpyFunction
    cells: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def check_examples(functions: Iterable[NumpyFunction], cases: Iterable[Case]) -> Iterator[Row]:
    """A row for each of the differentiable `functions`, whose examples among the `cases` are run here and now."""
    examples = defaultdict(list)
    for case in cases:
        examples[case.function].append(case)
    for function in functions:
        row = Row(function)
        for column, check in CHECKS.items():
            row.cells[column], failures = _verdict(check, examples[function.function])
            row.failures += [f"{column}: {text}" for text in failures]
        yield row


def _verdict(check: Callable[[Case], None], cases: list[Case]) -> tuple[str, list[str]]:
    applicable, passed, failures = not cases, False, []
    for case in cases:
        try:
            wrong = failure(check, case)
        except NotApplicable:
            continue
        except NotDecided:
            applicable = True
            continue
        applicable = True
        passed |= not wrong
        failures += [wrong] if wrong else []
    if applicable and not passed and not failures:
        failures = [f"{cases[0].name}: undecided by differences" if cases else "there is no example"]
    return (NO if failures else YES if passed else NOT_APPLICABLE), failures


def rows_text(rows: list[Row]) -> str:
    """The table of differentiable functions, with aligned columns."""
    lines = [["function", "arguments", *CHECKS]]
    lines += [[row.function.names[0], row.function.arguments, *row.cells.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip() for line in lines)


def lists_text(functions: Iterable[NumpyFunction]) -> str:
    """The functions without a derivative: the constant ones, those refused with their reasons, and the unknown."""
    by_kind = defaultdict(list)
    for function in functions:
        by_kind[function.kind].append(function)
    parts = []
    if by_kind["constant"]:
        names = ", ".join(function.names[0] for function in by_kind["constant"])
        parts.append("constant, their derivative is zero wherever it exists:\n" + _wrap(names))
    if by_kind["refused"]:
        reasons = defaultdict(list)
        for function in by_kind["refused"]:
            reasons[KINDS["refused"][function.function]].append(function.names[0])
        items = [_wrap(f"{', '.join(names)}: {reason}") for reason, names in reasons.items()]
        parts.append("refused, with an error that gives the reason:\n" + "\n".join(items))
    if by_kind["unknown"]:
        names = ", ".join(function.names[0] for function in by_kind["unknown"])
        parts.append("in none of the tables:\n" + _wrap(names))
    return "\n\n".join(parts)


def totals_text(functions: Iterable[NumpyFunction], others: Iterable[NumpyFunction]) -> str:
    """The number of functions of each kind, deprecated ones left out; one with several names counts once."""
    public = [function for function in functions if not function.is_deprecated]
    counts = Counter("differentiable" if function.is_differentiable else function.kind for function in public)
    kinds = [f"{counts[kind]} {kind}" for kind in ("differentiable", "constant", "refused", "unknown") if counts[kind]]
    return (
        f"{len(public)} functions in numpy, numpy.linalg and numpy.fft: {', '.join(kinds)}.\n"
        f"Differentiable besides: {len(list(others))} methods of ufuncs and functions of np.emath and np.lib."
    )


def checks_text(rows: list[Row]) -> str:
    """The number of functions in `rows` that pass each check, deprecated ones left out."""
    counted = [row for row in rows if not row.function.is_deprecated]
    parts = []
    for column in CHECKS:
        counts = Counter(row.cells[column] for row in counted)
        applicable = len(counted) - counts[NOT_APPLICABLE]
        parts.append(f"{column} {counts[YES]} of {applicable}")
    return "Checked: " + ", ".join(parts) + "."


def _wrap(text: str) -> str:
    return textwrap.fill(text, 116, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
