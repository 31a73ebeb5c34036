"""Whether this thread records what it computes; and `Mode`, by which a thread is told so."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ClassVar


class Mode:
    """Gives a context variable a value in this thread: in a `with` block, or in the function that it decorates.

    One object may be entered again inside itself, and by several threads at once. Blocks may end in any order, as those
    in generators do: the last to be entered, of those still open, holds.
    """

    _variable: ClassVar[ContextVar[Any]]
    _default: ClassVar[Any]
    _open: ClassVar[ContextVar[tuple[Mode, ...]]]  # the blocks that this thread is in

    def __init_subclass__(cls) -> None:
        cls._open = ContextVar(f"open {cls.__name__}", default=())

    def __init__(self, wanted: Any):
        self._wanted = wanted

    def __enter__(self) -> None:
        self._open.set((*self._open.get(), self))
        self._variable.set(self._wanted)

    def __exit__(self, *error: object) -> None:
        blocks = self._open.get()
        if blocks and blocks[-1] is self:
            blocks = blocks[:-1]
        elif self in blocks:  # others were entered since, and are still open
            last = len(blocks) - 1 - blocks[::-1].index(self)
            blocks = blocks[:last] + blocks[last + 1 :]
        self._open.set(blocks)
        self._variable.set(blocks[-1]._wanted if blocks else self._default)

    def __call__(self, function: Callable) -> Callable:
        if (
            not inspect.isroutine(function)
            or inspect.isgeneratorfunction(function)
            or inspect.iscoroutinefunction(function)
            or inspect.isasyncgenfunction(function)
        ):
            raise TypeError(
                f"expected a plain function to decorate, got {function!r}: write a with block around what computes, "
                f"with no yield or await in it."
            )

        @functools.wraps(function)
        def switched(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return switched


_recording: ContextVar[bool | str] = ContextVar("recording", default=True)
is_recording = _recording.get  # asked at every operation, hence with nothing in between
IN_FUNCTION = "in a function"  # that is being differentiated: it records, and what leaves the graph is suspicious
IN_RULE = "in a rule"  # that is being differentiated: it records, and what leaves the graph is an error


def is_grad_enabled() -> bool:
    """Whether operations on tracked Tensors are recorded in this thread: always, except inside `no_grad`."""
    return bool(is_recording())


class recording(Mode):
    """Switches recording on or off in this thread: `recording(True)`, `recording(False)`, `recording(IN_FUNCTION)`."""

    _variable = _recording
    _default = True


def no_grad() -> recording:
    """Record nothing in this `with` block, or in the function that this decorates: for evaluation, say.

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([1.0, 2.0])
    >>> with tg.no_grad():
    ...     y = 2 * w
    >>> y.requires_grad
    False
    """
    return recording(False)
