"""Derivatives by finite differences, with an estimate of their error, independent of all derivative rules.

All functions treat a vector y(τ) of one real τ, element by element: the value of a function as its arguments move along
a straight line, by their own size at τ = 1. At a kink of y the slopes from the left and from the right bracket the
subgradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Curve = Callable[[float], np.ndarray]

EPS = float(np.finfo(float).eps)
SHRINK = 8.0  # from a step to the next smaller one
STEPS = 0.25 * SHRINK ** -np.arange(17.0)  # from a quarter to 9e-16, powers of two: x + step is not rounded
QUICK = EPS ** (1 / 3)  # the best step of a central difference, whose error is about h² + eps / h


class Slopes(NamedTuple):
    """The slopes dy/dτ at 0 from the `left` and from the `right`, with their `error`, element by element.

    They differ at a kink, and at a jump, where they are the slopes of both branches. `steep` is ±1 where the slope
    grows without bound as the step shrinks, else 0.
    """

    left: np.ndarray
    right: np.ndarray
    error: np.ndarray
    steep: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """The least subgradient."""
        return np.minimum(self.left, self.right)

    @property
    def high(self) -> np.ndarray:
        """The largest subgradient."""
        return np.maximum(self.left, self.right)

    @property
    def middle(self) -> np.ndarray:
        """The slope, or at a kink the mean of both sides."""
        return (self.left + self.right) / 2

    @property
    def kink(self) -> np.ndarray:
        """The mask of kinks, where the slopes of both sides differ."""
        return self.left != self.right

    def distance(self, slope: np.ndarray) -> np.ndarray:
        """The distance of `slope` from [low, high]; 0 for an infinite slope where y is steep in that direction."""
        with np.errstate(invalid="ignore"):
            outside = np.maximum(np.maximum(self.low - slope, slope - self.high), 0)
        return np.where(np.isinf(slope) & (np.sign(slope) == self.steep), 0, outside)


def quick_slopes(y: Curve, y0: np.ndarray) -> tuple[Slopes, np.ndarray]:
    """(y(h) - y(-h)) / 2h for one step h, and the mask of doubtful elements, whose two sides differ."""
    h, after, before = QUICK, y(QUICK), y(-QUICK)
    slope = (after - before) / (2 * h)
    bend = np.abs(after - 2 * y0 + before) / h
    doubtful = ~(bend <= 1e-3 * np.abs(slope))
    return Slopes(slope, slope, 1e-8 * np.abs(slope), np.zeros_like(slope)), doubtful & (bend != 0)


def slopes(y: Curve, y0: np.ndarray, noise: np.ndarray) -> Slopes:
    """The slope of `y` at 0: differences with 17 steps, pairs of which are extrapolated to a step of 0 (Richardson).

    For each element, the extrapolation with the least estimated error wins: those of large steps disagree where y
    bends, those of small steps drown in the `noise` of y.
    """
    h = STEPS[:, np.newaxis]
    after, before = (np.array([y(sign * step) for step in h[:, 0]]) for sign in (1, -1))
    with np.errstate(all="ignore"):
        rounding = np.fmax(noise, EPS * np.fmax(np.fmax(np.abs(after), np.abs(before)), np.abs(y0)))
        jump = _jumps(after, y0, rounding) | _jumps(before, y0, rounding)
        rounding = np.fmax(rounding, np.where(jump, 0, _stair(after, before, y0, h)))
        right, left = (_one_sided(side, y0, h, jump) for side in (after, before))
        left, central = -left, np.where(jump, np.nan, (after - before) / (2 * h))
        right_slope, right_error = _best(right, SHRINK, 2 * rounding, h)
        left_slope, left_error = _best(left, SHRINK, 2 * rounding, h)
        slope, error = _best(central, SHRINK**2, rounding, h)
        gap = np.abs(right_slope - left_slope)
        kink = gap > 3 * (right_error + left_error) + 1e-6 * (np.abs(right_slope) + np.abs(left_slope))
        kink |= jump & np.isfinite(right_error + left_error)
        error = np.where(kink, right_error + left_error, error)
        for side, side_error in ((right_slope, right_error), (left_slope, left_error)):  # the edge of a domain
            slope, error = np.where(np.isinf(error), side, slope), np.where(np.isinf(error), side_error, error)
        slope = np.where(np.isinf(error), 0, slope)
        around = np.abs(np.concatenate([right[1:4], left[1:4]]))
        nearby = np.max(np.where(np.isfinite(around), around, 0), axis=0)
        steep = np.where(_grows(right), np.sign(right[-1]), np.where(_grows(left), np.sign(left[-1]), 0))
    return Slopes(
        np.where(kink, left_slope, slope),
        np.where(kink, right_slope, slope),
        error + 4 * EPS * nearby,  # no derivative is computed more exactly than the slopes around it are
        steep,
    )


def _one_sided(side: np.ndarray, y0: np.ndarray, h: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """Slopes from y0 to the values on one side; at a jump, from the value of the smallest step."""
    return np.where(jump, (side - side[-1]) / (h - h[-1]), (side - y0) / h)


def _jumps(side: np.ndarray, y0: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """The mask of jumps: the values on one side stay away from y0 as the step shrinks, farther than rounding."""
    apart = np.abs(side - y0)
    least = 1e3 * np.fmax(rounding[-1], EPS * np.fmax(1, np.abs(y0)))
    return np.all(np.abs(apart[-5:] - apart[-1]) < 0.1 * apart[-1], axis=0) & (apart[-1] > least)


def _stair(after: np.ndarray, before: np.ndarray, y0: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The height of the stairs that rounding inside of a function makes: it is constant for small steps only.

    Examples are log(a) for `a` near 1, and 1 + x for a small x: their stairs are as high as the rounding of numbers
    near 1, and no higher than the least observed change. The stairs of x (1 + tanh(x)) at x = -7 slope: small steps
    follow a line, and leave it by a jump as high as a rounding of 1.
    """
    line = (after[-8] - before[-8]) / (2 * h[-8]) * h
    off = np.abs([after - y0 - line, before - y0 + line])
    far, jump = off[:, :-1], off[:, 1:] < 1e-4 * off[:, :-1]  # of a smooth y it falls by 8 or 64 a step
    heights = np.min(np.where(jump & (far > EPS / 8) & (far < 1e3 * EPS), far, np.inf), axis=1)
    height = np.max(heights, axis=0)  # on both sides, unlike a nearby kink
    sloping = (np.abs(y0) < 1e3 * EPS) & np.isfinite(height)
    moved = np.abs(np.concatenate([after - y0, before - y0]))
    flat = np.all(after[-3:] == after[-1], axis=0) & np.all(before[-3:] == before[-1], axis=0)
    least = np.min(np.where((moved > 0) & np.isfinite(moved), moved, np.inf), axis=0)
    standing = np.where(flat & np.isfinite(least), np.fmin(4 * EPS * np.fmax(1, np.abs(y0)), least), 0)
    return np.where(sloping, height, standing)


