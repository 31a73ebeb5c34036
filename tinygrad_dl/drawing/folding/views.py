"""What a picture of a graph shows: units with links, in frames. `choosing.py` decides which nodes a unit stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...graph.nodes import Graph, Node
from .rolling import Roll, numbered

_LABELS = 3  # the most frequent ones of a group that are told


@dataclass(eq=False)
class Frame:
    """A box around units: a call of a Module, or a block that is drawn once and stands for `repeats` of them.

    `kind` is "module" or "roll".
    """

    id: str
    title: str
    kind: str
    parent: Frame | None = None
    repeats: int = 1

    @property
    def times(self) -> int:
        """How often what is in it is there: `repeats`, times those of the frames around it."""
        times, frame = 1, self
        while frame is not None:
            times *= frame.repeats
            frame = frame.parent  # type: ignore[assignment]
        return times


@dataclass(eq=False)
class Unit:
    """One thing in a picture. `kind` is "node", "module" or "segment"; `members` are the nodes that it stands for.

    `node` is a single node, or the first one of those that stand at the same place of repeated blocks; then `repeats`
    is how many these are. A group, which has no `node`, has a `title` and further `lines` that describe it. `frame` is
    the innermost frame around it; `is_output` says whether the value that it gives, the last one, is asked for.
    """

    index: int
    id: str
    kind: str
    node: Node | None
    members: list[int]
    repeats: int = 1
    title: str = ""
    lines: list[str] = field(default_factory=list)
    frame: Frame | None = None
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """`count` edges of the graph from unit `tail` to unit `head`, of which `operand` is the first: tail, head, argnum.

    `argnum` is that of all of them, for a head that is a node. Those that `loop` go from one repetition to the next.
    """

    tail: int
    head: int
    argnum: int | None
    count: int
    loops: bool
    operand: tuple[int, int, int]

    @property
    def id(self) -> str:
        """How a picture and a page call it."""
        return "e{}-{}-{}".format(*self.operand)


@dataclass(frozen=True)
class View:
    """`units`, operands before users, in `frames`, outer ones first; `unit_of` has the unit of each node by its index.

    `note` tells people what they don't see, and how they would.
    """

    units: list[Unit]
    links: list[Link]
    frames: list[Frame]
    unit_of: list[int]
    note: str = ""


class Plan(NamedTuple):
    """What each node is drawn as: `keys`, a number below `count` for the node of that index, or a group.

    The group `count + s` is scope number s, one above those of all scopes a segment. `first` has the node that each
    is like in the first repetition, `crossing` tells of edges whether they go to another repetition.
    """

    keys: np.ndarray
    first: np.ndarray
    crossing: np.ndarray
    order: np.ndarray  # all keys that there are, operands before users
    rolls: list[Roll]  # those that are drawn, and of each the scope and the roll that it is in
    roll_scopes: list[int]
    outer_rolls: list[int]
    roll_of_node: np.ndarray  # the innermost roll around an operation of a first repetition, or -1
    roll_of_scope: np.ndarray
    parents: list[int]  # of scopes
    scope_of: list[int]  # of nodes
    edges: tuple[np.ndarray, np.ndarray, np.ndarray]


def view_of(graph: Graph, plan: Plan, note: str = "") -> View:
    """The View of `graph` that `plan` describes."""
    count = len(graph.nodes)
    rank = np.zeros(count + len(plan.parents) + len(plan.order) + 1, np.int64)
    rank[plan.order] = np.arange(len(plan.order))
    unit_of = rank[plan.keys]
    by_unit = np.argsort(unit_of, kind="stable").tolist()
    ends = np.cumsum(np.bincount(unit_of, minlength=len(plan.order))).tolist()
    named: dict[int, dict[int, str]] = {}  # the scopes that each operation is the result of, by how deep they are
    for scope in graph.scopes:
        named.setdefault(scope.output, {})[len(scope.path)] = scope.name
    units, start = [], 0
    for index, (key, end) in enumerate(zip(plan.order.tolist(), ends, strict=True)):
        units.append(_unit(graph, plan, index, key, by_unit[start:end], named))
        start = end
    links = _links(graph, plan, units, unit_of)
    frames = _Frames(graph, plan)
    frames.assign(units, unit_of.tolist())
    return View(units, links, frames.frames, unit_of.tolist(), note)


# ---- units


def _unit(graph: Graph, plan: Plan, index: int, key: int, members: list[int], named: dict[int, dict[int, str]]) -> Unit:
    nodes, count = graph.nodes, len(graph.nodes)
    if key < count and len(members) == 1:
        node = nodes[key]
        return Unit(index, node.id, "node", node, members, 1, "", [], None, node.is_output)
    is_output = any(nodes[member].is_output for member in members)
    if key < count:
        node = nodes[key]
        lines = [] if node.kind == "operation" else [f"{len(members):,} different ones"]
        title = span([nodes[member].name for member in members]) or node.title
        return Unit(index, node.id, "node", node, members, len(members), title, lines, None, is_output)
    operations = [member for member in members if nodes[member].kind == "operation"]
    once = [member for member in operations if plan.first[member] == member]
    is_module = key - count < len(plan.parents)
    repeats = len(operations) // len(once) if is_module and once else 1
    if not is_module:
        once = operations
    leaves = [m for m in members if nodes[m].kind != "operation" and (not is_module or plan.first[m] == m)]
    title, lines = _described(graph, once, leaves, repeats)
    if is_module:
        lines.insert(0, title)
        title = _title(graph, plan, key - count, operations, named)
    kind = "module" if is_module else "segment"
    return Unit(index, f"g{key - count}", kind, None, members, repeats, title, lines, None, is_output)


def _described(graph: Graph, operations: list[int], leaves: list[int], repeats: int) -> tuple[str, list[str]]:
    """How many operations a group has, with parameters, in a line; which ones most; and the shape that it gives."""
    nodes = graph.nodes
    sizes = [int(nodes[leaf].array.size) for leaf in leaves if nodes[leaf].kind == "parameter"]
    parameters = [_counted(sum(sizes), "parameter")] if sizes else []
    if not operations:
        return f"{len(leaves):,} parameters and data", parameters
    head = ", ".join([_counted(len(operations), "operation"), *parameters]) + (" each" if repeats > 1 else "")
    kinds = Counter(nodes[member].label for member in operations)
    lines = []
    if len(operations) > 1:
        rest = ["…"] if len(kinds) > _LABELS else []
        lines.append(", ".join([f"{n:,} {label}" for label, n in kinds.most_common(_LABELS)] + rest))
    shape = nodes[operations[-1]].shape
    return head, lines + ([f"{shape}"] if shape is not None else [])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _title(graph: Graph, plan: Plan, scope: int, operations: list[int], named: dict[int, dict[int, str]]) -> str:
    """The title of a scope; of one that is repeated, with the names of the first and the last."""
    title, name, output = graph.scopes[scope].title, graph.scopes[scope].name, graph.scopes[scope].output
    depth = len(graph.scopes[scope].path)
    names = span([named[m].get(depth) for m in operations if plan.first[m] == output and m in named])
    return names + title.removeprefix(name) if names else title


def span(names: Sequence[str | None]) -> str:
    """The first and the last of different names, or "" if there are not two.

    >>> span(["W2", "W10", None, "W1"])
    'W1 … W10'
    """
    different = {name for name in names if name}
    if len(different) < 2:
        return ""
    ordered = sorted(different, key=_by_number)
    return f"{ordered[0]} … {ordered[-1]}"


def _by_number(name: str) -> list[str | int]:
    parts = re.split("([0-9]+)", name)  # texts and numbers in turn, so that like is compared with like
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


# ---- links


def _links(graph: Graph, plan: Plan, units: list[Unit], unit_of: np.ndarray) -> list[Link]:
    tails, heads, argnums = plan.edges
    t, h = unit_of[tails], unit_of[heads]
    shown = np.flatnonzero((t != h) | plan.crossing)
    is_node = np.array([unit.kind == "node" for unit in units], bool)
    repeats = np.array([unit.repeats for unit in units], np.int64)
    t, h, loops = t[shown], h[shown], plan.crossing[shown]
    exact = is_node[t] & is_node[h] & (repeats[t] <= repeats[h])  # else a stack of all repetitions has a link for each
    merged = numbered(np.stack([h, t, loops, np.where(exact, argnums[shown], -1)]))
    _, firsts, inverse, counts = np.unique(merged, return_index=True, return_inverse=True, return_counts=True)
    least, most = np.full(len(firsts), np.iinfo(np.int64).max), np.full(len(firsts), -1)
    np.minimum.at(least, inverse, argnums[shown])
    np.maximum.at(most, inverse, argnums[shown])
    table = np.stack([t[firsts], h[firsts], loops[firsts], shown[firsts], counts, least, most]).T
    links = []
    for tail, head, loop, edge, number, low, high in table[np.lexsort([firsts, h[firsts]])].tolist():
        argnum = low if low == high and units[head].kind == "node" else None
        operand = (int(tails[edge]), int(heads[edge]), int(argnums[edge]))
        links.append(Link(tail, head, argnum, number, bool(loop), operand))
    return links


# ---- frames


class _Frames:
    """The frames that are needed, made when they are asked for: each after the one that it is in."""

    def __init__(self, graph: Graph, plan: Plan):
        self.frames: list[Frame] = []
        self._graph, self._plan = graph, plan
        self._known: dict[tuple[str, int], Frame] = {}

    def assign(self, units: list[Unit], unit_of: list[int]) -> None:
        """Set the frame of each unit."""
        plan, nodes = self._plan, self._graph.nodes
        leaves = []
        for unit in units:
            if unit.kind == "module":
                unit.frame = self._frame(self._around_scope(int(unit.id[1:])))
            elif unit.node is not None and unit.node.kind == "operation":
                unit.frame = self._frame(self._around(int(plan.roll_of_node[unit.node.index]), self._scope(unit)))
            elif unit.node is not None:
                leaves.append(unit)
        user: dict[int, int] = {}
        if leaves:
            wanted = {unit.index for unit in leaves}
            for node in nodes:
                for tail, _ in node.operands:
                    if unit_of[tail] in wanted:
                        user.setdefault(unit_of[tail], unit_of[node.index])
        for unit in leaves:
            own = self._frame(("scope", self._scope(unit)))
            unit.frame = _fitting(own, units[user[unit.index]].frame if unit.index in user else None, unit.repeats)

    def _scope(self, unit: Unit) -> int:
        assert unit.node is not None
        return self._plan.scope_of[unit.node.index]

    def _around_scope(self, scope: int) -> tuple[str, int]:
        return self._around(int(self._plan.roll_of_scope[scope]), self._plan.parents[scope])

    def _around(self, roll: int, scope: int) -> tuple[str, int]:
        """The roll, if it is in the scope directly, or else the scope, which then is in the roll."""
        return ("roll", roll) if roll >= 0 and self._plan.roll_scopes[roll] == scope else ("scope", scope)

    def _frame(self, key: tuple[str, int]) -> Frame | None:
        chain = []
        while key[1] >= 0 and key not in self._known:
            chain.append(key)
            what, number = key
            if what == "scope":
                key = self._around_scope(number)
            else:
                key = self._around(self._plan.outer_rolls[number], self._plan.roll_scopes[number])
        frame = self._known.get(key)
        for what, number in reversed(chain):
            if what == "scope":
                made = Frame(f"c{len(self.frames)}", self._graph.scopes[number].title, "module", frame)
            else:
                repeats = self._plan.rolls[number].repeats
                made = Frame(f"c{len(self.frames)}", f"×{repeats:,}", "roll", frame, repeats)
            self.frames.append(made)
            self._known[what, number] = frame = made
        return frame


def _fitting(own: Frame | None, users: Frame | None, repeats: int) -> Frame | None:
    """The frame of a leaf: its own scope's, or that of the roll that it is repeated in; a single one is in no roll."""
    while own is not None and own.times > repeats:
        own = own.parent
    if repeats == 1 or (own is not None and own.times == repeats):
        return own
    while users is not None and (users.kind != "roll" or users.times != repeats):
        users = users.parent
    return users or own
