"""The formulas of the course, for the nodes of a graph that have the course's names.

The names are `Z1`, `A1`, `W1`, `b1`, ... of a net of Dense layers with the activations of week 3, and the binary
cross-entropy. The course derives the formulas by hand; `formulas` prints those traced from rules. In the course dZ and
dA are errors per sample, before the factor 1/m, which is applied once, in dW and db: the derivatives of the cost with
respect to Z and A are dZ/m and dA/m.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..nn import fused
from .nodes import Graph, Node


class CourseFormula(NamedTuple):
    """A formula of the course, and a remark if the derivative shown beside it differs."""

    formula: str
    remark: str | None = None


class _Activation(NamedTuple):
    """The name of g, and g' in terms of {Z}, {A} and {slope}."""

    g: str
    derivative: str


# of week 3; {slope} stands for the α of a leaky relu
_ACTIVATIONS: dict[Callable[..., Any] | None, _Activation] = {
    fused.sigmoid: _Activation("sigmoid", "{A} ∘ (1 - {A})"),
    np.tanh: _Activation("tanh", "1 - {A}²"),
    fused.relu: _Activation("relu", "1 where {Z} > 0, else 0"),
    fused.leaky_relu: _Activation("leaky relu", "1 where {Z} > 0, else {slope}"),
}


class _Layer(NamedTuple):
    """The nodes of Z = W `before` + b and A = g(Z); A is None if Z is followed by nothing or another function."""

    number: int
    W: Node
    before: Node
    b: Node
    Z: Node
    A: Node | None
    activation: _Activation | None

    @property
    def input(self) -> str:
        """The course's name of the input."""
        return f"A{self.number - 1}" if self.number > 1 else "X"


def forward(graph: Graph) -> dict[int, str]:
    """The course's formulas of the nodes that it names, by index.

    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> cost = tg.nn.binary_cross_entropy(net(np.ones((2, 5))), np.ones((1, 5)))
    >>> list(forward(Graph([cost])).values())  # doctest: +NORMALIZE_WHITESPACE
    ['Z1 = W1 X + b1', 'A1 = g(Z1), g = tanh', 'Z2 = W2 A1 + b2', 'A2 = g(Z2), g = sigmoid',
     'L = -1/m Σ [Y log A2 + (1 - Y) log(1 - A2)]']
    """
    found = {}
    layers = list(_layers(graph))
    for layer in layers:
        l = layer.number  # noqa: E741 (the course's letter)
        found[layer.Z.index] = f"Z{l} = W{l} {layer.input} + b{l}"
        if layer.A is not None and layer.activation is not None:
            found[layer.A.index] = f"A{l} = g(Z{l}), g = {layer.activation.g}"
    cost = _cost(graph, layers)
    if cost is not None:
        A = f"A{layers[-1].number}"
        found[cost.index] = f"L = -1/m Σ [Y log {A} + (1 - Y) log(1 - {A})]"
    return found


def backward(graph: Graph) -> dict[int, CourseFormula]:
    """The course's formulas of the gradients of nodes that it names, by index; {} if the cost is not the course's.

    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> graph = Graph([tg.nn.binary_cross_entropy(net(np.ones((2, 5))), np.ones((1, 5)))])
    >>> sorted(gradient.formula for gradient in backward(graph).values())  # doctest: +NORMALIZE_WHITESPACE
    ['dA1 = W2ᵀ dZ2', 'dA2 = -Y / A2 + (1 - Y) / (1 - A2)', 'dW1 = 1/m dZ1 Xᵀ', 'dW2 = 1/m dZ2 A1ᵀ',
     "dZ1 = dA1 ∘ g'(Z1), g'(Z1) = 1 - A1²", 'dZ2 = A2 - Y', 'db1 = 1/m Σ dZ1', 'db2 = 1/m Σ dZ2']
    """
    layers = list(_layers(graph))
    cost = _cost(graph, layers)
    if cost is None or not cost.is_output:
        return {}
    found: dict[int, CourseFormula] = {}
    for layer, after in zip(layers, (*layers[1:], None), strict=True):
        found |= _layer_gradients(layer, after, cost)
    uses = _uses(graph)
    return {index: text for index, text in found.items() if uses[index] == 1}  # else its gradient is a sum


