"""The rules that make a program readable: each is one line of a table, with the words that explain it.

They hold for real numbers. A computer rounds, and the package guards against log(0) and overflow: such guards are left
out here. `tracing.algebra` has the rules that hold for floats too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _functions
from .._functions import LEAST, TINY
from ..core import primitives
from ..tracing.algebra import by_function, transposed
from ..tracing.program import Node, Program, rewrite, shape_of
from . import patterns
from .patterns import is_number, made_by, sigmoid

_ELEMENTWISE: dict[Any, int] = {  # other than ufuncs, with the number of their arguments
    **{np.where: 3, np.clip: 3, _functions.masked: 2},
    **dict.fromkeys([sigmoid, _functions.sigmoid, _functions.log_above_0], 1),
}


class Rule(NamedTuple):
    """Replace a call of `function` by `replacement(new, *args, **kwargs)`, unless that is None.

    `reason` explains the step to a reader; it is empty for steps that nobody needs to be told.
    """

    function: Any
    replacement: Callable[..., Any]
    reason: str = ""


class Reasons:
    """The reasons of the rules that led to a Node; a Node that a pass rebuilds has the same value object."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, list[str]]] = {}

    def of(self, node: Node) -> list[str]:
        """The reasons of a Node."""
        return self._found.get(id(node.value), (None, []))[1]

    def add(self, node: Node, reasons: list[str]) -> None:
        """Add `reasons` to those of a Node."""
        _, known = self._found.setdefault(id(node.value), (node.value, []))
        known += [reason for reason in reasons if reason and reason not in known]


def readable(program: Program, reasons: Reasons, seed: Node) -> Program:
    """Apply the table to all calls of `program`, with the number 1 for `seed`; note the reasons of each new Node."""
    broadcast_anyway = _broadcast_anyway(program)

    def visit(node: Node, new: Callable[..., Any]) -> Any:
        if id(node.value) in broadcast_anyway:
            return node.args[0]
        why = list(reasons.of(node))
        if _is_elementwise(node) and np.broadcast_shapes(*map(shape_of, node.args)) != node.shape:
            node = new(node.function, *node.args)  # without the broadcast of an argument

        def build(function: Any, *args: Any, **kwargs: Any) -> Any:
            return simplify(new(function, *args, **kwargs))

        def simplify(node: Any) -> Any:
            for rule in RULES.get(node.function, ()):
                try:
                    found = rule.replacement(build, *node.args, **node.kwargs)
                except TypeError:  # a call with other arguments than the rule names
                    continue
                if found is not None and _is_condition(found) <= _is_condition(node):
                    why.append(rule.reason)
                    return found
            return node

        args = tuple(1 if arg is seed and node.function is not primitives.astype else arg for arg in node.args)
        result = simplify(node if args == node.args else new(node.function, *args, **node.kwargs))
        if why and type(result) is Node:
            reasons.add(result, why)
        return result

    return rewrite(program, visit)


# ---- broadcasting


def _broadcast_anyway(program: Program) -> set[int]:
    """The calls of np.broadcast_to that can be left out, by the `id` of their values.

    Elementwise functions broadcast anyway. The shape is needed where another function reads it, in an output, and where
    no other argument has it.
    """
    spread: set[Node] = set()  # what only broadcasting gave its shape
    for node in program.nodes:
        arrays = [part for part in node.parts if part.shape]
        if node.function is np.broadcast_to or (_is_elementwise(node) and arrays and spread.issuperset(arrays)):
            spread.add(node)
    needed = {output for output in program.outputs if type(output) is Node}
    for node in reversed(program.nodes):
        parts: Sequence[Node] = node.parts
        if _is_elementwise(node):
            others = [part for part in parts if part not in spread]
            if node not in needed or np.broadcast_shapes(*(part.shape for part in others)) == node.shape:
                parts = others
        needed.update(parts)
    return {id(node.value) for node in spread - needed if node.function is np.broadcast_to}


def _is_elementwise(node: Node) -> bool:
    if isinstance(node.function, np.ufunc):
        return node.function.signature is None and not node.kwargs
    return node.function in _ELEMENTWISE and len(node.args) == _ELEMENTWISE[node.function]


# ---- what a Node is


