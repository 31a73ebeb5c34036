"""A picture under construction, as DOT text: nodes in frames, edges, a legend. It is independent of graphs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from ..graph import labels, values
from . import style

WIDEST = 44  # characters in a line of a node, beyond which a formula goes on in the next line
_LEGEND_COLUMNS = 3


def wrap(text: str) -> list[str]:
    """A line of code, broken at spaces where it is too long for a node; a text of several lines as it is.

    >>> wrap("dcost / 400 * ((1 - Y) / np.maximum(1 - A2, 1e-35) - Y / np.maximum(A2, 1e-35))")
    ['dcost / 400 * ((1 - Y) / np.maximum(1 - A2,', '1e-35) - Y / np.maximum(A2, 1e-35))']
    """
    if len(text) <= WIDEST or "\n" in text or isinstance(text, values.Row):
        return [text]
    return textwrap.wrap(text, WIDEST, break_long_words=False, break_on_hyphens=False, drop_whitespace=True) or [text]


class DotBuilder:
    """Nodes, edges and frames in the order in which they are added; `source()` is the DOT text.

    >>> builder = DotBuilder()
    >>> builder.node("n0", "parameter", "W", ["(2, 3)"])
    >>> builder.node("n1", "operation", "tanh")
    >>> builder.edge("n0", "n1", id="e0-1-0")
    >>> print(builder.source().rstrip())  # doctest: +ELLIPSIS
    digraph "graph" {
    ...
    }
    """

    nodes: int
    edges: int

    def __init__(self, direction: str = "TB", dark: bool = False, plain: bool = False, ranksep: float = 0.3):
        from graphviz import Digraph

        self.nodes = self.edges = 0
        self.kinds: dict[str, None] = {}  # that occur, in order
        self._dark, self._theme = dark, style.DARK if dark else style.LIGHT
        self._digraph = Digraph
        graph = {
            **{"rankdir": direction, "ranksep": f"{ranksep}", "nodesep": "0.25", "bgcolor": self._theme.background},
            **{"fontname": style.FONT, "fontcolor": self._theme.text, "fontsize": "11", "tooltip": " "},
        }
        if plain:  # what lays out fast
            graph |= {"splines": "line", "nslimit": "1", "nslimit1": "1", "mclimit": "0.1"}
        font = {"fontname": style.FONT, "fontcolor": self._theme.text}
        self._graphs: dict[str | None, Any] = {
            None: Digraph(
                "graph",
                graph_attr=graph,
                node_attr={**font, "fontsize": "12", "height": "0.3"},
                edge_attr={**font, "arrowsize": "0.6", "color": self._theme.edge, "fontsize": "9"},
            )
        }
        self._parents: dict[str, str | None] = {}
        self._frames: dict[str, str | None] = {}  # of the nodes

    # ---- what stands in it

    def frame(self, id: str, title: str, parent: str | None = None, kind: str = "module") -> None:
        """A frame to put nodes and other frames in."""
        look = {
            **{"label": f"<{labels.html(title)}>", "color": self._theme.frame, "fontcolor": self._theme.faint},
            **{"style": "dashed,rounded" if kind == "roll" else "rounded", "labeljust": "l", "labelloc": "t", "id": id},
            **{"class": f"frame frame-{kind}", "tooltip": labels.tip(title)},
            "margin": "40" if kind == "pass" else "8",  # room for labels at its side, which inner frames would inherit
        }
        self._graphs[id] = self._digraph(f"cluster_{id}", graph_attr=look)
        self._parents[id] = parent

    def node(
        self,
        id: str,
        kind: str,
        title: str,
        details: Iterable[str] = (),
        *,
        frame: str | None = None,
        tooltip: str = "",
        classes: Sequence[str] = (),
        image: Any = None,
        **attributes: str,
    ) -> None:
        """A node of a `kind` in `style`: a title, with smaller lines below, and a tiny `image` of numbers."""
        self.nodes += 1
        self.kinds[kind] = None
        self._frames[id] = frame
        details = list(details)
        bold = kind in ("parameter", "data", "value", "output", "gradient", "module")
        text = "<br/>".join(labels.html(line, WIDEST) for line in wrap(title))
        rows = [f"<b>{text}</b>" if bold else text]
        rows += [self._line(line, self._detail(classes)) for line in details]
        label = "<br/>".join(rows) if image is None else self._with_image(rows, image)
        self._graphs[frame].node(
            id,
            f"<{label}>",
            id=id,
            tooltip=labels.tip(tooltip or "\n".join([title, *details])),
            **{
                **style.look(kind, self._dark),
                **labels.least_width("\n".join(self._shown(title, *details))),
                "class": " ".join([kind, *classes]),
                **attributes,
            },
        )

    def edge(
        self,
        tail: str,
        head: str,
        *,
        id: str,
        label: Sequence[str] = (),
        tooltip: str = "",
        classes: Sequence[str] = (),
        **attributes: str,
    ) -> None:
        """An edge between nodes, which may name a side: `n3:nw`. Small lines of `label` stand beside it."""
        self.edges += 1
        if label:
            lines = [labels.html(part, WIDEST) for line in label for part in wrap(line)]
            attributes["label"] = "<" + "<br/>".join(f" {line} " for line in lines) + ">"
            attributes["fontcolor"] = self._theme.faint
        self._graphs[self._common_frame(tail, head)].edge(
            tail,
            head,
            id=id,
            tooltip=labels.tip(tooltip or " "),
            **({"class": " ".join(classes)} if classes else {}),
            **attributes,
        )

    @staticmethod
    def _shown(*texts: str) -> list[str]:
        """The lines of texts as they are broken and cut, for their width."""
        return [line[:WIDEST] for text in texts for part in wrap(text) for line in part.split("\n")]

    def _common_frame(self, tail: str, head: str) -> str | None:
        """The innermost frame around both, where an edge belongs: its label stays inside then."""
        around = set()
        frame = self._frames[tail.split(":")[0]]
        while frame is not None:
            around.add(frame)
            frame = self._parents[frame]
        frame = self._frames[head.split(":")[0]]
        while frame is not None and frame not in around:
            frame = self._parents[frame]
        return frame

    def _line(self, line: str, colour: str) -> str:
        face = ' face="Courier"' if isinstance(line, values.Row) else ""
        text = "<br/>".join(labels.html(part, max(WIDEST, values.WIDE)) for part in wrap(line))
        return f'<font point-size="10" color="{colour}"{face}>{text}</font>'

    def _detail(self, classes: Sequence[str]) -> str:
        if "heat" in classes:  # on whose colours neither green nor red can be read
            return style.LIGHT.text
        if "right" in classes or "wrong" in classes:
            return self._theme.right if "right" in classes else self._theme.wrong
        return self._theme.faint

    def _with_image(self, rows: list[str], image: Any) -> str:
        cell = '<td bgcolor="{}" fixedsize="true" width="7" height="7"></td>'
        pixels = "".join(
            f"<tr>{''.join(cell.format(style.signed_colour(float(x), self._dark)) for x in row)}</tr>" for row in image
        )
        table = self._grid(pixels, 7 * image.shape[1], 7 * image.shape[0])
        lines = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
        return (
            f'<table border="0" cellborder="0" cellspacing="1" cellpadding="0">{lines}<tr><td>{table}</td></tr></table>'
        )

    def _grid(self, rows: str, width: int, height: int) -> str:
        """Cells without a gap: a table of a size of its own, which would else be stretched."""
        size = f'fixedsize="true" width="{width}" height="{height}"'
        return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0" {size}>{rows}</table>'

    # ---- the text

    def source(self, legend: bool = False, notes: Sequence[str] = (), scale: tuple[str, str] | None = None) -> str:
        """The DOT text, once: with a legend of the kinds that occur, a heat scale from and to, and lines of notes."""
        graph = self._graphs[None]
        rows = self._legend() if legend else []
        if scale is not None:
            rows.append(self._scale(*scale))
        if notes:
            lines = [labels.html(line, 2 * WIDEST) for note in notes for line in textwrap.wrap(note, 2 * WIDEST - 8)]
            text = '<br align="left"/>'.join([*lines, ""])
            rows.append(f'<tr><td colspan="{2 * _LEGEND_COLUMNS}" align="left" balign="left">{text}</td></tr>')
        if rows:
            table = f'<table border="0" cellspacing="5" cellpadding="2">{"".join(rows)}</table>'
            graph.attr(label=f'<<font point-size="10">{table}</font>>', labelloc="b", labeljust="c")
        children: dict[str | None, list[str]] = {}
        for id, parent in self._parents.items():
            children.setdefault(parent, []).append(id)
        for frame in (*reversed(self._parents), None):  # inner ones first: a graph copies its subgraphs
            for id in children.get(frame, ()):
                if self._graphs[id].body:
                    self._graphs[frame].subgraph(self._graphs[id])
        return graph.source

    def _legend(self) -> list[str]:
        kinds = [kind for kind in style.WORDS if kind in self.kinds]
        cells = [self._swatch(kind) for kind in kinds]
        return [f"<tr>{''.join(cells[i : i + _LEGEND_COLUMNS])}</tr>" for i in range(0, len(cells), _LEGEND_COLUMNS)]

    def _swatch(self, kind: str) -> str:
        look = style.look(kind, self._dark)
        rounded = "rounded" if look["shape"] in ("ellipse", "circle") or "rounded" in look["style"] else ""
        kind_of_line = "dashed" if "dashed" in look["style"] else ""
        lines = ",".join(filter(None, [rounded, kind_of_line]))
        border = "2" if "penwidth" in look or "peripheries" in look else "1"
        return (
            f'<td border="{border}" width="24" height="12" fixedsize="true" bgcolor="{look["fillcolor"]}" '
            f'color="{look["color"]}"{f""" style="{lines}" """ if lines else ""}></td>'
            f'<td align="left">{style.WORDS[kind]}</td>'
        )

    def _scale(self, low: str, high: str) -> str:
        cells = "".join(
            f'<td bgcolor="{colour}" width="18" height="12" fixedsize="true"></td>' for colour in style.SCALE
        )
        table = self._grid(f"<tr>{cells}</tr>", 18 * len(style.SCALE), 12)
        bar = f"<table border='0' cellspacing='3'><tr><td>gradient norm {labels.html(low)}</td><td>{table}</td>"
        bar += f"<td>{labels.html(high)}</td></tr></table>"
        return f'<tr><td colspan="{2 * _LEGEND_COLUMNS}" align="left">{bar}</td></tr>'
