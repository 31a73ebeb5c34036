"""General calls of functions: with keywords, settings, foreign arrays, several outputs, or without own rules."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .._signatures import signature
from ..guards import cuts, misfits, missing_rules
from ..guards.numpy_warnings import Computing, at_the_users_line
from ..proxies.dispatching import Symbolic
from . import arguments, primitives, registry
from .modes import IN_RULE, is_recording
from .tensor import Tensor, record, unrecorded

_computing = Computing(globals())
_ARRAYS = np.ndarray, np.generic, Symbolic
_FAMILIAR = frozenset({np.ndarray, float, int, bool, type(None), list, tuple, str, slice})


# ---- recorded


@_computing
def apply_any(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
    """`apply` for every call that is not simple, and for the errors."""
    if kwargs:
        for value in kwargs.values():
            if is_foreign(value):
                return _computed_by(value, function, args, kwargs)
        args, kwargs = _tensors_by_position(function, args, kwargs)
    rules = registry.vjps.get(function)
    if rules is None or not is_recording():
        return _call_plain(function, args, kwargs or {})
    count = len(rules)
    values: list[Any] = []
    parents: list[Tensor | None] = []
    tracked = None
    for argnum, arg in enumerate(args):
        primal = argnum < count and rules[argnum] is not None
        if type(arg) is Tensor:
            values.append(arg._value)
            parents.append(arg if primal else None)
            if arg._tracked:
                if primal:
                    tracked = argnum
                elif argnum >= count:
                    raise missing_rules.no_rule(function, argnum)
                elif is_recording() is not IN_RULE:  # the function is constant in it
                    cuts.mark(arg._value, cuts.Cut(registry.name_of(function), (weakref.ref(arg),)))
        else:
            may_be_index = type(arg) is tuple and function in primitives.on_arrays
            if (may_be_index or type(arg) not in _FAMILIAR) and (foreign := _foreign_in(arg)) is not None:
                return _computed_by(foreign, function, args, kwargs)
            if argnum >= count and type(arg) in (list, tuple) and _holds(arg, tracked=True):
                raise missing_rules.no_rule(function, argnum)
            value = arguments.primal(arg) if primal else arguments.setting(arg)
            values.append(arguments.no_primal(arg) if value is NotImplemented else value)
            parents.append(None)
    if tracked is None:
        return _call_plain(function, args, kwargs or {})
    keeping = rules.keeping if isinstance(rules, registry.ChosenRules) else None
    compute = keeping or primitives.on_arrays.get(function, function)
    with_settings = bool(kwargs) or len(values) > count
    if with_settings:
        kwargs = {keyword: arguments.setting(value) for keyword, value in (kwargs or {}).items()}
        missing_rules.check_call(function, tracked, args, kwargs)
    try:
        data = compute(*values, **kwargs) if kwargs else compute(*values)
    except TypeError as error:
        data = at_the_users_line(error, compute, tuple(values), kwargs)
    except ValueError:
        if not with_settings:
            misfits.explain(function, values, args)
        raise
    if isinstance(data, tuple):
        return record_several(data, function, tuple(values), kwargs, tuple(parents))
    if data.dtype.kind not in "fc" and (with_settings or has_derived_rules(function)):  # such as a cast to integers
        return without_gradient(data, function, args)
    return record(data, function, tuple(values), kwargs, tuple(parents))


def _tensors_by_position(function: Callable, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """The same call with all Tensors among the positional arguments, where the rules expect them."""
    out = kwargs.get("out")
    if out is None and "out" in kwargs:
        kwargs = {keyword: value for keyword, value in kwargs.items() if keyword != "out"}
    if any(type(target) is Tensor for target in (out if type(out) is tuple else (out,))):
        name = registry.name_of(function)
        raise TypeError(f"{name}(..., out=x) would change the Tensor x in place: write x = {name}(...).")
    if not _holds(kwargs, tracked=False):
        return args, kwargs
    if not isinstance(function, np.ufunc):  # whose arguments have no names
        older = registry.older_names.get(function, {})
        if older.keys() & kwargs.keys():
            kwargs = dict.fromkeys(older.values()) | {older.get(name, name): value for name, value in kwargs.items()}
        bound = registry.signature_of(function).bind(*args, **kwargs)
        args, kwargs = bound.args, bound.kwargs
    for keyword, value in kwargs.items() if function in registry.vjps else ():
        if _holds(value, tracked=False):
            name = registry.name_of(function)
            raise TypeError(
                f"{name} got a Tensor as {keyword}=: pass it by position if its derivative rules name it, write the "
                f"formula out in other functions, or pass its values as x.numpy()."
            )
    return args, kwargs


def has_derived_rules(function: Callable[..., Any]) -> bool:
    """Return whether `function` is fused, so that integers that it gives are constants; others have rules of users."""
    return type(registry.vjps[function]) is registry.ChosenRules


def record_several(
    data: tuple[Any, ...],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    parents: tuple[Any, ...],
) -> Any:
    """Record a call that gives several `data`: outputs, or an answer and values that its rules are to get."""
    if type(data) is primitives.Kept:
        node = record(data.answer, function, args, kwargs, parents)
        node._kept = data.kept
        return node
    return outputs(data, record(primitives.Outputs(data), function, args, kwargs, parents))


def outputs(data: tuple[Any, ...], node: Tensor) -> tuple[Any, ...]:
    """A Tensor per output of the function of `node`; integer outputs are constant."""
    count = len(data)
    parts = [
        record(part, primitives.output, (node._value, i, count), None, (node, None, None))
        if part.dtype.kind in "fc"
        else without_gradient(part.copy(), node._function, node._parents)  # the graph keeps the other
        for i, part in enumerate(data)
    ]
    return type(data)(*parts) if hasattr(data, "_fields") else tuple(parts)


def outputs_of(node: Tensor) -> Any:
    """The `ans` of a rule that records: the `node`, or a tuple of Tensors if its function has several outputs."""
    return outputs(tuple(node._value), node) if type(node._value) is primitives.Outputs else node


# ---- not recorded


@_computing
def _call_plain(function: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a `function` that is composite, constant or unknown, or whose arguments are not tracked."""
    decomposition = registry.composites.get(function)
    if decomposition is not None:
        if kwargs or len(args) > 2:
            try:
                bound = signature(decomposition).bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{registry.name_of(function)} of Tensors: {error}") from None
            if {**kwargs, **bound.arguments}.get("out") is not None:
                raise missing_rules.no_rule_for(function, "out=")
        given = {keyword: _taken(value) for keyword, value in kwargs.items()}
        return without_gradient(decomposition(*map(_taken, args), **given), function, args)
    constant = function in registry.constants
    if is_recording() and not constant and function not in registry.vjps:
        for argnum, arg in enumerate((*args, *kwargs.values())):
            if _holds(arg, tracked=True):
                raise missing_rules.no_rule(function, argnum)
    if function in primitives.on_arrays or (function in registry.vjps and not isinstance(function, np.ufunc)):
        for arg in args:
            if (foreign := _foreign_in(arg)) is not None:
                return _computed_by(foreign, function, args, kwargs)
    compute = function if constant else primitives.on_arrays.get(function, function)
    values, settings = tuple(map(_plain, args)), {keyword: _plain(value) for keyword, value in kwargs.items()}
    try:
        result = compute(*values, **settings)
    except TypeError as error:
        result = at_the_users_line(error, compute, values, settings)
    except ValueError:
        misfits.explain(function, values, args)
        raise
    if constant:
        return without_gradient(result, function, args)
    return result if "out" in kwargs else unrecorded_any(result, function, args, kwargs)


