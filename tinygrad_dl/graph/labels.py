"""Text in pictures: labels of operations, short forms of constants, and text escaped for DOT."""

from __future__ import annotations

import functools
import inspect
import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from .._signatures import signature
from ..core import primitives
from ..core.registry import name_of
from ..core.tensor import Tensor

SYMBOLS: dict[Callable[..., Any] | None, str] = {
    np.add: "+",
    np.subtract: "−",  # noqa: RUF001 (a minus sign, as wide as the plus)
    np.multiply: "×",
    np.divide: "/",
    np.matmul: "@",
    np.power: "**",
    np.remainder: "%",
}
_HOLE = "·"  # the place of an operand that has its own node
_LONGEST = 32  # characters of a constant or an argument list; longer ones are cut
_UNDRAWABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # no font has them, XML forbids them


def read_label(node: Tensor) -> tuple[str, list[Any]]:
    """The label of the operation that made `node`, with constants filled in, and its operands: Tensors and arrays.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> label, operands = read_label(1 / tg.parameter([1.0, 2.0], name="x"))
    >>> label, operands[0].name
    ('1 /', 'x')
    """
    drawn = dict((argnum, operand) for operand, argnum in operands(node))
    slots = [_HOLE if argnum in drawn else constant(value) for argnum, value in enumerate(node._args)]
    return _call(node._function, slots, primitives.visible_kwargs(node._kwargs)), list(drawn.values())


def operands(node: Tensor) -> list[tuple[Any, int]]:
    """The Tensors and arrays among the arguments that made `node`, each with its argnum; numbers are constants."""
    return [
        (value if parent is None else parent, argnum)
        for argnum, (value, parent) in enumerate(zip_longest(node._args, node._parents))
        if parent is not None or _is_array(value)
    ]


def names_of_arguments(function: Callable[..., Any]) -> list[str]:
    """The names of the positional parameters of `function`, [] if unknown; the first one of a net is X."""
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return ["X", *names[1:]] if names[:1] == ["A"] else names


def _call(function: Callable | None, slots: list[str], kwargs: dict[str, Any]) -> str:
    """A call with only its constants filled in: `1 /`, `sum(axis=0)`, `clip(·, 0, 1)`, `getitem[0, 1:]`."""
    if function in SYMBOLS and len(slots) == 2 and not kwargs:
        return " ".join([slots[0], SYMBOLS[function], slots[1]]).replace(_HOLE, "").strip()
    name = name_of(function).removeprefix("np.")
    if function is primitives.getitem:
        return name if slots[1] == _HOLE else f"{name}[{slots[1].removeprefix('(').removesuffix(')')}]"
    if function is primitives.output:
        return f"output {slots[1]} of {slots[2]}"
    positional = [] if set(slots) == {_HOLE} else slots
    given = {key: value for key, value in kwargs.items() if not _is_default(function, key, value)}
    arguments = ", ".join(positional + [f"{key}={constant(value)}" for key, value in given.items()])
    return f"{name}({_shorten(arguments)})" if arguments else name


def _is_default(function: Callable | None, keyword: str, value: Any) -> bool:
    """Return whether `value`, a number, text or truth value, is the default of the `keyword` of `function`."""
    if not isinstance(value, (bool, int, float, str, type(None))):
        return False
    default = _defaults(function).get(keyword, inspect.Parameter.empty)
    return type(default) is type(value) and default == value


@functools.cache
def _defaults(function: Any) -> dict[str, Any]:
    try:
        return {name: parameter.default for name, parameter in signature(function).parameters.items()}
    except (TypeError, ValueError):
        return {}


