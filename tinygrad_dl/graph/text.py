"""A Graph as text for a terminal: a numbered list of lines, from the outputs back to the leaves.

Each node has one line, also if it is used repeatedly; other lines refer to its name or number. Calls of Modules are
brackets on the left.
"""

from __future__ import annotations

import bisect
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import primitives
from ..core.registry import name_of
from . import labels
from .module_calls import ModuleCall
from .nodes import Graph, Node

_NAME, _CALL = 24, 48  # columns of a name, and of a call beside a fact
_DEPTH = 4  # nested brackets; of more, the innermost are shown
_ARGUMENTS = 20  # shown of a call, which may have thousands
_FEWEST, _NARROWEST = 20, 60


class _Row(NamedTuple):
    """A node, or the title of a call, in the brackets of `path`."""

    path: tuple[ModuleCall, ...]
    node: Node | None = None


def as_text(graph: Graph, most: int = 60, width: int = 100, facts: Mapping[int, str] | None = None) -> str:
    """`graph` in at most `most` lines of at most `width` columns; lines in the middle are left out if needed.

    `facts` by the index of a node stand in a last column.

    Raises ValueError for fewer than 20 lines or 60 columns.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> w, x = tg.parameter([1.0, 2.0], name="w"), np.ones((3, 2))
    >>> print(as_text(Graph([np.mean((x @ w + 1) ** 2)])))
    4 operations on 1 parameter (2 numbers) and 1 data
    #5     ()      mean(#4)
    #4     (3,)    #3 ** 2
    #3     (3,)    #2 + 1
    #2     (3,)    #0 @ w
    #1  w  (2,)    parameter
    #0     (3, 2)  data
    """
    if most < _FEWEST or width < _NARROWEST:
        raise ValueError(
            f"as_text: expected most >= {_FEWEST} lines and width >= {_NARROWEST} columns, got {most} and {width}."
        )
    nodes = _in_order(graph)
    top, bottom = _range_to_omit(nodes, most - 1)  # below the first line
    head, left_out, tail = _rows(nodes[:top]), nodes[top:bottom], _rows(nodes[bottom:])
    writer = _Writer(graph, [*head, *tail], width, facts or {})
    lines = [_shorten(_summary(graph), width), *writer.lines(head, goes_on=bool(left_out))]
    if left_out:
        lines.append(_shorten(f"... {_count(left_out, 'more ')} ...", width))
    return "\n".join(lines + writer.lines(tail))


# ---- the order of the lines


def _in_order(graph: Graph) -> list[Node]:
    """All nodes, each after its users; leaves are at the end of the list, or of their Module's call."""
    ordered: list[Node] = []
    waiting: dict[int, list[Node]] = {}  # leaves, by their scope
    path: list[ModuleCall] = []

    def leave(scopes: Sequence[ModuleCall]) -> None:
        for scope in reversed(scopes):
            ordered.extend(waiting.pop(id(scope), ()))

    scope: ModuleCall | None = None
    for node in reversed(graph.nodes):
        if node.kind != "operation" and (node.scope is None or node.scope is not scope):
            waiting.setdefault(id(node.scope), []).append(node)
            continue
        if node.scope is not scope:
            scope, before = node.scope, path
            path = scope.path if scope else []
            leave([old for old in before if not any(old is new for new in path)])
        ordered.append(node)
    leave(path)
    for leaves in waiting.values():
        ordered.extend(leaves)
    return ordered


def _rows(nodes: Sequence[Node]) -> list[_Row]:
    """A row for each node, and one for the start of each call."""
    rows: list[_Row] = []
    scope: ModuleCall | None = None
    path: tuple[ModuleCall, ...] = ()
    for node in nodes:
        if node.scope is not scope:
            scope, before = node.scope, path
            path = tuple(scope.path[-_DEPTH:]) if scope else ()
            rows += [_Row(path[: i + 1]) for i in range(_common(before, path), len(path))]
        rows.append(_Row(path, node))
    return rows


def _common(path: tuple[ModuleCall, ...], other: tuple[ModuleCall, ...]) -> int:
    count = 0
    while count < min(len(path), len(other)) and path[count] is other[count]:
        count += 1
    return count


def _range_to_omit(nodes: Sequence[Node], room: int) -> tuple[int, int]:
    """The range of `nodes` to leave out, so that the rows of the others and a line for these fit into `room`."""
    if len(nodes) <= room and len(_rows(nodes)) <= room:
        return len(nodes), len(nodes)
    half = (room - 1) // 2
    counts = range(min(len(nodes), half) + 1)
    top = bisect.bisect_right(counts, half, key=lambda count: len(_rows(nodes[:count]))) - 1
    bottom = bisect.bisect_right(counts, half, key=lambda count: len(_rows(nodes[len(nodes) - count :]))) - 1
    return top, len(nodes) - bottom


# ---- the lines


def _summary(graph: Graph) -> str:
    numbers = sum(node.array.size for node in graph.nodes if node.kind == "parameter")
    text = _count(graph.nodes, numbers=f" ({numbers:,} number{'' if numbers == 1 else 's'})")
    return text if len(graph.outputs) == 1 else f"{text}, {len(graph.outputs)} outputs"


def _count(nodes: Sequence[Node], more: str = "", numbers: str = "") -> str:
    counts = Counter(node.kind for node in nodes)
    operations, parameters = counts["operation"], counts["parameter"]
    parts = [f"{operations:,} {more}operation{'' if operations == 1 else 's'}"] if operations else []
    leaves = [f"{parameters:,} parameter{'' if parameters == 1 else 's'}{numbers}"] if parameters else []
    leaves += [f"{counts[kind]:,} {kind}" for kind in ("data", "blocked") if counts[kind]]
    return (" and " if more else " on ").join(parts + [" and ".join(leaves)] * bool(leaves))


