"""Text for one operation: the line that computes it, the derivative of each argument, and broadcasting."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import primitives
from ..nn.fused import affine
from . import formulas
from .nodes import Graph, Node
from .record import Contribution

MOST = 12  # arguments of one operation whose formulas are shown, since each takes a trace of all arguments
# Functions other than ufuncs that broadcast arguments, and the numbers of these arguments.
_BROADCASTING: dict[Callable[..., Any] | None, tuple[int, ...]] = {
    affine: (2,),
    np.where: (0, 1, 2),
    np.clip: (0, 1, 2),
    np.broadcast_to: (0,),
}


def names(graph: Graph, node: Node, like: Sequence[int] = (), called: Sequence[str] | None = None) -> dict[str, str]:
    """Names for the parameters of the rule of an operation: those of the Tensors, as far as they have names.

    An unnamed operation keeps the rule's parameter name, an unnamed leaf has its kind; where a Tensor of the graph has
    that name, its number is added, `x#3`. For all operations `like` this one, drawn as one, only arguments that are the
    same in each have names; an underscore is added to others. `called` replaces the graph's names, by node.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> graph = Graph([x * np.ones(2)])
    >>> names(graph, graph.nodes[-1])
    {'g': 'g', 'ans': 'ans', 'x': 'x', 'y': 'data'}
    """
    parameters = formulas.parameter_names(node.value)
    sources = {parameters[o.argnum]: graph.nodes[o.index] for o in node.operands if o.argnum < len(parameters)}
    called = graph.names if called is None else called
    own = "" if len(like) > 1 else called[node.index]
    varying = {name for index in like for name in _varying_parameters(parameters, sources, graph.nodes[index])}
    given = {"g": f"d{own}" if own and f"d{own}" not in graph.own_names else "", "ans": own}
    given |= {p: "" if p in varying else called[source.index] for p, source in sources.items()}
    taken = {name: sources.get(parameter, node) for parameter, name in given.items() if name}
    for parameter in [parameter for parameter, name in given.items() if not name]:
        source = sources.get(parameter, node)
        plain = parameter if source.kind == "operation" or parameter in varying else source.kind
        if plain in graph.own_names or taken.setdefault(plain, source) is not source:
            plain += "_" if parameter in varying else f"#{source.index}"
        given[parameter] = plain
    return given


def _varying_parameters(parameters: list[str], sources: dict[str, Node], node: Node) -> list[str]:
    """The parameters whose nodes in the operation `node` differ from `sources`."""
    return [
        parameters[operand.argnum]
        for operand in node.operands
        if operand.argnum < len(parameters) and sources[parameters[operand.argnum]].index != operand.index
    ]


def derivative(graph: Graph, node: Node, argnum: int, given: dict[str, str] | None = None) -> str:
    """The formula of the rule for argument `argnum`, traced, with the names of the graph, or those `given`.

    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([1.0, 2.0], name="Z")
    >>> graph = Graph([np.tanh(z)])
    >>> derivative(graph, graph.nodes[-1], 0)
    'g * (1 - ans**2)'
    """
    if node.function is primitives.output:
        return "g"
    return str(formulas.derivative(node.value, argnum, names(graph, node) if given is None else given))


def derivatives(graph: Graph, node: Node, like: Sequence[int] = ()) -> list[tuple[str, str]]:
    """The name and the formula of the derivative of each tracked argument.

    After `MOST` arguments, a last row without a name has the count of the others.
    """
    parameters, given = formulas.parameter_names(node.value), names(graph, node, like)
    tracked = [operand.argnum for operand in node.operands if graph.nodes[operand.index].is_tracked]
    rows = []
    for argnum in tracked[:MOST]:
        name = given[parameters[argnum]] if argnum < len(parameters) else f"argument {argnum}"
        rows.append((name, derivative(graph, node, argnum, given)))
    return rows + ([("", f"... and {len(tracked) - MOST:,} more")] if len(tracked) > MOST else [])


def line(graph: Graph, node: Node) -> str:
    """The line of code that computes an operation, `A1 = np.tanh(Z1)`.

    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([1.0, 2.0], name="Z")
    >>> graph = Graph([np.tanh(z)])
    >>> line(graph, graph.nodes[-1])
    'np.tanh(Z)'
    """
    expression = str(formulas.expression(node.value, names(graph, node)))
    return f"{node.name} = {expression}" if node.name else expression


def broadcast_shape(
    source: Node, user: Node, argnum: int, contribution: Contribution | None = None
) -> tuple[int, ...] | None:
    """The shape to which an operation broadcasts its argument, or None if it does not.

    It is known for ufuncs, also those of stacks of matrices with a signature, and a few other functions; for others,
    such as `np.linalg.solve`, only from a `contribution` that was summed.

    >>> import tinygrad_dl as tg
    >>> A, B = tg.parameter(np.ones((3, 4))), tg.parameter(np.ones((5, 4, 7)))
    >>> a, b, product = Graph([A @ B]).nodes
    >>> broadcast_shape(a, product, 0), broadcast_shape(b, product, 1)
    ((5, 3, 4), None)
    """
    shape = _broadcast(user, argnum)
    if shape is None and contribution is not None and contribution.is_summed:
        shape = contribution.raw_shape
    return None if shape is None or source.shape is None or shape == source.shape else shape


def _broadcast(user: Node, argnum: int) -> tuple[int, ...] | None:
    """The shape of an argument after broadcasting, or None if the function is not known to broadcast."""
    function = user.function
    if not isinstance(function, np.ufunc):
        return user.shape if argnum in _BROADCASTING.get(function, ()) else None
    shapes = [np.shape(arg) for arg in user.value._args[: function.nin]]
    if function.signature is None:
        return np.broadcast_shapes(*shapes)
    # "(n?,k),(k,m?)->(n?,m?)": the function takes so many last axes of each argument, and the others are a stack
    axes = [len(re.findall(r"\w+", own)) for own in re.findall(r"\(([^)]*)\)", function.signature.split("->")[0])]
    stacks = [shape[: max(len(shape) - own, 0)] for shape, own in zip(shapes, axes, strict=True)]
    return np.broadcast_shapes(*stacks) + shapes[argnum][len(stacks[argnum]) :]


def undone(raw: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """A description of the sum that reduces a cotangent of shape `raw` to the `shape` of its argument.

    >>> undone((5, 4, 400), (4, 1))
    'summed over axes 0, 2: (5, 4, 400) to (4, 1)'
    """
    extra = len(raw) - len(shape)
    axes = [*range(extra), *(i + extra for i, length in enumerate(shape) if length == 1 != raw[i + extra])]
    return f"summed over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}: {raw} to {shape}"
