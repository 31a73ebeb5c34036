"""The style of pictures: a shape, an outline and colours for each kind of thing, light and dark.

Shape, outline and words repeat the meaning of colours, for print and for the colour-blind. An SVG has the light colours
as attributes and the dark ones in a style sheet, which the reader's setting selects.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Look(NamedTuple):
    """The Graphviz attributes of a kind of node, with fill and outline for light and for dark."""

    shape: str
    style: str
    light: tuple[str, str]
    dark: tuple[str, str]
    extra: dict[str, str] = {}  # noqa: RUF012 (never written)


LOOKS = {
    "parameter": Look("box", "filled,rounded", ("#cfe3f5", "#2b6ca3"), ("#1d3a55", "#7db4e6"), {"penwidth": "1.5"}),
    "data": Look("box", "filled,dashed", ("#fbf3d5", "#8a7320"), ("#3d3616", "#d4bb5a")),
    "operation": Look("ellipse", "filled", ("#f3f4f6", "#9aa1ab"), ("#2b3038", "#8b949f"), {"margin": "0.02,0.02"}),
    "value": Look("box", "filled", ("#ffffff", "#5c6670"), ("#1b1f24", "#a9b2bd")),
    "output": Look("box", "filled", ("#fbdfcf", "#b0552a"), ("#4a2a1a", "#ef9a6e"), {"peripheries": "2"}),
    "blocked": Look("box", "filled,diagonals", ("#e8e8e8", "#6b6b6b"), ("#333333", "#b5b5b5")),
    "module": Look("component", "filled", ("#e4eee0", "#4f7a3f"), ("#24331f", "#9ccb8a"), {"margin": "0.15,0.05"}),
    "segment": Look("box3d", "filled", ("#ece7f3", "#6c5a8c"), ("#2f2840", "#b8a6dc"), {"margin": "0.12,0.05"}),
    "rule": Look("note", "filled", ("#fdeef0", "#b04a5a"), ("#40232a", "#e98a9a"), {"margin": "0.08,0.02"}),
    "sum": Look("circle", "filled", ("#fdeef0", "#b04a5a"), ("#40232a", "#e98a9a"), {"margin": "0", "width": "0.25"}),
    "gradient": Look("box", "filled,rounded", ("#fbd5db", "#9c2f42"), ("#59222d", "#f2a3b0"), {"peripheries": "2"}),
}
WORDS = {  # of the legend
    "parameter": "parameter",
    "data": "data",
    "operation": "operation",
    "value": "named value",
    "output": "output",
    "blocked": "no gradient passes (cut corners)",
    "module": "module, summed up (with tabs)",
    "segment": "operations, summed up (a block)",
    "rule": "derivative rule (folded corner)",
    "sum": "sum of contributions",
    "gradient": "gradient",
}


class Theme(NamedTuple):
    """The colours outside of nodes."""

    background: str
    text: str
    faint: str
    edge: str
    frame: str
    right: str
    wrong: str


LIGHT = Theme("#ffffff", "#1a1d21", "#59616b", "#7a828c", "#b4bbc4", "#1b6e2e", "#b3261e")
DARK = Theme("#15181c", "#eceff3", "#aab3be", "#8b949f", "#4c5560", "#7fd495", "#ff9a92")
FONT = "Helvetica"


def look(kind: str, dark: bool = False) -> dict[str, str]:
    """The attributes of a node of a kind.

    >>> look("data")["style"], look("data", dark=True)["fillcolor"]
    ('filled,dashed', '#3d3616')
    """
    entry = LOOKS[kind]
    fill, line = entry.dark if dark else entry.light
    return {"shape": entry.shape, "style": entry.style, "fillcolor": fill, "color": line, **entry.extra}


# Where an editor or a site for documents writes its theme, which may be another than that of the system.
_HOSTS = "[data-jp-theme-light], [data-vscode-theme-kind], [data-theme], [theme]"
_GROUND = ".graph > polygon:first-of-type, .graph > g > a > polygon:first-of-type"
_DARK_HOSTS = '[data-jp-theme-light="false"], [data-vscode-theme-kind*="dark"], [data-theme="dark"], [theme="dark"]'


def dark_css(in_notebook: bool = False) -> str:
    """The style sheet that makes a light SVG a dark one where the reader, or the notebook that it is in, is dark.

    >>> "prefers-color-scheme: dark" in dark_css(), "data-jp-theme-light" in dark_css(in_notebook=True)
    (True, True)
    """
    rules = _dark_rules()
    if not in_notebook:
        return f"@media (prefers-color-scheme: dark) {{\n{rules}\n}}"
    system = f"@media (prefers-color-scheme: dark) {{ &:not(:is({_HOSTS}) *) {{\n{rules}\n}} }}"
    ground = f"{_GROUND} {{ fill: none }}"  # the notebook's own
    return f"{system}\n:is({_DARK_HOSTS}) & {{\n{rules}\n{ground}\n}}"


def _dark_rules() -> str:
    rules = [
        f"{_GROUND} {{ fill: {DARK.background} }}",
        f"text {{ fill: {DARK.text} }}",
        f".titles {{ stroke: {DARK.background} }}",
        f".titles text, .edge text {{ fill: {DARK.faint} }}",
        f".edge path, .edge polygon {{ stroke: {DARK.edge} }}",
        f'.edge polygon:not([fill="none"]) {{ fill: {DARK.edge} }}',
        f".frame path {{ fill: none; stroke: {DARK.frame} }}",
        f".heat text {{ fill: {LIGHT.text} }}",  # on colours that stay
    ]
    outlined = ':not([stroke="none"])'  # the pixels of a tiny image are not, and keep their colours
    for kind, entry in LOOKS.items():
        tags = ("path", "polygon", "ellipse")
        filled = ", ".join(f'.node.{kind}:not(.heat) {tag}:not([fill="none"]){outlined}' for tag in tags)
        lines = ", ".join(f".node.{kind} {tag}{outlined}" for tag in (*tags, "polyline"))
        rules += [f"{filled} {{ fill: {entry.dark[0]} }}", f"{lines} {{ stroke: {entry.dark[1]} }}"]
        for attribute, light, dark in zip(("fill", "stroke"), entry.light, entry.dark, strict=True):  # of the legend
            swatches = f'.graph > [{attribute}="{light}"], .graph > g > a > [{attribute}="{light}"]'
            rules.append(f"{swatches} {{ {attribute}: {dark} }}")
    for verdict, colour in (("right", DARK.right), ("wrong", DARK.wrong)):
        rules.append(f".node.{verdict}:not(.heat) text {{ fill: {colour} }}")
        rules.append(f".node.{verdict} path{outlined}, .node.{verdict} polygon{outlined} {{ stroke: {colour} }}")
    return "\n".join(rules)


# ---- heat: from pale to dark, even in print; words and numbers stand on it

SCALE = ("#fff7e6", "#fde3b0", "#fcc67a", "#f8a24f", "#ee7a36", "#e2602f")


def heat(value: float, low: float, high: float) -> str:
    """The colour of a positive `value` on a logarithmic scale from `low` to `high`; grey of 0, and of nan or inf.

    >>> heat(1e-8, 1e-8, 1.0), heat(1.0, 1e-8, 1.0), heat(0.0, 1e-8, 1.0)
    ('#fff7e6', '#e2602f', '#d9d9d9')
    """
    if not value or not math.isfinite(value):
        return "#d9d9d9"
    share = (math.log(value) - math.log(low)) / ((math.log(high) - math.log(low)) or 1)
    return SCALE[min(max(int(share * len(SCALE)), 0), len(SCALE) - 1)]


def signed_colour(value: float, dark: bool = False) -> str:
    """The colour of a number from -1, blue, over 0, grey, to 1, orange: for tiny images.

    >>> signed_colour(0.0), signed_colour(1.0), signed_colour(-1.0)
    ('#f2f2f2', '#d95f02', '#2166ac')
    """
    low, zero, high = (33, 102, 172), ((70, 70, 70) if dark else (242, 242, 242)), (217, 95, 2)
    end = high if value > 0 else low
    return "#" + "".join(f"{round(a + (b - a) * min(abs(value), 1)):02x}" for a, b in zip(zero, end, strict=True))
