"""A quick look at gradients before the careful one: plain central differences show which of them are clearly wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ..gradcheck.causes import causes_of
from ..gradcheck.report import GradientReport, Mistake, Row
from ..repair import Claim, numeric_gradient
from .judging import OF_SMALL, Judgement, judge

STEPS = (1e-6, 1e-4)
CLEAR = 1e-3  # of the largest number of a gradient: what is off by more is wrong
EXACT = 1e-6  # and by less is right; what lies between needs care
ROUNDING = 1e-8
MOVES = (0.0, 0.02)  # how far from the drawn values to look as well, beyond kinks


Wrong = dict[str, tuple[np.ndarray, np.ndarray]]


def clearly_wrong(claim: Claim, wanted: Collection[str]) -> Wrong:
    """The gradients that are clearly wrong, by name, as given and by differences."""
    return screened(claim, wanted)[0]


def unlikeliness(wrong: Wrong, samples: int) -> tuple[int, int]:
    """The number of wrong gradients, and of those whose numbers show no cause, which a wrong reading makes."""
    return len(wrong), sum(not causes_of(given, truth, samples=samples) for given, truth in wrong.values())


def screened(claim: Claim, wanted: Collection[str]) -> tuple[Wrong, list[str]]:
    """The gradients that are clearly wrong, with the right ones, and the names of those that are clearly right."""
    names = claim.names()
    wrong: Wrong = {}
    right = set(wanted)
    for move in MOVES:
        rng = np.random.default_rng(7)
        values = [np.asarray(v) + move * rng.uniform(-1, 1, np.shape(v)) for v in claim.values()]
        ans = np.asarray(claim.value(*values), dtype=float)
        g = rng.uniform(0.5, 1.5, ans.shape) * rng.choice([-1, 1], ans.shape) if ans.ndim else np.ones(())
        given = claim.gradients(g, values)
        here: Wrong = {}
        for n in wanted if not move else {*wrong, *right}:

            def along(*v: Any, g: np.ndarray = g) -> float:
                return float(np.sum(g * claim.value(*v)))

            part, i = np.asarray(given.get(n, np.nan), dtype=float), names.index(n)
            fine = numeric_gradient(along, values, i)
            if part.shape == fine.shape and _close(part, fine, EXACT):
                continue
            right.discard(n)
            if part.shape == fine.shape:
                noise = np.finfo(float).eps * np.sum(np.abs(g * ans)) / STEPS[0]
                if _close(part, fine, CLEAR) or np.all(np.abs(part - fine) <= 8 * noise):  # rounding may hide it
                    continue
                coarse = numeric_gradient(along, values, i, STEPS[1])
                if _close(part, coarse, CLEAR) or not _close(fine, coarse, CLEAR):
                    continue
            here[n] = part, fine
        wrong = here if not move else {n: pair for n, pair in wrong.items() if n in here}
        if wrong:
            right -= set(wrong)
    return wrong, [n for n in wanted if n in right]


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    size = np.abs(b).max(initial=0.0)
    return bool(np.all(np.abs(a - b) <= tolerance * size + ROUNDING))


def careful(title: str, claim: Claim, wanted: Sequence[str], small: float, progress: bool) -> tuple[Judgement, Wrong]:
    """The judgement on gradients, where they are not clearly right or wrong by careful differences; the wrong ones."""
    names, values = claim.names(), claim.values()
    wrong, right = screened(claim, wanted) if wanted else ({}, [])
    wrong = {n: pair for n, pair in wrong.items() if not _is_small(*pair, small)}
    rest = [n for n in wanted if n not in wrong and n not in right]
    judgement = _judged(title, claim, names, values, rest, small, progress) if rest else Judgement({})
    reports = {n: _report(title, n, names.index(n), *pair) for n, pair in wrong.items()} | judgement.reports
    for n in right:
        size = int(np.size(values[names.index(n)]))
        reports[n] = GradientReport(title, [Row(n, 1, "vjp", f"all {size}", EXACT, 0, 0, size)])
    return Judgement({n: reports[n] for n in wanted if n in reports}, judgement.missing, judgement.notes), wrong


def _is_small(given: np.ndarray, truth: np.ndarray, small: float) -> bool:
    """Return whether a difference may come from a small number in the code, such as an epsilon."""
    return given.shape == truth.shape and bool(np.all(np.abs(given - truth) <= OF_SMALL * small * np.abs(truth).max()))


def _judged(
    title: str, claim: Claim, names: list[str], values: list[Any], rest: list[str], small: float, progress: bool
) -> Judgement:
    """The judgement by careful differences. A parameter of a function needs a plain name, layers[0].W has none."""
    plain = {n: re.sub(r"\W+", "_", n).strip("_") for n in names}

    def gradients(g: np.ndarray, given: Sequence[Any]) -> dict[str, Any]:
        return {plain[n]: part for n, part in claim.gradients(g, given).items() if n in plain}

    known = list(plain.values())
    judgement = judge(title, known, values, claim.value, gradients, [plain[n] for n in rest], small, progress)
    reports = {n: judgement.reports[plain[n]] for n in rest if plain[n] in judgement.reports}
    return Judgement(reports, tuple(n for n in rest if plain[n] in judgement.missing), judgement.notes)


def _report(title: str, name: str, argnum: int, given: np.ndarray, truth: np.ndarray) -> GradientReport:
    """The report on a gradient that is clearly wrong, at the element that is off the most."""
    report = GradientReport(title, advice="It contradicts differences of the forward pass.")
    if given.shape != truth.shape:
        advice = " Is it transposed?" if given.T.shape == truth.shape else ""
        shapes = f"has shape {given.shape}, expected {truth.shape}, the shape of {name}"
        report.others = f"the gradient for {name} {shapes}.{advice}"
        return report
    off = np.where(np.isfinite(given), np.abs(given - truth), np.inf)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    claimed, right = float(given[index]), float(truth[index])
    element = f"{name}{list(index) or ''}"
    report.mistakes = [Mistake(name, argnum, index, element, "", 1, "vjp", claimed, right, right, 1e-6 * abs(right))]
    return report
