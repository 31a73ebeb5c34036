"""HTML for notebooks: small tables and texts in the colours of the page around them, light or dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# In styles of their own elements, not in a style sheet, which would be that of the whole notebook. Lines are as dark or
# light as the text, and both colours can be read on white and on black.
_BLOCK = "font-size: 13px; line-height: 1.5; max-width: 100%; overflow-x: auto"
_TABLE = "border-collapse: collapse; border: none; margin: 4px 0; font-size: inherit"
_LINE = "border: none; border-bottom: 1px solid color-mix(in srgb, currentColor {}%, transparent)"
_CELL = f"padding: 2px 10px 2px 0; vertical-align: top; background: transparent; {_LINE.format(15)}"
_HEAD = f"padding: 2px 10px 2px 0; font-weight: 600; background: transparent; {_LINE.format(50)}"
_COLOURS = {"right": "#2b8a4b", "wrong": "#d9483b"}
_FAINT = "opacity: 0.75; font-size: 12px; margin: 4px 0"


def escape(text: str) -> str:
    """Escape `text` for HTML."""
    from html import escape  # whose table of names takes 1 ms to import

    return escape(text)


class Code(str):
    """A text that is code."""


class TextTable(str):
    """The text of a table, which a notebook shows as a table."""

    html: str

    def __new__(cls, text: str, html: str) -> TextTable:
        """Make the text, with its `html`."""
        made = super().__new__(cls, text)
        made.html = html
        return made

    def _repr_html_(self) -> str:
        return self.html


def block(*parts: str) -> str:
    """Parts of HTML, one below the other.

    >>> block("<p>a</p>").endswith("<p>a</p></div>")
    True
    """
    return f'<div style="{_BLOCK}">{"".join(parts)}</div>'


def title(text: str, more: str = "") -> str:
    """A line in bold, with `more` behind it."""
    rest = f' <span style="{_FAINT}">{escape(more)}</span>' if more else ""
    return f'<div style="margin: 4px 0"><b>{escape(text)}</b>{rest}</div>'


def note(*lines: str) -> str:
    """Lines of small text; "" for none."""
    return f'<div style="{_FAINT}">{"<br>".join(map(escape, lines))}</div>' if lines else ""


def code(text: str) -> str:
    """A block of code as it is."""
    style = "margin: 4px 0; padding: 0; background: transparent; color: inherit; font-size: 12px; line-height: 1.4"
    return f'<pre style="{style}">{escape(text)}</pre>'


def table(
    rows: Iterable[Sequence[Any]], head: Sequence[Any] = (), verdicts: Sequence[str] = (), numbers: Sequence[int] = ()
) -> str:
    """A table of texts, with numbers in the columns `numbers` on the right; `verdicts` colour rows "right" or "wrong".

    >>> "a &lt; b" in table([["a < b", 1]], numbers=[1]), table([[1]], verdicts=["wrong"]).count("#d9483b")
    (True, 1)
    """
    lines = [_row(head, "th", _HEAD, numbers)] if head else []
    for index, row in enumerate(rows):
        colour = _COLOURS.get(verdicts[index]) if index < len(verdicts) else None
        lines.append(_row(row, "td", _CELL + (f"; color: {colour}" if colour else ""), numbers))
    return f'<table style="{_TABLE}">{"".join(lines)}</table>'


def _row(cells: Sequence[Any], tag: str, style: str, numbers: Sequence[int]) -> str:
    parts = []
    for column, cell in enumerate(cells):
        align = "right" if column in numbers else "left"
        text = escape(str(cell))
        text = f"<code>{text}</code>" if type(cell) is Code else text
        parts.append(f'<{tag} style="{style}; text-align: {align}">{text}</{tag}>')
    return f'<tr style="background: transparent">{"".join(parts)}</tr>'
