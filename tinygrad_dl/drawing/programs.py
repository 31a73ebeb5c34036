"""A program as Tensors to draw: a node for each of its calls, without numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Tensor, record, untracked
from ..tracing.program import Node, Program, nodes_in, replace_nodes


def tensors_of(program: Program) -> list[Tensor]:
    """The outputs of `program` as Tensors, whose graph has its calls, shapes and names; all numbers in it are 0.

    >>> from ..tracing.trace import trace
    >>> (y,) = tensors_of(trace(lambda x: np.tanh(x) * 2, np.ones(3)).program)
    >>> y
    Tensor([0., 0., 0.], shape=(3,), dtype=float64, made by np.multiply)
    """
    found: dict[Node, Tensor] = {}
    for node in program.inputs:
        found[node] = untracked(_zeros(node), node.name or None)
        found[node]._tracked = True
    for node in program.nodes:
        args: list[Any] = []
        for arg in node.args:  # the arrays of a list are arguments of their own
            args += arg if isinstance(arg, (list, tuple)) and any(True for _ in nodes_in(arg)) else [arg]
        parents = tuple([found[arg] if type(arg) is Node else None for arg in args])
        values = tuple(replace_nodes(arg, _zeros) for arg in args)
        settings = {key: replace_nodes(value, _zeros) for key, value in node.kwargs.items()}
        found[node] = record(_zeros(node), node.function, values, settings or None, parents)  # type: ignore[arg-type]
        found[node].name = node.name or None
    return [found[output] for output in dict.fromkeys(program.outputs) if type(output) is Node]


def _zeros(node: Node) -> Any:
    """An array of the shape and dtype of an answer that takes no memory."""
    return np.broadcast_to(np.zeros((), node.dtype if isinstance(node.dtype, np.dtype) else float), node.shape)
