"""The pass that leaves out calls that no output and no guard needs."""

from __future__ import annotations

from .program import Program, needed


def without_dead_code(program: Program) -> Program:
    """The calls that `program` needs for its outputs and guards, in the same order.

    >>> import numpy as np
    >>> from .trace import trace
    >>> program = trace(lambda x: [np.exp(x), np.sin(x)][1], np.ones(3)).program
    >>> len(program.nodes), len(without_dead_code(program).nodes)
    (2, 1)
    """
    alive = set(needed([*program.outputs, *(guard.node for guard in program.guards)]))
    return Program(program.inputs, [node for node in program.nodes if node in alive], program.outputs, program.guards)
