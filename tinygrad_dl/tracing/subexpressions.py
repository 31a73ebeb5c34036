"""The pass that computes common subexpressions once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .program import Node, Program, rewrite

_COMMUTATIVE = {np.add, np.multiply}


def with_common_once(program: Program) -> Program:
    """Merge calls of the same function with the same arguments.

    The numbers 1 and 1.0 are the same beside an array of floats, whose dtype both leave as it is.

    >>> from .trace import trace
    >>> program = trace(lambda x: (1 - x) * (1.0 - x), np.ones(3)).program
    >>> len(program.nodes), len(with_common_once(program).nodes)
    (3, 2)
    """
    seen: dict[Any, Node] = {}

    def visit(node: Node, new: Callable[..., Any]) -> Node:
        return seen.setdefault(_key_of_call(node), node)

    return rewrite(program, visit)


def _key_of_call(node: Node) -> Any:
    floats = isinstance(node.function, np.ufunc) and any(_is_float_array(arg) for arg in node.args)
    args = [_key(arg, floats) for arg in node.args]
    if node.function in _COMMUTATIVE:
        args.sort(key=repr)
    return node.function, tuple(args), tuple((key, _key(arg)) for key, arg in sorted(node.kwargs.items()))


def _is_float_array(arg: Any) -> bool:
    """Return whether the dtype of `arg` does not change beside a small whole number."""
    return isinstance(getattr(arg, "dtype", None), np.dtype) and arg.dtype.kind in "fc"


def _key(arg: Any, floats: bool = False) -> Any:
    """A key that is the same for equal arguments only."""
    kind = type(arg)
    if kind is Node:
        return "node", id(arg)
    if isinstance(arg, np.ndarray):
        return ("array", arg.dtype.str, arg.shape, arg.tobytes()) if arg.size < 100 else ("array", id(arg))
    if isinstance(arg, np.generic):
        return "scalar", arg.dtype.str, arg.tobytes()
    if isinstance(arg, (list, tuple)):
        return kind, *(_key(part) for part in arg)
    if kind is slice:
        return "slice", _key(arg.start), _key(arg.stop), _key(arg.step)
    if kind is dict:
        return "dict", *((key, _key(part)) for key, part in arg.items())
    if isinstance(arg, int) and kind is not bool and floats and abs(arg) < 2**53:
        return "number", repr(float(arg))
    if isinstance(arg, int) and kind is not bool:
        return "integer", int(arg)
    if isinstance(arg, (float, complex)):
        return "number" if kind is float and floats else kind, repr(arg)
    return ("object", id(arg)) if kind.__hash__ is None or kind.__eq__ is object.__eq__ else (kind, arg)
