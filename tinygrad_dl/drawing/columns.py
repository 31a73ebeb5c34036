"""The breaks of a long picture into columns, so that it fits a window: after a unit that alone feeds what follows."""

from __future__ import annotations

from ..graph.nodes import Node
from .folding import Unit, View

_LONG = 24  # ranks of a picture, about 50 points each, beyond which it is broken
_SQUARE = 5  # a column is as wide as so many ranks are high


def column_breaks(view: View, passes: int = 1) -> set[tuple[int, int]]:
    """The links of `view`, by tail and head, that lead to the next column; `passes` stand side by side.

    A column ends with a unit that alone, leaves aside, leads to what comes after it.

    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.drawing.folding import fold
    >>> from tinygrad_dl.graph.nodes import Graph
    >>> x = tg.parameter(1.0)
    >>> for _ in range(40):
    ...     x = x * 2
    >>> sorted(column_breaks(fold(Graph([x]))))
    [(14, 15), (27, 28)]
    """
    ends = _ranks(view)
    total = max(ends, default=0)
    columns = max(round((total / _SQUARE / passes) ** 0.5), 2)
    if total <= _LONG:
        return set()
    wanted = (total * column / columns for column in range(1, columns))
    return {pair for rank in wanted for pair in _break(view, ends, rank, total // (3 * columns))}


def _break(view: View, ends: list[int], wanted: float, reach: int) -> set[tuple[int, int]]:
    """The links of one unit that alone cross a rank near the `wanted` one, out of as few frames as possible."""
    found: list[tuple[int, float, set[tuple[int, int]]]] = []
    for rank in range(round(wanted) - reach, round(wanted) + reach + 1):
        pairs = _crossing(view, ends, rank)
        tails = {tail for tail, _ in pairs}
        if len(tails) == 1:
            found.append((_depth(view.units[tails.pop()]), abs(rank - wanted), pairs))
    return min(found, key=lambda place: place[:2])[2] if found else set()


def _depth(unit: Unit) -> int:
    return len(unit.frame.around) if unit.frame is not None else 0


def _ranks(view: View) -> list[int]:
    """The last rank that each unit takes, along the longest way to it; leaves take none."""
    ends = [0] * len(view.units)
    into: dict[int, list[int]] = {}
    for link in view.links:
        if not link.loops:
            into.setdefault(link.head, []).append(link.tail)
    for unit in view.units:
        ends[unit.index] = max((ends[tail] for tail in into.get(unit.index, ())), default=0) + _height(unit)
    return ends


def _height(unit: Unit) -> int:
    node: Node | None = unit.node
    if node is None:
        return 1
    return 0 if node.kind != "operation" else 2 if node.name or unit.is_output else 1


def _crossing(view: View, ends: list[int], rank: int) -> set[tuple[int, int]]:
    """The links from units that end at `rank` or before to later ones."""
    return {(i.tail, i.head) for i in view.links if not i.loops and 0 < ends[i.tail] <= rank < ends[i.head]}
