"""The graph model: the operations, parameters and data behind some Tensors, as numbered nodes with operands.

It is independent of pictures: `drawing/` draws a Graph, `record.py` runs the backward pass through it. All users loop
over `nodes`, so the depth of a graph is not limited by recursion.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..core import primitives
from ..core.backprop import topological_order
from ..core.registry import name_of
from ..core.tensor import Tensor
from ..guards import cuts
from . import labels
from .module_calls import ModuleCall, module_calls_of

_FOLDER = re.compile(
    r"(?<!\S)(?:[A-Za-z]:)?[/\\][^:\n]*[/\\](?=[^/\\:\n]+:\d+)"
)  # a picture or page is passed on to others


class Operand(NamedTuple):
    """Argument `argnum` of an operation: the node at `index`."""

    index: int  # type: ignore[assignment]  # not the method of tuples
    argnum: int


class Node:
    """An operation with its `value`, or a leaf: a Tensor, or for data possibly a plain array.

    `kind` is "operation", "parameter", "data" or "blocked": the result of an operation that stops gradients.
    """

    __slots__ = ("alias", "index", "is_output", "kind", "operands", "path", "scope", "value")

    index: int
    value: Any
    kind: str
    operands: tuple[Operand, ...]
    is_output: bool

    def __init__(self, index: int, value: Any, kind: str, operands: tuple[Operand, ...] = ()):
        self.index, self.value, self.kind, self.operands = index, value, kind, operands
        self.is_output = False
        self.path: str | None = None  # of a parameter in the outermost Module: `cell.W`
        self.alias: str | None = None  # of data and outputs without a name: see `data_names`
        self.scope: ModuleCall | None = None  # the call of a Module that computed it, the innermost one

    @property
    def id(self) -> str:
        """The identifier in pictures and pages."""
        return f"n{self.index}"

    @property
    def name(self) -> str | None:
        """The name of the Tensor, or else its path in its Module, or its alias, or None."""
        return getattr(self.value, "name", None) or self.path or self.alias

    @property
    def function(self) -> Callable[..., Any] | None:
        """The function of an operation, or None."""
        return self.value._function if self.kind == "operation" else None

    @property
    def array(self) -> Any:
        """The values: an array, or a tuple of arrays for a function of several outputs."""
        return self.value._value if type(self.value) is Tensor else self.value

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape; None for several outputs."""
        return self.array.shape

    @property
    def is_tracked(self) -> bool:
        """True if gradients flow to the node."""
        return self.kind in ("operation", "parameter")

    @property
    def label(self) -> str:
        """The label of an operation, with its constants: `tanh`, `1 /`, `sum(axis=0)`. For a leaf, its kind."""
        return labels.read_label(self.value)[0] if self.kind == "operation" else self.kind

    @property
    def title(self) -> str:
        """The name, or else the label."""
        return self.name or self.label

    @property
    def cut(self) -> cuts.Cut | None:
        """The origin of a blocked node, or None."""
        return cuts.of(self.value) if self.kind == "blocked" else None

    @property
    def line(self) -> str | None:
        """The user's line that computed it, without the folder of its file, if it was recorded in debug mode."""
        origin = getattr(self.value, "_origin", None) if self.kind == "operation" else None
        return _FOLDER.sub("", origin.line, count=1) if origin else None

    def __repr__(self) -> str:
        return f"<{self.id} {self.kind} {self.title} {self.shape} of {[operand.index for operand in self.operands]}>"


class Graph:
    """The computation graph of some Tensors as a list of nodes, each after its operands.

    Parameters
    ----------
    outputs
        Tensors, such as a loss; their order is kept in the attribute `outputs`.

    Attributes
    ----------
    nodes
        The nodes, each of which has its place in the list as `index`.
    outputs
        The indices of the outputs.
    scopes
        The calls of Modules among the nodes, outer ones first.

    Raises
    ------
    RuntimeError
        If the graph was freed by `backward(keep_graph=False)`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> Graph([np.sum(x * x)]).nodes
    [<n0 parameter x (2,) of []>, <n1 operation × (2,) of [0, 0]>, <n2 operation sum () of [1]>]
    """

    outputs: list[int]
    scopes: list[ModuleCall]

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
        self.scopes = module_calls_of(self)
        outermost = {id(scope.module): scope.module for scope in self.scopes if scope.parent is None}
        for module in outermost.values():  # each once, even if it is called repeatedly
            for path, parameter in module.named_parameters():
                if id(parameter) in self._indices:
                    self.nodes[self._indices[id(parameter)]].path = path

    @cached_property
    def names(self) -> list[str]:
        """A unique name for each node: `W`, or `W#0` if several nodes have that name; "" without a name.

        >>> import tinygrad_dl as tg
        >>> Graph([tg.parameter(1.0, "x") * tg.parameter(2.0, "x") * tg.parameter(3.0, "y")]).names
        ['x#0', 'x#1', '', 'y', '']
        """
        uses = Counter(node.name for node in self.nodes)
        return [f"{n.name}#{n.index}" if n.name and uses[n.name] > 1 else n.name or "" for n in self.nodes]

    @cached_property
    def own_names(self) -> frozenset[str | None]:
        """The names of all nodes, as they were given."""
        return frozenset(node.name for node in self.nodes)

    def index(self, value: Any) -> int | None:
        """The index of a Tensor or array, if it is in the graph."""
        return self._indices.get(id(value))

    def _leaf(self, value: Any) -> int:
        """The index of `value`, which is added as a leaf if it is new."""
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
        """The indices of the nodes that a blocked `node` was computed from, as far as they are in the graph."""
        alive = [] if node.cut is None else [self.index(source()) for source in node.cut.sources]
        return [index for index in alive if index is not None]

    def operation(self, node: Node) -> str | None:
        """The full name of an operation's function, `np.tanh`; for one of several outputs, of the function of all."""
        function = node.function
        if function is primitives.output:
            function = node.value._parents[0]._function
        return None if function is None else name_of(function)