def unrecorded_any(result: Any, function: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """Constant Tensors of the `result` of a call, one for each output; a result that is no array as it is."""
    if isinstance(result, tuple) and function in registry.vjps:
        parts = [unrecorded_any(part, function, args, kwargs) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if isinstance(result, np.ndarray):
        if result.dtype.kind not in "biufc":
            raise TypeError(f"{registry.name_of(function)} gave {str(result)[:60]}: expected arrays of numbers.")
        result = result.copy() if _shares_memory(result, (*args, *(kwargs or {}).values())) else result
    return unrecorded(result, *args, function=function) if isinstance(result, _ARRAYS) else result


def without_gradient(result: Any, function: Callable[..., Any] | None, args: tuple[Any, ...]) -> Any:
    """Return `result`; if it is a plain array, remember which of the `args` the `function` has cut it off from."""
    if type(result) is np.ndarray:
        tensors = [x for arg in args for x in (arg if type(arg) in (list, tuple) else (arg,)) if type(x) is Tensor]
        sources = tuple([weakref.ref(x) for x in tensors if x._tracked])
        earlier = next(filter(None, map(cuts.of, tensors)), None)
        cut = cuts.Cut(registry.name_of(function), sources) if sources else earlier
        if cut is not None:
            cuts.mark(result, cut)
    return result


# ---- arguments


def is_foreign(value: Any) -> bool:
    """Return whether `value` is an array of another library that implements NumPy's protocols."""
    kind = type(value)
    if kind in _FAMILIAR or kind is Tensor or isinstance(value, np.ndarray):
        return False
    return hasattr(kind, "__array_function__")


def _foreign_in(arg: Any) -> Any:
    """`arg` if it is foreign, or the first entry of an index that is, except Symbols, which Tensors take; else None."""
    if type(arg) is not tuple:
        return arg if is_foreign(arg) else None
    return next((part for part in arg if is_foreign(part) and not isinstance(part, Symbolic)), None)


def _computed_by(foreign: Any, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any] | None) -> Any:
    """Let a foreign array, such as one inside of vmap, compute the call: NumPy asks it for ufuncs, not for settings."""
    if isinstance(getattr(function, "__self__", function), np.ufunc):
        return NotImplemented
    return foreign.__array_function__(function, (type(foreign),), args, kwargs or {})


def _plain(arg: Any) -> Any:
    """`arg` with read-only values in place of Tensors; read-only, since some functions write into arrays."""
    if type(arg) is Tensor:
        return arg.data
    if type(arg) in (list, tuple):
        return type(arg)(map(_plain, arg))
    return _taken(arg)


def _taken(arg: Any) -> Any:
    """`arg` for a function of NumPy: data frames, buffers and the like become arrays; masked ones are refused."""
    is_plain = isinstance(arg, np.ndarray) and not isinstance(arg, (np.ma.MaskedArray, np.matrix))
    return arg if type(arg) in _FAMILIAR or is_plain else arguments.setting(arg)


def _shares_memory(array: Any, arg: Any) -> bool:
    """Return whether `array` may share memory with an array in `arg`, which its owner may change."""
    if isinstance(arg, (list, tuple)):
        return any(_shares_memory(array, part) for part in arg)
    return isinstance(arg, np.ndarray) and np.may_share_memory(array, arg)


def _holds(arg: Any, tracked: bool) -> bool:
    """Return whether `arg` is, or contains, a Tensor; with `tracked`, a tracked one."""
    if isinstance(arg, (list, tuple, dict)):
        return any(_holds(part, tracked) for part in (arg.values() if isinstance(arg, dict) else arg))
    return type(arg) is Tensor and (arg._tracked or not tracked)


_computing.complete()
