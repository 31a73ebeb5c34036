"""The pass of algebra: a table of rules, each of which replaces one call by faster or simpler ones.

An `EXACT` rule gives the same numbers, up to rounding, for all arguments, nan and inf included: compiled programs use
it. A `READING` rule holds for the arguments that formulas are read for: printed derivations use it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import primitives
from .program import Node, Program, rewrite, shape_of
from .spelling import is_small_product

EXACT, READING = "exact", "reading"


class Rule(NamedTuple):
    """Replace `function(*args, **kwargs)` by `replacement(new, *args, **kwargs)`, unless that is None."""

    function: Any
    kind: str
    replacement: Callable[..., Any]


def simplified(
    program: Program, kinds: tuple[str, ...] = (EXACT,), rules: dict[Any, list[Rule]] | None = None
) -> Program:
    """Apply all rules of some `kinds` until none fits; those of this table, or others by their functions.

    >>> from .trace import trace
    >>> program = simplified(trace(lambda x: np.sum(x**2), np.ones(3)).program)
    >>> [node.function for node in program.nodes] == [np.square, np.add.reduce]
    True
    """
    table = RULES if rules is None else rules

    def visit(node: Node, new: Callable[..., Any]) -> Any:
        try:
            return _simplest(node, new, table, kinds)
        except TypeError:  # a call with other arguments than the rule names
            return node

    return rewrite(program, visit)


def _simplest(node: Node, new: Callable[..., Any], table: Mapping[Any, Sequence[Rule]], kinds: tuple[str, ...]) -> Any:
    """The result of the rules on a call and on the calls that they make; a function here has no reference to itself."""

    def again(function: Any, *args: Any, **kwargs: Any) -> Any:
        return _simplest(new(function, *args, **kwargs), new, table, kinds)

    for rule in table.get(node.function, ()):
        if rule.kind in kinds:
            found = rule.replacement(again, *node.args, **node.kwargs)
            if found is not None:
                return found
    return node


def is_number(value: Any, number: float) -> bool:
    """Return whether an argument is the plain Python `number`."""
    return type(value) in (int, float) and value == number


def _is_float(x: Any) -> bool:
    return isinstance(getattr(x, "dtype", None), np.dtype) and x.dtype in (np.float64, np.float32)


def _is_true(keepdims: Any) -> bool:
    return keepdims is not np._NoValue and bool(keepdims)


def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    """The rule for a function of NumPy that calls `ufunc.reduce`, with less around it."""

    def replacement(
        new: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False
    ) -> Any:
        kwargs = {} if dtype is None else {"dtype": dtype}
        return new(ufunc.reduce, a, axis=axis, keepdims=_is_true(keepdims), **kwargs) if _is_array(a) else None

    return replacement


def _extremum(ufunc: np.ufunc) -> Callable[..., Any]:
    def replacement(new: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        return new(ufunc.reduce, a, axis=axis, keepdims=_is_true(keepdims)) if _is_array(a) else None

    return replacement


def _mean(new: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    if dtype is not None or not _is_float(a) or not shape_of(a):
        return None
    total = new(np.add.reduce, a, axis=axis, keepdims=_is_true(keepdims))
    count = int(np.prod(shape_of(a))) // max(int(np.prod(shape_of(total))), 1)
    return new(np.divide, total, count) if count else None


def _is_array(x: Any) -> bool:
    return isinstance(x, Node) and isinstance(x.dtype, np.dtype)


def _square(new: Any, x: Any, y: Any) -> Any:
    return new(np.square, x) if is_number(y, 2) and _is_float(x) else None


def _transpose(new: Any, a: Any, axes: Any = None) -> Any:
    if type(a) is Node and a.function is np.transpose and len(a.args) == 1 and axes is None:
        return a.args[0]
    reverse = tuple(range(len(shape_of(a))))[::-1]
    return new(np.transpose, a) if axes is not None and tuple(axes) == reverse else None


def transposed(new: Any, a: Any, *axes: Any) -> Any:
    """Both axes of a matrix, or the last two without any `axes`, swapped."""
    return new(np.transpose, a) if len(shape_of(a)) == 2 and {axis % 2 for axis in axes} in (set(), {0, 1}) else None


def _cast(new: Any, x: Any, dtype: Any, copy: Any = True) -> Any:
    return x if type(x) is Node and x.dtype == np.dtype(dtype) and not x.is_number else None


def _sigmoid_with_cross_entropy(new: Any, g: Any, slope: Any) -> Any:
    """Match a (1 - a) times k ((1 - y) / max(1 - a, L) - y / max(a, L)), which is k (a - y), but 0 where a is 1."""
    match g, slope:
        case (
            Node(function=np.multiply, args=(k, Node(function=np.subtract, args=(wrong, right)))),
            Node(function=np.multiply, args=(a, not_a)),
        ):
            pass
        case _:
            return None
    match wrong, right, not_a:
        case (
            Node(function=np.divide, args=(not_y, Node(function=np.maximum, args=(below, least)))),
            Node(function=np.divide, args=(y, Node(function=np.maximum, args=(above, other)))),
            Node(function=np.subtract, args=(1, complement)),
        ):
            same = below is not_a and above is a and complement is a and least == other and is_complement(not_y, y)
            if same and _is_sigmoid(a) and not shape_of(k) and shape_of(y) == shape_of(a):
                return new(np.multiply, k, new(np.multiply, new(np.subtract, a, y), new(np.less, a, 1)))
    return None


def is_complement(not_y: Any, y: Any) -> bool:
    """Return whether `not_y` is 1 - y."""
    if type(not_y) is not Node or not_y.function is not np.subtract:
        return False
    one, x = not_y.args
    return x is y and not shape_of(one) and bool(one == 1)


def _is_sigmoid(a: Any) -> bool:
    """Return whether `a` is 1 / (1 + exp(min(x, 80))), which is above 0."""
    match a:
        case Node(
            function=np.divide,
            args=(
                1,
                Node(function=np.add, args=(1, Node(function=np.exp, args=(Node(function=np.minimum, args=(_, 80)),)))),
            ),
        ):
            return True
    return False


def _outer_product(new: Any, a: Any, b: Any) -> Any:
    """A column times a row has no sums, and takes BLAS up to five times as long as a multiplication if it is large."""
    is_outer = len(shape_of(a)) == len(shape_of(b)) == 2 and shape_of(a)[1] == 1
    if not is_outer or is_small_product(np.matmul, (a, b)):
        return None
    return new(np.multiply, a, b) if _is_float(a) and _is_float(b) else None


_MOST_IN_ROW = {np.dtype(np.float32): 128, np.dtype(np.float64): 1024}


def _sum_along_rows(new: Any, x: Any, axis: Any = 0, keepdims: Any = False) -> Any:
    """Sums of short rows are a product with ones: BLAS adds up several elements at a time, as NumPy does up to 128."""
    if axis != 1 or not keepdims or len(shape_of(x)) != 2 or not 1 < shape_of(x)[1] <= _MOST_IN_ROW.get(x.dtype, 0):
        return None
    return new(np.matmul, x, np.ones((shape_of(x)[1], 1), x.dtype))


_TABLE = [
    Rule(np.multiply, EXACT, _sigmoid_with_cross_entropy),
    Rule(np.power, EXACT, _square),
    Rule(np.transpose, EXACT, _transpose),
    Rule(np.swapaxes, EXACT, transposed),
    Rule(np.sum, EXACT, _reduction(np.add)),
    Rule(np.prod, EXACT, _reduction(np.multiply)),
    Rule(np.max, EXACT, _extremum(np.maximum)),
    Rule(np.min, EXACT, _extremum(np.minimum)),
    Rule(np.mean, EXACT, _mean),
    Rule(primitives.astype, EXACT, _cast),
]


def by_function(table: list[Any]) -> dict[Any, list[Any]]:
    """Sort the rules of a `table` by the functions that they replace."""
    return {rule.function: [other for other in table if other.function == rule.function] for rule in table}


RULES = by_function(_TABLE)
OF_SPEED = by_function([Rule(np.matmul, EXACT, _outer_product)])  # for programs that run, and are not read
OF_EAGER = by_function([*OF_SPEED[np.matmul], Rule(np.add.reduce, EXACT, _sum_along_rows)])
