"""What the gradients of a net say about it, in words: vanishing, exploding, dead ReLUs, saturated sigmoids."""

from __future__ import annotations

import math

import numpy as np

from ..nn.fused import relu, sigmoid
from . import values
from .graph import Graph, Node
from .record import Record

FAR = 1e3  # between the first layer and the last, beyond which gradients vanish or explode
MOSTLY = 0.5  # the share of saturated values that is worth a word
# Where a slope is below a hundredth of its largest value: 1 - a² < 0.01, and a (1 - a) < 0.0025.
_SATURATED = {np.tanh: lambda a: 1 - a**2 < 0.01, sigmoid: lambda a: a * (1 - a) < 0.0025}


def verdict(graph: Graph, record: Record) -> list[str]:
    """A sentence for each thing that is wrong with the gradients in `record`, or one that nothing is.

    The size of a gradient is the root of the mean square of its elements, so that layers of all widths compare. It is
    taken at each operation with a weight matrix, Z[l], and the fall from one to the next is their geometric mean.

    >>> import tinygrad_dl as tg
    >>> rng = np.random.default_rng(0)
    >>> net = tg.nn.mlp([4] * 31, hidden=tg.nn.sigmoid, rng=rng)
    >>> graph = Graph([tg.nn.mean_squared_error(net(rng.normal(size=(4, 9))), np.ones((4, 9)))])
    >>> print(verdict(graph, Record(graph))[0])  # doctest: +ELLIPSIS
    Vanishing gradients: from Z30 back to Z1 they shrink to ... of their size, by ... a layer; below 1/1000 from ... on.
    """
    lines = [
        line for line in (_attenuation(graph, record), *map(_dead, graph.nodes), *map(_saturated, graph.nodes)) if line
    ]
    if len(lines) > 1 or (lines and not lines[0].startswith("Gradients keep")):
        return lines
    return [*lines, "No dead ReLUs, no saturated sigmoids."]


def layers(graph: Graph, record: Record) -> list[tuple[str, float]]:
    """The size of the gradient at each product with a weight matrix, from the input to the output.

    Where one matrix is used again and again, each time on what came of the last time, as in a recurrent net, these are
    its uses, the steps. A matrix that is used several times side by side is one layer.
    """
    products = _products(graph)
    steps = max(products.values(), key=len, default=[])
    chains = [uses for uses in products.values() if len(uses) == len(steps) and _is_chain(graph, uses)]
    if len(steps) > 2 and chains:
        named = [(node.name or f"step {i}", [node]) for i, node in enumerate(chains[-1], 1)]
    else:
        named = [(uses[0].name or f"layer {i}", uses) for i, uses in enumerate(products.values(), 1)]
    rows = []
    for name, uses in named:
        reached = [node for node in uses if node.index in record.gradients and node.array.size]
        if reached:
            norm = math.hypot(*(values.norm(record.gradients[node.index]) for node in reached))
            rows.append((name, norm / math.sqrt(sum(node.array.size for node in reached))))
    return rows


def _products(graph: Graph) -> dict[tuple[int, ...], list[Node]]:
    """The operations that mix elements of something by a weight matrix, such as a matrix product, by their matrices.

    What is computed of nothing but weights is a weight itself, as W.T is, and no layer.
    """
    products: dict[tuple[int, ...], list[Node]] = {}
    matrices: dict[int, tuple[int, ...]] = {}  # the parameters that a weight comes of
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


def _is_chain(graph: Graph, uses: list[Node]) -> bool:
    """Whether each of the uses depends on the one before."""
    used = {node.index for node in uses}
    length = [0] * len(graph.nodes)  # of the longest chain of uses up to each node
    for node in graph.nodes:
        before = max((length[operand.index] for operand in node.operands), default=0)
        length[node.index] = before + (node.index in used)
    return max(length, default=0) == len(uses)


def _attenuation(graph: Graph, record: Record) -> str:
    rows = layers(graph, record)
    if len(rows) < 2:
        return ""
    (first, low), (last, high) = rows[0], rows[-1]
    each = "a step" if first.startswith("step") else "a layer"
    broken = [name for name, size in rows if not math.isfinite(size)]
    if broken:
        return f"Gradients that are not finite, from {broken[-1]} on."
    if not high or not low:
        gone = next(name for name, size in reversed(rows) if not size)
        return f"No gradient arrives at {gone}: it is exactly 0 there."
    ratio = low / high
    step = math.exp((math.log(low) - math.log(high)) / (len(rows) - 1))
    if 1 / FAR <= ratio <= FAR:
        return f"Gradients keep their size: from {last} back to {first} by {values.number(step)} {each}."
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


def _dead(node: Node) -> str:
    """Of a relu of units x samples: how many units are 0 for all samples."""
    if len(node.shape or ()) != 2 or not _is_relu(node):
        return ""
    units, m = node.array.shape
    dead = int(np.sum(np.all(node.array <= 0, axis=1)))
    if not dead or m < 2:
        return ""
    return f"{node.title}: {dead} of {units} units are 0 for all {m} samples: dead ReLUs."


def _is_relu(node: Node) -> bool:
    if node.function is np.maximum:  # of something and 0
        return len(node.operands) == 1 and any(np.ndim(arg) == 0 and arg == 0 for arg in node.value._args)
    return node.function is relu


def _saturated(node: Node) -> str:
    rule = _SATURATED.get(node.function)
    if rule is None or not node.array.size:
        return ""
    share = float(np.mean(rule(node.array)))
    if share <= MOSTLY:
        return ""
    return f"{node.title}: {share:.0%} of the values are saturated: the slope there is below 1 % of its largest."
