"""A graph as DOT text, Graphviz's language: what stands in the picture of a forward pass.

Operations are ellipses. Boxes are for named values and inputs: parameters, data, outputs and the
intermediates that the user named. An unnamed intermediate gets no box, which would double the picture for nothing:
its shape stands in the operation that made it. Numbers stand in the operation too: `1 /`, `** 2`, `sum(axis=0)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..graph import op_text, values
from ..graph.nodes import Node
from ..graph.record import Contribution
from .columns import column_breaks
from .dot_builder import DotBuilder
from .findings import FREED, Findings, Options
from .folding import Link, Unit, View

# Where two operands arrive, in order: a - b is not b - a, wherever the layout puts a and b. Where they may be swapped,
# and where there are more, they have no sides of their own, which would tie knots; many stand in order if they can.
_SIDES = {"TB": (":nw", ":ne"), "LR": (":nw", ":sw")}
_COMMUTATIVE = (np.add, np.multiply, np.maximum, np.minimum, np.hypot, np.logaddexp)
_MANY = {"ordering": "in"}
_TALL = {"shape": "box", "style": "filled,rounded", "margin": "0.08,0.03"}  # an ellipse around many lines is huge

# A leaf that many operations share, as in an unrolled recurrent net, ties the picture into a knot: layout takes minutes
# at 500 operations. Beyond this many uses each use gets a copy of the leaf, and 5,000 operations take seconds.
_SHARED_USES = 4

_REPORTS = {  # by the convention of a report
    "course": "The report reads dZ and dA as errors per sample, as in the course: m times the derivatives of the cost.",
    "derivative": "The report reads dZ and dA as derivatives of the cost, with the factor 1/m.",
}

# Labels of edges double the ranks of a layout, and 5,000 operations take five times as long: beyond so many nodes, the
# labels are in the tooltips of the edges.
_UNLABELLED = 1_000


@dataclass
class Picture:
    """The forward pass in a `view` of a graph, in a builder."""

    view: View
    found: Findings
    options: Options
    builder: DotBuilder
    outer: str | None = None

    def __post_init__(self) -> None:
        self._nodes = self.found.graph.nodes
        self._sources: list[str] = []  # of each unit, the node of the builder where its value is
        self._copies: Counter[int] = Counter()
        self._uses = Counter(link.tail for link in self.view.links if not link.loops)
        self._blocked: list[tuple[Node, str]] = []  # with the nodes of the builder
        self._breaks = column_breaks(self.view, self.options.passes)

    def draw(self) -> None:
        """Put it into the builder: each unit, and the links into it."""
        if self.options.modules:
            for frame in self.view.frames:
                self.builder.frame(frame.id, frame.title, frame.parent.id if frame.parent else self.outer, frame.kind)
        links: dict[int, list[Link]] = {}
        for link in self.view.links:
            links.setdefault(link.head, []).append(link)
        self._sources = [""] * len(self.view.units)
        for unit in self.view.units:
            incoming = links.get(unit.index, [])
            if unit.node is None:
                self._group(unit, incoming)
            elif unit.node.kind == "operation":
                self._operation(unit, unit.node, incoming)
            elif self._uses[unit.index] <= _SHARED_USES or unit.node.is_output:
                self._sources[unit.index] = self._leaf(unit, unit.node, unit.node.id)
        for link in self.view.links:
            if link.loops:
                self._edge(link, self._source(link), self.view.units[link.head].id, style="dashed", constraint="false")
        for node, id in self._blocked:  # now that all is there that they were cut off from
            for index in self.found.graph.sources_of_cut(node):
                source = self._sources[self.view.unit_of[index]]
                if source:
                    self.builder.edge(source, id, id=f"e{index}-{id[1:]}-cut", style="dotted")

    # ---- nodes

    def _operation(self, unit: Unit, node: Node, links: list[Link]) -> None:
        boxed = bool(node.name) or unit.is_output
        details = [] if boxed else self._details(unit, node)
        if self.options.formulas:
            rows = op_text.derivatives(self.found.graph, node, unit.members)
            details += [f"d{name}: {formula}" if name else formula for name, formula in rows]
        links = [link for link in links if not link.loops]
        ordered = len(links) == 2 and node.function not in _COMMUTATIVE
        sides = _SIDES[self.options.direction] if ordered else ("",) * len(links)
        self.builder.node(
            node.id,
            "operation",
            node.label,
            details,
            frame=self._frame(unit),
            tooltip=self._tooltip(unit, node),
            **(_MANY if len(links) > 3 else {}),
            **(_TALL if len(details) > 2 else {}),
            **({} if boxed else self.found.look(unit.members, self.options)),
        )
        for link, side in zip(links, sides, strict=True):
            self._edge(link, self._source(link, unit), node.id + side)
        self._sources[unit.index] = node.id
        if boxed:
            self._sources[unit.index] = self._leaf(unit, node, f"{node.id}-value")
            self.builder.edge(node.id, f"{node.id}-value", id=f"e{node.index}-value")

    def _leaf(self, unit: Unit, node: Node, id: str) -> str:
        """A box for a value."""
        kind = "output" if unit.is_output else "value" if node.kind == "operation" else node.kind
        title = node.name or ("output" if node.kind == "operation" else node.cut.by if node.cut else node.kind)
        details = self._details(unit, node)
        if unit.repeats > 1:
            title = unit.title if node.name else title
            details += ["the last one is the output"] if unit.is_output else []
        if node.cut is not None and node.name:
            details.insert(0, f"cut off by {node.cut.by}")
        self.builder.node(
            id,
            kind,
            title,
            [*self.found.verdict(unit.members), *details],
            frame=self._frame(unit),
            tooltip=self._tooltip(unit, node),
            image=values.image(node.array) if self.options.values == "image" and unit.repeats == 1 else None,
            **self.found.look(unit.members, self.options),
        )
        if node.kind == "blocked":
            self._blocked.append((node, id))
        return id

    def _group(self, unit: Unit, links: list[Link]) -> None:
        details = [*self.found.verdict(unit.members), *unit.lines, *self._gradients(unit)]
        look = self.found.look(unit.members, self.options)
        self.builder.node(unit.id, unit.kind, unit.title, details, frame=self._frame(unit), **look)
        self._sources[unit.index] = unit.id
        for link in links:
            if not link.loops:
                self._edge(link, self._source(link, unit), unit.id)
        outputs = [self._nodes[index] for index in unit.members if self._nodes[index].is_output]
        if outputs:
            self._sources[unit.index] = self._outputs(unit, outputs)

    def _outputs(self, unit: Unit, outputs: list[Node]) -> str:
        """A box for the value of a group that is an output; of a long run of operations, there may be several."""
        id, (first, *more) = f"{unit.id}-value", outputs
        if more:
            self.builder.node(id, "output", f"{len(outputs):,} outputs", frame=self._frame(unit))
        else:
            single = replace(unit, node=first, members=[first.index], repeats=1, kind="node")
            self._leaf(single, first, id)
        self.builder.edge(unit.id, id, id=f"e{unit.id}-value")
        return id

    def _frame(self, unit: Unit) -> str | None:
        return unit.frame.id if unit.frame is not None and self.options.modules else self.outer

    def _source(self, link: Link, user: Unit | None = None) -> str:
        """The node of the builder that an edge comes from: of a leaf with many uses a copy of its own."""
        if not self._sources[link.tail]:
            unit = self.view.units[link.tail]
            assert unit.node is not None
            self._copies[link.tail] += 1
            copy = unit if user is None else replace(unit, frame=user.frame)  # it stands where its user does
            return self._leaf(copy, unit.node, f"{unit.node.id}-use-{self._copies[link.tail]}")
        return self._sources[link.tail]

    # ---- edges

    def _edge(self, link: Link, tail: str, head: str, **attributes: str) -> None:
        label, tooltip, classes = [], [], []
        attributes |= {"constraint": "false"} if (link.tail, link.head) in self._breaks else {}
        unit, user = self.view.units[link.tail], self.view.units[link.head]
        if link.loops:
            label.append("to the next")
        elif unit.node is not None and unit.node.kind != "operation" and link.count < unit.repeats:
            label.append(f"{link.count:,} of {unit.repeats:,}")
        elif link.count > 1 and link.count != user.repeats:
            label.append(f"×{link.count}")
        if user.node is not None:
            source, target = self._nodes[link.operand[0]], self._nodes[link.operand[1]]
            contribution = self._contribution(link.operand)
            if self.options.shapes and source.shape is not None:
                label.append(str(source.shape))
            shape = op_text.broadcast_shape(source, target, link.operand[2], contribution)
            if shape is not None:
                label += ["broadcast", f"to {shape}"]
                tooltip.append(f"{source.title} is broadcast: {source.shape} to {shape}")
                classes.append("broadcast")
                attributes |= {"dir": "both", "arrowtail": "odiamond"}
            if contribution is not None and self.options.gradients is True and link.count == 1:
                label.append(f"adds {values.number(contribution.norm)}")
                if contribution.is_summed:
                    label.append(op_text.undone(contribution.raw_shape, contribution.shape))
                tooltip.append(f"adds a part of norm {contribution.norm:.6g} to the gradient of {source.title}")
        if len(self.view.units) > _UNLABELLED:
            label, tooltip = [], [*tooltip, *label]
        self.builder.edge(
            tail, head, id=link.id, label=label, tooltip="; ".join(tooltip), classes=classes, **attributes
        )

    def _contribution(self, operand: tuple[int, int, int]) -> Contribution | None:
        return None if self.found.record is None else self.found.record.of(operand)

    # ---- words

    def _details(self, unit: Unit, node: Node) -> list[str]:
        """The lines below the name of a value: how many, shape, dtype, numbers, gradient, memory."""
        if node.shape is None:
            return [f"{len(node.array)} outputs"]
        dtype = "" if node.array.dtype == self.found.usual_dtype else f"  {node.array.dtype}"
        lines = [f"{node.shape}{dtype}"]
        if unit.repeats > 1:
            lines += [*([] if self.options.modules else [f"×{unit.repeats:,}"]), *self._gradients(unit)]
        else:
            lines += values.lines(node.array) if self.options.values else []
            if self.options.gradients:
                lines += self.found.gradient(node, bool(self.options.values))
            elif self.options.heat:
                lines += [f"gradient {line}" for line in self.found.norm([node.index])]
        if self.options.memory:
            lines.append(values.memory(sum(values.size(self._nodes[i].array) for i in unit.members)))
        return lines

    def _gradients(self, unit: Unit) -> list[str]:
        """The norms of the gradients that a unit stands for."""
        if not self.options.norms:
            return []
        norm, *some = self.found.norm(unit.members) or [""]
        return [f"gradient {norm}", *some] if norm else []

    def _tooltip(self, unit: Unit, node: Node) -> str:
        """All that is known of a node, or of the first one of several, in lines."""
        lines = [f"the first of {unit.repeats:,}:"] if unit.repeats > 1 else []
        lines.append(node.title if node.kind != "operation" else op_text.line(self.found.graph, node))
        if node.shape is not None:
            lines.append(
                f"{node.kind}, shape {node.shape}, {node.array.dtype}, {values.memory(values.size(node.array))}"
            )
            lines += values.lines(node.array)
        if node.cut is not None:
            lines.append(f"cut off from the graph by {node.cut.by}: no gradient passes")
        lines += self.found.causes(unit.members)
        if node.line:
            lines.append(node.line)
        return "\n".join(lines)


def notes(found: Findings, options: Options, view: View, verdict: Sequence[str]) -> list[str]:
    """The notes at the foot of a picture."""
    lines = [view.note] if view.note else []
    if options.legend:
        lines.append(f"dtype: {found.usual_dtype} unless noted.")
    if options.memory:
        total = sum({id(node.array): values.size(node.array) for node in found.graph.nodes}.values())
        lines.append(f"The graph holds {values.memory(total)}.")
    if options.gradients is True and options.show != "backward":
        lines.append("adds: the norm of what an edge adds to the gradient of its source.")
    if options.gradients == "stored" and "freed" in found.states:
        lines.append(FREED)
    if options.show != "forward" and found.derived.reading:
        lines.append(found.derived.reading)
    if any(row.name[1] in "ZA" for row in found.verdicts.values()) and found.report.convention in _REPORTS:
        lines.append(_REPORTS[found.report.convention])
    if options.formulas or options.show != "forward":
        lines.append("In formulas, g is the arriving gradient, ans the result, x and y are unnamed arguments.")
    uses = Counter(link.tail for link in view.links if not link.loops)
    if options.show != "backward" and any(
        uses[unit.index] > _SHARED_USES and unit.node is not None and unit.node.kind != "operation"
        for unit in view.units
    ):
        lines.append("What many operations share, as a parameter, is drawn beside each of them.")
    if options.heat and any(len(unit.members) > 1 for unit in view.units):
        lines.append("What stands for several has the colours of its smallest gradient, left, and of its largest.")
    return [*lines, *verdict]