def convention(graph: Graph) -> str | None:
    """The note on the course's dZ and dA, if formulas with them are shown.

    >>> import tinygrad_dl as tg
    >>> convention(Graph([np.sum(tg.parameter([1.0]))])) is None
    True
    """
    if not backward(graph):
        return None
    m = _samples(next(_layers(graph)))
    return (
        f"In the course dZ and dA are errors per sample, before the 1/m: with m = {m} they are {m} times the "
        f"derivatives of the cost that are shown here, which are dZ/m and dA/m. dW and db are the same in both."
    )


def _layer_gradients(layer: _Layer, after: _Layer | None, cost: Node) -> dict[int, CourseFormula]:
    l, m = layer.number, _samples(layer)  # noqa: E741
    times = f"per sample: m = {m} times what is shown here"
    holds = f"the same: the dZ{l} that is shown here holds the 1/m already"
    found = {
        layer.W.index: CourseFormula(f"dW{l} = 1/m dZ{l} {layer.input}ᵀ", holds),
        layer.b.index: CourseFormula(f"db{l} = 1/m Σ dZ{l}", holds),
    }
    if after is not None and layer.A is not None and layer.activation is not None:
        found[layer.A.index] = CourseFormula(f"dA{l} = W{l + 1}ᵀ dZ{l + 1}", times)
        derivative = layer.activation.derivative.format(Z=f"Z{l}", A=f"A{l}", slope=_slope(layer.A))
        found[layer.Z.index] = CourseFormula(f"dZ{l} = dA{l} ∘ g'(Z{l}), g'(Z{l}) = {derivative}", times)
    elif after is None and layer.A is not None:
        joined = f"the course goes from the cost to Z{l} at once, by dZ{l} = A{l} - Y"
        found[layer.A.index] = CourseFormula(f"dA{l} = -Y / A{l} + (1 - Y) / (1 - A{l})", f"{times}; {joined}")
        found[layer.Z.index] = CourseFormula(
            f"dZ{l} = A{l} - Y", f"two steps in one, through the cost and through the sigmoid; {times}"
        )
    elif after is None:
        found[layer.Z.index] = CourseFormula(f"dZ{l} = A{l} - Y, A{l} = sigmoid(Z{l})", times)
    return found


# ---- reading the graph


def _layers(graph: Graph) -> Iterator[_Layer]:
    """The Dense layers with the course's names, numbered 1, 2, ... without a gap, each on the one before.

    A name is the course's if only one node has it: in a net used twice it is ambiguous.
    """
    by_name = dict(zip(graph.names, graph.nodes, strict=True))
    number, before = 1, None
    while (Z := by_name.get(f"Z{number}")) is not None and Z.function is fused.affine:
        W, A, b = (graph.nodes[operand.index] for operand in Z.operands)
        if (
            by_name.get(f"W{number}") is not W
            or by_name.get(f"b{number}") is not b
            or (before is not None and A is not before)
        ):
            return
        made = by_name.get(f"A{number}")
        activation = None if made is None else _activation(made, Z)
        yield _Layer(number, W, A, b, Z, made if activation else None, activation)
        if activation is None:
            return
        number, before = number + 1, made


def _cost(graph: Graph, layers: list[_Layer]) -> Node | None:
    """The binary cross-entropy of the output of the last layer, or None."""
    if not layers:
        return None
    last = layers[-1]
    function: Any = fused.binary_cross_entropy_with_logits
    predicted = last.Z
    if last.A is not None:
        function, predicted = fused.binary_cross_entropy, last.A
        if last.A.function is not fused.sigmoid:
            return None
    costs = (node for node in graph.nodes if node.function is function)
    return next((node for node in costs if node.operands[0].index == predicted.index), None)


def _activation(A: Node, Z: Node) -> _Activation | None:
    """The activation of the course that computed A from Z, or None."""
    return _ACTIVATIONS.get(A.function) if [operand.index for operand in A.operands] == [Z.index] else None


def _slope(A: Node) -> str:
    """The α of a leaky relu, which is its second argument, by position or by name."""
    args, kwargs = A.value._args, A.value._kwargs or {}
    return f"{args[1] if len(args) > 1 else kwargs.get('alpha', 0.01):g}"


def _uses(graph: Graph) -> Counter[int]:
    """The number of gradient contributions to each node, by index."""
    return Counter(
        operand.index for node in graph.nodes for operand in node.operands if graph.nodes[operand.index].is_tracked
    )


def _samples(layer: _Layer) -> int:
    return layer.Z.array.shape[1]
