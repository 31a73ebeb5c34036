"""Kinds of functions, by what a trace must know of their answers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives, registry
from .program import Node, nodes_in

SHAPED_BY_VALUES: set[Any] = {
    *(np.nonzero, np.flatnonzero, np.argwhere, np.compress, np.extract, np.trim_zeros, np.bincount, np.roots),
    *(np.unique, np.unique_values, np.unique_counts, np.unique_inverse, np.unique_all),
    *(np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d),
}


OF_SHAPES: set[Any] = {  # functions whose answers depend on shapes and dtypes only, and are no arrays
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type),
    *(np.iscomplexobj, np.isrealobj, np.may_share_memory, np.shares_memory),
}
CONSTANT: set[Any] = {np.zeros_like, np.ones_like}
ON_NUMBERS: dict[Any, Callable[..., Any]] = {  # operators on Python's numbers, which stay Python's numbers
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.power: operator.pow,
    np.remainder: operator.mod,
    np.floor_divide: operator.floordiv,
    np.negative: operator.neg,
    np.positive: operator.pos,
    np.absolute: operator.abs,
    np.divmod: divmod,
}


INDEXED: set[Any] = {primitives.getitem, _functions.set_at, _functions.add_at, _functions.scatter_add}


def is_shaped_by_values(node: Node) -> bool:
    """Return whether the shape of the answer depends on values of arguments, not on their shapes alone."""
    function, args = node.function, node.args
    if function in INDEXED:
        index = args[1] if type(args[1]) is tuple else args[1:2]
        return any(type(part) is Node and part.dtype == bool for part in index)
    if function in (np.delete, np.insert, np.repeat):
        return any(True for _ in nodes_in(args[1:])) or any(True for _ in nodes_in(node.kwargs))
    return function in SHAPED_BY_VALUES or (function is np.where and len(args) == 1)


def has_fixed_shape(function: Any) -> bool:
    """Return whether the shapes of arguments give the shape of the answer; of other functions a program checks it."""
    if isinstance(getattr(function, "__self__", function), np.ufunc):
        return True
    if function.__module__ in (primitives.__name__, _functions.__name__):
        return True
    return function in registry.vjps and str(function.__module__).partition(".")[0] == "numpy"
