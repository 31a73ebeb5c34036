"""What a picture says, read from the SVG that the engine lays out: its nodes, edges and frames, by their ids."""

import xml.etree.ElementTree as ET
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import Drawing, engine

SVG = "{http://www.w3.org/2000/svg}"
TITLE = "{http://www.w3.org/1999/xlink}title"
needs_engine = pytest.mark.skipif(engine.problem() is not None, reason="no layout engine is installed")


class Thing(NamedTuple):
    """A node, an edge or a frame: the `lines` that stand in it or beside it, its classes and tooltip, its element.

    The title of a frame is its tooltip; in the picture it stands on top of everything.
    """

    lines: list[str]
    classes: list[str]
    tooltip: str
    element: ET.Element

    @property
    def fills(self):
        """The colours of its shapes, that of the outermost one first."""
        return [
            shape.get("fill") for shape in self.element.iter() if shape.tag in SHAPES and shape.get("fill") != "none"
        ]

    @property
    def strokes(self):
        """The colours of its outlines."""
        return [shape.get("stroke") for shape in self.element.iter() if shape.tag in SHAPES]


SHAPES = [f"{SVG}{tag}" for tag in ("path", "polygon", "ellipse", "polyline")]


class Shown(NamedTuple):
    """All of a picture; `ends` has the nodes that an edge goes from and to, `foot` what the legend and notes say."""

    nodes: dict[str, Thing]
    edges: dict[str, Thing]
    frames: dict[str, Thing]
    ends: dict[str, tuple[str, str]]
    foot: list[str]
    root: ET.Element


def texts(element):
    """The lines of text in an element, without the spaces that Graphviz puts around them, or for a space."""
    found = ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]
    return [line.replace("\xa0", " ").strip() for line in found]


def shown(drawing):
    """The picture of a Drawing, or of the SVG of one. No id occurs in it twice."""
    svg = drawing._render(".svg") if isinstance(drawing, Drawing) else drawing
    root = ET.fromstring(svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)), sorted(id for id in ids if ids.count(id) > 1)
    kinds = {"node": {}, "edge": {}, "cluster": {}}
    ends, foot = {}, []
    for group in root.iter(f"{SVG}g"):
        first, *classes = (group.get("class") or "none").split()
        if first in kinds:
            link = group.find(f".//{SVG}a")
            tooltip = link.get(TITLE, "") if link is not None else ""
            kinds[first][group.get("id")] = Thing(texts(group), classes, tooltip.replace("\xa0", " "), group)
            if first == "edge":
                ends[group.get("id")] = tuple(end.split(":")[0] for end in group.findtext(f"{SVG}title").split("->"))
        elif first == "graph":
            own = [
                part
                for part in group
                if part.get("class", "").split()[:1] not in (["node"], ["edge"], ["cluster"], ["titles"])
            ]
            foot = [line for part in own for line in texts(part)]
            foot += [line.text.replace("\xa0", " ") for line in group.findall(f"{SVG}text")]
    return Shown(kinds["node"], kinds["edge"], kinds["cluster"], ends, foot, root)


# ---- what the tests of pictures share


def parameter(name=None, shape=(3,)):
    return tg.parameter(np.ones(shape), name)


def titles(picture):
    return [thing.lines[0] for thing in picture.nodes.values()]


def by_title(picture, *classes):
    """The nodes by what they are called, those of some classes only."""
    return {thing.lines[0]: thing for thing in picture.nodes.values() if not classes or thing.classes[0] in classes}


def random_net():
    """A loss with all that broadcasts, is shared, or cut off, and the arrays in it."""
    rng = np.random.default_rng(0)
    arrays = {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=(2, 1)), "X": rng.normal(size=(3, 4))}
    W, b = (tg.parameter(arrays[name], name) for name in "Wb")
    X = tg.Tensor(arrays["X"], name="X")
    Z = W @ X + b
    A = np.tanh(Z)
    Z.name, A.name = "Z", "A"
    return np.sum(A * A * b), arrays


def norm(array):
    return f"{np.linalg.norm(array):.3g}"
