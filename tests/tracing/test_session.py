"""A Tensor is one object in a compiled function too, in as many places as it is given."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.core.test_interrupts import Interrupt, run
from tests.tracing.test_compiled import assert_equal
from tinygrad_dl.core import primitives
from tinygrad_dl.tracing.session import record_step


def make_step():
    """A function of Tensors in several places, which writes to each, and one that it reads as a variable."""
    variable = tg.parameter([1.0, 2.0])

    def step(first, rest, *, last):
        tensors = [first, rest[0], rest[1]["w"], last]
        loss = np.sum(variable * first * rest[0] ** 2 * np.exp(rest[1]["w"] / 10) * np.tanh(last))
        loss.backward()
        for place, tensor in enumerate(tensors):
            tensor.data = tensor.data / 2 + place
        return [loss, [tensor * 2 for tensor in tensors]]

    return step, variable


KINDS = {
    "tracked": tg.parameter,
    "a number": lambda values: tg.parameter(values[0]),
    "untracked": tg.Tensor,
}
PATTERNS = st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=3)
TENSORS = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from([1.0, 2.0]), st.booleans()), min_size=3, max_size=3
)


@given(PATTERNS, TENSORS)
def test_tensors_in_several_places_of_the_arguments_have_the_results_gradients_and_data_of_eager_calls(
    patterns, tensors
):
    step, variable = make_step()
    compiled, (copy, other) = tg.compile(step), make_step()
    for pattern in patterns:  # the same Tensors may be equal in their values, and other objects
        found, expected = [], []
        for pool, leaf in ((found, variable), (expected, other)):
            pool += [leaf, *(KINDS[kind]([value, value]) for kind, value, _ in tensors)]
            for tensor, (_, _, has_gradient) in zip(pool[1:], tensors, strict=True):
                tensor.grad = np.ones(tensor.shape) if has_gradient and tensor.requires_grad else None
        for _ in range(2):
            results = []
            for f, pool in ((compiled, found), (copy, expected)):
                first, second, third, last = (pool[i] for i in pattern)
                results.append(f(first, [second, {"w": third}], last=last))
            assert_equal(*results)
            for a, b in zip(found, expected, strict=True):
                assert_equal(a.data, b.data)
                assert_equal(a.grad, b.grad)
            assert {type(a.grad) for a in found} <= {np.ndarray, type(None)}
    assert compiled.cache_info().eager == 0


@pytest.mark.parametrize("container", [lambda E: {"embed": E, "out": E}, lambda E: [E, E]])
def test_tied_weights_train_compiled_as_they_do_eagerly(container):
    def step(weights, x):
        first, second = weights.values() if isinstance(weights, dict) else weights
        loss = np.mean((first @ np.tanh(second @ x) - x) ** 2)
        loss.backward()
        second.data = second.data - 0.1 * first.grad
        first.grad = None
        return loss

    x = np.random.default_rng(0).normal(size=(3, 5))
    found, expected = (container(tg.parameter(np.eye(3) / 2)) for _ in range(2))
    compiled = tg.compile(step)
    for i in range(3):
        assert_equal(compiled(found, (1 + i) * x), step(expected, (1 + i) * x))
    assert_equal(found, expected)
    assert compiled.cache_info().hits == 2


class OfTracing(Interrupt):
    """Interrupts where Symbols are put into places, and taken out again."""

    def __call__(self, frame, event, arg):
        if frame.f_code.co_name in ("_swap", "set", "_put_back", "_refill", "_record", "is_transparent"):
            super().__call__(frame, event, arg)


@pytest.mark.few_values
def test_an_interrupt_of_a_trace_leaves_all_places_as_they_were():
    w, state, last = tg.parameter([1.0, 2.0]), [np.ones(2), 3.0], deque([np.ones(2)])

    def step(x):
        nonlocal factor
        np.sum(factor * w * x * last[0]).backward()
        state[:] = [state[0] + w.grad, state[1] + 1]
        w.data, factor = w.data - state[0], factor * x
        last[0] = last[0] * x

    def places():
        return [w._value, w._grad, *state, factor, *last, *primitives.on_arrays.values()]

    factor = np.ones(2)
    before, counter = places(), OfTracing()
    record = lambda: record_step(step, (np.ones(2),), {}, set())  # noqa: E731
    run(record, counter)
    for at in range(1, counter.places, counter.places // 60):
        assert run(record, OfTracing(at)), at
        assert all(a is b for a, b in zip(places(), before, strict=True)), at


@pytest.mark.parametrize("kind", [list, deque])
def test_all_places_are_as_they_were_after_a_function_that_removes_elements(kind):
    w, parts = tg.parameter([1.0, 2.0]), kind([np.ones(2), np.zeros(2)])
    before = [w._value, *parts]

    def step(x):
        w.data = w.data * x * parts.pop()
        parts.pop()

    with pytest.raises(TypeError, match="gets longer or shorter"):
        tg.compile(step)(np.ones(2))
    assert all(a is b for a, b in zip([w._value, *parts], before, strict=True))


def test_an_interrupt_of_a_compiled_step_leaves_all_of_its_state_old_or_new():
    w = tg.parameter([1.0, 2.0])
    optimizer, sums, total = tg.optim.Adam([w], 0.1), [np.ones(2)], np.zeros(2)

    @tg.compile
    def step(x):
        nonlocal total
        w.grad = None
        np.sum((w * x) ** 2).backward()
        optimizer.step()
        sums[0] = sums[0] + x
        total = total + w.data

    def state():
        return [w._value, w._grad, optimizer._v[0], optimizer._s[0], optimizer._t[0], *sums, total]

    for _ in range(4):
        step(np.ones(2))
    assert step.cache_info().hits > 1
    run(lambda: step(np.ones(2)), counter := Interrupt())
    kept = 0
    for at in range(1, counter.places + 1):
        before = state()
        assert run(lambda: step(np.ones(2)), Interrupt(at)), at
        same = [a is b for a, b in zip(before, state(), strict=True)]
        assert all(same) or not any(same), at
        kept += all(same)
    assert kept > 0
