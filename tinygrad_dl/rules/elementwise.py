"""Functions that act on each element: arithmetic, exponentials, trigonometry, choices, and the piecewise constant."""

import math

import numpy as np

from .. import primitives
from ..registry import defnondiff, defspelling, defvjp

# ---- arithmetic

defvjp(np.add,          lambda g, ans, x, y: g,        lambda g, ans, x, y: g)
defvjp(np.subtract,     lambda g, ans, x, y: g,        lambda g, ans, x, y: -g)
defvjp(np.multiply,     lambda g, ans, x, y: g * y,    lambda g, ans, x, y: g * x)
defvjp(np.divide,       lambda g, ans, x, y: g / y,    lambda g, ans, x, y: -g * ans / y)
defvjp(np.remainder,    lambda g, ans, x, y: g,        lambda g, ans, x, y: -g * np.floor_divide(x, y))
defvjp(np.fmod,         lambda g, ans, x, y: g,        lambda g, ans, x, y: -g * np.rint((x - ans) / y))
defvjp(np.negative,     lambda g, ans, x: -g)
defvjp(np.positive,     lambda g, ans, x: g)
defvjp(np.copy,         lambda g, ans, x, order="K", subok=False: g)
defvjp(np.reciprocal,   lambda g, ans, x: -g * ans**2)
defvjp(np.square,       lambda g, ans, x: g * (2 * x))
defvjp(np.sqrt,         lambda g, ans, x: g / (2 * ans))
defvjp(np.cbrt,         lambda g, ans, x: g / (3 * ans**2))
defvjp(np.absolute,     lambda g, ans, x: g * (np.conj(x) / _nonzero(ans) if np.iscomplexobj(x) else np.sign(x)))
defvjp(np.fabs,         lambda g, ans, x: g * np.sign(x))


def _power_by_base(g, ans, x, y):
    if type(y) in (int, float):
        return g * (y * x ** (y - 1) if y != 0 else np.zeros_like(x))
    return g * (y * x ** np.where((x == 0) & (y == 0), 1, y - 1.0))  # 0**0: not 0 * inf


def _power_by_exponent(g, ans, x, y):
    if type(x) in (int, float):  # a Python number: its logarithm is another, so that float32 stays
        return g * (ans * float(np.log(x or 1)))
    return g * (ans * np.log(np.where(x == 0, 1, x)))  # 0**y: not 0 * -inf


defvjp(np.power,        _power_by_base,                _power_by_exponent)
defvjp(np.float_power,  _power_by_base,                _power_by_exponent)

# ---- complex numbers: Re(g df) = Re(ct dx), see `autodiff`; where x is real, the engine takes the real part

defvjp(np.real,         lambda g, ans, x: g)
defvjp(np.imag,         lambda g, ans, x: -1j * g)
defvjp(np.conjugate,    lambda g, ans, x: np.conjugate(g))
defvjp(np.angle,        lambda g, ans, x, deg=False: g * (-1j * (180 / math.pi if deg else 1)) / _nonzero(x))


def _sign(x):
    """±1 or 0, which is constant; of a complex number x / |x|, which is not."""
    return x / _nonzero(np.abs(x)) if np.iscomplexobj(x) else np.sign(x.data)


defspelling(np.sign, _sign)

# ---- exponentials and logarithms

defvjp(np.exp,          lambda g, ans, x: g * ans)
defvjp(np.exp2,         lambda g, ans, x: g * ans * math.log(2))
defvjp(np.expm1,        lambda g, ans, x: g * (ans + 1))
defvjp(np.log,          lambda g, ans, x: g / x)
defvjp(np.log2,         lambda g, ans, x: g / (x * math.log(2)))
defvjp(np.log10,        lambda g, ans, x: g / (x * math.log(10)))
defvjp(np.log1p,        lambda g, ans, x: g / (1 + x))
defvjp(np.logaddexp,    lambda g, ans, x, y: g * np.exp(x - ans),   lambda g, ans, x, y: g * np.exp(y - ans))
defvjp(np.logaddexp2,   lambda g, ans, x, y: g * np.exp2(x - ans),  lambda g, ans, x, y: g * np.exp2(y - ans))

# ---- trigonometric and hyperbolic functions

