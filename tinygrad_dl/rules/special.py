"""The special functions sinc and i0, with derivatives of any order that stay accurate where formulas cancel."""

import math
from typing import Any

import numpy as np

from ..core.primitives import array_function
from ..core.registry import defvjp

# ---- sinc(x) = sin(z) / z at z = pi x


@array_function
def sinc_derivative(x: Any, n: Any) -> Any:
    """Compute the derivative of order `n` of `np.sinc`."""
    x = np.asarray(x)
    z = math.pi * x.astype(np.result_type(x, np.float64))
    near = np.abs(z) <= n + 1
    value = np.where(near, _sinc_near_0(np.where(near, z, 0), n), _sinc_far_from_0(np.where(near, 1, z), n))
    return (math.pi**n * value).astype(x.dtype)


def _sinc_near_0(z, n):
    """Sum the differentiated power series, (-1)**k z**m / (m! (2k + 1)) over m = 2k - n >= 0."""
    m = n % 2
    power, total = z**m, 0
    while np.any(np.abs(power) > 1e-30) or m < 2:  # power = z**m / m!
        total = total + (-1) ** ((m + n) // 2) * power / (m + n + 1)
        power, m = power * z * z / ((m + 1) * (m + 2)), m + 2
    return total


def _sinc_far_from_0(z, n):
    """Use the k-th derivative of z f = sin z: z f⁽ᵏ⁾ + k f⁽ᵏ⁻¹⁾ = sin⁽ᵏ⁾ z, which loses no digits where z > k."""
    sine, cosine = np.sin(z), np.cos(z)
    f = sine / z
    for k in range(1, n + 1):
        f = ((sine, cosine, -sine, -cosine)[k % 4] - k * f) / z
    return f


defvjp(np.sinc,             lambda g, ans, x: g * sinc_derivative(x, 1))
defvjp(sinc_derivative,     lambda g, ans, x, n: g * sinc_derivative(x, n + 1))

# ---- i0(x), the mean of exp(x cos t) over a circle of t


@array_function
def i0_derivative(x: Any, n: Any) -> Any:
    """Compute the derivative of order `n` of `np.i0`: the mean of cos(t)**n exp(x cos t) over t.

    The mean of a smooth periodic function over equidistant points converges exponentially, and these points suffice
    for all x without overflow. cosh or sinh sums the points t and pi - t, so that nothing cancels.
    """
    x = np.asarray(x)
    count = 64 + n  # in a quarter of the circle
    cosines = np.cos((np.arange(count) + 0.5) * (math.pi / 2 / count))
    function, wide = (np.sinh if n % 2 else np.cosh), x.astype(np.float64)
    return (sum(c**n * function(wide * c) for c in cosines) / count).astype(x.dtype)


defvjp(np.i0,               lambda g, ans, x: g * i0_derivative(x, 1))
defvjp(i0_derivative,       lambda g, ans, x, n: g * i0_derivative(x, n + 1))
