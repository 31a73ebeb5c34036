"""The items of a picture: operations, calls of Modules, and runs of blocks with equal structure.

A block equals the one before it if its operations look the same, in the same Modules, and if each of its operands is

- the same node, from before the run or a leaf;
- as far back as in the block before: in the block itself, in the one before, or its own leaf;
- for all blocks at one distance before the run, and drawn as one unit there.

The first block may take any value from before the run where the others take one of the block before: the initial state
of a recurrent net. Behind the run, the values of all blocks are used alike; but where a value goes on from block to
block, that of the last one is free, and may be an output of the graph.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...graph.module_calls import ModuleCall
from .programs import Program, Source

_LEAST = 2  # operations that a run has to save: a frame around one of a pair is no shorter than the pair


class Item(NamedTuple):
    """The operations from `start` to `stop` in the program: one of them, a call of a Module, or a run.

    `parts` are the items that are drawn in a frame for it, of a run those of its first block; an operation and a
    summed-up Module have none. `depth` counts the calls around that of `scope`.
    """

    start: int
    stop: int
    code: int
    parts: tuple[Item, ...] = ()
    scope: ModuleCall | None = None
    depth: int = 0
    repeats: int = 1


class Plan:
    """The `items` of a picture of `program`, Modules summed up from `depth` on and, if `rolled`, runs merged.

    `first` has for each node the one that stands for it, in the first block of its runs; `crossing` the edges from one
    block to the next, each as (tail, head, argnum).

    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.graph.nodes import Graph
    >>> A = tg.parameter(np.ones((2, 2)))
    >>> for _ in range(5):
    ...     A = np.tanh(tg.parameter(np.ones((2, 2))) @ A)
    >>> [(item.start, item.stop, item.repeats) for item in Plan(Program(Graph([A])), rolled=True).items]
    [(0, 10, 5)]
    """

    program: Any
    depth: int | None
    rolled: bool
    first: list[int]
    items: Any

    def __init__(self, program: Program, depth: int | None = None, rolled: bool = False):
        self.program, self.depth, self.rolled = program, depth, rolled
        self.first = list(range(len(program.graph.nodes)))
        self.crossing: set[tuple[int, int, int]] = set()
        self._budget = 20 * len(program.operations) + 100_000  # comparisons of operations: less than a second
        self.items = self._tree()

    # ---- Modules

    def _tree(self) -> list[Item]:
        """The items outside of all Modules; consecutive operations of one call are in one item."""
        open_calls: list[tuple[ModuleCall | None, list[Item]]] = [(None, [])]
        for place, node in enumerate(self.program.operations):
            path = node.scope.path if node.scope else []
            common = 0
            while common < min(len(path), len(open_calls) - 1) and open_calls[common + 1][0] is path[common]:
                common += 1
            self._close(open_calls, common)
            open_calls += [(scope, []) for scope in path[common:]]
            open_calls[-1][1].append(Item(place, place + 1, self.program.looks[node.index]))
        self._close(open_calls, 0)
        return self._merge_repeats(open_calls[0][1])

    def _close(self, open_calls: list[tuple[ModuleCall | None, list[Item]]], depth: int) -> None:
        while len(open_calls) > depth + 1:
            scope, items = open_calls.pop()
            open_calls[-1][1].append(self._call(scope, items, len(open_calls) - 1))

    def _call(self, scope: ModuleCall | None, items: list[Item], depth: int) -> Item:
        assert scope is not None
        program, start, stop = self.program, items[0].start, items[-1].stop
        has_outputs = any(node.is_output for node in program.operations[start : stop - 1])
        if self.depth is not None and depth >= self.depth and not has_outputs:
            looks = tuple([program.looks[node.index] for node in program.operations[start:stop]])
            return Item(start, stop, program.number((program.look_of(scope), looks)), (), scope, depth)
        parts = tuple(self._merge_repeats(items))
        code = program.number((program.look_of(scope), "frame", tuple([part.code for part in parts])))
        return Item(start, stop, code, parts, scope, depth)

    # ---- runs

    def _merge_repeats(self, items: list[Item]) -> list[Item]:
        """`items` with runs in place of repeated blocks: of short blocks first, so that longer ones may have runs."""
        period = 1
        codes = np.array([item.code for item in items])
        while self.rolled and 2 * period <= len(items) and self._budget > 0:
            equal = codes[period:] == codes[:-period]
            ends = np.flatnonzero(np.append(~equal, True))
            lengths = np.diff(ends, prepend=-1) - 1
            runs: list[tuple[int, int]] = []
            done = 0  # the end of the last run, where the next one may begin
            for end, length in zip(ends[lengths >= period].tolist(), lengths[lengths >= period].tolist(), strict=True):
                low, high = max(end - length, done), end + period
                is_long = low + period < high and items[high - 1].stop - items[low + period].start >= _LEAST
                # equal items may have become a run of shorter blocks, which the next turn finds
                if is_long and not (runs and (codes[low:high] == codes[low]).all()):
                    runs += self._runs(items, period, low, high)
                    done = runs[-1][0] + runs[-1][1] * period if runs else 0
            if runs:
                items = self._replace_runs(items, period, runs)
                codes = np.array([item.code for item in items])
                period = 0
            period += 1
        return items

    def _runs(self, items: list[Item], period: int, low: int, high: int) -> list[tuple[int, int]]:
        """The starts of runs of blocks of `period` items between `low` and `high`, with their repetitions."""
        runs = []
        while self._budget > 0 and low + 2 * period <= high:
            times = self._repeats(items, period, low, high)
            size = items[low + period].start - items[low].start
            if size * (times - 1) < _LEAST:
                low += 1
                continue
            if not self._begins(items, low):
                for other in range(low + 1, min(low + period, high - period * times + 1)):
                    if self._begins(items, other) and self._repeats(items, period, other, high) >= times:
                        low = other
                        break
            self._merge(items[low].start, size, times)
            runs.append((low, times))
            low += period * times
        return runs

    def _begins(self, items: list[Item], number: int) -> bool:
        """Return True for a likely start of a block: a Module, or an operation on a leaf after one without."""
        before, item = items[max(number - 1, 0)], items[number]
        takes_leaf = [any(source.slot >= 0 for source in self.program.sources[x.start]) for x in (before, item)]
        return item.scope is not None or (takes_leaf[1] and (number == 0 or not takes_leaf[0]))

    def _repeats(self, items: list[Item], period: int, number: int, high: int) -> int:
        """The number of consecutive repetitions of the block of `period` items that starts at `number`."""
        start, times = items[number].start, 1
        self._budget -= 1
        size = items[number + period].start - start
        steps: dict[tuple[int, int], Any] = {}
        while number + (times + 1) * period <= high and self._equals(start, size, times, steps):
            if times > 1 and not self._has_equal_uses(start + size * (times - 1), size, steps):
                return times if times > 2 else 1
            times += 1
        return times - (times > 1 and not self._has_equal_uses(start + size * (times - 1), size, steps, True))

    def _equals(self, start: int, size: int, times: int, steps: dict) -> bool:
        """Return True if block number `times`, of `size` operations, has operands like those of the block before.

        `steps` has how much further on each operand is than that of the block before: as much for all of them.
        """
        operations, sources = self.program.operations, self.program.sources
        for place in range(start + times * size, start + (times + 1) * size):
            self._budget -= 1
            if operations[place - size].is_output:
                return False
            for slot, (source, before) in enumerate(zip(sources[place], sources[place - size], strict=True)):
                step = self._step(source, before, start, size, times)
                if step is None or steps.setdefault(((place - start) % size, slot), step) != step:
                    return False
        return True

    def _step(self, source: Source, before: Source, start: int, size: int, times: int) -> int | None:
        """The distance in the program from `before` to `source`; None if the two are not equal operands."""
        looks, first = self.program.looks, self.first
        if source.slot == before.slot and looks[source.node] == looks[before.node]:
            step = source.place - before.place
            if source.node == before.node and (source.slot >= 0 or source.place < start):
                return 0
            if step == size and before.place >= start:
                return step
            if max(source.place, before.place) < start and first[source.node] == first[before.node]:
                return step
        enters = times == 1 and source.slot < 0 and start <= source.place < start + size
        return size if enters and (before.slot >= 0 or before.place < start) else None

    def _has_equal_uses(self, start: int, size: int, steps: dict, is_last: bool = False) -> bool:
        """Return True if the values of a block are used by the same later operations as those of the block before.

        Or to operations of the same role, as much further on for all blocks: `steps` has how much. In the last block,
        values that others pass on to the next are free.
        """
        users, roles = self.program.users, self.program.roles
        for place in range(start, start + size):
            goes_on = any(start <= user < start + size for user, _ in users[place - size])
            if goes_on and is_last:
                continue
            uses = [use for use in users[place] if use[0] >= start + size * (2 - is_last)]
            before = [use for use in users[place - size] if use[0] >= start + size]
            if len(uses) != len(before):
                return False
            for number, ((one, argnum), (other, argnum2)) in enumerate(zip(uses, before, strict=True)):
                key, step = ((place - start) % size, -1 - number), (one - other, argnum - argnum2)
                is_known = key in steps or not is_last
                is_like = is_known and argnum == argnum2 and roles[one][goes_on:] == roles[other][goes_on:]
                if steps.setdefault(key, step) != step or (one != other and not is_like):
                    return False
        return True

    def _merge(self, start: int, size: int, times: int) -> None:
        """Let the first block stand for all, and note the edges between blocks."""
        program, first = self.program, self.first
        for place in range(start + size, start + size * times):
            block, offset = divmod(place - start, size)
            node = program.operations[place]
            first[node.index] = first[program.operations[start + offset].index]
            sources = zip(program.sources[place], program.sources[start + offset], node.operands, strict=True)
            for source, model, operand in sources:
                if source.slot < 0 and start <= source.place < start + block * size:
                    self.crossing.add((operand.index, node.index, operand.argnum))
                elif source.slot >= 0:
                    first[source.node] = first[model.node]

    def _replace_runs(self, items: list[Item], period: int, runs: list[tuple[int, int]]) -> list[Item]:
        new, done = [], 0
        for number, times in runs:
            parts, end = tuple(items[number : number + period]), number + period * times
            code = self.program.number((times, tuple([part.code for part in parts])))
            run = Item(parts[0].start, items[end - 1].stop, code, parts, None, 0, times)
            new += [*items[done:number], run]
            done = end
        return new + items[done:]
