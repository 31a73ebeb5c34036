"""The pictures on the page: the graph at several levels of detail, laid out, and which element is which node and edge.

A picture keeps what the layout found: shapes, places, words. Colours and type are those of the page, light or dark.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any

from ...graph.nodes import Graph
from .. import engine, svg
from ..dot import Picture
from ..dot_builder import DotBuilder
from ..findings import Findings, Options
from ..folding import View, fold

_READABLE = 300  # nodes: of a larger graph, the first picture is one that sums it up
_RANKSEP = 0.12  # inches: less than on paper, so that a window of 768 pixels shows a net of two layers whole
_SECONDS = 60.0  # for all layouts
_DEPTHS = {0: "nets as one", 1: "layers as one"}
_SVG = "{http://www.w3.org/2000/svg}"
_KEPT = {
    *("id", "class", "d", "points", "cx", "cy", "rx", "ry", "x", "y", "width", "height", "viewBox", "transform"),
    *("text-anchor", "font-size", "font-weight", "stroke-dasharray"),
}
_SHAPES = {f"{_SVG}{tag}" for tag in ("ellipse", "polygon", "path")}


def pictures_of(graph: Graph) -> tuple[list[dict[str, Any]], str]:
    """The pictures that could be laid out, the one to show first at the beginning, and a note on the others.

    Each is {"name", "svg", "of": node -> element that stands for it, "edges": element -> the edges it stands for,
    "tails": edge -> the copy of a leaf that it comes from}.
    """
    trouble = engine.problem()
    if trouble:
        return [], f"There is no picture: {trouble}."
    end = monotonic() + _SECONDS
    levels = _levels(graph)
    found: dict[str, dict[str, Any]] = {}
    troubles = []
    for name, view in [levels[0], *sorted(levels[1:], key=lambda level: len(level[1].units))]:  # the largest one last
        left = end - monotonic()
        try:
            if left <= 0:
                raise engine.Timeout(f"{name}: the {_SECONDS:.0f} s for all pictures are over.")
            picture = _layout(graph, view, left)
        except engine.EngineError as error:
            troubles.append(str(error))
        else:
            found[name] = {"name": name, "svg": plain(picture), "tails": _copies(picture), **_elements(graph, view)}
    if not found:
        return [], f"There is no picture. {' '.join(troubles)}"
    missing = [name for name, _ in levels if name not in found]
    note = f"not laid out in {_SECONDS:.0f} s: {'; '.join(missing)}" if missing else ""
    return [found[name] for name, _ in levels if name in found], note


def _levels(graph: Graph) -> list[tuple[str, View]]:
    """All of the graph, and views of it with fewer nodes: repeated blocks once, Modules as nodes. No two are alike."""
    views = [("all", fold(graph, max_nodes=None))]
    if len(graph.nodes) > _READABLE:
        views.insert(0, ("summed up:", fold(graph, max_nodes=_READABLE)))
    deepest = max((len(scope.path) for scope in graph.scopes), default=0)
    views.append(("repeated blocks once:", fold(graph, roll=True, max_nodes=None)))
    for depth in sorted({0, 1, deepest - 1} & set(range(deepest)), reverse=True):
        views.append((f"{_DEPTHS.get(depth, f'modules {depth} deep')}:", fold(graph, depth=depth, max_nodes=None)))
    distinct: dict[frozenset, tuple[str, View]] = {}
    for name, view in views:
        key = frozenset(tuple(unit.members) for unit in view.units)
        distinct.setdefault(key, (f"{name} {len(view.units)} nodes", view))
    return list(distinct.values())


# ---- which element is what


def _elements(graph: Graph, view: View) -> dict[str, Any]:
    units = [view.units[view.unit_of[node.index]] for node in graph.nodes]
    of = {node.id: unit.id for node, unit in zip(graph.nodes, units, strict=True) if unit.id != node.id}
    single = {link.operand: link.id for link in view.links}
    bundled = {(link.tail, link.head): link.id for link in view.links}
    edges: dict[str, list[str]] = {}
    for node in graph.nodes:
        edges[f"e{node.index}-value"] = [node.id]
        for index, argnum in node.operands:
            ends = units[index].index, units[node.index].index
            id = single.get((index, node.index, argnum)) or bundled.get(ends)
            if id is not None:
                edges.setdefault(id, []).append(f"n{index}-{node.id}-{argnum}")
    return {"of": of, "edges": edges}


def _copies(picture: bytes) -> dict[str, str]:
    """From which copy of a leaf each edge comes, of leaves that have several."""
    edges = (g for g in ET.fromstring(picture).iter(f"{_SVG}g") if g.get("class", "").startswith("edge"))
    tails = {g.get("id", ""): (g.findtext(f"{_SVG}title") or "").partition("->")[0].partition(":")[0] for g in edges}
    return {id: tail for id, tail in tails.items() if "-use-" in tail}


# ---- layout


def _layout(graph: Graph, view: View, seconds: float) -> bytes:
    options = Options(legend=False)
    ways = {"the picture": options, "straight edges": options.plainly()}
    sources = [(name, partial(_source, graph, view, each)) for name, each in ways.items()]
    picture, _ = engine.best(sources, ".svg", seconds)
    return svg.with_style(picture)


def _source(graph: Graph, view: View, options: Options) -> str:
    builder = DotBuilder(plain=options.plain, ranksep=_RANKSEP)
    Picture(view, Findings(graph), options, builder).draw()
    return builder.source()


def plain(picture: bytes) -> str:
    """An SVG of Graphviz without colours, fonts, titles, tooltips and links, with places to a tenth of a point.

    >>> picture = b'<svg xmlns="http://www.w3.org/2000/svg"><title>G</title><ellipse fill="red" cx="1.234"/></svg>'
    >>> plain(picture)
    '<svg xmlns="http://www.w3.org/2000/svg"><ellipse cx="1.2" /></svg>'
    """
    root = ET.fromstring(picture)
    for element in list(root.iter()):
        children = list(_unwrap(element))
        element[:] = children
        for name in list(element.attrib):
            if name == "fill" and element.attrib[name] in ("none", "transparent"):
                element.set(name, "none")
            elif name not in _KEPT:
                del element.attrib[name]
            elif name not in ("id", "class"):
                element.set(name, re.sub(r"-?\d+\.\d+", _tenth, element.attrib[name]))
        element.tail = None
        if element.tag != f"{_SVG}text":
            element.text = None
        if "node" in element.get("class", "").split():
            _centre(element)
    ET.register_namespace("", _SVG[1:-1])
    return ET.tostring(root, encoding="unicode")


def _unwrap(element: ET.Element) -> Iterator[ET.Element]:
    """The children of `element`, without titles, and with the children of links in place of these."""
    for child in element:
        if child.tag == f"{_SVG}a" or (child.tag == f"{_SVG}g" and child.get("id", "").startswith("a_")):
            yield from _unwrap(child)
        elif child.tag != f"{_SVG}title" and child.tag != f"{_SVG}style":
            yield child


def _tenth(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")


def _centre(node: ET.Element) -> None:
    """Put the middle of each line of text in the middle of its node: a reader's fonts are not the engine's."""
    shape = next((child for child in node if child.tag in _SHAPES), None)
    if shape is None:
        return
    if shape.tag == f"{_SVG}ellipse":
        middle = float(shape.get("cx", 0))
    else:
        xs = [float(x) for x in re.findall(r"(-?[\d.]+)[ ,]-?[\d.]+", shape.get("points") or shape.get("d") or "")]
        if not xs:
            return
        middle = (min(xs) + max(xs)) / 2
    for line in node.iter(f"{_SVG}text"):
        line.set("x", f"{middle:.1f}".removesuffix(".0"))
        line.set("text-anchor", "middle")
