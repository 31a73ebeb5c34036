"""A replay of backprop: the values of its formulas, right or with mistakes, after given errors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .course_net import Array, CourseNet, rounding
from .formulas import FORMULAS, View, evaluate, formulas_of
from .mistakes import MISTAKES, Mistake

# What it costs, in mistakes: a gradient without a cause; one that is right, but not by what was before; each place.
UNKNOWN, UNDONE, PLACE = 2.5, 0.1, 0.01
NO_SENSE = (KeyError, ValueError, IndexError)  # a mistake that can't be made here: there is no such layer, or shape


class Edit(NamedTuple):
    """A mistake in a formula, and its number θ if it has one."""

    mistake: Mistake
    key: str
    θ: float | None = None


class State(NamedTuple):
    """An explanation of all that was seen so far: the error terms it supposes, and the mistakes, by name."""

    errors: dict[str, Array]
    found: dict[str, tuple[Edit, ...] | None]  # None: cause unknown
    ways: tuple[Mistake, ...] = ()  # the other ways to be right that it supposes
    hidden: tuple[str, ...] = ()  # errors that are not given, and from which no given one was computed yet
    undone: int = 0  # how many are right although what they are computed from is not

    @property
    def mistakes(self) -> float:
        """The number of distinct kinds of mistake; an error without a known cause counts for more than two."""
        kinds = {edit.mistake.kind for edits in self.found.values() for edit in edits or ()}
        return len(kinds) + UNKNOWN * list(self.found.values()).count(None) + UNDONE * self.undone

    @property
    def cost(self) -> float:
        """The number of mistakes, and a little for each place."""
        return self.mistakes + PLACE * sum(len(edits or ()) for edits in self.found.values())

    @property
    def clips(self) -> int:
        """The number of places at which it assumes clipped probabilities."""
        return sum("bce" in way.of for way in self.ways)

    def kinds(self, name: str) -> tuple[str, ...] | None:
        """The kinds of the mistakes at `name`: () is right or inherited, None is unknown."""
        found = self.found.get(name, ())
        return None if found is None else tuple(sorted(edit.mistake.kind for edit in found))

    def settled(self) -> State:
        """The state with the assumptions so far fixed, for the layers before."""
        return self._replace(hidden=tuple(name for name in self.hidden if name not in self.errors))

    def followed_by(self, name: str, value: Array, edits: tuple[Edit, ...] | None = ()) -> State:
        """With `name` of that value too, for the mistakes in `edits`, or for a cause unknown: None."""
        errors = {**self.errors, name: value}
        ways = (*self.ways, *(edit.mistake for edit in edits or () if not edit.mistake.kind))
        if edits is not None:
            edits = tuple(edit for edit in edits if edit.mistake.kind)
        found = self.found if edits == () else {**self.found, name: edits}
        return self._replace(errors=errors, found=found, ways=ways)


class Replay:
    """The formulas of a net, the right values in `truth`, and the given and the finite errors."""

    net: CourseNet
    given: dict[str, Array]
    finite: dict[str, Array]
    truth: dict[str, Array]
    tolerances: dict[str, tuple[float, Array, float]]
    several: bool  # True while several mistakes at once are tried

    def __init__(self, net: CourseNet, given: dict[str, Array], low: bool):
        self.net, self.given = net, given
        self.finite = {name: np.asarray(g, float) for name, g in given.items() if np.all(np.isfinite(g))}
        self.truth = self._truth()
        self.tolerances = self._tolerances(low)
        self._rows: dict[tuple, list[tuple[Edit, ...]]] = {}
        self.several = False

    # ---- the right values, and how near is near

    def _truth(self) -> dict[str, Array]:
        errors: dict[str, Array] = {}
        for name in self.net.names():
            key = formulas_of(name, self.net)[-1]
            errors[name] = evaluate(FORMULAS[key], self._view(errors, name))
        return errors

    def _view(self, errors: Mapping[str, Array], name: str) -> View:
        return View(self.net, errors, int(name[2:]))

    def _tolerances(self, low: bool) -> dict[str, tuple[float, Array, float]]:
        """Tolerances by name: relative; absolute for each element; and the size of the right value for the latter."""
        tolerances = {}
        noise = rounding(self.net)
        for name, truth in self.truth.items():
            g = self.finite.get(name, np.zeros(0))
            relative, eps = (1e-4, 2.0**-18) if low or single(g) else (1e-6, 2.0**-40)  # 32 and 4096 units
            absolute = np.nan_to_num(eps * noise[name], nan=0.0, posinf=0.0)
            if name == f"dA{self.net.L}" and self.net.cost == "bce":
                absolute = np.fmin(absolute, np.abs(truth) / 2)  # 1/a is noise where a is nearly 0, but has a sign
            tolerances[name] = relative, absolute, np.max(np.abs(truth), initial=0.0)
        return tolerances

    def near(self, name: str, a: Array, b: Array) -> bool:
        """Return whether `a` equals `b`, up to rounding in the computation of `name`."""
        if a.shape != b.shape:
            return False
        relative, absolute, size = self.tolerances[name]
        largest, off = np.abs(b).max(initial=0.0), np.abs(a - b)
        scale = largest / size if largest > size > 0 else 1.0
        if not off.max(initial=0.0) <= relative * largest + scale * absolute.max(initial=0.0) < np.inf:
            return False  # most are, and this is quick
        if absolute.shape != b.shape:
            absolute = absolute.max(initial=0.0)
        return bool(np.all(off <= relative * np.abs(b) + scale * absolute))

    # ---- what a formula gives, with and without mistakes

    def value(self, state: State, name: str, edits: Sequence[Edit] = (), θ: float | None = None) -> Array:
        """The value of `name` after the errors of `state`, with mistakes in its formula."""
        key = edits[0].key if edits else formulas_of(name, self.net)[0]
        return self._evaluate(self._view(state.errors, name), key, edits, θ)

    def plain(self, state: State, name: str) -> Array:
        """`name` as it should be after what came before, if that has the shape for it."""
        return next((value for _, value in self.candidates(state, name, 0, [])), self.truth[name])

    def _evaluate(self, view: View, key: str, edits: Sequence[Edit] = (), θ: float | None = None) -> Array:
        changes = {
            mistake.slot: _bound(mistake.change, fitted if θ is None else θ) if mistake.free else mistake.change
            for mistake, _, fitted in edits
        }
        return evaluate(FORMULAS[key], view, changes)

    def candidates(
        self, state: State, name: str, count: int, rest: list[str]
    ) -> Iterator[tuple[tuple[Edit, ...], Array]]:
        """Yield the value of `name` for each set of `count` mistakes; `rest` leads from it to a given error."""
        view = self._view(state.errors, name)
        try:
            plain = self._evaluate(view, formulas_of(name, self.net)[0])
        except NO_SENSE:
            return
        if count == 0:
            yield (), plain
        for key in formulas_of(name, self.net):
            for edits in self._edits(key, name, count, bool(rest)):
                for θ in self._numbers(state, name, edits, rest):
                    try:
                        value = self._evaluate(view, key, edits, θ)
                    except NO_SENSE:
                        continue
                    if rest and _equal(value, plain):
                        continue  # no mistake, here
                    yield tuple(edit._replace(θ=θ) if edit.mistake.free else edit for edit in edits), value

    def _edits(self, key: str, name: str, count: int, hidden: bool) -> list[tuple[Edit, ...]]:
        """All sets of `count` mistakes in different slots of a formula, with another way to be right or without."""
        memo = (key, name, count, hidden, self.several)
        if memo not in self._rows:
            view = self._view({}, name)
            rows = [Edit(row, key) for row in MISTAKES if key in row.of.split() and row.when(view)]
            rows = [row for row in rows if not ((hidden and row.mistake.last) or (self.several and row.mistake.alone))]
            mistakes = [row for row in rows if row.mistake.kind]
            others: list[tuple[Edit, ...]] = [(), *((row,) for row in rows if not row.mistake.kind)]
            self._rows[memo] = [
                (*edits, *other)
                for other in others
                for edits in itertools.combinations(mistakes, count)
                if _distinct([*edits, *other])
            ]
            if count == 0 and key != "A-Y":
                self._rows[memo].remove(())
        return self._rows[memo]

    # ---- mistakes with a number in them

    def _numbers(self, state: State, name: str, edits: Sequence[Edit], rest: list[str]) -> list[float | None]:
        """The numbers to try for the free mistake among `edits`: fitted to the given errors, and guessed."""
        free = [edit.mistake for edit in edits if edit.mistake.free]
        if not free:
            return [None]
        ways, θs = [rest], list(free[0].guesses) if rest else []
        if rest and rest[-1][1] == "W":  # there may be a mistake in dW: look at db too
            ways.append([*rest[:-1], f"db{rest[-1][2:]}"])
        for way in ways:
            g = self.finite.get(way[-1] if way else name, np.zeros(0))
            try:
                at_0, at_1 = (self._ahead(state, name, edits, θ, way) for θ in (0.0, 1.0))
            except NO_SENSE:
                continue
            slope = (at_1 - at_0).ravel()
            if g.shape != at_0.shape or g.size <= 1 + bool(rest) or not slope @ slope > 0:
                continue
            θs.append((g - at_0).ravel() @ slope / (slope @ slope))
            if rest:  # and up to a factor, as there may be another mistake on the way: g = p at_0 + r slope
                (p, r), *_ = np.linalg.lstsq(np.stack([at_0.ravel(), slope], axis=1), g.ravel())
                θs += [r / p] if p else []
        view = self._view({}, name)
        return [θ for θ in θs if np.isfinite(θ) and free[0].free(view, θ)]  # type: ignore[misc]

    def _ahead(self, state: State, name: str, edits: Sequence[Edit], θ: float, rest: list[str]) -> Array:
        """The value at the end of `rest`, with `edits` at `name` as the only mistakes."""
        state = state.followed_by(name, self.value(state, name, edits, θ))
        for follower in rest:
            state = state.followed_by(follower, self.value(state, follower))
        return state.errors[(rest or [name])[-1]]


def single(g: Array) -> bool:
    """Return whether the numbers are of single precision, whatever their dtype."""
    return bool(np.any(g % 1)) and np.array_equal(g, g.astype(np.float32))


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= 1e-8 * np.minimum(np.abs(a), np.abs(b))))


def _bound(change: Any, θ: Any) -> Any:
    return lambda v: change(v, θ)


def _distinct(edits: list[Edit]) -> bool:
    """Return whether the edits have distinct slots and kinds, and at most one free number."""
    slots, kinds = [edit.mistake.slot for edit in edits], [edit.mistake.kind for edit in edits]
    free = sum(bool(edit.mistake.free) for edit in edits)
    return len(set(slots)) == len(slots) and len(set(kinds)) == len(kinds) and free <= 1
