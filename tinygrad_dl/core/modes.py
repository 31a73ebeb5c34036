"""The recording flag and `no_grad`; `Mode`, the context manager that sets such flags; observers of the tape.

Flags are context variables: each thread and each asyncio task has its own. `switched` sets a flag while a function
runs. An interrupt (Ctrl-C) can come before or after a call of C, such as `ContextVar.set`, but not between `finally`
and such a call, so it can't prevent the reset. It can skip the end of a `with` block; then the flag is void as soon as
the object of the `with` statement is freed.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from types import FrameType
from typing import Any, ClassVar, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_WAITING = _GENERATOR | inspect.CO_COROUTINE


def switched(variable: ContextVar[Any], value: Any, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `function(*args, **kwargs)` while `variable` has another `value`."""
    outer = variable.get()
    try:
        variable.set(value)
        return function(*args, **kwargs)
    finally:
        variable.set(outer)


class _Block(list):
    """The value of a flag in a `with` block: an empty list where the flag is false, so that reading it is no call.

    The value is inverted if the `owner` is freed before the block has ended.
    """

    __slots__ = ("outer", "owner", "wanted")

    def __init__(self, owner: Mode, outer: Any):
        self.outer, self.wanted = outer, owner._wanted
        self.owner: Any = weakref.ref(owner, self.remove if self.wanted else self.append)
        if self.wanted:
            self.append(self.owner)

    def value(self) -> Any:
        return self.wanted if bool(self.wanted) == (len(self) > 0) else not self.wanted

    def end(self) -> None:
        """Freeze the value, for contexts that were copied inside the block: tasks, threads."""
        self.owner = _nobody
        self[:] = [None] * len(self)


def _nobody() -> None:
    """Stand for the owner of a block that has ended."""


class _GeneratorsBlock(_Block):
    """A block in a generator: while the generator is suspended, the outer value holds."""

    __slots__ = ("frame",)

    def __init__(self, owner: Mode, outer: Any, frame: FrameType):
        super().__init__(owner, outer)
        self.frame = frame

    def __bool__(self) -> bool:
        return bool(self.value())

    def value(self) -> Any:
        running = self.frame.f_back is not None and self.owner is not _nobody
        return super().value() if running else value_of(self.outer)


def value_of(flag: Any) -> Any:
    """The value of a flag, which in a block is wrapped."""
    return flag.value() if isinstance(flag, _Block) else flag


class Mode:
    """A context manager and decorator that sets a context variable in its `with` block or function.

    One object may be entered several times, nested or by several threads. A block in a generator does not hold for the
    caller while the generator is suspended, except for generators made into blocks by `contextlib.contextmanager`.
    """

    _variable: ClassVar[ContextVar[Any]]

    def __init__(self, wanted: Any):
        self._wanted = wanted
        self._in_generators: list[_GeneratorsBlock] = []

    @classmethod
    def value(cls) -> Any:
        """The current value."""
        return value_of(cls._variable.get())

    def __enter__(self) -> None:
        outer = self._variable.get()
        frame = _generator_of(sys._getframe(1))
        if frame is None:
            block = _Block(self, outer)
        else:
            self._in_generators.append(block := _GeneratorsBlock(self, outer, frame))
        try:
            self._variable.set(block)
        except BaseException:  # an interrupt
            self._variable.set(outer)
            raise

    def __exit__(self, *error: object) -> None:
        above, block = None, self._variable.get()
        while isinstance(block, _Block) and block.owner() is not self:
            above, block = block, block.outer
        if not isinstance(block, _Block):  # entered in another context
            if self._in_generators:  # which finds it ended
                self._in_generators.pop().end()
            return
        self._in_generators = [other for other in self._in_generators if other is not block]
        if above is None:
            self._variable.set(block.outer)
        else:  # others were entered since, and are still open
            above.outer = block.outer
        block.end()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function: the mode holds while it runs."""
        if (
            not callable(function)
            or isinstance(function, type)
            or inspect.isgeneratorfunction(function)
            or inspect.iscoroutinefunction(function)
            or inspect.isasyncgenfunction(function)
        ):
            raise TypeError(
                f"expected a plain function to decorate, got {function!r}: write a with block around the computation, "
                f"without yield or await in it."
            )

        @functools.wraps(function)
        def switching(*args: P.args, **kwargs: P.kwargs) -> R:
            return switched(self._variable, self._wanted, function, *args, **kwargs)

        return switching


def _generator_of(frame: FrameType) -> FrameType | None:
    """The frame of the generator that contains a block and can be suspended in it, or None."""
    if not frame.f_code.co_flags & _WAITING and frame.f_globals.get("__name__") != "contextlib":
        return None  # as nearly always
    kinds = _GENERATOR if _in_a_task() else _WAITING  # a task has a context of its own
    while frame.f_back is not None:
        if frame.f_globals.get("__name__") != "contextlib":  # as in ExitStack
            if not frame.f_code.co_flags & kinds:
                return None
            if frame.f_back.f_globals.get("__name__") != "contextlib":
                return frame
        frame = frame.f_back
    return None


def _in_a_task() -> bool:
    return "asyncio" in sys.modules and sys.modules["asyncio"]._get_running_loop() is not None


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
