"""Methods of learners' classes: which one is the forward pass and which the backward pass, and their arguments."""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

from ..._signatures import signature
from .loading import UserFile
from .objects import RATES

FORWARD = re.compile(
    r"_?_?(forward|forward_?(prop(agation|agate)?|pass|propagate)|fwd|f_?prop|feed_?forward|forwardProp(agation)?|"
    r"__call__|call|propagate_?forward|fn|loss|cost|activate|calculate|compute|propagate|predict|function|output|run|"
    r"get_output|apply|calc|eval|fun|value|query|forward_prop|predict_proba|calc_loss|compute_loss|func|f)"
)
BACKWARD = re.compile(
    r"_?_?(backward|backward_?(prop(agation|agate)?|pass|propagate)|bwd|back_?prop(agation|agate)?|back|b_?prop|"
    r"backProp(agation|agate)?|propagate_?back(ward)?|backwards?_?\w*|grad(ient)?s?|derivative|deriv|prime|loss_prime|"
    r"delta|cost_prime|diff|d_loss|fn_prime|calc_grad(ient)?s?|compute_grad(ient)?s?|get_grad(ient)?s?|df|d)"
)
LABELS = re.compile(
    r"[yYtT]|[yY]_?(true|real|train|batch|b|gold|label\w*|onehot|oh|actual|t|target\w*)|y_i|targets?\w*|targ|labels?|"
    r"truth|ground_?truth|gt|true\w*|expected\w*|desired\w*|actual\w*|one_?hot\w*|correct\w*|answers?|Ytrain|classes|t_"
)
FLAGS = re.compile(r"(is_?)?train(ing)?|mode|train_flg|phase|training_mode|is_training|test|testing|update\w*|verbose")
OUTPUTS = (
    "output", "out", "outputs", "y", "Y", "a", "A", "activation", "activations", "z", "Z", "loss", "value",
    "result", "h", "y_hat", "yhat", "y_pred", "output_data", "last_output", "a2", "A2", "AL", "preds",
    "layer2", "pred", "o", "cost",
)  # fmt: skip
INPUT_GRADIENTS = re.compile(
    r"d_?(inputs?|x|X|in|prev|A_prev|a_prev|A|inp|z|Z|L_dx|L_dX|L_d_input|out_prev|values|score\w*|data|pred\w*)|"
    r"(inputs?|inp|in|x|X)_?_?(grad(ients?)?|error|delta|g|diff)|grad_?(inputs?|x|X|in|prev)|gradInput|"
    r"delta(_prev)?|dLdx|dLdX|prev_(grad|delta|error)|error_prev|gradient|grad|input_gradient"
)


def pair_of_methods(cls: type) -> tuple[str, str]:
    """The names of the forward and the backward method of a class; "" for one that there is not."""
    names = [n for n in dir(cls) if callable(method := getattr(cls, n, None)) and not _is_builtin(method)]
    backward = _best(names, BACKWARD, cls)
    forward = _best([n for n in names if n != backward], FORWARD, cls)
    return forward, backward


def _best(names: Sequence[str], pattern: re.Pattern, cls: type) -> str:
    """The name that comes first in the pattern, of methods that do something."""
    order = pattern.pattern
    there = [n for n in names if pattern.fullmatch(n) and not is_empty(getattr(cls, n))]

    def rank(name: str) -> tuple[bool, int]:
        plain = name.strip("_")
        return not plain.startswith(("forw", "back", "call")), order.find(plain) % 10_000

    return min(there, key=rank, default="")


def _is_builtin(function: Any) -> bool:
    return not hasattr(inspect.unwrap(function), "__code__")


def is_empty(function: Callable[..., Any]) -> bool:
    """Return whether a method does nothing, or nothing but raise an exception, as in an abstract class."""
    code = inspect.unwrap(function).__code__
    loads = {i.opname for i in dis.get_instructions(code)}
    used = any(name.startswith(("LOAD_FAST", "LOAD_DEREF", "CALL_FUNCTION", "STORE")) for name in loads)
    return not used and set(code.co_names) <= {"NotImplementedError", "NotImplemented", "Exception"}


