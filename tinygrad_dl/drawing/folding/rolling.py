"""Repeated blocks in the sequence of a graph: where they start, how long they are, how often they come.

A repetition is what follows a block at the distance of its length and is like it: the same functions, constants,
shapes, dtypes and Modules; each operand as far back as in the block before and like it there, or the very same node;
and leaves of its own where the other one has leaves of its own. Only what the first repetition takes from outside,
where the next ones take what the one before gave, such as the first state of a recurrent net, may be anything of that
shape.

What a repetition other than the last gives to the outside, each gives. An output is given by the last one only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .ordering import OPEN, Sequence

_LEAST = 2  # as many operations a roll has to save: a frame around one of a pair says less than the pair
_FEW = 50  # rolls between which it is worth to look again
_MOST = 1000  # segments looked at in one go: those that save most
_LONGEST_GRAM = 1024
_RARE = 16  # of as many places of a block, one has its like first in the next block; inner blocks have the others
_PERIODS = 8  # tried for each length of grams
_REL, _SAME, _UNLIKE = 1, 2, 3


class Roll(NamedTuple):
    """`repeats` times `period` places from `start`; `level` is how many other rolls it is in."""

    start: int
    period: int
    repeats: int
    level: int

    @property
    def end(self) -> int:
        """The place after its last."""
        return self.start + self.period * self.repeats


def rolls_of(sequence: Sequence) -> list[Roll]:
    """The rolls in `sequence`, outer ones first; inner ones in the first repetition of the outer one only.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.graph.nodes import Graph
    >>> A = tg.parameter(np.ones((2, 2)))
    >>> for _ in range(5):
    ...     A = np.tanh(tg.parameter(np.ones((2, 2))) @ A)
    >>> rolls_of(Sequence(Graph([A])))
    [Roll(start=0, period=2, repeats=5, level=0)]
    """
    finder = _Finder(sequence)
    rolls: list[Roll] = []
    work: list[tuple[int, int, int, tuple[int, ...]]] = [(0, sequence.length, 0, (0,))]
    budget = 64 * sequence.length + 500_000
    while work and budget > 0:
        low, high, level, twins = work.pop()
        periods = finder.periods(low, high)
        budget -= (high - low + 500) * (len(periods) + 1) * len(twins)
        found = sorted(finder.found(low, high, periods, level, twins))
        rolls += found
        for roll in found:  # each repetition has to have what is found in the first: the second stands for the others
            inner = (*twins, *[twin + roll.period for twin in twins])
            work.append((roll.start, roll.start + roll.period, level + 1, inner))
        if 0 < len(found) <= _FEW:
            starts, ends = [roll.start for roll in found], [roll.end for roll in found]
            work += [(a, b, level, twins) for a, b in zip([low, *ends], [*starts, high], strict=True)]
    return sorted(rolls, key=lambda roll: (roll.level, roll.start))


class _Segment(NamedTuple):
    """Places from `starts` on that are as those `period` on, up to `stop`: a roll may start in intervals (a, b]."""

    saved: int
    period: int
    stop: int
    starts: tuple[tuple[int, int], ...]


class _Finder:
    """The sequence with its operands in its own order: edges of place p are first[p] to first[p + 1]."""

    def __init__(self, sequence: Sequence):
        self.depth, self.is_operation = sequence.depth, sequence.is_operation
        nodes, count = sequence.graph.nodes, sequence.length
        which, what = sequence.which, sequence.what
        scope_codes = np.array([*sequence.scopes.codes, 0])
        node_codes = np.array([*sequence.codes, 0])
        safe = np.where(self.is_operation, which, -1)
        scope_code = scope_codes[np.where(self.is_operation, -1, which)]
        code = np.where(self.is_operation, node_codes[safe] * 3, scope_code * 3 + what)
        # what is in scopes to different depths is different, so a block has whole scopes if its ends are as deep
        self.code = np.unique(code * (int(self.depth.max(initial=0)) + 1) + self.depth[:-1], return_inverse=True)[1]
        self.is_output = np.zeros(count, bool)
        self.is_output[self.is_operation] = [nodes[n].is_output for n in which[self.is_operation].tolist()]
        self.opens = what == OPEN
        order = np.argsort(sequence.place[sequence.heads], kind="stable")
        self.operand = sequence.tails[order]
        self.owner = sequence.place[sequence.heads[order]]
        self.first = np.searchsorted(self.owner, np.arange(count + 1))
        self._anchor(sequence, node_codes)

    def _anchor(self, sequence: Sequence, node_codes: np.ndarray) -> None:
        """Where each operand belongs: an operation has its place, a leaf is where it is used first."""
        source = sequence.place[self.operand]
        is_leaf = source < 0
        self.source = source  # -1 for a leaf
        slot = np.arange(len(self.owner)) - self.first[self.owner]
        _, firsts, inverse, uses = np.unique(self.operand, return_index=True, return_inverse=True, return_counts=True)
        self.anchor = np.where(is_leaf, self.owner[firsts][inverse], source)
        kinds = np.stack([node_codes[self.operand], uses[inverse], slot[firsts][inverse]])
        self.kind = np.where(is_leaf, numbered(kinds), -1 - self.code[source])
        takes = np.zeros(len(self.code), bool)
        takes[self.owner[is_leaf]] = True
        self.begins = self.opens * 2 + (takes & ~np.concatenate([[False], takes[:-1]]))
        inner = np.flatnonzero(~is_leaf)
        nearest = np.full(len(self.code), -1)
        np.maximum.at(nearest, self.owner[inner], source[inner])
        back = np.where(nearest >= 0, np.arange(len(self.code)) - nearest, 0)
        self.wired = numbered(np.stack([self.code, back]))  # the code, and how far back the nearest operand is
        self.ends = source[inner], self.owner[inner]
        self.by_source = np.argsort(source[inner], kind="stable")

    # ---- which periods there may be

    def periods(self, low: int, high: int) -> list[int]:
        """Distances from which places on things look the same often enough to be worth a closer look."""
        found: dict[int, None] = {}
        for codes in (self.code, self.wired):
            grams, width = codes[low:high], 1
            while len(grams) > 1 and width <= _LONGEST_GRAM:
                distances = _distances(grams)
                counts = np.bincount(distances, minlength=1)
                sizes = np.arange(len(counts))
                often = np.flatnonzero((counts * _RARE >= sizes) & (counts > 0) & (sizes * 2 <= high - low))
                best = often[np.argsort(-counts[often], kind="stable")][:_PERIODS]
                found.update(dict.fromkeys(best.tolist()))
                if not len(best) or counts[best[0]] >= 0.9 * len(grams):
                    break
                grams = numbered(np.stack([grams[:-width], grams[width:]]))
                width *= 2
        return list(found)

    # ---- what is like what

    def _compared(self, low: int, high: int, period: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether each place looks like that a period on; and how its operands compare, for edges `e` and theirs."""
        alike = self.code[low : high - period] == self.code[low + period : high]
        a, b = self.first[low], self.first[high - period]
        how = np.full(b - a, _UNLIKE, np.int8)
        partner = np.zeros(b - a, np.int64)
        owner = self.owner[a:b]
        e = np.flatnonzero(alike[owner - low])
        o = owner[e]
        e2 = e + a - self.first[o] + self.first[o + period]
        e1 = e + a
        rel = (self.anchor[e2] - self.anchor[e1] == period) & (self.kind[e1] == self.kind[e2])
        how[e] = np.where(rel, _REL, np.where(self.operand[e1] == self.operand[e2], _SAME, 0))
        partner[e] = e2
        return alike, how, partner

    def _failures(
        self, low: int, high: int, period: int, twins: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Whether places look alike; and the places that are wired otherwise, with where a roll may start even so."""
        alike, how, partner = self._compared(low, high, period)
        a = self.first[low]
        owner = self.owner[a : a + len(how)]
        for twin in twins[1:]:
            alike_twin, how_twin, _ = self._compared(low + twin, high + twin, period)
            alike = alike & alike_twin
            if len(how_twin) != len(how):
                alike = alike & False
            else:
                alike[owner[how != how_twin] - low] = False
        following = np.append(how, np.int8(_UNLIKE))[np.clip(partner - a, 0, len(how))]
        steady = (following == how) | (following == _UNLIKE) | (following == 0)
        e = np.flatnonzero((how != _UNLIKE) & alike[owner - low] & ~((how != 0) & steady))
        at, e1, e2 = owner[e], e + a, partner[e]
        # it takes from outside where the next repetition takes from it: then it is in the first one
        above = np.maximum(np.maximum(self.anchor[e2], at) - period, self.source[e1])
        upto = np.minimum(self.anchor[e2], at)
        places, starts = np.unique(at, return_index=True)
        if len(places):
            above, upto = np.maximum.reduceat(above, starts), np.minimum.reduceat(upto, starts)
        return alike, places, above, upto

    def _segments(self, low: int, high: int, period: int, twins: tuple[int, ...]):
        alike, places, above, upto = self._failures(low, high, period, twins)
        edges = np.diff(np.concatenate([[0], alike.astype(np.int8), [0]]))
        begins, ends = np.flatnonzero(edges == 1) + low, np.flatnonzero(edges == -1) + low
        long = ends - begins >= period
        for begin, end in zip(begins[long].tolist(), ends[long].tolist(), strict=True):
            i, j = np.searchsorted(places, [begin, end]).tolist()
            stops = [*places[i:j].tolist(), end]
            lengths = np.diff([begin - 1, *stops]) - 1
            for k in np.flatnonzero(lengths >= period).tolist() + ([j - i] if lengths[-1] < period else []):
                u = stops[k - 1] + 1 if k else begin
                segment = self._reaching_back(begin, u, stops[k], period, places, above, upto, i + k)
                if segment:
                    yield segment

    def _reaching_back(self, begin, u, stop, period, places, above, upto, failure) -> _Segment | None:
        """The segment from `u` to `stop`, and where a roll may start before `u`, with failures in its first block."""
        last = min(u + period - 1, stop - period)
        starts = [(u - 1, last)] if last >= u else []
        bottom, top, failure = begin - 1, stop - period, failure - 1
        while failure >= 0 and places[failure] >= max(begin, u - period):
            bottom, top = max(bottom, int(above[failure])), min(top, int(upto[failure]))
            if bottom >= top:
                break
            before = max(bottom, int(places[failure - 1]) if failure else -1)
            if before < top:
                starts.append((before, top))
            failure -= 1
        if not starts:
            return None
        saved = (stop - min(before for before, _ in starts) - 1) // period * period
        return _Segment(saved, period, stop, tuple(starts))

    # ---- which blocks to take

    def found(self, low: int, high: int, periods: list[int], level: int, twins: tuple[int, ...]) -> list[Roll]:
        """Rolls that save most and don't overlap."""
        segments = [segment for period in periods for segment in self._segments(low, high, period, twins)]
        segments.sort(key=lambda segment: (-segment.saved, segment.period, segment.stop))
        taken = np.zeros(high - low, bool)
        rolls = []
        for segment in segments[:_MOST]:
            if taken[segment.stop - 1 - low]:
                continue
            start, repeats = self._settled(*self._start(segment), segment.period)
            end = start + repeats * segment.period
            saved = np.count_nonzero(self.is_operation[start : start + segment.period]) * (repeats - 1)
            if repeats >= 2 and saved >= _LEAST and not taken[start - low : end - low].any():
                taken[start - low : end - low] = True
                rolls.append(Roll(start, segment.period, repeats, level))
        return rolls

    def _start(self, segment: _Segment) -> tuple[int, int]:
        """Where a roll best starts, and how often it then repeats: where the fewest values go on from block to block.

        Then where a Module begins, or an operation with parameters after one without.
        """
        _, period, stop, intervals = segment
        starts = np.unique(np.concatenate([np.arange(a + 1, b + 1) for a, b in intervals]))
        starts = starts[self.depth[starts] == self.depth[starts[0] : stop + period + 1].min()]
        if not len(starts):
            return 0, 0
        repeats = 1 + (stop - starts) // period
        starts, repeats = starts[repeats >= repeats.max() - 1], repeats[repeats >= repeats.max() - 1]
        starts, repeats = starts[repeats >= 2], repeats[repeats >= 2]
        carried = self._carried(int(starts[0]), stop + period, starts + period, period) if len(starts) else starts
        order = np.lexsort([starts, -repeats, -self.begins[starts], carried])
        return (int(starts[order[0]]), int(repeats[order[0]])) if len(starts) else (0, 0)

    def _carried(self, low: int, high: int, bounds: np.ndarray, period: int) -> np.ndarray:
        """How many values of the block before each of `bounds` are used after it."""
        e = slice(self.first[low], self.first[min(high, low + 4 * period)])
        source, owner = self.source[e], self.owner[e]
        inner = source >= low
        last = np.zeros(high - low, np.int64)
        np.maximum.at(last, source[inner] - low, owner[inner] - low)
        producers = np.flatnonzero(last)
        change = np.zeros(high - low + 2, np.int64)
        np.add.at(change, producers + 1, 1)
        np.add.at(change, np.minimum(last[producers], producers + period) + 1, -1)
        return np.cumsum(change)[bounds - low]

    def _settled(self, start: int, repeats: int, period: int) -> tuple[int, int]:
        """The longest part of a roll in which all repetitions but the last are used alike from outside."""
        while repeats >= 2:
            end = start + period * repeats
            source, owner = self.ends
            i, j = np.searchsorted(source[self.by_source], [start, end])
            e = self.by_source[i:j]
            outside = source[e][owner[e] >= end]
            uses = np.bincount(outside - start, minlength=end - start).reshape(repeats, period)[:-1]
            outputs = np.logical_or.reduce(self.is_output[start:end].reshape(repeats, period)[:-1], axis=1)
            differs = np.logical_or.reduce(uses[1:] != uses[:-1], axis=1) | outputs[1:] | outputs[:-1]
            if not differs.any() and not outputs.any():
                return start, repeats
            cuts = np.concatenate([[0], np.flatnonzero(differs) + 1, [repeats - 1]])
            lengths = np.where(outputs[cuts[:-1]], 0, np.diff(cuts))
            best = int(np.argmax(lengths))
            start, repeats = start + int(cuts[best]) * period, int(lengths[best]) + 1
        return start, 0


def numbered(columns: np.ndarray) -> np.ndarray:
    """A number for each column, the same for the same columns."""
    numbers = np.zeros(columns.shape[1], np.int64)
    for row in columns:
        row = np.unique(row, return_inverse=True)[1]
        numbers = np.unique(numbers * (int(row.max(initial=0)) + 1) + row, return_inverse=True)[1]
    return numbers


def _distances(codes: np.ndarray) -> np.ndarray:
    """From each place to the next with the same code."""
    order = np.argsort(codes, kind="stable")
    same = codes[order[1:]] == codes[order[:-1]]
    return np.diff(order)[same]


class Unrolled(NamedTuple):
    """`first`: the place in first repetitions that each place is like. `innermost`: its innermost roll there, or -1."""

    first: np.ndarray
    innermost: np.ndarray
    crossing: np.ndarray  # of edges: whether they go from one repetition to another


def unrolled(sequence: Sequence, rolls: list[Roll]) -> Unrolled:
    """What each place of `sequence` stands for, and which edges go between repetitions."""
    first = np.arange(sequence.length)
    innermost = np.full(sequence.length, -1)
    tails, heads = sequence.place[sequence.tails], sequence.place[sequence.heads]
    inner = np.flatnonzero(tails >= 0)
    crossing = np.zeros(len(tails), bool)
    table = np.array([(roll.start, roll.period) for roll in rolls] or [(0, 1)])
    for level in range(max((roll.level for roll in rolls), default=-1) + 1):
        covering = np.full(sequence.length, -1)
        for number, roll in enumerate(rolls):
            if roll.level == level:
                covering[roll.start : roll.end] = number
                innermost[roll.start : roll.end] = number
        roll_of = covering[first]
        starts, periods = table[roll_of].T
        turn = np.where(roll_of >= 0, (first - starts) // periods, 0)
        tail, head = tails[inner], heads[inner]
        crossing[inner] |= (roll_of[tail] == roll_of[head]) & (turn[tail] != turn[head])
        first = np.where(roll_of >= 0, starts + (first - starts) % periods, first)
    return Unrolled(first, innermost, crossing)
