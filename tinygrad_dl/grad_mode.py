"""Whether this thread records what it computes."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token

_recording: ContextVar[bool] = ContextVar("recording", default=True)
is_recording = _recording.get  # asked at every operation, hence with nothing in between


def is_grad_enabled() -> bool:
    """Whether operations on tracked Tensors are recorded in this thread: always, except inside `no_grad`."""
    return is_recording()


class recording:
    """Switches recording on or off in this thread: in a `with` block, or in the function that it decorates."""

    def __init__(self, wanted: bool):
        self._wanted = wanted
        self._before: list[Token[bool]] = []

    def __enter__(self) -> None:
        self._before.append(_recording.set(self._wanted))

    def __exit__(self, *error: object) -> None:
        _recording.reset(self._before.pop())

    def __call__(self, function: Callable) -> Callable:
        if (
            not inspect.isroutine(function)
            or inspect.isgeneratorfunction(function)
            or inspect.iscoroutinefunction(function)
        ):
            raise TypeError(
                f"expected a plain function to decorate, got {function!r}: write a with block around what computes, "
                f"with no yield or await in it."
            )

        @functools.wraps(function)
        def switched(*args, **kwargs):
            with recording(self._wanted):
                return function(*args, **kwargs)

        return switched


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
