"""A limit on the time that a statement or a check of a learner's file may take, within this process."""

from __future__ import annotations

import ctypes
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

AGAIN = 0.05  # seconds to the next attempt, if the code has caught the exception
_ends: list[float] = []  # of the blocks that are open


class TooLong(BaseException):
    """Raised in code whose time is up; no Exception, so that the code does not catch it by chance."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong in the block when the time is up. What NumPy computes in one call ends first.

    In the main thread, where the system has timers as signals, a sleep ends as well.
    """
    main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    end = time.monotonic() + seconds
    _ends.append(end)
    try:
        with _silent_in_callbacks(), (_by_signal if main else _by_thread)(seconds):
            yield
    finally:
        _ends.remove(end)


def seconds_left() -> float:
    """The seconds until the first of the limits around the caller; infinitely many if there is none."""
    return min(_ends, default=math.inf) - time.monotonic()


@contextmanager
def _silent_in_callbacks() -> Iterator[None]:
    """Print nothing of a TooLong that Python ignores, as one in the callback of a weak reference: it comes again."""
    report = sys.unraisablehook
    sys.unraisablehook = lambda ignored: None if issubclass(ignored.exc_type, TooLong) else report(ignored)
    try:
        yield
    finally:
        sys.unraisablehook = report


@contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        if active:
            raise TooLong(f"longer than {seconds:.2g} s")

    active, start = True, time.monotonic()
    handler = signal.signal(signal.SIGALRM, stop)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, AGAIN / 1000), AGAIN)
    try:
        try:
            yield
        finally:
            active = False  # the signal may still come before this line, but not twice
    finally:
        active = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if outer:  # the limit of a block around this one
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - start), AGAIN / 1000), AGAIN)


@contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    # Queues in C, as an exception within the Python code of an Event or a Thread may leave it locked.
    begun, done, ended = SimpleQueue[None](), SimpleQueue[None](), SimpleQueue[None]()
    active, thread = True, threading.get_ident()

    def watch() -> None:
        begun.get()
        wait = max(seconds, 0)
        while not _comes(done, wait):
            if active:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TooLong))
            wait = AGAIN
        ended.put(None)
        ended.put(None)

    def end() -> None:
        done.put(None)
        ended.get()
        time.sleep(0)  # calls raise what is pending

    threading.Thread(target=watch, daemon=True).start()
    try:
        try:
            begun.put(None)
            yield
        finally:
            active = False
    finally:
        active = False
        try:
            end()
        except TooLong:  # it was on its way; to take it back would leave Python 3.11 on the watch for it
            end()


def _comes(queue: SimpleQueue[None], seconds: float) -> bool:
    """Return True if something comes within the time."""
    try:
        queue.get(timeout=seconds)
    except Empty:
        return False
    return True
