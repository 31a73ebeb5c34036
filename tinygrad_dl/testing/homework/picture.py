"""The picture of a net whose gradients were checked: what is right and wrong in it, from a finding alone.

The net is drawn anew from the names of the gradients, so that nothing of the learner's program is needed or trusted.
"""

from __future__ import annotations

import base64
import functools
import re
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from ... import drawing, nn
from ...core.tensor import Tensor
from ...functional.user_ops import defvjp, primitive
from ..backprop.report import BackpropReport, Cause, Row
from .findings import RIGHT, WRONG, Finding, Quantity, visible
from .markup import escaped

GRADIENT = re.compile(r"(?:.*[^A-Za-z])?d?([AZWbazw])_?\[?(\d+)\b\W*")  # dW1, nabla_w[0], grads["dW1"], W1
DEEPEST = 8  # a deeper net is a picture without names
SIZES = (2, 4, 3)
LONGEST = 32  # characters of a cause


def picture_of(finding: Finding) -> str:
    """An image of the net with each gradient outlined, right or wrong; "" if it is no net, or cannot be drawn."""
    found = [(match, q) for q in finding.quantities if (match := GRADIENT.fullmatch(q.name))]
    first = min((int(match[2]) for match, _ in found if match[1] in "Wwb"), default=1)  # lists begin with 0
    rows = tuple(_row(match[1], int(match[2]) + 1 - first, q) for match, q in found if int(match[2]) >= first)
    layers = {layer for _, layer, *_ in rows}
    if first > 1 or layers != set(range(1, len(layers) + 1)) or not 1 < len(layers) <= DEEPEST:
        return ""
    svg = _svg(len(layers), rows)
    if not svg:
        return ""
    words = ", ".join(f"{name} {verdict}" for name, _, verdict, _ in rows)
    data = base64.b64encode(svg.encode()).decode()
    image = f'<img alt="{escaped(f"The net: {words}")}" src="data:image/svg+xml;base64,{data}">'
    return f'<div class="picture">{image}<br>The net, with the sizes of its layers made up.</div>'


def _row(letter: str, layer: int, quantity: Quantity) -> tuple[str, int, str, str]:
    """The name as the course writes it, the layer, the verdict, and the likeliest cause."""
    name = f"d{letter if letter == 'b' else letter.upper()}{layer}"
    cause = visible(next(iter(quantity.causes), "")).partition(": ")[0]  # the rest is in the table beside it
    return name, layer, visible(quantity.verdict), textwrap.shorten(cause, LONGEST, placeholder=" …")


@functools.lru_cache(maxsize=256)  # most of a class has the same net, all right
def _svg(layers: int, rows: tuple[tuple[str, int, str, str], ...]) -> str:
    """The picture, "" where no program can lay it out."""
    rng = np.random.default_rng(0)
    sizes = [SIZES[layer % len(SIZES)] for layer in range(layers)] + [1]
    net = nn.mlp(sizes, hidden=g, output=g, rng=rng)
    X = Tensor(rng.normal(size=(sizes[0], 5)), name="X")
    report = BackpropReport([row for row in map(_as_row, rows) if row], "course")
    try:
        picture = drawing.draw(net(X), report=report, direction="LR", legend=False, modules=False)
        with tempfile.TemporaryDirectory() as folder:
            return picture.render(Path(folder, "net.svg")).read_text(encoding="utf-8")
    except (RuntimeError, OSError, ValueError, UserWarning):  # no program for the layout, or nothing to mark
        return ""


@primitive
def g(Z):
    """The activation of a layer, whichever it is: only its name is drawn."""
    return Z


defvjp(g, lambda cotangent, ans, Z: cotangent)


def _as_row(row: tuple[str, int, str, str]) -> Row | None:
    """The row of a report; None for what is neither right nor wrong."""
    name, _, verdict, cause = row
    if verdict == RIGHT:
        return Row(name, "right")
    if verdict.startswith("inherited"):
        return Row(name, "inherited", inherited_from=verdict.rpartition(" ")[2])
    if not verdict.startswith(WRONG):
        return None
    causes = (Cause(cause, name, "", "", "", 0),) if cause else ()
    return Row(name, "wrong" if causes else "unknown", causes=causes)
