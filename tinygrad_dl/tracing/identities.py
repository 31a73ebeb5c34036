"""The table of algebra for derivative rules: one line for each identity.

`OF_FORMULAS` apply to a formula before it is differentiated: they give a composition its own primitive, whose rule is
exact where those of its parts are not, in activations and losses even where a guard against overflow acts (`READING`).
`OF_RULES` apply to the derived rules, and then those that come `AFTERWARDS`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives
from .algebra import EXACT, READING, Rule, by_function, is_number, transposed
from .program import Node, shape_of


def _is_call(x: Any, function: Any) -> bool:
    return type(x) is Node and x.function is function and not x.kwargs


def _product_of_repeated(new: Any, x: Any, y: Any) -> Any:
    """A product with a repeated array repeats it itself, if the other factor has the whole shape."""
    for a, b in ((x, y), (y, x)):
        if _is_call(a, np.broadcast_to) and shape_of(a) == shape_of(b) and type(b) is Node:
            return new(np.multiply, a.args[0], b) if a is x else new(np.multiply, b, a.args[0])
    return None


def _negative_of_repeated(new: Any, x: Any) -> Any:
    return new(np.broadcast_to, new(np.negative, x.args[0]), *x.args[1:]) if _is_call(x, np.broadcast_to) else None


def _sum_over_axes(new: Any, x: Any, *args: Any, axis: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    """Axes of length 1 that are kept need no sum, and a tuple of one axis is that axis."""
    if type(axis) is not tuple or args:
        return None
    if kwargs.get("dtype") is None:
        kwargs.pop("dtype", None)
    axes = tuple(i for i in axis if not keepdims or shape_of(x)[i] != 1) or axis[-1:]
    if axes == axis and len(axes) > 1:
        return None
    return new(np.sum, x, axis=axes[0] if len(axes) == 1 else axes, keepdims=keepdims, **kwargs)


def _sigmoid(new: Any, one: Any, below: Any) -> Any:
    """1 / (1 + exp(min(-x, limit))) has the derivative of 1 / (1 + exp(-x)), also beyond a limit of 80 or more."""
    if not (is_number(one, 1) and _is_call(below, np.add) and is_number(below.args[0], 1)):
        return None
    power = below.args[1]
    exponent: Any = power.args[0] if _is_call(power, np.exp) else None
    if _is_call(exponent, np.minimum) and type(exponent.args[1]) in (int, float) and exponent.args[1] >= 80:
        exponent = exponent.args[0]
        return new(_functions.sigmoid, exponent.args[0]) if _is_call(exponent, np.negative) else None
    return None


def _rounded_sigmoid(new: Any, x: Any, dtype: Any, copy: Any = True) -> Any:
    """A sigmoid computed in another type has the derivative of the rounded one, which fits that of the losses."""
    wide = x.args[0] if _is_call(x, _functions.sigmoid) else None
    if type(wide) is Node and wide.function is primitives.astype and wide.args[0].dtype == np.dtype(dtype):
        return new(_functions.sigmoid, wide.args[0])
    return None


def _softplus(new: Any, x: Any, y: Any) -> Any:
    """max(x, 0) + log(1 + exp(-|x|)) is smooth, though its terms have kinks."""
    if not (_is_call(x, np.maximum) and is_number(x.args[1], 0) and _is_call(y, np.log1p)):
        return None
    power = y.args[0]
    exponent: Any = power.args[0] if _is_call(power, np.exp) else None
    distance: Any = exponent.args[0] if _is_call(exponent, np.negative) else None
    is_softplus = _is_call(distance, np.absolute) and distance.args[0] is x.args[0]
    return new(_functions.softplus, x.args[0]) if is_softplus else None


def _log_above_0(new: Any, x: Any) -> Any:
    """A number far below the spacing of floats near 1 keeps a logarithm finite, and is not meant to flatten it."""
    is_guarded = _is_call(x, np.add) and is_number(x.args[1], _functions.TINY)
    return new(_functions.log_above_0, x.args[0]) if is_guarded else None


def _log_spelled_out(new: Any, x: Any) -> Any:
    return new(np.log, new(np.add, x, _functions.TINY))


# ---- factors that are one number for all elements are moved outwards, and their signs inwards


def _factored(x: Any) -> tuple[Any, Any]:
    """The factor of a product that is one number, and the other; None and `x` if there is none."""
    if _is_call(x, np.multiply):
        for factor, other in (x.args, x.args[::-1]):
            if type(factor) is Node and type(other) is Node and _is_one_number(factor) and shape_of(other) == x.shape:
                return factor, other
    return None, x


def _is_one_number(x: Any) -> bool:
    return type(x) is Node and x.shape == () and x.dtype in (np.float64, np.float32)


def _times(new: Any, factor: Any, x: Any, like: Node) -> Any:
    """`factor` times `x`, unless the dtype were another one."""
    return new(np.multiply, factor, x) if type(x) is Node and x.dtype == like.dtype else None


def _product_of_factored(new: Any, x: Any, y: Any) -> Any:
    for a, b in ((x, y), (y, x)):
        factor, rest = _factored(a)
        if factor is not None and type(b) is Node and b.shape != ():
            return _times(new, factor, new(np.multiply, rest, b), a)
    return None


def _quotient_of_factored(new: Any, x: Any, y: Any) -> Any:
    factor, rest = _factored(x)
    return None if factor is None or shape_of(y) == () else _times(new, factor, new(np.divide, rest, y), x)


def _negative_of_factored(new: Any, x: Any) -> Any:
    factor, rest = _factored(x)
    return None if factor is None else _times(new, new(np.negative, factor), rest, x)


def _sum_of_factored(new: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    factor, rest = _factored(x)
    if factor is None or kwargs.get("dtype") is not None or rest.dtype != x.dtype:
        return None
    return _times(new, factor, new(np.sum, rest, *args, **kwargs), x)


def _sum_of_two_factored(new: Any, x: Any, y: Any) -> Any:
    """Factor: f a + f b = f (a + b), and f a + (-f) b = f (a - b)."""
    (f, a), (h, b) = _factored(x), _factored(y)
    if f is None or h is None or a.dtype != b.dtype or a.shape != b.shape:
        return None
    if f is h:
        return _times(new, f, new(np.add, a, b), x)
    if _is_call(h, np.negative) and h.args[0] is f:
        return _times(new, f, new(np.subtract, a, b), x)
    if _is_call(f, np.negative) and f.args[0] is h:
        return _times(new, h, new(np.subtract, b, a), x)
    return None


def _difference_with_sign(new: Any, x: Any, y: Any) -> Any:
    """(g / -m) (a - b) = (g / m) (b - a)."""
    if not (_is_call(x, np.divide) and _is_one_number(x) and _is_call(y, np.subtract)):
        return None
    g, m = x.args
    if isinstance(m, int) and m < 0:
        return new(np.multiply, new(np.divide, g, -m), new(np.subtract, y.args[1], y.args[0]))
    return None


# ---- np.where with a branch of 0


def _selects(x: Any) -> bool:
    return _is_call(x, np.where) and len(x.args) == 3


def _where_sum(new: Any, x: Any, y: Any) -> Any:
    """Two that select from disjoint elements, added, are one."""
    for a, b in ((x, y), (y, x)):
        if _selects(a) and _selects(b) and is_number(a.args[2], 0) and is_number(b.args[1], 0):
            return new(np.where, a.args[0], a.args[1], b.args[2]) if a.args[0] is b.args[0] else None
    return None


def _where_times(new: Any, x: Any, y: Any) -> Any:
    """A finite number times a selection is the selection of a product."""
    if _selects(x) and type(y) in (int, float) and np.isfinite(y) and is_number(x.args[2], 0):
        return new(np.where, x.args[0], new(np.multiply, y, x.args[1]), 0)
    return None


def _masked(new: Any, condition: Any, x: Any, y: Any) -> Any:
    """A selection from an array and 0 is a product with a mask; where a compared z is nan, so is the answer."""
    if type(condition) is not Node:
        return None
    if is_number(y, 0) and shape_of(condition) == shape_of(x):
        return new(_functions.masked, x, condition)
    if is_number(x, 0) and shape_of(condition) == shape_of(y) and condition.function in _OPPOSITES:
        return new(_functions.masked, y, new(_OPPOSITES[condition.function], *condition.args))
    return None


_OPPOSITES: dict[Any, Any] = {np.less_equal: np.greater, np.less: np.greater_equal}
_OPPOSITES |= {opposite: function for function, opposite in _OPPOSITES.items()}

OF_FORMULAS = by_function(
    [
        Rule(np.divide, EXACT, _sigmoid),
        Rule(primitives.astype, READING, _rounded_sigmoid),
        Rule(np.add, EXACT, _softplus),
        Rule(np.log, READING, _log_above_0),
    ]
)
OF_RULES = by_function(
    [
        Rule(np.multiply, EXACT, _product_of_repeated),
        Rule(np.multiply, EXACT, _where_times),
        Rule(np.multiply, EXACT, _product_of_factored),
        Rule(np.divide, EXACT, _quotient_of_factored),
        Rule(np.negative, EXACT, _negative_of_repeated),
        Rule(np.negative, EXACT, _negative_of_factored),
        Rule(np.sum, EXACT, _sum_over_axes),
        Rule(np.sum, EXACT, _sum_of_factored),
        Rule(np.add, EXACT, _where_sum),
        Rule(np.add, EXACT, _sum_of_two_factored),
        Rule(np.matrix_transpose, EXACT, transposed),
        Rule(np.swapaxes, EXACT, transposed),
    ]
)
AFTERWARDS = by_function(
    [
        Rule(np.where, EXACT, _masked),
        Rule(np.multiply, EXACT, _difference_with_sign),
        Rule(_functions.log_above_0, EXACT, _log_spelled_out),
    ]
)
