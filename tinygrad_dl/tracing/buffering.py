"""Small buffers for NumPy where a program broadcasts much.

If the rows of a result are shorter than the buffers that NumPy casts with, of 8,192 elements, it copies each argument
that is broadcast into them, though nothing is cast: a column times a row of 2,000 elements then takes four times as
long. Casts are as fast in buffers of 1,024 elements.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import numpy as np

from .program import Node, Program

_SMALL, _USUAL = 1024, 8192  # elements of a buffer
_SHORT = 256  # elements of a row, below which the calls for each row take as long as the copies
_MUCH = 1 << 15  # elements, since setting the size takes as long as some thousand of them


def broadcasts_much(program: Program) -> bool:
    """Return whether buffers of the usual size make the calls of `program` slow."""
    return sum(node.size for node in program.nodes if _is_copied(node)) >= _MUCH


def _is_copied(node: Node) -> bool:
    """Return whether NumPy would copy an argument of an elementwise call into a buffer, to broadcast it."""
    function: Any = node.function
    if not isinstance(function, np.ufunc) or function.signature is not None or not node.shape:
        return False
    arrays = [arg for arg in node.args if type(arg) is Node and arg.size > 1]
    return _SHORT <= node.shape[-1] < _USUAL and any(arg.shape != node.shape for arg in arrays)


def in_small_buffers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls `function` while NumPy has small buffers, and leaves the size outside as it is.

    >>> import numpy as np
    >>> in_small_buffers(np.getbufsize)(), np.getbufsize()
    (1024, 8192)
    """

    def run(*args: Any) -> Any:
        np.setbufsize(_SMALL)
        return function(*args)

    return lambda *args: contextvars.copy_context().run(run, *args)
