"""Functions that select elementwise: the cotangent goes to the selected element."""

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.primitives import values
from ..core.registry import defcomposite, defvjp, older_names
from ..core.tensor import Tensor
from .ties import at_tie, slope_at_ties


def _selected_vjp(g, ans, x, other):
    chosen, tied = np.equal(x, ans), np.equal(x, other)
    if np.any(np.isnan(ans)):  # nan != nan
        chosen, tied = chosen | np.isnan(x) & np.isnan(ans), tied | np.isnan(x) & np.isnan(other)
    part = np.where(tied, g / 2, np.where(chosen, g, 0))
    if type(ans) is not Tensor or not np.any(tied):
        return part
    slope = slope_at_ties(g, ans, 1 + values(tied)) / 4
    part = part + at_tie(x, slope)
    return part - at_tie(other, slope) if type(other) is Tensor else part


for choice in (np.maximum, np.minimum, np.fmax, np.fmin):
    defvjp(choice, lambda g, ans, x, y: _selected_vjp(g, ans, x, y), lambda g, ans, x, y: _selected_vjp(g, ans, y, x))

defvjp(
    np.where,
    None,
    lambda g, ans, condition, x, y: np.where(condition, g, 0),
    lambda g, ans, condition, x, y: np.where(condition, 0, g),
)
defvjp(_functions.masked, lambda g, ans, x, mask: _functions.masked(g, mask), None)
defvjp(np.heaviside,    None,                                   lambda g, ans, x, at_0: np.where(np.equal(x, 0), g, 0))

# ---- clip: nan stays nan, so it counts as not clipped


def _not_below(x, low):
    return True if low is None else np.logical_not(x < low)


def _not_above(x, high):
    return True if high is None else np.logical_not(x > high)


defvjp(
    np.clip,
    lambda g, ans, x, a_min=None, a_max=None, out=None, *, min=None, max=None: (
        g * (_not_below(x, a_min) & _not_above(x, a_max) & _not_below(x, min) & _not_above(x, max))
    ),
    lambda g, ans, x, a_min, a_max=None, out=None: g * ((x < a_min) & _not_above(a_min, a_max)),
    lambda g, ans, x, a_min, a_max, out=None: g * ((x if a_min is None else np.maximum(x, a_min)) > a_max),
)
older_names[np.clip] = {"min": "a_min", "max": "a_max"}


def _nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if not copy:
        raise TypeError("np.nan_to_num(x, copy=False) would change x in place: leave out copy= for a new Tensor.")
    if np.iscomplexobj(x):
        real, imag = (_nan_to_num(part, copy, nan, posinf, neginf) for part in (np.real(x), np.imag(x)))
        return real + 1j * imag
    gaps = (np.isnan, nan, ""), (np.isposinf, posinf, "max"), (np.isneginf, neginf, "min")
    for is_gap, value, limit in gaps:
        gap = is_gap(x)
        if np.any(gap):
            x = np.where(gap, getattr(np.finfo(x.dtype), limit) if value is None else value, x)
    return x


defcomposite(np.nan_to_num, _nan_to_num)

# ---- selection by conditions, or by index


def _select(condlist, choicelist, default=0):
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            f"np.select: expected a condition for each choice, got {len(condlist)} conditions for {len(choicelist)}."
        )
    for condition in condlist:
        if getattr(getattr(condition, "dtype", None), "kind", "") != "b":
            raise TypeError(f"np.select: expected conditions that are arrays of bool, got {condition!s:.60}.")
    plain = (bool, int, float, complex)  # these do not widen a float32
    dtype = np.result_type(*[x if type(x) in plain else primitives.values(x).dtype for x in (*choicelist, default)])
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = np.where(condition, choice, chosen)
    return chosen if chosen.dtype == dtype else primitives.astype(chosen, dtype)


def _piecewise(x, condlist, funclist, *args, **kw):
    if np.isscalar(condlist) or (not isinstance(condlist[0], (list, np.ndarray)) and x.ndim):
        condlist = [condlist]
    conditions = [np.asarray(condition, dtype=bool) for condition in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(funclist) != len(conditions):
        n = len(conditions)
        raise ValueError(f"np.piecewise: expected {n} or {n + 1} functions for {n} conditions, got {len(funclist)}.")
    pieces = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        part = x[condition]
        if part.size:
            piece = function(part, *args, **kw) if callable(function) else function
            piece = primitives.astype(piece if hasattr(piece, "dtype") else np.asarray(piece), x.dtype)
            pieces = _functions.set_at(pieces, condition, piece)
    return pieces


def _choose(a, choices, *, mode="raise"):
    numbers, *arrays = np.broadcast_arrays(primitives.values(a), *choices)
    if numbers.dtype.kind not in "iub":
        raise TypeError(f"np.choose: expected the numbers of choices as integers, got {numbers.dtype}.")
    if mode == "raise" and np.any((numbers < 0) | (numbers >= len(arrays))):
        raise ValueError(f"np.choose: expected numbers from 0 to {len(arrays) - 1}: pass mode='clip' or mode='wrap'.")
    numbers = numbers % len(arrays) if mode == "wrap" else np.clip(numbers, 0, len(arrays) - 1)
    return np.take_along_axis(np.stack(arrays), numbers[None].astype(int), axis=0)[0]


defcomposite(np.select, _select)
defcomposite(np.piecewise, _piecewise)
defcomposite(np.choose, _choose)
