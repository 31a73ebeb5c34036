"""Whether this thread records what it computes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

_recording: ContextVar[bool] = ContextVar("recording", default=True)
is_recording = _recording.get  # asked at every operation, hence with nothing in between


def is_grad_enabled() -> bool:
    """Whether operations on tracked Tensors are recorded in this thread: always, except inside `no_grad`."""
    return is_recording()


@contextmanager
def recording(wanted: bool) -> Iterator[None]:
    """Switch recording on or off in this thread until the block ends."""
    before = _recording.set(wanted)
    try:
        yield
    finally:
        _recording.reset(before)


def no_grad() -> AbstractContextManager[None]:
    """Record nothing in this `with` block, or in the function that this decorates: for evaluation, say.

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([1.0, 2.0])
    >>> with tg.no_grad():
    ...     y = 2 * w
    >>> y.requires_grad
    False
    """
    return recording(False)
