"""The pass that makes a bias a column of W: `W @ A + b` is one product of [W b] with A above a row of ones.

The gradients are one product too, `dZ @ [A; 1].T`, of which the last column is the sum over samples. Blocks keep each W
and its b side by side, so that nothing is copied; `emitting` computes A into the array that has the row of ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .memory import can_write
from .program import Node, Program, call, nodes_in, replace_nodes


def beside(W: Any, b: Any) -> Any:
    """The columns of W, and b."""
    return np.concatenate([W, b], axis=1)


def above_ones(A: Any) -> Any:
    """The rows of A, and one of ones."""
    return np.concatenate([A, np.ones((1, A.shape[1]), A.dtype)])


def columns_of(matrix: Any, start: int, count: int) -> Any:
    """So many columns of a matrix from `start` on."""
    return matrix[:, start : start + count]


# A column more costs a product of few columns as much as adding b, which is faster beyond the caches.
_SMALL, _WIDE = 1 << 15, 16


class _Layer(NamedTuple):
    W: Node
    b: Node
    A: Node


def with_bias_columns(program: Program, pairs: Sequence[tuple[Node, Node]], constant: set[Node]) -> Program:
    """Join the W and b of each pair that are one layer of a net, whose gradients are computed; else the same program.

    The inputs of a layer are computed, or `constant` for many runs.
    """
    layers = _layers(program, pairs, constant)
    sums = {node.args[0]: node for node in program.nodes if _is_sum_over_samples(node)}
    products = {}  # dZ -> A of its layer
    inputs = {layer.A for layer in layers.values()}
    for node in program.nodes:
        if node.function is np.matmul and all(type(arg) is Node for arg in node.args):
            dZ, transposed = node.args
            A = transposed.args[0] if transposed.function is np.transpose else None
            if type(A) is Node and A in inputs and len(transposed.args) == 1 and dZ in sums:
                products[dZ] = node, A
    used = {A for _, A in products.values()}
    layers = {Z: layer for Z, layer in layers.items() if layer.A in used}
    if not layers:
        return program
    return _Rebuilding(program, layers, {dZ: (*found, sums[dZ]) for dZ, found in products.items()}).program()


def _layers(program: Program, pairs: Sequence[tuple[Node, Node]], constant: set[Node]) -> dict[Node, _Layer]:
    """For each Z that is W @ A + b: its layer."""
    biases = dict(pairs)
    outputs = {*nodes_in(program.outputs)}
    uses = program.uses()
    layers = {}
    for node in program.nodes:
        if node.function is np.add and len(node.args) == 2 and type(node.args[0]) is Node:
            product, b = node.args
            if product.function is not np.matmul or uses[product] > 1 or any(type(x) is not Node for x in product.args):
                continue
            W, A = product.args
            is_kept = A in constant and W.shape[1] <= 2 * W.shape[0]  # it may be others at times, and is copied
            is_written = A not in constant and A not in outputs and can_write(A)
            pays = node.size <= _SMALL or W.shape[-1] >= _WIDE
            fits = biases.get(W, W) is b and len(A.shape) == 2 and W.dtype == b.dtype == A.dtype
            if fits and pays and (is_kept or is_written):
                layers[node] = _Layer(W, b, A)
    return layers


def _is_sum_over_samples(node: Node) -> bool:
    settings = node.kwargs
    return (
        node.function == np.add.reduce
        and type(node.args[0]) is Node
        and settings.keys() == {"axis", "keepdims"}
        and settings["axis"] in (1, -1)
        and bool(settings["keepdims"])
        and len(node.args[0].shape) == 2
    )


class _Rebuilding:
    def __init__(self, program: Program, layers: dict[Node, _Layer], products: dict[Node, tuple[Node, Node, Node]]):
        self.old, self.layers = program, layers
        self.gradients = {node: dZ for dZ, (dW, _, db) in products.items() for node in (dW, db)}
        self.products = products
        self.found: dict[Node, Node] = {node: node for node in program.inputs}
        self.nodes: list[Node] = []
        self.extended: dict[Node, Node] = {}
        self.joined: dict[Node, Node] = {}

    def _new(self, function: Callable[..., Any], *args: Any) -> Node:
        with np.errstate(all="ignore"):
            value = call(function, [arg.value if type(arg) is Node else arg for arg in args], {})
        self.nodes.append(Node(value, function, args))
        return self.nodes[-1]

    def program(self) -> Program:
        """The program with joined layers."""
        for node in self.old.nodes:
            if node in self.layers:
                W, b, A = self.layers[node]
                if A not in self.extended:
                    self.extended[A] = self._new(above_ones, self.found[A])
                found = self._new(np.matmul, self._new(beside, W, b), self.extended[A])
            elif node in self.gradients:
                dZ = self.gradients[node]
                dW, A, _ = self.products[dZ]
                if dZ not in self.joined:
                    self.joined[dZ] = self._new(np.matmul, self.found[dZ], self._new(np.transpose, self.extended[A]))
                k = A.shape[0]
                found = self._new(columns_of, self.joined[dZ], *((0, k) if node is dW else (k, 1)))
            else:
                args, kwargs = (replace_nodes(part, self.found.__getitem__) for part in (node.args, node.kwargs))
                found = Node(node.value, node.function, args, kwargs)
                self.nodes.append(found)
            found.name, found.line = node.name, node.line
            self.found[node] = found
        outputs = replace_nodes(self.old.outputs, self.found.__getitem__)
        guards = [guard._replace(node=self.found[guard.node]) for guard in self.old.guards]
        return Program(self.old.inputs, self.nodes, outputs, guards)
