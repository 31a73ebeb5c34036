"""The words in a picture: what an operation is called, a short form of its constants, and any text as DOT takes it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import primitives
from ..registry import name_of
from ..tensor import Tensor

_SYMBOLS: dict[Callable | None, str] = {
    np.add: "+",
    np.subtract: "−",  # noqa: RUF001 (a minus sign, as wide as the plus)
    np.multiply: "×",
    np.divide: "/",
    np.matmul: "@",
    np.power: "**",
    np.remainder: "%",
}
_HOLE = "·"  # where an operand that has a node of its own goes
_LONGEST = 32  # characters of a constant or of an argument list, beyond which it is cut
_UNDRAWABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # no font has them, XML forbids them


def read(node: Tensor) -> tuple[str, list[Any]]:
    """What the operation that made `node` is called, with its constants, and its operands: Tensors and arrays.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> label, operands = read(1 / tg.parameter([1.0, 2.0], name="x"))
    >>> label, operands[0].name
    ('1 /', 'x')
    """
    slots: list[str] = []
    operands: list[Any] = []
    for value, parent in zip_longest(node._args, node._parents):
        if parent is not None or _is_array(value):
            operands.append(value if parent is None else parent)
            slots.append(_HOLE)
        else:
            slots.append(constant(value))
    return _call(node._function, slots, node._kwargs or {}), operands


def _call(function: Callable | None, slots: list[str], kwargs: dict[str, Any]) -> str:
    """A call with only its constants filled in: `1 /`, `sum(axis=0)`, `clip(·, 0, 1)`, `getitem[0, 1:]`."""
    if function in _SYMBOLS and len(slots) == 2 and not kwargs:
        return " ".join([slots[0], _SYMBOLS[function], slots[1]]).replace(_HOLE, "").strip()
    name = name_of(function).removeprefix("np.")
    if function is primitives.getitem:
        return name if slots[1] == _HOLE else f"{name}[{slots[1].removeprefix('(').removesuffix(')')}]"
    positional = [] if set(slots) == {_HOLE} else slots
    arguments = ", ".join(positional + [f"{key}={constant(value)}" for key, value in kwargs.items()])
    return f"{name}({_cut(arguments)})" if arguments else name


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
        return _cut(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})")
    if isinstance(value, slice):
        start, stop, step = ("" if part is None else str(part) for part in (value.start, value.stop, value.step))
        return _cut(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
    return "..." if value is Ellipsis else _cut(str(getattr(value, "__name__", value)))


def _is_array(value: Any) -> bool:
    """Whether `value` is an array, NumPy's or another library's, but not a single number."""
    return not isinstance(value, type) and getattr(value, "ndim", 0) > 0


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def escaped(text: str) -> str:
    r"""`text` as a DOT label that shows it as typed: backslashes, `<`, `&amp;` and newlines mean nothing else there.

    Control characters and lone surrogates, which no picture can hold, are shown as Python writes them.

    >>> print(escaped("a\\n <b>\nsecond line"))
    a\\n <b>\nsecond line
    """
    from graphviz import escape, nohtml  # type: ignore[import-untyped]

    visible = _UNDRAWABLE.sub(lambda match: repr(match[0])[1:-1], text)
    return nohtml(escape(visible.replace("&", "&amp;")).replace("\n", r"\n"))


def least_width(text: str) -> dict[str, str]:
    """The node attribute that makes room for Chinese, emoji and such, whose width graphviz-pure underestimates.

    >>> least_width("W1"), least_width("权重")
    ({}, {'width': '0.7'})
    """
    wide = [[unicodedata.east_asian_width(character) in "WF" for character in line] for line in text.split("\n")]
    if not any(map(any, wide)):
        return {}
    ems = max(0.6 * len(line) + 0.6 * sum(line) for line in wide)  # a wide one is two narrow ones
    return {"width": f"{ems * 12 / 72 + 0.3:.1f}"}
