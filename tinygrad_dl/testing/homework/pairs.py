"""A learner's pair, brought to the form of `check_pair`: names decide the roles of the arguments.

The course counts in its own way: dW and db of a layer have the 1/m of the cost in them, and dA of the cost has not.
Where a backward pass is no derivative, but is the course's, it is right.
"""

from __future__ import annotations

import copy
import functools
import itertools
import re
from typing import Any, NamedTuple

import numpy as np

from ...core.signatures import signature
from ..gradcheck import GradientReport, pair_report
from .inputs import Call, answer, call_of, report_text, role_of
from .loading import CannotCheck, UserFile

# What the two halves are called, {} being what the names have in common, which may be nothing. The first row counts.
PAIRS = (
    ("{}_forward", "{}_backward"),
    ("forward{}", "backward{}"),
    ("forward{}", "back{}"),  # forwardprop, backprop
    ("{}", "{}_backward"),
    ("{}", "{}_grad"),
    ("{}", "{}_gradient"),
    ("{}", "{}_derivative"),
    ("{}", "{}_prime"),
    ("{}", "backward_{}"),
    ("{}", "grad_{}"),
    ("{}", "d_{}"),
    ("{}", "d{}"),
)
G, ANS, CACHE = "the derivative by what comes out", "what comes out", "the cache"


class Reading(NamedTuple):
    """The role of each argument of a backward pass: G, ANS, CACHE, or the argument of the forward pass of that name.

    Without G among them it gives a derivative, to be multiplied by G.
    """

    arguments: tuple[str, ...]
    names: tuple[str, ...]
    course: bool = False

    def __str__(self) -> str:
        pairs = zip(self.names, self.arguments, strict=True)
        return ", ".join(f"{name} is read as {what}" for name, what in pairs if what not in (name, G, CACHE))


def check_functions(file: UserFile, forward: str, backward: str, common: str, progress: bool) -> tuple[str, str]:
    """The verdict on a backward pass, in the first reading that makes it right, and what was found, in words.

    CannotCheck: no inputs were found, or it is no backward pass of `forward`.
    """
    call = call_of(file, forward, common)
    outcomes: list[tuple[Reading, GradientReport | CannotCheck]] = []
    for reading in _readings(file, backward, call):
        hand = _Backward(file, backward, call, reading)
        try:
            report = pair_report(hand.forward, hand, *call.values, argnums=hand.argnums(), progress=progress)
        except Exception as error:
            outcomes.append((reading, file.problem(error, backward, file.place(file.functions[backward]))))
            continue
        if report.passed:
            return report.verdict, _words(call, reading, report)
        outcomes.append((reading, report))
    if isinstance(outcomes[0][1], CannotCheck):
        raise outcomes[0][1]
    reports = [(reading, report) for reading, report in outcomes if isinstance(report, GradientReport)]
    reading, report = min(reports, key=lambda found: _how_wrong(found[1]))  # the first of those
    return report.verdict, _words(call, reading, report)


def _how_wrong(report: GradientReport) -> float:
    return len({mistake.argument for mistake in report.mistakes}) if not report.others else np.inf


def _words(call: Call, reading: Reading, report: GradientReport) -> str:
    layer = _is_layer(call, reading)
    notes = call.taken + ([str(reading)] if str(reading) else [])
    if reading.course:
        what = "dW and db have the 1/m in them" if layer else "dA is an error per sample, without the 1/m"
        notes.append(f"read as the course writes it: {what}")
    elif layer:
        notes.append("read as derivatives: the course has a 1/m in dW and db")
    return report_text(notes, report)


# ---- which argument is what


def _readings(file: UserFile, backward: str, call: Call) -> list[Reading]:
    """The possible roles of the arguments of `backward`, likeliest first."""
    parameters = signature(file.functions[backward]).parameters.values()
    names = [p.name for p in parameters if p.kind < p.VAR_POSITIONAL and (p.default is p.empty or p.name in call.names)]
    named = {n: n for n in (*_numbers_of(file), *call.names)}
    cached = isinstance(call.result, tuple) and len(call.result) > 1
    given = file.returned_names(call.function.__name__)  # of `return A, cache`, an argument A is that
    if given and len(given) == 1 + cached:
        named = {**dict(zip(given, (ANS, CACHE), strict=False)), **named}
    unknown = [n for n in names if n not in named]
    absent = [n for n in call.names if n not in names]
    if cached:
        ways = [[G], [G, CACHE], [G, ANS, CACHE], [CACHE, G]]
    else:
        ways = [[G], [G, *absent], [G, ANS], [G, ANS, *absent], [*absent, G], [ANS, G]]
    derivative = [[], absent, [ANS]]
    if names and names[0] in named:
        ways = derivative + ways
    elif len(names) == 1:
        ways = ways + derivative if names[0][0] in "dg" else derivative + ways
    if unknown and re.fullmatch("[aA]|out|ans|y", unknown[-1]):  # as what comes out is called
        ways.sort(key=lambda way: ANS not in way)
    readings = []
    for way in ways:
        if len(way) == len(unknown):
            supply = {**named, **dict(zip(unknown, way, strict=True))}
            readings.append(Reading(tuple(supply[n] for n in names), tuple(names)))
    if not readings:
        f, b, place = call.function.__name__, backward, file.place(file.functions[backward])
        raise CannotCheck(
            f"{place}: expected {b}(g, ...): the derivative g by what {f} gives, and then arguments of "
            f"{f}({', '.join(call.names)}), what it gives, or its cache; got {b}({', '.join(names)})."
        )
    both = [(r, r._replace(course=True)) if _may_be_the_courses(call, r) else (r,) for r in dict.fromkeys(readings)]
    return list(itertools.chain.from_iterable(both))


