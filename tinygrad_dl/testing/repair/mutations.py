"""Small changes of a function's source: a sign, a factor, a transpose, an axis, another name, each at one place.

`changes(function, others)` puts each in turn into a syntax tree. A change that makes wrong gradients right undoes a
mistake, and is named as that mistake: "Z1 for A1" is a change of Z1 to A1. The search is in `search`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from .slips import KINDS, root

Place = tuple[ast.AST, str, int | None]  # a node, one of its fields, and the position there if that is a list
MOST_NAMES = 24


class Change(NamedTuple):
    """A change that the tree has at the moment: its kind, the mistake that it undoes, and the changed statement."""

    kind: str
    mistake: str
    statement: ast.stmt

    def __str__(self) -> str:
        text = ast.unparse(self.statement).split("\n")[0]
        text = text if len(text) <= 90 else text[:87] + "..."
        return f"{self.mistake}: line {self.statement.lineno} is right as `{text}`"


def changes(function: ast.AST, others: list[str]) -> Generator[Change, None, None]:
    """Yield each change of a function, or of other statements, while the tree has it, the likeliest kinds first.

    `others` are the functions to call instead of those that are called.
    """
    names = _names(function)
    places = [(statement, place) for statement in _statements(function) for place in _places(statement)]
    yield from _orders(function)
    for kind in KINDS:
        for statement, (parent, name, at) in places:
            node = _get(parent, name, at)
            try:
                for mistake, new in kind(node, names, others):
                    _set(parent, name, at, new)
                    ast.fix_missing_locations(statement)
                    yield Change(kind.__name__, mistake, statement)
            finally:  # also if the search ends here
                _set(parent, name, at, node)


def _get(parent: ast.AST, name: str, at: int | None) -> Any:
    return getattr(parent, name) if at is None else getattr(parent, name)[at]


def _set(parent: ast.AST, name: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[at] = node


def _statements(function: ast.AST) -> Iterator[ast.stmt]:
    """The statements that compute something: no loop or condition, so that each change comes to its end."""
    for node in ast.walk(function):
        if (
            isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr))
            and node.value is not None
        ):
            counts = ast.unparse(node.value)
            if not re.fullmatch(r"(float\()?(len\(\w+\)|[\w.]+\.shape(\[-?\d\])?)\)?", counts):  # m
                yield node


def _places(statement: ast.stmt) -> Iterator[Place]:
    """The places of expressions in a statement, targets aside."""
    fields = [("value", getattr(statement, "value", None))]
    queue: list[Place] = [(statement, name, None) for name, value in fields if isinstance(value, ast.expr)]
    while queue:
        place = queue.pop(0)
        yield place
        node = _get(*place)
        for name, value in ast.iter_fields(node):
            if isinstance(value, (ast.expr, ast.operator)):
                queue.append((node, name, None))
            elif isinstance(value, list):
                queue += [(node, name, i) for i, each in enumerate(value) if isinstance(each, (ast.expr, ast.cmpop))]
                queue += [(each, "value", None) for each in value if isinstance(each, ast.keyword)]


def _names(function: ast.AST) -> list[str]:
    """The variables of a function, as the code spells them: A1, self.X, cache['Z1']."""
    found: dict[str, None] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
            found[node.arg] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and _is_variable(node):
            found[ast.unparse(node)] = None
    digits = sorted({*re.findall(r"\d", " ".join(found))})
    for name in list(found):  # W1 beside W2, if that alone is there
        if "[" in name and re.search(r"\d", name):
            found |= {re.sub(r"\d", digit, name): None for digit in digits}
    called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    return [name for name in found if name not in called][:MOST_NAMES]


def _is_variable(node: ast.Attribute | ast.Subscript) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant)
    return root(node) == "self" and node.attr != "T"


def _orders(function: ast.AST) -> Iterator[Change]:
    """Two statements in the other order, and = for +=."""
    words = "the order: something is used before it is computed, or after it was updated"
    for node in ast.walk(function):
        body: Any = getattr(node, "body", None)
        whole = list(body) if isinstance(body, list) else []
        for i, statement in enumerate(whole):
            if isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Add, ast.Sub)):
                old = statement.op
                try:
                    statement.op = ast.Sub() if isinstance(old, ast.Add) else ast.Add()
                    yield Change("order", "sign, += for -= or the reverse", statement)
                finally:
                    statement.op = old
                try:
                    body[i] = ast.copy_location(ast.Assign([statement.target], statement.value), statement)
                    yield Change("order", "+= for =", body[i])
                finally:
                    body[:] = whole
            for j in range(i + 1, len(body)):  # the later one before this one
                if isinstance(body[j], (ast.Assign, ast.AugAssign)):
                    try:
                        body.insert(i, body.pop(j))
                        yield Change("order", words, body[i])
                    finally:
                        body[:] = whole
