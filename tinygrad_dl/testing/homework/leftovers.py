"""Leftovers: gradients that a file derives by hand and that no check covers. Without them "right" would say too much.

Code counts as covered if a covered function or class calls it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .findings import UNCHECKED, Check, Finding
from .loading import UserFile
from .objects import objects_in

BACKWARD = re.compile(
    r"(.*_)?(back(wards?|prop|propagation|propagate)?|bprop|grads?|gradients?|deriv\w*|prime)(_.*|\d*)", re.I
)
GRADIENT = re.compile(
    r"d([WwBbZzAaXxHh]|[Wwb]\w{1,3}|out|scores|hidden|inputs?|weights?|biases?)_?\d*|delta_?\w{0,8}|nabla_[bw]|grads?|grad_?[Wwb]\d*"
)
OTHER = re.compile(  # about gradients, and no derivation
    r".*(check|numeric|approx|test|plot|print|clip|updat|optim|init|descent|flat|vector|dictionary|compar|error|load)",
    re.I,
)
ARITHMETIC = (ast.Mult, ast.MatMult, ast.Sub, ast.Div, ast.Pow)
PRODUCTS = {"dot", "matmul", "multiply", "sum", "outer", "einsum", "where", "tensordot", "square", "exp"}


def leftovers(file: UserFile, checks: Sequence[Check]) -> list[Check]:
    """The functions and classes that derive gradients and that are neither checked nor called by checked ones."""
    names = {name for check in checks for name in check.names}
    scripted = any(name in file.variables for name in names)
    if scripted:  # its loop calls functions
        loops = (node for node in file.tree.body if isinstance(node, (ast.For, ast.While)))
        names |= {name.id for loop in loops for name in _names_in(loop)}
    names |= _held(file, names)
    covered = _reached(file, names)
    found = [name for name in (*file.functions, *file.classes) if name not in covered and derives(file, name)]
    helpers = _called(file, found)
    left: list[tuple[str, ...]] = [(name,) for name in found if name not in helpers]
    script = tuple(dict.fromkeys(_gradients_in(_script(file.tree))))
    if len(script) > 1 and not scripted:
        left.append(script)
    return [Check(", ".join(each), each, partial(_unchecked, file, each)) for each in left]


def with_helpers(file: UserFile, checks: Sequence[Check]) -> list[Check]:
    """The checks, each with the names of the functions for gradients that it calls and that no other one names."""
    named = {name for check in checks for name in check.names}
    found = []
    for check in checks:
        called = _reached(file, {name for name in check.names if name in file.names}) - named
        own = tuple(name for name in file.functions if name in called and derives(file, name))
        names = (*check.names, *own)
        found.append(check._replace(names=names, run=partial(_with_names, check, own)) if own else check)
    return found


def _with_names(check: Check, own: tuple[str, ...]) -> Finding:
    finding = check.run()
    return replace(finding, names=(*finding.names, *own))


def _unchecked(file: UserFile, names: tuple[str, ...]) -> Finding:
    name = ", ".join(names)
    place = file.place(file.names[name]) if name in file.names else file.path
    problem = f"{place}: {name}: gradients by hand, but no check fits them: what they are gradients of was not found."
    return Finding(name, UNCHECKED, problem=problem, place=place, names=names)


def derives(file: UserFile, name: str) -> bool:
    """Return whether a function or class derives gradients by hand, by its name and by what it computes."""
    if name.lower().startswith("test") or OTHER.match(name):
        return False
    node = file.definition(file.names[name])
    if isinstance(node, ast.ClassDef):
        return any(_is_derivation(part) for part in node.body if isinstance(part, ast.FunctionDef))
    return node is not None and _is_derivation(node)


def _is_derivation(function: ast.FunctionDef) -> bool:
    """Return whether a function computes gradients, by its name, or by the names of what it computes."""
    if OTHER.match(function.name):
        return False
    if BACKWARD.fullmatch(function.name):
        return _computes(function)
    chained = {name for part in ast.walk(function) for name in _chained(part) if GRADIENT.fullmatch(name)}
    names = {*_gradients_in([function]), *chained}
    returned = {n.id for part in ast.walk(function) if isinstance(part, ast.Return) for n in _names_in(part)}
    return len(names) > 1 or bool(names & returned)


def _gradients_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names of the gradients that code computes."""
    for node in nodes:
        for part in ast.walk(node):
            if (name := _assigned(part)) and GRADIENT.fullmatch(name):
                yield name


def _chained(node: ast.AST) -> list[str]:
    """The names of results of a function that takes a gradient: dA1, dW2 of `dA1, dW2 = backward(dA2, cache)`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return []
    target, taken = node.targets[0], [n.id for arg in node.value.args for n in _names_in(arg)]
    if not isinstance(target, ast.Tuple) or not any(GRADIENT.fullmatch(name) for name in taken):
        return []
    called = node.value.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return [] if OTHER.match(name) else [part.id for part in target.elts if isinstance(part, ast.Name)]


def _script(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that are in no function or class."""
    return (node for node in tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef)))


def _assigned(node: ast.AST) -> str:
    """The name of an array that a statement computes, all of it or a part: dW in `dW[:, j] += X[i]`."""
    if isinstance(node, ast.Assign) and _computes(node.value):
        target = node.targets[0]
    elif isinstance(node, ast.AugAssign):
        target = node.target
    else:
        return ""
    inner = target.value if isinstance(target, ast.Subscript) else target
    return inner.id if isinstance(inner, ast.Name) else ""


def _names_in(node: ast.AST) -> Iterator[ast.Name]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Name))


def _computes(node: ast.AST) -> bool:
    return any(
        (isinstance(part, ast.BinOp) and isinstance(part.op, ARITHMETIC))
        or (
            isinstance(part, ast.UnaryOp)
            and isinstance(part.op, ast.USub)
            and not isinstance(part.operand, ast.Constant)
        )
        or (isinstance(part, ast.Attribute) and part.attr in PRODUCTS)
        for part in ast.walk(node)
    )


def _held(file: UserFile, names: set[str]) -> set[str]:
    """The classes whose objects an object of the file holds that is of a class in `names`."""
    classes = {cls: name for name, cls in file.classes.items()}
    whole = [value for value in file.variables.values() if classes.get(type(value)) in names]
    return {classes[type(part)] for value in whole for part in objects_in(value) if type(part) in classes}


def _reached(file: UserFile, names: set[str]) -> set[str]:
    """The names, and those of all functions and classes that they use."""
    reached: set[str] = set()
    waiting = [name for name in names if name in file.names]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _used(file, name)
    return reached


def _called(file: UserFile, names: Sequence[str]) -> set[str]:
    """The functions that others of these call."""
    return {used for name in names for used in _used(file, name) if used != name and used in names}


def _used(file: UserFile, name: str) -> Iterator[str]:
    value: Any = file.names[name]
    node = file.definition(value) if name in file.functions or name in file.classes else None
    for part in ast.walk(node) if node else ():
        used = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
        if used in file.functions or used in file.classes:
            yield used
