"""Conversion of an engine's SVG for display: dark colours by a style sheet, and markup that HTML accepts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from .hover import hover_css

# Edited as text, not parsed and written again, which takes seconds for a large picture and renames its namespaces. In
# XML `<` stands nowhere but in markup, so that what looks like a comment or a tag is one, also in names.
_COMMENT = re.compile(rb"<!--.*?-->\s*", re.DOTALL)
_OPENING = re.compile(rb"""<svg\b(?:[^>"']|"[^"]*"|'[^']*')*>""")
_NO_ENTITY = re.compile(rb"&(?!#\d+;|#[xX][0-9a-fA-F]+;|(?:amp|lt|gt|quot|apos);)")
_CLASS = b' class="tinygrad-dl'
_FRAME = re.compile(rb'<g id="[^"]*" class="cluster[^"]*">.*?</a>\s*</g>\s*</g>\s*', re.DOTALL)
_FILL = re.compile(rb'<(?:path|polygon) fill="([^"]*)"')
# Fonts as wide as those that the engine reckons with: librsvg takes the fallback, a wider one, if the first is missing.
_FAMILIES = {
    b"Helvetica": b"Helvetica,Arial,Liberation Sans,Nimbus Sans,Arimo,sans-serif",
    b"Courier": b"Courier,Courier New,Liberation Mono,Nimbus Mono PS,Cousine,monospace",
}
_FAMILY = re.compile(rb'font-family="(Helvetica|Courier)[^"]*"')
_GRADIENT = re.compile(rb'(<(?:linear|radial)Gradient id="|="url\(#)([^")]*)')
_TEXT = re.compile(rb"<text\b.*?</text>\s*", re.DOTALL)


def with_style(svg: bytes, dark_css: str = "", hover: bool = False) -> bytes:
    """Return the `svg` of Graphviz with a style sheet for dark themes, fit for an HTML page.

    The rules of `dark_css` apply to pictures only; `&` is the picture itself. With `hover`, the pointer on a node shows
    the way of it. The XML declaration, the doctype and all that depends on the engine's version, such as comments, are
    removed; texts, titles and tooltips stay. Raises ValueError if `svg` is no SVG picture.

    >>> picture = b'<?xml version="1.0"?><!-- by dot 16 --><svg width="8pt"><text>a</text></svg>'
    >>> print(with_style(picture, "@media (prefers-color-scheme: dark) { text { fill: white } }").decode().rstrip())
    <svg class="tinygrad-dl" width="8pt"><style>.tinygrad-dl {
    @media (prefers-color-scheme: dark) { text { fill: white } }
    }</style><text>a</text></svg>
    """
    # Old versions of dot hand `&nbsp;` on, which XML doesn't define.
    svg = _NO_ENTITY.sub(b"&amp;", _COMMENT.sub(b"", svg))
    opening = _OPENING.search(svg)
    if opening is None:
        raise ValueError(f"with_style: expected an SVG picture, got {svg[:40]!r}: make it with render(source, '.svg').")
    if _CLASS in opening[0]:
        return svg  # it has a style already
    svg = _FAMILY.sub(lambda match: b'font-family="%s"' % _FAMILIES[match[1]], _with_unique_gradients(svg))
    way = hover_css(svg.decode()) if hover else ""
    own = f"tinygrad-dl-{hashlib.sha256(svg).hexdigest()[:8]}"  # ids occur in every picture of a page
    tag = opening[0].replace(b"<svg", b"<svg" + _CLASS + (f' {own}"'.encode() if way else b'"'), 1)
    return (
        tag + _style({"tinygrad-dl": dark_css, own: way}) + _with_titles_on_top(svg[opening.end() :].rstrip()) + b"\n"
    )


def _with_unique_gradients(svg: bytes) -> bytes:
    """Names of gradients of colours that no other picture has: in one page, the first of a name counts for all."""
    if _GRADIENT.search(svg) is None:
        return svg
    mark = hashlib.sha256(svg).hexdigest()[:8].encode()
    return _GRADIENT.sub(lambda match: match[1] + mark + b"-" + match[2], svg)


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


def _style(sheets: Mapping[str, str]) -> bytes:
    """The style sheets of classes of pictures."""
    # Nested rules, which browsers have had since 2023, keep to these pictures where they stand in a page with others.
    parts = [f".{name} {{\n{escape(css.strip())}\n}}" for name, css in sheets.items() if css.strip()]
    return f"<style>{chr(10).join(parts)}</style>".encode() if parts else b""
