"""Recording: on by default, off inside `no_grad`, in one thread at a time."""

import asyncio
import contextlib
import gc
import threading
import types

import numpy as np
import pytest

import tinygrad_dl as tg


def test_nothing_is_recorded_inside_no_grad_and_values_are_the_same():
    w = tg.parameter([1.0, 2.0])
    functions = [lambda x: x * x, lambda x: 2 - x, np.tanh, np.sum, lambda x: x[0], lambda x: x @ x, lambda x: -x]
    for f in functions:
        with tg.no_grad():
            hidden = f(w)
        assert type(hidden) is tg.Tensor
        assert not hidden.requires_grad
        assert hidden.tolist() == f(w).tolist()


def test_a_parameter_made_inside_no_grad_is_one():
    with tg.no_grad():
        w = tg.parameter(1.0)
    assert (w * 2).requires_grad


def test_no_grad_may_be_nested_and_ends_with_its_block_even_by_an_error():
    assert tg.is_grad_enabled()
    with tg.no_grad():
        with tg.no_grad():
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        _ = 1 / 0
    assert tg.is_grad_enabled()


def test_no_grad_decorates_a_function():
    w = tg.parameter(1.0)

    @tg.no_grad()
    def f(x):
        """Twice x."""
        return x * 2

    assert not f(w).requires_grad
    assert not f(w).requires_grad
    assert (f.__name__, f.__doc__) == ("f", "Twice x.")
    assert tg.is_grad_enabled()


def test_one_no_grad_may_be_entered_again_and_again():
    quiet = tg.no_grad()
    with quiet:
        with quiet:
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    with quiet:
        assert not tg.is_grad_enabled()


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


def test_tasks_of_one_thread_record_each_by_itself():
    w = tg.parameter(2.0)

    async def work(quiet, turns):
        with tg.no_grad() if quiet else contextlib.nullcontext():
            seen = []
            for _ in range(turns):
                seen.append((w * w).requires_grad)
                await asyncio.sleep(0)
        return set(seen)

    async def main():
        return await asyncio.gather(work(True, 5), work(False, 3), work(True, 2), work(False, 7))

    assert asyncio.run(main()) == [{False}, {True}, {False}, {True}]
    with tg.no_grad():
        assert asyncio.run(main()) == [{False}] * 4
    assert tg.is_grad_enabled()


def test_a_gradient_inside_no_grad_is_a_number_and_leaves_the_mode_as_it_was():
    with tg.no_grad():
        assert tg.grad(np.tanh)(0.0) == 1.0
        assert not tg.is_grad_enabled()
        with pytest.raises(ZeroDivisionError):
            tg.grad(lambda x: 1 / 0)(0.0)
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled() is True
    tg.grad(lambda x: x * tg.is_grad_enabled())(1.0)


def test_no_grad_in_one_thread_does_not_touch_another():
    w, seen = tg.parameter(2.0), {}
    inside, done = threading.Event(), threading.Event()

    def quiet():
        with tg.no_grad():
            inside.set()
            done.wait(10)
            seen["quiet"] = (w * w).requires_grad

    def loud():
        inside.wait(10)
        seen["loud"] = float(tg.gradients(w * w, w))
        done.set()

    threads = [threading.Thread(target=f) for f in (quiet, loud)]
    with tg.no_grad():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert seen == {"quiet": False, "loud": 4.0}


def test_threads_may_differentiate_one_parameter_at_once():
    w, found = tg.parameter(np.arange(5.0)), [None] * 8

    def work(i):
        found[i] = tg.gradients(np.sum(w**2 * i), w)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for i, g in enumerate(found):
        assert g.tolist() == (2 * i * np.arange(5.0)).tolist()
