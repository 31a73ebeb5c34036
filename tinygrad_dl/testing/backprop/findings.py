"""Conversion of a finished search to the rows of a report: right, wrong, or inherited from an earlier mistake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..formulas import relative_difference
from .formulas import fill_in, formulas_of, text_of
from .reasons import WHY
from .report import BackpropReport, Cause, Row, kinds

MOST_ALTERNATIVES = 3  # that a report has for a cause


ZERO = "all 0 with these parameters, so that a wrong factor would not show: try others, drawn at random."


def report(search: Any) -> BackpropReport:
    """The report of a `diagnosis.Search`."""
    names = [name for name in search.net.names() if name in search.given or name in _best(search).found]
    return BackpropReport([_row(search, name) for name in names], search.net.convention)


def _best(search: Any) -> Any:
    """The explanation, of those with equal cost, with the fewest mistakes in gradients that were not given."""
    return min(search.states, key=lambda state: sum(name not in search.given for name in state.found))


def _row(search: Any, name: str) -> Row:
    best, truth = _best(search), search.truth[name]
    expected = {"name": name, "expected_shape": truth.shape}
    if name not in search.given:
        return Row(**expected, status="wrong", given=False, **_why(search, best, name))
    g = search.given[name]
    measured: dict[str, Any] = {"given_shape": g.shape}
    if g.shape == truth.shape:
        g = g.astype(float)
        measured["max_difference"] = float(np.max(np.abs(g - truth), initial=0.0))
        measured["relative_difference"] = relative_difference(g, truth)
    root = _root(search, best, name)
    if name not in search.finite:
        if root is not None:
            return Row(**expected, **measured, status="inherited", inherited_from=root)
        bad = int(np.sum(~np.isfinite(g)))
        causes = (_cause(search, name, "not finite", f"{bad} of {g.size} are nan or inf", None),)
        return Row(**expected, **measured, status="wrong", causes=causes)
    if name in best.found and not search.near(name, g, truth):
        if best.found[name] is None:
            return Row(**expected, **measured, status="unknown", note=_hint(search, best, name, g))
        return Row(**expected, **measured, status="wrong", **_why(search, best, name))
    if search.near(name, g, truth):
        why = _why(search, best, name) if name in best.found else {}  # a mistake that undoes another
        note = _undone(search, best, name, root) or ("" if np.any(truth) else ZERO)
        return Row(**expected, **measured, status="right", note=note, **why)
    if root is None:
        return Row(**expected, **measured, status="right", note="" if np.any(truth) else ZERO)
    return Row(**expected, **measured, status="inherited", inherited_from=root)


def _parent(name: str, L: int) -> str | None:
    """The error from which backprop computes `name`."""
    quantity, layer = name[1], int(name[2:])
    if quantity == "A":
        return f"dZ{layer + 1}" if layer < L else None
    return f"dA{layer}" if quantity == "Z" else f"dZ{layer}"


def _root(search: Any, state: Any, name: str) -> str | None:
    """The nearest error before `name` that has a mistake in it, or is not finite."""
    parent = _parent(name, search.net.L)
    while parent is not None:
        if parent in state.found or (parent in search.given and parent not in search.finite):
            return parent
        parent = _parent(parent, search.net.L)
    return None


def _why(search: Any, best: Any, name: str) -> dict[str, Any]:
    """The causes at `name`, and those that other explanations, just as good, have instead."""
    tied = [(state, _differing(state, best)) for state in search.states]
    tied = [(state, places) for state, places in tied if name in places]
    alternatives: dict[Any, tuple[Cause, ...]] = {}
    for state, places in tied:
        if not any(fewer < places for _, fewer in tied):  # else something else is ambiguous too
            other = _causes(search, state, (place for place in search.net.names() if place in places))
            alternatives.setdefault(frozenset((cause.kind, cause.place) for cause in other), other)
    causes = _causes(search, best, [name])
    elsewhere = [other for other in alternatives.values() if kinds(other) == kinds(causes)]
    others = [other for other in alternatives.values() if kinds(other) != kinds(causes)]
    return {"causes": causes, "alternatives": (*elsewhere, *others[:MOST_ALTERNATIVES])}


def _differing(state: Any, best: Any) -> set[str]:
    """The places where two explanations differ."""
    return {name for name in {**state.found, **best.found} if state.kinds(name) != best.kinds(name)}


def _causes(search: Any, state: Any, places: Iterable[str]) -> tuple[Cause, ...]:
    return tuple(
        _cause(search, place, edit.mistake.kind, fill_in(edit.mistake.detail, search.net, int(place[2:]), edit.θ), edit)
        for place in places
        for edit in sorted(state.found.get(place) or (), key=lambda edit: edit.mistake.kind)
    )


def _cause(search: Any, place: str, kind: str, detail: str, edit: Any) -> Cause:
    layer, key = int(place[2:]), edit.key if edit else formulas_of(place, search.net)[-1]
    week, why = WHY[kind]
    formula = fill_in(text_of(key, search.net), search.net, layer)
    return Cause(kind, place, detail, formula, fill_in(why, search.net, layer), week)


def _undone(search: Any, best: Any, name: str, root: str | None) -> str:
    """A note on a right gradient that is computed from a wrong one."""
    if best.found.get(name):
        causes = " and ".join(best.kinds(name))
        return f"right by two mistakes, of which one undoes the other: {causes} here, and what is wrong with {root}."
    if root is None or root != _parent(name, search.net.L) or root not in search.given:
        return ""
    return f"right, but does not follow from your {root}: was it computed from another one?"


def _hint(search: Any, best: Any, name: str, g: np.ndarray) -> str:
    """A hint for a wrong gradient whose cause is unknown."""
    plain = search.plain(best, name)
    hints = ["cause unknown: it is none of the known mistakes, and no two of them at once."]
    if g.shape != plain.shape:
        hints.append(f"A derivative has the shape of what it is the derivative of, {plain.shape}.")
    else:
        size = float(np.vdot(plain, plain))
        ratio = float(np.vdot(plain, g)) / size if size else 0.0
        off = np.argwhere(~np.isclose(g, plain, rtol=1e-6, atol=0))
        if g.size > 1 and ratio and search.near(name, g, ratio * plain):
            hints.append(f"It is {ratio:.6g} times what it should be.")
        elif 0 < len(off) <= g.size / 4:
            hints.append(f"Only {len(off)} of {g.size} numbers are wrong, the first at {tuple(map(int, off[0]))}.")
    parent = _parent(name, search.net.L)
    if parent is not None and parent not in search.given:
        hints.append(f"Give {parent} too, and the check can locate the mistake before it or after it.")
    return " ".join(hints)
