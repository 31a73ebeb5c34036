"""Liveness: which calls of a program can write into kept buffers, and when a buffer is free again.

Only ufuncs and their reductions write into buffers. The answer of any other function may be a view of its arguments,
whose buffers are kept as long as it is used; and arrays that leave the program are never buffers.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

import numpy as np

from .program import Node, Program, nodes_in

_COPYING = {np.where, np.concatenate, np.stack, np.zeros_like, np.ones_like, np.full_like, np.copy}


class Slot(NamedTuple):
    """An array of `shape` and `dtype` in the buffer with a `number`."""

    number: int
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """The size in bytes."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


_NONE = Slot(-1, (), np.dtype(float))


class Memory:
    """The slots of calls that write into buffers, and the `sizes` of the buffers.

    `bases[node]` are the Nodes whose memory the answer of `node` may lie in. The arrays of `lasting` Nodes stay for
    the next run; those of `placed` ones are not in buffers.
    """

    bases: dict[Node, frozenset[Node]]

    def __init__(
        self, program: Program, escaping: Iterable[Node], lasting: Iterable[Node] = (), placed: Container[Node] = ()
    ):
        self.slots: dict[Node, Slot] = {}
        self.sizes: list[int] = []
        self.bases = bases_of(program)
        self._free: dict[int, list[int]] = {}
        kept = {base for node in escaping for base in self.bases[node]}
        last = self._last_uses(program)
        lasting = set(lasting)
        last.update(dict.fromkeys(lasting, len(program.nodes)))
        for i, node in enumerate(program.nodes):
            dying = [base for part in node.parts for base in self.bases[part] if last[base] == i]
            if can_write(node) and node not in kept and node not in placed:
                # a lasting one has a buffer of its own: calls before it come after it, in the next run
                slot = self._new(node) if node in lasting else self._in_place(node, dying) or self._take(node)
                self.slots[node] = slot
                if last[node] == i:  # nobody reads it, such as a check that was left out
                    dying.append(node)
                dying = [base for base in dying if base is node or self.slots.get(base, _NONE).number != slot.number]
            for number in {self.slots[base].number for base in dying if base in self.slots}:
                self._free.setdefault(self.sizes[number], []).append(number)

    def _last_uses(self, program: Program) -> dict[Node, int]:
        last = dict.fromkeys([*program.inputs, *program.nodes], -1)
        for i, node in enumerate(program.nodes):
            last[node] = i
            for part in node.parts:
                for base in self.bases[part]:
                    last[base] = i
        for guard in program.guards:
            for base in self.bases[guard.node]:
                last[base] = len(program.nodes)
        return last

    def _in_place(self, node: Node, dying: list[Node]) -> Slot | None:
        """The slot of an argument that nobody needs any more, if the call may overwrite it."""
        if not isinstance(node.function, np.ufunc) or node.function.signature is not None:
            return None
        for arg in node.args:
            if type(arg) is Node and arg in dying and arg in self.slots:
                slot = self.slots[arg]
                if (slot.shape, slot.dtype) == (node.shape, node.dtype):
                    return slot
        return None

    def _take(self, node: Node) -> Slot:
        slot = Slot(0, node.shape, node.dtype)
        free = self._free.get(slot.nbytes)
        return slot._replace(number=free.pop()) if free else self._new(node)

    def _new(self, node: Node) -> Slot:
        slot = Slot(len(self.sizes), node.shape, node.dtype)
        self.sizes.append(slot.nbytes)
        return slot


def can_write(node: Node) -> bool:
    """Return whether a call can write its answer into an array: a ufunc or its reduction, to an array with axes."""
    if not node.shape or not isinstance(node.dtype, np.dtype) or 0 in node.shape:
        return False
    function: Any = node.function
    if isinstance(function, np.ufunc):
        return function.nout == 1 and not node.kwargs
    return is_reduction(function)


def is_reduction(function: Any) -> bool:
    """Return whether `function` is the method `reduce` of a ufunc."""
    return isinstance(getattr(function, "__self__", None), np.ufunc) and function.__name__ == "reduce"


def bases_of(program: Program) -> dict[Node, frozenset[Node]]:
    """The Nodes whose memory each answer may lie in: its own, and for what may be a view those of its arguments."""
    bases = {node: frozenset([node]) for node in program.inputs}
    for node in program.nodes:
        function: Any = node.function
        is_fresh = (isinstance(function, np.ufunc) and function.nout == 1) or is_reduction(function)
        if is_fresh or function in _COPYING or not isinstance(node.value, (np.ndarray, list, tuple)):
            bases[node] = frozenset([node])
        else:
            bases[node] = frozenset([node]).union(*(bases[part] for part in nodes_in((node.args, node.kwargs))))
    return bases
