"""`debug`: checks for nan and inf, for misbehaving derivative rules, and for arrays changed after they were recorded.

It is an `Observer` of the tape and of backward passes. It inspects all numbers, and keeps checksums of all arrays.
"""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from ._frames import line_of, own_frame
from .core import primitives, registry
from .core.modes import Observer, observing
from .core.modes import is_checking as is_checking
from .core.tensor import origin


class debug(observing):
    """Check all computations in a `with` block, or in a decorated function, and stop at the first error.

    It applies to the current thread and asyncio task, and multiplies the running time.

    Parameters
    ----------
    wanted
        With False, leave out a block inside another one, in which an inf is intended.

    Raises
    ------
    FloatingPointError
        Forward, if a function returns nan or inf: the message names the function, its arguments with shapes and values,
        and the user's line. Backward, if a derivative rule does: it names the line that recorded the function.
    ValueError
        If a derivative rule returns a cotangent of the wrong shape.
    TypeError
        If a derivative rule returns a cotangent of the wrong dtype.
    RuntimeError
        If a derivative rule changes an array in place, or if an array of the graph was changed since it was recorded.

    Warns
    -----
    UserWarning
        If `float(x)` takes a tracked Tensor out of the graph.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> Z = tg.parameter([0.5, 800.0], name="Z")
    >>> with tg.debug(), np.errstate(over="ignore"):
    ...     A = np.exp(Z)
    Traceback (most recent call last):
    FloatingPointError: np.exp gave inf at [1], from finite numbers, in
      <doctest tinygrad_dl.debugging.debug[3]>:2: A = np.exp(Z)
      argument 0 (Tensor 'Z'): shape (2,), float64, from 0.5 to 800, 800 there
      the answer: shape (2,), float64, 1 of 2 not finite, inf there
    If this is meant, compute it in a block `with tg.debug(False):`.
    """

    def __init__(self, wanted: bool = True):
        super().__init__(Checker() if wanted else None)


def record_lines() -> observing:
    """Remember the user's line for each node recorded in a `with` block; checks of an outer debug block continue."""
    return observing(observing.value() or LineRecorder())


class Origin(NamedTuple):
    """The line that recorded a node, and the checksums of its values at that time."""

    line: str
    checksums: list[Any]


# ---- forward


class LineRecorder(Observer):
    """Remembers the user's line that recorded each node."""

    def recorded(self, node: Any) -> None:
        """Note the user's line at a `node` that was just recorded."""
        if not _is_part(node):
            node._origin = Origin(_users_line(), [])


class Checker(Observer):
    """Checks recorded nodes and the rules of a backward pass; nodes recorded by a `rule` have that as their origin."""

    checks = True

    def __init__(self, rule: str = ""):
        self.rule = rule

    def recorded(self, node: Any) -> None:
        """Remember the user's line and checksums. Raises FloatingPointError for a value that is not finite."""
        if _is_part(node):
            return
        line, values = self.rule or _users_line(), _values(node)
        node._origin = Origin(line, list(map(_checksum, values.values())))
        bad = None if self.rule else _not_finite(node._value)  # a rule is judged by its result
        if bad is not None:
            report = _report(bad, values, f", in\n  {line}", node._function, "the answer")
            raise FloatingPointError(
                f"{registry.name_of(node._function)} gave {report}\n"
                f"If this is meant, compute it in a block `with tg.debug(False):`."
            )

    def rules(self, rules: Iterable[Callable[..., Any]], node: Any, g: Any) -> Iterator[Callable[..., Any]]:
        """Wrap the `rules` of `node` in checks. Raises if `g` is not finite, or if an array of `node` was changed."""
        check_cotangent(node, g)
        if hasattr(node, "_origin") and node._origin.checksums and node._function is not primitives.output:
            for (name, value), checksum in zip(_values(node).items(), node._origin.checksums, strict=True):
                if _checksum(value) != checksum:
                    raise RuntimeError(
                        f"{name} of {registry.name_of(node._function)} was changed after it was used, in place: "
                        f"the gradient would be wrong{origin(node)}"
                    )
        return (functools.partial(_check_rule, rule, argnum, node) for argnum, rule in enumerate(rules))

    def finished(self, cotangents: dict[Any, Any]) -> None:
        """Check the sums of cotangents at the end of a backward pass."""
        for tensor, g in cotangents.items():
            check_cotangent(tensor, g)


def _is_part(node: Any) -> bool:
    """Return whether `node` is one of several outputs; give it the origin of their function."""
    if node._function is not primitives.output:
        return False
    if hasattr(node._parents[0], "_origin"):
        node._origin = node._parents[0]._origin
    return True


def _users_line() -> str:
    return line_of(own_frame(sys._getframe()))


# ---- backward


def check_cotangent(tensor: Any, g: Any) -> None:
    """Raise FloatingPointError if the cotangent of `tensor`, a sum of finite ones, is not finite."""
    bad = _not_finite(g)
    if bad is not None:
        raise FloatingPointError(
            f"the cotangent of {tensor._label()} is {bad.text}: either it was passed in, or a sum over several paths "
            f"overflows its dtype{origin(tensor)}"
        )


