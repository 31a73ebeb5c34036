"""Functions run in threads of their own, and a call ends when all of them have ended."""

import threading
import time

import numpy as np
import pytest

from tinygrad_dl.tracing.workers import Workers


def test_answers_come_in_order():
    def slow(x):
        time.sleep(0.02)
        return x, 1

    assert Workers([slow, lambda x: (x, 2), lambda x: (x, 3)])(7) == (7, 1, 7, 2, 7, 3)


def test_each_function_has_a_thread_of_its_own_and_the_first_that_of_the_caller():
    names = Workers([lambda: (threading.current_thread(),)] * 3)()
    assert len({*names}) == 3
    assert names[0] is threading.current_thread()
    assert Workers([lambda: (threading.current_thread(),)] * 3)() == names


def test_settings_of_the_caller_hold_in_all_threads():
    workers = Workers([lambda: (np.geterr()["over"],)] * 2)
    with np.errstate(over="raise"):
        assert workers() == ("raise", "raise")
    with np.errstate(over="ignore"):
        assert workers() == ("ignore", "ignore")


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_is_raised_when_all_have_ended(failing):
    ended = []

    def function(i):
        if i == failing:
            raise ZeroDivisionError(str(i))
        time.sleep(0.02)
        ended.append(i)
        return (i,)

    workers = Workers([lambda: function(0), lambda: function(1)])
    with pytest.raises(ZeroDivisionError, match=str(failing)):
        workers()
    assert ended == [1 - failing]
