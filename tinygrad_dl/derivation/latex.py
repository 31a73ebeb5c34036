"""Formulas in LaTeX, in the notation of the course: the layer of a quantity is a raised number in brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.registry import name_of
from ..tracing.program import Node
from .reading import sigmoid, softmax

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)

_GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "mu", "sigma", "tau", "phi", "omega"}
_FUNCTIONS: dict[Any, str] = {
    sigmoid: r"\sigma",
    softmax: r"\operatorname{softmax}",
    np.tanh: r"\tanh",
    np.sin: r"\sin",
    np.cos: r"\cos",
    np.log: r"\log",
}
_INFIX: dict[Any, tuple[str, int]] = {
    np.add: (" + ", SUM),
    np.subtract: (" - ", SUM),
    np.matmul: (" ", PRODUCT),
    np.greater: (" > ", SUM),
    np.less_equal: (r" \le ", SUM),
}


class Latex:
    """The LaTeX of Nodes; those in `named` are printed by name."""

    def __init__(self, named: Mapping[Node, str]):
        self.named = named
        self.printers: dict[Any, Callable[..., tuple[str, int]]] = {
            np.multiply: self._product,
            np.divide: self._quotient,
            np.negative: lambda x: (f"-{self.text(x, PRODUCT)}", SIGN),
            np.power: self._power,
            np.square: lambda x: self._power(x, 2),
            np.exp: lambda x: (self._exponential(x), POWER),
            np.sqrt: lambda x: (rf"\sqrt{{{self.text(x)}}}", ATOM),
            np.transpose: lambda x: (self._transposed(x), POWER),
            np.sum: self._sum,
            np.maximum: lambda x, y: (rf"\max({self.text(x)}, {self.text(y)})", ATOM),
            np.logaddexp: lambda x, y: (rf"\log({self._exponential(x)} + {self._exponential(y)})", ATOM),
            np.equal: self._equal,
        }

    def name(self, name: str) -> str:
        """The name of a quantity: `dW2` becomes dW^{[2]}."""
        if name == "cost" or re.fullmatch(r"t\d*", name):  # t1, t2: repeated quantities, not those of a layer
            return "L" if name == "cost" else re.sub(r"(\d+)", r"_\1", name)
        match = re.fullmatch(r"(d?)([A-Za-z]+)_?(\d*)(.*)", name)
        if match is None:
            return rf"\mathrm{{{re.sub('_', ' ', name)}}}"
        d, letters, number, rest = match.groups()
        if letters.lower() in _GREEK:
            letters = f"\\{letters}"
        elif len(letters) > 1:
            letters = rf"\mathrm{{{letters}}}"
        return f"{d}{letters}{f'^{{[{number}]}}' if number else ''}{re.sub('_', chr(39), rest)}"

    def definition(self, node: Node) -> str:
        """The right-hand side of the line that defines `node`."""
        return self._call(node)[0]

    def text(self, value: Any, least: int = SUM) -> str:
        """The LaTeX of an argument, in parentheses if it binds less tightly than `least`."""
        if type(value) is not Node:
            text = _number(value) if isinstance(value, (int, float)) else rf"\mathrm{{{value}}}"
            precedence = SIGN if text.startswith("-") else ATOM
        elif value in self.named or value.function is None:
            text, precedence = self.name(self.named.get(value, value.name)), ATOM
        else:
            text, precedence = self._call(value)
        return text if precedence >= least else f"({text})"

    def _call(self, node: Node) -> tuple[str, int]:
        function, args = node.function, node.args
        if function in self.printers:
            try:
                return self.printers[function](*args, **node.kwargs)
            except TypeError:  # a call with other arguments: printed in full
                pass
        if function in _INFIX and len(args) == 2:
            symbol, precedence = _INFIX[function]
            right = precedence if function in (np.add, np.matmul) else precedence + 1
            return f"{self.text(args[0], precedence)}{symbol}{self.text(args[1], right)}", precedence
        name = _FUNCTIONS.get(function) or rf"\operatorname{{{name_of(function).removeprefix('np.')}}}"
        parts = [self.text(arg) for arg in args]
        return f"{name}({', '.join(parts)})", ATOM

    def _product(self, x: Any, y: Any) -> tuple[str, int]:
        both = all(type(part) is Node and part.shape for part in (x, y))
        sign = r" \circ " if both else " "
        mask = self._mask(y)
        return f"{self.text(x, PRODUCT)}{sign}{mask or self.text(y, SIGN if both else PRODUCT)}", PRODUCT

    def _mask(self, y: Any) -> str:
        """A condition as a factor: 1 where it holds, else 0."""
        condition = type(y) is Node and y.function in (np.greater, np.less_equal, np.equal) and y not in self.named
        return f"[{self._call(y)[0]}]" if condition else ""

    def _quotient(self, x: Any, y: Any) -> tuple[str, int]:
        if type(y) is Node and y.function is None and y.is_number:
            minus = "-" if type(x) is Node and x.function is np.negative and x not in self.named else ""
            inner = x.args[0] if minus else x
            return rf"{minus}\frac{{1}}{{{self.text(y)}}} {self.text(inner, PRODUCT)}", PRODUCT
        return rf"\frac{{{self.text(x)}}}{{{self.text(y)}}}", ATOM

    def _transposed(self, x: Any) -> str:
        text = self.text(x, ATOM)
        return f"{text[:-1]}T}}" if text.endswith("]}") else f"{text}^T"

    def _power(self, x: Any, y: Any) -> tuple[str, int]:
        base = self.text(x, ATOM)
        return f"{f'({base})' if '^' in base and base[0] != '(' else base}^{{{self.text(y)}}}", POWER

    def _exponential(self, x: Any) -> str:
        return "1" if type(x) is int and x == 0 else f"e^{{{self.text(x)}}}"

    def _equal(self, x: Any, y: Any) -> tuple[str, int]:
        if isinstance(x, np.ndarray):  # the numbers of the classes
            return rf"\operatorname{{onehot}}({self.text(y)})", ATOM
        return f"{self.text(x, SIGN)} = {self.text(y, SIGN)}", SUM

    def _sum(self, x: Any, axis: Any = None, **settings: Any) -> tuple[str, int]:
        text = self.text(x, PRODUCT)
        return rf"\sum {f'({text})' if text[0] == '-' else text}", PRODUCT


def _number(value: float) -> str:
    digits, _, exponent = f"{value:g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
