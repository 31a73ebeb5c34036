"""Learner's functions made repeatable: each call starts from the same random numbers, and can't change its inputs."""

from __future__ import annotations

import copy
import functools
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random import mtrand  # numpy.random has the same functions, but not in its stubs

from ...pytree import map_leaves

FIRST = int(np.random.RandomState(0).randint(2**32, dtype=np.uint32)), random.Random(0).getrandbits(32)
_free: list[np.random.MT19937] = []  # a new one takes longer than most functions


@contextmanager
def seeded(seed: int) -> Iterator[np.random.MT19937]:
    """Draw from NumPy's and Python's own generators as after `seed`, within the block, and then as before it.

    NumPy has another generator within it, because saving a state takes longer than most functions. The second normal
    number of a pair, which NumPy may keep for the next call, is lost.
    """
    before, state = mtrand.get_bit_generator(), random.getstate()
    own = _free.pop() if _free else np.random.MT19937()
    mtrand.set_bit_generator(own)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield own
    finally:
        mtrand.set_bit_generator(before)
        random.setstate(state)
        _free.append(own)


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
        with seeded(0) as numbers:
            self._restore()
            others = b"" if self._draws else pickle.dumps(self._states())
            result = self.function(*args, **kwargs)
            drawn = (numbers.random_raw(), random.getrandbits(32)) != FIRST
            self._draws = self._draws or drawn or others != pickle.dumps(self._states())
            return result

    def _states(self) -> list[Any]:
        return [g.get_state() for g in self._old] + [g.bit_generator.state for g in self._new]

    def _restore(self) -> None:
        old, new = self._start[: len(self._old)], self._start[len(self._old) :]
        for legacy, state in zip(self._old, old, strict=True):
            legacy.set_state(state)
        for generator, words in zip(self._new, new, strict=True):
            generator.bit_generator.state = words


def copied(value: Any) -> Any:
    """A deep copy; a shallow one for parts that can't be copied, such as an open file."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return map_leaves(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, value)
