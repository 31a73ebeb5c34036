"""`check_same`: compare two traces of a function, which differ where it gets something else each time."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..core.registry import name_of
from .program import Node, Program, TraceError


def random_states() -> set[tuple[str, str]]:
    """The states of the generators that modules have: later ones include these, unless one of them has drawn."""
    names = {"random": "getstate", "numpy.random": "get_state"}
    return {
        (module, repr(getattr(sys.modules[module], name)())) for module, name in names.items() if module in sys.modules
    }


def check_same(first: Program, second: Program, *constants: Any) -> None:
    """Raise TypeError if the two traces of a function differ, or the two `constants` of their results."""
    something_else = TraceError(f"the compiled function computes something else each time: {ADVICE}.")
    if len(first.nodes) != len(second.nodes):
        raise something_else
    numbers: dict[Node, int] = {}
    others: dict[Node, int] = {}
    for i, (a, b) in enumerate(zip([*first.inputs, *first.nodes], [*second.inputs, *second.nodes], strict=True)):
        numbers[a], others[b] = i, i
        if a.function != b.function or not _alike((a.args, a.kwargs), (b.args, b.kwargs), numbers, others):
            raise TraceError(
                f"{name_of(a.function)} gets other constants each time the compiled function runs: {ADVICE}, "
                f"in\n  {a.line}"
            )
    if not _alike((first.outputs, *constants[:1]), (second.outputs, *constants[1:]), numbers, others):
        raise something_else


ADVICE = (
    "random numbers need rng=np.random.default_rng(seed) as an argument of it; pass what else changes as an argument"
)


def _alike(a: Any, b: Any, numbers: dict[Node, int], others: dict[Node, int]) -> bool:
    stack = [(a, b)]
    while stack:
        a, b = stack.pop()
        if type(a) is not type(b):
            return False
        if type(a) is Node:
            if numbers[a] != others[b]:
                return False
        elif isinstance(a, np.ndarray):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                return False
        elif isinstance(a, (list, tuple)):
            if len(a) != len(b):
                return False
            stack += zip(a, b, strict=True)
        elif isinstance(a, dict):
            if a.keys() != b.keys():
                return False
            stack += [(a[key], b[key]) for key in a]
        elif isinstance(a, slice):
            stack += [(a.start, b.start), (a.stop, b.stop), (a.step, b.step)]
        elif isinstance(a, (int, float, complex, np.generic)) and a != b and not (a != a and b != b):
            return False
    return True
