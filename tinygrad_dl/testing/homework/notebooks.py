"""Notebooks as code: the cells of the JSON, without what IPython alone understands."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

LINE_MAGIC = re.compile(r"\s*(%{1,2}[A-Za-z_]|![^=]|\?)|[\w.\s]+\?{1,2}\s*$|\s*[\w, ]+=\s*(!|%[A-Za-z_])")
KEEPS_CODE = ("time", "timeit", "capture", "prun", "python", "python3")  # cell magics that run the code below them


def code_cells(text: str) -> tuple[list[str], bool]:
    """The code cells of a notebook, of version 3 or 4 of the format, and whether they may be of Python 2.

    Raises ValueError for what is no notebook, or one of another language.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValueError(f"expected a notebook; it is no JSON: {error}.") from None
    try:
        cells = [{**cell} for sheet in data.get("worksheets", [data]) for cell in sheet.get("cells", ())]
    except (AttributeError, TypeError):  # JSON of something else
        cells = []
    if not cells:
        raise ValueError("expected a notebook with cells; there are none.")
    language = _language(data.get("metadata", {}))
    if not language.startswith("python"):
        raise ValueError(f"expected a notebook in Python, got one in {language}.")
    codes = [cell for cell in cells if cell.get("cell_type") == "code"]
    return [_without_cell_magic(_joined(cell.get("source", cell.get("input", "")))) for cell in codes], language in (
        "python",
        "python 2",
    )


def _language(metadata: dict[str, Any]) -> str:
    """The language of a notebook in lower case, with its version if that is known: "python 3"."""
    info, kernel = metadata.get("language_info", {}), metadata.get("kernelspec", {})
    name = str(info.get("name") or kernel.get("language") or "python").lower()
    version = str(info.get("version") or "")[:1] or "".join(re.findall(r"\d", str(kernel.get("name", ""))))[:1]
    return f"{name} {version}".strip()


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(map(str, source or ()))


def _without_cell_magic(text: str) -> str:
    """A cell without its %%magic; one whose code is in no Python is empty, with as many lines."""
    found = re.match(r"\s*%%(\w+)[^\n]*", text)
    if not found:
        return text
    lines = found[0].count("\n") * "\n"
    return lines + text[found.end() :] if found[1] in KEEPS_CODE else "\n" * text.count("\n")


def without_magics(text: str) -> str:
    """The text with `pass` in place of %magic, !shell and help? lines, and of their continuations."""
    lines, continued = [], False
    for line in text.split("\n"):
        magic = bool(LINE_MAGIC.match(line))
        indent = line[: len(line) - len(line.lstrip())]
        lines.append("" if continued else f"{indent}pass" if magic else line)
        continued = (continued or magic) and line.endswith("\\")
    return "\n".join(lines)


def without_ipython(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a script that was exported from a notebook, without its calls of `get_ipython()`."""
    kept = []
    for statement in body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("get_ipython()."):
            kept += _code_of_cell_magic(call)
        else:
            kept.append(statement)
    return kept


def _code_of_cell_magic(call: ast.Call) -> list[ast.stmt]:
    """The code in `get_ipython().run_cell_magic("time", "", code)`, which stands in the line of the call."""
    values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if len(values) != 3 or values[0] not in KEEPS_CODE:
        return []
    try:
        tree = ast.parse(str(values[2]))
    except SyntaxError:
        return []
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            ast.copy_location(node, call)
    return tree.body
