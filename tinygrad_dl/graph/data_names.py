"""Names for the data and outputs of a graph: of the argument or the user's variable that holds them, or else X1, X2."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import _frames
from .._signatures import signature
from ..core import registry
from .labels import names_of_arguments
from .nodes import Graph, Node

_SAMPLE = 64  # numbers of an array that are compared first


def name_data(graph: Graph, variables: Mapping[str, Any] | None = None) -> None:
    """Set the `alias` of each array in `graph` that is data and has no name, and of each output without a name.

    For data, it is the name of the argument of the outermost Module, X for the first; or of the function that reads it,
    if that is none of NumPy, such as the Y of a loss; or of the only one of `variables` with these values, which are by
    default those at the user's line; or else X, beside an X Y, and X1, X2, ... if there are several. Equal arrays share
    a name. For an output, it is the name of the variable that holds it, such as `cost`.

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([1.0, 2.0], name="w")
    >>> graph = Graph([w * np.ones(2) + np.arange(2)])
    >>> name_data(graph, {})
    >>> graph.names
    ['w', 'X1', '', 'X2', '']
    >>> cost = np.sum(w**2)
    >>> graph = Graph([cost])
    >>> name_data(graph, {"cost": cost})
    >>> graph.names
    ['w', '', 'cost']
    """
    variables = _users_variables() if variables is None else variables
    variables = {name: x for name, x in variables.items() if not name.startswith("_")}
    arrays = {name: x for name, x in variables.items() if type(x) is np.ndarray}
    nameless: list[list[Node]] = []
    for nodes in _equal_data(graph):
        alias = _argument_name(graph, nodes) or _variable_name(arrays, nodes[0].array)
        if alias is None:
            nameless.append(nodes)
        _set_alias(nodes, alias)
    for nodes, alias in zip(nameless, _free_names(graph, len(nameless)), strict=False):
        _set_alias(nodes, alias)
    _name_outputs(graph, variables)


def _name_outputs(graph: Graph, variables: Mapping[str, Any]) -> None:
    """Name each output without a name after the first variable that holds it, unless another node has that name."""
    taken = {node.name for node in graph.nodes}
    for node in (graph.nodes[index] for index in graph.outputs):
        if node.kind == "operation" and not node.name:
            node.alias = next((name for name, x in variables.items() if x is node.value and name not in taken), None)


def _users_variables() -> dict[str, Any]:
    frame = _frames.users_frame(sys._getframe())
    return {**frame.f_globals, **frame.f_locals}


def _equal_data(graph: Graph) -> list[list[Node]]:
    """The nodes of data with axes and without a name, in groups of equal arrays, in the order of their first use."""
    groups: list[list[Node]] = []
    alike: dict[Any, list[list[Node]]] = {}  # by a few of the numbers
    for node in graph.nodes:
        if node.kind == "data" and not node.name and node.shape:
            array = np.asarray(node.array)
            key = array.shape, array.dtype.str, array.flat[:: array.size // _SAMPLE + 1].tobytes()
            same = next((g for g in alike.get(key, ()) if np.array_equal(g[0].array, array)), None)
            if same is None:
                groups.append(same := [])
                alike.setdefault(key, []).append(same)
            same.append(node)
    return groups


def _set_alias(nodes: list[Node], alias: str | None) -> None:
    for node in nodes:
        node.alias = alias


def _argument_name(graph: Graph, nodes: list[Node]) -> str | None:
    """The name of the argument that the first of `nodes` was given as, of a Module or of a function of this package."""
    for scope in graph.scopes:
        if scope.parent is None and any(scope.was_given(node) for node in nodes):
            given = zip(scope.args, names_of_arguments(scope.module), strict=False)
            return next((name for x, name in given if _is_like(x, nodes[0].array)), "X")
    first = nodes[0].index
    readers = ((node, operand.argnum) for node in graph.nodes for operand in node.operands if operand.index == first)
    return next((name for node, argnum in readers if (name := _parameter_name(node, argnum))), None)


def _is_like(x: Any, array: Any) -> bool:
    return np.shape(array) == getattr(x, "shape", None) and np.array_equal(getattr(x, "_value", x), array)


def _parameter_name(node: Node, argnum: int) -> str | None:
    """The name of a parameter of the function of an operation; None for a function of NumPy, whose names say little."""
    function = node.function
    if function is None or registry.name_of(function).startswith("np."):
        return None
    try:
        names = list(signature(function).parameters)
    except (TypeError, ValueError):
        return None
    return names[argnum] if argnum < len(names) and names[argnum][:1].isupper() else None


def _variable_name(arrays: Mapping[str, np.ndarray], array: Any) -> str | None:
    """The name of the only array with the values of `array`; of several names for one object, the first."""
    equal = [(name, x) for name, x in arrays.items() if x.shape == array.shape and np.array_equal(x, array)]
    return equal[0][0] if equal and all(x is equal[0][1] for _, x in equal) else None


def _free_names(graph: Graph, count: int) -> Iterator[str]:
    taken = {node.name for node in graph.nodes}
    candidates = itertools.chain("XY" if count == 1 else "", (f"X{i}" for i in itertools.count(1)))
    return (name for name in candidates if name not in taken)
