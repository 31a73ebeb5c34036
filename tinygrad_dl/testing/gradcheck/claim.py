"""A function in real coordinates, with what is claimed to be its derivative, and with what differences say of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import functional, pytree
from ...core.modes import no_grad
from ...core.tensor import Tensor
from . import coordinates, differences
from .differences import Slopes

OUTPUTS = 32  # of a value of more coordinates than this, a few random combinations are looked at
COMBINATIONS = 4


class Direction(NamedTuple):
    """A direction to move the coordinates in: those at `indices`, by `weights` times their own size."""

    indices: np.ndarray
    weights: np.ndarray


def random_direction(indices: np.ndarray, rng: np.random.Generator) -> Direction:
    """A direction in which each of the coordinates at `indices` counts: no two errors cancel but by a rare chance."""
    return Direction(indices, mixed_signs(indices.shape, rng))


def mixed_signs(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random weights of both signs, none of them small."""
    return rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)


class Linear(NamedTuple):
    """What is claimed to be the linear part of a function at a point: by arrays, for the floats in its `value`.

    `pull(u)` takes cotangents of the value to those of the arrays, `push(t)` tangents of the arrays to those of the
    value; it is None where there is no forward mode.
    """

    value: list[np.ndarray]
    pull: Callable[[list[np.ndarray]], Sequence[Any]]
    push: Callable[[list[np.ndarray]], Sequence[Any]] | None


