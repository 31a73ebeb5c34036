"""Optimizers: how a gradient becomes a step. The formulas are the course's; W stands for any parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from . import arguments
from .settings import described, real_number
from .tensor import Tensor, replace_all_data


class Optimizer:
    """What all optimizers share; a new one defines `update`.

    Parameters that don't require grad at the time stay as they are. Those in float16 get their updates from float32:
    squares of gradients, and epsilon, are not to vanish. A gradient of nan or inf moves its parameter there, as NumPy
    computes it; `fit` stops before. Raises ValueError if no parameter requires grad, for one given twice, and for a
    learning rate that is not positive, TypeError for what is no leaf Tensor, and for a rate that is no number.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float):
        name = type(self).__name__
        if hasattr(parameters, "parameters") or not isinstance(parameters, Iterable):
            raise TypeError(f"{name}: expected net.parameters(), got a {type(parameters).__name__}.")
        if isinstance(parameters, Mapping):
            raise TypeError(f"{name}: expected parameters, such as net.parameters(), got a dict: pass its values().")
        self.parameters = list(parameters)
        for parameter in self.parameters:
            if type(parameter) is not Tensor or parameter._function is not None:
                raise TypeError(f"{name}: expected parameters, got {parameter!r:.80}.")
        if not any(parameter.requires_grad for parameter in self.parameters):
            raise ValueError(f"{name}: expected parameters that require grad, got none.")
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError(f"{name}: expected each parameter once.")
        for parameter in self.parameters:
            if parameter.dtype.kind == "c":
                raise TypeError(f"{name}: expected real parameters, got {parameter!r:.80}.")
        self.learning_rate = real_number(f"{name}: expected a learning rate above 0", learning_rate)
        self._dtypes = [_FLOAT32 if p.dtype == np.float16 else p.dtype for p in self.parameters]

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """What to subtract from parameter number `i`, given its gradient."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def step(self) -> None:
        """Change every parameter that has a gradient: all of them, or on an error none.

        Raises ValueError if none has a gradient, and for a gradient or an update of a wrong shape, TypeError for one
        that is not of real numbers. A gradient that is a Tensor, as `tg.grad` gives, counts by its values.
        """
        if type(self.learning_rate) is not float or not 0 <= self.learning_rate < math.inf:
            expected = f"{type(self).__name__}: expected a learning rate of at least 0"
            real_number(expected, self.learning_rate, closed=True)
        leaves, gradients, dtypes = [], [], self._dtypes
        for i, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is not None:
                if (
                    type(gradient) is not np.ndarray
                    or gradient.dtype is not dtypes[i]
                    or gradient.shape != parameter._value.shape
                ):
                    gradient = _checked_gradient(parameter, gradient, dtypes[i])
                leaves.append(parameter)
            gradients.append(gradient)
        if not leaves:
            raise ValueError(f"{type(self).__name__}: no parameter has a gradient; call loss.backward() before step().")
        new = []
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                value, update = self.parameters[i]._value, self.update(i, gradient)
                try:
                    moved = value - update
                except TypeError:
                    moved = None
                if type(moved) is not np.ndarray or moved.dtype is not value.dtype or moved.shape != value.shape:
                    moved = self._checked_value(moved, value, update)
                new.append(moved)
        replace_all_data(leaves, new)

    def _checked_value(self, new: Any, value: np.ndarray, update: Any) -> np.ndarray:
        """The `new` value of a parameter in the dtype of its old `value`."""
        name = type(self).__name__
        if type(new) is not np.ndarray and not isinstance(new, np.floating):
            raise TypeError(f"{name}: expected update to give an array of numbers, got {described(update)}.")
        if new.shape != value.shape:
            raise ValueError(f"{name}: update gave {new.shape} for a parameter of {value.shape}.")
        if not np.can_cast(new.dtype, value.dtype, "same_kind"):
            raise TypeError(f"{name}: update gave {new.dtype} for a parameter of {value.dtype}.")
        return np.array(new, dtype=value.dtype)

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next `backward` starts from nothing."""
        for parameter in self.parameters:
            parameter.grad = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters, learning_rate={self.learning_rate})"

    def _zeros(self) -> list[np.ndarray]:
        pairs = zip(self.parameters, self._dtypes, strict=True)
        return [np.zeros_like(parameter.data, dtype=dtype) for parameter, dtype in pairs]


_FLOAT32 = np.dtype(np.float32)


def _checked_gradient(parameter: Tensor, gradient: Any, dtype: np.dtype) -> np.ndarray:
    """The `gradient` of a `parameter` as an array of its own in the `dtype` of the updates."""
    try:
        found = arguments.numbers(gradient._value if type(gradient) is Tensor else gradient)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{parameter!r:.80}: expected a gradient of real numbers: {error}") from None
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{parameter!r:.80}: expected a gradient of real numbers, got {found.dtype}.")
    if found.shape != parameter.shape:
        raise ValueError(f"{parameter!r:.80}: expected a gradient of its shape, got {found.shape}.")
    with np.errstate(over="ignore"):
        return found.astype(dtype, copy=False)


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
        self.beta, self.epsilon = _fraction("RMSProp", "beta", beta), _epsilon("RMSProp", epsilon)
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
        self.epsilon = _epsilon("Adam", epsilon)
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
    return real_number(f"{optimizer}: expected 0 <= {name} < 1", value, high=1.0, closed=True)


def _epsilon(optimizer: str, value: float) -> float:
    return real_number(f"{optimizer}: expected an epsilon above 0", value)
