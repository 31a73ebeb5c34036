"""User-defined primitives and rules, isolated: they get read-only views, and their answers are copied.

So a function or rule that works in place, or that reuses a buffer for its answers, is right or raises an error, and
cannot corrupt a graph. The package's own primitives and rules are defined without this layer, in `core/primitives.py`
and `core/registry.py`; tests ensure that they change nothing.
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
_user_ops: weakref.WeakSet[Callable[..., Any]] = weakref.WeakSet()


def is_user_op(function: Any) -> bool:
    """Return whether `function` was made with `tg.primitive` or `tg.custom`."""
    return function in _user_ops


def mark_as_user_op(dispatching: Callable[..., Any]) -> None:
    """Register a user-defined primitive; the tables hold it weakly, so that it is freed after its last use."""
    _user_ops.add(dispatching)
    hold_weakly(primitives.on_arrays, dispatching)


@primitives.wraps(primitives.primitive)
def primitive(function: Callable[P, Any]) -> Callable[P, Any]:
    dispatching = primitives.primitive(function)
    name = registry.name_of(function)
    primitives.on_arrays[dispatching] = _isolate(function, name, functools.partial(_array, name))
    mark_as_user_op(dispatching)
    return dispatching


@primitives.wraps(registry.defvjp)
def defvjp(function: Callable[..., Any], *rules: Rule | None) -> None:
    _check("defvjp", function, *[rule for rule in rules if rule is not None])
    name = f"{_rule_of(function)} for argument"
    isolated_rules = [rule and _isolate(rule, f"{name} {i}", _copy) for i, rule in enumerate(rules)]
    _define(registry.defvjp, function, *isolated_rules)


@primitives.wraps(registry.defvjp_each)
def defvjp_each(function: Callable[..., Any], rule: Rule) -> None:
    _check("defvjp_each", function, rule)
    _define(registry.defvjp_each, function, _isolate(rule, _rule_of(function), _copy))


@primitives.wraps(registry.defvjp_jointly)
def defvjp_jointly(function: Callable[..., Any], rule: Rule) -> None:
    _check("defvjp_jointly", function, rule)
    _define(registry.defvjp_jointly, function, _isolate(rule, _rule_of(function), _copy))


def _rule_of(function: Callable[..., Any]) -> str:
    return f"the derivative rule of {registry.name_of(function)}"


def _define(define: Callable[..., Any], function: Callable[..., Any], *rules: Rule | None) -> None:
    define(function, *rules)
    if is_user_op(function):
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

    Ufuncs, their methods, functions of NumPy and primitives are recorded as one call. Any other function is recorded as
    the calls that it makes, so that its own rules would never be used.
    """
    name = registry.name_of(function) if callable(function) else f"{function!r:.60}"
    ufunc = getattr(function, "__self__", function)
    dispatches = isinstance(ufunc, np.ufunc) or hasattr(function, "_implementation")
    if not (callable(function) and (dispatches or function in primitives.on_arrays)):
        raise TypeError(
            f"{definition}({name}): expected a function of NumPy, or a primitive: decorate {name} with @tg.primitive; "
            f"otherwise only the functions that it calls are recorded, and its rules are never used."
        )
    for rule in rules:
        if not callable(rule):
            raise TypeError(f"{definition}({name}): expected a function as rule, got {rule!r:.60}.")


def _isolate(function: Callable, name: str, keep: Callable[[Any], Any]) -> Callable:
    """Call `function` with read-only views of its arrays, and apply `keep` to each array of its answer."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            answer = function(
                *map(_read_only, args), **{keyword: _read_only(value) for keyword, value in kwargs.items()}
            )
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise ValueError(
                f"{name} changes an array in place that the graph needs ({error}): compute a new one, "
                f"y = 2 * x instead of x *= 2."
            ) from error
        return pytree.map_leaves(keep, answer) if isinstance(answer, tuple) else keep(answer)

    return call


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _array(name: str, value: Any) -> np.ndarray:
    try:
        return arguments.numbers(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} gave {value!r:.60}: expected an array of numbers, or a tuple of them.") from error


def _read_only(value: Any) -> Any:
    """`value` with read-only views in place of its arrays."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    return pytree.map_leaves(_read_only, value) if isinstance(value, (tuple, list, dict)) else value
