"""`fold`: draw a graph as requested, or if that is too large, with as few parts summed up as possible."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import numpy as np

from ...graph.nodes import Graph
from .plans import Plan
from .programs import Program
from .views import Unit, View, link_units, segment, view_of

_SEGMENTS = 60  # at most: each has so little to read that more would not help


def fold(graph: Graph, depth: int | None = None, roll: bool = False, max_nodes: int | None = 300) -> View:
    """The View of `graph`: each node, or with `depth` and `roll` a summary; never more than `max_nodes` units.

    With `depth` 0 each outermost call of a Module is one unit, with 1 each call in those, and so on. With `roll` a
    block that is repeated, one after the other, is drawn once: see `plans.py` for the blocks that are equal.

    If that has more units than `max_nodes`, blocks are rolled; then Modules are summed up, inner ones first; at last,
    runs of operations. The `note` of the View then describes it; None means no limit. Each output of the graph is the
    value of a unit: a Module with another output inside is not summed up, and only the last of repeated blocks has
    outputs. Only where half as many outputs as `max_nodes` or more are wanted, a run of operations may hide some.

    Raises TypeError and ValueError for a `depth` below 0, a `roll` that is no truth value, and `max_nodes` below 1.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, *[4] * 50, 1], rng=np.random.default_rng(0))
    >>> view = fold(Graph([np.mean(net(np.ones((2, 3))) ** 2)]), depth=1, roll=True)
    >>> [(unit.title or unit.node.title, unit.repeats) for unit in view.units]
    [('data', 1), ('layers.0: Dense(2, 4)', 1), ('A1', 1), ('layers.2 … layers.98: Dense(4, 4)', 49), \
('A2 … A50', 49), ('layers.100: Dense(4, 1)', 1), ('** 2', 1), ('mean', 1)]
    """
    depth = _check_limit("depth", depth, 0, "None draws every operation, 0 each outermost Module as one box")
    max_nodes = _check_limit("max_nodes", max_nodes, 1, "None draws all of them")
    if not isinstance(roll, (bool, np.bool_)):
        raise TypeError(f"roll: expected True or False, got {roll!r}: True draws repeated blocks once.")
    program, total = Program(graph), len(graph.nodes)
    limit = total if max_nodes is None else max_nodes
    if depth is not None or roll or total <= limit:
        view = view_of(Plan(program, depth, bool(roll)))
        if len(view.units) <= limit:
            return view
    way = "max_nodes=None draws it as given" if roll or depth is not None else f"max_nodes={total} draws them all"
    blocks, modules = "repeated blocks are drawn once (×N)", "Modules are summed up from depth {} on"
    deepest = max((len(scope.path) for scope in graph.scopes), default=0)
    for level in [*([] if roll else [depth]), *reversed(range(deepest if depth is None else min(depth, deepest)))]:
        view = view_of(Plan(program, level, True))
        if len(view.units) <= limit:
            is_rolled = any(unit.repeats > 1 for unit in view.units)
            hows = [*([blocks] if is_rolled else []), *([] if level is None else [modules.format(level)])]
            return _with_note(view, f"{', '.join(hows)}. {way}.")
    return _with_note(_segments(graph, view_of(Plan(program, 0)), limit), f"runs of operations are summed up. {way}.")


def _with_note(view: View, how: str) -> View:
    return replace(view, note=f"{len(view.unit_of):,} nodes in {len(view.units):,}: {how}")


def _check_limit(name: str, value: Any, least: int, remedy: str) -> int | None:
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


def _segments(graph: Graph, view: View, limit: int) -> View:
    """The units of a view in runs of about as many nodes; outputs are drawn, unless they are too many."""
    outputs = sum(unit.is_output for unit in view.units)
    room = max(min(limit, _SEGMENTS), min(limit, 2 * outputs + 1))
    parts = room - 2 * outputs
    alone = parts >= 1
    runs: list[list[Unit]] = []
    before, done = None, 0
    for unit in view.units:
        key = unit.id if alone and unit.is_output else done * (parts if alone else room) // len(graph.nodes)
        if key != before:
            runs.append([])
        runs[-1].append(unit)
        before, done = key, done + len(unit.members)
    units = []
    for index, run in enumerate(runs):
        members = sorted(member for unit in run for member in unit.members)
        unit = run[0] if len(run) == 1 else segment(graph, index, members)
        unit.index, unit.frame = index, None
        units.append(unit)
    return link_units(graph, units, [])
