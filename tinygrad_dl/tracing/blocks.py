"""The pass that updates all parameters at once: gradients, parameters and the state of an optimizer as one array each.

If the new values of all parameters come from the same elementwise calls, these run once on blocks, of which the single
arrays are views. `pack` and `unpack` stand for the way into and out of a block in a program; a `Pool` keeps blocks, and
gives one out again when nobody else refers to it or its views.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Container, Iterable, Sequence
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np

from .biases import beside, columns_of
from .program import Guard, Node, Program, Stale, needed, replace_nodes


class Place(NamedTuple):
    """An array of a `shape` in a block, from the element `start` on; if `stride` is not 0, rows are so far apart."""

    start: int
    shape: tuple[int, ...]
    stride: int = 0


def pack(places: Sequence[Place], *arrays: Any) -> Any:
    """A block with all arrays at their places."""
    block = np.empty(sum(array.size for array in arrays), arrays[0].dtype)
    for place, array in zip(places, arrays, strict=True):
        unpack(block, *place)[...] = array
    return block


def unpack(block: Any, start: int, shape: tuple[int, ...], stride: int = 0) -> Any:
    """The array at a place in a block."""
    if not stride:
        return block[start : start + math.prod(shape)].reshape(shape)
    size = block.itemsize
    return np.ndarray(shape, block.dtype, block, start * size, (stride * size, size))


def places_of(arrays: Sequence[Any], joined: Container[int] = ()) -> tuple[Place, ...]:
    """Places one after another; a matrix whose number is among the `joined` has the next, a column, at its side."""
    places: list[Place] = []
    start = 0
    for i, array in enumerate(arrays):
        shape = tuple(array.shape)
        if i in joined:
            places += [Place(start, shape, shape[1] + 1), Place(start + shape[1], (shape[0], 1), shape[1] + 1)]
            start += shape[0] * (shape[1] + 1)
        elif i - 1 not in joined:
            places.append(Place(start, shape))
            start += math.prod(shape)
    return tuple(places)


def with_blocks(program: Program, groups: Sequence[Sequence[int]], joined: Container[int] = ()) -> Program:
    """Compute the outputs at the positions of each group together, if the same elementwise calls make them.

    An output at one of the `joined` positions is a matrix, and its bias, the next of its group, is a column beside it.

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
            fusion.add(members, {i for i, position in enumerate(group) if position in joined})
    return fusion.program()


