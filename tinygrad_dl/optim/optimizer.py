"""`Optimizer`: the base class of rules that turn gradients into steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, TypedDict

import numpy as np

from .. import _html, checks
from .._files import describe_difference
from .._guesses import refuse_arguments
from .._names import is_bias
from .._signatures import signature
from ..core import arguments
from ..core.tensor import Tensor, replace_all_data
from ..proxies.dispatching import Symbolic

_FLOAT32 = np.dtype(np.float32)
_PLAIN = frozenset({np.ndarray, np.float64, np.float32})  # arithmetic on 0-d arrays gives scalars

_CHANGING = frozenset({list, dict, np.ndarray})  # types of attributes that `update` may change in place
_MOST_NAMES = 12  # of parameters in a notebook
_OURS = (__name__, f"{__package__}.algorithms")


Rate = float | Callable[[int], float]  # a number, or a schedule


class Settings(TypedDict, total=False):
    """The settings of all optimizers."""

    weight_decay: float
    max_norm: float | None


class Optimizer:
    """Base class of optimizers; a subclass defines `update`.

    The arrays and numbers that it sets in `__init__`, in lists and dicts too, are its state, which `tg.fit` saves.

    Parameters that do not require grad at a step are left unchanged. The updates of float16 parameters are computed
    in float32, where squared gradients and epsilon do not underflow.

    Parameters
    ----------
    parameters : iterable of Tensor
        The leaf Tensors to train, each once, such as `net.parameters()`.
    learning_rate : float or function
        The step size α, which may be assigned later; or a schedule, a function of the number of steps made, such as
        those of `tg.optim.schedules`.
    weight_decay : float
        The decoupled decay λ: a step also subtracts α λ W from each W, which is no part of its gradient. Biases, and
        the shifts and scales of batch normalization, are left out, by their names: those of your own layers need
        `tg.parameter(b, name="b")`, since an optimizer does not see the attributes of a net.
    max_norm : float, optional
        Clip the gradients to this global norm: if the norm of all gradients together is larger, they are scaled to it.

    Attributes
    ----------
    steps : int
        The number of steps made under a schedule, which is given it.

    Raises
    ------
    ValueError
        If no parameter requires grad, a parameter is given twice, or the learning rate is not positive and finite.
    TypeError
        If a parameter is not a real leaf Tensor, or the learning rate is not a number.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; Pascanu et al., "On the difficulty of training
    recurrent neural networks", 2013.
    """

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        """Refuse settings of other libraries with the name that they have here."""
        known = signature(cls.__init__).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values()) and cls.__init__.__module__ not in _OURS
        if not takes_any:
            refuse_arguments(cls.__name__, settings.keys() - known.keys(), "Optimizer")
        return super().__new__(cls)

    parameters: list[Tensor]
    _rate: float
    schedule: Callable[[int], float] | None
    steps: int
    weight_decay: float
    max_norm: float | None

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate,
        *,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
    ):
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
        self.steps = 0
        self.learning_rate = learning_rate
        self._rate = checks.positive(kind, "a learning rate", self._rate)
        self.weight_decay = checks.not_negative(kind, "a weight_decay", weight_decay)
        self.max_norm = None if max_norm is None else checks.positive(kind, "max_norm", max_norm)
        self._slots = [
            (i, p, p.shape, _FLOAT32 if p.dtype == np.float16 else p.dtype) for i, p in enumerate(self.parameters)
        ]

    @property
    def learning_rate(self) -> float:
        """The step size α of the last step; a number or a schedule that is assigned is that of the next ones."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate: Rate) -> None:
        if isinstance(rate, Symbolic) or not callable(rate):
            self.schedule, self._rate = None, rate
        else:
            self.schedule, self._rate = rate, rate(self.steps)

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
        """Update every parameter that has a gradient; on an error, nothing has changed, the averages included.

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
        before = {name: v.copy() if type(v) in _CHANGING else v for name, v in vars(self).items()}
        moved: list[Tensor] = []
        new: list[np.ndarray] = []
        try:
            moved, new = self._moved()
            if self.schedule is not None:
                self.steps += 1
            replace_all_data(moved, new)
        except BaseException:
            if not (new and moved[0]._value is new[0]):  # no parameter has changed, so neither have the averages
                vars(self).update(before)
            raise

    def _moved(self) -> tuple[list[Tensor], list[np.ndarray]]:
        """Compute the new values of the parameters that have gradients; `update` moves the averages."""
        rate = self._rate if self.schedule is None else self.schedule(self.steps)
        if not (type(rate) is float and 0 <= rate < math.inf):
            rate = self._check_rate(rate)
        self._rate = rate
        given = []
        for i, parameter, shape, dtype in self._slots:
            gradient = parameter._grad
            if gradient is None or not parameter._tracked:
                continue
            if type(gradient) is not np.ndarray or gradient.dtype is not dtype or gradient.shape != shape:
                gradient = self._array("a gradient", gradient, i)
            given.append((i, parameter, gradient))
        if not given:
            raise ValueError(f"{type(self).__name__}: no parameter has a gradient; call loss.backward() before step().")
        if self.max_norm is not None:
            given = _clip(given, self.max_norm)
        moved, new = [], []
        for i, parameter, gradient in given:
            value = parameter._value
            update = self.update(i, gradient)
            if not (type(update) in _PLAIN and update.dtype is gradient.dtype and update.shape == value.shape):
                update = self._array("an update", update, i)
            after = value - update
            if self.weight_decay and not is_bias(parameter.name):
                after = after - rate * self.weight_decay * value
            moved.append(parameter)
            new.append(after if after.dtype is value.dtype else after.astype(value.dtype))
        return moved, new

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
        return array.astype(self._slots[i][3], copy=False)

    def _check_rate(self, rate: Any) -> float:
        """Check a learning rate that was assigned or comes of a schedule; 0 is allowed, the end of many schedules."""
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

    def _repr_html_(self) -> str:
        settings = dict.fromkeys([*signature(type(self).__init__).parameters, *Settings.__annotations__])
        values = [(name, getattr(self, name)) for name in settings if name != "parameters" and hasattr(self, name)]
        rows = [[_html.Code(name), f"{value:.6g}" if isinstance(value, float) else value] for name, value in values]
        named = ", ".join(p.name or f"{p.shape}" for p in self.parameters[:_MOST_NAMES])
        count = len(self.parameters)
        trained = f"{count} parameters: {named}{', ...' if count > _MOST_NAMES else ''}"
        return _html.block(_html.title(type(self).__name__, trained), _html.table(rows, ["setting", "value"]))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of the state: the steps of a schedule, and the averages of each parameter's gradients.

        Returns
        -------
        dict of str to array
            The arrays and numbers among the attributes, in lists and dicts too, by name: "steps", and "v.0", "v.1", ...
            of an attribute `_v`. Arguments of `__init__` are settings, and left out, but for the learning rate.
        """
        return {name: np.array(holder[key]) for name, holder, key in self._state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the state to that of another optimizer of the same kind; on an error, nothing has changed.

        Parameters
        ----------
        state : mapping of str to array
            The arrays by name, as `state_dict` returns them.

        Raises
        ------
        ValueError
            If a name is missing or unknown, as of an attribute that `__init__` does not set, or a shape or dtype
            differs.
        """
        kind, places = type(self).__name__, {name: (holder, key) for name, holder, key in self._state()}
        if difference := describe_difference(places, list(state)):
            raise ValueError(f"the state does not fit this {kind}: {difference}.")
        new = []
        for name, (holder, key) in places.items():
            old, given = holder[key], np.asarray(state[name])
            shape, dtype = np.shape(old), np.asarray(old).dtype
            if given.shape != shape or not np.can_cast(given.dtype, dtype, "same_kind"):
                expected = f"{dtype} of shape {shape}"
                raise ValueError(f"{kind}: {name}: expected {expected}, got {given.dtype} of shape {given.shape}.")
            new.append(given.astype(dtype) if isinstance(old, np.ndarray) else type(old)(given))
        for (holder, key), value in zip(places.values(), new, strict=True):
            holder[key] = value

    def _state(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield the name, the container and the key of each array and number that is no setting."""
        made_by = [kind.__init__ for kind in type(self).__mro__]  # type: ignore[misc]
        settings = {name for init in made_by for name in signature(init).parameters}
        names = {name: name.lstrip("_") for name in vars(self) if name not in settings} | {"_rate": "learning_rate"}
        stack: list[tuple[str, Any, Any]] = [(path, vars(self), name) for name, path in names.items()][::-1]
        while stack:
            path, holder, key = stack.pop()
            value = holder[key]
            if isinstance(value, (np.ndarray, np.generic, int, float)):
                yield path, holder, key
            elif isinstance(value, (list, dict)):
                keys = range(len(value)) if isinstance(value, list) else value
                stack += [(f"{path}.{k if type(k) is str else i}", value, k) for i, k in enumerate(keys)][::-1]

    def _zeros(self) -> list[np.ndarray]:
        return [np.zeros(shape, dtype) for *_, shape, dtype in self._slots]


def _clip(given: list[tuple[int, Tensor, np.ndarray]], most: float) -> list[tuple[int, Tensor, np.ndarray]]:
    """Scale all gradients to the global norm `most`, if theirs is larger."""
    norm = np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for *_, g in given))  # 1e20² is no float32
    return [(i, parameter, (g * (most / np.maximum(norm, most))).astype(g.dtype)) for i, parameter, g in given]
