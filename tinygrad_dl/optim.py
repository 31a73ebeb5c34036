"""Optimizers: how a gradient becomes a step. The formulas are the course's; W stands for any parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .tensor import Tensor, replace_data


class Optimizer:
    """What all optimizers share; a new one defines `update`.

    Parameters that don't require grad at the time stay as they are. Raises ValueError if none requires grad, for one
    given twice, and for a learning rate that is not positive, TypeError for what is no leaf Tensor.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float):
        if hasattr(parameters, "parameters"):
            raise TypeError(f"{type(self).__name__}: expected net.parameters(), got a {type(parameters).__name__}.")
        self.parameters = list(parameters)
        for parameter in self.parameters:
            if type(parameter) is not Tensor or parameter._function is not None:
                raise TypeError(f"{type(self).__name__}: expected parameters, got {parameter!r:.80}.")
        if not any(parameter.requires_grad for parameter in self.parameters):
            raise ValueError(f"{type(self).__name__}: expected parameters that require grad, got none.")
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError(f"{type(self).__name__}: expected each parameter once.")
        for parameter in self.parameters:
            if parameter.dtype.kind == "c":
                raise TypeError(f"{type(self).__name__}: expected real parameters, got {parameter!r:.80}.")
        if not learning_rate > 0:
            raise ValueError(f"{type(self).__name__}: expected a learning rate above 0, got {learning_rate}.")
        self.learning_rate = learning_rate

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """What to subtract from parameter number `i`, given its gradient."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def step(self) -> None:
        """Change every parameter that has a gradient. Raises ValueError if none has, or one of a wrong shape."""
        without = 0
        for i, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is None:
                without += 1
                continue
            value = parameter._value
            if gradient.shape != value.shape:
                raise ValueError(f"{parameter!r:.80}: expected a gradient of its shape, got {gradient.shape}.")
            new = value - self.update(i, gradient)
            if new.shape != value.shape:
                raise ValueError(f"{type(self).__name__}: update gave {new.shape} for a parameter of {value.shape}.")
            replace_data(parameter, new if new.dtype is value.dtype else new.astype(value.dtype))
        if without == len(self.parameters):
            raise ValueError(f"{type(self).__name__}: no parameter has a gradient; call loss.backward() before step().")

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next `backward` starts from nothing."""
        for parameter in self.parameters:
            parameter.grad = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters, learning_rate={self.learning_rate})"

    def _zeros(self) -> list[np.ndarray]:
        return [np.zeros_like(parameter.data) for parameter in self.parameters]


class SGD(Optimizer):
    """Gradient descent, on all samples or on minibatches: W := W - α dW, α being the learning rate (week 3).

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> descent = tg.optim.SGD([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> descent.step()
    >>> w.item()
    0.8
    """

    def update(self, i: int, gradient: np.ndarray) -> Any:
        return self.learning_rate * gradient


class Momentum(Optimizer):
    """v := β v + (1 - β) dW, W := W - α v: an average of past gradients, in the course's form.

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> momentum = tg.optim.Momentum([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> momentum.step()
    >>> round(w.item(), 6)
    0.98
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, beta: float = 0.9):
        super().__init__(parameters, learning_rate)
        self.beta = _fraction("Momentum", "beta", beta)
        self._v = self._zeros()

    def update(self, i: int, gradient: np.ndarray) -> Any:
        self._v[i] = self.beta * self._v[i] + (1 - self.beta) * gradient
        return self.learning_rate * self._v[i]


class RMSProp(Optimizer):
    """s := β s + (1 - β) dW², W := W - α dW / (√s + ε): a step of its own size for each weight (Hinton 2012).

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> rmsprop = tg.optim.RMSProp([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> rmsprop.step()
    >>> round(w.item(), 6)
    0.683772
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float = 0.001, beta: float = 0.9, epsilon: float = 1e-8
    ):
        super().__init__(parameters, learning_rate)
        self.beta, self.epsilon = _fraction("RMSProp", "beta", beta), epsilon
        self._s = self._zeros()

    def update(self, i: int, gradient: np.ndarray) -> Any:
        self._s[i] = self.beta * self._s[i] + (1 - self.beta) * np.square(gradient)
        return self.learning_rate * gradient / (np.sqrt(self._s[i]) + self.epsilon)


class Adam(Optimizer):
    """Momentum and RMSProp together, bias-corrected (Kingma and Ba 2015), t counting the steps of each parameter:

    v := β₁ v + (1 - β₁) dW, s := β₂ s + (1 - β₂) dW², W := W - α (v / (1 - β₁ᵗ)) / (√(s / (1 - β₂ᵗ)) + ε)

    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> adam = tg.optim.Adam([w], learning_rate=0.1)
    >>> (w**2).backward()
    >>> adam.step()
    >>> round(w.item(), 6)
    0.9
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ):
        super().__init__(parameters, learning_rate)
        self.beta1, self.beta2 = _fraction("Adam", "beta1", beta1), _fraction("Adam", "beta2", beta2)
        self.epsilon = epsilon
        self._v, self._s = self._zeros(), self._zeros()
        self._t = [0] * len(self.parameters)

    def update(self, i: int, gradient: np.ndarray) -> Any:
        self._t[i] += 1
        self._v[i] = self.beta1 * self._v[i] + (1 - self.beta1) * gradient
        self._s[i] = self.beta2 * self._s[i] + (1 - self.beta2) * np.square(gradient)
        v = self._v[i] / (1 - self.beta1 ** self._t[i])
        s = self._s[i] / (1 - self.beta2 ** self._t[i])
        return self.learning_rate * v / (np.sqrt(s) + self.epsilon)


def _fraction(optimizer: str, name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{optimizer}: expected 0 <= {name} < 1, got {value}.")
    return value
