"""The pass that adds up many small arrays in one call: `a + b + c + ...` is the sum over a stack of them.

A call takes longer than the arithmetic of a small array. `emitting` computes the terms into the rows of the stack, so
that nothing is copied; the sum differs by rounding at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .program import Node, Program, replace_nodes

_FEWEST, _LARGEST = 6, 1 << 17  # terms; bytes of a stack, since larger ones leave the caches


def stacked(*terms: Any) -> Any:
    """An array of all terms, one after another."""
    return np.stack(terms)


def with_long_sums(program: Program) -> Program:
    """Replace sums of many small arrays, of which nothing else uses the partial sums, by sums over a stack.

    >>> from .trace import trace
    >>> program = trace(lambda x: sum([x * i for i in range(2, 9)], x), np.ones(3)).program
    >>> [node.function.__name__ for node in with_long_sums(program).nodes[-2:]]
    ['stacked', 'reduce']
    """
    sums, partial = _long_sums(program)
    found: dict[Node, Node] = {node: node for node in program.inputs}
    nodes: list[Node] = []
    for node in program.nodes:
        if node in partial:
            continue
        if node in sums:
            terms = tuple(found[term] for term in sums[node])
            stack = Node(stacked(*(term.value for term in terms)), stacked, terms)
            found[node] = Node(
                node.value, np.add.reduce, (stack,), {"axis": 0, "keepdims": False}, node.name, node.line
            )
            nodes.append(stack)
        elif all(found[part] is part for part in node.parts):
            found[node] = node
        else:
            args, kwargs = (replace_nodes(part, found.__getitem__) for part in (node.args, node.kwargs))
            found[node] = Node(node.value, node.function, args, kwargs, node.name, node.line)
        nodes.append(found[node])
    outputs = replace_nodes(program.outputs, found.__getitem__)
    guards = [guard._replace(node=found[guard.node]) for guard in program.guards]
    return Program(program.inputs, nodes, outputs, guards) if sums else program


def _long_sums(program: Program) -> tuple[dict[Node, list[Node]], set[Node]]:
    """The terms of each long sum, in the order in which they are added; and the partial sums in it."""
    uses = program.uses()
    count: dict[Node, int] = {}  # of the terms of each sum
    before: dict[Node, Node] = {}  # the partial sum that it adds one to
    for node in program.nodes:
        if node.function is np.add and _is_of_like_arrays(node):
            known = [arg for arg in node.args if arg in count and uses[arg] == 1]
            count[node] = 2
            if known:
                before[node] = max(known, key=count.__getitem__)
                count[node] += count[before[node]] - 1
    inner = {*before.values()}
    sums, partial = {}, set()
    for node in count.keys() - inner:
        if count[node] >= _FEWEST and count[node] * node.size * node.dtype.itemsize <= _LARGEST:
            last, terms = node, []
            while last in before:
                first, second = last.args
                last, term = before[last], second if first is before[last] else first
                partial.add(last)
                terms.append(term)
            sums[node] = [*last.args, *reversed(terms)]
    return sums, partial


def _is_of_like_arrays(node: Node) -> bool:
    kinds = {(arg.shape, arg.dtype) if type(arg) is Node else None for arg in node.args}
    is_float = node.dtype in (np.float64, np.float32)
    return is_float and node.size > 0 and node.shape != () and not node.kwargs and kinds == {(node.shape, node.dtype)}