class _Fusion:
    """Tuples of calls that run together, and the blocks that they make."""

    def __init__(self, program: Program):
        self.old = program
        self.blocks: dict[tuple[Node, ...], Node] = {}
        self.member: dict[Node, tuple[Node, int]] = {}  # a call that is fused -> its block, and its place there
        self.columns: list[tuple[Node, Place, tuple[Node, ...]]] = []  # in blocks
        self.joined: set[int] = set()
        self.places: tuple[Place, ...] = ()
        self.unpacked: dict[tuple[Node, ...], tuple[set[int], tuple[Place, ...]]] = {}
        self.order = {node: i for i, node in enumerate((*program.inputs, *program.nodes))}

    def add(self, members: tuple[Node, ...], joined: set[int]) -> None:
        """Fuse the calls that make `members`, if they are the same."""
        self.joined, self.places = joined, places_of(members, joined)
        if len({node.dtype for node in members}) == 1 and _is_elementwise(members):
            self._block(members)

    def _block(self, members: tuple[Node, ...]) -> Node:
        """The block of `members`: a fused call, or `pack`."""
        known = self.blocks.get(members)
        if known is not None:
            return known
        fused = None
        if _is_elementwise(members) and not any(node in self.member for node in members) and not self._depend(members):
            args = [self._argument(parts) for parts in zip(*(node.args for node in members), strict=True)]
            if all(arg is not None for arg in args):
                arrays = [arg.value if type(arg) is Node else arg for arg in args]
                with np.errstate(all="ignore"):
                    value = members[0].function(*arrays)  # type: ignore[misc]
                if isinstance(value, np.ndarray) and value.dtype == members[0].dtype and value.ndim == 1:
                    fused = Node(value, members[0].function, tuple(args))
        if fused is None:
            fused = self._packed(members)
        else:
            self.member.update({node: (fused, i) for i, node in enumerate(members)})
        self.blocks[members], self.unpacked[members] = fused, (self.joined, self.places)
        return fused

    def _depend(self, members: tuple[Node, ...]) -> bool:
        """Return whether one of `members` is computed from another, so that they can't run together."""
        first = min(self.order[node] for node in members)
        seen: set[Node] = set()
        stack = [part for node in members for part in node.parts]
        while stack:
            node = stack.pop()
            if node in members:
                return True
            if node not in seen and self.order.get(node, first) > first:
                seen.add(node)
                stack += node.parts
        return False

    def _packed(self, members: tuple[Node, ...]) -> Node:
        """The call of `pack`: of a product with the columns of both, for what is joined and was computed so."""
        places, parts = [], []
        for i, (node, place) in enumerate(zip(members, self.places, strict=True)):
            product = node.args[0] if node.function is columns_of else None
            other = members[i + 1] if i in self.joined else members[i - 1] if i - 1 in self.joined else None
            if product is None or other is None or other.function is not columns_of or other.args[0] is not product:
                places.append(place)
                parts.append(node)
            else:
                self.columns.append((node, place, members))
                if i in self.joined:
                    places.append(Place(place.start, product.shape))
                    parts.append(product)
        return Node(pack(places, *(part.value for part in parts)), pack, (tuple(places), *parts))

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
        matrices: dict[tuple[Any, ...], Node] = {}  # of W and b beside each other, in a block
        for members, block in self.blocks.items():
            joined, places = self.unpacked[members]
            for node, place in zip(members, places, strict=True):
                if node in self.member and self.member[node][0] is block:
                    single[node] = Node(node.value, unpack, (block, *place), name=node.name)
            for i in joined:
                W, b = members[i : i + 2]
                place = Place(places[i].start, (W.shape[0], W.shape[1] + 1))
                matrices[W, b] = Node(unpack(block.value, *place), unpack, (block, *place))
        for node, place, members in self.columns:
            single[node] = Node(node.value, unpack, (self.blocks[members], *place), name=node.name)
        for node in self.old.nodes:
            if node.function is beside and node.args in matrices:
                single[node] = matrices[node.args]
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
    """Use the first of each group of equal numbers for all, as of the step counts of Adam, and guard that they are.

    Numbers that the program does not read, as of a parameter that is frozen, stay out of it.
    """
    uses = program.uses()
    read = [[node for node in group if uses[node]] for group in groups]
    same = {node: group[0] for group in read for node in group[1:] if node.value == group[0].value}
    if not same:
        return program
    equal = [Node(True, operator.eq, (first, node)) for node, first in same.items()]
    found = _substituted(program, same)
    found.nodes = [*equal, *found.nodes]
    found.guards += [Guard(node, bool, True, "tracing/blocks.py: counters differ", Stale) for node in equal]
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
    """Blocks of arrays at some places; `owners` finds a block by the identity of its first view."""

    places: Sequence[Place]
    dtype: np.dtype
    owners: dict[int, Entry]

    def __init__(self, places: Iterable[tuple[Any, ...]], dtype: np.dtype, owners: dict[int, Entry]):
        self.places, self.dtype, self.owners = [Place(*place) for place in places], dtype, owners
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
        ends = [
            start + (shape[0] - 1) * stride + shape[1] if stride else start + math.prod(shape)
            for start, shape, stride in self.places
        ]
        block = np.zeros(max(ends), self.dtype)
        views = tuple([unpack(block, *place) for place in self.places])
        entry = Entry(block, views, 0)
        del block, views
        entry = entry._replace(references=getrefcount(entry[0]) + sum(map(getrefcount, entry[1])))
        if len(self.entries) < _MOST:
            self.entries.append(entry)
            self.owners[id(entry.views[0])] = entry
        return entry

    def locate(self, arrays: tuple[Any, ...]) -> Entry:
        """The block that has `arrays` as its first views, or a copy of them in a block."""
        entry = self.owners.get(id(arrays[0]))
        if entry is None or not all(map(operator.is_, arrays, entry[1])):
            entry = self.acquire()
            for view, array in zip(entry.views, arrays, strict=False):
                view[...] = array
        return entry


_MOST = 4  # blocks in a pool: the old, the new, and some that the user still holds
