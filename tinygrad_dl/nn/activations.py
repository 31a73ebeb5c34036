"""Activation functions: plain formulas in NumPy, each its own reference on arrays; on Tensors, backprop falls out.

Each is stable: of finite z of any float type, neither it nor its derivatives overflow or become nan.
"""

import functools
import math
from typing import Any

import numpy as np

HALF = np.dtype(np.float16)


def single(x):
    """`x`, in float32 if it is in float16, in which sums of 2,048 ones stall, and powers of e end at 11."""
    return x.astype(np.float32) if getattr(x, "dtype", None) is HALF else x


def in_single(function):
    """The `function`, computed in float32 and rounded once if its first argument is in float16."""

    @functools.wraps(function)
    def rounded(x, *args, **kwargs):
        if getattr(x, "dtype", None) is not HALF:
            return function(x, *args, **kwargs)
        return function(single(x), *map(single, args), **kwargs).astype(HALF)

    return rounded


def identity(z: Any) -> Any:
    """g(z) = z, in (-∞, ∞): no activation. Layers with no activation in between are one linear layer (week 3).

    >>> identity(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return z


@in_single
def sigmoid(z: Any) -> Any:
    """σ(z) = 1 / (1 + e⁻ᶻ), in (0, 1): a probability, for the output of binary classification (week 3).

    It saturates: far from 0 its derivative σ(z) (1 - σ(z)) vanishes, and learning with it.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).round(6)
    array([0. , 0.5, 1. ])
    """
    return 1 / (1 + np.exp(np.minimum(-z, 80)))  # e^80 still fits a float32; σ(-80) is 2e-35


def tanh(z: Any) -> Any:
    """tanh(z) = (eᶻ - e⁻ᶻ) / (eᶻ + e⁻ᶻ), in (-1, 1): a sigmoid around 0, and better in hidden layers (week 3).

    It still saturates: its derivative is 1 - tanh²(z).

    >>> tanh(np.array([-1e4, 0.0, 1e4]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(z)


def relu(z: Any) -> Any:
    """max(0, z), in [0, ∞): cheap, and its derivative is 1 for z > 0; for z <= 0 it is 0, at 0 too (week 3).

    A unit whose z is negative for every sample learns no more: it is dead.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return np.where(z <= 0, 0, z)


def leaky_relu(z: Any, alpha: float = 0.01) -> Any:
    """z for z > 0, else αz: a relu whose units can't die, since its derivative is α there, at 0 too (week 3).

    >>> leaky_relu(np.array([-2.0, 0.0, 3.0]))
    array([-0.02,  0.  ,  3.  ])
    """
    return np.where(z <= 0, alpha * z, z)


def elu(z: Any, alpha: float = 1.0) -> Any:
    """z for z >= 0, else α (eᶻ - 1), in (-α, ∞): a relu with a smooth bend (Clevert et al. 2016).

    >>> elu(np.array([-1e4, 0.0, 3.0]))
    array([-1.,  0.,  3.])
    """
    return np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def softplus(z: Any) -> Any:
    """log(1 + eᶻ), in (0, ∞): a smooth relu. Its derivative is σ(z).

    >>> softplus(np.array([-1e4, 0.0, 2.0])).round(4)
    array([0.    , 0.6931, 2.1269])
    """
    return np.logaddexp(0, z)


def gelu(z: Any) -> Any:
    """z Φ(z), Φ being the normal distribution, in its tanh form (Hendrycks and Gimpel 2016), within 5e-4 of it.

    >>> gelu(np.array([-1e4, 0.0, 1e4]))
    array([   -0.,     0., 10000.])
    """
    near = np.clip(z, -10, 10)  # z³ may overflow; beyond, tanh is ±1 to the last digit
    bend = 0.5 * near * (1 + np.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * (near * near * near))))
    return np.where(z > 10, z, bend)


@in_single
def softmax(z: Any, axis: int = 0) -> Any:
    """eᶻⁱ / Σⱼ eᶻʲ, in (0, 1) and of sum 1 along `axis`: by default the classes are rows, as samples are columns.

    >>> softmax(np.array([[1e4, 0.0], [1e4, np.log(3)]]))
    array([[0.5 , 0.25],
           [0.5 , 0.75]])
    """
    powers = np.exp(shifted(z, axis))
    return powers / powers.sum(axis=axis, keepdims=True)


@in_single
def log_softmax(z: Any, axis: int = 0) -> Any:
    """zᵢ - log Σⱼ eᶻʲ: the logarithm of `softmax`, finite where that underflows to 0.

    >>> log_softmax(np.array([[1e4], [0.0]]))
    array([[     0.],
           [-10000.]])
    """
    z = shifted(z, axis)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def shifted(z, axis):
    """`z` less about its maximum, so that no power of e overflows.

    Any constant will do for the shift, and a whole number is one: the derivative of `rint` is zero.
    """
    return z - np.rint(np.max(z, axis=axis, keepdims=True))
