"""Call tracking: a Tensor that a Module call returns carries a record of that call, and pictures frame nodes by it.

`graph.module_calls` evaluates the records. A record keeps alive the Module and its arguments, and nothing else that the
graph of its Tensor does not.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import pytree
from ..core.tensor import Tensor

_tick = itertools.count().__next__  # orders the beginnings and ends of calls


def track_calls(call: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the `__call__` of a Module: its outputs record when it began and ended, the Module, and its arguments."""

    @functools.wraps(call)
    def tracked_call(self, *args, **kwargs):
        began = _tick()
        given = (*args, *kwargs.values()) if kwargs else args
        if list in map(type, given):
            given = tuple([ListSnapshot(x) if type(x) is list else x for x in given])
        result = call(self, *args, **kwargs)
        record = (began, _tick(), self, given)
        if type(result) is Tensor:  # the usual case, first because every step of a net runs through here
            if result._function is not None:
                result._calls = (*result._calls, record) if result._calls else (record,)
            return result
        for output in values_in(result):
            if type(output) is Tensor and output._function is not None:
                output._calls = (*(output._calls or ()), record)
        return result

    # `@dataclass(slots=True)` makes a second class from the first, whose `__call__` is wrapped already
    return call if call.__code__ is tracked_call.__code__ else tracked_call  # type: ignore[attr-defined]


class ListSnapshot:
    """A list as it was at the call: elements appended later, as to a history of states, are left out."""

    values: Any
    length: int

    def __init__(self, values: list[Any]):
        self.values, self.length = values, len(values)


pytree.register(
    ListSnapshot, lambda x: {str(i): value for i, value in enumerate(x.values[: x.length])}, lambda x, values: values
)


def values_in(tree: Any) -> Iterator[Any]:
    """Yield the values in nested lists, tuples, dicts, dataclasses and Modules; a container is visited once.

    >>> loop = [1.0, {"b": (2.0, 3.0)}]
    >>> loop.append(loop)
    >>> list(values_in(loop))
    [1.0, 2.0, 3.0]
    """
    stack, seen = [tree], {}
    while stack:
        value = stack.pop()
        parts = None if type(value) in (Tensor, np.ndarray) else pytree.children(value)  # the usual case
        if parts is None:
            yield value
        elif id(value) not in seen:
            seen[id(value)] = value  # keep it alive, so that no other object gets its id
            stack += reversed(parts.values())
