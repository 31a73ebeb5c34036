"""The recording flag and `no_grad`; observers of the tape. Each thread and each asyncio task has its own flags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, TypeVar

from ..guards.flags import Mode, switched

R = TypeVar("R")

_recording: ContextVar[Any] = ContextVar("recording", default=True)
is_recording: Callable[[], Any] = _recording.get  # asked at every operation, hence with nothing in between
IN_FUNCTION = "in a function"  # that is being differentiated: it records, and what leaves the graph is suspicious
IN_RULE = "in a rule"  # that is being differentiated: it records, and what leaves the graph is an error


def with_recording(wanted: bool | str, function: Callable[..., R], *args: Any) -> R:
    """`switched` for recording, called at each backward pass: passing arguments on once more would double its cost."""
    outer = _recording.get()
    try:
        _recording.set(wanted)
        return function(*args)
    finally:
        _recording.set(outer)


def is_grad_enabled() -> bool:
    """Check whether operations on tracked Tensors are recorded.

    Returns
    -------
    bool
        True, except inside `no_grad`.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> with tg.no_grad():
    ...     tg.is_grad_enabled()
    False
    """
    return bool(is_recording())


class recording(Mode):
    """Switch recording on or off: `recording(True)`, `recording(False)`, `recording(IN_FUNCTION)`."""

    _variable = _recording


def no_grad() -> recording:
    """Return a context manager and decorator that switches recording off, for evaluation for instance.

    It applies to the current thread and asyncio task. A generator that is suspended inside such a block does not switch
    off recording for its caller.

    Returns
    -------
    recording
        The context manager, which decorates functions too.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([1.0, 2.0])
    >>> with tg.no_grad():
    ...     y = 2 * w
    >>> y.requires_grad
    False
    """
    return recording(False)


# ---- observers


class Observer:
    """An observer of the tape: the base of debug mode and of recorded backward passes. This one does nothing."""

    checks = False

    def recorded(self, node: Any) -> None:
        """Inspect a `node` that was just recorded."""

    def rules(self, rules: Iterable[Callable[..., Any]], node: Any, g: Any) -> Iterable[Callable[..., Any]]:
        """Return the rules to call for `node`, whose cotangent is `g`, in place of its `rules`."""
        return rules

    def finished(self, cotangents: dict[Any, Any]) -> None:
        """Inspect the `cotangents` at the end of a backward pass."""


_observer: ContextVar[Any] = ContextVar("observer", default=None)
is_observed: Callable[[], Any] = _observer.get  # read at every operation


class observing(Mode):
    """Let an Observer, or None, observe the recorded nodes, and backward passes."""

    _variable = _observer

    @classmethod
    def call(cls, observer: Observer | None, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `function(*args, **kwargs)`, observed by `observer`."""
        return switched(_observer, observer, function, *args, **kwargs)


def is_checking() -> bool:
    """Return True in debug mode."""
    return bool(is_observed()) and observing.value().checks
