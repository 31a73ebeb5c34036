"""A recorded backward pass through a Graph: the gradient of each node, and the contribution of each edge.

It is the pass of `core/backprop.py` with the same rules, observed. No `grad` is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..core import backprop
from ..core.modes import Observer, observing, recording
from ..core.primitives import Outputs
from . import values
from .nodes import Graph, Node


@dataclass(frozen=True)
class Contribution:
    """The contribution of operation `tail` to the gradient of its argument `argnum`, node `head`, and its norm.

    `raw` is the answer of the rule, of shape `raw_shape`; `value` is `raw` summed over broadcast axes, in the `shape`
    and dtype of the argument. Both are None in a Record that keeps norms only. The `norm` is Euclidean.
    """

    tail: int
    head: int
    argnum: int
    raw_shape: tuple[int, ...]
    shape: tuple[int, ...]
    norm: float
    raw: Any = None
    value: Any = None

    @property
    def is_summed(self) -> bool:
        """True if the rule's answer was summed over broadcast axes."""
        return self.raw_shape != self.shape


class Record(Observer):
    """The `gradients` of nodes by index, the `contributions` in order of backprop, and the `order` of the operations.

    `keep="norms"` discards the arrays of contributions, whose memory may be many times that of the graph: a net of T
    time steps adds T matrices to the gradient of one. The gradients of nodes are kept.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> graph = Graph([np.sum(x * x)])
    >>> [(c.tail, c.head, c.value.tolist()) for c in Record(graph).contributions]
    [(2, 1, [1.0, 1.0]), (1, 0, [1.0, 2.0]), (1, 0, [1.0, 2.0])]
    """

    def __init__(self, graph: Graph, keep: Literal["arrays", "norms"] = "arrays"):
        self.gradients: dict[int, Any] = {}
        self.contributions: list[Contribution] = []
        self.order: list[int] = []
        self._graph, self._keep = graph, keep
        outputs = [graph.nodes[index].value for index in graph.outputs]
        seeds = {output: backprop.initial_cotangent(output) for output in outputs}
        with recording(False), observing(self):
            cotangents = backprop.backward_pass(seeds)
        for tensor, g in cotangents.items():
            self._note(graph.index(tensor), g)

    def _note(self, index: int | None, g: Any) -> None:
        if index is not None:
            self.gradients[index] = g

    def rules(self, rules: Iterable[Callable[..., Any]], tensor: Any, g: Any) -> Iterator[Callable[..., Any]]:
        """Observe the `rules` of a node with cotangent `g`."""
        index = self._graph.index(tensor)
        assert index is not None  # the pass goes through the graph's own nodes
        self._note(index, g)
        self.order.append(index)
        return (self._observe(rule, index, argnum) for argnum, rule in enumerate(rules))

    def _observe(self, rule: Any, index: int, argnum: int) -> Callable:
        def observed(g, ans, *args, **kwargs):
            raw = observing.call(None, rule, g, ans, *args, **kwargs)  # a backward pass inside is none of this graph
            if not hasattr(raw, "shape"):
                return raw  # the backward pass raises an error for it
            node = self._graph.nodes[index].value
            parent = node._parents[argnum]
            fits = raw.shape == parent._value.shape and raw.dtype is parent._value.dtype
            value = raw if fits else backprop.unbroadcast(raw, parent._value, node)
            head = self._graph.index(parent)
            assert head is not None
            arrays = (raw, value) if self._keep == "arrays" else ()
            norm = values.norm(value)
            self.contributions.append(Contribution(index, head, argnum, raw.shape, value.shape, norm, *arrays))
            return raw

        return observed

    def into(self, index: int) -> list[Contribution]:
        """The contributions to the gradient of the node at `index`, in the order in which they arrive."""
        return self._into.get(index, [])

    def of(self, operand: tuple[int, int, int]) -> Contribution | None:
        """The contribution from operation `operand[1]` to node `operand[0]`, its argument `operand[2]`, or None."""
        return self._by_operand.get(operand)

    @cached_property
    def norms(self) -> dict[int, float]:
        """The norm of the gradient of each node."""
        return {index: values.norm(g) for index, g in self.gradients.items()}

    @cached_property
    def _into(self) -> dict[int, list[Contribution]]:
        into: dict[int, list[Contribution]] = {}
        for contribution in self.contributions:
            into.setdefault(contribution.head, []).append(contribution)
        return into

    @cached_property
    def _by_operand(self) -> dict[tuple[int, int, int], Contribution]:
        return {(c.head, c.tail, c.argnum): c for c in self.contributions}


def states(graph: Graph, record: Record | None = None) -> list[str]:
    """The gradient state of each node: of its gradient in `record`, or without one of its `grad`.

    The states are "computed", "zero", "never computed", "not needed" (data), "blocked" (cut off by `detach`, `no_grad`
    or a constant function), and "freed". A `grad` may stem from another graph of the same parameters, such as that of
    the last training step.

    "freed" occurs without a `record` only: all parameters behind an operation have a `grad`, so `backward` has probably
    run, and it keeps the gradients of leaves only.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0])
    >>> loss = np.sum(x * np.ones(2))
    >>> states(Graph([loss]))
    ['never computed', 'not needed', 'never computed', 'never computed']
    >>> loss.backward()
    >>> states(Graph([loss]))
    ['computed', 'not needed', 'freed', 'freed']
    """
    if record is not None:
        return [_state(node, record.gradients.get(node.index)) for node in graph.nodes]
    words: list[str] = []
    for node in graph.nodes:  # operands come before their users
        behind = [words[operand.index] for operand in node.operands if graph.nodes[operand.index].is_tracked]
        word = _state(node, node.value._grad if node.is_tracked else None)
        is_freed = word == "never computed" and behind and "never computed" not in behind
        words.append("freed" if is_freed else word)
    return words


def _state(node: Node, g: Any) -> str:
    if not node.is_tracked:
        return "blocked" if node.kind == "blocked" else "not needed"
    if g is None:
        return "never computed"
    parts = [part for part in g if part is not None] if isinstance(g, Outputs) else [g]
    return "computed" if any(np.any(part != 0) for part in parts) else "zero"
