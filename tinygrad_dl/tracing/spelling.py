"""Calls of NumPy in their fastest spelling: reductions by position, arrays for Python numbers, the method `dot`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .memory import is_reduction
from .program import Node, Program, rewrite

DOT_WARNS = np.lib.NumpyVersion(np.__version__) >= "2.3.0"  # of overflow, as matmul does in every version
SMALL_PRODUCT = 2**16 if DOT_WARNS else -1  # bytes: a larger answer costs the method `dot` more, which fills it first


def by_position(node: Node, out: Any = None) -> tuple[Any, ...] | None:
    """The arguments of a reduction by position, which is up to twice as fast; None for other calls."""
    if not (
        is_reduction(node.function) and len(node.args) == 1 and node.kwargs.keys() <= {"axis", "dtype", "keepdims"}
    ):
        return None
    given = {"axis": 0, "dtype": None, "keepdims": False, **node.kwargs}
    return node.args[0], given["axis"], given["dtype"], out, given["keepdims"]


def dtype_of_numbers(node: Node) -> np.dtype | None:
    """The dtype of the arrays in a call of a ufunc, if they are floats of one dtype, which numbers beside them take."""
    arrays = [arg for arg in node.args if type(arg) is Node]
    if not isinstance(node.function, np.ufunc) or not node.shape or any(arg.is_number for arg in arrays):
        return None
    dtypes = {arg.dtype for arg in arrays}
    others = all(type(arg) in (int, float, Node) or isinstance(arg, np.number) for arg in node.args)
    return arrays[0].dtype if len(dtypes) == 1 and others and arrays[0].dtype.kind == "f" else None


def as_array(arg: Any, dtype: np.dtype) -> np.ndarray | None:
    """A number beside arrays of a `dtype` as an array of it, which NumPy takes faster; None for other arguments."""
    if type(arg) not in (int, float) and not (isinstance(arg, np.generic) and arg.dtype == dtype):
        return None
    with np.errstate(all="ignore"):
        value = np.array(arg, dtype)
    return value if np.isfinite(value) else None


def is_small_product(function: Any, args: tuple[Any, ...]) -> bool:
    """Return whether a call is a product of matrices that the method `dot` computes with half of the overhead."""
    if function is not np.matmul or len(args) != 2 or not all(isinstance(arg, (Node, np.ndarray)) for arg in args):
        return False
    x, y = args
    if not (len(x.shape) == len(y.shape) == 2 and x.dtype == y.dtype and x.dtype.kind == "f"):
        return False
    return x.shape[0] * y.shape[1] * x.dtype.itemsize <= SMALL_PRODUCT


def fastest(program: Program) -> Program:
    """The program with all calls in their fastest spelling.

    >>> from .trace import trace
    >>> node, = fastest(trace(lambda x: 1 - x, np.ones(3)).program).nodes
    >>> node.args[0]
    array(1.)
    """
    return rewrite(program, _fastest)


def _fastest(node: Node, new: Callable[..., Any]) -> Node:
    reduction = by_position(node)
    if reduction:
        return new(node.function, *reduction)
    dtype = dtype_of_numbers(node)
    if dtype is None:
        return node
    arrays = [as_array(arg, dtype) for arg in node.args]
    args = [arg if array is None else array for arg, array in zip(node.args, arrays, strict=True)]
    return new(node.function, *args, **node.kwargs) if any(array is not None for array in arrays) else node
