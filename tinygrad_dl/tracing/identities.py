"""The table of algebra for derivative rules: one line for each identity.

`OF_FORMULAS` apply to a formula before it is differentiated: they give a composition its own primitive, whose rule is
exact where those of its parts are not. `OF_RULES` apply to the derived rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import primitives
from .algebra import EXACT, Rule, by_function, is_number
from .program import Node


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, (Node, np.ndarray, np.generic)) else ()


def _is_call(x: Any, function: Any) -> bool:
    return type(x) is Node and x.function is function and not x.kwargs


def _product_of_repeated(new: Any, x: Any, y: Any) -> Any:
    """A product with a repeated array repeats it itself, if the other factor has the whole shape."""
    for a, b in ((x, y), (y, x)):
        if _is_call(a, np.broadcast_to) and _shape(a) == _shape(b) and type(b) is Node:
            return new(np.multiply, a.args[0], b) if a is x else new(np.multiply, b, a.args[0])
    return None


def _sum_over_axes(new: Any, x: Any, *args: Any, axis: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
    """Axes of length 1 that are kept need no sum, and a tuple of one axis is that axis."""
    if type(axis) is not tuple or args:
        return None
    axes = tuple(i for i in axis if not keepdims or _shape(x)[i] > 1) or axis[-1:]
    if axes == axis and len(axes) > 1:
        return None
    return new(np.sum, x, axis=axes[0] if len(axes) == 1 else axes, keepdims=keepdims, **kwargs)


def _transposed(new: Any, x: Any, *axes: Any) -> Any:
    return new(np.transpose, x) if len(_shape(x)) == 2 and {*axes} in ({0, 1}, {-1, -2}, set()) else None


def _sigmoid(new: Any, one: Any, below: Any) -> Any:
    """1 / (1 + exp(min(-x, limit))) has the derivative of 1 / (1 + exp(-x)), also beyond a limit of 80 or more."""
    if not (is_number(one, 1) and _is_call(below, np.add) and is_number(below.args[0], 1)):
        return None
    power = below.args[1]
    exponent: Any = power.args[0] if _is_call(power, np.exp) else None
    if _is_call(exponent, np.minimum) and type(exponent.args[1]) in (int, float) and exponent.args[1] >= 80:
        exponent = exponent.args[0]
        return new(primitives.sigmoid, exponent.args[0]) if _is_call(exponent, np.negative) else None
    return None


def _rounded_sigmoid(new: Any, x: Any, dtype: Any, copy: Any = True) -> Any:
    """A sigmoid computed in another type has the derivative of the rounded one, which fits that of the losses."""
    wide = x.args[0] if _is_call(x, primitives.sigmoid) else None
    if type(wide) is Node and wide.function is primitives.astype and wide.args[0].dtype == np.dtype(dtype):
        return new(primitives.sigmoid, wide.args[0])
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
    if is_number(y, 0) and _shape(condition) == _shape(x):
        return new(primitives.masked, x, condition)
    if is_number(x, 0) and _shape(condition) == _shape(y) and condition.function in _OPPOSITES:
        return new(primitives.masked, y, new(_OPPOSITES[condition.function], *condition.args))
    return None


_OPPOSITES: dict[Any, Any] = {np.less_equal: np.greater, np.less: np.greater_equal}
_OPPOSITES |= {opposite: function for function, opposite in _OPPOSITES.items()}

OF_FORMULAS = by_function([Rule(np.divide, EXACT, _sigmoid), Rule(primitives.astype, EXACT, _rounded_sigmoid)])
OF_RULES = by_function(
    [
        Rule(np.multiply, EXACT, _product_of_repeated),
        Rule(np.multiply, EXACT, _where_times),
        Rule(np.add, EXACT, _where_sum),
        Rule(np.sum, EXACT, _sum_over_axes),
        Rule(np.matrix_transpose, EXACT, _transposed),
        Rule(np.swapaxes, EXACT, _transposed),
    ]
)
OF_MASKS = by_function([Rule(np.where, EXACT, _masked)])