def _numbers_of(file: UserFile) -> dict[str, Any]:
    """Settings of the file, such as a slope or the name of an activation."""
    return {name: value for name, value in file.variables.items() if isinstance(value, (str, int, float))}


def _is_layer(call: Call, reading: Reading) -> bool:
    return G in reading.arguments and bool({"weights", "bias"} & set(map(role_of, call.names)))


def _may_be_the_courses(call: Call, reading: Reading) -> bool:
    ans = answer(call.result)
    if _is_layer(call, reading):
        return ans.ndim == 2 and ans.shape[1] > 1
    return G not in reading.arguments and ans.size == 1 and "labels" in map(role_of, call.names)


class _Backward:
    """A backward pass in one of the forms of `check_pair`: of G and a cache, which is all that the forward pass saw."""

    def __init__(self, file: UserFile, backward: str, call: Call, reading: Reading):
        self.__name__, self.backward = backward, file.functions[backward]
        self.file, self.call, self.reading = file, call, reading

        @functools.wraps(call.function)
        def forward(*values):
            result = call.function(*values)
            return answer(result), (result, values)

        self.forward = forward

    def __call__(self, g: np.ndarray, cache: tuple[Any, tuple]) -> Any:
        g, (result, values) = copy.deepcopy((g, cache))  # which a backward pass may write into
        ans = answer(result)
        meaning = {**_numbers_of(self.file), **dict(zip(self.call.names, values, strict=True))}
        meaning |= {G: g, ANS: ans}
        if isinstance(result, tuple):
            meaning[CACHE] = result[1] if len(result) == 2 else result[1:]
        gradients = self._by_name(self.backward(*(meaning[what] for what in self.reading.arguments)))
        if not isinstance(gradients, dict):
            return gradients
        if G not in self.reading.arguments:
            gradients = {n: g * gradient for n, gradient in gradients.items()}
        if self.reading.course:
            gradients = {n: self._as_derivative(n, gradient, ans) for n, gradient in gradients.items()}
        return gradients

    def argnums(self) -> list[int]:
        """The numbers of the arguments whose derivatives `backward` is to give."""
        ans, cache = self.forward(*self.call.values)
        with np.errstate(all="ignore"):
            given = self(np.ones_like(ans, dtype=float), cache)
        wanted = [n for n in self.call.names if n not in self.call.settings]
        if isinstance(given, dict):
            wanted = [n for n in self.call.names if n in given or (n in wanted and len(given) > 1)]
        return [self.call.names.index(n) for n in wanted]

    def _by_name(self, result: Any) -> Any:
        """The gradients by the names of their arguments, as far as these can be found."""
        names = self.call.names
        if isinstance(result, dict):
            return {n: result[key] for n in names for key in (n, f"d{n}") if key in result} or result
        parts = list(result) if isinstance(result, (tuple, list)) else [result]
        if all(part is None for part in parts):
            raise TypeError("it gives None; is a return missing?")
        written = [name.removeprefix("d") for name in self.file.returned_names(self.__name__)]
        wanted = [n for n in names if n not in self.call.settings]
        alike = [n for n, v in zip(names, self.call.values, strict=True) if np.shape(v) == np.shape(parts[0])]
        for by in (written, wanted, names, alike[:1]):
            if len(by) == len(parts) and set(by) <= set(names):
                return {n: part for n, part in zip(by, parts, strict=True) if part is not None}
        return result

    def _as_derivative(self, name: str, gradient: Any, ans: np.ndarray) -> Any:
        """The course's name of a gradient."""
        if G not in self.reading.arguments:
            return gradient / np.shape(gradient)[-1] if np.ndim(gradient) else gradient
        return gradient * ans.shape[1] if role_of(name) in ("weights", "bias") else gradient
