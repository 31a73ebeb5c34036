"""Second derivatives at kinks, the zeros of norms and absolute values, where first derivatives are conventions.

The gradient of r = |y| is g y / r, and 0 at r = 0, where y / r has no derivative. A smooth function of r, such as r²,
still has a second derivative there: g vanishes with r, and by l'Hôpital's rule the gradient is y dg/dr. So dg/dr is
computed from the graph of g. Where that limit does not exist, the second derivative is nan; on a real line, where |y|
is straight on both sides of a remaining kink, it is 0.
"""

import threading
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import batching
from ..batching import Batched
from ..core.backprop import backward_between, dependents, topological_order
from ..core.primitives import array_function, values
from ..core.registry import defvjp
from ..core.tensor import Tensor

search = threading.local()
DEEPEST, LARGEST = 2, 300  # limits of nested searches and of their graphs, whose time grows exponentially


def unit(y: Any, ans: Any) -> Any:
    """Compute y / ans, and a constant 0 where `ans` is 0."""
    zero = ans == 0
    direction = y / np.where(zero, 1, ans)
    return np.where(zero, 0, direction) if type(ans) is Tensor and np.any(zero) else direction


def add_kink_slope(part: Any, g: Any, ans: Any, y: Any, axes: Any = None) -> Any:
    """Give the gradient `part` = g y / `ans` its derivative with respect to `y` where the norm `ans` of `y` is 0.

    Without `axes`, the norm is that of each real number in `y`; with `axes`, counted from the last, it is that of the
    vectors along them.
    """
    if type(ans) is not Tensor or not np.any(ans == 0):
        return part
    return part + kink(y, slopes(g, ans, axes is None), axes)


def slopes(g: Any, ans: Any, two_sided: Any) -> Any:
    """Compute the limit of `g` / `ans` where the norm `ans` is 0, nan if there is none; 0 elsewhere.

    Where `g` is not 0 a kink remains; if it is `two_sided`, its sides are straight, with slope 0.
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


def depends(g: Any) -> Any:
    """Return True if the cotangent `g` depends on a differentiated variable."""
    return type(g) is Tensor and g.requires_grad


def undefined_slope(g: Any, zero: Any) -> Any:
    """Return nan at each `zero` whose cotangent `g` has an effect, else 0: the slope of a gradient without a limit."""
    return np.where(zero & (depends(g) | (values(g) != 0)), np.nan, 0.0)


def _limit(g, ans, vanishing, two_sided):
    """Compute dg/d`ans` at the `vanishing` elements; None unless each element of `g` depends on its own `ans` alone."""
    depth = getattr(search, "depth", 0)
    if depth == DEEPEST:
        return None
    order = topological_order(g)
    alike = [node for node in order if is_same_computation(node, ans)]  # |x| * |x| computes the norm twice
    if len(dependents(alike, order)) > LARGEST:
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
        return limit + kink(limit, np.nan, ())  # the limit has a derivative, but not a known one
    return limit


def irregular(ones: Any) -> Any:
    """Scale the mask `ones` by a different number for each element."""
    return ones * np.reshape(1 + np.arange(ones.size) * 0.6180339887 % 1, ones.shape).astype(ones.dtype)


def without(order: Any, nodes: Any) -> Any:
    """Return the nodes of `order` that reach the last one by paths that avoid `nodes`."""
    reached = {order[-1]}
    for node in reversed(order):
        if node in reached and node not in nodes:
            reached.update(parent for parent in node._parents if parent is not None)
    return [node for node in order if node in reached and node not in nodes]


def is_same_computation(a: Any, b: Any) -> Any:
    """Return True if two Tensors are certainly equal: computed by the same functions from the same leaves."""
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
        pairs += zip(arguments_of(a), arguments_of(b), strict=True)
        pairs += [(settings[keyword], others[keyword]) for keyword in settings]
    return True


def arguments_of(node: Any) -> Any:
    """Return the arguments of `node`, as parents where it has them; trailing constants, as in x / 2, have none."""
    return [x if parent is None else parent for x, parent in zip_longest(node._args, node._parents)]


EXTREMA: dict[Any, int] = dict.fromkeys([np.maximum, np.fmax, np.max, np.amax, np.nanmax], 1)
EXTREMA |= dict.fromkeys([np.minimum, np.fmin, np.min, np.amin, np.nanmin], -1)
KINKED = {np.absolute, np.fabs, np.copysign, np.hypot, np.hypot.reduce, np.linalg.vector_norm, np.std, np.nanstd}

# ---- the derivative that a gradient lacks at a kink, as a node: zeros with a slope


@array_function
def kink(y: Any, slope: Any, axes: Any) -> Any:
    """Return zeros whose derivative with respect to `y` is `slope`."""
    return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(slope)), dtype=y.dtype)


@array_function
def stretch(v: Any, slope: Any, axes: Any) -> Any:
    """Compute v * slope with 0 * nan = 0; with `axes`, a nan holds for all elements along them if any `v` is not 0."""
    moves = v != 0 if axes is None else np.broadcast_to(np.any(v != 0, axis=axes, keepdims=True), v.shape)
    unclear = np.isnan(slope)
    return np.where(unclear, np.where(moves, np.nan, 0), v * np.where(unclear, 0, slope)).astype(v.dtype)


@array_function
def once_more(x: Any, slope: Any) -> Any:
    """Return `x`, and mark it in the graph as coming from the derivative of a `slope`."""
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
    def rule(level, x, slope, *axes):  # axes count from the last
        ndim = max(map(batching.elementwise.rank, (x, slope)))
        return level.wrap(function(level.align(x, ndim), level.align(slope, ndim), *axes))

    return rule


for _function in (kink, stretch, once_more):
    batching.rules[_function] = _for_samples(_function)
