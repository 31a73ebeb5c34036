"""Calls that return their argument unchanged, which a trace leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import primitives

NEUTRAL: dict[Any, tuple[Any, bool]] = {  # function -> its neutral element on the right, True if on the left too
    np.multiply: (1, True),
    np.subtract: (0, False),
    np.power: (1, False),
    np.bitwise_and: (True, True),
    np.logical_and: (True, True),
    np.bitwise_or: (False, True),
}
IDLE: dict[Any, Callable[..., bool]] = {  # function -> a test whether it returns its first argument unchanged
    np.conjugate: lambda x: x.dtype.kind == "f",
    np.real: lambda x: x.dtype.kind == "f",
    np.broadcast_to: lambda x, shape: shape == x.shape,
    np.reshape: lambda x, shape: shape == x.shape,
    np.moveaxis: lambda x, source, destination: source == destination,
    primitives.getitem: lambda x, index: type(index) is tuple and index == (),
}
