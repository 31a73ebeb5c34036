"""`WeakKey`: a key for table entries that live as long as a function."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


class WeakKey(weakref.ref[Any]):
    """A weak reference that equals the function that it refers to, so that the function itself finds the entry."""

    __slots__ = ()
    __hash__ = weakref.ref.__hash__

    def __eq__(self, other: Any) -> bool:
        return self is other or (self() is other and other is not None)

    @property
    def __name__(self) -> str:
        return getattr(self(), "__name__", "a freed function")


def hold_weakly(table: dict[Any, Any], function: Callable[..., Any]) -> None:
    """Remove the entry of `function` from `table`, if it has one, as soon as the function is freed."""
    if function in table:
        value = table.pop(function)
        table[WeakKey(function, lambda key: table.pop(key, None))] = value
