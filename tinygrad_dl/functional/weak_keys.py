"""`WeakKey`: how a table finds what belongs to a function, for as long as the function lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


class WeakKey(weakref.ref[Any]):
    """A key of a dict that is equal to the function that it refers to: the table is asked by the function itself."""

    __slots__ = ()
    __hash__ = weakref.ref.__hash__

    def __eq__(self, other: Any) -> bool:
        return self is other or (self() is other and other is not None)

    @property
    def __name__(self) -> str:
        return getattr(self(), "__name__", "a function that is gone")


def hold_weakly(table: dict[Any, Any], function: Callable[..., Any]) -> None:
    """Let the entry of `function` in `table` go when the function goes."""
    value = table.pop(function)
    table[WeakKey(function, lambda key: table.pop(key, None))] = value
