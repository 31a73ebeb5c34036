"""A learner's file: run once, statement by statement, and what it then holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from .beside import OF_COURSE, Beside, imported, package_of, search_path
from .budget import TooLong
from .execution import Execution, Limits
from .source import CannotCheck, Source, read_source
from .stand_ins import DRAWING, StandIn

__all__ = ["MODULE", "CannotCheck", "UserFile", "run_file"]

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
NOT_RUN = "not run: "
MODULE = "checked_file"  # its __name__: not "__main__", and not one that some module has


class UserFile:
    """The names of a file that was run, in the order in which it defines them.

    Attributes
    ----------
    source
        The file as it was read.
    path
        Its name in messages.
    names
        All names of the file, with their last values.
    tree
        The statements that parse, also those that were not run.
    notes
        What was not read or not run, a line each.
    unparsed
        The statements that do not parse: "line 12: <statement>: <error>".
    assigned
        For each name, the line of the statement that bound it last: names bound far apart may not fit together.
    """

    source: Source
    path: str
    names: dict[str, Any]
    tree: Any
    notes: list[str]
    unparsed: list[str]
    assigned: Any

    def __init__(
        self,
        source: Source,
        names: dict[str, Any],
        notes: list[str] | None = None,
        assigned: Mapping[str, int] | None = None,
        modules: Mapping[str, Source] | None = None,
    ):
        self.source, self.path, self.names, self.tree = source, source.label or source.path, names, source.tree
        self.notes = [*source.notes, *(notes or [])]
        self.unparsed = [note.removeprefix(NOT_RUN) for note in source.notes if note.startswith(NOT_RUN)]
        self.assigned = assigned or {}
        self._sources = {source.path: source, **{module.path: module for module in (modules or {}).values()}}
        self._modules = {MODULE, *(modules or {})}

    @cached_property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions that the file defines, or imports from a file beside it."""
        return {n: value for n, value in self.names.items() if _is_function(value) and self._is_own(value)}

    @cached_property
    def classes(self) -> dict[str, type]:
        """The classes that the file defines, or imports from a file beside it."""
        return {n: value for n, value in self.names.items() if isinstance(value, type) and self._is_own(value)}

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The data of the file."""
        other = (type, ModuleType, StandIn)
        named = {n: v for n, v in self.names.items() if not (n.startswith("__") and n.endswith("__"))}
        return {n: v for n, v in named.items() if not (isinstance(v, other) or _is_function(v))}

    @cached_property
    def whole(self) -> ast.Module:
        """The code of the file, after the definitions of the files beside it that have no namesake in it."""
        beside = [source for source in reversed(self._sources.values()) if source is not self.source]
        own = {node.name for node in self.tree.body if isinstance(node, DEFINITIONS)}
        parts = [node for source in beside for node in source.tree.body if isinstance(node, DEFINITIONS)]
        return ast.Module([*(node for node in parts if node.name not in own), *self.tree.body], [])

    @property
    def all_names(self) -> dict[str, Any]:
        """All names of the file, with those that the functions beside it need and it has not."""
        beside = [
            f.__globals__ for f in self.functions.values() if f.__module__ != MODULE and hasattr(f, "__globals__")
        ]
        return {**{n: v for names in beside for n, v in names.items() if not n.startswith("__")}, **self.names}

    def place_of(self, node: ast.stmt) -> str:
        """The place of a statement of the file, or of one beside it."""
        sources = [s for s in self._sources.values() if any(part is node for part in ast.walk(s.tree))]
        return (sources or [self.source])[0].place(node.lineno)

    def _is_own(self, value: Any) -> bool:
        return value.__module__ in self._modules

    def definition(self, value: Any) -> ast.FunctionDef | ast.ClassDef | None:
        """The statement that defines a function, a method or a class of the file or of one beside it."""
        value = inspect.unwrap(value)
        code = getattr(value, "__code__", None)
        for source in self._sources.values():
            for node in ast.walk(source.tree):
                if code and isinstance(node, ast.FunctionDef) and source.path == code.co_filename:
                    if code.co_firstlineno in (node.lineno, *(d.lineno for d in node.decorator_list)):
                        return node
                elif not code and isinstance(node, ast.ClassDef) and node.name == value.__name__:
                    return node
        return None

    def source_of(self, function: FunctionType) -> Source | None:
        """The file that a function is defined in, if it is this one or one beside it."""
        return self._sources.get(function.__code__.co_filename)

    def returned_names(self, function: str) -> list[str]:
        """The names that the last `return` of a function gives: ["A", "cache"] of `return A, cache`, "" for no name."""
        node = self.definition(self.functions[function]) if function in self.functions else None
        if node is None:
            return []
        returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
        value = max(returns, key=lambda part: part.lineno).value if returns else None
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        return [part.id if isinstance(part, ast.Name) else "" for part in parts]

    def place(self, value: Any) -> str:
        """The place of the definition of a function or class: "homework.py:12"."""
        code = getattr(inspect.unwrap(value), "__code__", None)
        if code and code.co_filename in self._sources:
            return self._sources[code.co_filename].place(code.co_firstlineno)
        node = self.definition(value)
        line = code.co_firstlineno if code else node.lineno if node else 1
        return self.source.place(line)

    def problem(self, error: BaseException, what: str = "", place: str = "") -> CannotCheck:
        """`error` in a line: where in the file it comes from, or else the `place`; in `what`; and its words."""
        if isinstance(error, CannotCheck):
            return error
        frames = traceback.extract_tb(error.__traceback__)
        places = [self._sources[f.filename].place(f.lineno or 1) for f in frames if f.filename in self._sources]
        words = " ".join(str(error).split())[:300]
        kind = {SystemExit: "it ends the program by exit()", TooLong: ""}.get(type(error), type(error).__name__)
        if words and not places and isinstance(error, (ValueError, TypeError)):
            kind = ""  # a message of this package needs no type
        where = places[-1] if places else place or self.path
        return CannotCheck(": ".join(part for part in (where, what, kind, words) if part))


def _is_function(value: Any) -> bool:
    return isinstance(inspect.unwrap(value), FunctionType) if callable(value) else False


@contextmanager
def run_file(path: str, *, shown: str = "", limits: Limits | None = None) -> Iterator[UserFile]:
    """Run the file at `path`, with its folder importable until the end of the block, and nothing left of it after.

    Messages call it `shown`. What fails or takes too long is not run, and becomes one of its notes.
    Raises CannotCheck for what can't be read or is no Python.
    """
    source, limits = read_source(path, shown), limits or Limits()
    module = ModuleType(MODULE)
    module.__file__ = str(Path(path).absolute())
    module.__package__ = package_of(Path(path), source.tree)
    finder = Beside(search_path(Path(path), source.tree), Path(path).stem, lambda part, names: execute(part, names))
    finder.wanted = imported(source.tree)
    notes: list[str] = []

    def execute(part: Source, names: dict[str, Any]) -> Execution:
        execution = Execution(part, names, limits)
        execution.run()
        if part is not source:
            execution.notes = [f"{part.path}: {note}" for note in (*part.notes, *execution.notes)]
        if part.path.endswith(OF_COURSE):
            notes.append(f"{part.path.removesuffix(OF_COURSE)} is missing: its functions as they are in the course")
        notes.extend(execution.notes)
        return execution

    with _as_a_script(path, module, finder):
        execution = execute(source, vars(module))
        yield UserFile(source, vars(module), notes, execution.assigned, finder.modules)


@contextmanager
def _as_a_script(path: str, module: ModuleType, finder: Beside) -> Iterator[None]:
    """Let a file see what it would as a script, and put all back in the end."""
    with suppress(ImportError):
        if Path(path).stem in sys.stdlib_module_names:  # a code.py must not be taken for the library's by anyone
            importlib.import_module(Path(path).stem)
    drawing = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in DRAWING}
    argv, search, finders = sys.argv, sys.path, sys.meta_path
    sys.argv, sys.path, sys.meta_path = [path], [*search], [finder, *finders]
    sys.modules[MODULE] = module
    try:
        yield
    finally:
        sys.argv, sys.path, sys.meta_path = argv, search, finders
        for name in list(sys.modules):
            if name in (MODULE, *finder.found) or name.split(".")[0] in DRAWING:
                del sys.modules[name]
        sys.modules.update(drawing)
