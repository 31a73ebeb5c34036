"""A graph and its backward pass as data for the page: nodes, arrays, and the steps that one goes through."""

from __future__ import annotations

from typing import Any

from ... import primitives
from .. import course, formulas, wording
from ..graph import Graph, Node, Operand
from ..record import Contribution, Record, states
from ..values import size
from .arrays import Table


def contents_of(
    graph: Graph, title: str, pictures: list[dict[str, Any]], max_values: int, note: str = ""
) -> dict[str, Any]:
    """What the page shows of a `graph` with one output, a loss. `note` is what there is to say of the pictures.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> found = contents_of(Graph([np.sum(x * x)]), "A sum", [], max_values=100)
    >>> [step["phase"] for step in found["steps"]]
    ['start', 'forward', 'forward', 'seed', 'backward', 'backward']
    >>> [part["line"] for part in found["steps"][-1]["contributions"]]
    ['dx = dv1 * x', 'dx += dv1 * x']
    """
    return _Writer(graph, Table(max_values)).contents(title, pictures, note)


class _Writer:
    def __init__(self, graph: Graph, table: Table):
        self.graph, self.table = graph, table
        self.record = Record(graph)
        self.symbols = _symbols(graph)
        self.forward = course.forward(graph)
        self.backward = course.backward(graph)

    def contents(self, title: str, pictures: list[dict[str, Any]], note: str) -> dict[str, Any]:
        nodes = [self.node(node, state) for node, state in zip(self.graph.nodes, states(self.graph, self.record))]  # noqa: B905
        steps = [*self.forward_steps(), *self.backward_steps()]
        return {
            **{"title": title, "note": note, "convention": course.convention(self.graph), "pictures": pictures},
            **{"nodes": nodes, "steps": steps, "arrays": self.table.written()},
        }

    # ---- nodes

    def node(self, node: Node, state: str) -> dict[str, Any]:
        symbol = self.symbols[node.index]
        operation = node.kind == "operation"
        return {
            **{"id": node.id, "kind": node.kind, "name": node.name, "title": symbol, "label": node.label},
            "op": self.graph.operation(node),
            "shape": None if node.shape is None else list(node.shape),
            "dtype": None if node.array.dtype is None else str(node.array.dtype),
            "bytes": size(node.array),
            "output": node.is_output,
            "line": node.line,
            "scope": node.scope.title if node.scope is not None else None,
            "operands": [self.operand(node, operand) for operand in node.operands],
            "expression": f"{symbol} = {formulas.expression(node.value, self.names(node))}" if operation else None,
            "course": self.forward.get(node.index),
            "value": self.table.place(node.array),
            "gradient": self.table.place(self.record.gradients.get(node.index)),
            "state": state,
            "cut": node.cut.by if node.cut is not None else None,
        }

    def operand(self, node: Node, operand: Operand) -> dict[str, Any]:
        source = self.graph.nodes[operand.index]
        repeated = wording.is_broadcast(source, node, operand.argnum)
        broadcast = f"{source.shape} to {node.shape}" if repeated else None
        return {"node": source.id, "argnum": operand.argnum, "broadcast": broadcast}

    def names(self, node: Node) -> dict[str, str]:
        """What the rules of an operation call its arguments -> what the page calls them."""
        parameters = formulas.parameter_names(node.value)
        return {parameters[argnum]: self.symbols[index] for index, argnum in node.operands}

    # ---- steps

    def forward_steps(self) -> list[dict[str, Any]]:
        given = [node.id for node in self.graph.nodes if node.kind != "operation"]
        made = [node.id for node in self.graph.nodes if node.kind == "operation"]
        return [{"phase": "start", "given": given}, *({"phase": "forward", "node": id} for id in made)]

    def backward_steps(self) -> list[dict[str, Any]]:
        left: dict[int, list[Contribution]] = {}
        for contribution in self.record.contributions:
            left.setdefault(contribution.tail, []).append(contribution)
        arrived: dict[int, int] = {}
        sums: dict[int, Any] = {}
        (start,) = self.graph.outputs
        steps: list[dict[str, Any]] = [self.arriving("seed", start)]
        for index in self.record.order:
            parts = []
            for contribution in left.get(index, []):
                to = contribution.head
                arrived[to] = arrived.get(to, 0) + 1
                sums[to] = sums[to] + contribution.value if to in sums else contribution.value
                parts.append(self.contribution(contribution, arrived[to], sums[to]))
            steps.append(self.arriving("backward", index) | {"contributions": parts})
        return steps

    def arriving(self, phase: str, index: int) -> dict[str, Any]:
        node = self.graph.nodes[index]
        return {
            **{"phase": phase, "node": node.id, "name": f"d{self.symbols[index]}"},
            "g": self.table.place(self.record.gradients.get(index)),
        }

    def contribution(self, part: Contribution, arrived: int, total: Any) -> dict[str, Any]:
        node, name = self.graph.nodes[part.tail], f"d{self.symbols[part.head]}"
        g = self.record.gradients.get(part.tail)
        with_gradient = [i for i, x in enumerate(g) if x is not None] if isinstance(g, primitives.Outputs) else None
        names = {**self.names(node), "g": f"d{self.symbols[part.tail]}", "ans": self.symbols[part.tail]}
        formula: str = formulas.derivative(node.value, part.argnum, names, with_gradient)
        if node.function is primitives.output:
            name, formula = f"{name}[{node.value._args[1]}]", names["g"]
        parts = len(self.record.into(part.head))
        told = self.backward.get(part.head) if arrived == parts else None
        return {
            **{"to": self.graph.nodes[part.head].id, "argnum": part.argnum, "name": name, "formula": formula},
            "line": f"{name} {'=' if arrived == 1 else '+='} {formula}",
            "undone": _undone(part) if part.is_summed else None,
            "value": self.table.place(part.value),
            "sum": self.table.place(total),
            **{"arrived": arrived, "of": parts},
            "course": told.formula if told else None,
            "remark": told.remark if told else None,
        }


def _symbols(graph: Graph) -> list[str]:
    """What the page calls each node: its name, or v3 for the node number 3, as books do."""
    names = {node.name for node in graph.nodes}
    letter = "v"
    while any(f"{letter}{node.index}" in names for node in graph.nodes):
        letter += "v"
    return [node.name or f"{letter}{node.index}" for node in graph.nodes]


def _undone(part: Contribution) -> str:
    return f"Broadcasting is undone: {wording.undone(part.raw.shape, part.value.shape)}."
