"""The lines of the derivation of a loss, for the nodes of a graph that have their names."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..derivation import Derivation, Step
from ..derivation.derivations import derive_named
from ..derivation.replay import identifier
from ..graph.nodes import Graph
from ..graph.values import size

_READING = (
    "{names}: derivatives of the cost, with the factor 1/m. The course writes errors per sample, m = {m} times as "
    "large; its dW and db are the same."
)
_MOST_NAMES = 6  # of errors per sample in the foot of a picture
_MOST_NODES = 500
_MOST_BYTES = 2_000_000  # of gradients: a derivation computes them all again, and keeps them


class Line(NamedTuple):
    """A line of a derivation, the part of the course that has it, and a remark if another number is shown beside it.

    `joint` is the formula of the derivative if it is shorter than its rules one by one, as factors cancel.
    """

    text: str
    week: str
    remark: str | None = None
    joint: str | None = None


def derivation_of(graph: Graph) -> Derivation | None:
    """The derivation of a graph with one output, in the graph's names; None where it can't be derived."""
    aliases = {id(node.array): node.alias for node in graph.nodes if node.alias and node.kind == "data"}
    aliases |= {id(node.value): node.path for node in graph.nodes if node.path}
    with contextlib.suppress(Exception):  # of a rule that can't be traced, or a graph that was freed
        return derive_named(graph.nodes[graph.outputs[0]].value, aliases)
    return None


class DerivedLines:
    """The lines of values (`forward`) and gradients (`backward`) of a small graph, by the index of the node.

    Lines with the name of a repeated quantity, such as t1, which the graph does not have, are left out.

    If some are errors per sample, `note` explains them, and `reading` the numbers in a picture, which are not.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> lines = DerivedLines(Graph([tg.nn.binary_cross_entropy(net(np.ones((2, 5))), np.ones((1, 5)))]))
    >>> sorted(line.text for line in lines.backward.values())  # doctest: +NORMALIZE_WHITESPACE
    ['dA1 = W2.T @ dZ2', 'dW1 = dZ1 @ X.T / m', 'dW2 = dZ2 @ A1.T / m', 'dZ1 = dA1 * (1 - A1**2)', 'dZ2 = A2 - Y',
     'db1 = np.sum(dZ1, axis=1, keepdims=True) / m', 'db2 = np.sum(dZ2, axis=1, keepdims=True) / m']
    """

    def __init__(self, graph: Graph):
        self.forward: dict[int, Line] = {}
        self.backward: dict[int, Line] = {}
        self.note: str | None = None
        self.reading: str | None = None
        derivation = None
        if len(graph.outputs) == 1 and len(graph.nodes) <= _MOST_NODES and _gradient_bytes(graph) <= _MOST_BYTES:
            derivation = derivation_of(graph)
        if derivation is None:
            return
        names = [identifier(name) if name else "" for name in graph.names]
        counts = Counter(names)
        steps = {step.quantity: step for step in derivation.steps}
        repeated = {quantity for quantity in steps if re.fullmatch(r"t\d*", quantity)}.difference(names)  # unknown here
        steps = {name: step for name, step in steps.items() if repeated.isdisjoint(re.findall(r"\w+", step.formula))}
        for node, name in zip(graph.nodes, names, strict=True):
            quantity = "cost" if node.is_output and name in ("", node.alias) else name
            if counts[name] == 1 and quantity in steps:  # else it is one of several
                self.forward[node.index] = _line(steps[quantity])
            if name and counts[name] == 1 and f"d{name}" in steps and f"d{name}" not in counts:
                self.backward[node.index] = _line(steps[f"d{name}"], derivation.samples, derivation.per_sample)
        if derivation.per_sample:
            self.note = derivation.note()
            names = derivation.per_sample
            named = ", ".join(names if len(names) <= _MOST_NAMES else [*names[:3], "...", names[-1]])
            self.reading = _READING.format(names=named, m=derivation.samples)


def _gradient_bytes(graph: Graph) -> int:
    """The memory of all contributions to gradients."""
    heads = [graph.nodes[operand.index] for node in graph.nodes for operand in node.operands]
    return sum(size(head.array) for head in heads if head.is_tracked)


def _line(step: Step, m: int | None = None, per_sample: Sequence[str] = ()) -> Line:
    remark, cancelled = None, [reason for reason in step.reasons if "cancels" in reason]
    is_per_sample = step.quantity in per_sample
    if is_per_sample:
        remark = "; ".join([f"an error per sample, m = {m} times what is shown here", *cancelled])
    elif m is not None and step.formula.endswith("/ m"):
        remark = "the same: the gradients that are shown here hold the 1/m already"
    joint = f"({step.formula}) / m" if is_per_sample else step.formula
    return Line(f"{step.quantity} = {step.formula}", step.week, remark, joint if cancelled else None)
