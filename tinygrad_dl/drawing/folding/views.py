"""The content of a picture: units with links, in frames. `plans.py` decides which nodes a unit stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ...graph.module_calls import ModuleCall
from ...graph.nodes import Graph, Node
from .plans import Item, Plan

_LABELS = 3  # the most frequent ones of a group that are listed


@dataclass(eq=False)
class Frame:
    """A box around units: a call of a Module, or a block that is drawn once and stands for `repeats` of them.

    `kind` is "module" or "roll"; `scope` is the call.
    """

    id: str
    title: str
    kind: str
    parent: Frame | None = None
    repeats: int = 1
    scope: ModuleCall | None = None

    @property
    def around(self) -> list[Frame]:
        """The frame itself and those around it, from the inside out."""
        frames, frame = [self], self.parent
        while frame is not None:
            frames.append(frame)
            frame = frame.parent
        return frames

    @property
    def times(self) -> int:
        """The number of repetitions of each unit in it: `repeats`, times those of the frames around it."""
        times = 1
        for frame in self.around:
            times *= frame.repeats
        return times


@dataclass(eq=False)
class Unit:
    """One thing in a picture. `kind` is "node", "module" or "segment"; `members` are the nodes that it stands for.

    `node` is a single node, or the first of those at the same place of repeated blocks; `repeats` is the number of
    blocks. A group, which has no `node`, has a `title` and further `lines` that describe it. `frame` is the innermost
    frame around it. A unit with `is_output` has an output of the graph: its last value, or in a segment any.
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
        """The name in a picture and on a page."""
        return "e{}-{}-{}".format(*self.operand)


@dataclass(frozen=True)
class View:
    """`units`, operands before users, in `frames`, outer ones first; `unit_of` has the unit of each node by its index.

    `note` describes what was summed up, and how to see all.
    """

    units: list[Unit]
    links: list[Link]
    frames: list[Frame]
    unit_of: list[int]
    note: str = ""


def view_of(plan: Plan) -> View:
    """The View of a graph that `plan` describes."""
    graph, frames, drawn, number_of = plan.program.graph, *_layout(plan)
    users: dict[int, set[int]] = {}
    for node in graph.nodes:
        for operand in node.operands:
            users.setdefault(operand.index, set()).add(number_of[plan.first[node.index]])
    groups: dict[tuple[int, int, int], list[int]] = {}
    for node in graph.nodes:
        groups.setdefault(_key(plan, node, drawn, number_of, users), []).append(node.index)
    units: list[Unit] = []
    for (number, is_item, _), members in sorted(groups.items()):  # leaves before their first user
        item, frame = drawn[number] if number < len(drawn) else (None, None)
        if is_item and item is not None and item.scope is not None:
            unit = _module(plan, len(units), item, members)
        else:
            unit = _node(graph, len(units), members)
            frame = frame if is_item else _frame_of_leaf(frame, graph.nodes[members[0]], len(members))
        unit.frame = frame
        units.append(unit)
    return link_units(graph, units, frames, plan.crossing)


def link_units(graph: Graph, units: list[Unit], frames: list[Frame], crossing: Collection = ()) -> View:
    """The View of `units`, with the links between them; edges that are `crossing` go to the next block."""
    unit_of = [0] * len(graph.nodes)
    for unit in units:
        for member in unit.members:
            unit_of[member] = unit.index
    merged: dict[tuple[int, int, bool, int], list[tuple[int, int, int]]] = {}
    for node in graph.nodes:
        for index, argnum in node.operands:
            operand = index, node.index, argnum
            tail, head, loops = units[unit_of[index]], units[unit_of[node.index]], operand in crossing
            if tail is not head or loops:
                # if there are more of the tail, all of them may be operands of each of the head
                exact = tail.node is not None and head.node is not None and tail.repeats <= head.repeats
                key = tail.index, head.index, loops, argnum if exact else -1
                merged.setdefault(key, []).append(operand)
    links = []
    for (tail_index, head_index, loops, _), operands in sorted(merged.items(), key=lambda entry: entry[0][1]):
        argnums = {argnum for *_, argnum in operands}
        one = len(argnums) == 1 and units[head_index].node is not None
        link = Link(tail_index, head_index, min(argnums) if one else None, len(operands), loops, operands[0])
        links.append(link)
    return View(units, links, frames, unit_of)


def _layout(plan: Plan) -> tuple[list[Frame], list[tuple[Item, Frame | None]], dict[int, int]]:
    """The frames; the items that are a unit each, in their frames; and the number of the item of operations."""
    frames: list[Frame] = []
    drawn: list[tuple[Item, Frame | None]] = []
    number_of: dict[int, int] = {}
    stack: list[tuple[Item, Frame | None]] = [(item, None) for item in reversed(plan.items)]
    while stack:
        item, frame = stack.pop()
        if item.parts:
            title, kind = (item.scope.title, "module") if item.scope else (f"×{item.repeats:,}", "roll")
            frame = Frame(f"c{len(frames)}", title, kind, frame, item.repeats, item.scope)
            frames.append(frame)
            stack += [(part, frame) for part in reversed(item.parts)]
        else:
            for node in plan.program.operations[item.start : item.stop]:
                number_of[node.index] = len(drawn)
            drawn.append((item, frame))
    return frames, drawn, number_of


