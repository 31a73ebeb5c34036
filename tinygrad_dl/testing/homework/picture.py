"""The picture of a net whose gradients were checked: what is right and wrong in it, from a finding alone.

The net is drawn anew from the names of the gradients, so that nothing of the learner's program is needed or trusted.
"""

from __future__ import annotations

import base64
import functools
import html
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ... import drawing, nn
from ...core.tensor import Tensor
from ...functional.user_ops import defvjp, primitive
from ..backprop.report import BackpropReport, Cause, Row
from .findings import RIGHT, Finding

GRADIENT = re.compile(r"d([AZWbazw])\[?_?(\d+)\]?")
DEEPEST = 8  # a deeper net is a picture without names
SIZES = (2, 4, 3)


def picture_of(finding: Finding) -> str:
    """An image of the net with each gradient outlined, right or wrong; "" if it is no net, or cannot be drawn."""
    rows = tuple(row for q in finding.quantities if (row := _row(q.name, q.verdict, q.causes)))
    layers = {int(row[0][2:]) for row in rows}
    if not rows or layers != set(range(1, len(layers) + 1)) or not 1 < len(layers) <= DEEPEST:
        return ""
    svg = _svg(len(layers), rows)
    if not svg:
        return ""
    words = ", ".join(f"{name} {verdict}" for name, verdict, _ in rows)
    data = base64.b64encode(svg.encode()).decode()
    image = f'<img alt="{html.escape(f"The net: {words}")}" src="data:image/svg+xml;base64,{data}">'
    return f'<div class="picture">{image}<br>The net, with the sizes of its layers made up.</div>'


def _row(name: str, verdict: str, causes: Iterable[str]) -> tuple[str, str, str] | None:
    """The name as the course writes it, the verdict, and the likeliest cause."""
    match = GRADIENT.fullmatch(name)
    if not match:
        return None
    letter = match[1] if match[1] == "b" else match[1].upper()
    return f"d{letter}{match[2]}", verdict, next(iter(causes), "")


@functools.lru_cache(maxsize=256)  # most of a class has the same net, all right
def _svg(layers: int, rows: tuple[tuple[str, str, str], ...]) -> str:
    """The picture, "" where no program can lay it out."""
    rng = np.random.default_rng(0)
    sizes = [SIZES[layer % len(SIZES)] for layer in range(layers)] + [1]
    net = nn.mlp(sizes, hidden=g, output=g, rng=rng)
    X = Tensor(rng.normal(size=(sizes[0], 5)), name="X")
    report = BackpropReport([_as_row(*row) for row in rows], "course")
    try:
        picture = drawing.draw(net(X), report=report, direction="LR", legend=False, modules=False)
        with tempfile.TemporaryDirectory() as folder:
            return picture.render(Path(folder, "net.svg")).read_text(encoding="utf-8")
    except (RuntimeError, OSError, UserWarning):  # no program for the layout
        return ""


@primitive
def g(Z):
    """The activation of a layer, whichever it is: only its name is drawn."""
    return Z


defvjp(g, lambda cotangent, ans, Z: cotangent)


def _as_row(name: str, verdict: str, cause: str) -> Row:
    if verdict == RIGHT:
        return Row(name, "right")
    if verdict.startswith("inherited"):
        return Row(name, "inherited", inherited_from=verdict.rpartition(" ")[2])
    causes = (Cause(cause, name, "", "", "", 0),) if cause else ()
    return Row(name, "wrong" if causes else "unknown", causes=causes)