class Claim:
    """`evaluate(arrays)` is the function's value, a pytree, and `linearize(arrays)` what is claimed of its derivative.

    The rest is in coordinates: `x` of the arrays, `y` of the value. A step of 1 along a `Direction` of weight 1 moves a
    coordinate by its own size.

    Raises ValueError for a function that is not finite, gives no floats, or another value when called again.
    """

    values: list[np.ndarray]
    x: np.ndarray
    outputs: list[np.ndarray]
    weights: np.ndarray
    y: np.ndarray
    scale: np.ndarray

    def __init__(
        self,
        values: Sequence[np.ndarray],
        evaluate: Callable[[Sequence[Any]], Any],
        linearize: Callable[[Sequence[np.ndarray]], Linear],
        rng: np.random.Generator,
        tick: Callable[[], Any] = lambda: None,
    ):
        self.values, self._rng, self._tick = list(values), rng, tick
        self._evaluate, self._linearize = evaluate, linearize
        self.x = coordinates.real(self.values)
        self.outputs = self._floats(self.values)
        if not np.array_equal(coordinates.real(self.values), self.x):
            raise ValueError("the function changes its arguments in place: it must leave them as they are.")
        y = coordinates.real(self.outputs)
        if not self.outputs:
            raise ValueError("expected a function that gives floats, got none: is a return missing?")
        if not np.all(np.isfinite(y)):
            raise ValueError(
                f"expected a function that is finite where it is checked; it gives {y[~np.isfinite(y)][0]}."
            )
        if y.size <= OUTPUTS:
            self.weights = np.eye(y.size)  # of the coordinates of the value, a row for each number looked at
        else:
            # divided by their sizes, so that large numbers don't hide small ones
            self.weights = mixed_signs((COMBINATIONS, y.size), rng) / coordinates.sizes(y)
        self.y = self._seen(y)
        if not np.array_equal(self.y, self.at(self.x)):
            raise ValueError(
                "the function gives another value when it is called again: fix its random numbers and its state."
            )
        sizes = np.concatenate([coordinates.sizes(coordinates.real([value])) for value in self.values])
        self.scale = np.exp2(np.floor(np.log2(sizes)))  # so that single steps are exact
        own = np.exp2(np.floor(np.log2(np.where(self.x == 0, 1, np.abs(self.x))))) / self.scale
        self.own = np.where(own > 0, np.minimum(own, 1), 1)  # of a number far smaller than those beside it, its size
        self._linear = linearize(self.values)
        self._noise: tuple[np.ndarray, np.ndarray] | None = None
        self._gradients: np.ndarray | None = None
        self._gradient_noise: np.ndarray | None = None
        self._close_by: list[Linear] | None = None

    def misfit(self) -> str:
        """How the value differs when derivatives are taken, in words."""
        size = max(np.max(np.abs(plain), initial=0) for plain in self.outputs)
        for traced, plain in zip(self._linear.value, self.outputs, strict=True):
            if traced.shape != plain.shape:
                return f"The function gives an array of shape {plain.shape} of arrays, and {traced.shape} of Tensors."
            if not np.allclose(traced, plain, rtol=1e-7, atol=1e-9 * size):
                off = np.max(np.abs(traced - plain))
                return f"The function gives other values of Tensors than of arrays: they differ by up to {off:.3g}."
        return ""

    @property
    def forward(self) -> bool:
        """Whether a forward mode is claimed."""
        return self._linear.push is not None

    # ---- by itself

    def _floats(self, values: Sequence[Any]) -> list[np.ndarray]:
        self._tick()
        with no_grad():
            return floats(self._evaluate(values))

    def at(self, x: np.ndarray) -> np.ndarray:
        """The numbers looked at, of the value at `x`: nan where the function refuses to go."""
        try:
            return self._seen(coordinates.real(self._floats(coordinates.arrays(x, self.values))))
        except Exception:  # of any kind: a loss refuses a label above 1, say
            return np.full(len(self.weights), np.nan)

    def _seen(self, y: np.ndarray) -> np.ndarray:
        return y if len(self.weights) == y.size else self.weights @ y  # and not by 1, which would be nan beside inf

    def along(self, direction: Direction) -> differences.Curve:
        """The value as a curve through x along a direction."""
        unscaled = self._unscaled(direction)
        return lambda step: self.at(self.x + step * unscaled)

    def _unscaled(self, direction: Direction) -> np.ndarray:
        vector = np.zeros_like(self.x)
        vector[direction.indices] = direction.weights * self.scale[direction.indices]
        return vector

    def slopes(self, direction: Direction, noise: np.ndarray | None = None, shrink: float = 1.0) -> Slopes:
        """The derivative along a direction by differences, with its error, if all but so much `noise` is signal.

        The steps are `shrink` times as long as the direction says.
        """
        shorter = Direction(direction.indices, direction.weights * shrink)
        slopes = differences.slopes(self.along(shorter), self.y, self.noise()[0] if noise is None else noise)
        return slopes._replace(**{name: getattr(slopes, name) / shrink for name in ("left", "right", "error")})

    def own_sizes(self, direction: Direction) -> list[float]:
        """How far to shrink a step along one coordinate that is far smaller than those beside it, the largest first.

        To 1, where functions such as tanh bend, and to its own size.
        """
        own, scale = self.own[direction.indices[0]], self.scale[direction.indices[0]]
        if direction.indices.size > 1 or own == 1:
            return []
        return [float(1 / scale)] * bool(own < 1 / scale < 1) + [float(own)]

    def noise(self) -> tuple[np.ndarray, np.ndarray]:
        """How far rounding throws the numbers looked at off: see `differences.noise_of`."""
        if self._noise is None:
            anywhere = random_direction(np.arange(self.x.size), self._rng)
            self._noise = differences.noise_of(self.along(anywhere), self.y)
        return self._noise

    def slope_close_by(self, corner: Direction, direction: Direction, distance: float = 1e-5) -> np.ndarray:
        """The derivative along a direction a little way off, towards a corner."""
        x, step = self.x + distance * self._unscaled(corner), 1e-3 * distance * self._unscaled(direction)
        return (self.at(x + step) - self.at(x - step)) / (2e-3 * distance)

    def complex_slope(self, direction: Direction) -> np.ndarray | None:
        """The derivative along a direction by a complex step, if the function is real and takes one."""
        if any(np.iscomplexobj(array) for array in (*self.values, *self.outputs)):
            return None

        unscaled = self._unscaled(direction)

        def curve(step: complex) -> np.ndarray:
            moved = self._floats(coordinates.arrays(self.x + step * unscaled, self.values))
            return self._seen(np.concatenate([array.ravel() for array in moved]))

        return differences.complex_step(curve, self.y)

    def taylor_order(self, direction: Direction, slope: np.ndarray, output: int) -> float:
        """How the remainder of Taylor's formula falls with that slope: see `differences.taylor_order`."""
        curve, one = self.along(direction), slice(output, output + 1)
        return differences.taylor_order(lambda step: curve(step)[one], self.y[one], slope[one], self.noise()[0][one])

    def stairs(self, direction: Direction, slope: float, discrepancy: float, output: int) -> float:
        """The rise of the stairs that number `output` goes by along a direction, from one jump to the next, or 0.

        Stairs of rounding alone: a number that float32 gets wrong by a tenth has lost half of its digits in float64.
        """
        single = self.at(self.x.astype(np.float32))
        if not abs(single - self.y)[output] > 0.1 * abs(self.y[output]):
            return 0.0
        curve = self.along(direction)
        ahead, behind = (
            differences.next_jump(lambda step: curve(step)[output], slope, side * discrepancy) for side in (1, -1)
        )
        return (ahead[1] + behind[1]) / (ahead[0] + behind[0])

    def label(self, output: int) -> str:
        """What one writes to get at number `output` of those looked at: nothing if there is just one."""
        if self.y.size == 1:
            return ""
        if len(self.weights) < sum(map(coordinates.coordinates, self.outputs)):
            return "a combination of the values"
        for number, array in enumerate(self.outputs):
            size = coordinates.coordinates(array)
            if output < size:
                place = f"[{number}]" * (len(self.outputs) > 1)
                return f"value{place}{list(coordinates.element(array, output)) or ''}"
            output -= size
        return ""

    # ---- as claimed

    def gradients(self) -> np.ndarray:
        """The derivative of each number looked at, a row, by each coordinate, per scaled step, in reverse mode."""
        if self._gradients is None:
            self._gradients = self._pulled(self._linear)
        return self._gradients

    def _pulled(self, linear: Linear) -> np.ndarray:
        return np.array([self._row(linear, weights) for weights in self.weights])

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """The derivative of a combination of the numbers looked at, in one pull."""
        return self._row(self._linear, weights @ self.weights)

    def _row(self, linear: Linear, weights: np.ndarray) -> np.ndarray:
        self._tick()
        pulled = linear.pull(coordinates.cotangents(weights, self.outputs))
        return coordinates.real_of_cotangents(pulled) * self.scale

    def _grown(self) -> list[Linear]:
        """What is claimed where all coordinates are larger by a few roundings: zeros and ties stay."""
        if self._close_by is None:
            grown = [coordinates.arrays(self.x * (1 + k * differences.EPS), self.values) for k in (1, 2, 3, 4)]
            self._close_by = [self._linear]
            for values in grown:
                with contextlib.suppress(ValueError):  # where the function is not defined, as quantiles above 1
                    self._close_by.append(self._linearize(values))
        return self._close_by

    def gradient_noise(self) -> np.ndarray:
        """How far rounding throws the `gradients` off."""
        if self._gradient_noise is None:
            self._gradient_noise = np.ptp([self._pulled(linear) for linear in self._grown()], axis=0)
        return self._gradient_noise

    def tangent_noise(self, direction: Direction) -> np.ndarray:
        """How far rounding throws the `tangent` off."""
        return np.ptp([self._pushed(linear, direction) for linear in self._grown()], axis=0)

    def tangent(self, direction: Direction) -> np.ndarray:
        """The derivative of each number looked at, along a direction, in forward mode."""
        return self._pushed(self._linear, direction)

    def _pushed(self, linear: Linear, direction: Direction) -> np.ndarray:
        assert linear.push is not None
        self._tick()
        pushed = linear.push(coordinates.arrays(self._unscaled(direction), self.values))
        return self._seen(coordinates.real([np.asarray(t) for t in pushed]))


