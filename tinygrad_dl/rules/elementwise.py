"""Elementwise functions: arithmetic, exponentials, trigonometry, parts of numbers, casts."""

import cmath
import math

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.registry import defcomposite, defvjp
from ..core.tensor import Tensor
from ._shapes import is_small
from .kinks import add_kink_slope, kink, slopes, undefined_slope, unit
from .ties import at_tie, slope_at_ties

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
defvjp(np.absolute,     lambda g, ans, x: _abs_vjp(g, ans, x))
defvjp(np.fabs,         lambda g, ans, x: _abs_vjp(g, ans, x))
defcomposite(np.divmod,  lambda x, y: (np.floor_divide(x, y), np.remainder(x, y)))


def _abs_vjp(g, ans, x):
    if np.iscomplexobj(x):
        direction = np.conj(x)
        return add_kink_slope(g * unit(direction, ans), g, ans, direction, ())
    part = add_kink_slope(g * np.sign(x), g, ans, x)
    if type(ans) is not Tensor or not np.any(ans == 0):
        return part
    return part + at_tie(x, slope_at_ties(g, ans, 1 + (ans._value == 0)) / 4)


def _power_by_base(g, ans, x, y):
    if type(y) in (int, float):
        return g * (y * x if y == 2 else y * x ** (y - 1) if y != 0 else np.zeros_like(x))
    part = g * (y * x ** np.where((x == 0) & (y == 0), 1, y - 1.0))  # 0**0: not 0 * inf
    return _add_undefined_slope(part, g, x, y, y)


def _power_by_exponent(g, ans, x, y):
    part = g * (np.where(x == 0, 0, ans) * _log_of_base(x, np.iscomplexobj(ans)))  # 0**y: not 0 * -inf, or inf * 0
    return _add_undefined_slope(part, g, x, y, x)


def _add_undefined_slope(part, g, x, y, other):
    """Give `part` a nan derivative with respect to `other` at 0**y, y <= 1, where x**(y-1) * (1 + y log x) = inf."""
    if type(other) is not Tensor or type(part) is not Tensor:
        return part
    infinite = (x == 0) & (np.real(y) <= 1)
    return part + kink(other, undefined_slope(g, infinite), None) if np.any(infinite) else part


def _log_of_base(x, as_complex):
    """Compute log(x), 0 for x = 0, and nan without a warning for x < 0, whose real powers are isolated points."""
    if type(x) in (int, float):  # a Python number, like its logarithm, keeps float32
        return cmath.log(x or 1) if as_complex else math.log(x or 1) if x >= 0 else math.nan
    nonzero = np.where(x == 0, 1, x)
    return np.log(nonzero + 0j if as_complex else np.where(x < 0, math.nan, nonzero))


defvjp(np.power,        _power_by_base,                _power_by_exponent)
defvjp(np.float_power,  _power_by_base,                _power_by_exponent)

# ---- complex numbers: Re(g df) = Re(ct dx), see `core.backprop`; where x is real, the engine takes the real part

defvjp(np.real,         lambda g, ans, x: g)
defvjp(np.imag,         lambda g, ans, x: g * -1j)  # in this order: -1j * np.float64 is a Python number
defvjp(np.conjugate,    lambda g, ans, x: np.conjugate(g))
defvjp(np.angle,        lambda g, ans, x, deg=False: _angle_vjp(g * (-1j * (180 / math.pi if deg else 1)), 1, x, x))


def _angle_vjp(g, numerator, denominator, *arguments):
    """Compute the cotangent g * numerator / denominator of an angle: 0 at the origin, with nan derivatives there."""
    zero = denominator == 0
    part = g * np.where(zero, 0, numerator / np.where(zero, 1, denominator))
    if type(part) is Tensor and np.any(zero):
        part = sum([kink(x, undefined_slope(g, zero), ()) for x in arguments if type(x) is Tensor], part)
    return part


def _sign(x):
    """Compute the sign: a constant ±1 or 0 for real x; x / |x| for complex x, which is not constant."""
    if not np.iscomplexobj(x):
        return np.sign(primitives.values(x))
    return unit(x, np.abs(x))


def _real_if_close(a, tol=100):
    close = np.iscomplexobj(a) and np.isrealobj(np.real_if_close(primitives.values(a), tol))
    return np.real(a) if close else a


defcomposite(np.sign, _sign)
defcomposite(np.real_if_close, _real_if_close)

# ---- exponentials and logarithms

defvjp(np.exp,          lambda g, ans, x: g * ans)
defvjp(_functions.sigmoid, lambda g, ans, x: g * (ans * (1 - ans)))
defvjp(_functions.softplus, lambda g, ans, x: g * _functions.sigmoid(x))
defvjp(_functions.log_above_0, lambda g, ans, x: g / np.maximum(x, _functions.LEAST))
defvjp(_functions.widened, lambda g, ans, x: g if x.dtype == ans.dtype else np.clip(g, -65504, 65504))
defvjp(np.exp2,         lambda g, ans, x: g * ans * math.log(2))
defvjp(np.expm1,        lambda g, ans, x: g * (ans + 1))
defvjp(np.log,          lambda g, ans, x: g / x)
defvjp(np.log2,         lambda g, ans, x: g / (x * math.log(2)))
defvjp(np.log10,        lambda g, ans, x: g / (x * math.log(10)))
defvjp(np.log1p,        lambda g, ans, x: g / (1 + x))