def next_jump(y: Callable[[float], float], slope: float, discrepancy: float) -> tuple[float, float]:
    """The distance from 0 to the first jump of `y` that changes its slope by more than `discrepancy`, and its height.

    `y` has one number; the sign of `discrepancy` is the side to search. The height is 0 if there is no jump before the
    arguments have nearly doubled or vanished. Bisection tells a jump from a kink or a fast oscillation, whose height
    shrinks with the interval.
    """
    side = math.copysign(1.0, discrepancy)
    places = 0.95 * side * 0.85 ** np.arange(70.0)[::-1]
    values = [y(place) for place in places]

    def off(a: float, b: float, change: float) -> float:
        return abs(change - slope * (b - a))

    for a, b, ya, yb in zip(places, places[1:], values, values[1:], strict=False):
        whole = off(a, b, yb - ya)
        if whole <= 2 * abs(discrepancy * (b - a)):
            continue
        for _ in range(40):
            middle = (a + b) / 2
            ym = y(middle)
            if off(a, middle, ym - ya) > off(middle, b, yb - ym):
                b, yb = middle, ym
            else:
                a, ya = middle, ym
        return (abs(a), abs(yb - ya)) if abs(yb - ya) > 0.3 * whole else (math.inf, 0.0)
    return math.inf, 0.0


