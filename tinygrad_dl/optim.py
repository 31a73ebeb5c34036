"""Optimizers: rules that turn gradients into steps. The formulas are the course's; W stands for any parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from . import checks
from .core import arguments
from .core.array_methods import Symbolic
from .core.signatures import signature
from .core.tensor import Tensor, replace_all_data

_FLOAT32 = np.dtype(np.float32)
_PLAIN = frozenset({np.ndarray, np.float64, np.float32})  # arithmetic on 0-d arrays gives scalars

_FOREIGN_SETTINGS = {  # names that other libraries use -> advice
    "lr": "write learning_rate=",
    "eps": "write epsilon=",
    "betas": "write beta1= and beta2=",
    "momentum": "take tg.optim.Momentum, and write beta=",
    "weight_decay": "add the penalty to the loss, such as 0.5 * decay * np.sum(W**2)",
}


class Optimizer:
    """Base class of optimizers; a subclass defines `update`.

    Parameters that do not require grad at a step are left unchanged. The updates of float16 parameters are computed
    in float32, where squared gradients and epsilon do not underflow.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train, each once, such as `net.parameters()`.
    learning_rate : float
        The step size α. It may be assigned later, for a schedule.

    Raises
    ------
    ValueError
        If no parameter requires grad, a parameter is given twice, or the learning rate is not positive and finite.
    TypeError
        If a parameter is not a real leaf Tensor, or the learning rate is not a number.
    """

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        """Refuse settings of other libraries with the name that they have here."""
        known = signature(cls.__init__).parameters
        for name in _FOREIGN_SETTINGS.keys() & settings.keys() - known.keys():
            if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
                raise TypeError(f"{cls.__name__} has no {name}=: {_FOREIGN_SETTINGS[name]}.")
        return super().__new__(cls)

    parameters: list[Tensor]
    learning_rate: float

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float):
        kind = type(self).__name__
        if hasattr(parameters, "parameters"):
            raise TypeError(f"{kind}: expected net.parameters(), got a {type(parameters).__name__}.")
        if type(parameters) is Tensor or isinstance(parameters, Mapping):
            advice = "[p]" if type(parameters) is Tensor else "net.parameters(), or list(p.values())"
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
            raise ValueError(f"{kind}: expected each parameter once, got one twice: leave it out.")
        for parameter in self.parameters:
            if parameter.dtype.kind == "c":
                raise TypeError(f"{kind}: expected real parameters, got {parameter!r:.80}.")
        self.learning_rate = checks.positive(kind, "a learning rate", learning_rate)
        self._slots = [(p, p.shape, _FLOAT32 if p.dtype == np.float16 else p.dtype) for p in self.parameters]

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the array to subtract from parameter number `i`.

        Parameters
        ----------
        i : int
            The position of the parameter in `self.parameters`.
        gradient : array
            Its gradient, of the shape of the parameter.

        Returns
        -------
        array
            The update, of the same shape.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no update: define update(self, i, gradient).")

    def step(self) -> None:
        """Update every parameter that has a gradient; on an error, none has changed.

        Gradients may be Tensors, lists or data frames. A gradient of nan or inf makes its parameter nan or inf, as
        the formula gives it: `tg.debug()` names the operation that it came from.

        Raises
        ------
        ValueError
            If no parameter has a gradient, a gradient or update has a wrong shape, or the learning rate is negative
            or not finite.
        TypeError
            If a gradient, an update or the learning rate does not hold real numbers.
        """
        rate = self.learning_rate
        if not (type(rate) is float and 0 <= rate < math.inf):
            self.learning_rate = self._check_rate(rate)
        moved, gradients = [], []
        for i, (parameter, shape, dtype) in enumerate(self._slots):
            gradient = parameter._grad
            if gradient is not None:
                if not (type(gradient) is np.ndarray and gradient.shape == shape and gradient.dtype is dtype):
                    gradient = self._array("a gradient", gradient, i)
                moved.append(parameter)
                gradients.append((i, gradient))
        if not moved:
            raise ValueError(f"{type(self).__name__}: no parameter has a gradient; call loss.backward() before step().")
        new = []
        for i, gradient in gradients:
            parameter, shape, dtype = self._slots[i]
            update = self.update(i, gradient)
            if not (type(update) in _PLAIN and update.shape == shape and update.dtype is dtype):
                update = self._array("an update", update, i)
            value = parameter._value
            after = value - update
            new.append(after if after.dtype is value.dtype else after.astype(value.dtype))
        replace_all_data(moved, new)

    def _array(self, what: str, given: Any, i: int) -> np.ndarray:
        """Convert `given` to an array for parameter number `i`. Raises ValueError or TypeError if it does not fit."""
        parameter = self.parameters[i]
        expected = f"{type(self).__name__}: expected {what} of shape {parameter.shape} for {parameter._label()}"
        try:
            array = arguments.numbers(given.numpy() if type(given) is Tensor else given)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{expected}, got a {type(given).__name__}: {error}") from None
        if array.shape != parameter.shape:
            raise ValueError(f"{expected}, got {array.shape}.")
        if array.dtype.kind == "c":
            raise TypeError(f"{expected} in real numbers, got {array.dtype}: apply np.real.")
        return array.astype(self._slots[i][2], copy=False)

    def _check_rate(self, rate: Any) -> float:
        """Check a learning rate that was assigned; 0 is allowed, the end of many schedules."""
        traced = isinstance(rate, Symbolic)  # the program checks it, at each step
        number = rate if traced else checks.real(f"{type(self).__name__}: expected a learning rate of 0 or more", rate)
        if not 0 <= number < math.inf:
            raise ValueError(f"{type(self).__name__}: expected a learning rate of 0 or more, got {rate}.")
        return number

    def zero_grad(self) -> None:
        """Clear the gradients, so that the next `backward` does not add to them."""
        for parameter in self.parameters:
            parameter._grad = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters, learning_rate={self.learning_rate})"

    def _zeros(self) -> list[np.ndarray]:
        return [np.zeros(shape, dtype) for _, shape, dtype in self._slots]


class SGD(Optimizer):
    """Gradient descent: W := W - α dW with the learning rate α.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float
        The step size α.

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
        return self.learning_rate * gradient


