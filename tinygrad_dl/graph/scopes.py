"""Which call of a Module computed which node: what a picture frames, sums up, and names.

A Tensor that a Module gave carries the call (`nn.call_tracking`): when it began and ended, the Module, its arguments.
What lies between the two was computed in the call, unless it is known to have been there before: what an earlier call
gave or was given, and all that went into that. So a net may use what an earlier layer has kept, beside its arguments.
"""

from __future__ import annotations

import itertools
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.call_tracking import values_in

if TYPE_CHECKING:
    from .nodes import Graph, Node


class Scope:
    """A call of `module`, in the call `parent`, if it was in one. `name` is its path in the parent's, `layers.0`.

    Calls that began later have a higher `number`; `outputs` are the nodes that it gave, in the order of the graph.
    """

    module: Any
    number: int
    args: tuple[Any, ...]

    def __init__(self, module: Any, number: int, args: tuple[Any, ...]):
        self.module, self.number, self.args = module, number, args
        self.outputs: list[int] = []
        self.parent: Scope | None = None
        self.name = ""
        self.frontier: list[int] = []  # the operations whose values it was given, as far as it used them

    @property
    def output(self) -> int:
        """The node that it gave, the last one."""
        return self.outputs[-1]

    @property
    def path(self) -> list[Scope]:
        """The calls that this one is in, from the outermost; itself last."""
        path: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            path.append(scope)
            scope = scope.parent
        return path[::-1]

    @cached_property
    def given(self) -> set[Any]:
        """The keys of the Tensors and arrays that it was called with, in lists too."""
        return {_key(x) for x in values_in(self.args)}

    def was_given(self, leaf: Node) -> bool:
        """Whether a leaf came from outside; of a plain array the graph has a copy."""
        return _key(leaf.value) in self.given or (not leaf.is_tracked and _key(leaf.array) in self.given)

    @property
    def text(self) -> str:
        """What the Module says of itself; "" if that is no more than where it is, or if its own `__repr__` fails."""
        try:
            text = repr(self.module)
        except Exception:  # no reason for a picture to fail too
            return ""
        return "" if " object at 0x" in text else text

    @property
    def title(self) -> str:
        """Its name and what it is: `layers.0: Dense(2, 4)`."""
        text = self.text if 0 < len(self.text) <= 40 else type(self.module).__name__
        return f"{self.name}: {text}" if self.name else text


def _key(x: Any) -> Any:
    """What two arrays have in common if they hold the same numbers, a nan too; anything else is the same as itself."""
    if not isinstance(x, np.ndarray):
        return id(x)
    values = x.astype(float) if x.dtype.kind in "biuf" else x  # equal numbers of another dtype are the same
    return x.shape, hash(values.tobytes())


def scopes_of(graph: Graph) -> list[Scope]:
    """The scopes in `graph`, outer ones before those in them; sets the `scope` of its nodes."""
    called = [node for node in graph.nodes if node.kind == "operation" and node.value._calls]
    if not called:
        return []
    known = _known(graph, called)
    calls: dict[int, Scope] = {}
    for node in called:
        for number, _, module, args in node.value._calls:
            if known[node.index] > number:  # else the call only handed it on
                calls.setdefault(number, Scope(module, number, args)).outputs.append(node.index)
    scopes = [calls[number] for number in sorted(calls)]
    for scope in reversed(scopes):  # inner ones first: they began later
        _claim(graph, scope, known)
    _settle_leaves(graph)
    _name(scopes)
    return scopes


def _known(graph: Graph, called: list[Node]) -> list[float]:
    """The moment at which each node was there for sure: when a call gave it or was given it, or what it went into."""
    known = [math.inf] * len(graph.nodes)
    seen: set[int] = set()
    for node in called:
        for began, ended, _, args in node.value._calls:
            known[node.index] = min(known[node.index], ended)
            if began not in seen:  # else another of its outputs has told
                seen.add(began)
                for x in values_in(args):
                    index = graph.index(x)
                    if index is not None:
                        known[index] = min(known[index], began)
    for node in reversed(graph.nodes):
        for operand in node.operands:
            known[operand.index] = min(known[operand.index], known[node.index])
    return known


def _claim(graph: Graph, scope: Scope, known: list[float]) -> None:
    """Give `scope` the operations between its inputs and its outputs, and the scopes there that have no parent yet."""
    stack, seen = list(scope.outputs), set()
    while stack:
        index = stack.pop()
        node = graph.nodes[index]
        if index in seen or node.kind != "operation":
            continue
        seen.add(index)
        if known[index] <= scope.number:
            scope.frontier.append(index)
        elif node.scope is None:
            node.scope = scope
            stack += [operand.index for operand in node.operands]
        else:
            inner = node.scope.path[0]
            if inner is not scope:
                inner.parent = scope
                stack += inner.frontier


def _settle_leaves(graph: Graph) -> None:
    """A leaf is where all its uses are, in the innermost scope that has them all and was not given it."""
    paths: dict[int, list[Scope]] = {}
    for node in graph.nodes:
        for operand in node.operands:
            if graph.nodes[operand.index].kind != "operation":
                path = node.scope.path if node.scope else []
                known = paths.setdefault(operand.index, path)
                paths[operand.index] = [a for a, b in zip(known, path, strict=False) if a is b]
    for index, path in paths.items():
        leaf = graph.nodes[index]
        inside = list(itertools.takewhile(lambda scope: not scope.was_given(leaf), path))  # noqa: B023
        leaf.scope = inside[-1] if inside else None


def _name(scopes: list[Scope]) -> None:
    """Name each scope by where its Module is found in the Module of its parent."""
    names: dict[int, dict[int, str]] = {}
    for scope in scopes:
        if scope.parent is not None:
            parent = scope.parent.module
            if id(parent) not in names:
                names[id(parent)] = {id(module): name for name, module in parent.named_modules()}
            scope.name = names[id(parent)].get(id(scope.module), "")
