"""Checks of sizes, rates and other settings: each error names the argument, the expected value and the given one.

`core.arguments` checks arrays and the other arguments of NumPy calls.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def whole_number(where: str, name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int. Raises TypeError if it is not a whole number, ValueError if it is below `least`.

    >>> whole_number("fit", "epochs", np.int64(3))
    3
    """
    value = _to_scalar(value)
    expected = f"{where}: expected {name} to be a whole number of at least {least}, got {value!r:.80}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        advice = ": int(x) makes one, and // divides without a remainder" if isinstance(value, numbers.Real) else ""
        raise TypeError(f"{expected}{advice}.")
    if value < least:
        raise ValueError(f"{expected}.")
    return int(value)


def positive(where: str, name: str, value: Any) -> float:
    """Return `value` as a float. Raises TypeError if it is not a real number, ValueError for 0 or less, nan and inf.

    >>> positive("SGD", "a learning rate", 1)
    1.0
    """
    number = real(f"{where}: expected {name} above 0", value)
    if not 0 < number < math.inf:
        raise ValueError(f"{where}: expected {name} above 0, got {value}.")
    return number


def not_negative(where: str, name: str, value: Any) -> float:
    """Return `value` as a float. Raises TypeError if it is not a real number, ValueError below 0, for nan and inf."""
    number = real(f"{where}: expected {name} of 0 or more", value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{where}: expected {name} of 0 or more, got {value}.")
    return number


def fraction(where: str, name: str, value: Any) -> float:
    """Return `value` as a float. Raises TypeError if it is not a real number, ValueError outside 0 <= value < 1."""
    number = real(f"{where}: expected 0 <= {name} < 1", value)
    if not 0 <= number < 1:
        raise ValueError(f"{where}: expected 0 <= {name} < 1, got {value}.")
    return number


def real(expected: str, value: Any) -> float:
    """Return `value` as a float. Raises TypeError, beginning with `expected`, if it is not one real number."""
    number = _to_scalar(value)
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        raise TypeError(f"{expected}, got {value!r:.80}: pass one plain number.")
    return float(number)


def generator(where: str, rng: Any) -> np.random.Generator:
    """Return `rng`. Raises TypeError if it is not a `numpy.random.Generator`."""
    if not isinstance(rng, np.random.Generator):
        got = "none" if rng is None else type(rng).__name__
        raise TypeError(f"{where}: expected rng=np.random.default_rng(0), got {got}.")
    return rng


def function(where: str, name: str, value: Any, example: str) -> Callable[..., Any]:
    """Return `value`. Raises TypeError if it is not callable."""
    if not callable(value):
        raise TypeError(f"{where}: expected {name} to be a function, such as {name}={example}, got {value!r:.80}.")
    return value


def named(where: str, what: str, given: Any, known: Mapping[str, Any]) -> Any:
    """Return the value that a word stands for; other values unchanged. Raises ValueError for unknown words.

    >>> named("fit", "a loss", "MSE", {"mse": abs})
    <built-in function abs>
    """
    if not isinstance(given, str):
        return given
    if given.lower() not in known:
        raise ValueError(f"{where}: expected {what}, such as {', '.join(map(repr, known))}, got {given!r}.")
    return known[given.lower()]


def _to_scalar(value: Any) -> Any:
    """Return the number in a 0-d array; other values are returned unchanged."""
    return value.item() if type(value) is np.ndarray and value.ndim == 0 else value
