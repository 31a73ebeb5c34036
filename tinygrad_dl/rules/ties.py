"""Second derivatives at ties of maxima and minima: the mean over all sides, one for each order of the tied elements.

On each side, one of the k tied elements is the maximum, and another the minimum. For a smooth composition, such as
(max(x) - min(x))**2 of two numbers, all sides have the same second derivative, so the mean is exact. The even shares of
first derivatives give one part of it; this module adds the rest. For the derivative c of the maximum M it is
H cov(c, c), where H is the second derivative with respect to M. For the minimum of the same elements, with derivative
c', H is the mixed one, and cov(c, c') = -cov(c, c) / (k - 1).

A tie of two is max(x, y) = (x + y + |u|) / 2 with u = x - y, so all functions of |u| share the kink. Kinks are the same
if their derivatives du are parallel.
"""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._signatures import signature
from ..batching import Batched
from ..core.backprop import backward_between, dependents, topological_order
from ..core.primitives import values
from ..core.tensor import Tensor
from .kinks import DEEPEST, EXTREMA, LARGEST, arguments_of, depends, irregular, is_same_computation, kink, search

MOST = 16  # the number of elements whose slopes are computed one by one
MODULI = {np.absolute, np.fabs}
SORTED = {np.sort, np.partition}


def at_tie(x: Any, slope: Any) -> Any:
    """Return zeros whose derivative with respect to `x` is `slope`."""
    return kink(x - values(x), slope, None)  # 0, so that the derivative with respect to the slope is exactly 0


def slope_at_ties(g: Any, ans: Any, tied: Any) -> Any:
    """Sum 4 H cov(c, c) / u² over the nodes with the same kinks |u| as `ans`, at its ties; 0 elsewhere.

    `tied` is the number of tied elements.
    """
    if type(g) is Batched:
        return Batched(np.stack([slope_at_ties(part, ans, tied) for part in g._value]), g._level)
    depth, kinks = getattr(search, "depth", 0), np.broadcast_to(tied > 1, ans.shape)
    order = topological_order(g) if depends(g) and depth < DEEPEST else []
    with np.errstate(all="ignore"):
        own, others = _related_nodes(g, ans, order, tied)
    if not 0 < len(dependents([*own, *others], order)) <= LARGEST:
        return np.zeros_like(ans._value)

    def along(seed, nodes, graph=False):
        return backward_between({g: seed}, nodes, order, graph)

    def weigh(seed):
        parts = zip(along(seed, list(own), True), own.values(), strict=True)
        return sum([np.reshape(ct, ans.shape) * weight for ct, weight in parts], np.zeros_like(ans._value))

    search.depth = depth + 1
    try:
        with np.errstate(all="ignore"):
            ones = kinks.astype(g.dtype)
            uneven = irregular(ones)
            slope, again = weigh(ones), values(weigh(uneven)) / np.where(kinks, uneven, 1)
            alone = np.abs(values(slope) - again) <= np.sqrt(np.finfo(g.dtype).eps) * np.abs(again)
            if not np.all(alone | ~kinks):
                units = [] if depth else _units(kinks, g.dtype)  # the second order needs no search within searches
                slope = sum([weigh(unit) * unit for unit in units], np.zeros_like(ans._value))
            moved = [node for node, ct in zip(others, along(uneven, list(others)), strict=True) if np.any(ct)]
            if moved and depth == 0:
                slope = slope + _from_others(ans, {node: others[node] for node in moved}, along)
    finally:
        search.depth = depth
    return np.where(kinks, slope, 0)


def _units(mask, dtype):
    """Make an array with a single 1 for each element of the `mask`, if they are few."""
    for i in np.flatnonzero(mask) if np.count_nonzero(mask) <= MOST else ():
        unit = np.zeros(mask.shape, dtype)
        unit.flat[int(i)] = 1  # a number, not an array, for older NumPy
        yield unit


