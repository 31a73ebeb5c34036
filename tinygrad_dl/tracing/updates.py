"""The passes for training: the counters of an optimizer as one, biases as columns, and all parameters in one block."""

from __future__ import annotations

import itertools
from typing import Any

from .biases import beside, with_bias_columns
from .blocks import with_blocks, with_one_counter
from .dead_code import without_dead_code
from .program import Node, Program
from .session import Step
from .subexpressions import with_common_once
from .trace import Output


def updated_together(step: Step, program: Program, constant: set[Node]) -> Program:
    """The program with the updates of all parameters together; what is `constant` is so for many runs."""
    counters: dict[int, list[Node]] = {}
    for source in step.sources:
        if source.place is not None and source.node.is_number and isinstance(source.place.holder, list):
            counters.setdefault(id(source.place.holder), []).append(source.node)
    values = {id(s.place.holder): s.node for s in step.sources if s.place is not None and s.place.key == "_value"}
    groups: dict[Any, dict[int, Node | None]] = {}  # for each dtype: the old values of the outputs that are new ones
    for write in step.writes:
        if write.place is not None and write.place.key == "_value" and type(write.value) is Output:
            output = program.outputs[write.value.index]
            if type(output) is Node:
                groups.setdefault(output.dtype, {})[write.value.index] = values.get(id(write.place.holder))
    pairs: dict[Any, int] = {
        (W, b): position
        for group in groups.values()
        for (position, W), (_, b) in itertools.pairwise(group.items())
        if W is not None and b is not None and len(W.shape) == 2 and b.shape == (W.shape[0], 1)
    }
    counted = without_dead_code(with_common_once(with_one_counter(program, [*counters.values()])))
    biased = with_bias_columns(counted, [*pairs], constant)
    joined = {pairs[node.args] for node in biased.nodes if node.function is beside}
    fused = with_blocks(biased, [[*group] for group in groups.values()], joined)
    if any(node.function is beside for node in fused.nodes):  # the updates of a W and its b differ
        fused = with_blocks(counted, [[*group] for group in groups.values()])
    return program if fused is counted else fused
