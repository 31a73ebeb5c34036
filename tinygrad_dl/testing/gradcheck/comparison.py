"""Comparison of claimed derivatives with differences: tables of wrong and of undecided claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .claim import ClaimedGradient, Direction
from .differences import EPS, Slopes

TAIL = 1e-30  # where a function is constant, a claim below this times the scale is 0
RTOL = 1e-7  # smaller relative errors of a formula are not found; some of up to 4 times that are not either


@dataclass
class Comparison:
    """Slopes and claims: a row for each direction, a column for each checked number.

    `wrong` and `undecided` are tables of the same shape. A claim is undecided if the slope or the claim itself is
    rounding error alone.
    """

    claimed: ClaimedGradient
    directions: Sequence[Direction]
    slopes: Slopes
    claims: np.ndarray
    mode: str

    def __post_init__(self) -> None:
        slopes, claims = self.slopes, self.claims
        size = np.maximum(np.abs(slopes.middle), np.abs(claims))
        noisy = slopes.error > np.maximum(0.1 * size, 1e-3 * np.max(np.abs(slopes.middle), axis=0))
        self.wrong = ~close(slopes, claims) & ~(np.isnan(claims) & self._without_derivative())
        self.hidden_kinks = np.zeros_like(self.wrong)  # that differences along an axis don't show, found afterwards
        self.undecided = noisy & ~self.wrong & ~slopes.kink & (np.abs(claims) > self._negligible())
        large = np.abs(claims) > np.fmax(1, np.abs(self.claimed.y))
        if np.any(self.undecided):  # a claim that is rounding alone is one of 0, if it is not larger than the value
            self.undecided &= large | (np.abs(claims) > self._rounding())
        if np.any(self.wrong):
            rounded = self.wrong & close(slopes, claims, self._rounding()) & ~slopes.kink & ~self._right_beside()
            self.wrong &= ~rounded
            self.undecided |= rounded & large
        self.zero = (size <= self._negligible()) & self.claimed.of_gradient  # but for the rounding of its rules
        self.wrong &= ~self.zero
        self._ask_complex_steps()

    def _without_derivative(self) -> np.ndarray:
        """The mask of infinite or undefined slopes, with their rows and columns, where 0 times infinity is nan."""
        undefined = np.isinf(self.slopes.error)
        singular = undefined | (self.slopes.steep != 0)
        nowhere = undefined | (np.count_nonzero(singular, axis=1, keepdims=True) > singular)
        if self.mode == "jvp":
            nowhere = nowhere | np.any(~np.isfinite(self.claimed.gradients()), axis=1)
        return nowhere

    def _negligible(self) -> np.ndarray:
        """The size below which a claim is 0, for each checked number: some roundings of the largest claim.

        That is the largest for all numbers of a gradient: some cofactors of a singular matrix, which its singular
        vectors give, are zeros that are rounded as the others are.
        """
        sizes = np.abs(self.claimed.gradients())
        largest = np.max(np.where(np.isfinite(sizes), sizes, 0), axis=1, initial=0)
        return 16 * EPS * (np.full_like(largest, np.max(largest)) if self.claimed.of_gradient else largest)

    @cached_property
    def _tangents_close_by(self) -> np.ndarray:
        """The tangents along each direction that are claimed at the point and a few roundings beside."""
        return np.array([self.claimed.tangents_close_by(direction) for direction in self.directions])

    def _rounding(self) -> np.ndarray:
        """The bound on the rounding error of each claim; where the function is constant, that of the largest claim.

        A constant function may also be clipped, such as a sigmoid whose slope is 2e-35 before it would underflow.
        """
        if self.mode == "jvp":
            noise = 4 * np.ptp(self._tangents_close_by, axis=1)
        else:
            by_each = np.ptp(self.claimed.gradients_close_by(), axis=0)
            noise = 4 * np.array([by_each[:, d.indices] @ np.abs(d.weights) for d in self.directions])
        constant = (self.slopes.low == 0) & (self.slopes.high == 0)
        scale = self.claimed.scale
        clipped = TAIL * np.array([[np.abs(d.weights) @ scale[d.indices]] for d in self.directions])
        return noise + constant * (clipped + 16 * EPS * np.nanmax(np.abs(self.claimed.gradients()), initial=0))

    def _right_beside(self) -> np.ndarray:
        """The mask of claims that are far off where others a few roundings beside are right: no rounding does that.

        An example is a rule that finds the maximum by comparing numbers that are rounded in two ways.
        """
        if self.mode == "jvp":
            beside = self._tangents_close_by
        else:
            all_ = self.claimed.gradients_close_by()
            beside = np.array([all_[:, :, d.indices] @ d.weights for d in self.directions])
        size, off = np.abs(self.slopes.middle), self.slopes.distance(self.claims)
        right = np.any([close(self.slopes, claims) for claims in beside.swapaxes(0, 1)], axis=0)
        return right & (self.slopes.error < 1e-3 * size) & (off > 0.1 * np.max(size, axis=0))

    def _ask_complex_steps(self) -> None:
        """Confirm claims by complex steps where differences are too noisy, or 0 since a sum absorbed the step.

        A complex step can't refute a claim: a function of complex numbers need not be analytic, |x| for example.
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
        """The mask of kinks, of the shape of `wrong`."""
        return self.slopes.kink | self.hidden_kinks

    def rows_where(self, table: np.ndarray) -> Iterator[tuple[Direction, Slopes, np.ndarray, int]]:
        """Yield each direction with an entry in `table`, its slopes and claims, and the column furthest off.

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
        """The largest relative difference among the precise slopes."""
        size = np.maximum(np.abs(self.slopes.middle), np.abs(self.claims))
        off = np.where(self.slopes.error < 1e-5 * size, self.slopes.distance(self.claims) / size, 0)
        return float(np.max(off, initial=0))


def close(slopes: Slopes, claim: np.ndarray, rounding: Any = 0) -> np.ndarray:
    """The mask of claims that agree with the slopes, within their error and the claim's own `rounding`."""
    size = np.where(np.isfinite(claim), np.maximum(np.abs(claim), np.abs(slopes.middle)), 0)
    return slopes.distance(claim) <= 3 * slopes.error + RTOL * size + rounding
