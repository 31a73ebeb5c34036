"""What differences say of a claim: right, wrong, or undecided, for each element of each argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from . import coordinates
from .arguments import Leaf
from .claim import Claim, Direction, mixed_signs, random_direction
from .comparison import Comparison, close
from .differences import EPS, STEPS, Slopes, quick_slopes
from .report import SHOWN, Mistake, Row

EVERY = 128  # an argument of at most this many coordinates has each of them checked
SWEEP = 24  # as many single ones of a larger argument, besides the projections of all
SINGLES = 1000  # if all arguments have more coordinates than this, single ones are shared among them
CORNERS = 32  # places close by where slopes are looked at, to find out about kinks
FAR = 1e-4  # one over the size of an x that is large
HUNT = 60  # directions to look into for the elements behind a wrong projection


def examine(
    claimed: Claim, leaves: Sequence[Leaf], order: int, modes: Sequence[str]
) -> tuple[list[Row], list[Mistake]]:
    """What differences say of the claim: a row a mode and argument, and the mistakes, worst first.

    The first argument and mode with a mistake is the last: what comes after may only inherit it.
    """
    rows: list[Row] = []
    if not claimed.x.size or not claimed.y.size:
        return rows, []
    for mode in modes:
        if mode == "vjp" or claimed.forward:
            examination = _Examination(claimed, leaves, order, mode)
            for mistakes in examination.stages(rows):
                if mistakes:
                    return rows, sorted(mistakes, key=lambda mistake: -mistake.relative_difference)
    return rows, []


class _Examination:
    """The check of the derivatives in one mode: argument by argument, and then of them all together."""

    def __init__(self, claimed: Claim, leaves: Sequence[Leaf], order: int, mode: str):
        self.claimed, self.leaves, self.order, self.mode = claimed, leaves, order, mode
        sizes = [coordinates.coordinates(leaf.value) for leaf in leaves]
        self.ends = np.cumsum(sizes)
        self.blocks = [np.arange(end - size, end) for end, size in zip(self.ends, sizes, strict=True)]
        self.J = claimed.gradients()
        self.rng = np.random.default_rng(0)
        self.sweep = max(4, min(SWEEP, SINGLES // len(leaves)))
        self.every = EVERY if claimed.x.size <= SINGLES else self.sweep

    def stages(self, rows: list[Row]) -> Iterator[list[Mistake]]:
        """The mistakes of one argument after the other, a row for each, and then those of all together."""
        looks, sampled = [], [np.zeros(0, dtype=int)]
        for leaf, block in zip(self.leaves, self.blocks, strict=True):
            if block.size:
                row, mistakes, look = self._argument(leaf, block)
                rows.append(row)
                looks.append(look)
                if block.size > self.every:
                    sampled.append(block)
                yield mistakes
        yield self._behind_projections(np.concatenate(sampled))
        if self.mode == "vjp":
            yield self._wrong_together(looks)
            yield self._not_linear()

    def _argument(self, leaf: Leaf, block: np.ndarray) -> tuple[Row, list[Mistake], Comparison]:
        few = block.size <= self.every
        singles = block if few else self._sample(block)
        if self.mode == "jvp" and few:
            singles = singles[np.sort(self.rng.permutation(singles.size)[: self.sweep])]
        look = self.look(_units(singles))
        how = f"{singles.size} of {block.size}" if singles.size < block.size else f"all {block.size}"
        how = how if few else f"{block.size} together, {singles.size} by themselves"
        tables = (look.kinks, look.undecided, ~look.undecided)
        kinks, undecided, decided = (int(np.any(table, axis=1).sum()) for table in tables)
        doubts = [self._mistake(*row) for row in look.rows_where(look.undecided)]
        row = Row(leaf.name, self.order, self.mode, how, look.worst(), kinks, undecided, decided, tuple(doubts[:SHOWN]))
        return row, self._mistakes(look), look

    def look(self, directions: Sequence[Direction], hunting: bool = False) -> Comparison:
        """Differences along `directions` beside what is claimed; if `hunting`, for what projections say is there."""
        found, claims = [], []
        for direction in directions:
            claim = self.claim(direction)
            slopes, doubtful = quick_slopes(self.claimed.along(direction), self.claimed.y)
            if len(direction.indices) > 1 or np.any(doubtful | ~close(slopes, claim)):
                slopes = self._careful_slopes(direction, claim, self.claimed.noise()[hunting])
            found.append(slopes)
            claims.append(claim)
        slopes = Slopes(*map(np.array, zip(*found, strict=True)))
        comparison = Comparison(self.claimed, directions, slopes, np.array(claims), self.mode)
        if np.any(comparison.wrong):
            self._leave_open_on_stairs(comparison)
            self._excuse_hidden_kinks(comparison)
        return comparison

    def _careful_slopes(self, direction: Direction, claim: np.ndarray, noise: np.ndarray) -> Slopes:
        """Slopes for the noise that was measured; for that of fine steps alone where only these agree with the claim.

        What looks like noise from afar may be a fast oscillation, which fine steps follow. A number far smaller than
        those beside it is moved by its own size too, where steps of their size leave a doubt.
        Where x is large, steps of a size of 1 are tried too: stairs of that size, as of a rounded x, slope from afar.
        """
        slopes = self.claimed.slopes(direction, noise)
        size = np.where(np.isfinite(claim), np.abs(claim), 0)
        for rounded in (np.abs(self.claimed.y), np.fmax(np.abs(self.claimed.y), size)):  # the value, or x as well
            if np.all(close(slopes, claim)):
                break
            fine = self.claimed.slopes(direction, EPS * rounded)
            better = ~close(slopes, claim) & close(fine, claim) & (fine.error < 1e-3 * size)
            slopes = _instead(better, fine, slopes)
        for shrink in self.claimed.own_sizes(direction):
            wrong = ~close(slopes, claim)
            doubtful = wrong | slopes.kink | (slopes.error > 1e-3 * size)
            if not np.any(doubtful):
                break
            fine = self.claimed.slopes(direction, EPS * np.abs(self.claimed.y), shrink)
            blind = shrink < STEPS[-4]  # all steps but three were longer than the number itself
            slopes = _instead(doubtful & (fine.error < 1e-2 * np.abs(fine.middle)) | wrong & blind, fine, slopes)
        unit = 1 / np.max(self.claimed.scale[direction.indices])
        if unit < FAR and np.all(self.claimed.own[direction.indices] == 1) and not np.all(close(slopes, claim)):
            fine = self.claimed.slopes(direction, EPS * np.abs(self.claimed.y), unit)
            bound = np.where(size > 0, 1e-3 * size, 1e-2 * np.abs(slopes.middle))
            better = ~close(slopes, claim) & close(fine, claim) & (fine.error < bound)
            slopes = _instead(better, fine, slopes)
        return slopes

    def claim(self, direction: Direction) -> np.ndarray:
        """What is claimed of the derivative along a direction."""
        if self.mode == "jvp":
            return self.claimed.tangent(direction)
        return self.J[:, direction.indices] @ direction.weights

    def _wrong_together(self, looks: Sequence[Comparison]) -> list[Mistake]:
        """Kinks of which each claim is a subgradient by itself, and all of them together are none.

        Of a maximum with ties, say, that passes its whole cotangent to each of the tied. Together the claims must lie
        among the slopes from both sides and those close by, at the corners where each kink is to one side.
        """
        for output in range(self.claimed.y.size):
            at = [(look, row) for look in looks for row in np.flatnonzero(look.slopes.kink[:, output]).tolist()]
            if len(at) < 2:
                continue
            direction = Direction(np.concatenate([look.directions[row].indices for look, row in at]), np.ones(len(at)))
            rising = np.sign([(look.slopes.right - look.slopes.left)[row, output] for look, row in at])
            corners = [rising, -rising, *self.rng.choice([-1, 1], (4, len(at)))]
            nearby = [
                self.claimed.slope_close_by(Direction(direction.indices, corner), direction) for corner in corners
            ]
            slopes = self.claimed.slopes(direction)
            claim = self.claim(direction)
            low = np.min([slopes.low, *nearby], axis=0)
            high = np.max([slopes.high, *nearby], axis=0)
            slopes = Slopes(low, high, slopes.error + 1e-3 * np.maximum(np.abs(low), np.abs(high)), slopes.steep)
            if not close(slopes, claim)[output]:
                return [self._mistake(direction, slopes, claim, output)]
        return []

    def _not_linear(self) -> list[Mistake]:
        """A pullback that is right for each unit cotangent, and not for a mixed one: it forgets the cotangent, say."""
        weights = self.rng.uniform(1.5, 2.5, self.claimed.y.size) * self.rng.choice([-1, 1], self.claimed.y.size)
        mixed, expected, size = self.claimed.gradient(weights), weights @ self.J, np.abs(weights) @ np.abs(self.J)
        off = np.nan_to_num(np.abs(mixed - expected), nan=0)
        bad = np.isfinite(expected) & (off > 1e-3 * size) & (off > 1000 * EPS * self.claimed.scale)  # and no rounding
        if np.any(bad):  # what cancels in a rule, as in (x - sin x) / x³, rounds off each cotangent in another way
            again = [self.claimed.gradient(weights * c) / c for c in 1 + 0.014 * np.arange(1, 8)]
            bad &= off > 4 * np.ptp([mixed, *again], axis=0)
        if not np.any(bad):
            return []
        worst = int(np.argmax(np.where(bad, off, 0)))
        slopes = Slopes(*(np.array([value[worst]]) for value in (expected, expected, 1e-9 * size, 0 * size)))
        mistake = self._mistake(_units(np.array([worst]))[0], slopes, mixed[[worst]], 0)
        times = f"{weights[0]:.3g} times the value" if weights.size == 1 else "a combination of the values"
        return [replace(mistake, output=times)]

    def _sample(self, block: np.ndarray) -> np.ndarray:
        """Coordinates to look at one by one: some at random, the largest gradients, the smallest, and some zeros."""
        size = np.max(np.abs(self.J[:, block]), axis=0)
        size = np.where(np.isfinite(size), size, np.inf)  # the largest of all
        rising = np.argsort(size, kind="stable")
        zeros = np.count_nonzero(size == 0)
        quarter = self.sweep // 4
        groups = (rising[-quarter:], rising[zeros:][:quarter], self.rng.permutation(rising[:zeros])[:quarter])
        anywhere = self.rng.permutation(block.size)
        return block[list(dict.fromkeys([*np.concatenate(groups), *anywhere]))[: self.sweep]]

    def _behind_projections(self, block: np.ndarray) -> list[Mistake]:
        """The mistakes behind random directions in the `block` that are wrong: each hundredfold range by itself.

        So one wrong number among many shows, as long as it is off by a ten-millionth of the sum of those like it.
        """
        size = np.max(np.abs(self.J[:, block]), axis=0, initial=0)
        level = np.where(np.isfinite(size) & (size > 0), np.floor(np.log10(size) / 2), -np.inf)
        mistakes: list[Mistake] = []
        for each in np.unique(level):
            for _ in range(2):
                mistakes = mistakes or self._hunt(block[level == each])
        return mistakes

    def _hunt(self, indices: np.ndarray) -> list[Mistake]:
        """The mistakes among `indices`, by halving what a random direction finds to be wrong."""
        queue = [random_direction(indices, self.rng)]
        mistakes: list[Mistake] = []
        for _ in range(HUNT):
            if not queue or len(mistakes) >= 3:
                break
            direction = queue.pop()
            look = self.look([direction], hunting=True)
            tolerance = 1e-12 * np.abs(self.J[:, direction.indices]) @ np.abs(direction.weights)
            if np.all(look.slopes.distance(look.claims) <= 3 * look.slopes.error + tolerance):
                continue
            if direction.indices.size <= 4:
                mistakes += self._mistakes(self.look(_units(direction.indices), hunting=True))
                continue
            halves = zip(np.array_split(direction.indices, 2), np.array_split(direction.weights, 2), strict=True)
            queue += [Direction(*half) for half in halves]
        return mistakes

    def _leave_open_on_stairs(self, look: Comparison) -> None:
        """What looks wrong is undecided where the function goes by stairs that slope, and differences saw one of them.

        So does (1 - cos x) / x² at 1e-7, 1 % of x at a time: the cosine is rounded, and what it is divided by is not.
        """
        for row, output in np.argwhere(look.wrong & ~look.slopes.kink).tolist():
            slope = look.slopes.middle[row, output]
            off = abs(look.claims[row, output] - slope)
            rise = 4 * self.claimed.stairs(look.directions[row], slope, off, output)
            if not slope or not off <= rise:
                return  # there is a mistake, and no need to look at more
            look.wrong[row, output], look.undecided[row, output] = False, True
            look.slopes.error[row, output] = rise

    def _excuse_hidden_kinks(self, look: Comparison) -> None:
        """What looks wrong is a kink if slopes jump close by, however close, and the claim lies among them.

        Of sorting three that are tied, say: whichever moves alone, the second stays as it is, but not if all of them
        move. Each is the second one close by, and so has a slope of 1 there, or of 0 if it is not.
        """
        everywhere = np.arange(self.claimed.x.size)
        signs = [mixed_signs(everywhere.shape, self.rng) for _ in range(CORNERS)]
        corners = [Direction(everywhere, each * self.claimed.own) for each in signs]
        for row, output in np.argwhere(look.wrong).tolist():
            direction, claim = look.directions[row], look.claims[row, output]
            far, near = (
                np.array([self.claimed.slope_close_by(c, direction, distance)[output] for c in corners])
                for distance in (1e-5, 1e-7)
            )
            low, high, spread = near.min(), near.max(), np.ptp(near)
            noise = self.claimed.noise()[0][output] / 1e-10  # of such a slope
            jumps = spread > 0.3 * np.ptp(far) and spread > 1e-2 * max(abs(low), abs(high)) + 100 * noise
            slack = 1e-5 * spread + 3 * noise
            if not jumps or not low - slack <= claim <= high + slack:
                return  # there is a mistake, and no need to look at more
            look.wrong[row, output], look.hidden_kinks[row, output] = False, True

    def _mistakes(self, look: Comparison) -> list[Mistake]:
        return [self._mistake(*row) for row in look.rows_where(look.wrong)]

    def _mistake(self, direction: Direction, slopes: Slopes, claim: np.ndarray, output: int) -> Mistake:
        """What is wrong along one coordinate, in its own units, or along several together, by their sizes."""
        unit = self.claimed.scale[direction.indices[0]] if direction.indices.size == 1 else 1.0
        leaf, index = self._place(direction.indices[0])
        return Mistake(
            argument=leaf.name,
            argnum=leaf.argnum,
            index=index,
            element=_in_words([self._element(i) for i in direction.indices]),
            output=self.claimed.label(output),
            order=self.order,
            mode=self.mode,
            claimed=float(claim[output] / unit),
            low=float(slopes.low[output] / unit),
            high=float(slopes.high[output] / unit),
            error=float(slopes.error[output] / unit),
            taylor_order=self.claimed.taylor_order(direction, claim, output),
        )

    def _place(self, i: int) -> tuple[Leaf, tuple[int, ...]]:
        """The argument that coordinate `i` belongs to, and the index of its element."""
        number = int(np.searchsorted(self.ends, i, side="right"))
        leaf = self.leaves[number]
        return leaf, coordinates.element(leaf.value, i - self.blocks[number][0])

    def _element(self, i: int) -> str:
        leaf, index = self._place(i)
        start = self.ends[np.searchsorted(self.ends, i, side="right")] - coordinates.coordinates(leaf.value)
        imaginary = np.iscomplexobj(leaf.value) and (i - start) % 2
        return f"{leaf.name}{list(index) or ''}{' (imaginary part)' if imaginary else ''}"


def _instead(better: np.ndarray, fine: Slopes, slopes: Slopes) -> Slopes:
    return Slopes(*(np.where(better, *parts) for parts in zip(fine, slopes, strict=True)))


def _units(indices: np.ndarray) -> list[Direction]:
    return [Direction(np.array([i]), np.ones(1)) for i in indices]


def _in_words(elements: list[str]) -> str:
    if len(elements) == 1:
        return elements[0]
    return f"{', '.join(elements[:3])}{', ...' if len(elements) > 3 else ''} together"
