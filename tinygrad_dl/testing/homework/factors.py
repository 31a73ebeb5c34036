"""Factors between the gradients of a step and those of a loss: 1/m, 2, -1, and their names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .objectives import Objective


def close(r: float | None, factor: float) -> bool:
    """Return whether a ratio is a factor, as exactly as differences tell."""
    return r is not None and math.isclose(r, factor, rel_tol=1e-4)


def score(objective: Objective, factor: float) -> int:
    """Count the gradients that are `factor` times those of the objective."""
    return sum(close(r, factor) for r in objective.ratios)


def shared(objective: Objective) -> float | None:
    """The factor of all gradients; None if they have several."""
    factors = [r for r in objective.ratios if r is None or not math.isnan(r)]
    first = factors[0] if factors else None
    return first if first is not None and all(close(r, first) for r in factors) else None


def constant(r: float, sizes: Sequence[int]) -> tuple[float, int, int] | None:
    """A factor as a number times a size, or divided by one: (2, 1, 30) is 2/30. None if it is neither."""
    for n in sizes:
        for c in (1.0, 2.0, 0.5, 4.0, 0.25):
            for sign in (1, -1):
                if close(r, sign * c * n):
                    return sign * c, n, 1
                if close(r, sign * c / n):
                    return sign * c, 1, n
    return None


def accepted(r: float, sizes: Sequence[int]) -> bool:
    """True for the factors of usual losses: 1, 2, 1/m and 2/m."""
    return any(close(r, c / n) for n in sizes for c in (1.0, 2.0))


def words(r: float, sizes: Sequence[int]) -> str:
    """A factor in words: 2/30 of it."""
    found = constant(r, sizes)
    if found is None:
        return f"{r:.4g} times it"
    c, n, d = found
    return f"{c * n:g}/{d} of it" if d > 1 else f"{c * n:g} times it"


def name(r: float, sizes: Sequence[int]) -> str:
    """The cause of a factor that is not 1."""
    found = constant(r, sizes)
    if found is None:
        return f"a factor of {r:.6g}"
    c, n, d = found
    if (abs(c), n, d) == (1, 1, 1):
        return "sign" if c < 0 else ""
    minus = "sign, and " if c < 0 else ""
    if abs(c) != 1 and n == d == 1:
        return f"{minus}a factor of {abs(c):g}"
    times = "" if abs(c) == 1 else f", and a factor of {abs(c):g}"
    return f"{minus}1/m missing{times}" if n > 1 else f"{minus}a 1/m too many{times}"
