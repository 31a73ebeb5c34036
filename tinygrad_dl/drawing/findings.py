"""`Findings`, the facts about a graph that all its pictures share, and `Options`, the choices for a picture.

The texts on gradients in the pictures of both passes are here; `dot` and `backward` place them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..graph import values
from ..graph.nodes import Graph, Node
from ..graph.record import Record, states
from . import style
from .derived import DerivedLines

_SMALLEST = 1e-12  # of the largest norm: what is smaller has the palest colour
FREED = (
    "freed: backward keeps gradients of leaves only. The mark appears where all parameters behind a value have one, of "
    "this loss or of another."
)


@dataclass(frozen=True)
class Options:
    """The contents of a picture beyond names and shapes, see `draw`."""

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

    @property
    def passes(self) -> int:
        """The number of passes side by side."""
        return 2 if self.show == "both" else 1

    @property
    def norms(self) -> bool:
        """True if the picture shows norms of gradients."""
        return bool(self.gradients) or self.heat


@dataclass
class Findings:
    """A backward pass through a graph, if there was one, and the verdicts of a report.

    Its methods take `members`, the nodes that one thing in a picture stands for.
    """

    graph: Graph
    record: Record | None = None
    report: Any = None
    stored: bool = False  # show the gradients in `grad`, whatever was recorded for the colours
    bounds: tuple[float, float] = (0.01, 1.0)  # of the colours, see `scale_to`

    @cached_property
    def states(self) -> list[str]:
        """The gradient state of each node."""
        return states(self.graph, None if self.stored else self.record)

    @cached_property
    def usual_dtype(self) -> Any:
        """The dtype that most values have: a picture names the others."""
        counts = Counter(node.array.dtype for node in self.graph.nodes if node.shape is not None)
        return counts.most_common(1)[0][0] if counts else None

    @cached_property
    def derived(self) -> DerivedLines:
        """The lines of the derivation of the graph."""
        return DerivedLines(self.graph)

    @property
    def norms(self) -> dict[int, float]:
        """The norm of the gradient of each node."""
        return {} if self.record is None else self.record.norms

    def scale_to(self, units: Iterable[Sequence[int]]) -> None:
        """Let the colours go from the smallest to the largest of what is drawn, `units` of nodes, two decades at least.

        A unit has the colour of its largest gradient. Norms of 0, the start of the pass, at 1, and what is 1e12 times
        smaller than the largest do not widen the scale.
        """
        given = self.graph.outputs
        norms = [
            max((self.norms[i] for i in unit if i not in given and np.isfinite(self.norms.get(i, 0.0))), default=0.0)
            for unit in ([i for i in unit if i in self.norms] for unit in units)
        ]
        high = max(norms, default=0.0) or 1.0
        low = min((norm for norm in norms if norm > high * _SMALLEST), default=high)
        self.bounds = min(low, high / 100) or high, high

    @property
    def scale(self) -> tuple[str, str]:
        """The ends of the colour scale as text."""
        low, high = self.bounds
        is_below = any(0 < norm < low for norm in self.norms.values())
        return f"{low:.2g}{' or less' if is_below else ''}", f"{high:.2g}"

    @cached_property
    def verdicts(self) -> dict[int, Any]:
        """The row of the report for each node that it names; of several with one name, for the last."""
        named = {node.name: node.index for node in self.graph.nodes if node.name}
        return {named[row.name[1:]]: row for row in self.report or () if row.name[1:] in named}

    # ---- colours

    def look(self, members: Sequence[int], options: Options) -> dict[str, Any]:
        """An outline for the verdict of the report, and a fill for how large the gradients are."""
        rows = self._rows(members)
        norms = [self.norms[index] for index in members if index in self.norms] if options.heat else []
        look: dict[str, Any] = {"classes": []}
        if norms:
            ends = dict.fromkeys(style.heat(norm, *self.bounds) for norm in (min(norms), max(norms)))
            colour = ":".join(ends)  # from left to right
            look = {"classes": ["heat"], "fillcolor": colour, "fontcolor": style.LIGHT.text}
        if rows:
            verdict = "right" if all(row.status == "right" for row in rows) else "wrong"
            theme = style.DARK if options.dark else style.LIGHT
            look |= {"classes": [*look["classes"], verdict], "color": getattr(theme, verdict), "penwidth": "2.5"}
        return look

    # ---- words

    def verdict(self, members: Sequence[int]) -> list[str]:
        """The report's verdict on these nodes, in a line."""
        rows = self._rows(members)
        if len(rows) == 1:
            return [f"{rows[0].name} {rows[0].verdict}"]
        wrong = [row.name for row in rows if row.status != "right"]
        right = [f"{len(rows) - len(wrong)} of {len(rows)} right"] if rows else []
        return [*right, *([f"not {', '.join(wrong)}"] if wrong else [])]

    def causes(self, members: Sequence[int]) -> list[str]:
        """The same with the causes, in lines of a tooltip."""
        return [
            line
            for row in self._rows(members)
            for line in (f"{row.name}: {row.verdict}", *[f"{c.formula}\n{c.why} (week {c.week})" for c in row.causes])
        ]

    def _rows(self, members: Sequence[int]) -> list[Any]:
        return [self.verdicts[index] for index in members if index in self.verdicts]

    def norm(self, members: Sequence[int]) -> list[str]:
        """`norm 0.12`, or of several gradients `norms 0.1 to 0.2`, and how many have none; in lines."""
        return norm_of([self.norms[index] for index in members if index in self.norms], len(members))

    def sum_of(self, members: Sequence[int]) -> str:
        """The number of contributions to each gradient that is a sum; the 1 of an output counts as one.

        `sum of 2`, `sum of 1 to 3`, and of an output `1 + 2 more`.
        """
        if self.record is None:
            return ""
        reached = [index for index in members if index in self.record.gradients]
        counts = [len(self.record.into(index)) + self.graph.nodes[index].is_output for index in reached]
        if max(counts, default=0) < 2:
            return ""
        if len(members) == 1 and self.graph.nodes[members[0]].is_output:
            return f"1 + {counts[0] - 1} more"
        return f"sum of {counts[0]}" if min(counts) == max(counts) else f"sum of {min(counts)} to {max(counts)}"

    def gradient(self, node: Node, numbers: bool) -> list[str]:
        """The text of a node's gradient: a number, or a norm, and with `numbers` the elements if they are few."""
        state = self.states[node.index]
        if state != "computed":
            return [{"blocked": "gradient blocked", "not needed": "no gradient needed"}.get(state, f"gradient {state}")]
        record = None if self.stored else self.record
        g = node.value._grad if record is None else record.gradients[node.index]
        sum_of = "" if record is None else self.sum_of([node.index])
        more = f", {sum_of}" if sum_of else ""
        if not isinstance(g, tuple) and np.size(g) == 1:
            return [f"gradient {values.number(np.reshape(g, ())[()])}{more}"]
        rows = values.lines(g) if numbers and np.size(g) <= values.FULL else []
        return [f"gradient norm {values.number(values.norm(g))}{more}", *rows]


def norm_of(norms: Sequence[float], among: int = 1) -> list[str]:
    """The norms of gradients or of parts of them, from the smallest to the largest, in lines.

    >>> norm_of([0.5]), norm_of([2.0, 0.5]), norm_of([1.0, 1.0]), norm_of([0.5], among=3), norm_of([])
    (['norm 0.5'], ['norms 0.5 to 2'], ['norms all 1'], ['norm 0.5', '1 of 3'], [])
    """
    if not norms:
        return []
    some = [f"{len(norms):,} of {among:,}"] if len(norms) < among and among > 1 else []
    low, high = values.number(min(norms)), values.number(max(norms))
    if len(norms) == 1:
        return [f"norm {low}", *some]
    return [f"norms all {low}" if low == high else f"norms {low} to {high}", *some]


def shape_of(shapes: Iterable[tuple[int, ...] | None]) -> list[str]:
    """The shape, in lines, if it is one and the same; several outputs together have none."""
    different = set(shapes)
    return [str(shape) for shape in different if shape is not None] if len(different) == 1 else []
