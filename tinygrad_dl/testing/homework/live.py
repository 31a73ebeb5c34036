"""Functions, layers and networks that are already there, as in a notebook or a test: which check fits."""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import inspect
import linecache
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..gradcheck import GradientReport, gradients_report, pair_report
from . import pairs
from .discovery import discover, outcome
from .findings import UNCHECKED, Finding
from .loading import CannotCheck, UserFile
from .source import Source

EXPECTED = (
    "check: expected a path, a function and its arguments, a forward and a backward function, a layer and x, or a "
    "network, x and y; got {}."
)
PLAIN = (str, bytes, int, float, complex, Mapping, list, tuple, set, np.ndarray)


def check_object(*what: Any, progress: bool = False) -> Finding:
    """The finding on a function, a pair of functions, a layer or a network. TypeError if it is none of these."""
    if not what:
        raise TypeError(EXPECTED.format("nothing"))
    first, *rest = what
    if inspect.isclass(first):
        raise TypeError(f"check: expected an object, got the class {first.__name__}: check({first.__name__}(...), x).")
    is_pair = _is_function(first) and bool(rest) and _is_function(rest[0])
    try:
        if is_pair:
            return _check_pair(first, rest[0], rest[1:], progress)
        if _is_function(first):
            return _check_function(first, rest, progress)
        if len(rest) in (1, 2) and not isinstance(first, PLAIN):
            layers = _recogniser("layers")
            if len(rest) == 1 or layers.is_layer(type(first)):
                return layers.check_layer(first, *rest, progress=progress)
            return _recogniser("networks").check_network(first, *rest, progress=progress)
    except CannotCheck as problem:
        names = tuple(_name(part, type(part).__name__) for part in what[: 1 + is_pair])
        return Finding(", ".join(names), UNCHECKED, problem=str(problem), names=names)
    raise TypeError(EXPECTED.format(", ".join(_kind(part) for part in what)))


def _check_pair(forward: Callable[..., Any], backward: Callable[..., Any], args: list[Any], progress: bool) -> Finding:
    names = (_name(forward, "forward"), _name(backward, "backward"))
    title = ", ".join(names)
    if args:
        report = pair_report(forward, backward, *args, progress=progress)
        return _of_report(title, report, names)
    file = live_file(dict(zip(names, (forward, backward), strict=True)))
    result = pairs.check_functions(file, *names, "", progress)
    return result if isinstance(result, Finding) else Finding(title, result[0], report=result[1], names=names)


def _check_function(f: Callable[..., Any], args: list[Any], progress: bool) -> Finding:
    name = _name(f)
    if not args:
        file = live_file({name: f})
        (check,) = discover(file, [name], progress=progress)
        return outcome(file, check)
    if isinstance(f(*copy.deepcopy(args)), (tuple, list, Mapping)):
        return _recogniser("values").check_values(f, *args)
    return _of_report(name, gradients_report(f, *args, progress=progress), (name,))


def _of_report(title: str, report: GradientReport, names: tuple[str, ...]) -> Finding:
    return Finding(title, report.verdict, report=str(report), names=names)


def _is_function(value: Any) -> bool:
    return inspect.isroutine(value) or isinstance(value, (functools.partial, np.ufunc))


def _name(f: Callable[..., Any], default: str = "function") -> str:
    """The name of a function; the default for a lambda or an object."""
    name = getattr(f, "__name__", "")
    return name if name.isidentifier() else default


def _kind(part: Any) -> str:
    return f"an array {part.shape}" if isinstance(part, np.ndarray) else f"a {type(part).__name__}"


def _recogniser(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)


# ---- what is there already, in the form of a file


def live_file(functions: Mapping[str, Callable[..., Any]]) -> UserFile:
    """Functions with those and the data beside them, as a file holds them; cells of a notebook are files."""
    names: dict[str, Any] = {}
    modules: dict[str, Source] = {}
    for f in map(inspect.unwrap, functions.values()):
        beside, code = getattr(f, "__globals__", {}), getattr(f, "__code__", None)
        names |= {name: value for name, value in beside.items() if not name.startswith(("_", "@"))}
        if code is not None:
            source = _source(code.co_filename, beside)
            modules |= {str(f.__module__): source, f"{f.__module__} {code.co_filename}": source}
    first = next(iter(modules.values()), Source(next(iter(functions)), "", ast.Module([], [])))
    return UserFile(first, names | dict(functions), modules=modules)


def _source(path: str, beside: dict[str, Any]) -> Source:
    """The text of a file or of the cell of a notebook, empty for code without any, such as that of exec."""
    text = "".join(linecache.getlines(path, beside))
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a cell with magics
        tree = ast.Module([], [])
    return Source(path, text, tree, label=_label(path))


def _label(path: str) -> str:
    """IPython's name for a cell of the running notebook, "Cell In[2]"; empty for another file."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return " ".join((shell and shell.compile.format_code_name(path)) or ())
