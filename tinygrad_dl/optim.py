"""Optimizers: how a gradient becomes a step. The formulas are the course's; W stands for any parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from . import checks
from .core import arguments
from .core.signatures import signature
from .core.tensor import Tensor, replace_all_data

_FLOAT32 = np.dtype(np.float32)
_PLAIN = frozenset({np.ndarray, np.float64, np.float32})  # the scalars come from arrays of no axes

_ELSEWHERE = {  # settings of other libraries
    "lr": "write learning_rate=",
    "eps": "write epsilon=",
    "betas": "write beta1= and beta2=",
    "momentum": "take tg.optim.Momentum, and write beta=",
    "weight_decay": "add the penalty to the loss, such as 0.5 * decay * np.sum(W**2)",
}


class Optimizer:
    """What all optimizers share; a new one defines `update`.

    Parameters that don't require grad at the time stay as they are. Those in float16 get their updates from float32,
    where squares of gradients, and epsilon, do not vanish.

    Raises ValueError if none requires grad, for one given twice, and for a learning rate that is not positive and
    finite, TypeError for what is no leaf Tensor or no number.
    """

    def __new__(cls, *args: Any, **settings: Any) -> Optimizer:
        known = signature(cls.__init__).parameters
        for name in _ELSEWHERE.keys() & settings.keys() - known.keys():
            if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
                raise TypeError(f"{cls.__name__} has no {name}=: {_ELSEWHERE[name]}.")
        return super().__new__(cls)

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float):
        kind = type(self).__name__
        if hasattr(parameters, "parameters"):
            raise TypeError(f"{kind}: expected net.parameters(), got a {type(parameters).__name__}.")
        if type(parameters) is Tensor or isinstance(parameters, Mapping):
            advice = "[p]" if type(parameters) is Tensor else "net.parameters(), or list(p.values()) of a dict of them"
            raise TypeError(
                f"{kind}: expected a list of parameters, got a {type(parameters).__name__} p: pass {advice}."
            )
        try:
            self.parameters = list(parameters)
        except TypeError:
            raise TypeError(f"{kind}: expected a list of parameters, got {parameters!r:.80}.") from None
        for parameter in self.parameters:
            if type(parameter) is not Tensor or parameter._function is not None:
                raise TypeError(f"{kind}: expected parameters, got {parameter!r:.80}.")
        if not any(parameter.requires_grad for parameter in self.parameters):
            raise ValueError(f"{kind}: expected parameters that require grad, got none.")
        if len(set(self.parameters)) < len(self.parameters):
            raise ValueError(f"{kind}: expected each parameter once.")
        for parameter in self.parameters:
            if parameter.dtype.kind == "c":
                raise TypeError(f"{kind}: expected real parameters, got {parameter!r:.80}.")
        self.learning_rate = checks.positive(kind, "a learning rate", learning_rate)
        self._dtypes = [_FLOAT32 if p.dtype == np.float16 else p.dtype for p in self.parameters]

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """An array to subtract from parameter number `i`, given its gradient."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def step(self) -> None:
        """Change every parameter that has a gradient: all of them, or none if an error is raised.

        Gradients that are Tensors, lists or data frames count as arrays. One that is nan or inf moves its parameter
        to nan or inf, as the formula says: `tg.debug()` names the operation that it came from.

        Raises ValueError if no parameter has a gradient, for a gradient or update of a wrong shape, and for a learning
        rate that is negative or not finite; TypeError for what holds no real numbers.
        """
        rate = self.learning_rate
        if not (type(rate) is float and 0 <= rate < math.inf):
            self.learning_rate = self._rate(rate)
        moved, gradients = [], []
        for i, parameter in enumerate(self.parameters):
            gradient = parameter._grad
            if gradient is not None:
                if not (
                    type(gradient) is np.ndarray
                    and gradient.shape == parameter._value.shape
                    and gradient.dtype is self._dtypes[i]
                ):
                    gradient = self._array("a gradient", gradient, i)
                moved.append(parameter)
            gradients.append(gradient)
        if not moved:
            raise ValueError(f"{type(self).__name__}: no parameter has a gradient; call loss.backward() before step().")
        new = []
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                value = self.parameters[i]._value
                update = self.update(i, gradient)
                if not (type(update) in _PLAIN and update.shape == value.shape and update.dtype is self._dtypes[i]):
                    update = self._array("an update", update, i)
                after = value - update
                new.append(after if after.dtype is value.dtype else after.astype(value.dtype))
        replace_all_data(moved, new)

    def _array(self, what: str, given: Any, i: int) -> np.ndarray:
        """The numbers `given` as an array for parameter number `i`. Raises ValueError or TypeError for a misfit."""
        parameter = self.parameters[i]
        expected = f"{type(self).__name__}: expected {what} of shape {parameter.shape} for {parameter._label()}"
        try:
            array = arguments.numbers(given.numpy() if type(given) is Tensor else given)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{expected}, got a {type(given).__name__}: {error}") from None
        if array.shape != parameter.shape:
            raise ValueError(f"{expected}, got {array.shape}.")
        if array.dtype.kind == "c":
            raise TypeError(f"{expected} in real numbers, got {array.dtype}: take np.real of it.")
        return array.astype(self._dtypes[i], copy=False)

    def _rate(self, rate: Any) -> float:
        """The learning rate that somebody has set since; 0 is the end of many schedules."""
        number = checks.real(f"{type(self).__name__}: expected a learning rate of 0 or more", rate)
        if not 0 <= number < math.inf:
            raise ValueError(f"{type(self).__name__}: expected a learning rate of 0 or more, got {rate}.")
        return number

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next `backward` starts from nothing."""
        for parameter in self.parameters:
            parameter._grad = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters, learning_rate={self.learning_rate})"

    def _zeros(self) -> list[np.ndarray]:
        return [np.zeros_like(p.data, dtype=dtype) for p, dtype in zip(self.parameters, self._dtypes, strict=True)]


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
        self.beta = checks.fraction("Momentum", "beta", beta)
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
        self.beta = checks.fraction("RMSProp", "beta", beta)
        self.epsilon = checks.positive("RMSProp", "epsilon", epsilon)
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
        self.beta1, self.beta2 = checks.fraction("Adam", "beta1", beta1), checks.fraction("Adam", "beta2", beta2)
        self.epsilon = checks.positive("Adam", "epsilon", epsilon)
        self._v, self._s = self._zeros(), self._zeros()
        self._t = [0] * len(self.parameters)

    def update(self, i: int, gradient: np.ndarray) -> Any:
        self._t[i] += 1
        self._v[i] = self.beta1 * self._v[i] + (1 - self.beta1) * gradient
        self._s[i] = self.beta2 * self._s[i] + (1 - self.beta2) * np.square(gradient)
        v = self._v[i] / (1 - self.beta1 ** self._t[i])
        s = self._s[i] / (1 - self.beta2 ** self._t[i])
        return self.learning_rate * v / (np.sqrt(s) + self.epsilon)
