"""Activation functions as plain NumPy formulas: on arrays they compute, on Tensors they record their derivatives.

Each is stable: for finite z of any float type, neither the function nor its derivatives overflow or become nan.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Array = TypeVar("Array", bound=Any)  # an array or a Tensor: what a function is given, it gives
Function = TypeVar("Function", bound=Callable[..., Any])

HALF = np.dtype(np.float16)
_INTEGERS = ("b", "i", "u")


def upcast_half(x: Any) -> Any:
    """Convert a float16 array to float32: in float16 a sum of ones stalls at 2,048, and exp overflows at 11.1."""
    return x.astype(np.float32) if getattr(x, "dtype", None) is HALF else x


def with_upcast(function: Function) -> Function:
    """Compute `function` in float32 and round the result once where its first argument is float16.

    Integers become float64: in uint8, -1 is 255.
    """
    first = function.__code__.co_varnames[0]

    @functools.wraps(function)
    def upcast(*args, **kwargs):
        z = args[0] if args else kwargs.get(first)
        dtype = getattr(z, "dtype", None)
        if dtype is HALF:
            named = {name: upcast_half(x) for name, x in kwargs.items()}
            return function(*map(upcast_half, args), **named).astype(HALF)
        if getattr(dtype, "kind", None) in _INTEGERS:
            given = z.astype(np.float64)  # type: ignore[union-attr]
            return function(given, *args[1:], **{name: x for name, x in kwargs.items() if name != first})
        return function(*args, **kwargs)

    return upcast  # type: ignore[return-value]  # it takes what `function` takes


def identity(z: Array) -> Array:
    """Return g(z) = z: no activation.

    Layers without an activation between them compose to one linear layer.

    Parameters
    ----------
    z : array or Tensor
        Numbers of any shape.

    Returns
    -------
    array or Tensor
        `z` itself.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> identity(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return z


@with_upcast
def sigmoid(z: Array) -> Array:
    """Compute σ(z) = 1 / (1 + e⁻ᶻ), a probability: the output of binary classification.

    It saturates: far from 0 its derivative σ(z) (1 - σ(z)) vanishes, and learning stops.

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.

    Returns
    -------
    array or Tensor
        Values in (0, 1), with the shape and float type of `z`.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).round(6)
    array([0. , 0.5, 1. ])
    """
    return 1 / (1 + np.exp(np.minimum(-z, 80)))  # e^80 still fits a float32; σ(-80) is 2e-35


def tanh(z: Array) -> Array:
    """Compute tanh(z) = (eᶻ - e⁻ᶻ) / (eᶻ + e⁻ᶻ), a sigmoid centred at 0, which suits hidden layers better.

    It saturates like the sigmoid: its derivative is 1 - tanh²(z).

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.

    Returns
    -------
    array or Tensor
        Values in (-1, 1), with the shape and float type of `z`.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> tanh(np.array([-1e4, 0.0, 1e4]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(z)


def relu(z: Array) -> Array:
    """Compute max(0, z). Its derivative is 1 for z > 0, and 0 for z <= 0, at 0 included.

    A unit whose z is negative for every sample gets no gradient and stops learning: it is dead.

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.

    Returns
    -------
    array or Tensor
        Values in [0, ∞), with the shape and float type of `z`.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return np.where(z <= 0, 0, z)  # type: ignore[return-value]


def leaky_relu(z: Array, alpha: float = 0.01) -> Array:
    """Compute z for z > 0, else αz. Its units cannot die: the derivative is α for z <= 0, at 0 included.

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.
    alpha : float
        The slope on the negative side.

    Returns
    -------
    array or Tensor
        Values in (-∞, ∞), with the shape and float type of `z`.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> leaky_relu(np.array([-2.0, 0.0, 3.0]))
    array([-0.02,  0.  ,  3.  ])
    """
    return np.where(z <= 0, alpha * z, z)  # type: ignore[return-value]


def elu(z: Array, alpha: float = 1.0) -> Array:
    """Compute z for z >= 0, else α (eᶻ - 1): a relu with a smooth bend.

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.
    alpha : float
        The negative of the limit at -∞.

    Returns
    -------
    array or Tensor
        Values in (-α, ∞), with the shape and float type of `z`.

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units", 2016.

    Examples
    --------
    >>> elu(np.array([-1e4, 0.0, 3.0]))
    array([-1.,  0.,  3.])
    """
    return np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def softplus(z: Array) -> Array:
    """Compute log(1 + eᶻ), a smooth relu. Its derivative is σ(z).

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.

    Returns
    -------
    array or Tensor
        Values in (0, ∞), with the shape and float type of `z`.

    Examples
    --------
    >>> softplus(np.array([-1e4, 0.0, 2.0])).round(4)
    array([0.    , 0.6931, 2.1269])
    """
    return np.logaddexp(0, z)


def gelu(z: Array) -> Array:
    """Compute z Φ(z) for the normal distribution function Φ, in its tanh form, which is within 5e-4 of it.

    Parameters
    ----------
    z : array or Tensor
        Real numbers of any shape.

    Returns
    -------
    array or Tensor
        Values in (-0.171, ∞), with the shape and float type of `z`.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    Examples
    --------
    >>> gelu(np.array([-1e4, 0.0, 1e4]))
    array([   -0.,     0., 10000.])
    """
    near = np.clip(z, -10, 10)  # z³ may overflow; beyond, tanh is ±1 to the last digit
    bend = 0.5 * near * (1 + np.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * (near * near * near))))
    return np.where(z > 10, z, bend)


@with_upcast
def softmax(z: Array, axis: int = 0) -> Array:
    """Compute eᶻⁱ / Σⱼ eᶻʲ along `axis`: probabilities of sum 1.

    Parameters
    ----------
    z : array or Tensor
        Logits; (classes, m) with the default `axis`, as samples are columns.
    axis : int
        The axis of the classes.

    Returns
    -------
    array or Tensor
        Probabilities in (0, 1), with the shape of `z`.

    Examples
    --------
    >>> softmax(np.array([[1e4, 0.0], [1e4, np.log(3)]]))
    array([[0.5 , 0.25],
           [0.5 , 0.75]])
    """
    exponentials = np.exp(shift_by_max(z, axis))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@with_upcast
def log_softmax(z: Array, axis: int = 0) -> Array:
    """Compute zᵢ - log Σⱼ eᶻʲ: the logarithm of `softmax`, finite where `softmax` underflows to 0.

    Parameters
    ----------
    z : array or Tensor
        Logits; (classes, m) with the default `axis`, as samples are columns.
    axis : int
        The axis of the classes.

    Returns
    -------
    array or Tensor
        Logarithms in (-∞, 0), with the shape of `z`.

    Examples
    --------
    >>> log_softmax(np.array([[1e4], [0.0]]))
    array([[     0.],
           [-10000.]])
    """
    z = shift_by_max(z, axis)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def shift_by_max(z: Any, axis: int) -> Any:
    """Subtract the rounded maximum along `axis`, so that no exponential overflows.

    The shift must be constant: `rint` has derivative zero.
    """
    return z - np.rint(np.max(z, axis=axis, keepdims=True))
