"""`statement_of`: the statement that defines a name of emitted code, so that it runs by itself where it is printed."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.registry import name_of
from .blocks import Pool
from .program import Mismatch
from .workers import Workers


def statement_of(name: str, value: Any) -> str:
    """The statement that gives a function or a constant its name.

    >>> statement_of("exp", np.exp), statement_of("sigmoid", primitives.on_arrays[_functions.sigmoid])
    ('exp = np.exp', 'sigmoid = primitives.sigmoid')
    """
    if type(value) is Workers:
        return value.source(name)
    if type(value) is types.FunctionType:
        for primitive, body in primitives.on_arrays.items():
            if value is body and primitive in (*vars(primitives).values(), *vars(_functions).values()):
                return f"{name} = primitives.{primitive.__name__}"
        if value.__module__.startswith(f"{__name__.partition('.')[0]}."):
            return f"from {value.__module__} import {value.__name__} as {name}"
    return f"{name} = {_expression(value)}"


def _expression(value: Any) -> str:
    """The expression for a function of NumPy or Python, or for a constant."""
    if isinstance(value, type) and issubclass(value, Mismatch):
        return "ValueError"
    if type(value) is Pool:
        return f"Pool({[tuple(place) for place in value.places]}, np.dtype({value.dtype.str!r}), {{}})"
    if getattr(value, "__module__", "") in ("math", "_operator"):
        return f"{value.__module__.strip('_')}.{value.__name__}"
    if callable(value):
        return name_of(value)
    if isinstance(value, np.dtype):
        return f"np.dtype({value.str!r})"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"np.array({value.tolist()!r}, {value.dtype.str!r}){'' if value.shape else '[()]'}"
    return repr(value)