defvjp(np.sin,          lambda g, ans, x: g * np.cos(x))
defvjp(np.cos,          lambda g, ans, x: -g * np.sin(x))
defvjp(np.tan,          lambda g, ans, x: g * (1 + ans**2))
defvjp(np.arcsin,       lambda g, ans, x: g / np.sqrt(1 - x**2))
defvjp(np.arccos,       lambda g, ans, x: -g / np.sqrt(1 - x**2))
defvjp(np.arctan,       lambda g, ans, x: g / (1 + x**2))
defvjp(
    np.arctan2,
    lambda g, ans, y, x: g * x / _nonzero(np.hypot(x, y)) ** 2,
    lambda g, ans, y, x: -g * y / _nonzero(np.hypot(x, y)) ** 2,
)
defvjp(np.sinh,         lambda g, ans, x: g * np.cosh(x))
defvjp(np.cosh,         lambda g, ans, x: g * np.sinh(x))
defvjp(np.tanh,         lambda g, ans, x: g * (1 - ans**2))
defvjp(np.arcsinh,      lambda g, ans, x: g / np.sqrt(x**2 + 1))
defvjp(np.arccosh,      lambda g, ans, x: g / np.sqrt(x**2 - 1))
defvjp(np.arctanh,      lambda g, ans, x: g / (1 - x**2))
defvjp(np.deg2rad,      lambda g, ans, x: g * (math.pi / 180))
defvjp(np.radians,      lambda g, ans, x: g * (math.pi / 180))
defvjp(np.rad2deg,      lambda g, ans, x: g * (180 / math.pi))
defvjp(np.degrees,      lambda g, ans, x: g * (180 / math.pi))
defvjp(np.hypot,        lambda g, ans, x, y: g * (x / _nonzero(ans)),  lambda g, ans, x, y: g * (y / _nonzero(ans)))


def _nonzero(x):
    return np.where(x == 0, 1, x)


# ---- choices


def _if_chosen(g, ans, x, other):
    return np.where(x == other, g / 2, np.where(x == ans, g, 0))


for choice in (np.maximum, np.minimum, np.fmax, np.fmin):
    defvjp(choice,      lambda g, ans, x, y: _if_chosen(g, ans, x, y),  lambda g, ans, x, y: _if_chosen(g, ans, y, x))

defvjp(
    np.where,
    None,
    lambda g, ans, condition, x, y: np.where(condition, g, 0),
    lambda g, ans, condition, x, y: np.where(condition, 0, g),
)


def _not_below(x, low):
    return True if low is None else x >= low


def _not_above(x, high):
    return True if high is None else x <= high


defvjp(
    np.clip,
    lambda g, ans, x, a_min=None, a_max=None, *, min=None, max=None: (
        g * (_not_below(x, a_min) & _not_above(x, a_max) & _not_below(x, min) & _not_above(x, max))
    ),
    lambda g, ans, x, a_min, a_max=None: g * ((x < a_min) & _not_above(a_min, a_max)),
    lambda g, ans, x, a_min, a_max: g * ((x if a_min is None else np.maximum(x, a_min)) > a_max),
)

# ---- casts

defvjp(primitives.identity, lambda g, ans, x: g)
defvjp(primitives.astype, lambda g, ans, x, dtype: g)  # the engine casts every cotangent to the dtype of its primal

# ---- piecewise constant, or not a number at all

defnondiff(np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.fix, np.heaviside, np.floor_divide)
defnondiff(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.array_equal, np.array_equiv)
defnondiff(np.isclose, np.allclose, np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf, np.signbit)
defnondiff(np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.any, np.all, np.count_nonzero)
defnondiff(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.nonzero, np.flatnonzero)
defnondiff(np.argwhere, np.searchsorted, np.digitize, np.shape, np.ndim, np.size)
defnondiff(np.zeros_like, np.ones_like, np.empty_like, np.result_type, np.can_cast, np.min_scalar_type)
defnondiff(np.iscomplexobj, np.isrealobj, np.iscomplex, np.isreal, np.may_share_memory, np.shares_memory)
defnondiff(np.array_repr, np.array_str, np.array2string)

defvjp(np.full_like, None, lambda g, ans, x, fill_value, dtype=None, order="K", subok=True, shape=None: g)
