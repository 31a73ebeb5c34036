"""The backward pass as a picture: from the gradient of the output to those of the parameters, by rules.

A rule shows its formula, traced from the real one. Where several contributions meet, they are added up; where the
forward pass broadcast, the sum that undoes it is noted on the edge. Summaries are those of the forward picture:
repeated blocks, drawn once, show only facts that hold for all of them. A gradient shows the formula that several rules
give together, as A2 - Y, if it is shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..graph import op_text, values
from ..graph.record import Contribution
from .columns import column_breaks
from .dot_builder import DotBuilder
from .findings import Findings, Options, norm_of, shape_of
from .folding import Link, Unit, View
from .folding.views import span


@dataclass
class BackwardPicture:
    """The backward pass in a `view` of a graph, in a builder.

    `mirrored`, it runs against the direction of the picture, so that beside the forward pass what belongs together
    stands at one height.
    """

    view: View
    found: Findings
    options: Options
    builder: DotBuilder
    outer: str | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        assert self.found.record is not None
        self._gradients = self.found.record.gradients
        self._nodes = self.found.graph.nodes
        self._derived = self.found.derived.backward
        self._arriving: dict[int, list[tuple[str, Link]]] = {}  # at each unit, from which nodes of the builder
        self._anchors: dict[int, str] = {}  # of each unit that is reached, the node of the builder with its gradient
        self._between: dict[tuple[int, int], list[Contribution]] = {}  # units, by their tail and head
        self._breaks = column_breaks(self.view, self.options.passes)
        unit_of = self.view.unit_of
        for c in self.found.record.contributions:
            self._between.setdefault((unit_of[c.head], unit_of[c.tail]), []).append(c)

    def draw(self) -> None:
        """Put it into the builder: each unit that a gradient reaches, and the rules that carry it on."""
        if self.options.modules:
            for frame in self.view.frames:
                parent = f"b{frame.parent.id}" if frame.parent else self.outer
                self.builder.frame(f"b{frame.id}", frame.title, parent, frame.kind)
        into: dict[int, list[Link]] = {}
        for link in self.view.links:
            if self._contributions(link):
                into.setdefault(link.head, []).append(link)
        looping = {link.tail for links in into.values() for link in links if link.loops}
        loops = []
        for unit in reversed(self.view.units):
            if any(index in self._gradients for index in unit.members):
                self._anchors[unit.index] = self._gradient(unit, unit.index in looping)
                for link, source in self._gradient_links(unit, into.get(unit.index, [])):
                    if link.loops:
                        loops.append((source, link))
                    else:
                        self._arriving.setdefault(link.tail, []).append((source, link))
        for source, link in loops:  # from one repetition to the one before, whose gradient is drawn already
            self._arrive(source, self._anchors[link.tail], link, several=True)

    def _contributions(self, link: Link) -> list[Contribution]:
        """The cotangents that flow back over the edges of a link."""
        between = self._between.get((link.tail, link.head), [])
        return between if link.argnum is None else [c for c in between if c.argnum == link.argnum]

    def _frame(self, unit: Unit) -> str | None:
        return f"b{unit.frame.id}" if unit.frame is not None and self.options.modules else self.outer

    # ---- gradients

    def _gradient(self, unit: Unit, loops: bool) -> str:
        """The node of the builder where the gradient of a unit is, all that arrives added up."""
        arriving, node = self._arriving.get(unit.index, []), unit.node
        sum_of = self.found.sum_of(unit.members)
        if node is None:
            id = f"b{unit.id}"
            details = [*self.found.verdict(unit.members), *unit.lines, *self._norm(unit)]
            look = self.found.look(unit.members, self.options)
            self.builder.node(id, unit.kind, f"backward of {unit.title}", details, frame=self._frame(unit), **look)
        elif self._has_box(unit, loops):
            id, title = f"d{node.index}", self._title(unit)
            details = [*self.found.verdict(unit.members), *self._details(unit), *([sum_of] if sum_of else [])]
            course = self._line_of_course(unit)
            tooltip = "\n".join([title, *details, *self.found.causes(unit.members)[1:], *course])
            look = self.found.look(unit.members, self.options)
            self.builder.node(id, "gradient", title, details, frame=self._frame(unit), tooltip=tooltip, **look)
        elif len(arriving) > 1:
            id, tooltip = f"d{node.index}", f"the {sum_of or 'sum of what arrives'}"
            self.builder.node(id, "sum", "+", frame=self._frame(unit), tooltip=tooltip)
        else:
            return arriving[0][0]
        for source, link in arriving:
            self._arrive(source, id, link, several=bool(sum_of))
        return id

    def _has_box(self, unit: Unit, loops: bool) -> bool:
        """Return whether a gradient needs a label beside its contributions."""
        arriving, node = self._arriving.get(unit.index, []), unit.node
        assert node is not None
        if node.name or unit.is_output or node.kind == "parameter" or not arriving or loops:
            return True
        if any(c.is_summed for _, link in arriving for c in self._contributions(link)):
            return True
        return unit.repeats > 1 and (len(arriving) > 1 or arriving[0][1].count != unit.repeats)

    def _line_of_course(self, unit: Unit) -> list[str]:
        """The line of the derivation, and how its number differs from the one that is shown."""
        line = self._derived.get(unit.members[0]) if len(unit.members) == 1 else None
        if line is None:
            return []
        return [
            f"derived, {line.week}: {line.text}" if line.week else f"derived: {line.text}",
            *filter(None, [line.remark]),
        ]

    def _title(self, unit: Unit) -> str:
        names = [name for name in (self._nodes[index].name for index in unit.members) if name]
        if names:
            return span([f"d{name}" for name in names]) or f"d{names[0]}"
        return "gradient of the output" if unit.is_output and unit.repeats == 1 else "gradient"

    def _details(self, unit: Unit) -> list[str]:
        gradients = [self._gradients[index] for index in unit.members if index in self._gradients]
        if any(isinstance(g, tuple) for g in gradients):
            return []
        lines = shape_of(g.shape for g in gradients)
        if unit.repeats > 1:
            lines += [] if self.options.modules else [f"×{unit.repeats:,}"]
            lines += ["the last one is the output"] if unit.is_output else []
        elif self.options.values:
            lines += values.lines(gradients[0])
        line = self._derived.get(unit.members[0]) if len(unit.members) == 1 else None
        lines += [f"= {line.joint}"] if line is not None and line.joint else []
        return lines + self._norm(unit)

    def _norm(self, unit: Unit) -> list[str]:
        return self.found.norm(unit.members) if self.options.norms else []

    def _arrive(self, source: str, anchor: str, link: Link, several: bool) -> None:
        """An edge into the gradient of the tail of a link, with its norm if it is one of several."""
        tail, head = self.view.units[link.tail], self.view.units[link.head]
        parts, label = self._contributions(link), []
        if link.loops:
            label.append("to the one before")
        elif link.count < tail.repeats:
            is_last = link.count == 1 and link.operand[0] == max(tail.members)
            label.append("to the last one" if is_last else f"to {link.count:,} of {tail.repeats:,}")
        elif link.count > 1 and link.count != tail.repeats:
            label.append(f"×{link.count:,}")
        elif link.count < head.repeats:
            is_first = link.count == 1 and link.operand[1] == min(head.members)
            label.append("from the first one" if is_first else f"from {link.count:,} of {head.repeats:,}")
        undone = {op_text.undone(c.raw_shape, c.shape) for c in parts if c.is_summed}
        label += undone if len(undone) == 1 and head.node is not None else []
        if self.options.norms and several:
            label += norm_of([c.norm for c in parts if not link.loops or tail.repeats > 1])
        attributes = {"style": "dashed", "constraint": "false"} if link.loops else {}
        attributes |= {"constraint": "false"} if (link.tail, link.head) in self._breaks else {}
        self._edge(source, anchor, "b{1}-{0}-{2}".format(*link.operand), label, **attributes)

    # ---- rules

    def _gradient_links(self, unit: Unit, links: list[Link]) -> list[tuple[Link, str]]:
        """The links into a unit, each with the node of the builder that carries the gradient on: the rule."""
        if unit.node is None:
            return [(link, self._anchors[unit.index]) for link in links]
        by_rule: dict[str, list[Link]] = {}
        for link in links:
            of = f"g{link.tail}" if link.argnum is None else f"{link.argnum}"
            by_rule.setdefault(f"r{unit.node.index}-{of}", []).append(link)
        given = op_text.names(self.found.graph, unit.node, unit.members) if by_rule else {}
        for number, (id, same) in enumerate(by_rule.items()):
            self._rule(id, unit, same, given if number < op_text.MOST else None)
        return [(link, id) for id, same in by_rule.items() for link in same]

    def _rule(self, id: str, unit: Unit, links: list[Link], given: dict[str, str] | None) -> None:
        """A rule of a unit, for one argument, or for several that one thing stands for; with `given`, its formula."""
        node, argnum = unit.node, links[0].argnum
        assert node is not None
        title = tooltip = f"the rule of {self.found.graph.operation(node)}"
        if argnum is None:
            title = tooltip = f"{title} for {len({c.argnum for c in self._contributions(links[0])}):,} arguments"
        elif given is None:
            title = tooltip = f"{title} for argument {argnum}"
        else:
            title = op_text.derivative(self.found.graph, node, argnum, given)
            tooltip += f"\n{title}"
        has_shapes = self.options.shapes or not all(self._shows_shape(self.view.units[link.tail]) for link in links)
        details = shape_of(c.raw_shape for link in links for c in self._contributions(link)) if has_shapes else []
        self.builder.node(id, "rule", title, details, frame=self._frame(unit), tooltip=tooltip)
        self._edge(self._anchors[unit.index], id, f"b{id[1:]}", [])

    @staticmethod
    def _shows_shape(unit: Unit) -> bool:
        """Return whether the gradient of a unit has a box with its shape."""
        return unit.node is not None and (bool(unit.node.name) or unit.node.kind != "operation")

    def _edge(self, source: str, target: str, id: str, label: list[str], **attributes: str) -> None:
        if self.mirrored:
            source, target, attributes = target, source, {"dir": "back", **attributes}
        self.builder.edge(source, target, id=id, label=label, **attributes)
