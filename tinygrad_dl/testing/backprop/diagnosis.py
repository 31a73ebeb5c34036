"""`check_backprop`: a diagnosis of hand-derived gradients, which names the mistake in each wrong one.

The formulas of backprop are replayed in its order, both right and with each mistake of the table, until they reproduce
the given numbers. Each formula starts from the gradients given before it; those left out are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ...nn.layers import Sequential
from . import arguments, readings
from .course_net import Array, CourseNet
from .findings import report
from .replay import PLACE, Replay, State, single
from .report import BackpropReport

BEAM, GAP = 60, 1.1  # how many explanations are kept on the way, and how much worse than the best
MOST = 2  # mistakes at once between two given gradients
LARGE = 10**7  # weights times samples of a layer, from which on two at once are only looked for in one formula


def check_backprop(
    gradients: Mapping[str, Any],
    X: Any,
    Y: Any,
    net: Sequential | Mapping[str, Any],
    activations: Sequence[Any] | None = None,
    *,
    cost: Literal[
        "binary_cross_entropy", "mean_squared_error", "half_squared_error", "categorical_cross_entropy"
    ] = "binary_cross_entropy",
    reduction: Literal["mean", "sum", "elements"] = "mean",
    samples: Literal["columns", "rows"] | None = None,
    regularisation: float = 0.0,
    leaky_slope: float = 0.01,
    convention: Literal["course", "derivative"] | None = None,
    learning_rate: float | None = None,
    updated: Mapping[str, Any] | None = None,
    old: Mapping[str, Any] | None = None,
    masks: Mapping[str, Any] | None = None,
    keep_prob: float = 1.0,
    steps: bool = False,
) -> BackpropReport:
    """Compare hand-derived `gradients` with the course's dW[l], db[l], dZ[l], dA[l], and name their mistakes.

    Parameters
    ----------
    gradients
        Any of dWl, dbl, dZl, dAl for l = 1, ..., L, and dA0, by name. dW[l] is (n[l], n[l-1]), db[l] is (n[l], 1), and
        dZ[l] and dA[l] are (n[l], m).
    X, Y
        The samples, (n[0], m), and their labels, (n[L], m); for softmax also m class numbers from 0.
    net
        A Sequential of Dense layers and activations, or a dict of W1, b1, ..., WL, bL.
    activations
        For a dict, the activation of each layer, by name or as functions of `tg.nn`.
    cost
        The cost of a sample: "binary_cross_entropy"; "mean_squared_error", which is Σ (a - y)²; "half_squared_error",
        half of that; or "categorical_cross_entropy", -Σ y log a, for an output by softmax.
    reduction
        The cost of all samples: their "mean", their "sum", or for "elements" the mean over the outputs as well.
    samples
        "columns" or "rows" of X, Y, dZ and dA. By rows, W[l] is (n[l-1], n[l]), and b[l] is (1, n[l]) or (n[l],).
        None takes what the shapes of X and W1, ... allow, "columns" if these allow both.
    regularisation
        The λ of the term λ/(2m) Σ W² in the cost, λ/2 Σ W² beside a sum over samples.
    leaky_slope
        The slope of a leaky ReLU for z <= 0.
    convention
        "course" if dZ and dA are errors per sample, with the 1/m in dW and db; "derivative" if they are derivatives of
        the cost; None recognises the convention.
    learning_rate, updated, old
        The learning rate of the update, or the parameters after or before it, to recognise a W from another step.
    masks, keep_prob
        The dropout masks D1, ... of the forward pass, where A[l] = g(Z[l]) * D[l] / keep_prob.
    steps
        True if the gradients are steps to add, W += dW: minus the gradients.

    Returns
    -------
    BackpropReport
        A row for each gradient. Wrong gradients raise no error.

    Raises
    ------
    ValueError, TypeError
        If names, shapes or values don't fit together.

    References
    ----------
    The formulas are those of weeks 3 and 4 of the course; `tinygrad_dl.testing.formulas` has them as functions.

    Examples
    --------
    >>> X, Y = np.array([[1.0, 2.0, -1.0, 0.0, 2.0], [0.5, -1.0, 3.0, 1.0, 1.0]]), np.array([[1, 0, 1, 1, 0]])
    >>> W1 = np.array([[0.5, 1.0]])
    >>> A = 1 / (1 + np.exp(-W1 @ X))
    >>> report = check_backprop({"dW1": (A - Y) @ X.T}, X, Y, {"W1": W1, "b1": [[0.0]]}, ["sigmoid"])
    >>> report["dW1"].cause
    '1/m missing'
    """
    if convention not in (None, "course", "derivative"):
        raise ValueError(f"check_backprop: expected convention='course', 'derivative' or None, got {convention!r}.")
    if samples not in (None, "columns", "rows"):
        raise ValueError(f"check_backprop: expected samples='columns', 'rows' or None, got {samples!r}.")
    shapes = None
    if isinstance(net, Mapping) and (samples == "rows" or (samples is None and readings.has_rows(X, net))):
        shapes = {str(name): np.shape(value) for name, value in net.items()}
        X, Y, net = np.asarray(X).T, np.asarray(Y).T, readings.turned(net)
        updated, old, masks = (each if each is None else readings.turned(each) for each in (updated, old, masks))
        gradients = readings.turned(gradients) if isinstance(gradients, Mapping) else gradients
    settings: dict[str, Any] = {
        "regularisation": regularisation,
        "leaky_slope": leaky_slope,
        "updated": updated,
        "old": old,
    }
    settings |= {"reduction": reduction, "masks": masks, "keep_prob": keep_prob, "rows": shapes is not None}
    with np.errstate(all="ignore"):
        the_net = arguments.course_net(X, Y, net, activations, cost, **settings)
        given = arguments.gradients_by_name(gradients, the_net)
        if steps:
            given = {name: -g for name, g in given.items()}
        truth = Replay(the_net, given, False).truth
        searches = [
            (_best_search(the_net, reading, convention, learning_rate), set(reading) != set(given))
            for reading in readings.late_dA(given, the_net, truth)
        ]
        search, late = min(searches, key=lambda each: each[0].mistakes)
        result = report(search)
        result.readings = (readings.STEPS,) if steps else ()
        return readings.as_given(result, late, shapes)


def _best_search(
    net: CourseNet, given: dict[str, Array], convention: str | None, learning_rate: float | None
) -> Search:
    """The search that explains `given` with the fewest mistakes: in either convention, and in single precision."""
    conventions = [convention] if convention else ["course"]
    if not convention and any(name[1] in "AZ" for name in given):
        conventions.append("derivative")  # of two that explain as cheaply, the first wins
    low = any(single(value) for name, value in net.parameters.items() if name[0] == "W")
    dtypes = (float, np.float32) if low else (float,)
    if learning_rate is not None and not net.updated:
        truth = Replay(net, given, low).truth
        steps = {**truth, **{name: g for name, g in given.items() if g.shape == truth[name].shape}}
        net.updated = {name: value - learning_rate * steps[f"d{name}"] for name, value in net.parameters.items()}
    nets = [replace(net, convention=name, dtype=dtype) for dtype in dtypes for name in conventions]
    for most in (0, MOST):  # right errors are recognised before mistakes are tried
        best = Search(nets[0], given, low, most, limit=np.inf)
        for other in nets[1:]:
            if best.mistakes > bool(most):  # else none is better: it would have been right above
                search = Search(other, given, low, most, limit=best.mistakes)
                best = min(best, search, key=lambda search: search.mistakes)
        if best.mistakes < 1:
            break
    return best


class Search(Replay):
    """All best explanations of the given errors, in `states`, with at most so many mistakes between two given errors.

    It ends where there is none of fewer mistakes than `limit`.
    """

    several: Any

    most: int
    limit: float
    states: list[State]
    mistakes: float

    def __init__(self, net: CourseNet, given: dict[str, Array], low: bool, most: int, limit: float):
        super().__init__(net, given, low)
        self.most, self.limit = most, limit
        self.states = self._search()
        self.mistakes = self.states[0].mistakes

    def _search(self) -> list[State]:
        """The explanations that cost least: through all names in the order of backprop, with a beam."""
        states = [State({}, {})]
        for name in self.net.names():
            if name[1] == "A":
                states = [state.settled() for state in states]
            if name not in self.finite:
                if name[1] in "AZ":
                    states = [state._replace(hidden=(*state.hidden, name)) for state in states]
                continue
            best, found = np.inf, []
            for state in states:
                if state.cost > best + GAP:
                    break
                new = self._explanations(state, [*state.hidden, name])
                best = min(best, *(state.cost for state in new))
                found += new
            states = self._prune(found)
            if min(state.mistakes for state in states) >= min(self.limit, 1 if not self.most else np.inf):
                break
        return [state for state in states if state.cost < states[0].cost + PLACE / 2]

    def _prune(self, states: list[State]) -> list[State]:
        """The best of `states`, one of those that name the same kinds in the same places."""
        distinct: dict[Any, State] = {}
        for state in sorted(states, key=lambda state: state.cost):
            kinds = tuple((name, state.kinds(name)) for name in sorted(state.found))
            distinct.setdefault((kinds, state.ways), state)
        states = list(distinct.values())
        return [state for state in states if state.cost <= states[0].cost + GAP][:BEAM]

    def _explanations(self, state: State, names: list[str]) -> list[State]:
        """The explanations of the last of `names`, which is given, with as few mistakes as possible."""
        name, g = names[-1], self.finite[names[-1]]
        undone: list[State] = []
        for count in range(min(self.most, self._most_of(names)) + 1):
            self.several = count > 1
            found = list(self._with_mistakes(state, names, count))
            if self.most:  # few clip: suppose that only where it explains
                least = min((state.clips for state in found), default=0)
                found = [state for state in found if state.clips == least]
            if found or (undone and count):
                return [
                    state if self._tells_nothing(state, name) else state._replace(hidden=()) for state in found + undone
                ]
            if count == 0 and self.near(name, g, self.truth[name]):
                right = self._plainly(state, names).followed_by(name, g, ())
                undone = [right._replace(undone=state.undone + 1)]  # right, whatever came before
        plain = self._plainly(state, names)
        fits = g.shape == self.truth[name].shape
        return [plain.followed_by(name, g if fits else self.plain(plain, name), None)]

    def _most_of(self, names: list[str]) -> int:
        """The largest number of simultaneous mistakes to try in the formulas of `names`; pairs number some thousand."""
        size = max(value.size for value in self.net.parameters.values()) * self.net.m
        return 1 if len(names) > 1 and size >= LARGE else MOST

    def _tells_nothing(self, state: State, name: str) -> bool:
        """Return whether the explanation of dW holds for any dZ; if so, mistakes before it remain open for db."""
        dZ = f"dZ{name[2:]}"
        if name[1] != "W" or dZ not in state.hidden:
            return False
        edits = state.found.get(name) or ()
        doubled = state.followed_by(dZ, 2 * state.errors[dZ], ())
        return self.near(name, self.value(doubled, name, edits), self.value(state, name, edits))

    def _plainly(self, state: State, names: list[str]) -> State:
        """`state`, with all but the last of `names` computed as they should be."""
        for name in names[:-1]:
            state = state.followed_by(name, self.plain(state, name), ())
        return state

    def _with_mistakes(self, state: State, names: list[str], count: int) -> Iterator[State]:
        """The states after `names`, of which the last is given, with exactly `count` mistakes in them."""
        name, *rest = names
        if not rest:
            g = self.finite[name]
            for edits, value in self.candidates(state, name, count, rest):
                if not self.near(name, g, value):
                    continue
                if g.shape == self.truth[name].shape:
                    value = g
                else:  # what came next can't have been computed from that
                    value = self.value(state, name, [e for e in edits if e.mistake.slot not in ("form", "turn")])
                yield state.followed_by(name, value, edits)
            return
        for here in range(count + 1):
            for edits, value in self.candidates(state, name, here, rest):
                yield from self._with_mistakes(state.followed_by(name, value, edits), rest, count - here)
