"""A graph and its backward pass as data for the page: nodes, arrays, and the steps that one goes through."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ...core import primitives
from ...graph import formulas, op_text
from ...graph.nodes import Graph, Node, Operand
from ...graph.record import Contribution, Record, states
from ...graph.values import size
from .arrays import Table
from .derived import DerivedLines, Line

_LIKE_THOSE = "…  # by the same rule as those above"


def contents_of(
    graph: Graph, title: str, pictures: list[dict[str, Any]], max_values: int, note: str = ""
) -> dict[str, Any]:
    """The contents of the page for a `graph` with one output, a loss; `note` is a remark on the pictures.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> found = contents_of(Graph([np.sum(x * x)]), "A sum", [], max_values=100)
    >>> [step["phase"] for step in found["steps"]]
    ['start', 'forward', 'forward', 'seed', 'backward', 'backward']
    >>> [part["line"] for part in found["steps"][-1]["contributions"]]
    ['dx = dv1 * x', 'dx += dv1 * x']
    """
    return _Writer(graph, max_values).contents(title, pictures, note)


class _Writer:
    def __init__(self, graph: Graph, max_values: int):
        self.graph, self.record = graph, Record(graph)
        self.table = Table(max_values, _sizes(graph, self.record))
        self.symbols = _symbols(graph)
        self.derived = DerivedLines(graph)

    def contents(self, title: str, pictures: list[dict[str, Any]], note: str) -> dict[str, Any]:
        nodes = [self.node(node, state) for node, state in zip(self.graph.nodes, states(self.graph, self.record))]  # noqa: B905
        steps = [*self.forward_steps(), *self.backward_steps()]
        return {
            **{"title": title, "note": note, "convention": self.derived.note, "pictures": pictures},
            **{"nodes": nodes, "steps": steps, "arrays": self.table.entries},
        }

    # ---- nodes

    def node(self, node: Node, state: str) -> dict[str, Any]:
        symbol = self.symbols[node.index]
        names = op_text.names(self.graph, node, called=self.symbols) if node.kind == "operation" else None
        return {
            **{"id": node.id, "kind": node.kind, "title": symbol, "label": node.label},
            "name": node.name or None,  # which several may share; the title tells them apart
            "op": self.graph.operation(node),
            "shape": None if node.shape is None else list(node.shape),
            "dtype": None if node.array.dtype is None else str(node.array.dtype),
            "bytes": size(node.array),
            "output": node.is_output,
            "line": node.line,
            "scope": node.scope.title if node.scope is not None else None,
            "operands": [self.operand(node, operand) for operand in node.operands],
            "expression": f"{symbol} = {formulas.expression(node.value, names)}" if names else None,
            **_fields(self.derived.forward.get(node.index)),
            "value": self.table.place(node.array),
            "gradient": self.table.place(self.record.gradients.get(node.index)),
            "state": state,
            "cut": node.cut.by if node.cut is not None else None,
        }

    def operand(self, node: Node, operand: Operand) -> dict[str, Any]:
        source = self.graph.nodes[operand.index]
        back = self.record.of((operand.index, node.index, operand.argnum))
        shape = op_text.broadcast_shape(source, node, operand.argnum, back)
        broadcast = f"{source.shape} to {shape}" if shape is not None else None
        return {"node": source.id, "argnum": operand.argnum, "broadcast": broadcast}

    # ---- steps

    def forward_steps(self) -> list[dict[str, Any]]:
        given = [node.id for node in self.graph.nodes if node.kind != "operation"]
        made = [node.id for node in self.graph.nodes if node.kind == "operation"]
        return [{"phase": "start", "given": given}, *({"phase": "forward", "node": id} for id in made)]

    def backward_steps(self) -> list[dict[str, Any]]:
        left: dict[int, list[Contribution]] = {}
        for contribution in self.record.contributions:
            left.setdefault(contribution.tail, []).append(contribution)
        sums: dict[int, _Sum] = {}
        (start,) = self.graph.outputs
        steps: list[dict[str, Any]] = [self.arriving("seed", start)]
        for index in self.record.order:
            lines = self.lines(self.graph.nodes[index], left.get(index, []))
            parts = []
            for contribution, (name, formula) in zip(left.get(index, []), lines, strict=True):
                total = sums.setdefault(contribution.head, _Sum(len(self.record.into(contribution.head))))
                total.add(contribution.value)
                parts.append(self.contribution(contribution, total, name, formula))
            steps.append(self.arriving("backward", index) | {"contributions": parts})
        return steps

    def arriving(self, phase: str, index: int) -> dict[str, Any]:
        node = self.graph.nodes[index]
        return {
            **{"phase": phase, "node": node.id, "name": f"d{self.symbols[index]}"},
            "g": self.table.place(self.record.gradients.get(index)),
        }

    def lines(self, node: Node, parts: list[Contribution]) -> list[tuple[str, str]]:
        """The left and right sides of the `=` for each contribution of an operation."""
        g = self.record.gradients.get(node.index)
        outputs = [i for i, x in enumerate(g) if x is not None] if isinstance(g, primitives.Outputs) else None
        names = op_text.names(self.graph, node, called=self.symbols)
        lines = []
        for at, part in enumerate(parts):
            name = f"d{self.symbols[part.head]}"
            if node.function is primitives.output:
                lines.append((f"{name}[{node.value._args[1]}]", names["g"]))
            elif at < op_text.MOST:
                lines.append((name, formulas.derivative(node.value, part.argnum, names, outputs)))
            else:
                lines.append((name, _LIKE_THOSE))
        return lines

    def contribution(self, part: Contribution, total: _Sum, name: str, formula: str) -> dict[str, Any]:
        line = self.derived.backward.get(part.head) if total.is_complete else None
        return {
            **{"to": self.graph.nodes[part.head].id, "argnum": part.argnum, "name": name, "formula": formula},
            "line": f"{name} {'=' if total.arrived == 1 else '+='} {formula}",
            "undone": _undone(part) if part.is_summed else None,
            "value": self.table.place(part.value),
            "sum": self.sum(part, total),
            **{"arrived": total.arrived, "of": total.parts},
            **_fields(line),
        }

    def sum(self, part: Contribution, total: _Sum) -> int | None:
        if total.is_complete:
            return self.table.place(self.record.gradients.get(part.head))
        return self.table.place(total.value, lasting=total.arrived == 1)


def _fields(line: Line | None) -> dict[str, str | None]:
    """The fields of a line of the derivation."""
    return {"derived": line.text, "week": line.week, "remark": line.remark} if line else {"derived": None}


class _Sum:
    """The contributions to one gradient that have arrived, of so many `parts`, added up."""

    def __init__(self, parts: int):
        self.parts, self.arrived = parts, 0
        self.value: Any = None

    def add(self, part: Any) -> None:
        self.value = part if self.arrived == 0 else self.value + part
        self.arrived += 1

    @property
    def is_complete(self) -> bool:
        return self.arrived == self.parts


def _symbols(graph: Graph) -> list[str]:
    """The symbol of each node on the page: its name, or v3 for node number 3."""
    letter, taken = "v", set(graph.names)
    while any(f"{letter}{node.index}" in taken for node in graph.nodes):
        letter += "v"
    return [name or f"{letter}{index}" for index, name in enumerate(graph.names)]


def _sizes(graph: Graph, record: Record) -> list[int]:
    """The sizes of all arrays on the page: values, gradients, contributions, and their partial sums."""
    arrays = [node.array for node in graph.nodes] + list(record.gradients.values())
    arrays += [part.value for part in record.contributions]
    sizes = [np.size(array) for array in {id(x): x for x in arrays}.values() if not isinstance(array, tuple)]
    heads = Counter(part.head for part in record.contributions)
    for head, parts in heads.items():
        if graph.nodes[head].shape is not None:
            sizes += [np.size(graph.nodes[head].array)] * (parts - 1)
    return sizes


def _undone(part: Contribution) -> str:
    return f"Broadcasting is undone: {op_text.undone(part.raw_shape, part.shape)}."