def of_rules(
    f: Callable[..., Any],
    values: Sequence[np.ndarray],
    order: int,
    rng: np.random.Generator,
    tick: Callable[..., Any] = int,
) -> Claim:
    """What the rules claim of the derivative of order `order` of `f(*arrays)`.

    The derivative of an order is a function like any other: the cotangents of the arrays, for random ones of the value.
    """
    for _ in range(order - 1):
        f = pullback_of(f, values, rng)

    def linearize(values: Sequence[np.ndarray]) -> Linear:
        with no_grad():  # what else is tracked, such as the parameters of a net, is constant here
            value, pullback = functional.vjp(f, *values)

        def pull(cotangents: list[np.ndarray]) -> Sequence[Any]:
            supply = iter(cotangents)
            return pullback(pytree.map_leaves(lambda y: next(supply) if _is_float(y) else np.zeros_like(y), value))

        def push(tangents: list[np.ndarray]) -> Sequence[Any]:
            with no_grad():
                pushed = pytree.leaves(functional.jvp(f, tuple(values), tangents)[1])
            return [t for t, y in zip(pushed, pytree.leaves(value), strict=True) if _is_float(y)]

        return Linear(floats(value), pull, push)

    return Claim(values, _on_arrays(f, values), linearize, rng, tick)


def pullback_of(f: Callable[..., Any], values: Sequence[np.ndarray], rng: np.random.Generator) -> Callable[..., Any]:
    """The function that gives the cotangents of its arrays, for a random cotangent of the value of `f`."""
    with no_grad():
        value, _ = functional.vjp(f, *values)

    def random(y: Any) -> Any:
        u = mixed_signs(np.shape(y), rng)
        return u + 1j * rng.uniform(0.5, 1.5, np.shape(y)) if np.iscomplexobj(y) else u

    u = pytree.map_leaves(random, value)
    return lambda *arrays: functional.vjp(f, *arrays)[1](u)


def _on_arrays(f: Callable[..., Any], values: Sequence[np.ndarray]) -> Callable[[Sequence[Any]], Any]:
    """`f` of arrays, or of Tensors if it is for these only."""
    try:
        with no_grad():
            f(*values)
    except (TypeError, AttributeError):
        return lambda arrays: f(*map(Tensor, arrays))
    return lambda arrays: f(*arrays)


def floats(result: Any) -> list[np.ndarray]:
    """The float and complex arrays in the value of a function."""
    leaves = [np.asarray(y.data if type(y) is Tensor else y) for y in pytree.leaves(result)]
    return list(filter(_is_float, leaves))


def _is_float(y: Any) -> bool:
    return np.asarray(y).dtype.kind in "fc"
