"""Python 2 read as Python 3: its statements are rewritten line by line, and its integers divide as they did."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

REFUSED = (  # beginnings of the parser's messages for what only Python 2 allows
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "multiple exception types must be parenthesized",
    "invalid decimal literal",
)
PRINT = re.compile(r"^(\s*(?:(?:if|elif|else|for|while|try|except|finally|with)\b.*:\s*)?)print\b(?!\s*[(=.\[])(.*)$")
REWRITTEN = (
    (re.compile(r"\bexcept\s+([\w.]+|\([\w., ]+\))\s*,\s*(\w+)\s*:"), r"except \1 as \2:"),
    (re.compile(r"\braise\s+([\w.]+)\s*,\s*(.+)$"), r"raise \1(\2)"),
    (re.compile(r"\b(\d+)[lL]\b"), r"\1"),
    (re.compile(r"<>"), "!="),
)
LINES = 12  # that a print statement may have


def modernised(text: str) -> str:
    """The text with the statements of Python 2 rewritten, in as many lines; it prints nothing."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        found = PRINT.match(line)
        if found and (end := _end_of_print(found[2], lines[i + 1 : i + LINES])) is not None:
            lines[i : i + end + 1] = [f"{found[1]}pass", *[""] * end]
            continue
        for pattern, replacement in REWRITTEN:
            line = pattern.sub(replacement, line)
        lines[i] = line
    return "\n".join(lines)


def _end_of_print(values: str, below: Sequence[str]) -> int | None:
    """The number of the lines below that belong to a print statement of these values; None if it is no such."""
    values = values.strip().removeprefix(">>")
    for end in range(len(below) + 1):
        text = "\n".join([values, *below[:end]])
        if text.endswith("\\"):
            continue
        try:
            ast.parse(f"print({text}\n)")
        except (SyntaxError, ValueError):
            continue
        return end
    return None


def divides_integers(body: Sequence[ast.stmt]) -> bool:
    """Return whether 1/2 is 0 in code of Python 2."""
    imports = [statement for statement in body if isinstance(statement, ast.ImportFrom)]
    return not any(i.module == "__future__" and "division" in [alias.name for alias in i.names] for i in imports)


def divide(a: Any, b: Any) -> Any:
    """`a / b` of Python 2."""
    return a // b if _is_integer(a) and _is_integer(b) else a / b


def _is_integer(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(np.issubdtype(value.dtype, np.integer))
    return isinstance(value, (int, np.integer))
