"""A forward and a backward function written by hand in plain NumPy, in any of the usual forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..._signatures import signature
from .arguments import Arguments, name_of
from .causes import causes_of_pullback, near
from .claim import Linear

MOST = 500  # numbers in all arguments, for which causes are searched: each costs two evaluations


class Pair:
    """A function `forward(*primals)`, which returns an array or (array, cache), and its `backward`.

    The parameters of `backward` give its form: `backward(g, *primals)`, `backward(g, ans, *primals)` or
    `backward(g, cache)`. Raises TypeError if they fit none of these.
    """

    backward: Callable[..., Any]
    arguments: Arguments
    name: str
    cached: bool
    form: str

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], arguments: Arguments):
        self.backward, self.arguments, self.name = backward, arguments, name_of(backward, "backward")
        count = len(arguments.primals)
        result = arguments.call(*arguments.wide())
        self.cached = isinstance(result, tuple) and len(result) == 2
        parameters = list(signature(backward).parameters.values())
        takes = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
        needs = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            takes = max(takes, 1 + count)
        forms = {"cache": 2} if self.cached else {"primals": 1 + count, "ans": 2 + count}
        self.form = next((form for form, given in forms.items() if needs <= given <= takes), "")
        if not self.form:
            wanted = "backward(g, cache)" if self.cached else "backward(g, *primals) or backward(g, ans, *primals)"
            raise TypeError(
                f"expected {wanted} for a forward of {count} arguments that returns "
                f"{'an array and a cache' if self.cached else 'an array'}; {self.name} takes {takes} arguments."
            )

    def value(self, values: Sequence[Any]) -> Any:
        """The array that `forward` returns, without the cache."""
        result = self.arguments.call(*values)
        return result[0] if self.cached else result

    def linearize(self, values: Sequence[Any]) -> Linear:
        """The linearization that `backward` claims at a point, after one call of `forward`."""
        ans, given = self._given(values)
        return Linear([np.asarray(ans)], lambda g: self._in_order(self.backward(g[0], *given)), None)

    def _given(self, values: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """The array that `forward` returns, and what `backward` takes besides g, after one call of `forward`."""
        primals = self.arguments.with_values(values)
        result = self.arguments.f(*primals)
        ans, *cache = result if self.cached else (result,)
        return ans, cache if self.cached else primals if self.form == "primals" else (ans, *primals)

    def vjp(self, *values: np.ndarray) -> tuple[Any, Callable[..., Any]]:
        """The value and its pullback, in the form of `tg.vjp`."""
        linear = self.linearize(values)
        return linear.value[0], lambda g: linear.pull([g])

    def inconsistency(self, values: Sequence[np.ndarray]) -> str:
        """Describe gradients of wrong number or shape, or arguments changed in place; "" if there are none."""
        before = [np.array(value) for value in values]
        linear = self.linearize(values)
        try:
            gradients = linear.pull([np.ones_like(linear.value[0])])
        except _WrongNumber as error:
            return str(error)
        for leaf, value, old in zip(self.arguments.leaves, values, before, strict=True):
            if not np.array_equal(value, old):
                return f"{self.name} changes {leaf.name} in place: change a copy."
        for leaf, gradient in zip(self.arguments.leaves, gradients, strict=True):
            if gradient.dtype == object and gradient.shape == () and gradient[()] is None:
                return f"{self.name} returns None for {leaf.name}, expected a gradient: is an assignment missing?"
            if gradient.shape != leaf.value.shape:
                return (
                    f"{self.name} returns a gradient of shape {gradient.shape} for {leaf.name}, expected "
                    f"{leaf.value.shape}, the shape of {leaf.name}.{_advice(gradient, leaf.value)}"
                )
        return ""

    def causes(self, values: Sequence[np.ndarray]) -> dict[str, tuple[str, ...]]:
        """The causes that explain each wrong gradient, by argument; the right ones are computed by differences."""
        rng, leaves = np.random.default_rng(1), self.arguments.leaves
        ans = np.asarray(self.value(values))
        g = rng.uniform(0.5, 1.5, ans.shape) * rng.choice([-1.0, 1.0], ans.shape)
        if any(map(np.iscomplexobj, (ans, *values))) or sum(value.size for value in values) > MOST:
            return {}
        counts = [n for shape in (ans.shape, *map(np.shape, values)) for n in shape]
        found = {}
        for i, leaf in enumerate(leaves):

            def pull(g: np.ndarray, i: int = i) -> Any:
                given = self._in_order(self.backward(g, *self._given(values)[1]))[i]
                return given if given.dtype != object else None

            def differentiate(g: np.ndarray, i: int = i, at: Sequence[np.ndarray] = values) -> np.ndarray:
                return _by_differences(lambda *moved: np.sum(g * self.value(moved)), at, i)

            causes = causes_of_pullback(pull, differentiate, g, samples=counts, x=values[i], ans=ans)
            if causes or not near(np.asarray(pull(g)), differentiate(g)):
                found[leaf.name] = (*self._transposed(pull(g), g, differentiate, values, i), *causes)
        return {name: causes for name, causes in found.items() if causes}

    def _transposed(
        self, given: Any, g: np.ndarray, differentiate: Callable[..., np.ndarray], values: Sequence[np.ndarray], i: int
    ) -> Iterator[str]:
        """The causes that are right for another argument, or for a transposed one: W for Wᵀ."""
        for j, leaf in enumerate(self.arguments.leaves):
            if j == i or given is None:
                continue
            square = values[j].ndim == 2 and len(values[j]) == len(values[j].T)
            if square and near(given, differentiate(g, at=[*values[:j], values[j].T.copy(), *values[j + 1 :]])):
                yield f"transposed: {leaf.name} for {leaf.name}ᵀ"
            if given.shape == values[j].shape and near(given, differentiate(g, i=j)):
                yield f"the order: it is the gradient of {leaf.name}"

    def _in_order(self, gradients: Any) -> list[np.ndarray]:
        leaves = self.arguments.leaves
        if gradients is None:
            raise _WrongNumber(f"{self.name} returns None: is a return missing?")
        if isinstance(gradients, Mapping):
            names = [leaf.name if leaf.name in gradients else f"d{leaf.name}" for leaf in leaves]
            missing = [leaf.name for leaf, name in zip(leaves, names, strict=True) if name not in gradients]
            if missing:
                raise _WrongNumber(f"{self.name} returns no gradient for {', '.join(missing)}.")
            return [np.asarray(gradients[name]) for name in names]
        parts = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
        if len(parts) != len(leaves) and len(parts) == len(self.arguments.primals):  # None for a setting, for example
            parts = [parts[leaf.argnum] for leaf in leaves]
        if len(parts) != len(leaves):
            raise _WrongNumber(
                f"{self.name}: expected {len(leaves)} gradients, for {', '.join(leaf.name for leaf in leaves)}, "
                f"got {len(parts)}."
            )
        return [np.asarray(part) for part in parts]


def _by_differences(f: Callable[..., Any], values: Sequence[np.ndarray], i: int) -> np.ndarray:
    """The derivatives of a number with respect to one of several arrays, by central differences."""
    slopes = np.zeros(values[i].shape)
    for index in np.ndindex(slopes.shape):
        step = 1e-6 * max(1.0, abs(float(values[i][index])))
        ends = []
        for sign in (1, -1):
            moved = [np.array(value) for value in values]
            moved[i][index] += sign * step
            ends.append(f(*moved))
        slopes[index] = (ends[0] - ends[1]) / (2 * step)
    return slopes


class _WrongNumber(Exception):
    """Raised if gradients are missing, or too many."""


def _advice(gradient: np.ndarray, x: np.ndarray) -> str:
    if gradient.T.shape == x.shape:
        return " Is it transposed?"
    ends = zip(gradient.shape[::-1], x.shape[::-1], strict=False)
    if gradient.ndim >= x.ndim and all(n in (1, length) for length, n in ends):
        return " Sum over the axes along which it was broadcast."
    return ""
