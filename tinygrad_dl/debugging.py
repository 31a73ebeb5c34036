"""`debug()`: stop at the first nan or inf, at a rule that gives what it must not, at values changed behind the graph.

It is an `Observer` of what is recorded and of backward passes. It looks at all numbers, and keeps checksums of all
arrays.
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
from .core.tensor import origin


class debug(observing):
    """In this `with` block, or in the function that it decorates, stop at the first number that is not finite.

    Forward, a FloatingPointError says which function gave a nan or inf, of which arguments, with their names, shapes
    and values there, and in which line of yours. Backward it says so of a derivative rule, with the line that recorded
    its function. Besides, a rule that gives another shape or dtype than its argument calls for is a ValueError or
    TypeError; one that changes an array in place is a RuntimeError, and so is an array of the graph that was changed
    since it was recorded, by whatever means. `float(x)` of a tracked Tensor, which leaves the graph, is warned of.

    What this thread records is checked, at a multiple of the time. `tg.debug(False)` leaves out a block in which an
    inf is meant.

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
        super().__init__(Checking() if wanted else None)


def noting_lines() -> observing:
    """In this `with` block, each node remembers the user's line; nothing is checked, unless it was before."""
    return observing(observing.value() or NotingLines())


class Origin(NamedTuple):
    """The line that recorded a node, and the checksums of its values at that time."""

    line: str
    checksums: list[Any]


# ---- forward


class NotingLines(Observer):
    """Remembers the user's line that recorded each node."""

    def recorded(self, node: Any) -> None:
        if not _is_part(node):
            node._origin = Origin(_users_line(), [])


class Checking(Observer):
    """Checks recorded nodes, and the rules of a backward pass; the origin of what a `rule` records is the rule."""

    checks = True

    def __init__(self, rule: str = ""):
        self.rule = rule

    def recorded(self, node: Any) -> None:
        """Remember the user's line, and checksums. Raises FloatingPointError for a value that is not finite."""
        if _is_part(node):
            return
        line, values = self.rule or _users_line(), _values(node)
        node._origin = Origin(line, list(map(_checksum, values.values())))
        bad = None if self.rule else _not_finite(node._value)  # a rule is judged by its result
        if bad is not None:
            report = _report(bad, values, f", in\n  {line}", "the answer")
            raise FloatingPointError(
                f"{registry.name_of(node._function)} gave {report}\n"
                f"If this is meant, compute it in a block `with tg.debug(False):`."
            )

    def rules(self, rules: Iterable[Callable[..., Any]], node: Any, g: Any) -> Iterator[Callable[..., Any]]:
        """The `rules` of `node`, checked as they are called. Raises if `g` is not finite, or if `node` was changed."""
        check_cotangent(node, g)
        if hasattr(node, "_origin") and node._origin.checksums and node._function is not primitives.output:
            for (name, value), checksum in zip(_values(node).items(), node._origin.checksums, strict=True):
                if _checksum(value) != checksum:
                    raise RuntimeError(
                        f"{name} of {registry.name_of(node._function)} was changed after it was used, by something "
                        f"that wrote into its memory: the gradient would be wrong{origin(node)}"
                    )
        return (functools.partial(_checked, rule, argnum, node) for argnum, rule in enumerate(rules))

    def finished(self, cotangents: dict[Any, Any]) -> None:
        for tensor, g in cotangents.items():
            check_cotangent(tensor, g)


def _is_part(node: Any) -> bool:
    """Return whether `node` is one of several outputs, which has the origin of them all."""
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
            f"the cotangent of {tensor._label()} is {bad.text}: it was given so, or it is a sum over several paths "
            f"that is too large for its dtype{origin(tensor)}"
        )


