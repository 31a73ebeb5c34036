"""Ways into a training step that the file itself never takes: its function called, its class made, with drawn values.

A name that is missing, since its data could not be loaded, is drawn as well.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

SAMPLES, INPUTS, HIDDEN, OUTPUTS = 7, 3, 4, 2
OBJECT, PREFIX = "__object__", "__drawn_"

# What a value is, by its name: the first row that fits counts.
ROLES = {
    "steps": r"(?i)\w*(epoch|iter|step|passes|rounds)\w*|n_it",
    "rate": r"(?i)l_?r|\w*rate\w*|alpha|eta|lr\w*|step_size|gamma",
    "small": r"(?i)\w*(reg|lambda|lambd|decay|lmbda|eps|epsilon|tol|l2|beta\w*|momentum|mu|rho|seed|state)\w*",
    "flag": r"(?i)\w*(print|verbose|debug|plot|show)\w*",
    "word": r"(?i)\w*(activation|init|loss|optimizer|mode)\w*",
    "layers": r"(?i)\w*(layers?_?(dims|sizes|list)?|dims|sizes|architecture|structure|topology)",
    "batch": r"(?i)\w*batch\w*|mb_size",
    "hidden": r"(?i)n_?h(id)?\d?|\w*hidden\w*|\w*hdim\w*|h_dim|h_size|hnodes|H\d?",
    "output": r"(?i)n_?y|n_?out\w*|\w*output_?(size|dim|nodes|layer\w*|neurons|units)?"
    r"|\w*classes|onodes|out\w*|K|C|D_out",
    "input": r"(?i)n_?x|n_?in\w*|\w*input_?(size|dim|nodes|layer\w*|neurons|units)|n\w*features"
    r"|inodes|in_\w*|D|D_in|dim|n",
    "samples": r"(?i)m|\w*(samples|examples)|N|m_train|n_train|num_train",
    "targets": r"[yYtT]\d?|[yY]_?\w*|(?i:\w*(labels?|targets?|truth|desired|expected)\w*|outputs_list|\w*_y|\w*_t)",
    "inputs": r"[xX]\d?|[xX]_?\w*|(?i:\w*inputs?\w*|data\w*|features|\w*_x|images?|samples)|A0|a0|i",
    "bias": r"b\d?|(?i:bias\w*)",
    "weights": r"[wW]\d?|(?i:weights?\w*|theta\w*|coef\w*)",
}
SIZES = {"steps": 3, "batch": SAMPLES, "hidden": HIDDEN, "input": INPUTS, "samples": SAMPLES}


def role_of(name: str) -> str:
    """The role of a value by its name; "" if it has none."""
    return next((role for role, pattern in ROLES.items() if re.fullmatch(pattern, name)), "")


def entries(tree: ast.Module, region: ast.stmt, names: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Statements that lead to a region, with the names in them to be drawn, and what these are called in the file."""
    around = [node for node in ast.walk(tree) if any(part is region for part in ast.walk(node))]
    functions = [node for node in around if isinstance(node, ast.FunctionDef)]
    classes = [node for node in around if isinstance(node, ast.ClassDef)]
    if not functions:
        return
    function = functions[0]
    arguments, given = _arguments(function, names, bool(classes))
    if not classes:
        yield f"{function.name}({given})", arguments
        return
    made = [n for n, v in names.items() if type(v).__name__ == classes[0].name]
    for name in made[-1:]:
        yield f"{name}.{function.name}({given})", arguments
    start = [n for n in classes[0].body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    own, settings = _arguments(start[0], names, True) if start else ({}, "")
    yield f"{classes[0].name}({settings}).{function.name}({given})", {**own, **arguments}


def _arguments(function: ast.FunctionDef, names: Mapping[str, Any], method: bool) -> tuple[dict[str, str], str]:
    """The arguments that have no default, as names to be drawn, and the text of a call with these."""
    args = function.args
    every = [*args.posonlyargs, *args.args][1 if method and not _is_static(function) else 0 :]
    needed = every[: len(every) - len(args.defaults)] if len(args.defaults) <= len(every) else []
    needed += [a for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
    drawn = {f"{PREFIX}{a.arg}": a.arg for a in needed}
    return drawn, ", ".join(f"{a.arg}={PREFIX}{a.arg}" for a in needed)


def _is_static(function: ast.FunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)


def missing_names(tree: ast.Module, region: ast.stmt, names: Mapping[str, Any]) -> list[str]:
    """The names of the module that the file uses, and has not got: those of data that could not be loaded."""
    stored = set(_stored(tree))
    used = {n.id for n in ast.walk(region) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    inside = {n.id for n in ast.walk(region) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    missing = [n for n in sorted((used & stored) - inside) if n not in names and not hasattr(builtins, n)]
    return [n for n in missing if role_of(n)]


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that are bound below a node, outside of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif not isinstance(child, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _stored(child)


def draws(drawn: Mapping[str, str], known: Sequence[tuple[int, ...]]) -> Iterator[dict[str, Any]]:
    """Values for the names, in each layout of samples and targets; `known` are the shapes of parameters."""
    rng = np.random.default_rng(0)
    roles = {key: role_of(name) for key, name in drawn.items()}
    sides = list(dict.fromkeys(n for shape in known for n in shape if n > 1))
    widths, heights = sorted({INPUTS, *sides}, reverse=True), [1, OUTPUTS, *sides]
    has_targets = "targets" in roles.values()
    for n, k in itertools.product(widths, heights):
        for layout, target in itertools.product(
            ("rows", "columns", "one", "column", "line"), TARGETS[: None if has_targets else 1]
        ):
            X = {"rows": (SAMPLES, n), "columns": (n, SAMPLES), "one": (n,), "column": (n, 1), "line": (SAMPLES,)}[
                layout
            ]
            if layout == "line" and (n, k) != (widths[0], 1):
                continue
            y = _targets(target, layout, k, rng)
            if y is None:
                continue
            yield {key: _value(roles[key], X, y, n, k, rng) for key in drawn}


TARGETS = ("units", "flat", "classes", "classes in a line")


def _targets(kind: str, layout: str, k: int, rng: np.random.Generator) -> Any:
    """Targets 0 and 1 of k units, or numbers of classes, for samples in a layout."""
    flags = np.array([0, 1, 1, 0, 1, 0, 0])
    if layout in ("one", "column"):
        hot = np.eye(k)[0] if k > 1 else np.ones(1)
        return {"units": hot if layout == "one" else hot[:, None], "flat": float(hot[0]), "classes": 1}.get(kind)
    if kind == "units":
        hot = np.eye(k)[rng.integers(0, k, SAMPLES)] if k > 1 else flags[:, None] * 1.0
        return flags * 1.0 if layout == "line" else hot if layout == "rows" else hot.T
    if layout == "line" or (k > 1 and kind == "flat"):
        return None
    classes = (max(k, 2) - 1 - np.arange(SAMPLES)) % max(k, 2)
    line = classes[np.newaxis] if k > 1 and layout == "columns" else None
    return {"flat": flags * 1.0, "classes": classes, "classes in a line": line}[kind]


def _value(role: str, X: tuple[int, ...], y: Any, n: int, k: int, rng: np.random.Generator) -> Any:
    if role in SIZES:
        return n if role == "input" else SIZES[role]
    fixed: dict[str, Any] = {"output": k, "layers": [n, HIDDEN, k], "rate": 0.1, "small": 0.1, "flag": False}
    fixed |= {"targets": y, "word": "sigmoid", "bias": 0.0, "weights": np.zeros(n)}
    return fixed[role] if role in fixed else rng.normal(size=X)
