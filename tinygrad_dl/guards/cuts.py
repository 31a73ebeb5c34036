"""The origin of values through which no gradient flows: detached, computed in `no_grad`, or by a constant function.

Pictures show it. A Tensor carries its `Cut` in a slot. For a plain array, the answer of a constant function, it is
looked up in a table here as long as the array lives; so is that of a copy made in `arguments`.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np


class Cut(NamedTuple):
    """`by` "detach", "no_grad" or a constant function such as "np.sign"; weak references to the Tensors cut off."""

    by: str
    sources: tuple[weakref.ref[Any], ...] = ()


NO_GRAD = Cut("no_grad")
arrays: dict[int, tuple[weakref.ref[np.ndarray], Cut]] = {}  # by id, valid while the array lives


def mark(array: Any, cut: Cut) -> None:
    """Remember that `array` was cut off from the graph by `cut`. NumPy scalars cannot be marked."""
    if isinstance(array, np.ndarray):
        key = id(array)
        arrays[key] = weakref.ref(array, lambda _: arrays.pop(key, None)), cut


def of(value: Any) -> Cut | None:
    """Return the Cut of `value`, an array or a Tensor, or None.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, -2.0])
    >>> of(x.detach()).by, of(np.sign(x)).by, of(x)
    ('detach', 'np.sign', None)
    """
    if not getattr(value, "_tracked", True):
        return value._cut
    known = arrays.get(id(value))
    return known[1] if known is not None and known[0]() is value else None
