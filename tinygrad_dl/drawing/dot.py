"""A graph of Tensors as DOT text, Graphviz's language: what stands in the picture, and how it looks.

Operations are ellipses. Boxes are for what has a name or comes from outside: parameters, data, outputs and the
intermediates that the user named. An unnamed intermediate gets no box, which would double the picture to say nothing:
its shape stands in the operation that made it. Numbers stand in the operation too: `1 /`, `** 2`, `sum(axis=0)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..autodiff import topological_order
from ..tensor import Tensor
from . import engine, labels

# Outline and shape say what colour says too, for print and for the colour-blind.
_GRAPH = {"rankdir": "TB", "ranksep": "0.3", "nodesep": "0.25", "bgcolor": "white"}
_NODE = {"fontname": "Helvetica", "fontsize": "12", "height": "0.3", "style": "filled"}
_EDGE = {"arrowsize": "0.6", "color": "#7a828c"}
_OPERATION = {"shape": "ellipse", "fillcolor": "#f3f4f6", "color": "#9aa1ab", "margin": "0.02,0.02"}
_INTERMEDIATE = {"shape": "box", "fillcolor": "white", "color": "#5c6670"}
_PARAMETER = {"shape": "box", "style": "filled,rounded", "fillcolor": "#cfe3f5", "color": "#2b6ca3", "penwidth": "1.5"}
_DATA = {"shape": "box", "style": "filled,dashed", "fillcolor": "#fbf3d5", "color": "#8a7320"}
_OUTPUT = {"peripheries": "2", "fillcolor": "#fbdfcf", "color": "#b0552a"}

# Where the operands arrive, in order: a - b is not b - a, wherever the layout puts a and b. More than three have no
# sides of their own; the layout is asked to place them in order, and does where no other operation wants another one.
_SIDES = {2: (":nw", ":ne"), 3: (":nw", ":n", ":ne")}
_MANY = {"ordering": "in"}

# A leaf that many operations share, as in an unrolled recurrent net, ties the picture into a knot: layout takes minutes
# at 500 operations. Beyond this many uses each use gets a copy of the leaf, and 5,000 operations take seconds.
_SHARED_USES = 4


def draw(tensors: Tensor | Sequence[Tensor]) -> Drawing:
    r"""The picture of how `tensors`, a loss for example or a list of several Tensors, were computed.

    Parameters are round boxes, data are dashed, the outputs `tensors` have a double border, and a Tensor that has a
    `name` has a box of its own. Raises TypeError for anything but Tensors.

    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.drawing import draw
    >>> w = tg.parameter([0.5, -1.0], name="w")
    >>> drawing = draw(w**2)
    >>> drawing
    Drawing of 3 nodes and 2 edges: .render("graph.svg") writes the picture, .source is its DOT text
    >>> "w\\n(2,)" in drawing.source
    True
    """
    outputs: list[Any] = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"draw: expected a Tensor, such as the loss, or a list of Tensors, got {type(output).__name__} "
                f"{str(output)[:40]!r}: pass the Tensor itself, without .numpy(), .item() or float()."
            )
    if not outputs:
        raise TypeError("draw: expected a Tensor or a list of Tensors, got an empty list: pass the loss, say.")
    picture = _Picture(outputs)
    return Drawing(picture.graph.source, picture.nodes, picture.edges)


@dataclass(frozen=True, repr=False)
class Drawing:
    """A picture of a graph, as DOT text; a notebook shows it. Made by `draw`.

    >>> import tempfile
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.drawing import draw
    >>> drawing = draw(tg.parameter(2.0, name="x") * 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     drawing.render(f"{folder}/graph.gv").name
    'graph.gv'
    """

    source: str
    nodes: int
    edges: int

    def render(self, path: str | Path) -> Path:
        """Write the picture to `path` and return it: .svg, .png or .pdf; .gv and .dot hold the source itself.

        Raises ValueError for another suffix, FileNotFoundError for a folder that does not exist, and RuntimeError
        without a program that can lay the graph out, which .gv and .dot don't need. A file is replaced whole, or not.

        >>> import tinygrad_dl as tg
        >>> from tinygrad_dl.drawing import draw
        >>> draw(tg.parameter(2.0)).render("graph.jpeg")
        Traceback (most recent call last):
        ValueError: render: expected a path that ends in .svg, .png, .pdf, .gv or .dot, got 'graph.jpeg'.
        """
        return engine.write(self.source, Path(path))

    def _repr_svg_(self) -> str | None:
        """The picture for a notebook, or None, for its text instead, where no engine can lay it out."""
        try:
            return engine.rendered(self.source, ".svg").decode()
        except engine.EngineError:
            return None

    def __repr__(self) -> str:
        nodes, edges = (
            f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in ((self.nodes, "node"), (self.edges, "edge"))
        )
        how = '.render("graph.svg") writes the picture' if engine.find() else f"no layout engine, {engine.REMEDY}"
        return f"Drawing of {nodes} and {edges}: {how}, .source is its DOT text"


class _Picture:
    """DOT under construction: operations in the order of the graph, their operands' boxes where first used."""

    def __init__(self, outputs: Sequence[Tensor]):
        from graphviz import Digraph  # type: ignore[import-untyped]

        self.graph = Digraph("graph", graph_attr=_GRAPH, node_attr=_NODE, edge_attr=_EDGE)
        self.nodes = self.edges = 0
        self._outputs = {id(output) for output in outputs}
        made = [node for node in topological_order(*outputs) if node._function is not None]
        read = [labels.read(node) for node in made]
        self._ids: dict[int, str] = {}  # by identity: `==` of Tensors and arrays is elementwise
        self._uses = Counter(id(operand) for _, operands in read for operand in operands)
        for node, (label, operands) in zip(made, read, strict=True):
            self._operation(node, label, operands)
        for output in outputs:
            self._id(output)

    def _operation(self, node: Tensor, label: str, operands: list[Any]) -> None:
        sources = [self._id(operand) for operand in operands]
        boxed = bool(node.name) or id(node) in self._outputs
        look = _OPERATION | _MANY if len(operands) > max(_SIDES) else _OPERATION
        operation = self._node(label if boxed else f"{label}\n{node.shape}", look)
        for source, side in zip(sources, _SIDES.get(len(sources), ("",) * len(sources)), strict=True):
            self._edge(source, operation + side)
        self._ids[id(node)] = operation
        if boxed:
            self._ids[id(node)] = self._box(node, "output", _INTERMEDIATE)
            self._edge(operation, self._ids[id(node)])

    def _id(self, operand: Any) -> str:
        """The node of a Tensor or array: for what no function made it is drawn now, unless it was before."""
        if id(operand) in self._ids:
            return self._ids[id(operand)]
        tracked = isinstance(operand, Tensor) and operand.requires_grad
        box = self._box(operand, *(("parameter", _PARAMETER) if tracked else ("data", _DATA)))
        if self._uses[id(operand)] <= _SHARED_USES or id(operand) in self._outputs:
            self._ids[id(operand)] = box
        return box

    def _box(self, value: Any, nameless: str, look: dict[str, str]) -> str:
        name = str(getattr(value, "name", None) or nameless)
        return self._node(f"{name}\n{value.shape}", look | _OUTPUT if id(value) in self._outputs else look)

    def _node(self, text: str, look: dict[str, str]) -> str:
        self.nodes += 1
        name = f"n{self.nodes}"
        self.graph.node(name, labels.escaped(text), **look, **labels.least_width(text))
        return name

    def _edge(self, tail: str, head: str) -> None:
        self.edges += 1
        self.graph.edge(tail, head)