# ---- units


def _key(
    plan: Plan, node: Node, drawn: list[tuple[Item, Frame | None]], number_of: dict[int, int], users: dict
) -> tuple[int, int, int]:
    """The same for the nodes of a unit, and in the order of units: the number of an item, or a leaf right before it."""
    if node.kind == "operation":
        return number_of[plan.first[node.index]], 1, 0
    if node.index not in users:
        return len(drawn), 0, node.index
    user = plan.program.operations[plan.program.source_of[node.index].place]
    number = number_of[plan.first[user.index]]
    item = drawn[number][0]
    is_inside = node.scope is not None and len(node.scope.path) > item.depth and users[node.index] == {number}
    if item.scope is not None and is_inside and not node.is_output:
        return number, 1, 0
    return number, 0, node.index if node.is_output else plan.first[node.index]


def _node(graph: Graph, index: int, members: list[int]) -> Unit:
    node, repeats = graph.nodes[members[0]], len(members)
    title, lines = "", []
    if repeats > 1:
        title = span([graph.nodes[member].name for member in members]) or node.title
        lines = [] if node.kind == "operation" else [f"{repeats:,} different ones"]
    is_output = any(graph.nodes[member].is_output for member in members)
    return Unit(index, node.id, "node", node, members, repeats, title, lines, None, is_output)


def _module(plan: Plan, index: int, item: Item, members: list[int]) -> Unit:
    """A call of a Module, or those at the same place of repeated blocks, titled by the first and the last of them."""
    assert item.scope is not None
    nodes, first = plan.program.graph.nodes, plan.first
    operations = [nodes[member] for member in members if nodes[member].kind == "operation"]
    repeats = len(operations) // (item.stop - item.start)
    once = [nodes[member] for member in members if first[member] == member]
    lines = _description(once, repeats > 1)
    names = span([node.scope.path[item.depth].name for node in operations if node.scope])
    title = names + item.scope.title.removeprefix(item.scope.name) if names else item.scope.title
    is_output = any(node.is_output for node in operations)
    return Unit(index, f"g{members[0]}", "module", None, members, repeats, title, lines, None, is_output)


def segment(graph: Graph, index: int, members: list[int]) -> Unit:
    """A run of any operations, with the leaves among them."""
    nodes = [graph.nodes[member] for member in members]
    title, *lines = _description(nodes)
    is_output = any(node.is_output for node in nodes)
    return Unit(index, f"g{members[0]}", "segment", None, members, 1, title, lines, None, is_output)


def _description(nodes: list[Node], each: bool = False) -> list[str]:
    """The lines of a group: its numbers of operations and parameters, its commonest operations, its shape."""
    operations = [node for node in nodes if node.kind == "operation"]
    sizes = [int(node.array.size) for node in nodes if node.kind == "parameter"]
    parameters = [_count(sum(sizes), "parameter")] if sizes else []
    if not operations:
        return [f"{len(nodes):,} parameters and data", *parameters]
    lines = [", ".join([_count(len(operations), "operation"), *parameters]) + (" each" if each else "")]
    if len(operations) > 1:
        labels = Counter(node.label for node in operations)
        rest = ["…"] if len(labels) > _LABELS else []
        lines.append(", ".join([f"{n:,} {label}" for label, n in labels.most_common(_LABELS)] + rest))
    shape = operations[-1].shape
    return lines + ([f"{shape}"] if shape is not None else [])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(names: Iterable[str | None]) -> str:
    """The first and the last of different names, or "" if there are not two.

    >>> span(["W2", "W10", None, "W1"])
    'W1 … W10'
    """
    ordered = sorted({name for name in names if name}, key=_by_number)
    return f"{ordered[0]} … {ordered[-1]}" if len(ordered) > 1 else ""


def _by_number(name: str) -> list[str | int]:
    parts = re.split("([0-9]+)", name)  # texts and numbers in turn, so that like is compared with like
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _frame_of_leaf(frame: Frame | None, leaf: Node, repeats: int) -> Frame | None:
    """The innermost frame around the first user of a leaf that has as many of both, in no Module that was given it.

    If there is none, the leaf is in no run.
    """
    around = frame.around if frame else []
    calls = leaf.scope.path if leaf.scope else []
    own = [frame for frame in around if all(outer.scope in (None, *calls) for outer in frame.around)]
    rolls = [frame for frame in around if frame.kind == "roll"]
    for fitting, times in ((own, repeats), (rolls, repeats), (own, 1)):
        for candidate in fitting:
            if candidate.times == times:
                return candidate
    return None
