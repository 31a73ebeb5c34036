"""A net of a learner with drawn data, as a function of its parameters with gradients, in one of several readings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .fitting import Cost, as_predicted, costs_for, penalties
from .judging import OF_SMALL
from .objects import Place, gradient_for

OF_PARAMETER = re.compile(r"d_?[WwBb]_?\d*|grad_?[WwBb]\d*|nabla_[WwBb]\d*")
HALVINGS = 6
Run = tuple[np.ndarray, dict[str, float], dict[Place, Any]]  # the prediction, own costs by name, gradients by place


@dataclass(frozen=True)
class Net:
    """One net: `play(values)` runs it forward and backward, and gives its prediction, own costs and gradients.

    Attributes
    ----------
    play
        A run of the net for values of the parameters, with or without the backward pass.
    places
        The places of the parameters.
    drawn
        Their values.
    X, Y, samples
        The data, and the number of samples in them.
    layout
        Words for the shapes: "samples are columns".
    lambd
        The factor of a penalty, 0 if there is none.
    steps
        True if gradients are changes of the parameters, with any factor in them.
    added
        True if the file adds its steps, so that they are minus the gradient.
    code
        The functions, for small numbers in them.
    place
        The file and line of the backward pass.
    masks
        The masks of dropout, by name.
    """

    play: Callable[..., Run]
    places: Sequence[Place]
    drawn: Sequence[np.ndarray]
    X: Any
    Y: Any
    samples: int
    layout: str
    lambd: float = 0.0
    steps: bool = False
    added: bool = False
    code: Sequence[Callable[..., Any]] = ()
    place: str = ""
    masks: Mapping[str, Any] = field(default_factory=dict)
    cost: Cost | str | None = None  # a standard one, or the name of the learner's
    penalty: tuple[str, float] = ("", 0.0)
    sign: float = 1.0
    memory: dict[Any, Any] = field(default_factory=dict, compare=False)

    def names(self) -> list[str]:
        """The names of the parameters."""
        return [place.name for place in self.places]

    def values(self) -> list[Any]:
        """The drawn values of the parameters."""
        return list(self.drawn)

    def data(self) -> list[tuple[str, Any]]:
        """The samples and labels, by name."""
        return [("X", self.X), ("Y", self.Y)]

    def first(self) -> Run:
        """The prediction, the costs and the gradients for the drawn values."""
        if "first" not in self.memory:
            self.memory["first"] = self.play(self.drawn, True)
        return self.memory["first"]

    def given(self) -> dict[str, np.ndarray]:
        """The gradients for the drawn values, by the names of the parameters."""
        return self._by_parameter(self.first()[2])

    def fits(self) -> bool:
        """Return whether there are gradients, of the shapes of their parameters."""
        given = self.given()
        shapes = {n: np.shape(v) for n, v in zip(self.names(), self.drawn, strict=True)}
        return bool(given) and all(np.shape(g) == shapes[n] for n, g in given.items())

    def widened(self) -> Net:
        """The net with an array for each parameter that starts as a number, such as b = 0, and has such a gradient."""
        shapes = {
            n: np.shape(g) for n, g in self.given().items() if self.samples == 1 or self.samples not in np.shape(g)
        }
        rng = np.random.default_rng(4)
        wide = [n for n, v in zip(self.names(), self.drawn, strict=True) if not np.ndim(v) and shapes.get(n)]
        if not wide:
            return self
        drawn = [
            0.5 * rng.normal(size=shapes[n]) if n in wide else v for n, v in zip(self.names(), self.drawn, strict=True)
        ]
        return replace(self, drawn=drawn, memory={})

    def moderate(self) -> Net:
        """The net with parameters so small that it predicts no probability near 0, where an epsilon in a log counts."""
        net = self
        for _ in range(HALVINGS):
            a = net.first()[0]
            if not (np.all((a >= 0) & (a <= 1)) and np.any(a * (1 - a) < 2 / OF_SMALL)):
                return net
            net = replace(net, drawn=[v / 2 for v in net.drawn], memory={})
        return self

    def unmatched(self) -> list[str]:
        """The learner's names of gradients that belong to none of the parameters, such as db1 of a b1 not found."""
        gradients = self.first()[2]
        known = set(self.called().values())
        return [p.name for p in gradients if OF_PARAMETER.fullmatch(str(p.key)) and p.name not in known]

    # ---- a function with gradients

    def value(self, *values: Any) -> np.ndarray:
        """The cost, in this reading."""
        prediction, costs = self._played(values)
        if isinstance(self.cost, str):
            total = costs[self.cost]
        else:
            assert self.cost is not None
            total = self.cost.of(prediction, as_predicted(self.Y, prediction))  # type: ignore[arg-type]
        if self.penalty[1]:
            total += self.penalty[1] * sum(
                np.sum(v**2) for n, v in zip(self.names(), values, strict=True) if is_weight(n, v)
            )
        return np.asarray(total, dtype=float)

    def _played(self, values: Sequence[Any]) -> tuple[np.ndarray, dict[str, float]]:
        """The prediction and the costs, remembered for all readings."""
        key = b"".join(np.asarray(v, dtype=float).tobytes() for v in values)
        if key not in self.memory:
            self.memory[key] = self.play(values, False)[:2]
        return self.memory[key]

    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> dict[str, Any]:
        """The learner's gradients, in this reading, times `g`."""
        return {n: self.sign * g * part for n, part in self._by_parameter(self.play(values, True)[2]).items()}

    def _by_parameter(self, gradients: Mapping[Place, Any]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for place, value in zip(self.places, self.drawn, strict=True):
            shape = np.shape(value)
            kept = place if place in gradients else gradient_for(place, shape, gradients, lambda p: gradients[p])
            if kept is not None:
                found[place.name] = in_shape(gradients[kept], shape)
        return found

    def called(self) -> dict[str, str]:
        """The learner's names for the gradients, by parameter."""
        gradients = self.first()[2]
        called: dict[str, str] = {}
        for place, value in zip(self.places, self.drawn, strict=True):
            kept = gradient_for(place, np.shape(value), gradients, lambda p: gradients[p])
            called[place.name] = kept.name if kept is not None else f"d{place.name}"
        return called

    # ---- readings

    def readings(self) -> Iterator[Net]:
        """The ways to understand the net, the likeliest first: by its own costs, or by standard ones without these."""
        prediction, costs, _ = self.first()
        signs = [-1.0, 1.0] if self.added else [1.0]
        own = list(costs)
        for name in own:
            for sign in signs:
                yield replace(self, cost=name, sign=sign)
                if self.lambd:
                    for penalty in penalties(self.lambd, self.samples):
                        yield replace(self, cost=name, sign=sign, penalty=penalty)
        Y = as_predicted(self.Y, prediction)
        if Y is None or (own and not self.steps):
            return
        for sign in signs:
            for cost in costs_for(prediction, Y, self.samples):
                if own and "squared" not in cost.kind:
                    continue
                for penalty in penalties(self.lambd, self.samples) if self.lambd else [("", 0.0)]:
                    yield replace(self, cost=cost, sign=sign, penalty=penalty)

    def words(self) -> list[str]:
        """The reading, a line each."""
        lines = [self.layout]
        if isinstance(self.cost, str):
            lines.append(f"the cost is that of {self.cost}")
        elif self.cost is not None:
            lines.append(f"the cost is {self.cost.words}, as fits the prediction")
            if self.first()[1]:
                lines.append("the steps are those of this cost, not of the one in the file")
        if self.penalty[1]:
            lines.append(f"with {self.penalty[0]}")
        if self.sign < 0:
            lines.append("the steps, which are added, are minus the gradient")
        return lines

    # ---- gradients of what lies between the layers

    def inner(self) -> dict[str, tuple[str, str]]:
        """The verdicts on dZ and dA that are given beside the gradients of the parameters, with the reading of each."""
        from .inner_gradients import verdicts

        try:
            return verdicts(self)
        except Exception:  # a forward pass or shapes that the formulas don't fit
            return {}


def in_shape(gradient: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A gradient as an array; one that broadcasting brings to the shape of its parameter, without copies, has it."""
    gradient = np.asarray(gradient, dtype=float)
    try:
        fits = gradient.size == int(np.prod(shape)) and np.broadcast_shapes(gradient.shape, shape) == shape
    except ValueError:
        fits = False
    return gradient.reshape(shape) if fits else gradient


def is_weight(name: str, value: Any) -> bool:
    """Return whether a penalty holds a parameter: a matrix, not a bias."""
    name = name.lstrip("_").casefold()
    return np.ndim(value) >= 2 and name[:1] != "b" and "bias" not in name
