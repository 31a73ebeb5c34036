"""`Derived`: the function that a transform such as `grad` returns."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")  # the parameters of a function, and its value
R = TypeVar("R")


class Derived:
    """The function `transform(f, *options)`, computed by `compute`, with the name, signature and docstring of `f`.

    It can be pickled if `f` can, unlike a function defined inside another.
    """

    def __init__(
        self, compute: Callable[..., Any], transform: Callable[..., Any], f: Callable[..., Any], *options: Any
    ):
        functools.update_wrapper(self, f, updated=())
        self._compute, self._made = compute, (transform, (f, *options))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the derivative."""
        return self._compute(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind it as a method, as functions in a class are."""
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        name = getattr(self, "__qualname__", "")
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else self._made  # a decorated function is pickled by name

    def __repr__(self) -> str:
        transform, (f, *_) = self._made
        return f"<{getattr(transform, 'func', transform).__name__} of {f!r}>"
