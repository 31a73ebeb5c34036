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
    core_of,
    logical,
    new_level,
    physical,
    rules,
    with_core,
    within,
)

__all__ = [
    "Batched",
    "Level",
    "NotAtOnce",
    "active_levels",
    "apply",
    "axes",
    "core_of",
    "elementwise",
    "indexing",
    "logical",
    "new_level",
    "physical",
    "products",
    "rules",
    "shapes",
    "spelled",
    "with_core",
    "within",
]
