"""Findings: what the checks of a file say, as plain data that goes through a pipe and into every kind of report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

RIGHT, WRONG, UNDECIDED, UNCHECKED = "right", "wrong", "undecided", "not checked"
VERDICTS = (RIGHT, WRONG, UNDECIDED, UNCHECKED)


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

    The names of functions and classes of the file among `names` are those that the check covers.
    """

    title: str
    names: tuple[str, ...]
    run: Callable[[], Finding]
