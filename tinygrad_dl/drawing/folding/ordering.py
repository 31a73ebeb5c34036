"""A Graph as a sequence in which what a loop computed comes again and again, with the calls of Modules as brackets.

A depth-first order, such as a Graph's own, tears loops apart: in an unrolled recurrent net the products with the
inputs all come first, the last step's before the first step's. Here an operation comes as soon as its operands are
there, as in the program; and what needs leaves only, when it is needed. What a Module computed stays together.
`rolling.py` looks for repeated blocks in this sequence. Nothing here knows of pictures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import primitives
from ...core.tensor import Tensor
from ...graph.nodes import Graph

OPERATION, OPEN, CLOSE = 0, 1, 2
_NEAR = 10  # operations from the leaves


class Sequence:
    """The operations of a graph and the brackets of its scopes, as arrays over the places in the sequence.

    Raises nothing: a scope that can't stand together, as other nodes are in between, is left out.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self.codes = _codes(graph)  # of nodes: equal for what looks the same
        self.scopes = Scopes(graph)
        self.tails, self.heads, self.argnums = edges_of(graph)
        levels = None
        while levels is None:  # each time without some scopes, until what is left can stand together
            levels = _Levels(graph, self.codes, self.scopes).orders
        self._lay_out(levels)

    def _lay_out(self, levels: dict[int, list[int]]) -> None:
        count = len(self.graph.nodes)
        what: list[int] = []  # OPERATION, OPEN, CLOSE
        which: list[int] = []  # the node, or the scope
        stack = [(-1, iter(levels[-1]))]
        while stack:
            scope, items = stack[-1]
            for item in items:
                if item >= count:
                    what.append(OPEN)
                    which.append(item - count)
                    stack.append((item - count, iter(levels[item - count])))
                    break
                what.append(OPERATION)
                which.append(item)
            else:
                stack.pop()
                if scope >= 0:
                    what.append(CLOSE)
                    which.append(scope)
        self.what, self.which = np.array(what, np.int64), np.array(which, np.int64)
        self.length = len(what)
        places = np.arange(self.length)
        self.is_operation = self.what == OPERATION
        self.place = np.full(count, -1)  # of an operation
        self.place[self.which[self.is_operation]] = places[self.is_operation]
        self.opening = np.full(len(self.scopes.parents), -1)  # of a scope
        self.opening[self.which[self.what == OPEN]] = places[self.what == OPEN]
        self.depth = np.concatenate([[0], np.cumsum((self.what == OPEN).astype(int) - (self.what == CLOSE))])


