"""A graph as a program: its operations in the order in which they were computed, and the nodes that look the same."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ...core import primitives
from ...graph.module_calls import ModuleCall
from ...graph.nodes import Graph, Node

_DIGITS = re.compile(r"\d+")


class Source(NamedTuple):
    """An operand: the number of its `node`, and the `place` in the program of its computation or first use.

    `slot` is the position of a leaf among the operands there, and -1 for an operation.
    """

    node: int
    place: int
    slot: int


class Program:
    """The `operations` of a graph as they were computed, with the `sources` of each, and a number for each `look`.

    Nodes look the same if their functions, constants, shapes, dtypes and kinds of names are equal.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0])
    >>> Program(Graph([x * (x + 1)])).sources[1]
    [Source(node=0, place=0, slot=0), Source(node=1, place=0, slot=-1)]
    """

    operations: Any
    looks: list[int]
    roles: Any

    def __init__(self, graph: Graph):
        self.graph = graph
        self.operations = [node for node in graph.nodes if node.kind == "operation"]
        self.sources: list[list[Source]] = []
        self.source_of: dict[int, Source] = {}
        self.users: list[list[tuple[int, int]]] = [[] for _ in self.operations]  # with the number of the argument
        for place, node in enumerate(self.operations):
            for slot, (index, argnum) in enumerate(node.operands):
                source = self.source_of.setdefault(index, Source(index, place, slot))
                if source.slot < 0:
                    self.users[source.place].append((place, argnum))
            self.sources.append([self.source_of[index] for index, _ in node.operands])
            self.source_of[node.index] = Source(node.index, place, -1)
        self._numbers: dict[Any, int] = {}
        self._texts: dict[int, str] = {}
        forms = [_form(node) for node in graph.nodes]
        self.looks = [self.number((_look(node, forms), forms[node.index])) for node in graph.nodes]
        # the functions of the operands and the look: x has one use in x * exp(c), and another in x * tanh(c)
        functions = [tuple([graph.nodes[source.node].function for source in sources]) for sources in self.sources]
        self.roles = list(zip(functions, [self.looks[node.index] for node in self.operations], strict=True))

    def number(self, key: Any) -> int:
        """An integer, the same for equal keys."""
        return self._numbers.setdefault(key, len(self._numbers))

    def look_of(self, scope: ModuleCall) -> tuple[Any, ...]:
        """A key for a call of a Module, equal for layers of one kind."""
        module = scope.module
        text = self._texts.setdefault(id(module), scope.text)
        return type(module), text, _without_numbers(scope.name)


def _without_numbers(name: str | None) -> str | None:
    """A name without its numbers: `layers.0` and `layers.2` are of one kind, `encoder` and `decoder` are not."""
    return _DIGITS.sub("#", name) if name else None


def _form(node: Node) -> tuple:
    arrays = node.array if type(node.array) is tuple else (node.array,)
    return tuple([(array.shape, array.dtype) for array in arrays])


def _look(node: Node, forms: list[tuple]) -> tuple:
    name = _without_numbers(getattr(node.value, "name", None))
    if node.kind != "operation":
        return node.kind, name, node.cut and node.cut.by
    value, drawn = node.value, {argnum for _, argnum in node.operands}
    constants = [(argnum, _hashable(arg)) for argnum, arg in enumerate(value._args) if argnum not in drawn]
    settings = [(key, _hashable(arg)) for key, arg in primitives.visible_kwargs(value._kwargs).items()]
    operands = [(argnum, forms[index]) for index, argnum in node.operands]
    return name, value._function, tuple(operands), tuple(constants), tuple(settings)


def _hashable(value: Any) -> Any:
    """A key for an argument that is no node. Labels are too short for it: 0.3333333 and 0.3333334 have the same."""
    if isinstance(value, (tuple, list)):
        return (type(value), *map(_hashable, value))
    if getattr(value, "ndim", 0) > 0:
        return value.shape, str(value.dtype)  # each step of a loop may have indices of its own
    return repr(value)
