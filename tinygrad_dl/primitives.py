"""Primitives that NumPy lacks, such as `set_at` for `x[index] = value`, and `primitive`, which makes your own."""

from .core.primitives import (
    add_at,
    astype,
    concatenate,
    einsum,
    getitem,
    identity,
    output,
    put_along_axis,
    scatter_add,
    set_at,
    values,
)
from .functional.user_ops import primitive

__all__ = [
    "add_at",
    "astype",
    "concatenate",
    "einsum",
    "getitem",
    "identity",
    "output",
    "primitive",
    "put_along_axis",
    "scatter_add",
    "set_at",
    "values",
]
