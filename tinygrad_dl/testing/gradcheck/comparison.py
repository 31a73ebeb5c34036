"""Differences beside what is claimed: which of the claims are wrong, which are right, and which can't be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .claim import Claim, Direction
from .differences import EPS, Slopes

TAIL = 1e-30  # of the slope of a function, is nothing where it stands still
RTOL = 1e-7  # a formula that is wrong by less is not found, nor always by 4 times that


class Comparison:
    """Slopes along directions, a row each and a column for each number looked at, beside what is claimed of them.

    `wrong` and `undecided` are tables of the same shape. Where nothing is left but rounding, of the slopes or of the
    claim, a claim is undecided: no number speaks against it.
    """

    claimed: Claim
    directions: Sequence[Direction]
    slopes: Slopes
    claims: np.ndarray
    mode: str
    wrong: np.ndarray
    hidden_kinks: np.ndarray
    undecided: np.ndarray

    def __init__(self, claimed: Claim, directions: Sequence[Direction], slopes: Slopes, claims: np.ndarray, mode: str):
        self.claimed, self.directions, self.slopes, self.claims, self.mode = claimed, directions, slopes, claims, mode
        size = np.maximum(np.abs(slopes.middle), np.abs(claims))
        noisy = slopes.error > np.maximum(0.1 * size, 1e-3 * np.max(np.abs(slopes.middle), axis=0))
        self.wrong = ~close(slopes, claims) & ~(np.isnan(claims) & self._without_derivative())
        self.hidden_kinks = np.zeros_like(self.wrong)  # that differences along an axis don't show, found afterwards
        self.undecided = noisy & ~self.wrong & ~slopes.kink & (np.abs(claims) > self._negligible())
        large = np.abs(claims) > np.fmax(1, np.abs(claimed.y))
        if np.any(self.undecided):  # a claim that is rounding alone is one of 0, if it is not larger than the value
            self.undecided &= large | (np.abs(claims) > self._rounding())
        if np.any(self.wrong):
            rounded = self.wrong & close(slopes, claims, self._rounding()) & ~slopes.kink
            self.wrong &= ~rounded
            self.undecided |= rounded & large
        self._ask_complex_steps()

    def _without_derivative(self) -> np.ndarray:
        """Where a slope is infinite, or undefined on both sides: 0 times that is nan, in any row or column of it."""
        undefined = np.isinf(self.slopes.error)
        singular = undefined | (self.slopes.steep != 0)
        nowhere = undefined | (np.count_nonzero(singular, axis=1, keepdims=True) > singular)
        if self.mode == "jvp":
            nowhere = nowhere | np.any(~np.isfinite(self.claimed.gradients()), axis=1)
        return nowhere

    def _negligible(self) -> np.ndarray:
        """The size of a claim of 0, for each number looked at: some roundings of the largest beside it."""
        sizes = np.abs(self.claimed.gradients())
        return 16 * EPS * np.max(np.where(np.isfinite(sizes), sizes, 0), axis=1, initial=0)

    def _rounding(self) -> np.ndarray:
        """How far rounding may throw the claims off: where nothing changes, by as much as it does the largest.

        There a function may be clipped as well, such as a sigmoid whose slope is 2e-35 before it would underflow.
        """
        if self.mode == "jvp":
            noise = 4 * np.array([self.claimed.tangent_noise(direction) for direction in self.directions])
        else:
            by_each = self.claimed.gradient_noise()
            noise = 4 * np.array([by_each[:, d.indices] @ np.abs(d.weights) for d in self.directions])
        constant = (self.slopes.low == 0) & (self.slopes.high == 0)
        scale = self.claimed.scale
        clipped = TAIL * np.array([[np.abs(d.weights) @ scale[d.indices]] for d in self.directions])
        return noise + constant * (clipped + 16 * EPS * np.nanmax(np.abs(self.claimed.gradients()), initial=0))

    def _ask_complex_steps(self) -> None:
        """Confirm claims that differences cannot, because these are too noisy, or 0 since a sum absorbed the step.

        A complex step can't refute: a function may take complex numbers without being analytic, as |x| does.
        """
        absorbed = self.wrong & (self.slopes.low == 0) & (self.slopes.high == 0)
        open_ = self.undecided | absorbed
        for row in np.flatnonzero(np.any(open_, axis=1)).tolist():
            exact = self.claimed.complex_slope(self.directions[row])
            if exact is None:
                return
            confirmed = open_[row] & (np.abs(exact - self.claims[row]) <= RTOL * np.abs(self.claims[row]))
            self.wrong[row] &= ~confirmed
            self.undecided[row] &= ~confirmed

    @property
    def kinks(self) -> np.ndarray:
        """Where there is a kink: in the table of `wrong`."""
        return self.slopes.kink | self.hidden_kinks

    def rows_where(self, table: np.ndarray) -> Iterator[tuple[Direction, Slopes, np.ndarray, int]]:
        """Each direction along which something is wrong or undecided, its slopes and claims, the column furthest off.

        `table` is `wrong` or `undecided`.
        """
        for row in np.flatnonzero(np.any(table, axis=1)).tolist():
            slopes, claim = Slopes(*(part[row] for part in self.slopes)), self.claims[row]
            size = np.abs(claim) + np.abs(slopes.middle)
            largest = np.max(np.where(np.isfinite(size), size, 0), initial=0)
            off = slopes.distance(claim) / (size + 1e-9 * largest)  # of a 0 with noise, the relative difference is 1
            off = np.where(table[row], np.nan_to_num(off, nan=np.inf), -1)  # nan is as wrong as can be
            yield self.directions[row], slopes, claim, int(np.argmax(off))

    def worst(self) -> float:
        """The largest relative difference where there is no doubt."""
        size = np.maximum(np.abs(self.slopes.middle), np.abs(self.claims))
        off = np.where(self.slopes.error < 1e-5 * size, self.slopes.distance(self.claims) / size, 0)
        return float(np.max(off, initial=0))


def close(slopes: Slopes, claim: np.ndarray, rounding: Any = 0) -> np.ndarray:
    """Whether what is claimed is what differences say, give or take their error and its own `rounding`."""
    size = np.where(np.isfinite(claim), np.maximum(np.abs(claim), np.abs(slopes.middle)), 0)
    return slopes.distance(claim) <= 3 * slopes.error + RTOL * size + rounding
