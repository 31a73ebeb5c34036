"""The text of a Tensor: its `repr`, formats, and the label that errors call it by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _html
from . import primitives, registry


class Displayed:
    """`repr`, formats and labels of a Tensor."""

    __slots__ = ()

    _value: Any
    _tracked: bool
    _function: Callable[..., Any] | None
    _parents: tuple[Any, ...]
    name: str | None

    def __repr__(self) -> str:
        values = np.array2string(np.asarray(self._value), separator=", ", prefix="Tensor(")
        facts = [f"name={self.name!r}"] if self.name is not None else []
        facts += [f"shape={self._value.shape}", f"dtype={self._value.dtype}", *self._origin_text("requires_grad=True")]
        gap = ",\n       " if "\n" in values else ", "
        return f"Tensor({values}{gap}{', '.join(facts)})"

    def _repr_html_(self) -> str:
        value = np.asarray(self._value)
        facts = [f"shape {value.shape}", f"{value.dtype}", *self._origin_text("a parameter")]
        numbers = np.array2string(value, precision=4, threshold=100, max_line_width=100)
        return _html.block(_html.title(f"Tensor {self.name or ''}".rstrip(), ", ".join(facts)), _html.code(numbers))

    def _origin_text(self, of_leaf: str) -> list[str]:
        """The function that made it, or `of_leaf` for one that requires grad."""
        if self._function is not None:
            node = self._parents[0] if self._function is primitives.output and self._parents else self
            return [f"made by {registry.name_of(node._function)}"]
        return [of_leaf] if self._tracked else []

    def __format__(self, spec: str) -> str:
        if spec and self._value.size != 1:
            raise TypeError(f"the format {spec!r} is for one number, and {self._label()} holds {self._value.size}.")
        return format(self._value.item(), spec) if spec else str(self)

    def _label(self) -> str:
        return f"Tensor {self.name!r}" if self.name else f"a Tensor of shape {self._value.shape}"
