"""A time limit ends loops and sleeps, in any thread, and leaves nothing behind."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from tinygrad_dl.testing.homework.budget import TooLong, seconds_left, time_limit

ROOT = str(Path(__file__).parents[3])
each = pytest.mark.parametrize


def loop():
    while True:
        pass


def stubborn():
    """A loop that catches what it can the first time."""
    try:
        loop()
    except BaseException:
        loop()


def in_thread(function):
    result = []

    def run():
        try:
            result.append(function())
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


def limited(function, seconds=0.02):
    with time_limit(seconds):
        return function()


@each("function", [loop, stubborn])
def test_an_endless_loop_ends_in_the_main_thread_and_in_others(function):
    with pytest.raises(TooLong):
        limited(function)
    assert isinstance(in_thread(lambda: limited(function)), TooLong)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_a_sleep_ends_in_the_main_thread():
    with pytest.raises(TooLong, match=r"longer than 0.02 s"):
        limited(lambda: time.sleep(100))


def test_a_limit_that_ends_in_a_callback_is_silent_and_comes_again(monkeypatch):
    ignored, ended = [], []

    def callback(reference):
        try:
            loop()
        finally:
            ended.append(reference)

    def free():
        function = lambda: None  # noqa: E731
        reference = weakref.ref(function, callback)
        del function
        assert reference() is None
        loop()

    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(TooLong):
        limited(free)
    assert isinstance(in_thread(lambda: limited(free)), TooLong)
    assert len(ended) == 2
    assert not ignored


def test_nothing_is_raised_in_time_or_after():
    assert limited(lambda: 3, 0.01) == 3
    assert in_thread(lambda: limited(lambda: 3, 0.01)) == 3
    time.sleep(0.03)


def test_a_limit_within_another_leaves_it_in_force():
    def both():
        with time_limit(10):
            pass
        loop()

    with pytest.raises(TooLong):
        limited(both)
    assert isinstance(in_thread(lambda: limited(both)), TooLong)


TRACED = """
import sys
from tests.testing.homework.test_budget import in_thread, limited, stubborn
in_thread(lambda: limited(stubborn))
in_thread(lambda: limited(lambda: 3))
sys.settrace(lambda *event: None)
limited(lambda: 3)
"""


def test_calls_that_are_traced_go_on_after_a_limit_in_another_thread():
    subprocess.run([sys.executable, "-c", TRACED], check=True, timeout=60, env=os.environ | {"PYTHONPATH": ROOT})


def test_an_error_of_the_block_passes_through():
    with pytest.raises(ZeroDivisionError):
        limited(lambda: 1 / 0)


def test_the_seconds_left_are_those_of_the_first_limit_to_come():
    assert seconds_left() == math.inf
    with time_limit(1000), time_limit(10):
        assert 9 < seconds_left() <= 10
        with time_limit(100):
            assert 9 < seconds_left() <= 10
    assert seconds_left() == math.inf
