"""The verdict of finite differences on a claimed gradient, element by element: right, wrong, or undecided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from . import coordinates
from .arguments import Leaf
from .claim import ClaimedGradient, Direction, mixed_signs, random_direction
from .comparison import Comparison, close
from .differences import EPS, STEPS, Slopes, quick_slopes
from .report import SHOWN, Mistake, Row

EVERY = 128  # arguments of up to this many coordinates are checked one coordinate at a time
SWEEP = 24  # single coordinates checked of a larger argument, besides projections
SINGLES = 1000  # above this many coordinates in all, the single ones are shared among the arguments
CORNERS = 32  # nearby points for slopes, to detect kinks
FAR = 1e-4  # the inverse of the size of a large x
HUNT = 60  # directions, at most, in the search for the elements behind a wrong projection


def compare(
    claimed: ClaimedGradient, leaves: Sequence[Leaf], order: int, modes: Sequence[str]
) -> tuple[list[Row], list[Mistake]]:
    """Compare a claim with differences: return a row per mode and argument, and the mistakes, worst first.

    The check stops at the first argument and mode with a mistake, since later ones may only inherit it.
    """
    rows: list[Row] = []
    if not claimed.x.size or not claimed.y.size:
        return rows, []
    for mode in modes:
        if mode == "vjp" or claimed.forward:
            check = _ModeCheck(claimed, leaves, order, mode)
            for mistakes in check.stages(rows):
                if mistakes:
                    return rows, sorted(mistakes, key=lambda mistake: -mistake.relative_difference)
    return rows, []


class _ModeCheck:
    """The check of the derivatives in one mode: argument by argument, then all together."""

    def __init__(self, claimed: ClaimedGradient, leaves: Sequence[Leaf], order: int, mode: str):
        self.claimed, self.leaves, self.order, self.mode = claimed, leaves, order, mode
        sizes = [coordinates.coordinates(leaf.value) for leaf in leaves]
        self.ends = np.cumsum(sizes)
        self.blocks = [np.arange(end - size, end) for end, size in zip(self.ends, sizes, strict=True)]
        self.J = claimed.gradients()
        self.rng = np.random.default_rng(0)
        self.sweep = max(4, min(SWEEP, SINGLES // len(leaves)))
        self.every = EVERY if claimed.x.size <= SINGLES else self.sweep

    def stages(self, rows: list[Row]) -> Iterator[list[Mistake]]:
        """Yield the mistakes of each argument, adding its row to `rows`, and then those of all together."""
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
        """Compare differences along `directions` with the claim; `hunting` for a mistake that a projection found."""
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
        """Slopes at the measured noise, or at the noise of fine steps where only these agree with the claim.

        Apparent noise may be a fast oscillation, which fine steps follow. A number far smaller than those beside it is
        also moved by its own size, if larger steps leave a doubt. Steps of size 1 are also tried: for a large x, since
        stairs of that size, such as those of a rounded x, have a slope on a larger scale; and for a small x, since
        1 + x absorbs steps of its size.
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
        elif unit > 1 and np.any(hidden := slopes.error > 1e-3 * size):
            long = self.claimed.slopes(direction, EPS * np.abs(self.claimed.y), unit)
            slopes = _instead(hidden & close(long, claim) & (long.error < 1e-3 * size), long, slopes)
        return slopes

    def claim(self, direction: Direction) -> np.ndarray:
        """The claimed derivative along a direction."""
        if self.mode == "jvp":
            return self.claimed.tangent(direction)
        return self.J[:, direction.indices] @ direction.weights

    def _wrong_together(self, looks: Sequence[Comparison]) -> list[Mistake]:
        """The mistake of claims at kinks that are subgradients each, but not all together.

        An example is a maximum that passes its whole cotangent to each of several tied elements. The sum of the claims
        must lie among the slopes from both sides and those nearby, at corners with each kink to one side.
        """
        for output in range(self.claimed.y.size):
            kinks = [(look, (look.slopes.kink & ~look.zero)[:, output]) for look in looks]
            at = [(look, row) for look, rows in kinks for row in np.flatnonzero(rows).tolist()]
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
        """The mistake of a pullback that is right for unit cotangents only, for example since it ignores `g`."""
        weights = self.rng.uniform(1.5, 2.5, self.claimed.y.size) * self.rng.choice([-1, 1], self.claimed.y.size)
        mixed, expected, size = self.claimed.gradient(weights), weights @ self.J, np.abs(weights) @ np.abs(self.J)
        off = np.nan_to_num(np.abs(mixed - expected), nan=0)
        bad = np.isfinite(expected) & (off > 1e-3 * size) & (off > 1000 * EPS * self.claimed.scale)  # and no rounding
        if np.any(bad):  # cancellation in a rule, as in (x - sin x) / x³, rounds each cotangent differently
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
        """Coordinates to check one by one: some at random, the largest gradients, the smallest, and some zeros."""
        size = np.max(np.abs(self.J[:, block]), axis=0)
        size = np.where(np.isfinite(size), size, np.inf)  # the largest of all
        rising = np.argsort(size, kind="stable")
        zeros = np.count_nonzero(size == 0)
        quarter = self.sweep // 4
        groups = (rising[-quarter:], rising[zeros:][:quarter], self.rng.permutation(rising[:zeros])[:quarter])
        anywhere = self.rng.permutation(block.size)
        return block[list(dict.fromkeys([*np.concatenate(groups), *anywhere]))[: self.sweep]]

    def _behind_projections(self, block: np.ndarray) -> list[Mistake]:
        """The mistakes found by wrong random directions in the `block`, one search per factor of 100 in size.

        A wrong number among many is found if it is off by a ten-millionth of the sum of those of its size.
        """
        size = np.max(np.abs(self.J[:, block]), axis=0, initial=0)
        level = np.where(np.isfinite(size) & (size > 0), np.floor(np.log10(size) / 2), -np.inf)
        mistakes: list[Mistake] = []
        for each in np.unique(level):
            for _ in range(2):
                mistakes = mistakes or self._hunt(block[level == each])
        return mistakes

    def _hunt(self, indices: np.ndarray) -> list[Mistake]:
        """The mistakes among `indices`, by bisection of wrong random directions."""
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
        """Mark apparent mistakes as undecided where rounding makes the function a flight of sloping stairs.

        An example is (1 - cos x) / x² at 1e-7, with stairs 1 % of x wide: the cosine is rounded, the divisor is not.
        """
        for row, output in np.argwhere(look.wrong & ~look.slopes.kink).tolist():
            slope = look.slopes.middle[row, output]
            off = abs(look.claims[row, output] - slope)
            rise = 4 * self.claimed.stairs(look.directions[row], slope, off, output)
            if not slope or not off <= rise:
                return  # one mistake is enough
            look.wrong[row, output], look.undecided[row, output] = False, True
            look.slopes.error[row, output] = rise

    def _excuse_hidden_kinks(self, look: Comparison) -> None:
        """Mark apparent mistakes as kinks if slopes jump arbitrarily close by, and the claim lies among them.

        An example is the second of three tied numbers in a sort: no element that moves alone changes it, all three
        together do. Nearby, each of them may be the second one, with a slope of 1, or not, with a slope of 0.
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
                return  # one mistake is enough
            look.wrong[row, output], look.hidden_kinks[row, output] = False, True

    def _mistakes(self, look: Comparison) -> list[Mistake]:
        return [self._mistake(*row) for row in look.rows_where(look.wrong)]

    def _mistake(self, direction: Direction, slopes: Slopes, claim: np.ndarray, output: int) -> Mistake:
        """The mistake along one coordinate, in its own units, or along several together, scaled by their sizes."""
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
        """The argument of coordinate `i`, and the index of its element."""
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
