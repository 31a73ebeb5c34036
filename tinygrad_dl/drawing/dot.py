"""A graph as DOT text, Graphviz's language: what stands in the picture of a forward pass.

Operations are ellipses. Boxes are for what has a name or comes from outside: parameters, data, outputs and the
intermediates that the user named. An unnamed intermediate gets no box, which would double the picture to say nothing:
its shape stands in the operation that made it. Numbers stand in the operation too: `1 /`, `** 2`, `sum(axis=0)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from . import style, values, wording
from .folding import Link, Unit, View
from .graph import Graph, Node
from .record import Contribution, Record, states
from .sketch import Sketch

# Where two operands arrive, in order: a - b is not b - a, wherever the layout puts a and b. Where they may be swapped,
# and where there are more, they have no sides of their own, which would tie knots; many stand in order if they can.
_SIDES = {"TB": (":nw", ":ne"), "LR": (":nw", ":sw")}
_COMMUTATIVE = (np.add, np.multiply, np.maximum, np.minimum, np.hypot, np.logaddexp)
_MANY = {"ordering": "in"}
_TALL = {"shape": "box", "style": "filled,rounded", "margin": "0.08,0.03"}  # an ellipse around many lines is huge

# A leaf that many operations share, as in an unrolled recurrent net, ties the picture into a knot: layout takes minutes
# at 500 operations. Beyond this many uses each use gets a copy of the leaf, and 5,000 operations take seconds.
_SHARED_USES = 4

# Labels of edges double the ranks of a layout, and 5,000 operations take five times as long: beyond so many nodes, what
# they say is in the tooltips of the edges.
_UNLABELLED = 1_000


@dataclass(frozen=True)
class Options:
    """What a picture says, beyond names and shapes: see `draw`."""

    show: str = "forward"
    values: bool | str = False
    gradients: bool | str = False
    formulas: bool = False
    shapes: bool = False
    memory: bool = False
    heat: bool = False
    direction: str = "TB"
    dark: bool = False
    legend: bool = True
    modules: bool = True
    plain: bool = False

    def plainly(self) -> Options:
        """The same, laid out fast: straight edges and no frames."""
        return replace(self, plain=True, modules=False)


@dataclass
class Findings:
    """What was found out about a graph once, for all its pictures: a backward pass, and the verdicts of a report."""

    graph: Graph
    record: Record | None = None
    report: Any = None
    stored: bool = False  # the gradients told are those in `grad`, whatever was recorded for the colours

    @cached_property
    def states(self) -> list[str]:
        return states(self.graph, None if self.stored else self.record)

    @cached_property
    def usual_dtype(self) -> Any:
        """The dtype that most values have: a picture names the others."""
        counts = Counter(node.array.dtype for node in self.graph.nodes if node.shape is not None)
        return counts.most_common(1)[0][0] if counts else None

    @cached_property
    def norms(self) -> dict[int, float]:
        """The norm of the gradient of each node."""
        return {} if self.record is None else {i: values.norm(g) for i, g in self.record.gradients.items()}

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """From where to where the colours go: between the norms that are not 0, two decades at least."""
        given = self.graph.outputs  # where the pass starts, at 1
        norms = [norm for i, norm in self.norms.items() if norm and np.isfinite(norm) and i not in given]
        high = max(norms, default=1.0)
        return min([*norms, high / 100]) or high, high

    @cached_property
    def verdicts(self) -> dict[int, Any]:
        """The row of the report for each node that it names; of several with one name, for the last."""
        named = {node.name: node.index for node in self.graph.nodes if node.name}
        return {named[row.name[1:]]: row for row in self.report or () if row.name[1:] in named}

    def look(self, members: Sequence[int], options: Options) -> dict[str, Any]:
        """What the colours of these nodes say: the verdict of the report, or else how large their gradients are."""
        row = next((self.verdicts[index] for index in members if index in self.verdicts), None)
        if row is not None and len(members) == 1:
            theme, verdict = style.DARK if options.dark else style.LIGHT, "right" if row.status == "right" else "wrong"
            return {"classes": [verdict], "color": getattr(theme, verdict), "penwidth": "2.5"}
        norms = [self.norms[index] for index in members if index in self.norms]
        if not options.heat or not norms:
            return {}
        colour = style.heat(max(norms), *self.bounds)
        return {"classes": ["heat"], "fillcolor": colour, "fontcolor": style.LIGHT.text}

    def causes(self, index: int) -> list[str]:
        """What the report says of the gradient of a node, in lines of a tooltip."""
        row = self.verdicts.get(index)
        if row is None:
            return []
        return [f"{row.name}: {row.verdict}", *[f"{c.formula}\n{c.why} (week {c.week})" for c in row.causes]]


class Picture:
    """The forward pass in a `view` of a graph, in a sketch."""

    def __init__(self, view: View, found: Findings, options: Options, sketch: Sketch, frame: str | None = None):
        self.view, self.found, self.options, self.sketch, self.outer = view, found, options, sketch, frame
        self._nodes = found.graph.nodes
        self._sources: list[str] = []  # of each unit, the node of the sketch where its value is
        self._copies: Counter[int] = Counter()
        self._uses = Counter(link.tail for link in view.links if not link.loops)
        self._blocked: list[tuple[Node, str]] = []  # with the nodes of the sketch

    def draw(self) -> None:
        """Put it into the sketch: each unit, and the links into it."""
        if self.options.modules:
            for frame in self.view.frames:
                self.sketch.frame(frame.id, frame.title, frame.parent.id if frame.parent else self.outer, frame.kind)
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
                    self.sketch.edge(source, id, id=f"e{index}-{id[1:]}-cut", style="dotted")

    # ---- nodes

    def _operation(self, unit: Unit, node: Node, links: list[Link]) -> None:
        boxed = bool(node.name) or node.is_output
        details = [] if boxed else self._details(unit, node)
        if self.options.formulas:
            details += [f"{'d' + name}: {formula}" for name, formula in wording.derivatives(self.found.graph, node)]
        links = [link for link in links if not link.loops]
        ordered = len(links) == 2 and node.function not in _COMMUTATIVE
        sides = _SIDES[self.options.direction] if ordered else ("",) * len(links)
        self.sketch.node(
            node.id,
            "operation",
            node.label,
            details,
            frame=self._frame(unit),
            tooltip=self._tooltip(node),
            **(_MANY if len(links) > 3 else {}),
            **(_TALL if len(details) > 2 else {}),
            **({} if boxed else self.found.look(unit.members, self.options)),
        )
        for link, side in zip(links, sides, strict=True):
            self._edge(link, self._source(link, unit), node.id + side)
        self._sources[unit.index] = node.id
        if boxed:
            self._sources[unit.index] = self._leaf(unit, node, f"{node.id}-value")
            self.sketch.edge(node.id, f"{node.id}-value", id=f"e{node.index}-value")

    def _leaf(self, unit: Unit, node: Node, id: str) -> str:
        """A box for a value."""
        kind = "output" if node.is_output else "value" if node.kind == "operation" else node.kind
        title = node.name or ("output" if node.kind == "operation" else node.cut.by if node.cut else node.kind)
        if unit.repeats > 1 and unit.title:
            title = unit.title
        details = self._details(unit, node)
        if node.cut is not None and node.name:
            details.insert(0, f"cut off by {node.cut.by}")
        if node.index in self.found.verdicts:
            details.insert(0, f"{self.found.verdicts[node.index].name} {self.found.verdicts[node.index].verdict}")
        self.sketch.node(
            id,
            kind,
            title,
            details,
            frame=self._frame(unit),
            tooltip=self._tooltip(node),
            image=values.image(node.array) if self.options.values == "image" else None,
            **self.found.look(unit.members, self.options),
        )
        if node.kind == "blocked":
            self._blocked.append((node, id))
        return id

    def _group(self, unit: Unit, links: list[Link]) -> None:
        details = [*unit.lines, *self._gradients(unit)]
        look = self.found.look(unit.members, self.options)
        self.sketch.node(unit.id, unit.kind, unit.title, details, frame=self._frame(unit), **look)
        self._sources[unit.index] = unit.id
        for link in links:
            if not link.loops:
                self._edge(link, self._source(link, unit), unit.id)

    def _frame(self, unit: Unit) -> str | None:
        return unit.frame.id if unit.frame is not None and self.options.modules else self.outer

    def _source(self, link: Link, user: Unit | None = None) -> str:
        """The node of the sketch that an edge comes from: of a leaf with many uses a copy of its own."""
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
        user = self.view.units[link.head]
        if link.loops:
            label.append("to the next")
        elif link.count > 1 and link.count != user.repeats:
            label.append(f"×{link.count}")
        if link.operand is not None and user.node is not None:
            source, target = self._nodes[link.operand[0]], self._nodes[link.operand[1]]
            if self.options.shapes and source.shape is not None:
                label.append(str(source.shape))
            if wording.is_broadcast(source, target, link.operand[2]):
                label += ["broadcast", f"to {target.shape}"]
                tooltip.append(f"{source.title} is broadcast: {source.shape} to {target.shape}")
                classes.append("broadcast")
                attributes |= {"dir": "both", "arrowtail": "odiamond"}
            contribution = self._contribution(link.operand)
            if contribution is not None and self.options.gradients is True and link.count == 1:
                label.append(f"g {values.number(values.norm(contribution.value))}")
                if contribution.is_summed:
                    label.append(wording.undone(contribution.raw.shape, contribution.value.shape))
                tooltip.append(
                    f"adds a part of norm {values.norm(contribution.value):.6g} to the gradient of {source.title}"
                )
        id = f"e{link.operand[0]}-{link.operand[1]}-{link.operand[2]}" if link.operand else f"l{link.tail}-{link.head}"
        if len(self.view.units) > _UNLABELLED:
            label, tooltip = [], [*tooltip, *label]
        self.sketch.edge(tail, head, id=id, label=label, tooltip="; ".join(tooltip), classes=classes, **attributes)

    def _contribution(self, operand: tuple[int, int, int]) -> Contribution | None:
        return None if self.found.record is None else self.found.record.of(operand)

    # ---- words

    def _details(self, unit: Unit, node: Node) -> list[str]:
        """The lines below the name of a value: shape, dtype, numbers, gradient, memory."""
        if node.shape is None:
            return [f"{len(node.array)} outputs"]
        dtype = "" if node.array.dtype == self.found.usual_dtype else f"  {node.array.dtype}"
        lines = [f"{node.shape}{dtype}"]
        if self.options.values and len(unit.members) == 1:
            lines += values.lines(node.array)
        if len(unit.members) > 1:
            lines += self._gradients(unit)
        elif self.options.gradients:
            lines += self._gradient(node)
        elif self.options.heat and node.index in self.found.norms:
            lines.append(f"gradient norm {values.number(self.found.norms[node.index])}")
        if self.options.memory:
            lines.append(values.memory(sum(values.size(self._nodes[i].array) for i in unit.members)))
        return lines

    def _gradients(self, unit: Unit) -> list[str]:
        """The norms of the gradients that a unit stands for."""
        norms = [self.found.norms[index] for index in unit.members if index in self.found.norms]
        if not norms or not (self.options.gradients or self.options.heat):
            return []
        return [f"gradient norms {values.number(min(norms))} to {values.number(max(norms))}"]

    def _gradient(self, node: Node) -> list[str]:
        state = self.found.states[node.index]
        if state == "blocked":
            return ["gradient blocked"]
        if state != "computed":
            return [f"gradient {state}"] if state != "not needed" else ["no gradient needed"]
        record = None if self.found.stored else self.found.record
        g = node.value.grad if record is None else record.gradients[node.index]
        parts = 0 if record is None else len(record.into(node.index))
        sum_of = f", 1 + {parts} more" if parts and node.is_output else f", sum of {parts}" if parts > 1 else ""
        if not isinstance(g, tuple) and np.size(g) == 1:
            return [f"gradient {values.number(np.reshape(g, ())[()])}{sum_of}"]
        numbers = values.lines(g) if self.options.values and np.size(g) <= values.FULL else []
        return [f"gradient norm {values.number(values.norm(g))}{sum_of}", *numbers]

    def _tooltip(self, node: Node) -> str:
        """All that is known of a node, in lines."""
        lines = [node.title if node.kind != "operation" else wording.line(self.found.graph, node)]
        if node.shape is not None:
            lines.append(
                f"{node.kind}, shape {node.shape}, {node.array.dtype}, {values.memory(values.size(node.array))}"
            )
            lines += values.lines(node.array)
        if node.cut is not None:
            lines.append(f"cut off from the graph by {node.cut.by}: no gradient passes")
        lines += self.found.causes(node.index)
        if node.line:
            lines.append(node.line)
        return "\n".join(lines)


def notes(found: Findings, options: Options, view: View, verdict: Sequence[str]) -> list[str]:
    """What the foot of a picture says in words."""
    lines = [view.note] if view.note else []
    if options.legend:
        lines.append(f"dtype: {found.usual_dtype} where nothing else is said.")
    if options.memory:
        total = sum({id(node.array): values.size(node.array) for node in found.graph.nodes}.values())
        lines.append(f"The graph holds {values.memory(total)}.")
    if options.gradients is True and options.show != "backward":
        lines.append("g: the norm of what an edge adds to the gradient of its source.")
    if options.heat and any(len(unit.members) > 1 for unit in view.units):
        lines.append("What stands for several has the colour of the largest gradient.")
    return [*lines, *verdict]
