"""Findings about the gradients of a net: vanishing, exploding, dead ReLUs, saturation, identical units.

As in the course, the last axis of two or more holds samples, and all other axes units. A vector holds the units of
one sample.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from ..nn.fused import relu, sigmoid
from . import values
from .nodes import Graph, Node
from .record import Record

FAR = 1e3  # the ratio between the first and the last layer from which on gradients vanish or explode
_BROKEN = "Gradients that are not finite"
MOSTLY = 0.5  # the share of saturated values that is reported
# Slopes below a hundredth of the largest: 1 - a² < 0.01, and a (1 - a) < 0.0025.
_SATURATED: dict[Any, Callable[..., Any]] = {
    sigmoid: lambda a: a * (1 - a) < 0.0025,
    np.tanh: lambda a: 1 - a**2 < 0.01,
}


def verdict(graph: Graph, record: Record) -> list[str]:
    """A sentence for each problem of the gradients in `record`, or sentences on the checks that found none.

    The size of a gradient is the root mean square of its elements, so that layers of different widths compare. Sizes
    are taken at each product with a weight matrix, Z[l], of the longest chain of such products; the attenuation per
    layer is their geometric mean. Other branches are not checked, nor functions other than nn.relu, np.maximum(z, 0),
    nn.sigmoid and np.tanh.

    >>> import tinygrad_dl as tg
    >>> rng = np.random.default_rng(0)
    >>> net = tg.nn.mlp([4] * 31, hidden=tg.nn.sigmoid, rng=rng)
    >>> graph = Graph([tg.nn.mean_squared_error(net(rng.normal(size=(4, 9))), np.ones((4, 9)))])
    >>> print(verdict(graph, Record(graph))[0])  # doctest: +ELLIPSIS
    Vanishing gradients: from Z30 back to Z1 they shrink to ... of their size, by ... a layer; below 1/1000 from ... on.
    """
    fall = _attenuation(graph, record)
    if not fall.startswith(_BROKEN):
        fall = _not_finite(graph, record) or fall
    units = [line for line in (*map(_dead, graph.nodes), *map(_saturation, graph.nodes)) if line]
    units += _symmetric(graph, record)
    lines = [fall, *units] if fall else units
    if units or (fall and not fall.startswith("Gradients neither")):
        return lines
    return [*lines, *_all_clear(graph)] or [_NOTHING]


def layers(graph: Graph, record: Record) -> list[tuple[str, float]]:
    """The size of the gradient at each product with a weight matrix, from the input to the output.

    Each product depends on the previous one: they form the longest chain, since sizes in parallel branches do not
    compare. Parallel uses of one matrix are one layer. If one matrix is used repeatedly, each time on a result of the
    last time, as in a recurrent net, the rows are its uses, the steps.
    """
    products = _products(graph)
    reach = _reach(graph, products)
    chain = _repeated_uses(graph, products, reach)
    if chain:
        named = [(node.name or f"step {i}", [node]) for i, node in enumerate(chain, 1)]
    else:
        longest = _longest_chain(graph, products, reach)
        named = list(zip(_names(graph, longest), longest, strict=True))
    rows = []
    for name, uses in named:
        reached = [node for node in uses if node.index in record.gradients and node.array.size]
        if reached:
            norm = math.hypot(*(record.norms[node.index] for node in reached))
            rows.append((name, norm / math.sqrt(sum(node.array.size for node in reached))))
    return rows


def _products(graph: Graph) -> dict[tuple[int, ...], list[Node]]:
    """The operations that mix elements with a weight matrix, such as matrix products, by their matrices.

    A value computed from weights alone, such as W.T, is a weight itself.
    """
    products: dict[tuple[int, ...], list[Node]] = {}
    matrices: dict[int, tuple[int, ...]] = {}  # the parameters from which a weight is computed
    for node in graph.nodes:
        if node.kind == "parameter" and len(node.shape or ()) > 1:
            matrices[node.index] = (node.index,)
        weights = [operand.index for operand in node.operands if operand.index in matrices]
        if not weights:
            continue
        of = tuple(sorted({index for weight in weights for index in matrices[weight]}))
        if len(weights) == len(node.operands):
            matrices[node.index] = of
        elif node.shape is not None and not (isinstance(node.function, np.ufunc) and node.function.signature is None):
            products.setdefault(of, []).append(node)
    return products


def _reach(graph: Graph, products: dict[tuple[int, ...], list[Node]]) -> list[tuple[int, int]]:
    """The length and the last product of the longest chain of dependent products up to each node."""
    indices = {node.index for uses in products.values() for node in uses}
    reach: list[tuple[int, int]] = []
    for node in graph.nodes:
        length, last = _before(node, reach)
        reach.append((length + 1, node.index) if node.index in indices else (length, last))
    return reach


def _before(node: Node, reach: list[tuple[int, int]]) -> tuple[int, int]:
    return max((reach[operand.index] for operand in node.operands), default=(0, -1))


def _repeated_uses(
    graph: Graph, products: dict[tuple[int, ...], list[Node]], reach: list[tuple[int, int]]
) -> list[Node]:
    """The uses of the most used matrix, if there are three or more and each depends on the previous one."""
    most = max(map(len, products.values()), default=0)
    for uses in reversed(products.values()) if most > 2 else ():
        farther = all(reach[a.index][0] < reach[b.index][0] for a, b in itertools.pairwise(uses))
        if len(uses) == most and farther and _is_chain(graph, uses):
            return uses
    return []


def _is_chain(graph: Graph, uses: list[Node]) -> bool:
    """Return whether each of the uses depends on the previous one."""
    used = {node.index for node in uses}
    length = [0] * len(graph.nodes)  # of the longest chain of uses up to each node
    for node in graph.nodes:
        before = max((length[operand.index] for operand in node.operands), default=0)
        length[node.index] = before + (node.index in used)
    return max(length, default=0) == len(uses)


def _longest_chain(
    graph: Graph, products: dict[tuple[int, ...], list[Node]], reach: list[tuple[int, int]]
) -> list[list[Node]]:
    """The products of the longest chain, from the input on; of the last one if several are longest.

    Products of the same matrices at the same distances from the input and the output are parallel uses, in one list.
    """
    matrices = {node.index: of for of, uses in products.items() for node in uses}
    ahead = [0] * len(graph.nodes)  # the length of the longest chain after each node
    for node in reversed(graph.nodes):
        ahead[node.index] += node.index in matrices
        for operand in node.operands:
            ahead[operand.index] = max(ahead[operand.index], ahead[node.index])
    places: dict[tuple, list[Node]] = {}
    for index, of in matrices.items():
        places.setdefault((of, reach[index][0], ahead[index]), []).append(graph.nodes[index])
    chain: list[list[Node]] = []
    _, index = max(reach, default=(0, -1))
    while index >= 0:
        chain.append(places[matrices[index], reach[index][0], ahead[index]])
        _, index = _before(graph.nodes[index], reach)
    return chain[::-1]


def _names(graph: Graph, layers: list[list[Node]]) -> list[str]:
    """A name for each layer: that of its uses, with the number of the first one if other nodes have the name too."""
    counts = Counter(node.name for node in graph.nodes)
    names = []
    for i, uses in enumerate(layers, 1):
        name = uses[0].name
        alone = counts[name] == sum(node.name == name for node in uses)
        names.append((name if alone else graph.names[uses[0].index]) or f"layer {i}")
    return names


def _attenuation(graph: Graph, record: Record) -> str:
    rows = layers(graph, record)
    if len(rows) < 2:
        return ""
    (first, low), (last, high) = rows[0], rows[-1]
    each = "a step" if first.startswith("step") else "a layer"
    broken = [name for name, size in rows if not math.isfinite(size)]
    if broken:
        return f"{_BROKEN}, from {broken[-1]} on."
    if not high or not low:
        gone = next(name for name, size in reversed(rows) if not size)
        return f"No gradient arrives at {gone}: it is exactly 0 there."
    ratio = low / high
    step = math.exp((math.log(low) - math.log(high)) / (len(rows) - 1))
    if 1 / FAR <= ratio <= FAR:
        return (
            f"Gradients neither vanish nor explode: from {last} back to {first} by {values.number(step)} {each} "
            f"(root mean square)."
        )
    beyond = next(name for name, size in reversed(rows) if (size / high < 1 / FAR if ratio < 1 else size / high > FAR))
    if ratio < 1:
        return (
            f"Vanishing gradients: from {last} back to {first} they shrink to {values.number(ratio)} of their size, "
            f"by {values.number(step)} {each}; below 1/1000 from {beyond} on."
        )
    return (
        f"Exploding gradients: from {last} back to {first} they grow to {values.number(ratio)} times their size, "
        f"by {values.number(step)} {each}; beyond 1000 from {beyond} on."
    )


def _not_finite(graph: Graph, record: Record) -> str:
    """A sentence on the first nan or inf of the backward pass; empty if there is none."""
    broken = [index for index, norm in record.norms.items() if not math.isfinite(norm)]
    return f"{_BROKEN}, from {graph.names[max(broken)] or graph.nodes[max(broken)].title} on." if broken else ""


def _dead(node: Node) -> str:
    """A sentence on units of a relu that are 0 for all samples; empty if there are none."""
    if not _is_relu(node) or _samples(node) < 2:
        return ""
    dead = np.all(node.array <= 0, axis=-1)
    if not np.any(dead):
        return ""
    count = int(np.sum(dead))
    return f"{node.title}: {count} of {dead.size} units are 0 for all {_samples(node)} samples: dead ReLUs."


def _symmetric(graph: Graph, record: Record) -> list[str]:
    """A sentence per hidden layer whose units have equal values and gradients, so that training keeps them equal."""
    products = _products(graph)
    chain = _longest_chain(graph, products, _reach(graph, products))[:-1]
    lines = []
    for name, uses in zip(_names(graph, chain), chain, strict=True):
        arrays = [array for node in uses for array in (node.array, record.gradients.get(node.index))]
        if all(array is not None and _has_equal_units(array) for array in arrays):
            lines.append(
                f"{name}: all {len(uses[0].array)} units are the same and get the same gradient, so they stay "
                "the same: initialise their weights at random."
            )
    return lines


def _has_equal_units(array: Any) -> bool:
    array = np.asarray(getattr(array, "_value", array))
    return array.ndim > 1 and len(array) > 1 and np.allclose(array, array[:1], rtol=1e-9, atol=0)


def _is_relu(node: Node) -> bool:
    if node.function is np.maximum:  # of something and 0
        return len(node.operands) == 1 and any(np.ndim(arg) == 0 and arg == 0 for arg in node.value._args)
    return node.function is relu


def _samples(node: Node) -> int:
    """The length of the last axis of two or more; a vector or a number is one sample."""
    return node.array.shape[-1] if node.array.ndim > 1 else 1


def _saturation(node: Node) -> str:
    rule = _SATURATED.get(node.function)
    if rule is None or not node.array.size:
        return ""
    share = float(np.mean(rule(node.array)))
    if share <= MOSTLY:
        return ""
    return f"{node.title}: {share:.0%} of the values are saturated: the slope there is below 1 % of its largest."


_NOTHING = "Nothing to judge: no chain of layers, and no nn.relu, np.maximum(z, 0), nn.sigmoid or np.tanh."


def _all_clear(graph: Graph) -> list[str]:
    """A sentence on the relus, sigmoids and tanhs of a graph, none of which is dead or saturated."""
    samples = [_samples(node) for node in graph.nodes if _is_relu(node)]
    found = [function.__name__ for function in _SATURATED if any(node.function is function for node in graph.nodes)]
    lines = []
    if max(samples, default=0) > 1:
        lines.append("no unit of a relu is 0 for all samples")
    if min(samples, default=2) < 2:
        lines.append("a dead relu can only be found with several samples")
    if found:
        lines.append(f"no {' or '.join(found)} is more than half saturated")
    text = "; ".join(lines)
    return [f"{text[0].upper()}{text[1:]}."] if lines else []
