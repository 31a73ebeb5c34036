"""Arrays with a hidden axis of samples, and how NumPy's functions act on them: what `vmap` computes with.

A row of a table is a rule `rule(level, *args, **kwargs)` for a function. It finds Batched arrays of its level among the
arguments, computes with their samples' axis in view, by functions of NumPy, and hides the axis again.
"""

from . import axes, elementwise, indexing, products, shapes, spelled
from .batched import (
    Batched,
    Level,
    NotAtOnce,
    active_levels,
    apply,
    at_new_level,
    core_of,
    logical,
    physical,
    rules,
    with_core,
)

__all__ = [
    "Batched",
    "Level",
    "NotAtOnce",
    "active_levels",
    "apply",
    "at_new_level",
    "axes",
    "core_of",
    "elementwise",
    "indexing",
    "logical",
    "physical",
    "products",
    "rules",
    "shapes",
    "spelled",
    "with_core",
]
