"""`ClaimedGradient`: a function in real coordinates, with its claimed derivative and its finite differences."""

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
    """A random direction along all coordinates at `indices`, so that two errors cancel only by a rare chance."""
    return Direction(indices, mixed_signs(indices.shape, rng))


def mixed_signs(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random weights of both signs, none of them small."""
    return rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)


class Linear(NamedTuple):
    """The claimed linearization of a function of arrays at a point; `value` holds the floats of its value.

    `pull(u)` maps cotangents of the value to those of the arrays, `push(t)` tangents of the arrays to those of the
    value; `push` is None without a forward mode.
    """

    value: list[np.ndarray]
    pull: Callable[[list[np.ndarray]], Sequence[Any]]
    push: Callable[[list[np.ndarray]], Sequence[Any]] | None


class ClaimedGradient:
    """A function and its claimed derivative, in coordinates: `x` of the arrays, `y` of the value.

    `evaluate(arrays)` returns the function's value, a pytree, and `linearize(arrays)` its claimed derivative. A step of
    1 along a `Direction` of weight 1 moves a coordinate by its own size. With `of_gradient`, the value is a gradient,
    whose rules round small numbers as the large ones among them.

    Raises ValueError for a function that is not finite, returns no floats, or another value when called again.
    """

    own: Any

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
        of_gradient: bool = False,
    ):
        self.of_gradient = of_gradient
        self.values, self._rng, self._tick = list(values), rng, tick
        self._evaluate, self._linearize = evaluate, linearize
        self.x = coordinates.real(self.values)
        self.outputs = self._floats(self.values)
        if not np.array_equal(coordinates.real(self.values), self.x):
            raise ValueError("the function changes its arguments in place: change a copy.")
        y = coordinates.real(self.outputs)
        if not self.outputs:
            raise ValueError("expected a function that returns floats, got none: is a return missing?")
        if not np.all(np.isfinite(y)):
            raise ValueError(
                f"expected a function that is finite where it is checked, got {y[~np.isfinite(y)][0]}: check it at "
                f"other inputs."
            )
        if y.size <= OUTPUTS:
            self.weights = np.eye(y.size)  # of the coordinates of the value, a row for each number looked at
        else:
            # divided by their sizes, so that large numbers don't hide small ones
            self.weights = mixed_signs((COMBINATIONS, y.size), rng) / coordinates.sizes(y)
        self.y = self._combine(y)
        if not np.array_equal(self.y, self.at(self.x)):
            raise ValueError(
                "the function returns another value when called again: fix the seed of its random numbers and its "
                "state."
            )
        sizes = np.concatenate([coordinates.sizes(coordinates.real([value])) for value in self.values])
        self.scale = np.exp2(np.floor(np.log2(sizes)))  # so that single steps are exact
        own = np.exp2(np.floor(np.log2(np.where(self.x == 0, 1, np.abs(self.x))))) / self.scale
        self.own = np.where(own > 0, np.minimum(own, 1), 1)  # of a number far smaller than those beside it, its size
        self._linear = linearize(self.values)
        self._noise: tuple[np.ndarray, np.ndarray] | None = None
        self._gradients: np.ndarray | None = None
        self._gradients_close_by: np.ndarray | None = None
        self._close_by: list[Linear] | None = None

    def inconsistency(self) -> str:
        """Describe how the value on Tensors differs from the value on arrays; "" if it does not."""
        size = max(np.max(np.abs(plain), initial=0) for plain in self.outputs)
        for traced, plain in zip(self._linear.value, self.outputs, strict=True):
            if traced.shape != plain.shape:
                return f"The function returns shape {plain.shape} for arrays, and {traced.shape} for Tensors."
            if not np.allclose(traced, plain, rtol=1e-7, atol=1e-9 * size):
                off = np.max(np.abs(traced - plain))
                return f"The function returns other values for Tensors than for arrays: they differ by up to {off:.3g}."
        return ""

    @property
    def forward(self) -> bool:
        """True if the claim includes a forward mode."""
        return self._linear.push is not None

    # ---- by itself

    def _floats(self, values: Sequence[Any]) -> list[np.ndarray]:
        self._tick()
        with no_grad():
            return floats(self._evaluate(values))

    def at(self, x: np.ndarray) -> np.ndarray:
        """The checked numbers of the value at `x`; nan where the function raises an error."""
        try:
            return self._combine(coordinates.real(self._floats(coordinates.arrays(x, self.values))))
        except Exception:  # of any kind: a loss refuses a label above 1, for example
            return np.full(len(self.weights), np.nan)

    def _combine(self, y: np.ndarray) -> np.ndarray:
        return y if len(self.weights) == y.size else self.weights @ y  # and not by 1, which would be nan beside inf

    def along(self, direction: Direction) -> differences.Curve:
        """The value as a curve through x along a direction."""
        unscaled = self._unscale(direction)
        return lambda step: self.at(self.x + step * unscaled)

    def _unscale(self, direction: Direction) -> np.ndarray:
        vector = np.zeros_like(self.x)
        vector[direction.indices] = direction.weights * self.scale[direction.indices]
        return vector

    def slopes(self, direction: Direction, noise: np.ndarray | None = None, shrink: float = 1.0) -> Slopes:
        """The derivative along a direction by differences, with its error, for a value with this `noise`.

        The steps are shortened by the factor `shrink`.
        """
        shorter = Direction(direction.indices, direction.weights * shrink)
        slopes = differences.slopes(self.along(shorter), self.y, self.noise()[0] if noise is None else noise)
        return slopes._replace(**{name: getattr(slopes, name) / shrink for name in ("left", "right", "error")})

    def own_sizes(self, direction: Direction) -> list[float]:
        """Factors to shrink a step by, along one coordinate that is far smaller than those beside it, largest first.

        A step of 1 suits functions such as tanh, which bend there; the other is a step of the coordinate's own size.
        """
        own, scale = self.own[direction.indices[0]], self.scale[direction.indices[0]]
        if direction.indices.size > 1 or own == 1:
            return []
        return [float(1 / scale)] * bool(own < 1 / scale < 1) + [float(own)]

    def noise(self) -> tuple[np.ndarray, np.ndarray]:
        """The rounding noise of the checked numbers, see `differences.noise_of`."""
        if self._noise is None:
            anywhere = random_direction(np.arange(self.x.size), self._rng)
            self._noise = differences.noise_of(self.along(anywhere), self.y)
        return self._noise

    def slope_close_by(self, corner: Direction, direction: Direction, distance: float = 1e-5) -> np.ndarray:
        """The derivative along a direction, at a nearby point towards a corner."""
        x, step = self.x + distance * self._unscale(corner), 1e-3 * distance * self._unscale(direction)
        return (self.at(x + step) - self.at(x - step)) / (2e-3 * distance)

    def complex_slope(self, direction: Direction) -> np.ndarray | None:
        """The derivative along a direction by a complex step, if the function is real and takes one."""
        if any(np.iscomplexobj(array) for array in (*self.values, *self.outputs)):
            return None

        unscaled = self._unscale(direction)

        def curve(step: complex) -> np.ndarray:
            moved = self._floats(coordinates.arrays(self.x + step * unscaled, self.values))
            return self._combine(np.concatenate([array.ravel() for array in moved]))

        return differences.complex_step(curve, self.y)

    def taylor_order(self, direction: Direction, slope: np.ndarray, output: int) -> float:
        """The order of the Taylor remainder with that slope, see `differences.taylor_order`."""
        curve, one = self.along(direction), slice(output, output + 1)
        return differences.taylor_order(lambda step: curve(step)[one], self.y[one], slope[one], self.noise()[0][one])

    def stairs(self, direction: Direction, slope: float, discrepancy: float, output: int) -> float:
        """The rise of the stairs of number `output` along a direction, from one jump to the next; 0 without stairs.

        Only stairs made by rounding count: a number that is off by a tenth in float32 has lost half of its digits in
        float64.
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
        """The expression for checked number `output`, such as `value[0]`; "" if there is only one."""
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

    # ---- the claimed derivative

    def gradients(self) -> np.ndarray:
        """The reverse-mode Jacobian, per scaled step: a row for each checked number, a column for each coordinate."""
        if self._gradients is None:
            self._gradients = self._pull(self._linear)
        return self._gradients

    def _pull(self, linear: Linear) -> np.ndarray:
        return np.array([self._row(linear, weights) for weights in self.weights])

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """The derivative of a combination of the checked numbers, in one pull."""
        return self._row(self._linear, weights @ self.weights)

    def _row(self, linear: Linear, weights: np.ndarray) -> np.ndarray:
        self._tick()
        pulled = linear.pull(coordinates.cotangents(weights, self.outputs))
        return coordinates.real_of_cotangents(pulled) * self.scale

    def _grown(self) -> list[Linear]:
        """The claims with all coordinates enlarged by a few roundings, which keeps zeros and ties."""
        if self._close_by is None:
            grown = [coordinates.arrays(self.x * (1 + k * differences.EPS), self.values) for k in (1, 2, 3, 4)]
            self._close_by = [self._linear]
            for values in grown:
                with contextlib.suppress(ValueError):  # where the function is not defined, as quantiles above 1
                    self._close_by.append(self._linearize(values))
        return self._close_by

    def gradients_close_by(self) -> np.ndarray:
        """The `gradients`, and those claimed a few roundings beside."""
        if self._gradients_close_by is None:
            self._gradients_close_by = np.array([self._pull(linear) for linear in self._grown()])
        return self._gradients_close_by

    def tangents_close_by(self, direction: Direction) -> np.ndarray:
        """The `tangent`, and those claimed a few roundings beside."""
        return np.array([self._push(linear, direction) for linear in self._grown()])

    def tangent(self, direction: Direction) -> np.ndarray:
        """The derivative of each checked number along a direction, in forward mode."""
        return self._push(self._linear, direction)

    def _push(self, linear: Linear, direction: Direction) -> np.ndarray:
        assert linear.push is not None
        self._tick()
        pushed = linear.push(coordinates.arrays(self._unscale(direction), self.values))
        return self._combine(coordinates.real([np.asarray(t) for t in pushed]))


def of_rules(
    f: Callable[..., Any],
    values: Sequence[np.ndarray],
    order: int,
    rng: np.random.Generator,
    tick: Callable[..., Any] = int,
) -> ClaimedGradient:
    """The derivative of order `order` of `f(*arrays)`, as the derivative rules claim it.

    To raise the order, `f` is replaced by its pullback: the cotangents of the arrays, for random ones of the value.
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

    return ClaimedGradient(values, _on_arrays(f, values), linearize, rng, tick, of_gradient=order > 1)


def pullback_of(f: Callable[..., Any], values: Sequence[np.ndarray], rng: np.random.Generator) -> Callable[..., Any]:
    """The function from arrays to their cotangents, for a random cotangent of the value of `f`."""
    with no_grad():
        value, _ = functional.vjp(f, *values)

    def random(y: Any) -> Any:
        u = mixed_signs(np.shape(y), rng)
        return u + 1j * rng.uniform(0.5, 1.5, np.shape(y)) if np.iscomplexobj(y) else u

    u = pytree.map_leaves(random, value)
    return lambda *arrays: functional.vjp(f, *arrays)[1](u)


def _on_arrays(f: Callable[..., Any], values: Sequence[np.ndarray]) -> Callable[[Sequence[Any]], Any]:
    """`f` as a function of a list of arrays, converted to Tensors if `f` accepts only those."""
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
