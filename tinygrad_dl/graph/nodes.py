"""What there is to see: the operations, parameters and data behind some Tensors, as numbered nodes with operands.

Nothing here knows of pictures: `dot.py` draws a Graph, `folding/` sums parts of it up, `record.py` runs the backward
pass through it, and `page/` steps through it. All go over `nodes` in a loop, as no graph is too deep for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..core import cuts, primitives
from ..core.backprop import topological_order
from ..core.registry import name_of
from ..core.tensor import Tensor
from . import labels
from .scopes import Scope, scopes_of


class Operand(NamedTuple):
    """Argument `argnum` of an operation: the node at `index`."""

    index: int  # type: ignore[assignment]  # not the method of tuples
    argnum: int


class Node:
    """An operation with the value it gave, or a leaf: a `value` that is a Tensor or, of data, perhaps a plain array.

    `kind` is "operation", "parameter", "data", or "blocked": what an operation that gradients don't go through gave.
    """

    __slots__ = ("index", "is_output", "kind", "operands", "path", "scope", "value")

    index: int
    value: Any
    kind: str
    operands: tuple[Operand, ...]
    is_output: bool

    def __init__(self, index: int, value: Any, kind: str, operands: tuple[Operand, ...] = ()):
        self.index, self.value, self.kind, self.operands = index, value, kind, operands
        self.is_output = False
        self.path: str | None = None  # of a parameter, where the outermost Module has it: `cell.W`
        self.scope: Scope | None = None  # the call of a Module that computed it, the innermost one

    @property
    def id(self) -> str:
        """How a picture and a page call it."""
        return f"n{self.index}"

    @property
    def name(self) -> str | None:
        """The name that the user or a net gave the Tensor, or else its path in its Module, if any."""
        return getattr(self.value, "name", None) or self.path

    @property
    def function(self) -> Callable[..., Any] | None:
        """What computed it."""
        return self.value._function if self.kind == "operation" else None

    @property
    def array(self) -> Any:
        """Its numbers: an array, or a tuple of arrays for a function of several outputs."""
        return self.value._value if type(self.value) is Tensor else self.value

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape; None for several outputs."""
        return self.array.shape

    @property
    def is_tracked(self) -> bool:
        """Whether gradients flow to it."""
        return self.kind in ("operation", "parameter")

    @property
    def label(self) -> str:
        """What an operation is called, with its constants: `tanh`, `1 /`, `sum(axis=0)`. Of a leaf, what it is."""
        return labels.read(self.value)[0] if self.kind == "operation" else self.kind

    @property
    def title(self) -> str:
        """Its name, or else what it is."""
        return self.name or self.label

    @property
    def cut(self) -> cuts.Cut | None:
        """What took it out of the graph."""
        return cuts.of(self.value) if self.kind == "blocked" else None

    @property
    def line(self) -> str | None:
        """The user's line that computed it, if it was recorded in debug mode."""
        origin = getattr(self.value, "_origin", None) if self.kind == "operation" else None
        return origin.line if origin else None

    def __repr__(self) -> str:
        return f"<{self.id} {self.kind} {self.title} {self.shape} of {[operand.index for operand in self.operands]}>"


class Graph:
    """The nodes behind `outputs`, each after its operands; `scopes` are the calls of Modules among them.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> Graph([np.sum(x * x)]).nodes
    [<n0 parameter x (2,) of []>, <n1 operation × (2,) of [0, 0]>, <n2 operation sum () of [1]>]
    """

    outputs: list[int]
    scopes: list[Scope]

    def __init__(self, outputs: Sequence[Tensor]):
        self.nodes: list[Node] = []
        self._indices: dict[int, int] = {}  # by identity: `==` of Tensors and arrays is elementwise
        for tensor in topological_order(*outputs):
            if tensor._function is not None:
                operands = tuple([Operand(self._leaf(x), argnum) for x, argnum in labels.operands(tensor)])
                self._add(tensor, "operation", operands)
        self.outputs = [self._leaf(output) for output in outputs]
        for index in self.outputs:
            self.nodes[index].is_output = True
        self.scopes = scopes_of(self)
        outermost = {id(scope.module): scope.module for scope in self.scopes if scope.parent is None}
        for module in outermost.values():  # each once, however often it was called
            for path, parameter in module.named_parameters():
                if id(parameter) in self._indices:
                    self.nodes[self._indices[id(parameter)]].path = path

    @cached_property
    def names(self) -> list[str]:
        """What to call each node where its name must tell it from all others: `W`, or of several `W#0`; "" without one.

        >>> import tinygrad_dl as tg
        >>> Graph([tg.parameter(1.0, "x") * tg.parameter(2.0, "x") * tg.parameter(3.0, "y")]).names
        ['x#0', 'x#1', '', 'y', '']
        """
        uses = Counter(node.name for node in self.nodes)
        return [f"{n.name}#{n.index}" if n.name and uses[n.name] > 1 else n.name or "" for n in self.nodes]

    def index(self, value: Any) -> int | None:
        """The index of a Tensor or array, if it is in the graph."""
        return self._indices.get(id(value))

    def _leaf(self, value: Any) -> int:
        """The index of `value`; what no function made is added, unless it was before."""
        known = self._indices.get(id(value))
        if known is not None:
            return known
        if type(value) is Tensor and value.requires_grad:
            return self._add(value, "parameter")
        return self._add(value, "data" if cuts.of(value) is None else "blocked")

    def _add(self, value: Any, kind: str, operands: tuple[Operand, ...] = ()) -> int:
        node = Node(len(self.nodes), value, kind, operands)
        self._indices[id(value)] = node.index
        self.nodes.append(node)
        return node.index

    def sources_of_cut(self, node: Node) -> list[int]:
        """The nodes that a blocked one was computed from, of those that are in the graph."""
        alive = [] if node.cut is None else [self.index(source()) for source in node.cut.sources]
        return [index for index in alive if index is not None]

    def operation(self, node: Node) -> str | None:
        """The function of an operation as in NumPy: `np.tanh`; of a part of several outputs, that of all."""
        function = node.function
        if function is primitives.output:
            function = node.value._parents[0]._function
        return None if function is None else name_of(function)
