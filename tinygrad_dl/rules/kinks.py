"""Second derivatives at kinks, where a first derivative is a convention: at the zeros of norms and absolute values.

The gradient of r = |y| is g y / r, and 0 at r = 0, where y / r has no derivative. A smooth function of r may have a
second derivative there all the same, as r² has: then g vanishes with r, and by the rule of l'Hôpital the gradient is
y dg/dr. So dg/dr is taken from the graph of g. Where the limit does not exist, the second derivative is nan; numbers
of one sign on each side, as real ones are, have slope 0 on both sides of a kink that stays.
"""

import threading
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import batching
from ..batching import Batched
from ..core.backprop import backward_between, topological_order
from ..core.primitives import primitive, values
from ..core.registry import defvjp
from ..core.tensor import Tensor

search = threading.local()
DEEPEST, LARGEST = 2, 300  # searches within searches, in graphs of searches, take a time that is exponential


def unit(y, ans):
    """y / ans, and a constant 0 where `ans` is 0."""
    zero = ans == 0
    direction = y / np.where(zero, 1, ans)
    return np.where(zero, 0, direction) if type(ans) is Tensor and np.any(zero) else direction


def smoothed(part, g, ans, y, axes=None):
    """The gradient `part` = g y / `ans`, given its derivative by `y` where `ans`, an array of norms of `y`, is 0.

    Each real number in `y` has its norm in `ans`; with `axes`, which count from the last, a norm is that of the numbers
    along those, and may have any direction.
    """
    if type(ans) is not Tensor or not np.any(ans == 0):
        return part
    return part + kink(y, slopes(g, ans, axes is None), axes)


def slopes(g, ans, two_sided):
    """The limit of `g` / `ans` where the norm `ans` is 0, nan if there is none; 0 elsewhere.

    Where `g` is not 0 a kink stays; if it is `two_sided`, its sides are straight, with slope 0.
    """
    if type(g) is Batched:
        return Batched(np.stack([slopes(part, ans, two_sided) for part in g._value]), g._level)
    cotangent, kinks = values(g), ans._value == 0
    vanishing = kinks & (cotangent == 0)
    slope = np.where(kinks & ~vanishing & (not two_sided), np.nan, np.zeros_like(ans._value))
    if not np.any(vanishing) or not depends(g):
        return slope
    limit = _limit(g, ans, vanishing, two_sided)
    return np.where(vanishing, np.nan if limit is None else limit, slope)


def depends(g):
    """Return whether the cotangent `g` is computed from something that is differentiated."""
    return type(g) is Tensor and g.requires_grad


def undefined(g, zero):
    """nan at each `zero` whose cotangent `g` matters, else 0: the slope of a gradient that has no limit there."""
    return np.where(zero & (depends(g) | (values(g) != 0)), np.nan, 0.0)


def _limit(g, ans, vanishing, two_sided):
    """dg/d`ans` at the `vanishing` elements; None where `g` does not depend on each by itself, and on it alone."""
    depth = getattr(search, "depth", 0)
    if depth == DEEPEST:
        return None
    order = topological_order(g)
    alike = [node for node in order if computed_alike(node, ans)]  # |x| |x| computes it twice
    if len(behind(alike, order)) > LARGEST:
        return None
    leaves = [node for node in topological_order(ans) if not node._parents]
    known = set(alike)  # a list would compare Tensors by their elements
    others = [node for node in order if node._function in KINKED and node not in known and np.any(node._value == 0)]
    extrema = [] if two_sided else [node for node in order if node._function in EXTREMA]  # for |x| see `ties`
    ones = vanishing.astype(g.dtype)
    uneven = irregular(ones)
    search.depth = depth + 1
    try:
        with np.errstate(all="ignore"):
            limit = sum(backward_between({g: ones}, alike, order, True))
            by_leaf = backward_between({g: uneven}, leaves + extrema, order, False)
            by_other = backward_between({g: uneven}, others, order, False)
            search.cut = True
            again = sum(backward_between({g: uneven}, alike, order, False)) / uneven
            alone = np.abs(limit - again) <= np.sqrt(np.finfo(g.dtype).eps) * np.abs(limit)
    finally:
        search.depth, search.cut = depth, False
    if not np.all(alone | ~vanishing):
        return None
    at_others = [ct * (node._value == 0) for node, ct in zip(others, by_other, strict=True)]
    if any(map(np.any, by_leaf + at_others)):
        return None
    if depends(limit) and any(node._function is once_more for node in order):
        return limit + kink(limit, np.nan, ())  # a slope of its own it has, but not this one
    return limit


