"""`Workers`: call functions at the same time, each in a thread of its own."""

from __future__ import annotations

import contextvars
import os
import textwrap
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

_threads: list[ThreadPoolExecutor] = []  # of one thread each, so that calls of one function never overlap
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)


class Workers:
    """Functions of the same arguments; a call gives the elements of all their answers, in order."""

    functions: Sequence[Any]

    def __init__(self, functions: Sequence[Any]):
        self.functions, self.__name__ = functions, "in_threads"

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        """Call the first function in this thread and the others in threads of their own, and wait for all of them."""
        first, *others = self.functions
        while len(_threads) < len(others):
            _threads.append(ThreadPoolExecutor(1, thread_name_prefix="tinygrad_dl"))
        futures: list[Future[tuple[Any, ...]]] = []
        try:
            for thread, function in zip(_threads, others, strict=False):
                futures.append(thread.submit(contextvars.copy_context().run, function, *args))  # with np.errstate
            results = [*first(*args)]
        finally:
            wait(futures)
        for future in futures:
            results += future.result()
        return tuple(results)

    def source(self, name: str) -> str:
        """Statements that define it, for readers; each function has its text as `source`."""
        lines = []
        for i, function in enumerate(self.functions):
            lines += [f"def {name}_{i}():", textwrap.indent(function.source, "    "), "    return columns", ""]
        made = ", ".join(f"{name}_{i}()" for i in range(len(self.functions)))
        return "\n".join([*lines, f"{name} = Workers([{made}])"])