def is_abstract(cls: type) -> bool:
    """Return whether a class has an empty forward or backward method, for its subclasses to define."""
    known = [m for n, m in vars(cls).items() if FORWARD.fullmatch(n) or BACKWARD.fullmatch(n)]
    return any(is_empty(m) for m in known if callable(m) and not _is_builtin(m))


def calls(cls: type, name: str) -> bool:
    """Return whether an object is called, as a function is, to run its method of this name."""
    code = getattr(inspect.unwrap(getattr(cls, "__call__", cls)), "__code__", None)  # noqa: B004
    return name != "__call__" and code is not None and name in code.co_names


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function or a bound method, found once for each definition."""
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, FunctionType):
        return list(signature(function).parameters.values())
    found = _parameters_of(plain)
    return found if plain is function else found[1:]


@functools.lru_cache(maxsize=1024)
def _parameters_of(function: FunctionType) -> list[inspect.Parameter]:
    return list(signature(function).parameters.values())


def arguments_of(method: Callable[..., Any], *, needed: bool = False) -> list[str]:
    """The names of the arguments of a bound method, or of those that it needs."""
    return [
        p.name
        for p in parameters_of(method)
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and (not needed or p.default is p.empty)
    ]


def arguments_with_none(method: Callable[..., Any]) -> list[str]:
    """The names of the arguments of a bound method that are None by default, without labels, a rate and flags."""
    plain = (LABELS, RATES, FLAGS)
    return [
        p.name for p in parameters_of(method) if p.default is None and not any(each.fullmatch(p.name) for each in plain)
    ]


def takes_labels(cls: type, name: str) -> bool:
    """Return whether a method takes labels."""
    return any(LABELS.fullmatch(n) for n in _own_arguments(cls, name))


def takes_values(cls: type, name: str) -> bool:
    """Return whether a method takes anything but labels, a rate and flags."""
    other = (LABELS, RATES, FLAGS)
    return any(not any(p.fullmatch(n) for p in other) for n in _own_arguments(cls, name))


def _own_arguments(cls: type, name: str) -> list[str]:
    function = getattr(cls, name)
    names = arguments_of(function)
    static = isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod))
    return names if static else names[1:]


def definition_of(file: UserFile, function: Any) -> ast.FunctionDef | ast.ClassDef | None:
    """The statement that defines a function, a method or a class; None where the source is not there."""
    find = getattr(file, "definition", None)
    return find(getattr(function, "__func__", function)) if find else None


def returned_names(file: UserFile, function: Any) -> list[str]:
    """The names that the last `return` of a function or method gives, "" for no name."""
    return list(_returned_names(file, getattr(function, "__func__", function)))


@functools.lru_cache(maxsize=256)
def _returned_names(file: UserFile, function: Any) -> list[str]:
    node = definition_of(file, function)
    if node is None:
        return []
    returns = [part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None]
    value = max(returns, key=lambda part: part.lineno).value if returns else None
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    return [_name_of(part) for part in parts]


@functools.lru_cache(maxsize=256)
def unpacked_names(file: UserFile, function: Any) -> list[str]:
    """The names by which a function unpacks a tuple that it is given: Z1, A1, ... of `Z1, A1, ... = cache`."""
    node = definition_of(file, function)
    for part in ast.walk(node) if node else ():
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Name) and isinstance(part.targets[0], ast.Tuple):
            return [_name_of(each) for each in part.targets[0].elts]
    return []


def _name_of(node: ast.expr | None) -> str:
    """The name of a variable, an attribute or an entry of a dict."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


def bound(method: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `method` among those `given`."""
    names = arguments_of(method)
    return {n: value for n, value in given.items() if n in names}
