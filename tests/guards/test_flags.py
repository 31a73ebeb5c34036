"""Blocks that set a flag, in generators, coroutines, tasks and threads, and after an interrupt, shown by `no_grad`."""

import asyncio
import contextlib
import gc
import threading
import types

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.marks import in_a_new_thread


def _generator():
    yield 1


async def _coroutine():
    pass


async def _async_generator():
    yield 1


@pytest.mark.parametrize("decorated", [_generator, _coroutine, _async_generator, tg.nn.Module])
def test_no_grad_decorates_only_what_computes_while_it_is_called(decorated):
    with pytest.raises(TypeError, match=r"expected a plain function to decorate.*without yield or await in it"):
        tg.no_grad()(decorated)


def test_one_no_grad_may_decorate_functions_that_call_each_other_and_fail():
    quiet = tg.no_grad()

    @quiet
    def inner(fail):
        assert not tg.is_grad_enabled()
        return 1 / (not fail)

    @quiet
    def outer():
        with pytest.raises(ZeroDivisionError):
            inner(True)
        assert not tg.is_grad_enabled()
        return inner(False)

    assert outer() == 1.0
    assert tg.is_grad_enabled()


def waiting_in(*blocks):
    """A generator that waits inside of blocks, and says whether it records there; then after them."""
    with contextlib.ExitStack() as stack:
        for block in blocks:
            stack.enter_context(block)
        yield tg.is_grad_enabled()
        yield tg.is_grad_enabled()
    yield tg.is_grad_enabled()


def test_a_generator_that_waits_in_no_grad_does_not_switch_off_its_caller():
    def numbers():
        with tg.no_grad():
            yield tg.is_grad_enabled()
            yield tg.is_grad_enabled()
        yield tg.is_grad_enabled()

    for generator in (numbers(), waiting_in(tg.no_grad()), (x for x in numbers())):
        for expected in (False, False, True):
            assert next(generator) is expected
            assert tg.is_grad_enabled()
            assert (tg.parameter(1.0) * 2).requires_grad


def test_blocks_in_generators_may_end_in_any_order():
    first, second, third = (waiting_in(tg.no_grad(), tg.no_grad()) for _ in range(3))
    assert (next(first), next(second), next(third)) == (False, False, False)
    first.close()
    assert tg.is_grad_enabled()
    with tg.no_grad():
        second.close()
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    assert list(third) == [False, True]
    assert tg.is_grad_enabled()


def test_a_gradient_taken_while_a_generator_waits_is_right_and_the_generator_may_end_in_it():
    generator = waiting_in(tg.no_grad())
    next(generator)

    def f(x):
        generator.close()
        return x**3

    assert tg.grad(f)(2.0) == 12.0
    assert tg.is_grad_enabled()


@in_a_new_thread
def test_a_block_made_of_a_generator_by_contextlib_holds_for_its_body():
    @contextlib.contextmanager
    def evaluating():
        with tg.no_grad():
            yield

    @contextlib.asynccontextmanager
    async def awaiting():
        with tg.no_grad():
            yield

    async def inside():
        async with awaiting():
            return tg.is_grad_enabled()

    with evaluating():
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    assert asyncio.run(inside()) is False
    generator = waiting_in(evaluating())
    assert next(generator) is False
    assert tg.is_grad_enabled()


@in_a_new_thread
def test_a_coroutine_run_by_hand_or_an_async_generator_does_not_switch_off_its_caller():
    @types.coroutine
    def pause():
        yield

    async def work():
        with tg.no_grad():
            await pause()
            return tg.is_grad_enabled()

    async def numbers():
        with tg.no_grad():
            yield tg.is_grad_enabled()

    async def caller():
        return [(inside, tg.is_grad_enabled()) async for inside in numbers()]

    coroutine = work()
    coroutine.send(None)
    assert tg.is_grad_enabled()
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value is False
    assert asyncio.run(caller()) == [(False, True)]


@in_a_new_thread
def test_what_a_task_starts_inside_of_no_grad_does_not_record_either():
    async def child():
        await asyncio.sleep(0)
        return tg.is_grad_enabled()

    async def main():
        with tg.no_grad():
            task = asyncio.create_task(child())
            found = await asyncio.to_thread(tg.is_grad_enabled)
        gc.collect()
        return found, await task, tg.is_grad_enabled()

    assert asyncio.run(main()) == (False, False, True)


def test_a_debug_block_in_a_generator_that_waits_is_not_its_callers():
    generator = waiting_in(tg.debug())
    next(generator)
    with np.errstate(all="ignore"):
        np.log(tg.parameter(0.0))
        with tg.debug():
            generator.close()
            with pytest.raises(FloatingPointError):
                np.log(tg.parameter(0.0))


def test_a_block_whose_end_was_interrupted_does_not_hold_once_it_is_gone():
    def interrupted(block):
        type(block).__enter__(block)  # and an interrupt comes before `__exit__` has begun

    interrupted(tg.no_grad())
    assert tg.is_grad_enabled()
    interrupted(tg.debug())
    with np.errstate(all="ignore"):
        np.log(tg.parameter(0.0))
    with tg.no_grad():
        pass
    assert tg.is_grad_enabled()


def test_a_block_that_ends_in_another_thread_than_it_began_in_leaves_that_thread_alone():
    def numbers():
        with tg.no_grad():
            yield 1

    waiting, seen = numbers(), []

    def begin():
        next(waiting)

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join(10)
    with tg.no_grad():
        waiting.close()
        seen.append(tg.is_grad_enabled())
    seen.append(tg.is_grad_enabled())
    assert seen == [False, True]
