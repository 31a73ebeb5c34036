"""Errors for operands whose shapes don't fit, with their names and the product or shape that would fit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _frames

_SIGNS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.power: "**", np.remainder: "%"}


def explain(function: Callable[..., Any], args: Sequence[Any], operands: Sequence[Any]) -> None:
    """Raise ValueError with the names of the operands if `function(*args)` failed since their shapes don't fit.

    `operands[i]` is the Tensor of the values `args[i]`, or another value.
    """
    if len(args) != 2:
        return
    a, b = map(np.shape, args)
    left, right = _names(operands)
    if function is np.matmul and a and b:
        raise ValueError(_product(left, right, a, b)) from None
    if function in _SIGNS and not _broadcast(a, b):
        raise ValueError(
            f"{left} {_SIGNS[function]} {right}: expected shapes that broadcast, got {a} for {left} and {b} for "
            f"{right}{_column(right, a, b)}."
        ) from None


def _product(left: str, right: str, a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """The message for a product of two shapes."""
    if a[-1] == b[max(len(b) - 2, 0)]:
        return f"{left} @ {right}: expected stacks of matrices that broadcast, got {a} for {left} and {b} for {right}."
    rest = ", m" if len(b) > 1 else ""
    expected = f"({'..., ' if len(b) > 2 else ''}{a[-1]}{rest or ','})"
    message = f"{left} @ {right}: expected {expected} for {right}, since {left} is {a}, got {b}"
    fitting = [
        f"{first} @ {second}"
        for first, second, m, n in (
            (left, f"{right}.T", a, b[::-1]),
            (f"{left}.T", right, a[::-1], b),
            (right, left, b, a),
        )
        if len(m) <= 2 and len(n) <= 2 and m[-1] == n[0]
    ]
    return f"{message}; {' or '.join(fitting)} would fit." if fitting else f"{message}."


def _column(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """Advice for a bias (n,) beside (n, m): samples are columns."""
    return f"; write {name}[:, np.newaxis] for a column" if len(a) == 2 and b == a[:1] else ""


def _names(operands: Sequence[Any]) -> list[str]:
    """The names of the operands: a Tensor's own, or that of the user's variable, else x and y."""
    variables = _frames.users_frame(sys._getframe()).f_locals
    found = [_name(operand, variables) for operand in operands]
    letters = [letter for letter in ("x", "y", "z", "w") if letter not in found]
    return [name or letters[i] for i, name in enumerate(found)]


def _name(operand: Any, variables: Mapping[str, Any]) -> str:
    given = getattr(operand, "name", None)  # a data frame's may be anything
    if isinstance(given, str) and given:
        return given
    return next((name for name, value in variables.items() if value is operand and name.isidentifier()), "")


def _broadcast(*shapes: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True
