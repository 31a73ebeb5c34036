"""Threads: each records by itself, and all of them may go back through one graph, into the same leaves."""

import sys
import threading

import numpy as np
import pytest

import tinygrad_dl as tg


@pytest.fixture(autouse=True)
def impatient():
    """Change threads so often that what is not guarded breaks."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_together(works):
    """Call all `works` at once, each in its own thread; their results, or the first error."""
    start, outcomes = threading.Barrier(len(works)), [None] * len(works)

    def call(i, work):
        start.wait(10)
        try:
            outcomes[i] = work()
        except BaseException as error:
            outcomes[i] = error

    threads = [threading.Thread(target=call, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes


def shared_graph(steps=50):
    w, v = tg.parameter(np.linspace(0.5, 1.0, 4), name="w"), tg.parameter(np.linspace(0.1, 0.2, 4), name="v")
    y = w
    for _ in range(steps):
        y = np.tanh(y) * v + w
    return w, v, np.sum(y)


def test_four_threads_go_back_through_one_graph_and_each_gets_its_own_gradients():
    w, v, loss = shared_graph()
    expected = tg.gradients(loss, [w, v])
    for results in run_together([lambda: [tg.gradients(loss, [w, v]) for _ in range(10)]] * 4):
        for found in results:
            np.testing.assert_array_equal(found, expected)


def test_four_threads_add_into_the_same_leaves_and_nothing_is_lost():
    w, v, loss = shared_graph()
    by_w, by_v = tg.gradients(loss, [w, v])
    run_together([lambda: [loss.backward() for _ in range(100)]] * 4)
    np.testing.assert_allclose(w.grad, 400 * by_w, rtol=1e-12)
    np.testing.assert_allclose(v.grad, 400 * by_v, rtol=1e-12)


def test_four_threads_build_their_own_graphs_on_shared_parameters():
    w = tg.parameter(np.arange(1.0, 5.0))

    def work(power):
        for _ in range(50):
            loss = np.sum(w**power)
            loss.backward()
        return tg.gradients(loss, w).tolist()

    found = run_together([lambda p=p: work(p) for p in (1, 2, 3, 4)])
    x = np.arange(1.0, 5.0)
    assert found == [(p * x ** (p - 1)).tolist() for p in (1, 2, 3, 4)]
    np.testing.assert_allclose(w.grad, 50 * np.sum(found, axis=0), rtol=1e-12)


def test_four_threads_differentiate_to_second_order_at_once():
    w, v, loss = shared_graph(10)

    def work():
        g = tg.gradients(loss, w, create_graph=True)
        return tg.gradients(np.sum(g), [w, v])

    expected = work()
    for found in run_together([work] * 4):
        np.testing.assert_array_equal(found, expected)


def test_a_joint_rule_keeps_the_threads_apart():
    A, b = tg.parameter(np.eye(3) + 0.1), tg.parameter(np.arange(3.0))
    loss = np.sum(np.linalg.solve(A, b) ** 2)
    expected = tg.gradients(loss, [A, b])
    for results in run_together([lambda: [tg.gradients(loss, [A, b]) for _ in range(20)]] * 4):
        for found in results:
            for g, right in zip(found, expected, strict=True):
                np.testing.assert_array_equal(g, right)


def test_modes_of_one_thread_are_not_those_of_another():
    w, quiet, strict = tg.parameter(2.0), tg.no_grad(), tg.debug()

    def silent():
        seen = set()
        for _ in range(200):
            with quiet:
                seen.add((w * w).requires_grad)
                with quiet:
                    seen.add((w * w).requires_grad)
            assert tg.is_grad_enabled()
        return seen

    def loud():
        return {(w * w).requires_grad for _ in range(400)}

    def careful():
        seen = set()
        for _ in range(100):
            with strict:
                seen.add(hasattr(w * w, "_origin"))
        return seen

    found = run_together([silent, silent, loud, loud, careful, careful])
    assert found == [{False}, {False}, {True}, {True}, {True}, {True}]


def test_new_data_in_one_thread_leave_the_graphs_of_another_right():
    w = tg.parameter(np.ones(1000))
    done = threading.Event()

    def change():
        while not done.is_set():
            w.data = w.numpy() % 7 + 1

    def differentiate():
        try:
            for _ in range(300):
                y = w * 1
                assert np.array_equal(tg.gradients(np.sum(y * y * y), y), 3 * y.numpy() ** 2)
                loss = np.sum(w**2)
                assert tg.gradients(loss, w).sum() == pytest.approx(2 * np.sqrt(loss.item() / 1000) * 1000)
        finally:
            done.set()

    run_together([change, differentiate])