class Momentum(Optimizer):
    """Gradient descent along a moving average: v := β v + (1 - β) dW, W := W - α v, in the course's form.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float
        The step size α.
    beta : float
        The decay β of the average, in [0, 1).

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

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, beta: float = 0.9):
        super().__init__(parameters, learning_rate)
        self.beta = checks.fraction("Momentum", "beta", beta)
        self._v = self._zeros()

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        self._v[i] = self.beta * self._v[i] + (1 - self.beta) * gradient
        return self.learning_rate * self._v[i]


class RMSProp(Optimizer):
    """A step size for each weight: s := β s + (1 - β) dW², W := W - α dW / (√s + ε).

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float
        The step size α.
    beta : float
        The decay β of the average of squares, in [0, 1).
    epsilon : float
        The ε that keeps the denominator above 0.

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
        self, parameters: Iterable[Tensor], learning_rate: float = 0.001, beta: float = 0.9, epsilon: float = 1e-8
    ):
        super().__init__(parameters, learning_rate)
        self.beta = checks.fraction("RMSProp", "beta", beta)
        self.epsilon = checks.positive("RMSProp", "epsilon", epsilon)
        self._s = self._zeros()

    def update(self, i: int, gradient: np.ndarray) -> Any:
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        self._s[i] = self.beta * self._s[i] + (1 - self.beta) * np.square(gradient)
        return self.learning_rate * gradient / (np.sqrt(self._s[i]) + self.epsilon)


class Adam(Optimizer):
    """Momentum and RMSProp combined, with bias correction.

    v := β₁ v + (1 - β₁) dW, s := β₂ s + (1 - β₂) dW², W := W - α (v / (1 - β₁ᵗ)) / (√(s / (1 - β₂ᵗ)) + ε),
    where t counts the steps of each parameter.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train.
    learning_rate : float
        The step size α.
    beta1 : float
        The decay β₁ of the average of gradients, in [0, 1).
    beta2 : float
        The decay β₂ of the average of squares, in [0, 1).
    epsilon : float
        The ε that keeps the denominator above 0.

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
        """Compute the step of parameter number `i`; see `Optimizer.update`."""
        self._t[i] += 1
        self._v[i] = self.beta1 * self._v[i] + (1 - self.beta1) * gradient
        self._s[i] = self.beta2 * self._s[i] + (1 - self.beta2) * np.square(gradient)
        v = self._v[i] / (1 - self.beta1 ** self._t[i])
        s = self._s[i] / (1 - self.beta2 ** self._t[i])
        return self.learning_rate * v / (np.sqrt(s) + self.epsilon)
