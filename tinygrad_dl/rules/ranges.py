"""Ranges between two ends, and the functions of `np.emath`, which are complex outside the real domain."""

from typing import Any

import numpy as np

from ..core import primitives
from ..core.registry import defcomposite, defvjp
from ._shapes import cast

# ---- ranges


@primitives.array_function
def linspace(start: Any, stop: Any, num: Any, endpoint: Any, dtype: Any, axis: Any) -> Any:
    """Compute `np.linspace` without the step."""
    return np.linspace(start, stop, num, endpoint, dtype=dtype, axis=axis)


def _sum_toward(end, g, ans, num, endpoint, axis):
    """Sum `g` along a range, weighted by the nearness to the start (`end` = 0) or to the stop (`end` = 1)."""
    nearness = np.linspace(1 - end, end, num, endpoint, dtype=np.finfo(ans.dtype).dtype)
    return np.matmul(np.moveaxis(g, axis, -1), nearness)


defvjp(
    linspace,
    lambda g, ans, start, stop, num, endpoint, dtype, axis: _sum_toward(0, g, ans, num, endpoint, axis),
    lambda g, ans, start, stop, num, endpoint, dtype, axis: _sum_toward(1, g, ans, num, endpoint, axis),
)
defvjp(  # start**(1 - t) * stop**t
    np.geomspace,
    lambda g, ans, start, stop, num=50, endpoint=True, dtype=None, axis=0: (
        _sum_toward(0, g * ans, ans, num, endpoint, axis) / start
    ),
    lambda g, ans, start, stop, num=50, endpoint=True, dtype=None, axis=0: (
        _sum_toward(1, g * ans, ans, num, endpoint, axis) / stop
    ),
)


def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    samples = linspace(start, stop, num, endpoint, dtype, axis)
    if not retstep:
        return samples
    steps = num - bool(endpoint)
    if steps <= 0:
        return samples, np.nan
    step = np.subtract(stop, np.multiply(start, 1.0)) / steps
    return samples, cast(step, samples.dtype) if dtype is None else step


def _logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    if np.ndim(base):
        rank = max(map(np.ndim, (start, stop, base)))
        start, stop, base = (np.reshape(x, (1,) * (rank - np.ndim(x)) + np.shape(x)) for x in (start, stop, base))
        base = np.expand_dims(base, axis)
    samples = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return samples if dtype is None else primitives.astype(samples, dtype)


defcomposite(np.linspace, _linspace)
defcomposite(np.logspace, _logspace)

# ---- np.emath


def _to_domain(x, outside):
    """Convert `x` to an array, a complex one if an element lies outside the real domain of the function."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return x + 0j if np.isrealobj(x) and np.any(outside(x)) else x


def _negative(x):
    return np.less(x, 0)


def _beyond_one(x):
    return np.greater(np.abs(primitives.values(x)), 1)


for function, extended, outside in (
    (np.sqrt, np.emath.sqrt, _negative),
    (np.log, np.emath.log, _negative),
    (np.log2, np.emath.log2, _negative),
    (np.log10, np.emath.log10, _negative),
    (np.arccos, np.emath.arccos, _beyond_one),
    (np.arcsin, np.emath.arcsin, _beyond_one),
    (np.arctanh, np.emath.arctanh, _beyond_one),
):
    defcomposite(extended, lambda x, function=function, outside=outside: function(_to_domain(x, outside)))


def _emath_power(x, p):
    p = p if hasattr(p, "dtype") else np.asarray(p)
    return np.power(_to_domain(x, _negative), p * 1.0 if np.any(_negative(p)) else p)


defcomposite(np.emath.logn,  lambda n, x: np.log(_to_domain(x, _negative)) / np.log(_to_domain(n, _negative)))
defcomposite(np.emath.power, _emath_power)
