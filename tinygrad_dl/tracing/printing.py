"""Nodes of a trace as text in NumPy's syntax: operators with as few parentheses as possible, calls, indices, constants.

A repeated subexpression is printed once, with a name that is defined after the formula: `g * t / np.sum(t), t =
np.exp(x)`. So the length of a formula is proportional to the computation. Only operators on names and numbers, such as
`1 - ans` or `x.T`, are repeated.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import keyword
import operator
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .. import _functions
from .._signatures import signature
from ..core import primitives
from ..core.registry import name_of
from . import literals
from .kinds import ON_NUMBERS
from .program import Node, Program, needed, nodes_in
from .symbols import Shape, nodes_of

# ---- operator precedence, as in Python's grammar

ANY, COMPARISON, OR, XOR, AND, SHIFT, SUM, PRODUCT, SIGN, POWER, ATOM = range(11)
INFIX: dict[Any, tuple[str, int]] = {
    np.equal: (" == ", COMPARISON),
    np.not_equal: (" != ", COMPARISON),
    np.less: (" < ", COMPARISON),
    np.less_equal: (" <= ", COMPARISON),
    np.greater: (" > ", COMPARISON),
    np.greater_equal: (" >= ", COMPARISON),
    np.bitwise_or: (" | ", OR),
    np.bitwise_xor: (" ^ ", XOR),
    np.bitwise_and: (" & ", AND),
    np.left_shift: (" << ", SHIFT),
    np.right_shift: (" >> ", SHIFT),
    np.add: (" + ", SUM),
    np.subtract: (" - ", SUM),
    np.multiply: (" * ", PRODUCT),
    np.divide: (" / ", PRODUCT),
    np.floor_divide: (" // ", PRODUCT),
    np.remainder: (" % ", PRODUCT),
    np.matmul: (" @ ", PRODUCT),
    _functions.masked: (" * ", PRODUCT),
    np.power: ("**", POWER),
}
PREFIX: dict[Any, str] = {np.negative: "-", np.invert: "~"}
INFIX |= {ON_NUMBERS[function]: symbol for function, symbol in INFIX.items() if function in ON_NUMBERS}
PREFIX |= {ON_NUMBERS[function]: symbol for function, symbol in PREFIX.items() if function in ON_NUMBERS}
POSTFIX: set[Any] = {
    primitives.getitem,
    primitives.output,
    primitives.astype,
    np.transpose,
    np.swapaxes,
    np.matrix_transpose,
}
OPERATORS: set[Any] = {*INFIX, *PREFIX, *POSTFIX}
REDUCTIONS: dict[Any, Any] = {
    np.add.reduce: np.sum,
    np.multiply.reduce: np.prod,
    np.maximum.reduce: np.max,
    np.minimum.reduce: np.min,
}
_PACKAGE = f"{__name__.partition('.')[0]}."
IN_NUMPY: dict[Any, Any] = {_functions.concatenate: "np.concatenate", _functions.einsum: "np.einsum"}
# A name, also W[0], W#3 or layers.0.W; other names may need parentheses.
_ATOMIC = re.compile(r"[^\W\d][\w.]*(#\d+)?(\[[\w.'\"]*\])*")
_DEEPEST = 25  # nested calls and operators


class Formula(str):
    """A line of text, `result, t = ...`: the `result`, and the `bindings`, pairs of a name and a text, in order.

    It is `evaluable` if Python can compute it: all arrays are printed in full, and no rule was replaced by words.
    """

    result: str
    bindings: tuple[tuple[str, str], ...]
    evaluable: bool

    def __new__(cls, result: str, bindings: tuple[tuple[str, str], ...] = (), evaluable: bool = True) -> Formula:
        """Join the `result` and its `bindings` to one text."""
        formula = super().__new__(cls, ", ".join([result, *(f"{name} = {text}" for name, text in bindings)]))
        formula.result, formula.bindings, formula.evaluable = result, bindings, evaluable
        return formula


def formula_of(value: Any, names: Mapping[str, str] | None = None) -> Formula:
    """The formula of a Symbol or a structure of Symbols, with `names` to replace the names of Symbols.

    >>> from .symbols import Symbol
    >>> x = Symbol(np.ones(3), name="x")
    >>> t = np.exp(x - 1)
    >>> print(formula_of(-(t / np.sum(t)) ** 2, {"x": "Z1"}))
    -(t / np.sum(t))**2, t = np.exp(Z1 - 1)
    """
    value = nodes_of(value)
    order = needed([value])
    return _Printer(names or {}, order, _bound(order, _uses(value, order))).formula(value)


def source(program: Program, name: str = "program") -> str:
    """The code of a function `name` that computes the outputs of `program`: a line for each named or repeated quantity.

    Functions of this package are imported before it.

    >>> from .trace import trace
    >>> print(source(trace(lambda x: (t := np.tanh(x)) / np.sum(t), np.ones(3)).program))
    def program(x):
        t = np.tanh(x)
        return t / np.sum(t)
    """
    printer, _ = _printer_of(program)
    lines = [f"{name} = {text}" for name, text in printer.bindings]
    outputs = ", ".join(printer.text(output) for output in program.outputs) or "None"
    parameters = ", ".join(printer.texts[node][0] for node in program.inputs)
    text = "\n    ".join([f"def {name}({parameters}):", *lines, f"return {outputs}"])
    imports = _imports(printer)
    return "\n".join([*imports, *["", ""] * bool(imports), text])


def lines_of(program: Program) -> list[tuple[Node, str, str]]:
    """Each named or repeated quantity of `program`: its Node, name and formula, in order."""
    printer, bound = _printer_of(program)
    nodes = [node for node in program.nodes if node in bound]
    return [(node, name, text) for node, (name, text) in zip(nodes, printer.bindings, strict=True)]


def outputs_of(program: Program) -> list[str]:
    """The formula of each output, in terms of the quantities of `lines_of`."""
    printer, _ = _printer_of(program)
    return [printer.text(output) for output in program.outputs]


def imports_of(program: Program) -> list[str]:
    """The lines that import the functions of this package that `lines_of` and `outputs_of` call."""
    printer, _ = _printer_of(program)
    return _imports(printer)


def _imports(printer: _Printer) -> list[str]:
    return sorted(f"from {module} import {function}" for module, function in printer.imported)


def _printer_of(program: Program) -> tuple[_Printer, set[Node]]:
    order = [*program.inputs, *program.nodes]
    uses = Counter({node: count for node, count in program.uses().items()})
    bound = _bound(order, uses, {node for node in program.nodes if node.name and uses[node]})
    return _Printer({}, order, bound), bound


def _uses(value: Any, order: list[Node]) -> Counter[Node]:
    """The number of uses of each Node of `order`, by `value` and by one another."""
    uses = Counter(nodes_in(value))
    for node in order:
        uses.update(node.parts)
    return uses


def _bound(order: list[Node], uses: Counter[Node], named: Collection[Node] = ()) -> set[Node]:
    """The Nodes to name: `named` and repeated ones, and those nested too deeply for readers and for Python."""
    bound = set(named)
    depths: dict[Node, int] = {}
    for node in order:
        depths[node] = 1 + max((depths[part] for part in node.parts if part not in bound), default=0)
        repeated = uses[node] > 1 and not _is_short(node, bound)
        if node.function is not None and (repeated or depths[node] > _DEEPEST):
            bound.add(node)
    return bound


def _is_short(node: Node, bound: set[Node]) -> bool:
    """Return whether a Node is an operator on names and numbers."""
    named = all(part.function is None or part in bound for part in nodes_in(node.args))
    plain = not any(isinstance(arg, (np.ndarray, list, dict)) for arg in node.args)
    return named and plain and not node.kwargs and node.function in OPERATORS


class _Printer:
    """The texts of Nodes, each with its precedence; the `bound` ones are named."""

    for_readers = True  # else functions are printed that are faster, but read worse

    def __init__(self, names: Mapping[str, str], order: list[Node], bound: set[Node]):
        self.names = names
        self.texts: dict[Node, tuple[str, int]] = {}
        self.evaluable = True
        self.imported: set[tuple[str, str]] = set()  # modules of this package, and functions
        leaves = {node: _leaf_name(node.name, names) for node in order if node.function is None}
        functions = [name_of(node.function) for node in order if node.function]
        words = set(re.findall(r"\w+", " ".join([*leaves.values(), *names.values(), *functions])))
        given = _distinct(bound, order, words)
        words.update(given.values())
        fresh = filter(lambda name: name not in words, ("t" + str(i or "") for i in itertools.count(len(bound) > 1)))
        self.bindings = []
        for node in order:
            if node in leaves:
                name = leaves[node]
                self.texts[node] = name, ATOM if _ATOMIC.fullmatch(name) else ANY
                continue
            text, precedence = self.call(node.function, node.args, node.kwargs)
            if node in bound:
                name = given.get(node) or next(fresh)
                self.bindings.append((name, text))
                text, precedence = name, ATOM
            self.texts[node] = text, precedence

    def formula(self, value: Any) -> Formula:
        result = self.text(value)
        return Formula(result, tuple(self.bindings), self.evaluable)

    # ---- calls

    def call(self, function: Any, args: tuple, kwargs: Mapping[str, Any]) -> tuple[str, int]:
        if not kwargs and function in INFIX and len(args) == 2:
            symbol, precedence = INFIX[function]
            left, right = precedence, precedence + 1
            if function in (np.power, operator.pow):
                left, right = ATOM, SIGN
            elif precedence == COMPARISON:
                left = right
            return f"{self.text(args[0], left)}{symbol}{self.text(args[1], right)}", precedence
        if not kwargs and function in PREFIX:
            return PREFIX[function] + self.text(args[0], POWER), SIGN
        if function in POSTFIX:
            end = self.postfix(function, args, kwargs)
            if end is not None:
                return self.text(args[0], ATOM) + end, ATOM
        if self.for_readers and function is np.square and not kwargs and len(args) == 1:
            return f"{self.text(args[0], ATOM)}**2", POWER
        if (
            self.for_readers and function in REDUCTIONS and len(args) == 1 and "axis" in kwargs
        ):  # whose default is another
            function = REDUCTIONS[function]
            kwargs = {key: value for key, value in kwargs.items() if not (key == "keepdims" and value is False)}
        self.evaluable &= primitives.visible_kwargs(kwargs) == kwargs
        args, kwargs = _without_defaults(function, args, primitives.visible_kwargs(kwargs))
        if function is _functions.concatenate:
            args = ([*args],)
        parts = [self.text(arg, COMPARISON) for arg in args]
        parts += [f"{keyword}={self.text(value, COMPARISON)}" for keyword, value in kwargs.items()]
        return f"{self.name(function)}({', '.join(parts)})", ATOM

    def postfix(self, function: Any, args: tuple, kwargs: Mapping[str, Any]) -> str | None:
        """The text after the first argument: an index, a transpose, a cast; None if the call is printed in full."""
        if function is primitives.getitem:
            return f"[{self.index(args[1])}]"
        if function is primitives.output:
            return f"[{args[1]}]"
        if function is primitives.astype:
            return f".astype({self.text(kwargs.get('dtype', args[1] if len(args) > 1 else None))})"
        axes = tuple(axis for axis in (*args[1:], *kwargs.values()) if axis is not None)
        if function is np.transpose:
            return None if axes else ".T"
        return ".mT" if all(type(axis) is int for axis in axes) and axes in ((), (-1, -2), (-2, -1)) else None

    def index(self, index: Any) -> str:
        if not isinstance(index, tuple):
            return self.position(index)
        return ", ".join(map(self.position, index)) + "," * (len(index) == 1 and isinstance(index[0], list)) or "()"

    def position(self, part: Any) -> str:
        if not isinstance(part, slice):
            return self.text(part)
        bounds = (part.start, part.stop, part.step)
        start, stop, step = ("" if bound is None else self.text(bound) for bound in bounds)
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"

    def name(self, function: Any) -> str:
        name = IN_NUMPY.get(function) or name_of(function)
        self.evaluable &= name.replace(".", "").isidentifier()
        module = getattr(function, "__module__", None) or ""
        if module.startswith(_PACKAGE) and function not in IN_NUMPY:
            self.imported.add((module, name))
        return name

    # ---- arguments

    def text(self, value: Any, least: int = ANY) -> str:
        """The text of an argument, in parentheses if its precedence is lower than `least`."""
        text, precedence = self.texts[value] if type(value) is Node else self.constant(value)
        return text if precedence >= least else f"({text})"

    def constant(self, value: Any) -> tuple[str, int]:
        if isinstance(value, Shape) and value.of.function is None:
            name = _leaf_name(value.of.name, self.names)
            return (f"{name}.shape" if _ATOMIC.fullmatch(name) else f"({name}).shape"), ATOM
        if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim):
            value = value.item()
        if isinstance(value, (int, float, complex)):
            text = literals.number(value)
            return text, SIGN if text.startswith("-") else ATOM
        if isinstance(value, (tuple, list)) and not any(isinstance(part, slice) for part in value):
            parts = ", ".join(self.text(part, COMPARISON) for part in value)
            return (f"[{parts}]" if isinstance(value, list) else f"({parts}{',' * (len(value) == 1)})"), ATOM
        if isinstance(value, (tuple, slice)):
            return f"np.s_[{self.index(value)}]", ATOM
        if isinstance(value, dict):
            return f"{{{', '.join(f'{key!r}: {self.text(part, COMPARISON)}' for key, part in value.items())}}}", ATOM
        if callable(value) and not isinstance(value, type):
            return self.name(value), ATOM
        short = literals.array(value) if isinstance(value, np.ndarray) else literals.setting(value)
        self.evaluable &= short is not None
        return short or (f"array{value.shape}" if isinstance(value, np.ndarray) else "..."), ATOM


def _distinct(bound: set[Node], order: list[Node], taken: set[str]) -> dict[Node, str]:
    """The names of Nodes that are Python's, each with an underscore or more if it is taken."""
    given: dict[Node, str] = {}
    names = {*taken, *keyword.kwlist}
    for node in order:
        if node in bound and node.name.isidentifier():
            name = node.name
            while name in names:
                name += "_"
            given[node] = name
            names.add(name)
    return given