def constant(value: Any) -> str:
    """A short form of a number, index or setting.

    >>> import numpy as np
    >>> constant(1 / 3), constant(np.float32), constant((slice(1, None), ..., np.zeros((3, 4))))
    ('0.333333', 'float32', '(1:, ..., array(3, 4))')
    """
    if _is_array(value):
        return f"array{value.shape}"  # not its numbers: there may be millions
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)):
        parts = [constant(part) for part in value[:_LONGEST]]
        return _shorten(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})")
    if isinstance(value, slice):
        start, stop, step = ("" if part is None else str(part) for part in (value.start, value.stop, value.step))
        return _shorten(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
    return "..." if value is Ellipsis else _shorten(str(getattr(value, "__name__", value)))


def _is_array(value: Any) -> bool:
    """Return whether `value` is an array with axes, of NumPy or another library."""
    return not isinstance(value, type) and getattr(value, "ndim", 0) > 0


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def html(text: str, longest: int = 40, lines: int = 4, align: str = "") -> str:
    r"""Escape `text` for an HTML-like label, `label=<...>`, also inside `<b>` or `<td>`, so that it is shown as typed.

    Lines longer than `longest`, and texts of more than so many `lines`, are shortened in the middle; tooltips have the
    full text. With `align`, "left" or "right", several lines are aligned; else they are centered.

    >>> html("a < b"), html(r"\N"), html(" x"), html("W\n(2, 3)"), html("0123456789", longest=5)
    ('a &lt; b', '\\\\N', '&#160;x', 'W<br/>(2, 3)', '01…89')
    """
    # Tried with Graphviz 2.43 and graphviz-pure 0.2.2, which agree:
    # - it is XML, so that <, & and the > of "]]>" must be entities, and what XML can't hold is written out;
    # - escapes are still expanded, after the entities: \N and &#92;N both give the name of the node, \\ a backslash;
    # - newlines and tabs are dropped; spaces are not, but in the SVG of old versions those at an end don't show;
    # - a <b>, and in old versions a whole label, without a character in it is a syntax error: hence a hard space.
    shown = _in_the_middle(visible(text).split("\n"), lines, ["…"])
    typed = [_html_line("".join(_in_the_middle(line, longest, "…"))) for line in shown]
    newline = f'<br align="{align}"/>' if align else "<br/>"
    return newline.join(typed) + (newline if align and len(typed) > 1 else "")  # each ends the line that it aligns


def _html_line(line: str) -> str:
    spaces = len(line) - len(line.lstrip(" ")), len(line.rstrip(" "))
    if spaces[0] >= spaces[1]:
        return "&#160;" * max(len(line), 1)
    middle = line[spaces[0] : spaces[1]].replace("\\", "\\\\")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        middle = middle.replace(character, entity)
    return "&#160;" * spaces[0] + middle + "&#160;" * (len(line) - spaces[1])


def visible(text: str) -> str:
    """Replace control characters and lone surrogates by Python's escapes."""
    return _UNDRAWABLE.sub(lambda match: repr(match[0])[1:-1], text)


def _in_the_middle(parts: Any, most: int, mark: Any) -> Any:
    """Shorten a text or list in the middle to at most so many parts, with a mark in place of the others."""
    if len(parts) <= most:
        return parts
    left = most - 1
    return parts[: (left + 1) // 2] + mark + parts[len(parts) - left // 2 :]


def tip(text: str, longest: int = 1500) -> str:
    r"""Escape `text` for `tooltip="..."`, so that it is shown as typed; shorten it in the middle beyond `longest`.

    >>> print(tip(r"a\N <b>"), tip("0123456789", longest=5))
    a\\\\N <b> 01…89
    """
    from graphviz import nohtml

    # Graphviz expands escapes in a tooltip twice, first \\, then \N: four backslashes stand for one. Old versions
    # refuse a string, or a text in an HTML-like label, of 16,384 bytes: a character makes 9 at most here.
    shown = visible(_in_the_middle(text, longest, "…"))
    return nohtml(shown.replace("&", "&amp;").replace("\\", 4 * "\\").replace("\n", r"\n"))


def least_width(text: str) -> dict[str, str]:
    """The node attribute `width` for Chinese, emoji and the like, whose width graphviz-pure underestimates.

    >>> least_width("W1"), least_width("权重")
    ({}, {'width': '0.7'})
    """
    wide = [[unicodedata.east_asian_width(character) in "WF" for character in line] for line in text.split("\n")]
    if not any(map(any, wide)):
        return {}
    ems = max(0.6 * len(line) + 0.6 * sum(line) for line in wide)  # a wide one is two narrow ones
    return {"width": f"{ems * 12 / 72 + 0.3:.1f}"}