def _share(exp, logaddexp, g, ans, x, y):
    """Compute g times the share of exp(x) in exp(x) + exp(y); a half if both are the same infinity."""
    if is_small(ans):
        return g * exp(x - ans)
    alike = np.isinf(x) & np.equal(x, y)
    x = np.where(alike, 0, x)
    return g * exp(-logaddexp(0, np.where(alike, x, y) - x))


defvjp(
    np.logaddexp,
    lambda g, ans, x, y: _share(np.exp, np.logaddexp, g, ans, x, y),
    lambda g, ans, x, y: _share(np.exp, np.logaddexp, g, ans, y, x),
)
defvjp(
    np.logaddexp2,
    lambda g, ans, x, y: _share(np.exp2, np.logaddexp2, g, ans, x, y),
    lambda g, ans, x, y: _share(np.exp2, np.logaddexp2, g, ans, y, x),
)

# ---- trigonometric and hyperbolic functions


def _root(x):
    """Compute the root of 1 - x**2; for complex x in factors, as the square may overflow to nan."""
    if not np.iscomplexobj(x):
        return np.sqrt(1 - x**2)
    return np.sqrt(-(x - 1)) * np.sqrt(x - (-1))  # sums turn -0j to 0j, over the branch cuts


def _arctan_vjp(g, ans, x):
    return g / (x - 1j) / (x + 1j) if np.iscomplexobj(x) else g / (1 + x**2)


def _arctanh_vjp(g, ans, x):
    return g / (1 - x) / (1 + x) if np.iscomplexobj(x) else g / (1 - x**2)


defvjp(np.sin,          lambda g, ans, x: g * np.cos(x))
defvjp(np.cos,          lambda g, ans, x: -g * np.sin(x))
defvjp(np.tan,          lambda g, ans, x: g * (1 + ans**2))
defvjp(np.arcsin,       lambda g, ans, x: g / _root(x))
defvjp(np.arccos,       lambda g, ans, x: -g / _root(x))
defvjp(np.arctan,       _arctan_vjp)
defvjp(
    np.arctan2,
    lambda g, ans, y, x: _angle_vjp(g, unit(x, np.hypot(x, y)), np.hypot(x, y), x, y),
    lambda g, ans, y, x: _angle_vjp(-g, unit(y, np.hypot(x, y)), np.hypot(x, y), x, y),
)
defvjp(np.sinh,         lambda g, ans, x: g * np.cosh(x))
defvjp(np.cosh,         lambda g, ans, x: g * np.sinh(x))
defvjp(np.tanh,         lambda g, ans, x: g * (1 - ans**2))
defvjp(np.arcsinh,      lambda g, ans, x: g / np.cosh(ans))  # the same root, where x**2 overflows too
defvjp(np.arccosh,      lambda g, ans, x: g / (np.sqrt(x - 1) * np.sqrt(x - (-1))))
defvjp(np.arctanh,      _arctanh_vjp)
defvjp(np.deg2rad,      lambda g, ans, x: g * (math.pi / 180))
defvjp(np.radians,      lambda g, ans, x: g * (math.pi / 180))
defvjp(np.rad2deg,      lambda g, ans, x: g * (180 / math.pi))
defvjp(np.degrees,      lambda g, ans, x: g * (180 / math.pi))
defvjp(np.hypot,        lambda g, ans, x, y: _hypot_vjp(g, ans, x, y), lambda g, ans, x, y: _hypot_vjp(g, ans, y, x))


def _hypot_vjp(g, ans, x, other):
    part = add_kink_slope(g * unit(x, ans), g, ans, x, ())
    if type(part) is Tensor and type(other) is Tensor and np.any(ans == 0):
        part = part + kink(other, 0 * slopes(g, ans, False), ())  # nan if that is
    return part


# ---- parts of a float: the integer part and the exponent are piecewise constant

defvjp(np.modf,         lambda g, ans, x: np.zeros_like(x) if g[0] is None else g[0])
defvjp(np.frexp,        lambda g, ans, x: np.ldexp(g[0], -ans[1]))
defvjp(np.ldexp,        lambda g, ans, x, exponent: np.ldexp(g, exponent),                    None)
defvjp(np.copysign,     lambda g, ans, x, y: _copysign_vjp(g, ans, x, y),                     None)


def _copysign_vjp(g, ans, x, y):
    return add_kink_slope(np.where(np.signbit(y), -g, g) * np.sign(x), g, ans, x)


# ---- casts

defvjp(primitives.identity, lambda g, ans, x: g)
defvjp(primitives.astype, lambda g, ans, x, dtype, copy=True: g)  # the engine casts a cotangent to its primal's dtype


defcomposite(np.astype, lambda x, dtype, /, *, copy=True, device=None: primitives.astype(x, dtype, copy))
defvjp(np.full_like, None, lambda g, ans, x, fill_value, dtype=None, order="K", subok=True, shape=None: g)
