"""The state of a namespace, kept to be put back: its names, what its lists, dicts and objects hold, and its arrays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .stand_ins import StandIn

SEEN = 4000  # objects at most
LONG = 256  # parts of a list or dict at most
DEEP = 6
LARGE = 300_000  # numbers of an array; larger ones are data, which a step leaves as they are


class Attribute(str):
    """The name of an attribute in a path, which is no key."""

    __slots__ = ()


def parts_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """The parts of a list, tuple, dict or object, each with its place."""
    if isinstance(value, (list, tuple)):
        yield from enumerate(value[:LONG])
    elif isinstance(value, dict):
        yield from list(value.items())[:LONG]
    elif hasattr(value, "__dict__") and not isinstance(value, (type, FunctionType, ModuleType, StandIn)):
        yield from [(Attribute(name), part) for name, part in vars(value).items()]


def reachable(roots: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """All values below some names, each with its path; a container once, at the first of its paths."""
    queue: list[tuple[tuple[Any, ...], Any]] = [((name,), value) for name, value in roots.items()]
    seen: set[int] = set()
    for path, value in queue:
        yield path, value
        if len(path) <= DEEP and len(queue) < SEEN and id(value) not in seen:
            seen.add(id(value))
            queue += [((*path, place), part) for place, part in parts_of(value)]


def text_of(path: tuple[Any, ...]) -> str:
    """The expression for the value at a path: net.params['W']."""
    text = str(path[0])
    for place in path[1:]:
        text += f".{place}" if isinstance(place, Attribute) else f"[{place!r}]"
    return text


class Snapshot:
    """The state of a namespace at the time of the call."""

    space: dict[str, Any]
    names: dict[str, Any]

    def __init__(self, names: dict[str, Any]):
        self.space, self.names = names, dict(names)
        self._saved: list[tuple[Any, Any]] = []
        for _, value in reachable({n: v for n, v in names.items() if not n.startswith("__")}):
            if isinstance(value, np.ndarray):
                if value.flags.writeable and value.size <= LARGE:
                    self._saved.append((value, value.copy()))
            elif isinstance(value, (list, dict)):
                self._saved.append((value, value.copy()))
            elif isinstance(value, np.random.Generator):
                self._saved.append((value, value.bit_generator.state))
            elif isinstance(value, np.random.RandomState):
                self._saved.append((value, value.get_state()))
            elif isinstance(value, random.Random):
                self._saved.append((value, value.getstate()))
            elif any(True for _ in parts_of(value)) and not isinstance(value, tuple):
                self._saved.append((value, dict(vars(value))))

    def restore(self) -> dict[str, Any]:
        """Put everything back, and return the namespace."""
        self.space.clear()
        self.space.update(self.names)
        for value, old in self._saved:
            if isinstance(value, np.ndarray):
                np.copyto(value, old)
            elif isinstance(value, list):
                value[:] = old
            elif isinstance(value, dict):
                value.clear()
                value.update(old)
            elif isinstance(value, np.random.Generator):
                value.bit_generator.state = old
            elif isinstance(value, np.random.RandomState):
                value.set_state(old)
            elif isinstance(value, random.Random):
                value.setstate(old)
            else:
                vars(value).clear()
                vars(value).update(old)
        return self.space
