"""The pass that multiplies by a mask instead of selecting: `g * (z > 0)` is up to ten times as fast as `np.where`.

It is faster than `masked` too, which looks at all of `g` first and makes a new array. The product differs where `g` is
infinite or nan beside a mask of 0, or where the `z` of `np.where` is nan. Then an output that these reach is not
finite, which one guard of the program finds: the traced function itself runs in that case.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _functions
from .algebra import is_number
from .program import Guard, Node, Program, rewrite

# Functions with a nan in the answer for each nan in an argument.
_PROPAGATING = {
    *(np.add, np.subtract, np.multiply, np.divide, np.negative, np.matmul, np.square, np.absolute, np.transpose),
    *(np.exp, np.expm1, np.log, np.log1p, np.tanh, np.sin, np.cos, np.sqrt, np.maximum, np.minimum, np.rint),
    *(np.add.reduce, np.maximum.reduce),
}


def with_masks(program: Program) -> Program:
    """Replace `np.where(z <= 0, 0, g)` by `g * (z > 0)` where an output shows what is not finite.

    >>> from .trace import trace
    >>> program = with_masks(trace(lambda z, g: np.sum(np.where(z <= 0, 0, g) + z), np.ones(3), np.ones(3)).program)
    >>> [node.function.__name__ for node in program.nodes]
    ['less_equal', 'greater', 'multiply', 'add', 'sum', 'vdot', 'isfinite']
    """
    reached = _reached_outputs(program)
    shown = {node: [reached[node], *(reached[z] for z in _compared(node))] for node in program.nodes if _selects(node)}
    selections = [node for node, positions in shown.items() if all(positions)]
    if not selections:
        return program
    positions = _covering([each for node in selections for each in shown[node]], program)
    chosen = {id(node.value) for node in selections}

    def visit(node: Node, new: Callable[..., Any]) -> Any:
        if not _selects(node) or id(node.value) not in chosen:
            return node
        if node.function is _functions.masked:
            return new(np.multiply, *node.args)
        return new(np.multiply, node.args[2], new(np.greater, *_compared(node), 0))

    found = rewrite(program, visit)
    for position in sorted(positions):
        output = found.outputs[position]
        square = Node(np.vdot(output.value, output.value), np.vdot, (output, output))
        finite = Node(math.isfinite(square.value), math.isfinite, (square,))
        found.nodes += [square, finite]
        found.guards.append(Guard(finite, bool, True, "tracing/masks.py: an output is not finite"))
    return found


def _selects(node: Node) -> bool:
    """Return whether a call is `np.where(z <= 0, 0, g)` or `masked(g, mask)`, of a `g` of the shape of the answer."""
    if node.kwargs or node.dtype not in (np.float64, np.float32):
        return False
    if node.function is _functions.masked:
        g, mask = node.args
        fits = type(mask) is Node and mask.dtype == bool and mask.shape == node.shape
    elif node.function is np.where and len(node.args) == 3:
        condition, zero, g = node.args
        fits = type(condition) is Node and condition.function is np.less_equal and type(condition.args[0]) is Node
        fits = fits and is_number(zero, 0) and is_number(condition.args[1], 0)
    else:
        return False
    return fits and type(g) is Node and g.shape == node.shape and g.dtype == node.dtype


def _compared(node: Node) -> list[Node]:
    """The `z` of `np.where(z <= 0, 0, g)`: where it is nan, the answer is `g`."""
    return [node.args[0].args[0]] if node.function is np.where else []


def _reached_outputs(program: Program) -> dict[Node, frozenset[int]]:
    """The positions of the outputs that are nan if a Node is."""
    reached: dict[Node, set[int]] = {node: set() for node in (*program.inputs, *program.nodes)}
    for position, output in enumerate(program.outputs):
        if type(output) is Node and output.size and output.dtype in (np.float64, np.float32):
            reached[output].add(position)
    for node in reversed(program.nodes):
        if _propagates(node):
            for part in node.parts:
                reached[part] |= reached[node]
    return {node: frozenset(positions) for node, positions in reached.items()}


def _propagates(node: Node) -> bool:
    function: Any = node.function
    if function is _functions.masked:
        return _selects(node)  # as a product, which it becomes
    if function is np.sum or function is np.max:
        return not any(type(part) is Node for part in node.kwargs.values())
    return function in _PROPAGATING and "where" not in node.kwargs


def _covering(wanted: list[frozenset[int]], program: Program) -> set[int]:
    """Few small outputs, one of which is in each of the `wanted` sets."""
    chosen: set[int] = set()
    left = wanted
    while left:
        counts: dict[int, int] = {}
        for positions in left:
            for position in positions:
                counts[position] = counts.get(position, 0) + 1
        best = max(counts, key=lambda position: (counts[position], -program.outputs[position].size))
        chosen.add(best)
        left = [positions for positions in left if best not in positions]
    return chosen