def edges_of(graph: Graph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The operand, the operation and the number of the argument, of each edge.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0])
    >>> [array.tolist() for array in edges_of(Graph([x + x]))]
    [[0, 0], [1, 1], [0, 1]]
    """
    flat = [(tail, node.index, argnum) for node in graph.nodes for tail, argnum in node.operands]
    edges = np.array(flat, np.int64).reshape(-1, 3)
    return edges[:, 0], edges[:, 1], edges[:, 2]


# ---- what looks the same

_digits = re.compile(r"\d+")


def unnumbered(name: str | None) -> str | None:
    """A name without its numbers: `layers.0` and `layers.2` are two of one kind, `encoder` and `decoder` are not."""
    return _digits.sub("#", name) if name else None


def _codes(graph: Graph) -> list[int]:
    """An integer for each node: the same for the same function, constants, shapes, dtypes and kind of name."""
    known: dict[Any, int] = {}
    forms: list[int] = []  # of the values: shape and dtype
    codes: list[int] = []
    for node in graph.nodes:
        value = node.value
        array = value._value if type(value) is Tensor else value
        form: Any = (array.shape, array.dtype) if type(array) is not tuple else None
        if form == (None, None) or form is None or form[0] is None:  # several outputs
            form = tuple([(part.shape, part.dtype) for part in array])
        forms.append(known.setdefault(form, len(known)))
        name = getattr(value, "name", None)
        key: tuple = (node.kind, forms[-1], unnumbered(name) if name else None)
        if node.kind == "operation":
            key += (value._function, *[(argnum, forms[index]) for index, argnum in node.operands])
            if value._kwargs or len(node.operands) != len(value._args):
                key += (_constants(value, {argnum for _, argnum in node.operands}),)
        codes.append(known.setdefault(key, len(known)))
    return codes


def _constants(value: Tensor, drawn: set[int]) -> tuple:
    """The arguments that are not operands. A label shortens them: 0.3333333 and 0.3333334 are the same in it."""
    positional = [(argnum, _frozen(arg)) for argnum, arg in enumerate(value._args) if argnum not in drawn]
    return (*positional, *[(key, _frozen(arg)) for key, arg in primitives.shown(value._kwargs).items()])


def _frozen(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *map(_frozen, value))
    if isinstance(value, slice):
        return ("slice", _frozen(value.start), _frozen(value.stop), _frozen(value.step))
    if getattr(value, "ndim", 0) > 0:
        return ("array", value.shape, str(value.dtype))  # each step of a loop may have indices of its own
    if value is None or isinstance(value, (int, str)):
        return (type(value), value)
    if isinstance(value, Callable):  # type: ignore[arg-type]
        return ("callable", id(value))
    return (type(value), repr(value))


# ---- scopes, by their place in graph.scopes


class Scopes:
    """The scopes by number: `parents` (-1 for none), `depths`, `codes`, and `of`, the scope of each node."""

    def __init__(self, graph: Graph):
        numbers = {id(scope): number for number, scope in enumerate(graph.scopes)}
        self.parents = [-1 if scope.parent is None else numbers[id(scope.parent)] for scope in graph.scopes]
        self.of = [-1 if node.scope is None else numbers[id(node.scope)] for node in graph.nodes]
        self.depths = _depths(self.parents)
        self.codes: list[int] = []
        known: dict[Any, int] = {}
        texts: dict[int, str] = {}
        for scope, depth in zip(graph.scopes, self.depths, strict=True):
            module = scope.module
            if id(module) not in texts:
                texts[id(module)] = scope.text
            key = (type(module), texts[id(module)], unnumbered(scope.name), depth)
            self.codes.append(known.setdefault(key, len(known)))

    def dissolve(self, gone: set[int]) -> None:
        """What is directly in one of the scopes `gone` is in its parent from now on."""
        up = list(range(len(self.parents)))
        for number, parent in enumerate(self.parents):  # parents come before what is in them
            if number in gone:
                up[number] = parent if parent < 0 else up[parent]
        self.of = [number if number < 0 else up[number] for number in self.of]
        self.parents = [parent if parent < 0 else up[parent] for parent in self.parents]
        self.depths = _depths(self.parents)


def _depths(parents: list[int]) -> list[int]:
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent < 0 else depths[parent] + 1)
    return depths


# ---- the order in each scope


class _Levels:
    """For each scope, -1 for the outside, the operations and, as numbers from `count` on, the scopes in it, in order.

    `orders` is None if that can't be, as some scopes and other nodes need each other; these are dissolved then.
    """

    def __init__(self, graph: Graph, codes: list[int], scopes: Scopes):
        self.scopes, self.count = scopes, len(graph.nodes)
        total = self.count + len(scopes.parents)
        self.operands: list[list[int]] = [[] for _ in range(total)]
        self.users: list[list[int]] = [[] for _ in range(total)]
        self.codes = codes + [-1 - code for code in scopes.codes]
        self.ranks = [0] * total  # the longest way from a leaf
        self.heights = [0] * total  # the longest way to an end
        self._connect(graph)
        self._votes: dict[tuple[int, int], int] = {}  # how deep the operands of what looks the same are, all together
        for code, operands in zip(self.codes, self.operands, strict=True):
            if len(operands) > 1:
                for position, x in enumerate(operands):
                    self._votes[code, position] = self._votes.get((code, position), 0) + self.ranks[x]
        self._emitted, self._expanded = bytearray(total), bytearray(total)
        self.orders: dict[int, list[int]] | None = {-1: []}
        for level, ends in self._ends(graph).items():
            order, cycle = self._ordered(ends)
            if cycle:
                scopes.dissolve(cycle)
                self.orders = None
                return
            self.orders[level] = order

    def _connect(self, graph: Graph) -> None:
        operations = [node for node in graph.nodes if node.kind == "operation"]
        is_operation = [node.kind == "operation" for node in graph.nodes]
        of, ranks, heights, operands, users = self.scopes.of, self.ranks, self.heights, self.operands, self.users
        for node in operations:
            y = node.index
            for x, _ in node.operands:
                if is_operation[x]:
                    ranks[y] = max(ranks[y], ranks[x] + 1)
                    a, b = (x, y) if of[x] == of[y] else self._siblings(x, y)
                    operands[b].append(a)
                    users[a].append(b)
        for node in reversed(operations):
            for x, _ in node.operands:
                heights[x] = max(heights[x], heights[node.index] + 1)
        for node in operations:
            self._raise(node.index, of[node.index])
        for number, parent in reversed(list(enumerate(self.scopes.parents))):
            self._raise(self.count + number, parent)

    def _raise(self, item: int, scope: int) -> None:
        if scope >= 0:
            for ways in (self.ranks, self.heights):
                ways[self.count + scope] = max(ways[self.count + scope], ways[item])

    def _siblings(self, x: int, y: int) -> tuple[int, int]:
        """What of `x` and of `y`, the operations themselves or scopes around them, are in one scope."""
        parents, depths = self.scopes.parents, self.scopes.depths
        s, t = self.scopes.of[x], self.scopes.of[y]
        while s != t:
            deep_s, deep_t = depths[s] if s >= 0 else -1, depths[t] if t >= 0 else -1
            if deep_s >= deep_t:
                x, s = self.count + s, parents[s]
            if deep_t >= deep_s:
                y, t = self.count + t, parents[t]
        return x, y

    def _ends(self, graph: Graph) -> dict[int, list[int]]:
        """What nothing in the same scope needs, by scope. A scope without operations is in none."""
        used = [False] * len(self.scopes.parents)
        items = [(node.index, self.scopes.of[node.index]) for node in graph.nodes if node.kind == "operation"]
        for _, scope in items:
            while scope >= 0 and not used[scope]:
                used[scope] = True
                scope = self.scopes.parents[scope]
        items += [(self.count + n, parent) for n, parent in enumerate(self.scopes.parents) if used[n]]
        ends: dict[int, list[int]] = {}
        for item, level in items:
            if not self.users[item]:
                ends.setdefault(level, []).append(item)
            else:
                ends.setdefault(level, [])
        return ends

    def _ordered(self, ends: list[int]) -> tuple[list[int], set[int]]:
        """The order of what `ends` need, themselves included; or the scopes in a cycle, if it has one.

        What is wanted is had by way of its deepest operand first. Whatever then has all its operands comes next.
        """
        emitted, expanded, ranks = self._emitted, self._expanded, self.ranks
        pending: dict[int, int] = {}
        order: list[int] = []
        wanted = sorted(reversed(ends), key=ranks.__getitem__)
        if not ends:
            return [], set(range(len(self.scopes.parents)))
        while wanted:
            item = wanted[-1]
            if emitted[item]:
                wanted.pop()
                continue
            missing = self._missing(item)
            if not missing:
                wanted.pop()
                self._emit(item, pending, order)
            elif expanded[item]:  # it is further down in the stack, waiting for what now waits for it
                waiting = {x - self.count for x in wanted if x >= self.count and expanded[x] and not emitted[x]}
                return [], waiting or set(range(len(self.scopes.parents)))
            else:
                expanded[item] = True
                wanted += missing
        return order, set()

    def _missing(self, item: int) -> list[int]:
        """The operands of `item` that have no place yet, the deepest last.

        Near the leaves the ways to a state and to an input are equally short: there the later steps of a loop decide.
        """
        emitted, operands, ranks = self._emitted, self.operands[item], self.ranks
        if len(operands) < 2:
            return [x for x in operands if not emitted[x]]
        code, votes = self.codes[item], self._votes
        missing = [(max(ranks[x], _NEAR), votes[code, k], -k, x) for k, x in enumerate(operands) if not emitted[x]]
        return [x for *_, x in sorted(missing)]

    def _emit(self, item: int, pending: dict[int, int], order: list[int]) -> None:
        """Emit `item` and whatever has all its operands then: the users that soon come to an end first."""
        emitted, users, operands, heights = self._emitted, self.users, self.operands, self.heights
        ready = [item]
        while ready:
            item = ready.pop()
            emitted[item] = True
            order.append(item)
            fired = []
            for user in users[item]:
                left = pending.pop(user, 0) or len(operands[user])
                if left > 1:
                    pending[user] = left - 1
                else:
                    fired.append(user)
            if len(fired) > 1:
                if len(fired) > 2:  # of one kind, one may be for each step of a loop: each waits for its step
                    kinds = Counter(self.codes[user] for user in fired)
                    fired = [user for user in fired if kinds[self.codes[user]] < 3]
                fired.sort(key=lambda user: (-heights[user], self.codes[user]))
            ready += fired
