"""Formulas in LaTeX, in the notation of the course: the layer of a quantity is a raised number in brackets."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ..core import primitives
from ..core.registry import name_of
from ..tracing.program import Node, shape_of
from .patterns import sigmoid, softmax

# How tightly a formula binds: a product of matrices, A B, more than an elementwise one, A \circ B, and a sum over
# elements goes on to the next plus or minus.
ANY, SUM, TOTAL, ELEMENTWISE, PRODUCT, SIGN, POWER, ATOM = range(8)

_GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi"),
    *("rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
    *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"),
}
_FUNCTIONS: dict[Any, str] = {
    sigmoid: r"\sigma",
    softmax: r"\operatorname{softmax}",
    np.maximum: r"\max",
    np.minimum: r"\min",
    np.logical_not: r"\lnot",
    **{getattr(np, name): rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "log")},
}
_INFIX: dict[Any, tuple[str, int]] = {
    np.greater: (" > ", ANY),
    np.greater_equal: (r" \ge ", ANY),
    np.less: (" < ", ANY),
    np.less_equal: (r" \le ", ANY),
    np.not_equal: (r" \ne ", ANY),
    np.bitwise_and: (r" \land ", ANY),
    np.bitwise_or: (r" \lor ", ANY),
}


class Latex:
    """The LaTeX of Nodes; those in `named` are printed by name, `others` are the names of inputs."""

    def __init__(self, named: Mapping[Node, str], others: Collection[str] = ()):
        self.named, self.names = named, {*named.values(), *others}
        self.printers: dict[Any, Callable[..., tuple[str, int]]] = {
            np.add: lambda x, y: self._sum_of(x, y, "+-"),
            np.subtract: lambda x, y: self._sum_of(x, y, "-+"),
            np.matmul: self._matrix_product,
            np.multiply: self._product,
            np.divide: self._quotient,
            np.negative: lambda x: (f"-{self._right(x, PRODUCT)}", SIGN),
            np.power: self._power,
            np.square: lambda x: self._power(x, 2),
            np.exp: lambda x: (self._exponential(x), POWER),
            np.sqrt: lambda x: (rf"\sqrt{{{self.text(x)}}}", ATOM),
            np.absolute: lambda x: (rf"\lvert {self.text(x)} \rvert", ATOM),
            np.transpose: self._transposed,
            np.sum: self._sum,
            np.broadcast_to: self._ones,
            primitives.getitem: self._element,
            np.logaddexp: lambda x, y: (rf"\log({self._exponential(x)} + {self._exponential(y)})", ATOM),
            np.equal: self._equal,
        }

    def name(self, name: str) -> str:
        """The name of a quantity: `dW2` becomes dW^{[2]}."""
        if name == "cost":
            return "L"
        match = re.fullmatch(r"([A-Za-z]+)(?:_?(\d+))?(?:_(\w*[^\W_]))?(_*)", name)
        if match is None:
            return rf"\mathrm{{{_escaped(name)}}}"
        letters, number, subscript, primes = match.groups()
        d = "d" if letters[:1] == "d" and self._is_symbol(letters[1:], name[1:]) and letters not in _GREEK else ""
        letters = letters.removeprefix(d)
        symbol = f"\\{letters}" if letters in _GREEK else letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
        if symbol == "t" and not d:  # t1, t2: repeated quantities, not those of a layer
            subscript, number = subscript or number, ""
        below = f"_{_group(_escaped(subscript))}" if subscript else ""
        return f"{d}{symbol}{below}{chr(39) * len(primes)}{f'^{{[{number}]}}' if number else ''}"

    def _is_symbol(self, letters: str, name: str) -> bool:
        """Return whether what follows a d is a symbol, so that it is a derivative: not in `data`."""
        return len(letters) == 1 or letters in _GREEK or name in self.names

    def definition(self, node: Node) -> str:
        """The right-hand side of the line that defines `node`."""
        return self._call(node)[0]

    def text(self, value: Any, least: int = ANY) -> str:
        """The LaTeX of an argument, in parentheses if it binds less tightly than `least`."""
        text, precedence = self._part(value)
        return text if precedence >= least else f"({text})"

    def _part(self, value: Any) -> tuple[str, int]:
        """The LaTeX of an argument, and how tightly it binds."""
        if type(value) is not Node:
            text = self._constant(value)
            return text, SIGN if text.startswith("-") else ATOM
        if value in self.named or value.function is None:
            return self.name(self.named.get(value, value.name)), ATOM
        return self._call(value)

    def _constant(self, value: Any) -> str:
        if type(value) in (int, float) or isinstance(value, (np.integer, np.floating)):
            return _number(value)
        if isinstance(value, (tuple, list)):
            return f"({', '.join(map(self.text, value))})"
        if isinstance(value, slice):
            bounds = ("" if part is None else self.text(part) for part in (value.start, value.stop, value.step))
            return ":".join(bounds).removesuffix(":") if value.step is None else ":".join(bounds)
        return r"\ldots" if value is Ellipsis else rf"\mathrm{{{_escaped(str(value))}}}"

    def _call(self, node: Node) -> tuple[str, int]:
        function, args = node.function, node.args
        if function in self.printers:
            try:
                return self.printers[function](*args, **node.kwargs)
            except TypeError:  # a call with other arguments: printed in full
                pass
        if function in _INFIX and len(args) == 2:
            symbol, precedence = _INFIX[function]
            return symbol.join(self.text(arg, precedence + 1) for arg in args), precedence
        name = _FUNCTIONS.get(function) or rf"\operatorname{{{_escaped(name_of(function).removeprefix('np.'))}}}"
        parts = [self.text(arg) for arg in args]
        settings = primitives.visible_kwargs(node.kwargs).items()
        given = [(key, value) for key, value in settings if value is not False and value is not None]
        parts += [rf"\mathrm{{{_escaped(key)}}} = {self.text(value)}" for key, value in given]
        return f"{name}({', '.join(parts)})", ATOM

    def _sum_of(self, x: Any, y: Any, signs: str) -> tuple[str, int]:
        """A sum or difference, whose sign changes before a minus."""
        right = self.text(y, SUM if signs[0] == "+" else TOTAL)
        is_negative = right.startswith("-")
        return f"{self.text(x, SUM)} {signs[is_negative]} {right[is_negative:]}", SUM

    def _matrix_product(self, x: Any, y: Any) -> tuple[str, int]:
        sign = r" \cdot " if len(shape_of(x)) == len(shape_of(y)) == 1 else " "
        return f"{self.text(x, PRODUCT)}{sign}{self._right(y, PRODUCT)}", PRODUCT

    def _product(self, x: Any, y: Any) -> tuple[str, int]:
        if shape_of(x) and shape_of(y):
            return rf"{self.text(x, ELEMENTWISE)} \circ {self._mask(y) or self._right(y, SIGN)}", ELEMENTWISE
        if type(x) is int and x == 1 and self._mask(y):
            return self._mask(y), ATOM
        return self._scaled(self.text(x, PRODUCT), y)

    def _right(self, x: Any, least: int) -> str:
        """A factor after a sign or another factor: it does not begin with a minus."""
        text = self.text(x, least)
        return f"({text})" if text.startswith("-") else text

    def _scaled(self, factor: str, x: Any) -> tuple[str, int]:
        mask = self._mask(x)
        text, precedence = (mask, ATOM) if mask else self._part(x)
        if precedence < TOTAL or text.startswith("-"):
            text, precedence = f"({text})", ATOM
        sign = r" \cdot " if text[0].isdigit() else " "
        return f"{factor}{sign}{text}", min(precedence, PRODUCT)

    def _mask(self, y: Any) -> str:
        """A condition as a factor: 1 where it holds, else 0."""
        is_condition = type(y) is Node and y not in self.named and (y.function in _INFIX or y.function is np.equal)
        return f"[{self._call(y)[0]}]" if is_condition else ""

    def _quotient(self, x: Any, y: Any) -> tuple[str, int]:
        if type(y) is Node and y.function is None and y.is_number:
            minus = "-" if type(x) is Node and x.function is np.negative and x not in self.named else ""
            return self._scaled(rf"{minus}\frac{{1}}{{{self.text(y)}}}", x.args[0] if minus else x)
        return rf"\frac{{{self.text(x)}}}{{{self.text(y)}}}", POWER

    def _transposed(self, x: Any, axes: None = None) -> tuple[str, int]:
        if axes is not None:
            raise TypeError
        text = self.text(x, ATOM)
        return f"{text[:-1]}T}}" if text.endswith("]}") else f"{text}^T", POWER

    def _ones(self, x: Any, shape: Any) -> tuple[str, int]:
        """A number in each place."""
        if shape_of(x):
            raise TypeError
        text = self.text(x, PRODUCT)
        return (r"\mathbf{1}", ATOM) if text == "1" else (rf"{text} \mathbf{{1}}", PRODUCT)

    def _element(self, x: Any, index: Any) -> tuple[str, int]:
        base = self.text(x, ATOM)
        parts = index if isinstance(index, tuple) else (index,)
        base = f"({base})" if "_" in base and base[-1] != ")" else base
        return f"{base}_{{{', '.join(map(self.text, parts))}}}", ATOM

    def _power(self, x: Any, y: Any) -> tuple[str, int]:
        base = self.text(x, ATOM)
        return f"{f'({base})' if '^' in base and base[0] != '(' else base}^{{{self.text(y)}}}", POWER

    def _exponential(self, x: Any) -> str:
        return "1" if type(x) is int and x == 0 else f"e^{{{self.text(x)}}}"

    def _equal(self, x: Any, y: Any) -> tuple[str, int]:
        if isinstance(x, np.ndarray):  # the numbers of the classes
            return rf"\operatorname{{onehot}}({self.text(y)})", ATOM
        return f"{self.text(x, SUM)} = {self.text(y, SUM)}", ANY

    def _sum(self, x: Any, axis: Any = None, **settings: Any) -> tuple[str, int]:
        text = self.text(x, TOTAL)
        return rf"\sum {f'({text})' if text[0] == '-' else text}", TOTAL


def _number(value: float) -> str:
    if not math.isfinite(value):
        return r"\mathrm{nan}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    digits, _, exponent = f"{value:g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


def _group(text: str) -> str:
    """A subscript."""
    return text if len(text) == 1 else f"{{{text}}}" if text.isdigit() else rf"{{\mathrm{{{text}}}}}"


def _escaped(text: str) -> str:
    """Text of which LaTeX reads each character as itself, but for a few that are left out."""
    return re.sub(r"([#$%&_{}])", r"\\\1", re.sub(r"[\\^~\s]+", " ", text))
