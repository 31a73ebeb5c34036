"""Second derivatives at ties of maxima and minima: the mean of those on all sides, a side for each order of the tied.

On a side, one of the k that are tied is the maximum, and another one the minimum. Where a composition is smooth, as
(max(x) - min(x))**2 is for two numbers, all sides have the same second derivative, and so it is right. First
derivatives are shared evenly, and so is what follows from the shares; the rest is added here. For the derivative c of
the maximum M it is H cov(c, c), where H is the second derivative by M, and for the minimum of the same, with derivative
c', it is that by both, with cov(c, c') = -cov(c, c) / (k - 1).

Two that are tied are max(x, y) = (x + y + |u|) / 2, u = x - y: all that depend on |u| are related, if by other
functions. Whether kinks are the same is seen by their derivatives du, which are parallel.
"""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..batching import Batched
from ..core.backprop import backward_between, topological_order
from ..core.primitives import values
from ..core.signatures import signature
from ..core.tensor import Tensor
from .kinks import DEEPEST, EXTREMA, LARGEST, behind, computed_alike, depends, given, irregular, kink, search

MOST = 16  # elements whose slopes are taken one by one
MODULI = {np.absolute, np.fabs}
SORTED = {np.sort, np.partition}


def at_tie(x, slope):
    """Zeros, whose derivative by `x` is `slope`."""
    return kink(x - values(x), slope, None)  # 0: the derivative by the slope vanishes without rounding


def slope_at_ties(g, ans, tied):
    """4 H cov(c, c) / u², summed over what depends on the same kinks |u| as `ans`, where this is `tied`; else 0.

    `tied` counts those of which one is chosen.
    """
    if type(g) is Batched:
        return Batched(np.stack([slope_at_ties(part, ans, tied) for part in g._value]), g._level)
    depth, kinks = getattr(search, "depth", 0), np.broadcast_to(tied > 1, ans.shape)
    order = topological_order(g) if depends(g) and depth < DEEPEST else []
    with np.errstate(all="ignore"):
        own, others = _related(g, ans, order, tied)
    if not 0 < len(behind([*own, *others], order)) <= LARGEST:
        return np.zeros_like(ans._value)

    def along(seed, nodes, graph=False):
        return backward_between({g: seed}, nodes, order, graph)

    def weighed(seed):
        parts = zip(along(seed, list(own), True), own.values(), strict=True)
        return sum([np.reshape(ct, ans.shape) * weight for ct, weight in parts], np.zeros_like(ans._value))

    search.depth = depth + 1
    try:
        with np.errstate(all="ignore"):
            ones = kinks.astype(g.dtype)
            uneven = irregular(ones)
            slope, again = weighed(ones), values(weighed(uneven)) / np.where(kinks, uneven, 1)
            alone = np.abs(values(slope) - again) <= np.sqrt(np.finfo(g.dtype).eps) * np.abs(again)
            if not np.all(alone | ~kinks):
                units = [] if depth else _units(kinks, g.dtype)  # the second order needs no search within searches
                slope = sum([weighed(unit) * unit for unit in units], np.zeros_like(ans._value))
            moved = [node for node, ct in zip(others, along(uneven, list(others)), strict=True) if np.any(ct)]
            if moved and depth == 0:
                slope = slope + _from_others(ans, {node: others[node] for node in moved}, along)
    finally:
        search.depth = depth
    return np.where(kinks, slope, 0)


def _units(mask, dtype):
    """An array with a single 1 for each element of the `mask`, if these are few."""
    for i in np.flatnonzero(mask) if np.count_nonzero(mask) <= MOST else ():
        unit = np.zeros(mask.shape, dtype)
        unit.flat[i] = 1
        yield unit


def _related(g, ans, order, tied):
    """Those in `order` that are extrema of the same as `ans`, with their weights, and others with their kinks."""
    share = -1 / np.maximum(tied - 1, 1)
    own, others = {}, {}
    for node in order:
        if node._function in EXTREMA and ans._function in EXTREMA and _of_the_same(node, ans):
            together = np.equal(np.reshape(node._value, ans.shape), ans._value)
            own[node] = 1 if EXTREMA[node._function] == EXTREMA[ans._function] else share * together
        elif node._function in MODULI and computed_alike(node, ans):
            own[node] = 4 * (values(g) != 0)  # else its slope is known
        elif node._function in EXTREMA or node._function in MODULI or node._function in SORTED:
            u, seeds = _kinks(node)
            if seeds and type(u) is Tensor and u.requires_grad:
                others[node] = u, seeds
    return own, others


def _of_the_same(a, b):
    (xs, settings), (ys, others) = _extremum(a), _extremum(b)
    return settings == others and any(
        len(xs) == len(zs) and all(computed_alike(x, z) for x, z in zip(xs, zs, strict=True)) for zs in (ys, ys[::-1])
    )


def _extremum(node):
    """What a `node` is an extremum of: its operands, and in a reduction the axes and the elements among them."""
    operands = given(node)
    if isinstance(node._function, np.ufunc):
        return operands, None
    bound = signature(node._function).bind(*operands, **(node._kwargs or {})).arguments
    x, axis, where = bound["a"], bound.get("axis"), bound.get("where", True)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None or not x.ndim else axis, x.ndim)
    return [x], (sorted(axes), bound.get("initial"), np.asarray(where).tolist())


# ---- kinks of the same, by other functions


def _from_others(ans, others, along):
    """What others with the same kinks as `ans` add to its slopes; nan for sorting, which takes one side of them."""
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
    """The weights of each kink |u|, and the derivative of u by all leaves."""
    order = topological_order(u)
    for weight, seed in seeds:
        parts = backward_between({u: seed}, leaves, order, False)
        yield weight, np.concatenate([np.ravel(part) for ct in parts for part in (np.real(ct), np.imag(ct))])


def _kinks(node):
    """A Tensor, and for each |u| the weights w of w |u| / 2 in the `node`, and a cotangent of that Tensor for u."""
    function, x, ans = node._function, given(node)[0], node._value
    if function in SORTED:
        axis = signature(function).bind(*node._args, **(node._kwargs or {})).arguments.get("axis", -1)
        equal = np.diff(ans, axis=axis or 0) == 0  # each to the next
        return node, [(seed, seed) for seed in (np.diff(unit, 1, axis or 0, 0, 0) for unit in _units(equal, ans.dtype))]
    if function in MODULI:
        return x, [(2 * unit, unit) for unit in _units(ans == 0, ans.dtype)] if ans.dtype == x.dtype else []
    sign = EXTREMA[function]
    if isinstance(function, np.ufunc):
        u = x - given(node)[1]
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
