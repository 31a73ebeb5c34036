"""`fold`: to draw a graph as it was asked for, or if that is too much to read, with as little summed up as will do."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...graph.nodes import Graph
from .ordering import OPEN, Scopes, Sequence, edges_of
from .rolling import Roll, rolls_of, unrolled
from .views import Plan, View, view_of

_SEGMENTS = 60  # at most so many: they say so little that more would not help


def fold(graph: Graph, depth: int | None = None, roll: bool = False, max_nodes: int | None = 300) -> View:
    """What to draw of `graph`: each node, or with `depth` and `roll` a summary; never more than `max_nodes` units.

    With `depth` 0 each outermost call of a Module is one unit, with 1 each that is in those, and so on. With `roll` a
    block that is repeated, one after the other, is drawn once: see `rolling.py` for what counts as that.

    If that has more units than `max_nodes`, blocks are rolled; then Modules are summed up, inner ones first; at last,
    runs of operations. The `note` of the View then says so; None means no limit. Each output of the graph is the value
    of a unit: a Module with an output inside is not summed up, and a block is rolled up to an output, not over it. Only
    where there are half as many outputs as `max_nodes` or more, a run may have some inside.

    Raises TypeError and ValueError for a `depth` below 0, a `roll` that is no truth value, and `max_nodes` below 1.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, *[4] * 50, 1], rng=np.random.default_rng(0))
    >>> view = fold(Graph([np.mean(net(np.ones((2, 3))) ** 2)]), depth=1, roll=True)
    >>> [(unit.title or unit.node.title, unit.repeats) for unit in view.units]
    [('data', 1), ('layers.0: Dense(2, 4)', 1), ('A1', 1), ('layers.2 … layers.98: Dense(4, 4)', 49), \
('A2 … A50', 49), ('layers.100: Dense(4, 1)', 1), ('** 2', 1), ('mean', 1)]
    """
    depth = _checked("depth", depth, 0, "None draws every operation, 0 each outermost Module as one box")
    max_nodes = _checked("max_nodes", max_nodes, 1, "None draws all of them")
    if not isinstance(roll, (bool, np.bool_)):
        raise TypeError(f"roll: expected True or False, got {roll!r}: True draws repeated blocks once.")
    total = len(graph.nodes)
    limit = total if max_nodes is None else max_nodes
    if depth is None and not roll and total <= limit:
        return view_of(graph, _plain(graph))
    folding = _Folding(graph)
    asked = folding.plan(depth, bool(roll))
    if len(asked.order) <= limit:
        return view_of(graph, asked)
    way = "max_nodes=None draws it as asked" if roll or depth is not None else f"max_nodes={total} draws them all"
    for plan, how in folding.plans(depth, bool(roll), limit):
        if len(plan.order) <= limit:
            return view_of(graph, plan, f"{total:,} nodes in {len(plan.order):,}: {how}. {way}.")
    raise AssertionError("runs of operations can always be summed up")


def _checked(name: str, value: Any, least: int, remedy: str) -> int | None:
    if value is None:
        return None
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected None or a whole number, got {value!r}: {remedy}.") from None
    if number < least:
        raise ValueError(f"{name}: expected None or at least {least}, got {number}: {remedy}.")
    return number


def _plain(graph: Graph) -> Plan:
    """Each node is drawn as itself."""
    scopes, edges, nodes = Scopes(graph), edges_of(graph), np.arange(len(graph.nodes))
    none = np.full(len(nodes), -1), np.full(len(scopes.parents), -1)
    return Plan(nodes, nodes, np.zeros(len(edges[0]), bool), nodes, [], [], [], *none, scopes.parents, scopes.of, edges)


class _Folding:
    """Ways to draw `graph` as less than all its nodes. Rolls are found once, in all of it, when first asked for."""

    def __init__(self, graph: Graph):
        self.graph, self.sequence = graph, Sequence(graph)
        self.scopes = self.sequence.scopes
        self.count = len(graph.nodes)
        self.scope_of = np.array([*self.scopes.of, -1])[:-1]
        self.is_operation = self.sequence.place >= 0
        self.outputs = np.array([node.is_output for node in graph.nodes], bool)
        self._rolls: list[Roll] | None = None
        self._roll_scopes: list[int] = []

    def plans(self, depth: int | None, rolled: bool, limit: int) -> Iterator[tuple[Plan, str]]:
        """Ways to draw less, each with words for it: until one has at most `limit` units."""
        blocks, modules = "repeated blocks are drawn once (×N)", "Modules are summed up from depth {} on"
        if not rolled:
            yield self.plan(depth, True), blocks if depth is None else f"{blocks}, {modules.format(depth)}"
        low, high = -1, max(self.scopes.depths, default=-1) + 1 if depth is None else depth
        best = None
        while low + 1 < high:  # the less deep, the fewer units
            middle = (low + high) // 2
            plan = self.plan(middle, True)
            if len(plan.order) <= limit:
                words = modules.format(middle)
                best, low = (plan, f"{blocks}, {words}" if plan.rolls else words), middle
            else:
                high = middle
        if best:
            yield best
        yield self.segments(limit), "runs of operations are summed up"

    def plan(self, depth: int | None, rolled: bool) -> Plan:
        """Modules are summed up from `depth` on, if it is not None."""
        rolls = self._all_rolls() if rolled else []
        sequence = self.sequence
        target = self._targets(depth, rolls)
        # a roll inside of what is summed up is not seen
        kept = [roll for roll, scope in zip(rolls, self._roll_scopes, strict=False) if scope < 0 or target[scope] < 0]
        roll_scopes = [s for _, s in zip(rolls, self._roll_scopes, strict=False) if s < 0 or target[s] < 0]
        places = unrolled(sequence, kept)
        first = self._first_nodes(places.first)
        group = np.append(target, -1)[self.scope_of[first]]
        keys = np.where(group >= 0, self.count + group, first)
        if len(kept) < len(rolls):  # what goes into repetitions that are not seen is one unit still
            outside = np.flatnonzero(~self.is_operation & (group < 0))
            keys[outside] = self._first_nodes(unrolled(sequence, rolls).first)[outside]
        keys[self.outputs & ~self.is_operation] = np.flatnonzero(self.outputs & ~self.is_operation)
        outer = [-1] * len(kept)
        for number, roll in enumerate(kept):
            within = [k for k in range(number) if kept[k].level == roll.level - 1] if roll.level else []
            outer[number] = next((k for k in within if kept[k].start <= roll.start < kept[k].end), -1)
        innermost = np.append(places.innermost, -1)
        return Plan(
            keys,
            first,
            places.crossing,
            self._order(keys),
            kept,
            roll_scopes,
            outer,
            innermost[sequence.place],
            innermost[sequence.opening],
            self.scopes.parents,
            self.scopes.of,
            (sequence.tails, sequence.heads, sequence.argnums),
        )

    def _all_rolls(self) -> list[Roll]:
        if self._rolls is None:
            self._rolls, sequence = rolls_of(self.sequence), self.sequence
            for roll in self._rolls:
                which = int(sequence.which[roll.start])
                is_scope = sequence.what[roll.start] == OPEN
                self._roll_scopes.append(self.scopes.parents[which] if is_scope else self.scopes.of[which])
        return self._rolls

    def _targets(self, depth: int | None, rolls: list[Roll]) -> np.ndarray:
        """Of each scope, the one that it is summed up in, or -1: one with an output inside is not."""
        target = np.full(len(self.scopes.parents), -1)
        if depth is None:
            return target
        hides = self._hiding(rolls)
        for scope, (parent, deep) in enumerate(zip(self.scopes.parents, self.scopes.depths, strict=True)):
            if parent >= 0 and target[parent] >= 0:
                target[scope] = target[parent]
            elif deep >= depth and not hides[scope]:
                target[scope] = scope
        return target

    def _hiding(self, rolls: list[Roll]) -> list[bool]:
        """Whether there is an output in a scope that is not its own result, or in one that is drawn as it."""
        sequence = self.sequence
        first = unrolled(sequence, rolls).first
        hides = [False] * len(self.scopes.parents)
        for index in np.flatnonzero(self.outputs).tolist():
            scope = self.scopes.of[index]
            while scope >= 0:
                if self.graph.scopes[scope].output != index:
                    hides[scope] = True
                    if sequence.opening[scope] >= 0:
                        hides[int(sequence.which[first[sequence.opening[scope]]])] = True
                scope = self.scopes.parents[scope]
        return hides

    def _first_nodes(self, first_places: np.ndarray) -> np.ndarray:
        """The node that each is like: of a leaf, what the operation that its first user is like takes there."""
        sequence = self.sequence
        first = np.arange(self.count)
        first[self.is_operation] = sequence.which[first_places[sequence.place[self.is_operation]]]
        tails, heads = sequence.tails, sequence.heads
        order = np.argsort(sequence.place[heads], kind="stable")
        used, firsts = np.unique(tails[order], return_index=True)
        edge = order[firsts]
        begin = np.searchsorted(heads, np.arange(self.count))  # edges are in the order of their heads
        like = tails[begin[first[heads[edge]]] + edge - begin[heads[edge]]]
        leaf = ~self.is_operation[used]
        first[used[leaf]] = like[leaf]
        return first

    def _order(self, keys: np.ndarray) -> np.ndarray:
        """The keys that there are: operations and groups by their first place, leaves right before their first user."""
        sequence = self.sequence
        size = int(keys.max()) + 1
        at = np.full(size, sequence.length)
        np.minimum.at(at, keys[self.is_operation], sequence.place[self.is_operation])
        is_leaf = at == sequence.length
        inner = is_leaf[keys[sequence.tails]]
        np.minimum.at(at, keys[sequence.tails[inner]], at[keys[sequence.heads[inner]]])
        present = np.unique(keys)
        return present[np.lexsort([present, ~is_leaf[present], at[present]])]

    def segments(self, limit: int) -> Plan:
        """Runs of what is left at depth 0 are summed up, so that all have about as many nodes; outputs are drawn."""
        plan = self.plan(0, False)
        rank = np.zeros(int(plan.keys.max()) + 1, np.int64)
        rank[plan.order] = np.arange(len(plan.order))
        unit_of = rank[plan.keys]
        weights = np.bincount(unit_of)
        alone = np.zeros(len(weights), bool)
        alone[unit_of[self.outputs]] = True
        room = max(min(limit, _SEGMENTS), min(limit, 2 * int(alone.sum()) + 1))
        parts = room - 2 * int(alone.sum())
        if parts < 1:  # too many outputs to draw each
            alone[:], parts = False, room
        part = (np.cumsum(weights) - weights) * parts // weights.sum()
        cut = np.concatenate([[True], (part[1:] != part[:-1]) | alone[1:] | alone[:-1]])
        run = np.cumsum(cut) - 1
        single = np.bincount(run)[run] == 1
        names = np.where(single, plan.order, self.count + len(self.scopes.parents) + run)
        keys = names[unit_of]
        return plan._replace(keys=keys, order=names[cut])
