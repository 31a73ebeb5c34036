"""What an engine's SVG is given before it is shown: dark colours for who likes them, nothing that HTML forbids."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

# Edited as text, not parsed and written again, which takes seconds for a large picture and renames its namespaces. In
# XML `<` stands nowhere but in markup, so that what looks like a comment or a tag is one, whatever the names say.
_COMMENT = re.compile(rb"<!--.*?-->\s*", re.DOTALL)
_OPENING = re.compile(rb"""<svg\b(?:[^>"']|"[^"]*"|'[^']*')*>""")
_NO_ENTITY = re.compile(rb"&(?!#\d+;|#[xX][0-9a-fA-F]+;|(?:amp|lt|gt|quot|apos);)")
_CLASS = b' class="tinygrad-dl"'
_FRAME = re.compile(rb'<g id="[^"]*" class="cluster[^"]*">.*?</a>\s*</g>\s*</g>\s*', re.DOTALL)
_FILL = re.compile(rb'<(?:path|polygon) fill="([^"]*)"')
_TEXT = re.compile(rb"<text\b.*?</text>\s*", re.DOTALL)


def dressed(svg: bytes, dark_css: str = "") -> bytes:
    """`svg` as Graphviz makes it, with a style sheet for readers who prefer it dark; fit to be put into an HTML page.

    The rules of `dark_css` hold in this picture only, wherever it stands; `&` is the picture itself. What differs from
    one version of the engine to another, such as the comment that names it, is left out, with the XML declaration and
    doctype; the words, titles and tooltips stay. Raises ValueError for what is no SVG.

    >>> picture = b'<?xml version="1.0"?><!-- by dot 16 --><svg width="8pt"><text>a</text></svg>'
    >>> print(dressed(picture, "@media (prefers-color-scheme: dark) { text { fill: white } }").decode().rstrip())
    <svg class="tinygrad-dl" width="8pt"><style>.tinygrad-dl {
    @media (prefers-color-scheme: dark) { text { fill: white } }
    }</style><text>a</text></svg>
    """
    # Old versions of dot hand `&nbsp;` on, which XML doesn't know.
    svg = _NO_ENTITY.sub(b"&amp;", _COMMENT.sub(b"", svg))
    opening = _OPENING.search(svg)
    if opening is None:
        raise ValueError(f"dressed: expected an SVG picture, got {svg[:40]!r}: make it with rendered(source, '.svg').")
    if _CLASS in opening[0]:
        return svg  # it was dressed before
    tag = opening[0].replace(b"<svg", b"<svg" + _CLASS, 1)
    return tag + _style(dark_css) + _with_titles_on_top(svg[opening.end() :].rstrip()) + b"\n"


def _with_titles_on_top(body: bytes) -> bytes:
    """The titles of frames after everything else, with a halo, since edges into a frame may cross its title."""
    titles: list[bytes] = []
    fills: list[bytes] = []

    def taken(frame: re.Match) -> bytes:
        titles.extend(_TEXT.findall(frame[0]))
        fills.extend(_FILL.findall(frame[0])[:1])
        return _TEXT.sub(b"", frame[0])

    body = _FRAME.sub(taken, body)
    end = body.rfind(b"</g>")
    if not titles or end < 0:
        return body
    halo = fills[0] if fills and fills[0] != b"none" else b"#ffffff"
    opening = b'<g class="titles" stroke="%s" stroke-width="4" stroke-linejoin="round" paint-order="stroke">\n' % halo
    return body[:end] + opening + b"".join(titles) + b"</g>\n" + body[end:]


def _style(dark_css: str) -> bytes:
    if not dark_css.strip():
        return b""
    # Nested rules, which browsers know since 2023, keep to this picture where it stands in a page with others.
    return f"<style>.tinygrad-dl {{\n{escape(dark_css.strip())}\n}}</style>".encode()
