"""Loop-invariant code: what depends on constant Tensors only is computed once, as long as they hold the same arrays.

The values of a constant Tensor never change, so that `1 - Y` and the check of labels need not be repeated at each step.
"""

from __future__ import annotations

from collections.abc import Iterable

from .memory import bases_of
from .program import Node, Program


def invariant_nodes(program: Program, constant_inputs: Iterable[Node]) -> set[Node]:
    """The calls that depend on `constant_inputs` only, without those whose answers leave the program."""
    bases = bases_of(program)
    handed_out = {base for output in program.outputs if type(output) is Node for base in bases[output]}
    known = set(constant_inputs)
    found: set[Node] = set()
    for node in program.nodes:
        parts = [*node.parts]
        if parts and known.issuperset(parts) and node not in handed_out:
            known.add(node)
            found.add(node)
    return found
