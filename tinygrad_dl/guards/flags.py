"""Flags such as that of recording, and `Mode`, the context manager that sets them.

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
from collections.abc import Callable
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