def _checked(rule: Callable, argnum: int, node: Any, g: Any, ans: Any, *args: Any, **kwargs: Any) -> Any:
    """What the `rule` for argument `argnum` of `node` gives. Raises if it must not give that, or changes its arrays."""
    name = f"the derivative rule of {registry.name_of(node._function)} for argument {argnum}"
    values = {**_values(node), "the cotangent": g}
    before = list(map(_checksum, values.values()))
    part = observing.call(Checking(f"{name}{origin(node)}"), rule, g, ans, *args, **kwargs)
    for what, value, checksum in zip(values, values.values(), before, strict=True):
        if _checksum(value) != checksum:
            raise RuntimeError(f"{name} changed {what} in place, instead of computing a new array{origin(node)}")
    _check_kind(name, part, node, argnum, values)
    bad = _not_finite(part)
    if bad is not None:
        advice = _BRANCH if _is_0_there(g, bad) else ""
        raise FloatingPointError(f"{name} gave {_report(bad, values, origin(node))}{advice}")
    return part


_BRANCH = (
    "\nThe cotangent is 0 there, and 0 times nan or inf is nan. If this is the branch that np.where does not take, give"
    " it numbers that it can take, by a second np.where inside: np.where(c, f(np.where(c, x, 1.0)), y)."
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
        return  # no array, which is an error anyway; or something of several outputs, which has no one shape
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
    """How precise a float is; of complex numbers the real part counts, as for a real argument."""
    return np.finfo(dtype).bits


# ---- values


class _Bad(NamedTuple):
    """The first number of an array that is not finite."""

    text: str
    where: tuple[int, ...]
    shape: tuple[int, ...]


def _values(node: Any) -> dict[str, Any]:
    """The numbers that a graph keeps of `node`, by the names to report them by."""
    values = {"the answer": node._value}
    for i, (arg, parent) in enumerate(zip_longest(node._args, node._parents)):
        values[f"argument {i}" + (f" ({_who(parent)})" if parent is not None else "")] = arg
    return values | {f"{keyword}=": value for keyword, value in primitives.shown(node._kwargs).items()}


def _who(tensor: Any) -> str:
    if tensor.name is None and tensor._function is not None:
        return f"made by {registry.name_of(tensor._function)}"
    return tensor._label() if tensor.name is not None else "a leaf"


def _array(value: Any) -> Any:
    """The value of a Tensor, and an array of a number; whatever is neither, as it is."""
    value = getattr(value, "_value", value)
    return np.asarray(value) if isinstance(value, (float, complex)) else value


def _is_inexact(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc"


def _not_finite(value: Any) -> _Bad | None:
    value = _array(value)
    if isinstance(value, primitives.Outputs):
        return next(filter(None, map(_not_finite, value)), None)
    if not _is_inexact(value) or np.isfinite(value).all():
        return None
    index = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
    return _Bad(f"{value[index]}" + (f" at {list(index)}" if index else ""), index, value.shape)


def _report(bad: _Bad, values: dict[str, Any], place: str, culprit: str = "") -> str:
    """What is `bad`, why, where, and a line for each of the `values`; all but the `culprit` were there before."""
    before = [name for name, value in values.items() if name != culprit and _not_finite(value) is not None]
    cause = f"where {' and '.join(before)} had such before" if before else "from finite numbers"
    rows = [f"\n  {name}: {_described(value, bad)}" for name, value in values.items()]
    return f"{bad.text}, {cause}{place}{''.join(rows[1:] + rows[:1])}"


def _described(value: Any, bad: _Bad) -> str:
    """The shape, dtype and range of an array, and its value where another one is `bad`; of other things, their text."""
    value = getattr(value, "_value", value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return f"{value!r:.60}"
    array = np.asarray(value)
    finite = array[np.isfinite(array)]
    text = f"shape {array.shape}, {array.dtype}"
    if finite.size < array.size:
        text += f", {array.size - finite.size} of {array.size} not finite"
    elif finite.size > 1 and array.dtype.kind == "f":
        text += f", from {finite.min():.6g} to {finite.max():.6g}"
    try:
        return f"{text}, {np.broadcast_to(array, bad.shape)[bad.where]:.6g} there"
    except ValueError:  # the two don't correspond, number by number
        return text


def _checksum(value: Any) -> Any:
    value = _array(value)
    if isinstance(value, np.ndarray):
        return zlib.crc32(value.tobytes())
    if isinstance(value, dict):
        return list(map(_checksum, value.values()))
    return list(map(_checksum, value)) if isinstance(value, (list, tuple)) else None