def _is_condition(x: Any) -> bool:
    """Return whether `x` is True and False in place of 1 and 0, whose sum and product are others."""
    return np.dtype(bool) == getattr(x, "dtype", float)


def _is_length(x: Any) -> bool:
    """Return whether `x` is the number of samples."""
    return type(x) is Node and x.function is None and x.is_number


def _divided(x: Any) -> bool:
    return made_by(x, np.divide) and _is_length(x.args[1])


# ---- numbers


def _times(new: Any, x: Any, y: Any) -> Any:
    for one, other in ((x, y), (y, x)):
        if is_number(one, 1):
            return other
        if is_number(one, -1):
            return new(np.negative, other)
        if _divided(one):
            return new(np.divide, new(np.multiply, *((one.args[0], y) if one is x else (x, one.args[0]))), one.args[1])
    if is_number(y) and type(x) is Node:
        return new(np.multiply, y, x)
    return None


def _over(new: Any, x: Any, y: Any) -> Any:
    if made_by(y, np.negative, operator.neg) and _is_length(y.args[0]):
        return new(np.divide, new(np.negative, x), y.args[0])
    if _divided(x) and not _is_length(y):
        return new(np.divide, new(np.divide, x.args[0], y), x.args[1])
    return x if is_number(y, 1) else None


def _product_of_divided(new: Any, x: Any, y: Any) -> Any:
    if _divided(x):
        return new(np.divide, new(np.matmul, x.args[0], y), x.args[1])
    return new(np.divide, new(np.matmul, x, y.args[0]), y.args[1]) if _divided(y) else None


