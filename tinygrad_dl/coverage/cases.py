"""A row of the tables in `examples`: a call, and where to draw its arguments from."""

import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..core.registry import name_of

Draw = Callable[[np.random.Generator], np.ndarray]
Domain = Callable[..., Draw]


class Case(NamedTuple):
    """A `call` of arrays, each drawn from a domain where the derivative exists, that uses the rules of `function`."""

    function: Callable[..., Any]
    label: str
    call: Callable[..., Any]
    draws: tuple[Draw, ...]

    @property
    def name(self) -> str:
        """The function and the label of the example."""
        return f"{name_of(self.function)} {self.label}"

    def arrays(self) -> list[np.ndarray]:
        """The arguments: the same in every run."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return [draw(rng) for draw in self.draws]


def table(*rows: Iterable[Any]) -> list[Case]:
    """Cases from rows of a function, a label, a call, and a domain for each argument."""
    return [Case(function, label, call, tuple(draws)) for function, label, call, *draws in rows]


def one(function: Callable[..., Any], label: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """The start of a row for `function(x, *args, **kwargs)`."""
    return function, label, lambda x: function(x, *args, **kwargs)


def deprecated_row(name: str, label: str, *args: Any, **kwargs: Any) -> list[tuple[Any, ...]]:
    """The start of a row for `np.name(x, *args, **kwargs)`, called without its warning; none if this NumPy lacks it."""

    def call(*arrays: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return function(*arrays, *args, **kwargs)

    function = getattr(np, name, None)
    return [(function, label, call)] if function else []


# ---- domains: given a shape, how to draw an array


def _domain(draw: Callable) -> Domain:
    return lambda *shape: lambda rng: np.array(draw(rng, shape))


real: Domain = _domain(lambda rng, shape: rng.uniform(-2, 2, shape))
positive: Domain = _domain(lambda rng, shape: rng.uniform(0.5, 2.5, shape))
nonzero: Domain = _domain(lambda rng, shape: rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape))
below_one: Domain = _domain(lambda rng, shape: rng.uniform(-0.8, 0.8, shape))
above_one: Domain = _domain(lambda rng, shape: rng.uniform(1.5, 3, shape))
apart: Domain = _domain(lambda rng, shape: rng.permutation(np.linspace(-2, 2, int(np.prod(shape)))).reshape(shape))
between: Domain = _domain(lambda rng, shape: apart(*shape)(rng) + 0.21)  # never near what `apart` gives
halves: Domain = _domain(lambda rng, shape: rng.integers(-3, 4, shape) + rng.uniform(0.4, 0.6, shape))
near_one: Domain = _domain(lambda rng, shape: rng.uniform(0.97, 1.03, shape))
graded: Domain = _domain(
    lambda rng, shape: rng.uniform(-0.3, 0.3, shape) + np.eye(*shape[-2:]) * np.arange(2, shape[-1] + 2)
)