def _leaf_name(name: str, names: Mapping[str, str]) -> str:
    """The replacement of a name; for `arrays[0]`, its own or that of `arrays`."""
    whole, bracket, rest = name.partition("[")
    return names.get(name) or names.get(whole, whole) + bracket + rest


# ---- arguments that equal the defaults


@functools.cache
def _defaults(function: Callable) -> list[inspect.Parameter] | None:
    try:
        return list(signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C, without a signature
        return None


def _without_defaults(function: Any, args: tuple, kwargs: Mapping[str, Any]) -> tuple[tuple, Mapping[str, Any]]:
    """The arguments without those that equal the defaults."""
    parameters = _defaults(function)
    if parameters is None:
        return args, kwargs
    by_name = {parameter.name: parameter for parameter in parameters}
    kwargs = {key: value for key, value in kwargs.items() if key not in by_name or not _is_default(value, by_name[key])}
    if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters[: len(args)]):
        while 1 < len(args) <= len(parameters) and _is_default(args[-1], parameters[len(args) - 1]):
            args = args[:-1]
    return args, kwargs


def _is_default(value: Any, parameter: inspect.Parameter) -> bool:
    default = parameter.default
    if default is np._NoValue:
        return value is {"keepdims": False, "where": True}.get(parameter.name, default)
    return value is default or (type(value) is type(default) and type(value) in (int, float, str) and value == default)