def _related_nodes(g, ans, order, tied):
    """Find the extrema in `order` of the operands of `ans`, with weights, and others with their kinks."""
    share = -1 / np.maximum(tied - 1, 1)
    own, others = {}, {}
    for node in order:
        if node._function in EXTREMA and ans._function in EXTREMA and _of_the_same(node, ans):
            together = np.equal(np.reshape(node._value, ans.shape), ans._value)
            own[node] = 1 if EXTREMA[node._function] == EXTREMA[ans._function] else share * together
        elif node._function in MODULI and is_same_computation(node, ans):
            own[node] = 4 * (values(g) != 0)  # else its slope is known
        elif node._function in EXTREMA or node._function in MODULI or node._function in SORTED:
            u, seeds = _kinks(node)
            if seeds and type(u) is Tensor and u.requires_grad:
                others[node] = u, seeds
    return own, others


def _of_the_same(a, b):
    (xs, settings), (ys, others) = _extremum(a), _extremum(b)
    return settings == others and any(
        len(xs) == len(zs) and all(map(is_same_computation, xs, zs)) for zs in (ys, ys[::-1])
    )


def _extremum(node):
    """Return the operands of an extremum `node`, and for a reduction its axes and included elements."""
    operands = arguments_of(node)
    if isinstance(node._function, np.ufunc):
        return operands, None
    bound = signature(node._function).bind(*operands, **(node._kwargs or {})).arguments
    x, axis, where = bound["a"], bound.get("axis"), bound.get("where", True)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None or not x.ndim else axis, x.ndim)
    return [x], (sorted(axes), bound.get("initial"), np.asarray(where).tolist())


# ---- the same kinks in other functions


def _from_others(ans, others, along):
    """Sum the slopes that nodes with the same kinks as `ans` add; nan for sorting, which takes one side."""
    leaves = [node for node in topological_order(ans, *others) if not node._parents]
    theirs = [list(_derivatives(u, seeds, leaves)) for u, seeds in others.values()]
    found = np.zeros_like(ans._value)
    tensor, own = _kinks(ans)
    for weight, u in _derivatives(tensor, own, leaves):
        by_others = along((weight != 0).astype(ans.dtype), list(others))
        for node, kinks, by_node in zip(others, theirs, by_others, strict=True):
            for part, v in kinks:
                slope, sizes = np.sum(part * by_node), np.sqrt([u @ u, v @ v])
                if slope and abs(u @ v) > (1 - 1e-3) * np.prod(sizes) > 0:
                    found += weight * (np.nan if node._function in SORTED else slope * sizes[1] / sizes[0])
    return found


def _derivatives(u, seeds, leaves):
    """Compute the weights of each kink |u|, and the derivative of u with respect to all leaves."""
    order = topological_order(u)
    for weight, seed in seeds:
        parts = backward_between({u: seed}, leaves, order, False)
        yield weight, np.concatenate([np.ravel(part) for ct in parts for part in (np.real(ct), np.imag(ct))])


def _kinks(node):
    """Return a Tensor, the weights w of each w |u| / 2 in the `node`, and a cotangent of that Tensor for u."""
    function, x, ans = node._function, arguments_of(node)[0], node._value
    if function in SORTED:
        axis = signature(function).bind(*node._args, **(node._kwargs or {})).arguments.get("axis", -1)
        equal = np.diff(ans, axis=axis or 0) == 0  # each to the next
        return node, [(seed, seed) for seed in (np.diff(unit, 1, axis or 0, 0, 0) for unit in _units(equal, ans.dtype))]
    if function in MODULI:
        return x, [(2 * unit, unit) for unit in _units(ans == 0, ans.dtype)] if ans.dtype == x.dtype else []
    sign = EXTREMA[function]
    if isinstance(function, np.ufunc):
        u = x - arguments_of(node)[1]
        return u, [(sign * unit, unit) for unit in _units(values(u) == 0, ans.dtype)]
    axes, _, where = _extremum(node)[1]
    tall = [1 if i in axes else n for i, n in enumerate(x.shape)]
    tied = np.equal(values(x), np.reshape(ans, tall)) & where
    found: list[Any] = []
    for unit in _units(np.sum(tied, axis=tuple(axes), keepdims=True) == 2, ans.dtype):
        seed, (first, second) = np.zeros_like(values(x)), np.flatnonzero(tied & (unit != 0))
        seed.flat[[first, second]] = 1, -1
        found.append((np.reshape(sign * unit, ans.shape), seed))
    return x, found
