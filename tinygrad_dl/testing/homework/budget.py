"""A limit on the time that a statement or a check of a learner's file may take, within this process."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AGAIN = 0.05  # seconds to the next attempt, if the code has caught the exception


class TooLong(BaseException):
    """Raised in code whose time is up; no Exception, so that the code does not catch it by chance."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong in the block when the time is up. What NumPy computes in one call ends first.

    In the main thread, where the system has timers as signals, a sleep ends as well.
    """
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _by_signal(seconds):
            yield
    else:
        with _by_thread(seconds):
            yield


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
    done, lock, thread = threading.Event(), threading.Lock(), threading.get_ident()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TooLong))
            wait = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with lock:  # from here on, nothing is raised any more
            done.set()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None)
        watcher.join()
