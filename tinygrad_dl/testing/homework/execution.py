"""A learner's file run statement by statement: what fails is remembered as not run, and the rest goes on."""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from . import old_numpy
from .budget import TooLong, time_limit
from .source import Source
from .stand_ins import PYTHON_2, Missing, StandIn, Unavailable, stand_in

SHORT = 60  # characters of a statement in a note


class Limits:
    """Seconds for each statement, for all statements of a file, and for all of its imports.

    When the time for all is over, each statement still gets `late`, and an import four times as long as a statement.
    """

    def __init__(self, statement: float = 1.0, total: float = 8.0, imports: float = 20.0, late: float = 0.1):
        self._statement, self._left, self._imports, self._late = statement, total, imports, late
        self._slow: set[str] = set()  # packages whose import took too long once

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Limit the time of a statement."""
        start = time.monotonic()
        try:
            with time_limit(max(min(self._statement, self._left), self._late)):
                yield
        finally:
            self._left -= time.monotonic() - start

    @contextmanager
    def importing(self, module: str) -> Iterator[None]:
        """Limit the time of an import. The statements of a module beside the file count as statements as well."""
        start, package = time.monotonic(), module.partition(".")[0]
        if package in self._slow:
            raise TooLong(f"the import of {package} took too long")
        try:
            with time_limit(max(self._imports, 4 * self._statement)):
                yield
        except TooLong:
            self._slow.add(package)
            raise
        finally:
            self._imports -= time.monotonic() - start


class Execution:
    """Statements being run in a namespace.

    Attributes
    ----------
    notes
        The statements that were not run, a line each: "not run: line 12: <statement>: <reason>".
    assigned
        For each name, the line of the last statement that bound it.
    """

    source: Any
    names: dict[str, Any]
    limits: Any

    def __init__(self, source: Source, names: dict[str, Any], limits: Limits):
        self.source, self.names, self.limits = source, names, limits
        self.notes: list[str] = []
        self.assigned: dict[str, int] = {}
        self._lost: set[str] = set()  # names that would have been bound
        self._stars = False  # whether all names of a missing module were imported
        self._needing = 0
        self._flags = 0
        names["__builtins__"] = {**vars(builtins), **_replaced()}
        names.update(old_numpy.FUNCTIONS)
        self._lines = source.text.split("\n")
        linecache.cache[source.path] = len(source.text), None, [f"{line}\n" for line in self._lines], source.path

    def run(self) -> None:
        """Run all statements. Those that only need what was not run or not imported are counted in one note."""
        self._run(self.source.tree.body)
        if self._needing:
            self.notes.append(f"not run: {self._needing} more, which need what was not run or imported")

    def _why(self, error: BaseException) -> str:
        """The reason for an error, in a line."""
        words = re.sub(r" \([^()]*[/\\][^()]*\)$", "", " ".join(str(error).split()))[:200]  # without a path
        if isinstance(error, SystemExit):
            return "it ends the program"
        if isinstance(error, (TooLong, ModuleNotFoundError)):
            return words
        return f"{type(error).__name__}: {words}" if words else type(error).__name__

    # ---- statements

    def _run(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            before = dict(self.names)
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                self._flags |= _flags(statement)
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement)
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._define(statement)
            elif isinstance(statement, ast.If):
                self._branch(statement)
            else:
                self._attempt(statement, partial(self._exec, statement))
            for name, value in self.names.items():
                if name not in before or value is not before[name]:
                    self.assigned[name] = statement.lineno
                    self._lost.discard(name)

    def _attempt(self, statement: ast.stmt, run: Callable[[], Any]) -> Any:
        """The result of `run`, within the limits; if it fails, a note, and None."""
        try:
            with self.limits.statement():
                return run()
        except (Exception, SystemExit, TooLong) as error:
            self._note(statement, error)
            return None

    def _note(self, statement: ast.stmt, error: BaseException) -> None:
        needs = isinstance(error, NameError) and (error.name in self._lost or self._stars)
        if needs or isinstance(error, Unavailable):
            self._needing += 1
        else:
            line = self._lines[statement.lineno - 1].strip()
            short = line.rstrip(":") if len(line) <= SHORT else f"{line[: SHORT - 3]}..."
            note = f"not run: {self.source.where(statement.lineno)}: {short}: {self._why(error)}"
            self.notes += [] if note in self.notes else [note]  # of an import of several names
        for node in ast.walk(statement):
            name = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None
            name = node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else name
            if name and name not in self.names:
                self._lost.add(name)

    def _exec(self, statement: ast.stmt, flags: int = 0) -> None:
        tree = ast.Module([self._mended(statement)], [])
        exec(self._compiled(tree, "exec", flags), self.names)

    def _mended(self, statement: ast.stmt) -> ast.stmt:
        return old_numpy.mend(statement, self.source.integer_division)

    def _compiled(self, tree: Any, mode: str, flags: int = 0) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of `is` with a literal, and the like
            return compile(tree, self.source.path, mode, self._flags | flags, dont_inherit=True)

    def _branch(self, statement: ast.If) -> None:
        """Run the statements of the branch that is taken one by one, so that definitions in it count."""
        test = ast.Expression(self._mended(ast.Expr(statement.test)).value)  # type: ignore[attr-defined]
        head = ast.copy_location(ast.If(statement.test, [ast.Pass()], []), statement)
        taken = self._attempt(head, lambda: [bool(eval(self._compiled(test, "eval"), self.names))])
        if taken:
            self._run(statement.body if taken[0] else statement.orelse)

    def _define(self, statement: Any) -> None:
        """Run a definition; one that fails by its decorators or annotations is run without them."""
        try:
            with self.limits.statement():
                self._exec(statement)
        except (Exception, SystemExit, TooLong) as error:
            plain = type(statement)(**{**vars(statement), "decorator_list": []})
            try:
                with self.limits.statement():
                    self._exec(plain, __future__.annotations.compiler_flag)
            except (Exception, SystemExit, TooLong):
                self._note(statement, error)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        """Run an import name by name; what can't be imported becomes a stand-in."""
        for alias in statement.names:
            module = _module(statement, alias)
            one = ast.copy_location(type(statement)(**{**vars(statement), "names": [alias]}), statement)
            try:
                with self.limits.importing(module):
                    self._exec(one)
            except (Exception, SystemExit, TooLong) as error:
                self._stand_in(one, alias, module, error)

    def _stand_in(
        self, statement: ast.Import | ast.ImportFrom, alias: ast.alias, module: str, error: BaseException
    ) -> None:
        of_module = isinstance(statement, ast.ImportFrom)
        stand = stand_in(module, f"{module} could not be imported: {self._why(error)}")
        if alias.name == "*":
            self._stars = True
        elif of_module or alias.asname:
            part = getattr(stand, alias.name, Missing(alias.name, self._why(error))) if of_module else stand
            self.names[alias.asname or alias.name] = part
        else:
            top = alias.name.split(".")[0]
            self.names[top] = stand if top == alias.name else stand_in(top, self._why(error))
        if isinstance(stand, StandIn):  # what does nothing, or is the renamed module, was not missed
            self._note(statement, error)


def _module(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The module that one name is imported from, or that is imported: ".layers" of `from .layers import relu`."""
    return "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else alias.name


def _flags(statement: ast.ImportFrom) -> int:
    features = [getattr(__future__, alias.name, None) for alias in statement.names]
    return sum(feature.compiler_flag for feature in features if feature)


def _replaced() -> dict[str, Any]:
    """Builtins that a file may call: of the terminal, of notebooks, and of Python 2."""

    def no_input(*prompt: Any) -> str:
        raise EOFError("input() gets nothing")

    def leave(*status: Any) -> None:
        raise SystemExit(*status)

    return {
        "input": no_input,
        "raw_input": no_input,
        "exit": leave,
        "quit": leave,
        "display": lambda *values, **settings: None,
        **PYTHON_2,
    }
