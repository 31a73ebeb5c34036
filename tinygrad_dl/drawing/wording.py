"""One operation in words: the line that computes it, the derivative of each argument, what was broadcast and summed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import primitives
from ..nn.fused import affine
from . import formulas
from .graph import Graph, Node

# Functions that broadcast arguments beside ufuncs: which ones. Their rules see what was broadcast, or undo it.
_BROADCASTING: dict[Callable | None, tuple[int, ...]] = {
    affine: (2,),
    np.where: (0, 1, 2),
    np.clip: (0, 1, 2),
    np.broadcast_to: (0,),
}


def names(graph: Graph, node: Node) -> dict[str, str]:
    """What stands for the parameters of the rule of an operation, a name for each: that of the Tensor, if it has one.

    What has none keeps the rule's own, or if it is a leaf, says what it is; where that is taken, its number tells it.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> graph = Graph([x * np.ones(2)])
    >>> names(graph, graph.nodes[-1])
    {'g': 'g', 'ans': 'ans', 'x': 'x', 'y': 'data'}
    """
    parameters = formulas.parameter_names(node.value)
    sources = {parameters[o.argnum]: graph.nodes[o.index] for o in node.operands if o.argnum < len(parameters)}
    own = graph.names[node.index]
    given = {"g": f"d{own}" if own else "", "ans": own, **{p: graph.names[s.index] for p, s in sources.items()}}
    taken = {name: sources.get(parameter, node) for parameter, name in given.items() if name}
    for parameter in [parameter for parameter, name in given.items() if not name]:
        source = sources.get(parameter, node)
        plain = parameter if source.kind == "operation" else source.kind
        given[parameter] = plain if taken.setdefault(plain, source) is source else f"{plain}{source.index}"
    return given


def derivative(graph: Graph, node: Node, argnum: int) -> str:
    """The rule for argument `argnum`, traced and printed, in the names of the graph.

    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([1.0, 2.0], name="Z")
    >>> graph = Graph([np.tanh(z)])
    >>> derivative(graph, graph.nodes[-1], 0)
    'g * (1 - ans**2)'
    """
    if node.function is primitives.output:
        return "g"
    return str(formulas.derivative(node.value, argnum, names(graph, node)))


def derivatives(graph: Graph, node: Node) -> list[tuple[str, str]]:
    """For each tracked argument the name that it goes by, and the formula of its derivative."""
    parameters, given = formulas.parameter_names(node.value), names(graph, node)
    rows = []
    for operand in node.operands:
        if graph.nodes[operand.index].is_tracked:
            known = operand.argnum < len(parameters)
            name = given[parameters[operand.argnum]] if known else f"argument {operand.argnum}"
            rows.append((name, derivative(graph, node, operand.argnum)))
    return rows


def line(graph: Graph, node: Node) -> str:
    """The line of code that computes it, `A1 = np.tanh(Z1)`.

    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([1.0, 2.0], name="Z")
    >>> graph = Graph([np.tanh(z)])
    >>> line(graph, graph.nodes[-1])
    'np.tanh(Z)'
    """
    expression = str(formulas.expression(node.value, names(graph, node)))
    return f"{node.name} = {expression}" if node.name else expression


def is_broadcast(source: Node, user: Node, argnum: int) -> bool:
    """Whether an operation repeats its argument to the shape of its answer."""
    function = user.function
    if source.shape is None or user.shape is None or source.shape == user.shape:
        return False
    if function is np.matmul:  # of stacks of matrices
        stacks = [np.shape(arg)[:-2] for arg in user.value._args]
        return stacks[argnum] != np.broadcast_shapes(*stacks)
    if isinstance(function, np.ufunc):
        return function.signature is None
    return argnum in _BROADCASTING.get(function, ())


def undone(raw: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """How the engine brings a cotangent of shape `raw` to the `shape` of its argument.

    >>> undone((5, 4, 400), (4, 1))
    'summed over axes 0, 2: (5, 4, 400) to (4, 1)'
    """
    extra = len(raw) - len(shape)
    axes = [*range(extra), *(i + extra for i, length in enumerate(shape) if length == 1 != raw[i + extra])]
    return f"summed over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}: {raw} to {shape}"
