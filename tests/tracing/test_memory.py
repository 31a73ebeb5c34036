"""Buffers are reused when nobody reads them any more, and never behind a view."""

import numpy as np

from tinygrad_dl.tracing.memory import Memory
from tinygrad_dl.tracing.trace import trace

X = np.ones((4, 5))


def memory_of(f, escaping=True):
    program = trace(f, X).program
    return program, Memory(program, program.outputs if escaping else [])


def test_a_chain_needs_one_buffer():
    _, memory = memory_of(lambda x: np.sum(np.exp(np.sin(np.cos(x)))))
    assert len(memory.sizes) == 1
    assert {slot.number for slot in memory.slots.values()} == {0}
    assert len(memory.slots) == 3


def test_what_is_used_later_keeps_its_buffer():
    program, memory = memory_of(lambda x: np.sum((y := np.exp(x)) * np.sin(np.cos(y))))
    numbers = [memory.slots[node].number for node in program.nodes[:3]]
    assert numbers == [0, 1, 1]


def test_a_view_keeps_the_buffer_of_its_base():
    def f(x):
        view = np.transpose(np.exp(x), None)
        other = np.sin(np.cos(x))
        return np.sum(view @ other)

    program, memory = memory_of(f)
    exp, cos = (next(n for n in program.nodes if n.function is g) for g in (np.exp, np.cos))
    assert memory.slots[exp].number != memory.slots[cos].number


def test_outputs_and_what_they_may_view_are_no_buffers():
    program, memory = memory_of(lambda x: np.reshape(np.exp(x), -1))
    assert not memory.slots
    assert memory.bases[program.outputs[0]] == {program.outputs[0], program.nodes[0]}


def test_answers_of_0_dimensions_that_may_be_views_are_views():
    program, memory = memory_of(lambda x: np.squeeze(np.exp(x[:1, :1])) + 1)
    squeezed = next(node for node in program.nodes if node.function is np.squeeze)
    assert len(memory.bases[squeezed]) > 1
