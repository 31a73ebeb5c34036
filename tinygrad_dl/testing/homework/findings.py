"""Findings: what the checks of a file say, as plain data that goes through a pipe and into every kind of report."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

RIGHT, WRONG, UNDECIDED, UNCHECKED = "right", "wrong", "undecided", "not checked"
VERDICTS = (RIGHT, WRONG, UNDECIDED, UNCHECKED)
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text without characters that move the cursor, turn the writing round, or can't be written.

    Learners' errors and names are printed, and must not paint over a verdict.

    >>> visible("wrong\x1b[2K\rright")
    'wrong?[2K?right'
    """
    return HIDDEN.sub("?", text)


def read_as(reading: str) -> str:
    """One of the `readings` of a finding in a sentence.

    >>> read_as("samples are columns"), read_as("as the course writes it")
    ('read as: samples are columns', 'read as the course writes it')
    """
    return f"read {reading}" if reading.startswith("as ") else f"read as: {reading}"


@dataclass(frozen=True)
class Quantity:
    """The verdict on one gradient.

    `name` is the learner's ("dW1"), `verdict` one of VERDICTS or "inherited from dZ2". `causes` are alternatives that
    give the same numbers, the likeliest first; none if the gradient is right or the cause is unknown.
    """

    name: str
    verdict: str
    causes: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    title
        The learner's names for the checked functions: "relu_forward, relu_backward".
    verdict
        One of VERDICTS.
    readings
        How the code was understood, a line each: "rows are samples", "the cost is a sum", "dW holds the 1/m".
    quantities
        The gradients, in the learner's order.
    problem
        Why it was not checked, with the place: "homework.py:12: ...". "" if it was.
    report
        The whole text for a terminal.
    place
        The file and line of the checked code: "homework.py:12".
    names
        The names that select this check in FILE:NAME.
    """

    title: str
    verdict: str
    readings: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    problem: str = ""
    report: str = ""
    place: str = ""
    names: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that `as_dict` gave."""
        quantities = tuple(Quantity(**{**q, "causes": tuple(q["causes"])}) for q in data["quantities"])
        tuples = {name: tuple(data[name]) for name in ("readings", "names")}
        return cls(**{**data, **tuples, "quantities": quantities})


class Check(NamedTuple):
    """A check that was found in a file: its title, the names that select it, and the function that runs it.

    The names of functions and classes of the file among `names` are those that the check covers. `misuse` gives the
    wrong updates that a training step makes of gradients that are right.
    """

    title: str
    names: tuple[str, ...]
    run: Callable[[], Finding]
    misuse: Callable[[], Sequence[Quantity]] = tuple


def worst(verdicts: Iterable[str]) -> str:
    """The verdict on all: wrong if one is, else "not checked", else "undecided", else right; of none "not checked"."""
    there = set(verdicts)
    return next((verdict for verdict in (WRONG, UNCHECKED, UNDECIDED, RIGHT) if verdict in there), UNCHECKED)


def without_covered(findings: Sequence[Finding]) -> list[Finding]:
    """Drop unchecked gradients dW1, db1, ... of a script if the check of a training step covers their parameters.

    After the last step the parameters are no longer those that the gradients were computed with.

    >>> step = Finding("the training step at line 8", RIGHT, names=("W1", "b1", "dW1"))
    >>> loose = Finding("dZ1, dW1, db1", UNCHECKED, names=("dZ1", "dW1", "db1"))
    >>> [finding.title for finding in without_covered([loose, step])]
    ['the training step at line 8']
    """
    covered = [set(finding.names) for finding in findings if finding.verdict != UNCHECKED]
    return [finding for finding in findings if not _is_covered(finding, covered)]


def _is_covered(finding: Finding, covered: Iterable[set[str]]) -> bool:
    parameters = {name[1:] for name in finding.names if re.fullmatch(r"d[WbwB]_?\d*", name)}
    return finding.verdict == UNCHECKED and bool(parameters) and any(parameters <= names for names in covered)


@dataclass(frozen=True)
class FileResult:
    """The result for one file.

    `problem` tells why the file, or the rest of it, was not checked; "" if all of it was. `notes` tell what was not run
    or set aside while it was read. A file that was not checked is never right.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """The worst verdict of its findings, "not checked" if there is a problem and nothing wrong."""
        return worst([*(finding.verdict for finding in self.findings), *([UNCHECKED] if self.problem else [])])

    def gradients(self) -> tuple[int, int]:
        """The number of right gradients and of all; a check without a verdict on each counts as one, so does a problem.

        >>> net = Finding("net", WRONG, quantities=(Quantity("dW1", WRONG, ("sign",)), Quantity("db1", RIGHT)))
        >>> FileResult("h.py", (net, Finding("relu", RIGHT))).gradients()
        (2, 3)
        """
        checked = [quantity for finding in self.findings for quantity in finding.quantities or (finding,)]
        return sum(each.verdict == RIGHT for each in checked), len(checked) + bool(self.problem)

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON can hold it, with its verdict."""
        return {"path": self.path, "verdict": self.verdict, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FileResult:
        """The result that `as_dict` gave."""
        given = {name: value for name, value in data.items() if name != "verdict"}
        findings = tuple(map(Finding.from_dict, given["findings"]))
        return cls(**{**given, "findings": findings, "notes": tuple(given["notes"])})
