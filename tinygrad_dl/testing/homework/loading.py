"""A learner's file: run once, as `python file.py` would run it, and what it then holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

MODULE = "checked_file"  # its __name__: not "__main__", and not one that some module has


class CannotCheck(Exception):
    """Raised when a file or function cannot be checked; the message is one line."""


class UserFile:
    """The names of a file that was run, in the order in which it defines them."""

    path: str
    names: dict[str, Any]

    def __init__(self, path: str, tree: ast.Module, names: dict[str, Any]):
        self.path, self._tree, self.names = path, tree, names

    @cached_property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions that the file defines itself."""
        return {name: value for name, value in self.names.items() if _is_function(value) and value.__module__ == MODULE}

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The data of the file."""
        other = (type, ModuleType)
        return {n: v for n, v in self.names.items() if not (isinstance(v, other) or _is_function(v))}

    def returned_names(self, function: str) -> list[str]:
        """The names that the last `return` of a function gives: ["A", "cache"] of `return A, cache`, "" for no name."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
                value = max(returns, key=lambda part: part.lineno).value if returns else None
                parts = value.elts if isinstance(value, ast.Tuple) else [value]
                return [part.id if isinstance(part, ast.Name) else "" for part in parts]
        return []

    def place(self, function: Callable[..., Any]) -> str:
        """The place of a function's definition: "homework.py:12"."""
        return f"{self.path}:{inspect.unwrap(function).__code__.co_firstlineno}"

    def problem(self, error: BaseException, what: str = "", place: str = "") -> CannotCheck:
        """`error` in a line: where in the file it comes from, or else the `place`; in `what`; and its words."""
        if isinstance(error, CannotCheck):
            return error
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.path]
        words = " ".join(str(error).split())[:300]
        kind = type(error).__name__
        if words and not lines and isinstance(error, (ValueError, TypeError)):
            kind = ""  # a message of this package needs no type
        where = f"{self.path}:{lines[-1]}" if lines else place or self.path
        return CannotCheck(": ".join(part for part in (where, what, kind, words) if part))


def _is_function(value: Any) -> bool:
    return isinstance(inspect.unwrap(value), FunctionType) if callable(value) else False


@contextmanager
def run_file(path: str) -> Iterator[UserFile]:
    """Run the file at `path`, with its folder importable until the end of the block, and nothing left of it after.

    Raises CannotCheck for what can't be read, is no Python, or ends in an exception.
    """
    tree = _parse(path)
    module = ModuleType(MODULE)
    module.__file__ = str(Path(path).absolute())
    file = UserFile(path, tree, {})
    with suppress(ImportError):
        if Path(path).stem in sys.stdlib_module_names:  # a code.py must not be taken for the library's by anyone
            importlib.import_module(Path(path).stem)
    folder, modules, argv, search = Path(path).resolve().parent, set(sys.modules), sys.argv, sys.path
    sys.argv, sys.path, sys.modules[MODULE] = [path], [str(folder), *sys.path], module
    try:
        try:
            exec(compile(tree, path, "exec", dont_inherit=True), vars(module))
        except SystemExit as end:
            if end.code not in (None, 0):
                raise file.problem(end) from None
        except Exception as error:
            raise file.problem(error) from None
        yield UserFile(path, tree, vars(module))
    finally:
        sys.argv, sys.path = argv, search
        for name in set(sys.modules) - modules:
            if name == MODULE or folder == Path(getattr(sys.modules[name], "__file__", None) or "/").parent:
                del sys.modules[name]


def _parse(path: str) -> ast.Module:
    if Path(path).is_dir():
        raise CannotCheck(f"{path}: expected a Python file, got a folder.")
    try:
        source = Path(path).read_bytes()
        if path.endswith(".ipynb"):
            raise CannotCheck(f"{path}: expected a Python file, got a notebook: save it as a script, and check that.")
        return ast.parse(source, path)
    except FileNotFoundError:
        raise CannotCheck(f"{path}: there is no such file.") from None
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}.") from None
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, to Python 3.11
        words = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        raise CannotCheck(f"{path}:{getattr(error, 'lineno', None) or 1}: {words}") from None
