"""Recording: on by default, off inside `no_grad`, in one thread at a time."""

import asyncio
import contextlib
import threading

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.marks import in_a_new_thread


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


@in_a_new_thread
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
