"""Checks of settings: sizes, epochs, rates and functions, each refused by its name before anything is changed."""

import math
import operator
from typing import Any

import numpy as np


def whole_number(name: str, value: Any, expected: str = "at least 1", least: int = 1) -> int:
    """The whole number `value` as an int. Raises TypeError for any other type, ValueError below `least`.

    >>> whole_number("fit: epochs", np.int64(3))
    3
    >>> whole_number("fit: epochs", 3.0)
    Traceback (most recent call last):
        ...
    TypeError: fit: epochs: expected a whole number, got float 3.0: write 3.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, (bool, np.ndarray)):
        advice = f": write {int(value)}" if isinstance(value, (float, np.floating)) and value == value // 1 else ""
        raise TypeError(f"{name}: expected a whole number, got {described(value)}{advice}.")
    if number < least:
        raise ValueError(f"{name}: expected {expected}, got {number}.")
    return number


def real_number(expected: str, value: Any, low: float = 0.0, high: float = math.inf, *, closed: bool = False) -> Any:
    """The finite number `value`, which is above `low`, or `closed` also at it, and below `high`.

    Raises TypeError for any other type, ValueError outside of the interval, saying what was `expected`.

    >>> real_number("SGD: expected a learning rate above 0", "0.1")
    Traceback (most recent call last):
        ...
    TypeError: SGD: expected a learning rate above 0, got str '0.1'.
    """
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(f"{expected}, got {described(value)}.")
    if not (low < value or (closed and value == low)) or not value < high:
        raise ValueError(f"{expected}, got {value}.")
    return value


def function(name: str, value: Any, example: str) -> Any:
    """The function `value`. Raises TypeError for anything else, naming an `example`."""
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name}: expected a function, such as {example}, got {described(value)}.")
    return value


def described(value: Any) -> str:
    """The `value` in an error: its type, and what it holds as far as that is short."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"{type(value).__name__} {value!r:.60}"
