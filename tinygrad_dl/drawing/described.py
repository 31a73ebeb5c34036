"""The text of a drawing: the graph as a list of nodes, with the facts that its picture shows."""

from __future__ import annotations

from ..graph import op_text, text
from ..graph.nodes import Node
from .derived import derivation_of
from .findings import Findings, Options

_MOST_NODES = 300  # of a graph whose backward pass is derived
_MOST_LINES = 60  # of formulas
_COLUMNS = 140  # of a list with facts


def described(found: Findings, options: Options) -> str:
    """The nodes with their gradients and verdicts, the formulas of the backward pass, and those of each operation.

    The backward pass alone, without norms of gradients, is its derivation, as that of `tinygrad_dl.derive`.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl.graph.nodes import Graph
    >>> x = tg.parameter([1.0, 2.0], name="x")
    >>> print(described(Findings(Graph([np.exp(x)])), Options(formulas=True)))
    1 operation on 1 parameter (2 numbers)
    #1     (2,)  exp(x)
    #0  x  (2,)  parameter
    <BLANKLINE>
    Derivatives, where g is the arriving gradient and ans the result:
    #1  dx: g * ans
    """
    derivation = _derivation(found) if options.show != "forward" else ""
    facts = _facts(found, options)
    parts = [] if derivation and options.show == "backward" and not facts else [_nodes(found, facts)]
    parts += [derivation] if derivation else []
    parts += [_formulas(found)] if options.formulas or (options.show != "forward" and not derivation) else []
    parts += [causes] if (causes := _causes(found)) else []
    return "\n\n".join(parts)


def _nodes(found: Findings, facts: dict[int, str]) -> str:
    return text.as_text(found.graph, width=_COLUMNS, facts=facts) if facts else text.as_text(found.graph)


def _facts(found: Findings, options: Options) -> dict[int, str]:
    """The verdict and the gradient of each node that has them."""
    facts = {}
    for node in found.graph.nodes:
        words = found.verdict([node.index]) + (_gradient(found, node) if options.norms and node.is_tracked else [])
        if words:
            facts[node.index] = ", ".join(words)
    return facts


def _gradient(found: Findings, node: Node) -> list[str]:
    return found.gradient(node, numbers=False) if found.record is not None or found.stored else []


def _derivation(found: Findings) -> str:
    """The formulas of the backward pass from one loss, "" where it can't be derived."""
    graph = found.graph
    if len(graph.outputs) == 1 and len(graph.nodes) <= _MOST_NODES:
        return str(derivation_of(graph) or "")
    return ""


def _formulas(found: Findings) -> str:
    """The derivatives of each operation, from the last one back."""
    graph = found.graph
    lines = [
        f"#{node.index}  {f'd{name}: ' if name else ''}{formula}"
        for node in reversed(graph.nodes)
        if node.kind == "operation"
        for name, formula in op_text.derivatives(graph, node)
    ]
    rest = [f"... and {len(lines) - _MOST_LINES:,} more"] if len(lines) > _MOST_LINES else []
    head = "Derivatives, where g is the arriving gradient and ans the result:"
    return "\n".join([head, *lines[:_MOST_LINES], *rest])


def _causes(found: Findings) -> str:
    """The causes of what the report calls wrong."""
    rows = [index for index, row in found.verdicts.items() if row.causes]
    return "\n".join(line for index in rows for line in found.causes([index]))
