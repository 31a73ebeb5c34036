"""Strategies for the numbers of an array: anywhere in a domain, away from kinks, or deliberately on them.

Most numbers are of moderate size, so that differences are precise, and never so close to 0 that a product of them
vanishes. In an unbounded domain, two arrays in seven go up to 10, and one lies beyond 1e6. All shrink towards whole
numbers of moderate size.
"""

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import hypothesis
import numpy as np
from hypothesis import strategies as st
from hypothesis.control import current_build_context
from hypothesis.extra import numpy as npst

Interval = tuple[float, float]
Intervals = tuple[Interval, ...]
# (draw, size, (i, n)) -> `size` numbers, for the i-th of n arrays that keep away from each other
Drawing = Callable[[Callable[..., Any], int, tuple[int, int]], np.ndarray]

INF = math.inf

Domain = Literal[
    "real", "positive", "negative", "nonzero", "unit interval", "probability", "above one", "above minus one"
]
DOMAINS: dict[str, Intervals] = {  # closed intervals, with ends that float16 represents
    "real": ((-INF, INF),),
    "positive": ((0.25, INF),),
    "negative": ((-INF, -0.25),),
    "nonzero": ((0.25, INF), (-INF, -0.25)),
    "unit interval": ((-0.875, 0.875),),  # of (-1, 1)
    "probability": ((0.0625, 0.9375),),  # of (0, 1)
    "above one": ((1.25, INF),),
    "above minus one": ((-0.75, INF),),
}
# the least and the largest size of the numbers of an array from an unbounded domain
NEAR, WIDE, FAR = (0, 3), (0, 10), (1e6, 1e9)
SOMETIMES_FAR = 4 * [NEAR] + 2 * [WIDE] + [FAR]
DRAWN_WIDE = "numbers beyond 3"  # an event of Hypothesis, which its statistics show
TINY = 2.0**-10  # the smallest size besides 0
MARGIN = 2.0**-4  # the least distance from kinks


def drawing(
    domain: Domain | Interval, dtype: Any, kinks: Sequence[float] | None = None, on_kinks: bool = False
) -> Drawing:
    """Return the function that draws the numbers of an array; arguments and errors are those of `arrays`."""
    dtype, intervals = np.dtype(dtype), _intervals(domain)
    if dtype.kind not in "fc":
        raise ValueError(f"expected a float or complex dtype, got {dtype}.")
    if on_kinks and kinks is None:
        raise ValueError("on_kinks=True: expected kinks, such as kinks=[0.0], or kinks=[] for equal elements.")
    if kinks is None:
        real: Callable = _anywhere
    else:
        _points(_of_size(NEAR, intervals), tuple(kinks), 1, (0, 1))  # raises an error now if there are none
        real = functools.partial(_on_kinks if on_kinks else _apart, tuple(kinks))
    sizes = SOMETIMES_FAR if any(INF in map(abs, interval) for interval in intervals) else [NEAR]
    if on_kinks or float(np.finfo(dtype).max) < FAR[1]:
        sizes = [size for size in sizes if size != FAR]

    def draw_numbers(draw, size, share):
        within = draw(st.sampled_from(sizes))
        if within != NEAR:
            hypothesis.event(DRAWN_WIDE)
        parts = _of_size(within, intervals)
        numbers = real(parts, draw, size, share)
        return (numbers + 1j * real(parts, draw, size, share) if dtype.kind == "c" else numbers).astype(dtype)

    return draw_numbers


def _of_size(sizes: Interval, intervals: Intervals) -> Intervals:
    """The parts of unbounded `intervals` with numbers of these sizes, counted from their end; bounded ones whole."""
    parts = []
    for low, high in intervals:
        finite = [abs(end) for end in (low, high) if math.isfinite(end)]
        least, most = sizes[0], sizes[1] + sum(finite)
        signed = [(-INF, INF)] if len(finite) == 2 else [(least, most), (-most, -least)] if least else [(-most, most)]
        clipped = [(max(low, start), min(high, end)) for start, end in signed]
        parts += [(start, end) for start, end in clipped if start < end]
    return tuple(parts)


def drawn_wide() -> bool:
    """Return whether some numbers of the current test case are wide or far."""
    with contextlib.suppress(ImportError, AttributeError):  # Hypothesis has no public access to events
        return DRAWN_WIDE in current_build_context().data.events
    return False


def _intervals(domain: Domain | Interval) -> Intervals:
    if isinstance(domain, str):
        if domain not in DOMAINS:
            raise ValueError(f"unknown domain {domain!r}: expected (low, high), or one of {', '.join(DOMAINS)}.")
        return DOMAINS[domain]
    low, high = domain
    if not low < high:
        raise ValueError(f"expected a domain (low, high) with low < high, got {domain!r}.")
    return ((low, high),)


def _number_in(intervals: Intervals) -> st.SearchStrategy[float]:
    numbers = st.one_of([st.floats(low, high) for low, high in intervals])
    return numbers.map(lambda number: number if abs(number) >= TINY else math.copysign(0.0, number))


def _vector(elements: st.SearchStrategy, size: int, dtype: Any = float) -> st.SearchStrategy[np.ndarray]:
    return npst.arrays(dtype, size, elements=elements, fill=st.nothing())  # a fill would make most of them equal


def _anywhere(intervals: Intervals, draw, size, share):
    return draw(_vector(_number_in(intervals), size))


def _apart(kinks: tuple[float, ...], intervals: Intervals, draw, size, share):
    points = st.sampled_from(_points(intervals, kinks, size, share))
    return np.array(draw(st.lists(points, min_size=size, max_size=size, unique=True)), float)


def _on_kinks(kinks: tuple[float, ...], intervals: Intervals, draw, size, share):
    special = [kink for kink in kinks if any(low <= kink <= high for low, high in intervals)]
    special += [-0.0] * (0.0 in special)
    number = _number_in(intervals)
    on = draw(_vector(st.sampled_from(special or [draw(number)]), size))
    elsewhere = draw(_vector(st.booleans(), size, bool))
    elsewhere[:2] = False  # so that there is a kink, or a tie if there is no special number
    return np.where(elsewhere, draw(_vector(number, size)), on)


@functools.cache
def _points(intervals: Intervals, kinks: tuple[float, ...], size: int, share: tuple[int, int]) -> list[float]:
    """At least `size` evenly spaced numbers away from `kinks`: the i-th of n disjoint lists, for `share` (i, n)."""
    i, n = share
    length = sum(high - low for low, high in intervals)
    spacing = 2.0 ** min(
        max(-5, math.floor(math.log2(length)) - 10), math.floor(math.log2(length / 2 / max(size, 1) / n))
    )
    numbers = [
        k * spacing
        for low, high in intervals
        for k in range(math.ceil(low / spacing), math.floor(high / spacing) + 1)
        if k % n == i and all(abs(k * spacing - kink) >= MARGIN for kink in kinks)
    ]
    if len(numbers) < size:
        raise ValueError(
            f"expected room for {size} numbers at a distance of {MARGIN} from the kinks {kinks}, got {intervals}: "
            f"widen the domain."
        )
    return sorted(numbers, key=lambda number: (len(f"{abs(number):g}"), abs(number), number < 0))  # plain ones first
