"""The losses of a file by its syntax: which one is the last, made of the others, and which ones have a penalty."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from .objectives import is_cost

PENALTY = re.compile(r"\w*(reg|lam|lmbda|decay|penal|l2)\w*", re.IGNORECASE)


def consumed(tree: ast.Module, names: Collection[str], sums: Collection[str]) -> set[str]:
    """The losses among `names` that another one of them is computed from, if that is none of the running `sums`."""
    found = set()
    for target, value in _definitions(tree):
        used = {_last(n) for n in ast.walk(value) if isinstance(n, (ast.Name, ast.Attribute))}
        if target in names and target not in sums:
            found |= {name for name in used if name in names and name != target and is_cost(name)}
    return found


def has_penalty(tree: ast.Module) -> bool:
    """Return whether the code of a loss names the strength of a penalty."""
    for _, value in _definitions(tree):
        if any(isinstance(n, (ast.Name, ast.Attribute)) and PENALTY.fullmatch(_last(n)) for n in ast.walk(value)):
            return True
    return False


def _definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The values of losses: those assigned to their names, added to them, and returned by their functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and is_cost(node.name):
            for part in ast.walk(node):
                if isinstance(part, (ast.Return, ast.Assign, ast.AugAssign)) and part.value is not None:
                    yield node.name, part.value
        elif isinstance(node, (ast.Assign, ast.AugAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, (ast.Name, ast.Attribute)) and is_cost(_last(target)):
                yield _last(target), node.value


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
