"""The backward pass through a Graph, run once and written down: what arrives at each node, and over which edge.

It is the engine's own pass, with the engine's own rules, watched: no `grad` is touched.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import autodiff, debugging
from ..grad_mode import recording
from ..primitives import Outputs
from .graph import Graph, Node


@dataclass(frozen=True)
class Contribution:
    """What operation `tail` adds to the gradient of its argument `argnum`, node `head`.

    `raw` is what the rule gave, `value` the same in the shape and dtype of the argument: summed over what broadcasting
    repeated, where the two differ.
    """

    tail: int
    head: int
    argnum: int
    raw: Any
    value: Any

    @property
    def is_summed(self) -> bool:
        """Whether broadcasting was undone."""
        return self.raw.shape != self.value.shape


class Record:
    """`gradients` by node, and `contributions` in the order of backprop; `order` has the operations as they are met.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> graph = Graph([np.sum(x * x)])
    >>> [(c.tail, c.head, c.value.tolist()) for c in Record(graph).contributions]
    [(2, 1, [1.0, 1.0]), (1, 0, [1.0, 2.0]), (1, 0, [1.0, 2.0])]
    """

    def __init__(self, graph: Graph):
        self.gradients: dict[int, Any] = {}
        self.contributions: list[Contribution] = []
        self.order: list[int] = []
        self._graph = graph
        outputs = [graph.nodes[index].value for index in graph.outputs]
        seeds = {output: autodiff.seed_of(output) for output in outputs}
        tensors = [node.value for node in graph.nodes if node.is_tracked]
        with recording(False), debugging.debug(False):  # whose checks would watch instead
            cotangents = autodiff.carry_back(seeds, tensors, set(outputs), observed=self._observed)
        for tensor, g in cotangents.items():
            self._note(graph.index(tensor), g)

    def _note(self, index: int | None, g: Any) -> None:
        if index is not None:
            self.gradients[index] = g

    def _observed(self, rules: Any, tensor: Any, g: Any) -> Iterator[Callable]:
        index = self._graph.index(tensor)
        assert index is not None  # the pass goes through the graph's own nodes
        self._note(index, g)
        self.order.append(index)
        rules = rules if isinstance(rules, tuple) else itertools.islice(rules, len(tensor._parents))
        return (self._watched(rule, index, argnum) for argnum, rule in enumerate(rules))

    def _watched(self, rule: Any, index: int, argnum: int) -> Callable:
        def watched(g, ans, *args, **kwargs):
            raw = rule(g, ans, *args, **kwargs)
            if not hasattr(raw, "shape"):
                return raw  # the engine says what is wrong with it
            node = self._graph.nodes[index].value
            parent = node._parents[argnum]
            fits = raw.shape == parent._value.shape and raw.dtype is parent._value.dtype
            value = raw if fits else autodiff.fitted(raw, parent._value, node)
            head = self._graph.index(parent)
            assert head is not None
            self.contributions.append(Contribution(index, head, argnum, raw, value))
            return raw

        return watched

    def into(self, index: int) -> list[Contribution]:
        """The contributions to the gradient of the node at `index`, in the order in which they arrive."""
        if not hasattr(self, "_into"):
            self._into: dict[int, list[Contribution]] = {}
            for contribution in self.contributions:
                self._into.setdefault(contribution.head, []).append(contribution)
        return self._into.get(index, [])

    def of(self, operand: tuple[int, int, int]) -> Contribution | None:
        """What goes back from `operand[1]` to `operand[0]`, its argument `operand[2]`; None if nothing does."""
        if not hasattr(self, "_by_operand"):
            self._by_operand = {(c.head, c.tail, c.argnum): c for c in self.contributions}
        return self._by_operand.get(operand)


def states(graph: Graph, record: Record | None = None) -> list[str]:
    """How it stands with the gradient of each node, in a word, by `record`, or without one by what `grad` holds.

    "computed", "zero", "never computed", "not needed" (of data), "blocked" (cut off by `detach`, `no_grad` or a
    constant function), and "freed": `backward` went through the graph, and keeps gradients of leaves only.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0])
    >>> loss = np.sum(x * np.ones(2))
    >>> states(Graph([loss]))
    ['never computed', 'not needed', 'never computed', 'never computed']
    >>> loss.backward()
    >>> states(Graph([loss]))
    ['computed', 'not needed', 'freed', 'freed']
    """
    went_back = any(node.value.grad is not None for node in graph.nodes if node.kind == "parameter")
    return [_state(node, record, went_back) for node in graph.nodes]


def _state(node: Node, record: Record | None, went_back: bool) -> str:
    if not node.is_tracked:
        return "blocked" if node.kind == "blocked" else "not needed"
    g = node.value.grad if record is None else record.gradients.get(node.index)
    if g is None:
        return "freed" if record is None and went_back and node.kind == "operation" else "never computed"
    parts = [part for part in g if part is not None] if isinstance(g, Outputs) else [g]
    return "computed" if any(np.any(part != 0) for part in parts) else "zero"
