"""User-defined primitives and rules, isolated: what they are handed is read-only, their answers are copied.

So a function or a rule that works in place, or that keeps a buffer for its answers, is right or an error, and never
spoils what a graph keeps. The package's own are in `primitives` and `registry`, with nothing in between; the tests see
to it that they change nothing.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pytree
from ..core import arguments, primitives, registry
from .derived import P
from .weak_keys import hold_weakly

Rule = registry.Rule
_made: weakref.WeakSet[Callable[..., Any]] = weakref.WeakSet()


def is_users(function: Any) -> bool:
    """Return whether `function` is a primitive of the user's, with `tg.primitive` or `tg.custom`."""
    return function in _made


def own(dispatching: Callable[..., Any]) -> None:
    """Note that a primitive is the user's: the tables let go of it with its last use."""
    _made.add(dispatching)
    hold_weakly(primitives.on_arrays, dispatching)


@primitives.wraps(primitives.primitive)
def primitive(function: Callable[P, Any]) -> Callable[P, Any]:
    dispatching = primitives.primitive(function)
    name = registry.name_of(function)
    primitives.on_arrays[dispatching] = _isolated(function, name, functools.partial(_array, name))
    own(dispatching)
    return dispatching


@primitives.wraps(registry.defvjp)
def defvjp(function: Callable[..., Any], *rules: Rule | None) -> None:
    _check("defvjp", function, *[rule for rule in rules if rule is not None])
    name = f"{_rule_of(function)} for argument"
    isolated = [rule and _isolated(rule, f"{name} {i}", _copied) for i, rule in enumerate(rules)]
    _define(registry.defvjp, function, *isolated)


@primitives.wraps(registry.defvjp_each)
def defvjp_each(function: Callable[..., Any], rule: Rule) -> None:
    _check("defvjp_each", function, rule)
    _define(registry.defvjp_each, function, _isolated(rule, _rule_of(function), _copied))


@primitives.wraps(registry.defvjp_jointly)
def defvjp_jointly(function: Callable[..., Any], rule: Rule) -> None:
    _check("defvjp_jointly", function, rule)
    _define(registry.defvjp_jointly, function, _isolated(rule, _rule_of(function), _copied))


def _rule_of(function: Callable[..., Any]) -> str:
    return f"the derivative rule of {registry.name_of(function)}"


def _define(define: Callable[..., Any], function: Callable[..., Any], *rules: Rule | None) -> None:
    define(function, *rules)
    if is_users(function):
        hold_weakly(registry.vjps, function)


@primitives.wraps(registry.defnondiff)
def defnondiff(*functions: Callable[..., Any]) -> None:
    for function in functions:
        _check("defnondiff", function)
    registry.defnondiff(*functions)


@primitives.wraps(registry.defspelling)
def defspelling(function: Callable[..., Any], spelling: Callable[..., Any]) -> None:
    _check("defspelling", function, spelling)
    registry.defspelling(function, spelling)


def _check(definition: str, function: Any, *rules: Any) -> None:
    """Raise a TypeError unless `function` dispatches on its arguments, and the `rules` are functions.

    A ufunc, a method of one, a function of NumPy or a primitive reaches a Tensor as one call. Any other is recorded as
    the calls that it makes, so that a rule of its own would never be used.
    """
    name = registry.name_of(function) if callable(function) else f"{function!r:.60}"
    ufunc = getattr(function, "__self__", function)
    dispatches = isinstance(ufunc, np.ufunc) or hasattr(function, "_implementation")
    if not (callable(function) and (dispatches or function in primitives.on_arrays)):
        raise TypeError(
            f"{definition}({name}): expected a function of NumPy, or a primitive: decorate {name} with @tg.primitive, "
            f"or its rules are never used, since a Tensor meets only the functions inside of it."
        )
    for rule in rules:
        if not callable(rule):
            raise TypeError(f"{definition}({name}): expected a function as rule, got {rule!r:.60}.")


def _isolated(function: Callable[..., Any], name: str, kept: Callable[[Any], Any]) -> Callable:
    """`function` of read-only views of its arrays; of each array that it gives, what `kept` makes of it."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            answer = function(*map(_handed, args), **{keyword: _handed(value) for keyword, value in kwargs.items()})
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise ValueError(
                f"{name} changes an array in place that it was given, and that a graph needs ({error}): compute a new "
                f"one, y = 2 * x instead of x *= 2."
            ) from error
        return pytree.map_leaves(kept, answer) if isinstance(answer, tuple) else kept(answer)

    return call


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _array(name: str, value: Any) -> np.ndarray:
    try:
        return arguments.numbers(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} gave {value!r:.60}: expected an array of numbers, or a tuple of them.") from error


def _handed(value: Any) -> Any:
    """Views of the arrays in `value` that can't be written to."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    return pytree.map_leaves(_handed, value) if isinstance(value, (tuple, list, dict)) else value