def _check_rule(rule: Callable, argnum: int, node: Any, g: Any, ans: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the `rule` for argument `argnum` of `node`. Raises if its answer is invalid, or if it changes its arrays."""
    name = f"the derivative rule of {registry.name_of(node._function)} for argument {argnum}"
    values = {**_values(node), "the cotangent": g}
    before = list(map(_checksum, values.values()))
    part = observing.call(Checker(f"{name}{origin(node)}"), rule, g, ans, *args, **kwargs)
    for what, value, checksum in zip(values, values.values(), before, strict=True):
        if _checksum(value) != checksum:
            raise RuntimeError(f"{name} changed {what} in place, instead of computing a new array{origin(node)}")
    _check_kind(name, part, node, argnum, values)
    bad = _not_finite(part)
    if bad is not None:
        advice = _BRANCH if _is_0_there(g, bad) else ""
        raise FloatingPointError(f"{name} gave {_report(bad, values, origin(node), node._function)}{advice}")
    return part


_BRANCH = (
    "\nThe cotangent is 0 there, and 0 times nan or inf is nan. In a branch that np.where does not"
    " select, replace invalid arguments by a second np.where inside: np.where(c, f(np.where(c, x, 1.0)), y)."
)


def _is_0_there(g: Any, bad: _Bad) -> bool:
    """Return whether the cotangent `g` is 0 at the first number that is not finite."""
    g = np.asarray(getattr(g, "_value", g))
    return g.shape == bad.shape and g.dtype.kind in "fc" and bool(g[bad.where] == 0)


def _check_kind(name: str, part: Any, node: Any, argnum: int, values: dict[str, Any]) -> None:
    """Raise unless `part` has a shape and dtype that a cotangent for argument `argnum` may have."""
    x, g = node._parents[argnum]._value, _array(values["the cotangent"])
    shape, dtype = getattr(part, "shape", ()), getattr(part, "dtype", None)
    if dtype is None or x.dtype is None or g.dtype is None:
        return  # not an array, an error anyway; or several outputs, which have no common shape
    try:
        fits = np.broadcast_shapes(shape, x.shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} gave shape {shape} for an argument of shape {x.shape}{origin(node)}")
    most = max(_bits(value.dtype) for value in map(_array, values.values()) if _is_inexact(value))
    if dtype.kind not in "fc" or not min(_bits(x.dtype), _bits(g.dtype)) <= _bits(dtype) <= most:
        raise TypeError(f"{name} gave {dtype} for an argument of {x.dtype} and a cotangent of {g.dtype}{origin(node)}")


def _bits(dtype: np.dtype) -> int:
    """The precision of a float type in bits; that of the real part for a complex type."""
    return np.finfo(dtype).bits


# ---- values


class _Bad(NamedTuple):
    """The first number of an array that is not finite."""

    text: str
    where: tuple[int, ...]
    shape: tuple[int, ...]


def _values(node: Any) -> dict[str, Any]:
    """The values that the graph keeps for `node`, by their names in reports."""
    values = {"the answer": node._value}
    for i, (arg, parent) in enumerate(zip_longest(node._args, node._parents)):
        values[f"argument {i}" + (f" ({_who(parent)})" if parent is not None else "")] = arg
    return values | {f"argument {keyword}": value for keyword, value in primitives.visible_kwargs(node._kwargs).items()}


def _who(tensor: Any) -> str:
    if tensor.name is None and tensor._function is not None:
        return f"made by {registry.name_of(tensor._function)}"
    return tensor._label() if tensor.name is not None else "a leaf"


def _array(value: Any) -> Any:
    """The value of a Tensor, an array for a number; anything else unchanged."""
    value = getattr(value, "_value", value)
    return np.asarray(value) if isinstance(value, (float, complex)) else value


def _is_inexact(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"


def _not_finite(value: Any) -> _Bad | None:
    value = _array(value)
    if isinstance(value, primitives.Outputs):
        parts = ((i, _not_finite(part)) for i, part in enumerate(value))
        return next((bad._replace(text=f"{bad.text} of output {i}") for i, bad in parts if bad is not None), None)
    if not _is_inexact(value) or np.isfinite(value).all():
        return None
    index = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
    return _Bad(f"{value[index]}" + (f" at {list(index)}" if index else ""), index, value.shape)


def _report(bad: _Bad, values: dict[str, Any], place: str, function: Any, culprit: str = "") -> str:
    """A report on a `bad` number: cause, place, and a line per value; all values but the `culprit` existed before."""
    before = [name for name, value in values.items() if name != culprit and _not_finite(value) is not None]
    cause = f"where {' and '.join(before)} contained such numbers before" if before else "from finite numbers"
    is_elementwise = function in (np.where, np.clip) or (isinstance(function, np.ufunc) and function.signature is None)
    rows = [
        f"\n  {name}: {_describe(value, bad if is_elementwise or name == culprit else None)}"
        for name, value in values.items()
    ]
    return f"{bad.text}, {cause}{place}{''.join(rows[1:] + rows[:1])}"


def _describe(value: Any, bad: _Bad | None) -> str:
    """The shape, dtype and range of an array, and its value at the place of the `bad` number; the repr of others."""
    value = getattr(value, "_value", value)
    if isinstance(value, primitives.Outputs):
        return "; ".join(_describe(part, None) for part in value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return f"{value!r:.60}"
    array = np.asarray(value)
    finite = array[np.isfinite(array)]
    text = f"shape {array.shape}, {array.dtype}"
    if finite.size < array.size:
        text += f", {array.size - finite.size} of {array.size} not finite"
    elif finite.size > 1 and array.dtype.kind == "f":
        text += f", from {finite.min():.6g} to {finite.max():.6g}"
    if bad is None:
        return text
    try:
        return f"{text}, {np.broadcast_to(array, bad.shape)[bad.where]:.6g} there"
    except ValueError:  # the two shapes do not broadcast
        return text


def _checksum(value: Any) -> Any:
    value = _array(value)
    if isinstance(value, np.ndarray):
        return zlib.crc32(value.tobytes())
    if isinstance(value, dict):
        return list(map(_checksum, value.values()))
    return list(map(_checksum, value)) if isinstance(value, (list, tuple)) else None
