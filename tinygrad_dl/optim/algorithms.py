"""Optimizers. The formulas are the course's; W stands for any parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np

from .. import checks
from ..core.tensor import Tensor
from .optimizer import Optimizer, Rate, Settings


class SGD(Optimizer):
    """Gradient descent: W := W - α dW with the learning rate α.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float or function
        The step size α, or a schedule; see `Optimizer`.
    weight_decay, max_norm
        See `Optimizer`.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> descent = tg.optim.SGD([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> descent.step()
    >>> w.item()
    0.8
    """

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        return self._rate * gradient


class Momentum(Optimizer):
    """Gradient descent along a moving average: v := β v + (1 - β) dW, W := W - α v, in the course's form.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float or function
        The step size α, or a schedule; see `Optimizer`.
    beta : float
        The decay β of the average, in [0, 1).
    **settings
        `weight_decay` and `max_norm`, see `Optimizer`.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> momentum = tg.optim.Momentum([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> momentum.step()
    >>> round(w.item(), 6)
    0.98
    """

    beta: float

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: Rate, beta: float = 0.9, **settings: Unpack[Settings]
    ):
        super().__init__(parameters, learning_rate, **settings)
        self.beta = checks.fraction("Momentum", "beta", beta)
        self._v = self._zeros()

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        self._v[i] = self.beta * self._v[i] + (1 - self.beta) * gradient
        return self._rate * self._v[i]


class RMSProp(Optimizer):
    """A step size for each weight: s := β s + (1 - β) dW², W := W - α dW / (√s + ε).

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float or function
        The step size α, or a schedule; see `Optimizer`.
    beta : float
        The decay β of the average of squares, in [0, 1).
    epsilon : float
        The ε that keeps the denominator above 0.
    **settings
        `weight_decay` and `max_norm`, see `Optimizer`.

    References
    ----------
    Hinton, "Neural networks for machine learning", lecture 6e, 2012.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> rmsprop = tg.optim.RMSProp([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> rmsprop.step()
    >>> round(w.item(), 6)
    0.683772
    """

    beta: float
    epsilon: float

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate = 0.001,
        beta: float = 0.9,
        epsilon: float = 1e-8,
        **settings: Unpack[Settings],
    ):
        super().__init__(parameters, learning_rate, **settings)
        self.beta = checks.fraction("RMSProp", "beta", beta)
        self.epsilon = checks.positive("RMSProp", "epsilon", epsilon)
        self._s = self._zeros()

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        self._s[i] = self.beta * self._s[i] + (1 - self.beta) * np.square(gradient)
        return self._rate * gradient / (np.sqrt(self._s[i]) + self.epsilon)


class Adam(Optimizer):
    """Momentum and RMSProp combined, with bias correction.

    v := β₁ v + (1 - β₁) dW, s := β₂ s + (1 - β₂) dW², W := W - α (v / (1 - β₁ᵗ)) / (√(s / (1 - β₂ᵗ)) + ε),
    where t counts the steps of each parameter.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float or function
        The step size α, or a schedule; see `Optimizer`.
    beta1 : float
        The decay β₁ of the average of gradients, in [0, 1).
    beta2 : float
        The decay β₂ of the average of squares, in [0, 1).
    epsilon : float
        The ε that keeps the denominator above 0.
    **settings
        `weight_decay` and `max_norm`, see `Optimizer`.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", 2015.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> adam = tg.optim.Adam([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> adam.step()
    >>> round(w.item(), 6)
    0.9
    """

    beta1: float
    beta2: float
    epsilon: float

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **settings: Unpack[Settings],
    ):
        super().__init__(parameters, learning_rate, **settings)
        self.beta1, self.beta2 = checks.fraction("Adam", "beta1", beta1), checks.fraction("Adam", "beta2", beta2)
        self.epsilon = checks.positive("Adam", "epsilon", epsilon)
        self._v, self._s = self._zeros(), self._zeros()
        self._t = [0] * len(self.parameters)

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        self._t[i] += 1
        self._v[i] = self.beta1 * self._v[i] + (1 - self.beta1) * gradient
        self._s[i] = self.beta2 * self._s[i] + (1 - self.beta2) * np.square(gradient)
        v = self._v[i] / (1 - self.beta1 ** self._t[i])
        s = self._s[i] / (1 - self.beta2 ** self._t[i])
        return self._rate * v / (np.sqrt(s) + self.epsilon)
