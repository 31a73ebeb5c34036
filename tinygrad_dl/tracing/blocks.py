"""The pass that updates all parameters at once: gradients, parameters and the state of an optimizer as one array each.

If the new values of all parameters come from the same elementwise calls, these run once on blocks, of which the single
arrays are views. `pack` and `unpack` stand for the way into and out of a block in a program; a `Pool` keeps blocks, and
gives one out again when nobody else refers to it or its views.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np

from .program import Guard, Node, Program, needed, replace_nodes


def pack(*arrays: Any) -> Any:
    """The elements of all arrays, one after another."""
    return np.concatenate([np.ravel(array) for array in arrays])


def unpack(block: Any, start: int, shape: tuple[int, ...]) -> Any:
    """The array of a `shape` that begins at the element `start` of a block."""
    return block[start : start + math.prod(shape)].reshape(shape)


def with_blocks(program: Program, groups: Sequence[Sequence[int]]) -> Program:
    """Compute the outputs at the positions of each group together, if the same elementwise calls make them.

    >>> import numpy as np
    >>> from .trace import trace
    >>> def step(W, b, dW, db):
    ...     return W - 0.1 * dW, b - 0.1 * db
    >>> program = trace(step, *(np.ones(n) for n in (3, 1, 3, 1))).program
    >>> [node.function.__name__ for node in with_blocks(program, [[0, 1]]).nodes]
    ['pack', 'pack', 'multiply', 'subtract', 'unpack', 'unpack']
    """
    fusion = _Fusion(program)
    for group in groups:
        members = tuple(program.outputs[position] for position in group)
        if len(set(members)) == len(members) > 1 and all(type(member) is Node for member in members):
            fusion.add(members)
    return fusion.program()


class _Fusion:
    """Tuples of calls that run together, and the blocks that they make."""

    def __init__(self, program: Program):
        self.old = program
        self.blocks: dict[tuple[Node, ...], Node] = {}
        self.member: dict[Node, tuple[Node, int]] = {}  # a call that is fused -> its block, and its place there
        self.order = {node: i for i, node in enumerate((*program.inputs, *program.nodes))}

    def add(self, members: tuple[Node, ...]) -> None:
        """Fuse the calls that make `members`, if they are the same."""
        if len({node.dtype for node in members}) == 1 and _is_elementwise(members):
            self._block(members)

    def _block(self, members: tuple[Node, ...]) -> Node:
        """The block of `members`: a fused call, or `pack`."""
        known = self.blocks.get(members)
        if known is not None:
            return known
        fused = None
        if _is_elementwise(members) and not any(node in self.member for node in members):
            args = [self._argument(parts) for parts in zip(*(node.args for node in members), strict=True)]
            if all(arg is not None for arg in args):
                arrays = [arg.value if type(arg) is Node else arg for arg in args]
                with np.errstate(all="ignore"):
                    value = members[0].function(*arrays)  # type: ignore[misc]
                if isinstance(value, np.ndarray) and value.dtype == members[0].dtype and value.ndim == 1:
                    fused = Node(value, members[0].function, tuple(args))
        if fused is None:
            fused = Node(pack(*(node.value for node in members)), pack, members)
        else:
            self.member.update({node: (fused, i) for i, node in enumerate(members)})
        self.blocks[members] = fused
        return fused

    def _argument(self, parts: tuple[Any, ...]) -> Any:
        """The argument of a fused call: the block of arrays, or a number that all calls have; None if they differ."""
        first = parts[0]
        if all(part is first for part in parts):
            return first if not getattr(first, "shape", ()) else None
        if all(type(part) is type(first) and type(part) in (int, float) and part == first for part in parts):
            return first
        arrays = all(type(part) is Node and part.shape and not part.is_number for part in parts)
        if arrays and len(set(parts)) == len(parts) and len({part.dtype for part in parts}) == 1:
            return self._block(parts)
        return None

    def program(self) -> Program:
        """The program with blocks, in an order in which it can run."""
        if not self.member:
            return self.old
        single: dict[Node, Node] = {}
        for members, block in self.blocks.items():
            starts = np.cumsum([0, *(node.size for node in members)]).tolist()
            for node, start in zip(members, starts, strict=False):
                if node in self.member and self.member[node][0] is block:
                    single[node] = Node(node.value, unpack, (block, start, tuple(node.shape)), name=node.name)
        return _rebuilt(self.old, single)


def _rebuilt(program: Program, single: dict[Node, Node]) -> Program:
    """The program with other Nodes in the place of some, and the calls that it needs, in the old order if possible."""
    found: dict[Node, Node] = {}

    def new(node: Node) -> Node:
        return found[node]

    roots = [*program.outputs, *(guard.node for guard in program.guards)]
    stack = [node for root in roots for node in _nodes(root)]
    while stack:
        node = stack[-1]
        if node in found:
            stack.pop()
        elif node in single:
            parts = [part for part in single[node].parts if part not in found]
            if parts:
                stack += parts
            else:
                fused = single[node]
                found[node] = Node(fused.value, fused.function, replace_nodes(fused.args, new), name=fused.name)
        else:
            parts = [part for part in node.parts if part not in found]
            if parts:
                stack += parts
            elif any(found[part] is not part for part in node.parts):
                args, kwargs = replace_nodes(node.args, new), replace_nodes(node.kwargs, new)
                found[node] = Node(node.value, node.function, args, kwargs, node.name, node.line)
            else:
                found[node] = node
    outputs = replace_nodes(program.outputs, new)
    guards = [guard._replace(node=found[guard.node]) for guard in program.guards]
    order = {found[node]: i for i, node in enumerate(program.nodes) if node in found}
    nodes = needed([*outputs, *(guard.node for guard in guards)])
    ready = {node: i for i, node in enumerate(nodes)}
    rank: dict[Node, tuple[int, int]] = {}
    for node in nodes:  # after its arguments, else as before
        latest = max((rank[part][0] for part in node.parts if part in rank), default=-1)
        rank[node] = max(order.get(node, -1), latest), ready[node]
    return Program(program.inputs, sorted(nodes, key=rank.__getitem__), outputs, guards)


def _nodes(value: Any) -> list[Node]:
    return [value] if type(value) is Node else []


def _is_elementwise(members: tuple[Node, ...]) -> bool:
    """Return whether all are calls of one ufunc whose answers have the shapes of their arrays."""
    function: Any = members[0].function
    return (
        isinstance(function, np.ufunc)
        and function.signature is None
        and function.nout == 1
        and all(
            node.function is function
            and node.shape
            and not node.kwargs
            and len(node.args) == len(members[0].args)
            and all(not getattr(arg, "shape", ()) or arg.shape == node.shape for arg in node.args)
            for node in members
        )
    )


# ---- counters


def with_one_counter(program: Program, groups: Sequence[Sequence[Node]]) -> Program:
    """Use the first of each group of equal numbers for all, as of the step counts of Adam, and guard that they are."""
    same = {node: group[0] for group in groups for node in group[1:] if node.value == group[0].value}
    if not same:
        return program
    equal = [Node(True, operator.eq, (first, node)) for node, first in same.items()]
    found = _substituted(program, same)
    found.nodes = [*equal, *found.nodes]
    found.guards += [Guard(node, bool, True, "tracing/blocks.py: counters differ") for node in equal]
    return found


def _substituted(program: Program, single: dict[Node, Node]) -> Program:
    found: dict[Node, Node] = {node: single.get(node, node) for node in program.inputs}
    nodes = []
    for node in program.nodes:
        if any(found[part] is not part for part in node.parts):
            args, kwargs = (replace_nodes(part, found.__getitem__) for part in (node.args, node.kwargs))
            found[node] = Node(node.value, node.function, args, kwargs, node.name, node.line)
        else:
            found[node] = node
        nodes.append(found[node])
    outputs = replace_nodes(program.outputs, found.__getitem__)
    guards = [guard._replace(node=found[guard.node]) for guard in program.guards]
    return Program(program.inputs, nodes, outputs, guards)


# ---- memory


class Entry(NamedTuple):
    """A block, its views, and the number of references to them all if nobody else has one."""

    block: np.ndarray
    views: tuple[np.ndarray, ...]
    references: int


class Pool:
    """Blocks of arrays of some shapes; `owners` finds a block by the identity of its first view."""

    shapes: Sequence[tuple[int, ...]]
    dtype: np.dtype
    owners: dict[int, Entry]

    def __init__(self, shapes: Sequence[tuple[int, ...]], dtype: np.dtype, owners: dict[int, Entry]):
        self.shapes, self.dtype, self.owners = shapes, dtype, owners
        self.entries: list[Entry] = []

    def acquire(self) -> Entry:
        """A block that nobody refers to."""
        entries = self.entries
        for _ in range(len(entries)):
            entries.append(entry := entries.pop(0))  # the one that was given out longest ago
            if getrefcount(entry[0]) + sum(map(getrefcount, entry[1])) == entry[2]:
                if not entry[0].flags.writeable:  # its owner has read `p.data`
                    for array in (entry[0], *entry[1]):
                        array.flags.writeable = True
                return entry
        return self._make()

    def _make(self) -> Entry:
        block = np.zeros(sum(map(math.prod, self.shapes)), self.dtype)
        starts = np.cumsum([0, *map(math.prod, self.shapes)]).tolist()
        views = tuple([unpack(block, start, shape) for start, shape in zip(starts, self.shapes, strict=False)])
        entry = Entry(block, views, 0)
        del block, views
        entry = entry._replace(references=getrefcount(entry[0]) + sum(map(getrefcount, entry[1])))
        if len(self.entries) < _MOST:
            self.entries.append(entry)
            self.owners[id(entry.views[0])] = entry
        return entry

    def locate(self, arrays: tuple[Any, ...]) -> np.ndarray:
        """The block that `arrays` are the views of, or a copy of them in a block."""
        entry = self.owners.get(id(arrays[0]))
        if entry is None or not all(map(operator.is_, arrays, entry[1])):
            entry = self.acquire()
            for view, array in zip(entry.views, arrays, strict=True):
                view[...] = array
        return entry[0]


_MOST = 4  # blocks in a pool: the old, the new, and some that the user still holds