def _best(slope: np.ndarray, factor: float, rounding: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best extrapolation of `slope`, which has a row per step and an error that falls by `factor` per step.

    Also return its estimated error: its distance from the extrapolation of the next larger steps, and from those of
    smaller steps as far as it exceeds their noise.
    """
    extrapolated = slope[1:] + (slope[1:] - slope[:-1]) / (factor - 1)
    noise = 2 * rounding[2:] / h[2:]
    apart = np.abs(extrapolated[1:, np.newaxis] - extrapolated[1:])  # an extrapolation, and a later one
    contradiction = np.max(np.nan_to_num(np.tril((apart - 3 * noise).T).T), axis=1, initial=0)
    error = np.maximum(np.abs(extrapolated[1:] - extrapolated[:-1]), contradiction) + noise
    error = np.where(np.isfinite(error), error, np.inf)
    best = np.argmin(error, axis=0)[np.newaxis]
    return np.take_along_axis(extrapolated[1:], best, 0)[0], np.take_along_axis(error, best, 0)[0]


def _grows(slope: np.ndarray) -> np.ndarray:
    """The mask of one-sided slopes, all of one sign, that more than double with each of the last steps, as for √τ."""
    last = slope[-4:]
    return np.all(np.abs(last[1:]) > 2 * np.abs(last[:-1]), axis=0) & np.all(last * last[-1] > 0, axis=0)


def noise_of(y: Curve, y0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounding noise of each element of `y`, measured by sixth differences of equally spaced values.

    For a smooth y a sixth difference is pure noise, and gives its standard deviation (Hamming's table of differences;
    Moré and Wild 2011). Coarser spacings are included, since a cast to float32 in y shows only there. The second result
    is the noise at spacings up to the second at which y is straight: for a y with kinks everywhere, coarser
    differences are no noise.
    """
    weights = np.array([math.comb(6, k) * (-1) ** k for k in range(7)]) / math.sqrt(math.comb(12, 6))
    noise = near = EPS * np.abs(y0)
    straight, before = np.zeros(y0.shape, dtype=bool), np.full(y0.shape, np.nan)
    for spacing in (1e-11, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4):
        sides = [np.array([y(side * k * spacing) for k in range(20)]) for side in (1, -1)]
        sixth = [root_mean_square(np.array([weights @ v[k : k + 7] for k in range(1, 14)])) for v in sides]
        noise = np.fmax(noise, np.fmin(*sixth))  # a kink on one side is no noise
        near = np.where(straight, near, noise)
        slope = np.concatenate([np.diff(sides[0], axis=0), -np.diff(sides[1], axis=0)]) / spacing
        mean = np.mean(slope, axis=0)
        straight |= (np.std(slope, axis=0) < 0.01 * np.abs(mean)) & (np.abs(mean - before) < 1e-3 * np.abs(mean))
        before = mean
    return noise, near


def root_mean_square(x: np.ndarray) -> np.ndarray:
    """√(mean of x²) along the first axis, without overflow for numbers up to 1e308."""
    largest = np.max(np.abs(x), axis=0, initial=0)
    return largest * np.sqrt(np.mean(np.square(x / np.where(largest == 0, 1, largest)), axis=0))


def complex_step(y: Callable[[complex], np.ndarray], y0: np.ndarray) -> np.ndarray | None:
    """Im y(ih) / h for a tiny h, which is exact, since no difference is taken; None if y rejects complex numbers.

    The result is wrong for a y that is not analytic, |z| for example: compare it with a difference before use.
    """
    h = 1e-20
    try:
        with np.errstate(all="raise", under="ignore"):
            moved = np.asarray(y(1j * h))
    except Exception:  # of any kind: the function was written for real numbers
        return None
    agrees = moved.shape == y0.shape and np.all(np.abs(moved.real - y0) <= 1e-12 * np.abs(y0) + np.abs(moved.imag))
    return moved.imag / h if agrees and np.iscomplexobj(moved) else None


def taylor_order(y: Curve, y0: np.ndarray, slope: np.ndarray, noise: np.ndarray) -> float:
    """The order p of |y(h) - y(-h) - 2h slope| ~ hᵖ: 1 for a wrong `slope`, 3 for a right one, nan in noise.

    This Taylor test needs no choice of a step: it uses the rate at which the remainder falls.
    """
    remainders = np.array([np.linalg.norm(y(h) - y(-h) - 2 * h * slope) for h in STEPS])
    usable = np.isfinite(remainders) & (remainders > 100 * np.linalg.norm(np.maximum(noise, EPS * np.abs(y0))))
    if np.count_nonzero(usable) < 2:
        return math.nan
    last = np.flatnonzero(usable)[-3:]
    return float(np.polyfit(np.log(STEPS[last]), np.log(remainders[last]), 1)[0])
