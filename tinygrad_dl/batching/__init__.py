"""Batched arrays, with a hidden batch axis, and the batching rules of NumPy functions: the engine of `vmap`.

A batching rule `rule(level, *args, **kwargs)` unwraps the arguments that are batched at its level, computes with NumPy
functions on arrays whose first axis is the batch axis, and wraps the result.
"""

from . import axes, composites, elementwise, indexing, products, shapes
from .batched import (
    Batched,
    CannotBatch,
    Level,
    active_levels,
    apply,
    at_new_level,
    at_own_levels,
    core_of,
    rules,
    unwrap_batch,
    with_core,
    wrap_batch,
)

__all__ = [
    "Batched",
    "CannotBatch",
    "Level",
    "active_levels",
    "apply",
    "at_new_level",
    "at_own_levels",
    "axes",
    "composites",
    "core_of",
    "elementwise",
    "indexing",
    "products",
    "rules",
    "shapes",
    "unwrap_batch",
    "with_core",
    "wrap_batch",
]
