"""The backward pass as a picture: from the gradient of the output to those of the parameters, a rule an ellipse.

A rule says its formula, traced from the real one. Where several contributions meet, they are added up; where the
forward pass broadcast, the sum that undoes it is noted on the edge.
"""

from __future__ import annotations

from . import values, wording
from .dot import Findings, Options
from .folding import Link, Unit, View
from .graph import Node
from .record import Contribution
from .sketch import Sketch


class BackwardPicture:
    """The backward pass in a `view` of a graph, in a sketch.

    `mirrored`, it runs against the direction of the picture, so that beside the forward pass what belongs together
    stands at one height.
    """

    def __init__(
        self,
        view: View,
        found: Findings,
        options: Options,
        sketch: Sketch,
        frame: str | None = None,
        mirrored: bool = False,
    ):
        self.view, self.found, self.options, self.sketch = view, found, options, sketch
        self.outer, self.mirrored = frame, mirrored
        assert found.record is not None
        self._record = found.record
        self._arriving: dict[int, list[tuple[str, Link]]] = {}  # at each unit, from which nodes of the sketch

    def draw(self) -> None:
        """Put it into the sketch: each unit that a gradient reaches, and the rules that carry it on."""
        into: dict[int, list[Link]] = {}
        for link in self.view.links:
            if not link.loops:
                into.setdefault(link.head, []).append(link)
        for unit in reversed(self.view.units):
            if not any(index in self._record.gradients for index in unit.members):
                continue
            anchor = self._gradient(unit)
            for link in into.get(unit.index, []):
                self._carry(unit, link, anchor)

    def _gradient(self, unit: Unit) -> str:
        """The node of the sketch where the gradient of a unit is, all that arrives added up."""
        arriving = self._arriving.get(unit.index, [])
        node = unit.node
        if node is None:
            return self._joined(unit, f"backward of {unit.title}", f"b{unit.id}", arriving)
        summed = any(c is not None and c.is_summed for c in (self._contribution(link) for _, link in arriving))
        if node.name or node.is_output or node.kind == "parameter" or summed or not arriving:
            title = f"d{node.name}" if node.name else "gradient of the output" if node.is_output else "gradient"
            id = f"d{node.index}"
            row = self.found.verdicts.get(node.index)
            details = [*([] if row is None else [f"{row.name} {row.verdict}"]), *self._details(node)]
            if arriving and node.is_output:
                details.append(f"1 + {len(arriving)} more")  # as it is itself what is differentiated
            elif len(arriving) > 1:
                details.append(f"sum of {len(arriving)}")
            tooltip = "\n".join([title, *details, *self.found.causes(node.index)[1:]])
            look = self.found.look([node.index], self.options)
            self.sketch.node(id, "gradient", title, details, frame=self.outer, tooltip=tooltip, **look)
            self._join(arriving, id, node)
            return id
        if len(arriving) > 1:
            id = f"d{node.index}"
            self.sketch.node(id, "sum", "+", frame=self.outer, tooltip=f"the sum of {len(arriving)} contributions")
            self._join(arriving, id, node)
            return id
        return arriving[0][0]

    def _joined(self, unit: Unit, title: str, id: str, arriving: list[tuple[str, Link]]) -> str:
        self.sketch.node(id, unit.kind, title, unit.lines, frame=self.outer)
        for source, link in arriving:
            self._edge(source, id, f"b{link.head}-{link.tail}")
        return id

    def _join(self, arriving: list[tuple[str, Link]], id: str, node: Node) -> None:
        for source, link in arriving:
            contribution = self._contribution(link)
            label = []
            if contribution is not None:
                if contribution.is_summed:
                    label.append(wording.undone(contribution.raw.shape, contribution.value.shape))
                if self.options.gradients and len(arriving) > 1:
                    label.append(f"norm {values.number(values.norm(contribution.value))}")
            name = (
                f"b{link.operand[1]}-{node.index}-{link.operand[2]}" if link.operand else f"b{link.head}-{node.index}"
            )
            self._edge(source, id, name, label)

    def _carry(self, unit: Unit, link: Link, anchor: str) -> None:
        """The rule by which the gradient at `anchor` goes on to the tail of a link."""
        tail = self.view.units[link.tail]
        if not any(index in self._record.gradients for index in tail.members):
            return
        if unit.node is None or link.operand is None:
            self._arriving.setdefault(link.tail, []).append((anchor, link))
            return
        contribution = self._contribution(link)
        if contribution is None:
            return
        head, argnum = unit.node, link.operand[2]
        id = f"r{head.index}-{argnum}"
        formula = wording.derivative(self.found.graph, head, argnum)
        details = [str(getattr(contribution.raw, "shape", ""))] if self.options.shapes or tail.node is None else []
        if tail.node is not None and not tail.node.name and tail.node.kind == "operation":
            details = [str(getattr(contribution.raw, "shape", ""))]
        name = self.found.graph.operation(head)
        self.sketch.node(id, "rule", formula, details, frame=self.outer, tooltip=f"the rule of {name}\n{formula}")
        self._edge(anchor, id, f"b{head.index}-{argnum}")
        self._arriving.setdefault(link.tail, []).append((id, link))

    def _contribution(self, link: Link) -> Contribution | None:
        return None if link.operand is None else self._record.of(link.operand)

    def _details(self, node: Node) -> list[str]:
        g = self._record.gradients.get(node.index)
        if g is None or isinstance(g, tuple):
            return []
        lines = [str(g.shape)]
        if self.options.values:
            lines += values.lines(g)
        if self.options.gradients or self.options.heat:
            lines.append(f"norm {values.number(values.norm(g))}")
        return lines

    def _edge(self, tail: str, head: str, id: str, label: list[str] | None = None) -> None:
        ends, attributes = ((head, tail), {"dir": "back"}) if self.mirrored else ((tail, head), {})
        self.sketch.edge(*ends, id=id, label=label or [], **attributes)
