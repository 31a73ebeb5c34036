"""The training steps of a learner's file: the statement that is a step, found by its updates, and run under a watch."""

from __future__ import annotations

import ast
import copy
import io
import re
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ..repair import Patch, copy_of
from .budget import TooLong, time_limit
from .entries import draws, entries, missing_names
from .loading import UserFile
from .old_numpy import mend, mend_in_place
from .repeatable import seeded
from .rewriting import WATCH, watched
from .snapshot import Snapshot, reachable
from .updates import update_of, updates_inside
from .watch import Path, Record, StepDone, Watch

SECONDS = 2.0  # for a statement
LONGEST = 1000  # side of an array whose sides are tried for missing data
TEXT = 20 * "hello world, a text that is not there. "  # in place of a file
Scope = ast.Module | ast.FunctionDef
LOOPS = (ast.For, ast.While)


def regions(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The statements that may be a training step, for each group of updates: inner ones first, then those around.

    A loop, whose body is the step, or a function.
    """
    places = [place for place in _places(tree, tree, ()) if place[0]]
    groups: dict[int, list[ast.stmt]] = {}
    for _, scope, loops in places:
        group = groups.setdefault(id(loops[0] if loops else scope), [])
        for each in _outwards(tree, scope, loops, 0):
            if each not in group:
                group.append(each)
    seen: set[tuple[int, ...]] = set()
    for group in groups.values():
        group.sort(key=lambda node: sum(1 for _ in ast.walk(node)) if isinstance(node, LOOPS) else 10**6)
        key = tuple(map(id, group))
        if key not in seen and group:
            seen.add(key)
            yield group


def _places(node: ast.AST, scope: Scope, loops: tuple) -> Iterator[tuple[bool, Scope, tuple]]:
    """The statements below `node`: True for an update, their function, and the loops around them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield from _places(child, child, ())
        elif isinstance(child, (ast.stmt, ast.ExceptHandler)):
            added = [*(terms for _, terms, _ in update_of(child)), *(terms for *_, terms in updates_inside(child))]
            yield any(not _counts(terms) for terms in added), scope, loops
            yield from _places(child, scope, (*loops, child) if isinstance(child, LOOPS) else loops)


def _counts(terms: list) -> bool:
    return all(isinstance(term, ast.Constant) for _, term in terms)


def _outwards(tree: ast.Module, scope: Scope, loops: tuple, depth: int) -> Iterator[ast.stmt]:
    """The loops around a statement, its function, and the same of the calls of that."""
    yield from reversed(loops)
    if isinstance(scope, ast.FunctionDef):
        yield scope
        if depth < 3:
            for _, caller, around in _calls(tree, tree, (), scope.name):
                if caller is not scope:
                    yield from _outwards(tree, caller, around, depth + 1)


def _calls(node: ast.AST, scope: Scope, loops: tuple, name: str) -> Iterator[tuple[ast.AST, Scope, tuple]]:
    for child in ast.iter_child_nodes(node):
        called = child.func if isinstance(child, ast.Call) else None
        if isinstance(called, (ast.Name, ast.Attribute)) and name == getattr(called, "attr", getattr(called, "id", "")):
            yield child, scope, loops
        inner = child if isinstance(child, ast.FunctionDef) else scope
        around = () if isinstance(child, ast.FunctionDef) else (*loops, child) if isinstance(child, LOOPS) else loops
        yield from _calls(child, inner, around, name)


class Step:
    """A training step of a file, to be run again and again: `region` is a statement of its tree."""

    file: UserFile
    region: ast.stmt
    skipped: int
    seed: int

    def __init__(self, file: UserFile, region: ast.stmt):
        self.file, self.region = file, region
        self.snapshot: Any = None
        self.statement: Any = None  # the code that gets to the step
        self.top: ast.stmt | None = None  # of the file, if the code is one of its statements
        self.skipped = 0  # turns of the loop before the step
        self.seed = 0  # of the statement; each has its own, as two arrays of data are no copies
        self.error: BaseException | None = None
        self._ready: Any = None
        self._twin: ast.AST = region

    @property
    def function(self) -> str:
        """The name of the function around the step; "" for a statement of the module."""
        around = _functions_of(self.file.whole)
        holding = [n.name for n in around if any(part is self.region for part in ast.walk(n))]
        return holding[-1] if holding else ""

    def names_of_check(self, parameters: list[str]) -> tuple[str, ...]:
        """The names that select a check of this step: the functions that compute gradients, or hold the step."""
        called = {
            getattr(n.func, "attr", getattr(n.func, "id", "")) for n in ast.walk(self.region) if isinstance(n, ast.Call)
        }
        own = [n for n in _functions_of(self.file.whole) if n.name in called]
        back = [n.name for n in own if n.name in self.file.functions and _derives(n)]
        classes = [c for c in ast.walk(self.file.whole) if isinstance(c, ast.ClassDef)]
        held = [c.name for c in classes if any(p is self.region for p in ast.walk(c))]
        held = held or [c.name for c in classes if any(f.name in called and _steps(f) for f in _functions_of(c))]
        around = [f.name for f in _functions_of(self.file.whole) if f.name == self.function and _derives(f)]
        wired = [name for name in around if name in self.file.functions] if back else []
        return tuple(dict.fromkeys([*wired, *back] or held or ([self.function] if self.function else parameters)))

    def found(self) -> bool:
        """Run the file up to the step: False if it does not get there."""
        names = dict(self.file.all_names)
        for top, (statement, code) in zip(_flat(self.file.whole.body), self._statements(), strict=True):
            self.seed += 1
            snapshot = Snapshot(names)
            names[WATCH] = watch = Watch()
            error = self._execute(code, names)
            if watch.started and (watch.finished or error is None):
                self.snapshot, self.statement, self.error = snapshot, code, None
                self.top = top
                return True
            self.error = self.error or error
            if error is not None and isinstance(statement, ast.Assign) and ".read()" in ast.unparse(statement.value):
                names.update((n.id, TEXT) for n in statement.targets if isinstance(n, ast.Name))
        self._ready = Snapshot(names)
        return False

    def drawn(self, end: float) -> Iterator[dict[str, Any]]:
        """Get to the step with drawn values, and give them, again and again until `end`; after `found` has failed."""
        names = self._ready.restore()
        missing = missing_names(self.file.whole, self.region, names)
        ways = [
            (compile(text, self.file.path, "exec"), new) for text, new in entries(self.file.whole, self.region, names)
        ]
        if not ways and missing:
            ways = [(self._own_code(), {})]
            self.top = next(self._tops())[0]
        arrays = [v for _, v in reachable(names) if isinstance(v, np.ndarray) and v.ndim < 3]
        shapes = [a.shape for a in arrays if max(a.shape, default=0) < LONGEST]
        for code, new in ways:
            for values in draws({**new, **{n: n for n in missing}}, shapes):
                if time.monotonic() > end:
                    return
                names = self._ready.restore()
                names.update(values)
                names[WATCH] = watch = Watch()
                if self._execute(code, names) is None and watch.started:
                    names = self._ready.restore()
                    names.update(values)
                    self.snapshot, self.statement = Snapshot(names), code
                    yield values

    def _own_code(self) -> Any:
        """The code of the statement with the region in it."""
        return next(code for statement, code in self._statements() if any(n is self._twin for n in ast.walk(statement)))

    def run(
        self, given: Mapping[Path, Any] | None = None, cleared: tuple[Path, ...] = (), suspended: bool = False
    ) -> Record | None:
        """The record of a step with these parameters; None if it fails."""
        names = self.snapshot.restore()
        names[WATCH] = watch = Watch(given, cleared, suspended)
        watch.path, watch.skipped = self.file.path, self.skipped
        self.error = self._execute(self.statement, names)
        return watch.record if watch.started and self.error is None else None

    def patches(self, arrays: Collection[str]) -> list[Patch]:
        """The code that the step may run, to be changed: the statement with the region in it, and all functions.

        `arrays` are variables in it.
        """
        return [self._patch(top, holder, arrays) for top, holder in self._tops()]

    def _tops(self) -> Iterator[tuple[ast.stmt, str]]:
        """The statement of the module with the region in it, and all functions, each with the class that holds it."""
        later: list[tuple[ast.stmt, str]] = []
        for statement in _flat(self.file.whole.body):
            held = statement.body if isinstance(statement, ast.ClassDef) else [statement]
            name = statement.name if isinstance(statement, ast.ClassDef) else ""
            for top in held:
                if any(node is self.region for node in ast.walk(top)):
                    yield top, name
                elif isinstance(top, ast.FunctionDef):
                    later.append((top, name))
        yield from later

    def _patch(self, top: ast.stmt, holder: str, arrays: Collection[str]) -> Patch:
        memory: dict[int, Any] = {}
        tree = copy_of(top, memory)
        region = memory.get(id(self.region))
        source = self.file.source
        statement, functions = self.statement, self._functions()
        before = [(f, f.__code__) for f in functions]

        def apply() -> bool:
            memory: dict[int, Any] = {}
            body = [copy_of(tree, memory)]
            body = [ast.ClassDef(holder, [], [], body, [])] if holder else body
            try:
                (new_top,) = watched(ast.Module(body, []), memory.get(id(region), ast.Pass()), []).body
                module = ast.Module([mend_in_place(new_top, source.integer_division)], [])
                code = compile(module, source.path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, TypeError, RecursionError):
                return False
            self.statement = code if top is self.top else statement
            codes = dict(_codes(code))
            for function, old in before:
                new = codes.get(_key(old))
                if new is not None and new.co_freevars == old.co_freevars:
                    function.__code__ = new
            return True

        def undo() -> None:
            self.statement = statement
            for function, old in before:
                function.__code__ = old

        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}

        def is_array(name: str) -> bool:
            return name in arrays or name not in names

        return Patch(tree, list(self.file.functions), apply, undo, source.where, is_array)

    def _functions(self) -> list[FunctionType]:
        """The functions and methods of the file, as the step calls them."""
        values = list(self.snapshot.names.values())
        methods = [m for v in values if isinstance(v, type) for m in vars(v).values()]
        functions = [getattr(v, "__func__", v) for v in [*values, *methods]]
        return [f for f in functions if isinstance(f, FunctionType) and f.__code__.co_filename == self.file.path]

    def _execute(self, code: Any, names: dict[str, Any]) -> BaseException | None:
        """Run a statement as it is run each time: with the same random numbers, and without a word."""
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with seeded(self.seed), np.errstate(all="ignore"), time_limit(SECONDS):
                    exec(code, names)
        except StepDone:
            return None
        except (Exception, SystemExit, TooLong) as error:
            return error
        return None

    def _statements(self) -> Iterator[tuple[ast.stmt, Any]]:
        """The watched statements of the file, and their code; those of its main block as well."""
        tree = copy.deepcopy(self.file.whole)
        twins = dict(zip(map(id, ast.walk(self.file.whole)), ast.walk(tree), strict=True))
        self._twin = region = twins[id(self.region)]
        cut = [loops[0] for update, _, loops in _places(tree, tree, ()) if update and loops]
        cut = [loop for loop in cut if not any(region is node or loop is region for node in ast.walk(loop))]
        for statement in _flat(watched(tree, region, cut).body):
            yield statement, compile(_module(mend(statement)), self.file.path, "exec", dont_inherit=True)


def _module(statement: ast.stmt) -> ast.Module:
    return ast.fix_missing_locations(ast.Module([statement], []))


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """The code of all functions in some code, by name and line."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield _key(part), part
            yield from _codes(part)


def _steps(method: ast.FunctionDef) -> bool:
    """True for a method that updates what its object holds."""
    every = list(ast.walk(method))
    held = [target for node in every for target, terms, _ in update_of(node) if not _counts(terms)]
    held += [node.targets[0] for node in every if isinstance(node, ast.Assign) and any(updates_inside(node))]
    return any(ast.unparse(target).startswith("self.") for target in held)


def _functions_of(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _derives(function: ast.FunctionDef) -> bool:
    """True for a function that computes gradients, by its name and those of its variables."""
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    derivatives = [n for n in stored if re.fullmatch(r"d[A-Z]\w*|d[wbz]\w{0,3}|d_\w+|grad\w*|nabla_\w+", n)]
    return "back" in function.name or "grad" in function.name or len(derivatives) > 1


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those of its main block."""
    for statement in body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            yield from _flat(statement.body)
        elif not isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
