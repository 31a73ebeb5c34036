"""Learner's functions made repeatable: each call starts from the same random numbers, and can't change its inputs."""

from __future__ import annotations

import copy
import functools
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ...pytree import map_leaves


class Repeatable:
    """`function`, called with copies of its arguments, after all random generators that it may use are set back.

    These are NumPy's and Python's own, and RandomState and Generator objects among its global variables. What it still
    keeps between two calls is its own.
    """

    def __init__(self, function: Callable[..., Any]):
        functools.update_wrapper(self, function)
        self.function = function
        everything = getattr(function, "__globals__", {}).values()
        self._old = [g for g in everything if isinstance(g, np.random.RandomState)]
        self._new = [g for g in everything if isinstance(g, np.random.Generator)]
        self._start = self._states()
        self._draws: bool | None = None  # unknown before the first call that ends

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result for copies of the arguments."""
        args, kwargs = copied((args, kwargs))
        if self._draws is False:
            return self.function(*args, **kwargs)
        before = self._shared()
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        self._restore()
        start, others = self._shared(), b"" if self._draws else pickle.dumps(self._states())
        try:
            result = self.function(*args, **kwargs)
            self._draws = self._draws or _differ(start, self._shared()) or others != pickle.dumps(self._states())
            return result
        finally:
            np.random.set_state(before[0])  # noqa: NPY002
            random.setstate(before[1])

    def _shared(self) -> tuple[Any, Any]:
        return np.random.get_state(), random.getstate()  # noqa: NPY002

    def _states(self) -> list[Any]:
        return [g.get_state() for g in self._old] + [g.bit_generator.state for g in self._new]

    def _restore(self) -> None:
        old, new = self._start[: len(self._old)], self._start[len(self._old) :]
        for legacy, state in zip(self._old, old, strict=True):
            legacy.set_state(state)
        for generator, words in zip(self._new, new, strict=True):
            generator.bit_generator.state = words


def _differ(before: tuple[Any, Any], after: tuple[Any, Any]) -> bool:
    """Return whether the states of the shared generators differ; faster than their bytes."""
    legacy, later = before[0], after[0]
    return legacy[2:] != later[2:] or not np.array_equal(legacy[1], later[1]) or before[1] != after[1]


def copied(value: Any) -> Any:
    """A deep copy; a shallow one for parts that can't be copied, such as an open file."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return map_leaves(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, value)