def _linear(function: Any) -> Callable[..., Any]:
    def replacement(new: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        return new(np.divide, new(function, x.args[0], *args, **kwargs), x.args[1]) if _divided(x) else None

    return replacement


def _combined(function: Any) -> Callable[..., Any]:
    def replacement(new: Any, x: Any, y: Any) -> Any:
        both = _divided(x) and _divided(y) and x.args[1] is y.args[1]
        return new(np.divide, new(function, x.args[0], y.args[0]), x.args[1]) if both else None

    return replacement


def _negative(new: Any, x: Any) -> Any:
    if is_number(x):
        return -x
    if _divided(x):
        return new(np.divide, new(np.negative, x.args[0]), x.args[1])
    return _opposite(new, x)


def _opposite(new: Any, x: Any) -> Any:
    """The u of -u, and u / v of -u / v; else None."""
    if made_by(x, np.divide) and made_by(x.args[0], np.negative):
        return new(np.divide, x.args[0].args[0], x.args[1])
    return x.args[0] if made_by(x, np.negative) else None


def _with_minus(other: Any) -> Callable[..., Any]:
    """The `other` one of sum and difference for a term with a minus, the second one, or the first of a sum."""

    def replacement(new: Any, x: Any, y: Any) -> Any:
        for term, rest in ((y, x), (x, y))[: 2 if other is np.subtract else 1]:
            opposite = _opposite(new, term)
            if opposite is not None:
                return new(other, rest, opposite)
        return None

    return replacement


def _transposed(new: Any, x: Any, axes: Any = None) -> Any:
    if not shape_of(x):
        return x
    return x.args[0] if axes is None and made_by(x, np.transpose) and x.args[1:] in ((), (None,)) else None


def _cast(new: Any, x: Any, dtype: Any, copy: Any = True) -> Any:
    return x


def _with_condition(function: Any) -> Callable[..., Any]:
    """Leave out the cast of a condition beside numbers, as of labels."""

    def replacement(new: Any, x: Any, y: Any) -> Any:
        a, b = (part.args[0] if made_by(part, primitives.astype) else part for part in (x, y))
        return None if (a, b) == (x, y) or (_is_condition(a) and _is_condition(b)) else new(function, a, b)

    return replacement


# ---- guards


def _without_tiny(new: Any, x: Any, y: Any) -> Any:
    return x if is_number(y, TINY) else None


def _without_least(new: Any, x: Any, y: Any) -> Any:
    return x if is_number(y, LEAST) else None


def _exponential(new: Any, x: Any) -> Any:
    if made_by(x, np.minimum) and is_number(x.args[1], 80):
        return new(np.exp, x.args[0])
    return None


def _masked(new: Any, condition: Any, x: Any, y: Any) -> Any:
    if not made_by(condition, np.less_equal):
        return None
    positive = new(np.greater, *condition.args)
    if is_number(x, 0) and type(y) is Node:
        return new(np.multiply, y, positive)
    if _divided(x) and _divided(y):
        x, y, m = x.args[0], y.args[0], y.args[1]
        return new(np.divide, new(np.where, condition, x, y), m)
    if made_by(x, np.multiply) and is_number(x.args[0]) and x.args[1] is y:
        return new(np.multiply, y, new(np.where, positive, 1, x.args[0]))
    return None


def _reduction(function: Any, axis: Any = None) -> Callable[..., Any]:
    """The reduction `function` with the settings that change something; `axis` is the default of the call."""

    def replacement(new: Any, a: Any, **given: Any) -> Any:
        settings = {"axis": axis, **{key: value for key, value in given.items() if value is not np._NoValue}}
        along = settings["axis"]
        if type(along) is tuple and settings.get("keepdims"):  # over an axis of length 1 there is nothing to sum
            along = tuple(i for i in along if shape_of(a)[i] != 1) or along
        settings["axis"] = along[0] if type(along) is tuple and len(along) == 1 else along
        settings = {key: value for key, value in settings.items() if value is not None and value is not False}
        return new(function, a, **settings) if function is not np.sum or axis == 0 or settings != given else None

    return replacement


_OUTWARDS = "the factor 1/m moves outwards, to be applied once"
_GUARD = "a guard against log(0), division by 0 or overflow is left out"

_TABLE = [
    Rule(np.multiply, patterns.error_of_sigmoid, "σ' = A (1 - A) cancels the 1 / (A (1 - A)) of the cost"),
    Rule(np.multiply, patterns.error_of_softmax, "the derivative of the softmax A = e^Z / Σ e^Z is A (dA - Σ dA A)"),
    Rule(np.multiply, patterns.scaled_softmax, "e^Z / Σ e^Z is the softmax; the columns of the labels sum to 1"),
    Rule(np.multiply, _times, _OUTWARDS),
    Rule(np.divide, patterns.sigmoid_of, "1 / (1 + e^-Z) is the sigmoid"),
    Rule(np.divide, patterns.softmax_of, "e^Z / Σ e^Z is the softmax"),
    Rule(np.divide, _over),
    Rule(np.matmul, _product_of_divided, _OUTWARDS),
    *(Rule(f, _linear(f), _OUTWARDS) for f in (np.sum, np.add.reduce, np.transpose, np.reshape, np.broadcast_to)),
    *(Rule(f, _combined(f), _OUTWARDS) for f in (np.add, np.subtract)),
    Rule(np.negative, _negative),
    Rule(np.transpose, _transposed),
    Rule(np.swapaxes, transposed),
    Rule(primitives.astype, _cast),
    *(Rule(f, _with_condition(f)) for f in (np.add, np.subtract, np.multiply, np.divide)),
    Rule(np.add, lambda new, x, y: y if is_number(x, 0) else x if is_number(y, 0) else None),
    Rule(np.add, _with_minus(np.subtract)),
    Rule(np.subtract, _with_minus(np.add)),
    Rule(np.add, _without_tiny, _GUARD),
    Rule(np.add, patterns.softplus, "max(Z, 0) + log(1 + e^-|Z|) is log(1 + e^Z), without overflow"),
    Rule(np.maximum, _without_least, _GUARD),
    Rule(np.exp, _exponential, _GUARD),
    Rule(_functions.log_above_0, lambda new, x: new(np.log, x), _GUARD),
    Rule(_functions.sigmoid, lambda new, x: new(sigmoid, x)),
    Rule(np.subtract, patterns.log_softmax, "Z - log Σ e^Z is the logarithm of the softmax"),
    Rule(np.where, _masked, "selecting where Z > 0 is the product with a mask"),
    Rule(_functions.masked, lambda new, x, mask: new(np.multiply, x, mask), "selecting is the product with a mask"),
    Rule(np.add.reduce, _reduction(np.sum, axis=0)),
    Rule(np.maximum.reduce, _reduction(np.max, axis=0)),
    Rule(np.sum, _reduction(np.sum)),
]
RULES: dict[Any, list[Rule]] = by_function(_TABLE)
