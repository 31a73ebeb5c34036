"""A learner's file run statement by statement: what fails is remembered as not run, and the rest goes on."""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import old_numpy
from .budget import TooLong, time_limit
from .source import Source
from .stand_ins import PYTHON_2, Missing, StandIn, stand_in

SHORT = 60  # characters of a statement in a note


@dataclass
class Limits:
    """Seconds: for a statement, and for all of the file; when these are over, a statement gets `late`."""

    statement: float = 2.0
    total: float = 20.0
    late: float = 0.1
    start: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """The time left for the file."""
        return max(self.total - (time.monotonic() - self.start), self.late)


class Execution:
    """Statements being run in a namespace.

    Attributes
    ----------
    notes
        The statements that were not run, a line each: "not run: line 12: <statement>: <reason>".
    assigned
        For each name, the line of the last statement that bound it.
    """

    def __init__(self, source: Source, names: dict[str, Any], limits: Limits):
        self.source, self.names, self.limits = source, names, limits
        self.notes: list[str] = []
        self.assigned: dict[str, int] = {}
        self._lost: dict[str, int] = {}  # names that a statement would have bound, and its line
        self._stars: list[str] = []  # missing modules of which all names were imported
        self._flags = 0
        names["__builtins__"] = {**vars(builtins), **_replaced()}
        names.update(old_numpy.FUNCTIONS)
        linecache.cache[source.path] = len(source.text), None, source.text.splitlines(True), source.path

    def run(self) -> None:
        """Run all statements."""
        self._run(self.source.tree.body)

    def why(self, error: BaseException) -> str:
        """The reason for an error, in a line; for a missing name with the place where it was to be defined."""
        words = " ".join(str(error).split())[:200]
        if isinstance(error, NameError) and error.name in self._lost:
            return f"needs {error.name} of {self.source.where(self._lost[error.name])}"
        if isinstance(error, NameError) and self._stars:
            words += f", perhaps of {' or '.join(self._stars)}, which could not be imported"
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
                    self._lost.pop(name, None)

    def _attempt(self, statement: ast.stmt, run: Callable[[], Any], seconds: float = 0.0) -> Any:
        """The result of `run`, within the limits; if it fails, a note, and None."""
        seconds = seconds or min(self.limits.statement, self.limits.left)
        try:
            with time_limit(seconds):
                return run()
        except (Exception, SystemExit, TooLong) as error:
            self._note(statement, error)
            return None

    def _note(self, statement: ast.stmt, error: BaseException) -> None:
        line = next(iter(ast.unparse(statement).splitlines()), "")
        short = line if len(line) <= SHORT else line[: SHORT - 3] + "..."
        self.notes.append(f"not run: {self.source.where(statement.lineno)}: {short}: {self.why(error)}")
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in self.names:
                self._lost[node.id] = statement.lineno
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name not in self.names:
                self._lost[node.name] = statement.lineno

    def _exec(self, statement: ast.stmt, flags: int = 0) -> None:
        tree = ast.Module([old_numpy.mend(statement)], [])
        exec(self._compiled(tree, "exec", flags), self.names)

    def _compiled(self, tree: Any, mode: str, flags: int = 0) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of `is` with a literal, and the like
            return compile(tree, self.source.path, mode, self._flags | flags, dont_inherit=True)

    def _branch(self, statement: ast.If) -> None:
        """Run the statements of the branch that is taken one by one, so that definitions in it count."""
        test = ast.Expression(old_numpy.mend(ast.Expr(statement.test)).value)  # type: ignore[attr-defined]
        head = ast.copy_location(ast.If(statement.test, [ast.Pass()], []), statement)
        taken = self._attempt(head, lambda: [bool(eval(self._compiled(test, "eval"), self.names))])
        if taken:
            self._run(statement.body if taken[0] else statement.orelse)

    def _define(self, statement: Any) -> None:
        """Run a definition; one that fails by its decorators or annotations is run without them."""
        seconds = min(self.limits.statement, self.limits.left)
        try:
            with time_limit(seconds):
                self._exec(statement)
        except (Exception, SystemExit, TooLong) as error:
            plain = type(statement)(**{**vars(statement), "decorator_list": []})
            try:
                with time_limit(seconds):
                    self._exec(plain, __future__.annotations.compiler_flag)
            except (Exception, SystemExit, TooLong):
                self._note(statement, error)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        """Run an import name by name; what can't be imported becomes a stand-in."""
        for alias in statement.names:
            one = ast.copy_location(type(statement)(**{**vars(statement), "names": [alias]}), statement)
            try:
                with time_limit(self.limits.left):
                    self._exec(one)
            except (Exception, SystemExit, TooLong) as error:
                self._stand_in(one, alias, error)

    def _stand_in(self, statement: ast.Import | ast.ImportFrom, alias: ast.alias, error: BaseException) -> None:
        of_module = isinstance(statement, ast.ImportFrom)
        module = "." * statement.level + (statement.module or "") if of_module else alias.name  # type: ignore
        stand = stand_in(module, f"{module} could not be imported: {self.why(error)}")
        if alias.name == "*":
            self._stars.append(module)
        elif of_module or alias.asname:
            part = getattr(stand, alias.name, Missing(alias.name, self.why(error))) if of_module else stand
            self.names[alias.asname or alias.name] = part
        else:
            top = alias.name.split(".")[0]
            self.names[top] = stand if top == alias.name else stand_in(top, self.why(error))
        if isinstance(stand, StandIn):  # what does nothing, or is the renamed module, was not missed
            self._note(statement, error)


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