def irregular(ones):
    """The mask `ones`, with a number of its own for each."""
    return ones * np.reshape(1 + np.arange(ones.size) * 0.6180339887 % 1, ones.shape).astype(ones.dtype)


def behind(nodes, order):
    """Those of the `nodes` that are in `order`, and what in it depends on them."""
    found = set(nodes)
    for node in order:
        if not found.isdisjoint(node._parents):
            found.add(node)
    return found


def without(order, nodes):
    """The part of `order` that the last node depends on in other ways than through `nodes`."""
    reached = {order[-1]}
    for node in reversed(order):
        if node in reached and node not in nodes:
            reached.update(parent for parent in node._parents if parent is not None)
    return [node for node in order if node in reached and node not in nodes]


def computed_alike(a, b):
    """Return whether two Tensors are sure to be equal: computed by the same functions from the same leaves."""
    pairs, seen = [(a, b)], set()
    while pairs:
        a, b = pairs.pop()
        if a is b or (id(a), id(b)) in seen:
            continue
        seen.add((id(a), id(b)))
        if type(a) is not Tensor or type(b) is not Tensor:
            if type(a) is not type(b) or not np.array_equal(a, b):
                return False
            continue
        if a._function is None or a._function is not b._function or a.shape != b.shape:
            return False
        settings, others = a._kwargs or {}, b._kwargs or {}
        if len(a._args) != len(b._args) or settings.keys() != others.keys():
            return False
        pairs += zip(given(a), given(b), strict=True)
        pairs += [(settings[keyword], others[keyword]) for keyword in settings]
    return True


def given(node):
    """The arguments of `node`, which may have fewer parents: of x / 2 the second has no place among them."""
    return [x if parent is None else parent for x, parent in zip_longest(node._args, node._parents)]


EXTREMA: dict[Any, int] = dict.fromkeys([np.maximum, np.fmax, np.max, np.amax, np.nanmax], 1)
EXTREMA |= dict.fromkeys([np.minimum, np.fmin, np.min, np.amin, np.nanmin], -1)
KINKED = {np.absolute, np.fabs, np.copysign, np.hypot, np.hypot.reduce, np.linalg.vector_norm, np.std, np.nanstd}

# ---- what a gradient lacks at a kink: zeros with a slope, as part of the graph


@primitive
def kink(y, slope, axes):
    """Zeros, whose derivative by `y` is `slope`."""
    return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(slope)), dtype=y.dtype)


@primitive
def stretch(v, slope, axes):
    """v * slope, but 0 nan is 0; with `axes`, a nan is for all elements along them, if any of their `v` is not 0."""
    moves = v != 0 if axes is None else np.broadcast_to(np.any(v != 0, axis=axes, keepdims=True), v.shape)
    unclear = np.isnan(slope)
    return np.where(unclear, np.where(moves, np.nan, 0), v * np.where(unclear, 0, slope)).astype(v.dtype)


@primitive
def once_more(x, slope):
    """`x` itself, with a trace in the graph: it comes from the derivative of a `slope`."""
    return x


defvjp(
    kink,
    lambda g, ans, y, slope, axes: stretch(g, slope, axes),
    lambda g, ans, y, slope, axes: once_more(g * y, slope),
)
defvjp(
    stretch,
    lambda g, ans, v, slope, axes: stretch(g, slope, axes),
    lambda g, ans, v, slope, axes: once_more(g * v, slope),
)
defvjp(
    once_more,
    lambda g, ans, x, slope: np.zeros_like(x) if getattr(search, "cut", False) else g,
    lambda g, ans, x, slope: np.zeros_like(slope),
)


def _for_samples(function):
    def rule(level, x, slope, *axes):  # which count from the last
        ndim = max(map(batching.elementwise.rank, (x, slope)))
        return level.wrapped(function(level.aligned(x, ndim), level.aligned(slope, ndim), *axes))

    return rule


for _function in (kink, stretch, once_more):
    batching.rules[_function] = _for_samples(_function)