class _Writer:
    """Writes rows as lines, in columns that fit the `rows`, at most `width` wide."""

    def __init__(self, graph: Graph, rows: Sequence[_Row], width: int, facts: Mapping[int, str]):
        self._graph, self._width, self._facts = graph, width, facts
        nodes = [row.node for row in rows if row.node is not None]
        self._number = max((len(self._numbered(node)) for node in nodes), default=0)
        self._shape = min(max((len(_shape(node)) for node in nodes), default=0), 28)
        self._name = max((2 * len(row.path) + _columns(self._named(row.node)) for row in rows if row.node), default=0)
        described = (_columns(self._description(node)) for node in nodes if facts)
        self._call_width = min(max(described, default=0), _CALL)

    def lines(self, rows: Sequence[_Row], goes_on: bool = False) -> list[str]:
        """A line for each row; the brackets of the last one stay open if the list continues."""
        last = rows[-1].path if rows and goes_on else ()
        below = [*[row.path for row in rows[1:]], last]
        return [self._line(row, _common(row.path, path)) for row, path in zip(rows, below, strict=False)]

    def _line(self, row: _Row, kept: int) -> str:
        """The line of a row, `kept` of whose brackets continue below."""
        if row.node is None:
            begins = "│ " * (len(row.path) - 1) + "┌ " + _escape(row.path[-1].title)
            return _shorten(" " * (self._number + 2) + begins, self._width)
        brackets = "".join("│ " if i < kept else "└ " for i in range(len(row.path)))
        columns = [
            (self._numbered(row.node), self._number),
            (brackets + self._named(row.node), self._name),
            (_shorten(_shape(row.node), self._shape), self._shape),
        ]
        cells = [_pad(text, wide) for text, wide in columns if wide]
        return _shorten("  ".join([*cells, self._last(row.node)]), self._width)

    def _last(self, node: Node) -> str:
        """The description of a node, and its fact in a column of its own."""
        description, fact = self._description(node), self._facts.get(node.index)
        return f"{_pad(_shorten(description, _CALL), self._call_width)}  {fact}" if fact else description

    @staticmethod
    def _numbered(node: Node) -> str:
        return f"#{node.index}"

    @staticmethod
    def _named(node: Node) -> str:
        return _shorten(_escape(node.name), _NAME) if node.name else ""

    def _reference(self, value: Any) -> str:
        """The reference to the node of a Tensor or array in other lines."""
        index = self._graph.index(value)
        assert index is not None
        shown = _escape(self._graph.names[index])
        cut = _shorten(shown, _NAME)
        return shown if shown and cut == shown else f"{cut.partition('#')[0]}#{index}"  # a short name may be ambiguous

    def _description(self, node: Node) -> str:
        """The call that computed a node, or the kind of a leaf; for a blocked node with its origin."""
        text = self._call(node) if node.kind == "operation" else node.kind
        if node.cut is not None:
            by = {"no_grad": "computed in no_grad", "detach": "by detach"}.get(node.cut.by, f"by {node.cut.by}")
            sources = [self._reference(self._graph.nodes[i].value) for i in self._graph.sources_of_cut(node)]
            text += f": {by}{' of ' * bool(sources)}{', '.join(sources)}"
        return text + "  (output)" * (node.is_output and len(self._graph.outputs) > 1)

    def _call(self, node: Node) -> str:
        function, args = node.function, node.value._args
        operands = {argnum: self._reference(x) for x, argnum in labels.operands(node.value) if argnum < _ARGUMENTS}
        slots = [operands.get(argnum) or labels.constant(x) for argnum, x in enumerate(args[:_ARGUMENTS])]
        slots += ["..."] * (len(args) > _ARGUMENTS)
        if function is primitives.output:
            return f"{slots[0]}[{slots[1]}]"
        if function is primitives.getitem:
            return f"{slots[0]}[{slots[1].removeprefix('(').removesuffix(')')}]"
        kwargs = primitives.visible_kwargs(node.value._kwargs)
        symbol = labels.SYMBOLS.get(function)
        if symbol and len(slots) == 2 and not kwargs:
            return f"{slots[0]} {symbol} {slots[1]}"
        given = [f"{keyword}={labels.constant(x)}" for keyword, x in kwargs.items()]
        return f"{name_of(function).removeprefix('np.')}({', '.join(slots + given)})"


def _shape(node: Node) -> str:
    """The shape, with the dtype unless that is float64."""
    if node.shape is None:
        return f"{len(node.array)} outputs"
    dtype = node.array.dtype
    return f"{node.shape}" if dtype == np.float64 else f"{node.shape} {dtype}"


# ---- the columns of a terminal


def _escape(text: Any) -> str:
    """Replace newlines, control characters and others that move the cursor by Python's escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[: 10 * _NAME])


def _columns(text: str) -> int:
    """The width of `text` in a terminal: two columns for Chinese and most emoji, none for combining accents."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - _columns(text))


def _shorten(text: str, columns: int) -> str:
    """Shorten `text` to so many columns, with an ellipsis at the end if it is longer."""
    if _columns(text) <= columns:
        return text
    used, kept = 1, ""
    for character in text:
        used += _columns_of(character)
        if used > columns:
            break
        kept += character
    return kept + "…"
