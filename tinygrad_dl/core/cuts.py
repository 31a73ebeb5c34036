"""Where gradients stop on purpose: what took a value out of the graph, kept for pictures to show.

A Tensor carries its `Cut` in a slot. A plain array, as a constant function gives it, has none: it is looked up here as
long as it lives, and so is a copy that `arguments` makes of it.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np


class Cut(NamedTuple):
    """`by` "detach", "no_grad" or a constant function such as "np.sign"; weak references to the Tensors cut off."""

    by: str
    sources: tuple[weakref.ref, ...] = ()


NO_GRAD = Cut("no_grad")
arrays: dict[int, tuple[weakref.ref, Cut]] = {}  # by id, which is of use while the array lives


def mark(array: Any, cut: Cut) -> None:
    """Note that `cut` took `array` out of the graph; what is no array, as NumPy gives for one number, bears no mark."""
    if isinstance(array, np.ndarray):
        key = id(array)
        arrays[key] = weakref.ref(array, lambda _: arrays.pop(key, None)), cut


def of(value: Any) -> Cut | None:
    """What took `value`, an array or a Tensor, out of the graph, if anything did.

    >>> import tinygrad_dl as tg
    >>> x = tg.parameter([1.0, -2.0])
    >>> of(x.detach()).by, of(np.sign(x)).by, of(x)
    ('detach', 'np.sign', None)
    """
    if not getattr(value, "_tracked", True):
        return value._cut
    known = arrays.get(id(value))
    return known[1] if known is not None and known[0]() is value else None
