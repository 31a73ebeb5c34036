"""Causes of wrong gradients in a learner's own code: the one small change that makes them right.

It needs no formula, and serves for whatever was judged by differences: the functions behind are changed in place, one
place at a time, and judged again.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, Protocol

import numpy as np

from ..gradcheck.causes import near
from .mutations import Change, changes

SECONDS = 3.0  # of computing, for all functions together
MOST = 3  # alternatives


class Claim(Protocol):
    """A function with gradients by hand: `value(*values)`, and `gradients(g, values)` by the names of the values."""

    def names(self) -> list[str]: ...  # noqa: D102
    def values(self) -> list[Any]: ...  # noqa: D102
    def value(self, *values: Any) -> Any: ...  # noqa: D102
    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> Mapping[str, Any]: ...  # noqa: D102


def repairs(functions: Sequence[Any], is_right: Callable[[], bool], seconds: float = SECONDS) -> list[str]:
    """The mistakes in `functions`, of which each alone explains the wrong gradients; none if there is none so simple.

    `is_right()` judges the gradients anew. It is called for each change of a function, which is in force for all who
    hold the function.
    """
    end = time.process_time() + seconds
    for function in dict.fromkeys(map(_plain, functions)):
        if function is None or (tree := _tree(function)) is None:
            continue
        code = function.__code__
        try:
            found = repairs_in(tree, _others(function), _with_code(function, tree, is_right), end)
        finally:
            function.__code__ = code
        if found:
            return found
    return []


def repairs_in(tree: ast.AST, others: list[str], is_right: Callable[[], bool], end: float) -> list[str]:
    """The mistakes in statements, each alone, where `is_right()` judges the `tree` as it is at the moment.

    The search ends when `time.process_time()` is at `end`.
    """
    with contextlib.closing(changes(tree, others)) as tried:
        return _that_hold(tried, is_right, end)


def _that_hold(tried: Iterable[Change], is_right: Callable[[], bool], end: float) -> list[str]:
    """The changes with which `is_right()` holds: the first ones, all of one kind."""
    found: dict[str, str] = {}
    for change in tried:
        if time.process_time() > end or len(found) == MOST or (found and change.kind not in found.values()):
            break
        if _holds(is_right):
            found.setdefault(str(change), change.kind)
    return list(found)


def repairs_of(claim: Claim, functions: Sequence[Any], wanted: Sequence[str], seconds: float = SECONDS) -> list[str]:
    """The mistakes in `functions` that make the `wanted` gradients of a claim wrong; the value stays as it is."""
    names, values = claim.names(), claim.values()
    ans = np.asarray(claim.value(*values), dtype=float)
    rng = np.random.default_rng(3)
    g = rng.uniform(0.5, 1.5, ans.shape) * rng.choice([-1.0, 1.0], ans.shape) if ans.ndim else np.ones(())
    before = claim.gradients(g, values)

    def along(*moved: Any) -> float:
        return float(np.sum(g * claim.value(*moved)))

    truth = {}
    for name in names:
        if name in wanted:
            truth[name] = numeric_gradient(along, values, names.index(name))
        elif before.get(name) is not None:
            truth[name] = np.array(before[name], dtype=float)

    def is_right() -> bool:
        given = claim.gradients(g, values)
        right = all(near(np.asarray(given.get(name), float), truth[name]) for name in truth)
        return right and np.array_equal(np.asarray(claim.value(*values), dtype=float), ans)

    return repairs(functions, is_right, seconds)


def numeric_gradient(f: Callable[..., float], values: Sequence[Any], i: int) -> np.ndarray:
    """The derivatives of a number with respect to one of the arguments, by central differences."""
    x = np.array(values[i], dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[index] += step
            ends.append(f(*values[:i], moved if moved.ndim else float(moved), *values[i + 1 :]))
        gradient[index] = (ends[0] - ends[1]) / 2e-6
    return gradient


def _with_code(function: FunctionType, tree: ast.FunctionDef, is_right: Callable[[], bool]) -> Callable[[], bool]:
    """`is_right`, after the function got the code of the `tree`."""
    code = function.__code__
    module = _module(tree, code)

    def holds() -> bool:
        new = _compiled(module, code)
        if new is None:
            return False
        function.__code__ = new
        return is_right()

    return holds


def _holds(is_right: Callable[[], bool]) -> bool:
    try:
        with np.errstate(all="ignore"):
            return is_right()
    except Exception:  # of any kind: what was changed need not run
        return False


def _plain(function: Any) -> FunctionType | None:
    function = inspect.unwrap(function) if callable(function) else function
    function = getattr(function, "__func__", function)
    return function if isinstance(function, FunctionType) else None


def _tree(function: FunctionType) -> ast.FunctionDef | None:
    """The syntax tree of a function, with the line numbers of its file."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    tree.decorator_list = []
    return tree


def _others(function: FunctionType) -> list[str]:
    """The functions of the same file, to be called instead."""
    file = function.__code__.co_filename
    return [
        name
        for name, value in function.__globals__.items()
        if isinstance(value, FunctionType) and value.__code__.co_filename == file and value is not function
    ][:12]


def _module(tree: ast.FunctionDef, old: CodeType) -> ast.Module:
    """A module with the function, and with the variables of its closure around it."""
    body: list[ast.stmt] = [tree]
    if old.co_freevars:
        outer = ast.parse("def outer():\n    " + " = ".join(old.co_freevars) + " = None").body[0]
        assert isinstance(outer, ast.FunctionDef)
        outer.body.append(tree)
        body = [outer]
    return ast.fix_missing_locations(ast.Module(body, []))


def _compiled(module: ast.Module, old: CodeType) -> CodeType | None:
    """The code of the function in a module, to be put in the place of the old code; None if that makes no sense."""
    try:
        code = compile(module, old.co_filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, TypeError):
        return None
    for _ in range(2 if old.co_freevars else 1):
        code = next((c for c in code.co_consts if isinstance(c, CodeType)), code)
    return code if code.co_freevars == old.co_freevars and code.co_name == old.co_name else None
