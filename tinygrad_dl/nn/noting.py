"""Which call of a Module gave a Tensor, when, and of what: the note that a Tensor carries, and pictures frame nodes by.

What is made of the notes is in `drawing.scopes`. A note keeps nothing alive that the graph behind its Tensor does not,
but for the Module and what it was given.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import pytree
from ..core.tensor import Tensor

_moments = itertools.count()  # at which calls begin and end


def noted(call: Callable) -> Callable:
    """The `__call__` of a Module which notes on what it gives: when it began and ended, the Module, what it got."""

    @functools.wraps(call)
    def noting(self, *args, **kwargs):
        began = next(_moments)
        given = (*args, *kwargs.values()) if kwargs else args
        for x in given:
            if type(x) is list:
                given = tuple([SoFar(x) if type(x) is list else x for x in given])
                break
        answer = call(self, *args, **kwargs)
        note = (began, next(_moments), self, given)
        if type(answer) is Tensor:  # as nearly always, and every step of a net pays for this
            if answer._function is not None:
                answer._calls = (*answer._calls, note) if answer._calls else (note,)
            return answer
        for output in values_in(answer):
            if type(output) is Tensor and output._function is not None:
                output._calls = (*(output._calls or ()), note)
        return answer

    # `@dataclass(slots=True)` makes a class of the class, whose call notes already
    return call if call.__code__ is noting.__code__ else noting  # type: ignore[attr-defined]


class SoFar:
    """A list as it is: what is appended later, as to a history of states, is not in it."""

    def __init__(self, values: list):
        self.values, self.length = values, len(values)


pytree.register(
    SoFar, lambda x: {str(i): value for i, value in enumerate(x.values[: x.length])}, lambda x, values: values
)


def values_in(tree: Any) -> Iterator[Any]:
    """What is in lists, tuples, dicts, dataclasses and Modules, nested in any way, and once if that is in themselves.

    >>> loop = [1.0, {"b": (2.0, 3.0)}]
    >>> loop.append(loop)
    >>> list(values_in(loop))
    [1.0, 2.0, 3.0]
    """
    stack, seen = [tree], {}
    while stack:
        value = stack.pop()
        parts = None if type(value) in (Tensor, np.ndarray) else pytree.opened(value)  # most of them are
        if parts is None:
            yield value
        elif id(value) not in seen:
            seen[id(value)] = value  # alive, lest another object get its id
            stack += reversed(parts.values())
