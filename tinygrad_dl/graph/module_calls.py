"""`ModuleCall`: a call of a Module and the nodes that it computed, for frames, summaries and names in pictures.

The result of a Module carries the call (see `nn.call_tracking`): beginning and end, the Module and its arguments. The
nodes between arguments and result belong to the call, except those known to be older: arguments and results of earlier
calls, and everything they were computed from. So a net may use a value kept by an earlier layer, beside its arguments.
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


class ModuleCall:
    """A call of `module`, inside the call `parent` or None. `name` is the path in the parent's Module, `layers.0`.

    Calls that began later have a higher `number`; `outputs` are the result's nodes, in the order of the graph.
    """

    module: Any
    number: int
    args: tuple[Any, ...]

    def __init__(self, module: Any, number: int, args: tuple[Any, ...]):
        self.module, self.number, self.args = module, number, args
        self.outputs: list[int] = []
        self.parent: ModuleCall | None = None
        self.name = ""
        self.frontier: list[int] = []  # the operations whose values are arguments that it used

    @property
    def output(self) -> int:
        """The last node of the result."""
        return self.outputs[-1]

    @property
    def path(self) -> list[ModuleCall]:
        """The calls that contain this one, from the outermost to this one."""
        path: list[ModuleCall] = []
        scope: ModuleCall | None = self
        while scope is not None:
            path.append(scope)
            scope = scope.parent
        return path[::-1]

    @cached_property
    def argument_keys(self) -> set[Any]:
        """The keys of the Tensors and arrays in the arguments, also in lists."""
        return {_key(x) for x in values_in(self.args)}

    def was_given(self, leaf: Node) -> bool:
        """Return whether a leaf is an argument, or the graph's copy of a plain array."""
        return _key(leaf.value) in self.argument_keys or (
            not leaf.is_tracked and _key(leaf.array) in self.argument_keys
        )

    @property
    def text(self) -> str:
        """The repr of the Module; "" for the default of Python, or if `__repr__` raises an error."""
        try:
            text = repr(self.module)
        except Exception:  # of the user's Module; a picture is drawn all the same
            return ""
        return "" if " object at 0x" in text else text

    @property
    def title(self) -> str:
        """The name and the Module: `layers.0: Dense(2, 4)`."""
        text = self.text if 0 < len(self.text) <= 40 else type(self.module).__name__
        return f"{self.name}: {text}" if self.name else text


def _key(x: Any) -> Any:
    """A hashable key, equal for arrays of equal values, nan included; the identity for anything else."""
    if not isinstance(x, np.ndarray):
        return id(x)
    values = x.astype(float) if x.dtype.kind in "biuf" else x  # values of another dtype may be equal
    return x.shape, hash(values.tobytes())


def module_calls_of(graph: Graph) -> list[ModuleCall]:
    """Set the `scope` of the nodes of `graph`; return all scopes, outer ones first."""
    called = [node for node in graph.nodes if node.kind == "operation" and node.value._calls]
    if not called:
        return []
    known = _existence_times(graph, called)
    calls: dict[int, ModuleCall] = {}
    for node in called:
        for number, _, module, args in node.value._calls:
            if known[node.index] > number:  # else the call only passed it on
                calls.setdefault(number, ModuleCall(module, number, args)).outputs.append(node.index)
    scopes = [calls[number] for number in sorted(calls)]
    for scope in reversed(scopes):  # inner ones first: they began later
        _assign_operations(graph, scope, known)
    _assign_leaves(graph)
    _name(scopes)
    return scopes


def _existence_times(graph: Graph, called: list[Node]) -> list[float]:
    """The time by which each node surely existed: as an argument or result of a call, or as an operand of such."""
    known = [math.inf] * len(graph.nodes)
    seen: set[int] = set()
    for node in called:
        for began, ended, _, args in node.value._calls:
            known[node.index] = min(known[node.index], ended)
            if began not in seen:  # else done for another of its outputs
                seen.add(began)
                for x in values_in(args):
                    index = graph.index(x)
                    if index is not None:
                        known[index] = min(known[index], began)
    for node in reversed(graph.nodes):
        for operand in node.operands:
            known[operand.index] = min(known[operand.index], known[node.index])
    return known


def _assign_operations(graph: Graph, scope: ModuleCall, known: list[float]) -> None:
    """Assign to `scope` the operations between its arguments and outputs, and the scopes without a parent there."""
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


def _assign_leaves(graph: Graph) -> None:
    """Assign each leaf to the innermost scope that contains all its uses and did not get it as an argument."""
    paths: dict[int, list[ModuleCall]] = {}
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


def _name(scopes: list[ModuleCall]) -> None:
    """Name each scope by the path of its Module in its parent's Module."""
    names: dict[int, dict[int, str]] = {}
    for scope in scopes:
        if scope.parent is not None:
            parent = scope.parent.module
            if id(parent) not in names:
                names[id(parent)] = {id(module): name for name, module in parent.named_modules()}
            scope.name = names[id(parent)].get(id(scope.module), "")
