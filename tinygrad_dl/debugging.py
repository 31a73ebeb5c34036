"""`debug()`: stop at the first nan or inf, at a rule that gives what it must not, at values changed behind the graph.

Off, it costs a question at each operation. On, `tensor` shows each new node to `recorded`, and `autodiff` takes the
rules of a node from `checked_rules`: all numbers are looked at, and all arrays have checksums.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
import sysconfig
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from itertools import zip_longest
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from .core import primitives, registry
from .core.modes import Mode, switched

_debugging: ContextVar[Any] = ContextVar("debugging", default=False)
is_debugging = _debugging.get  # true inside of `debug`; `debug.value()` is, inside a rule, a text: which rule it is
NOTING_LINES = "noting lines"

NUMPY = "numpy"
_NOT_THE_USERS = tuple(f"{Path(package).parent}{os.sep}" for package in (__file__, np.__file__))
_STANDARD = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib"))


class debug(Mode):
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

    _variable = _debugging

    def __init__(self, wanted: bool | str = True):
        super().__init__(wanted)


def noting_lines() -> debug:
    """In this `with` block, each node remembers the user's line; nothing is checked, unless it was before."""
    return debug(debug.value() or NOTING_LINES)


def is_checking() -> bool:
    """Whether rules are to be checked: in debug mode, in which lines are not all that is noted."""
    return bool(is_debugging()) and debug.value() != NOTING_LINES


class Origin(NamedTuple):
    """Where a node was recorded, and the checksums of its values at that time."""

    line: str
    checksums: list[Any]


def origin(node: Any) -> str:
    """Where `node` was recorded, to end a message with; empty if that was not in debug mode."""
    return f", recorded in\n  {node._origin.line}" if hasattr(node, "_origin") else ""


# ---- forward


def recorded(node: Any) -> None:
    """Note where `node` was recorded. Raises FloatingPointError if its value is not finite."""
    if node._function is primitives.output:  # it is a part of a node that was looked at
        if hasattr(node._parents[0], "_origin"):
            node._origin = node._parents[0]._origin
        return
    rule = debug.value()
    if rule == NOTING_LINES:
        node._origin = Origin(_users_line(), [])
        return
    line = rule if isinstance(rule, str) else _users_line()
    values = _values(node)
    node._origin = Origin(line, list(map(_checksum, values.values())))
    bad = None if isinstance(rule, str) else _not_finite(node._value)  # a rule is judged by its result
    if bad is not None:
        place = f", in\n  {line}"
        raise FloatingPointError(
            f"{registry.name_of(node._function)} gave {_report(bad, values, place, 'the answer')}\n"
            f"If this is meant, compute it in a block `with tg.debug(False):`."
        )


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's own line."""
    frame = users_frame(sys._getframe())
    seen = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, registry=seen)


def _users_line() -> str:
    return line_of(_own_frame(sys._getframe()))


def line_of(frame: FrameType) -> str:
    """The file, number and code of the line that `frame` is at."""
    name, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(name, number, frame.f_globals).strip()
    return f"{name}:{number}" + (f": {code}" if code else "")


def _own_frame(frame: FrameType) -> FrameType:
    """The innermost frame from `frame` outwards that is neither of this package nor of NumPy."""
    while frame.f_code.co_filename.startswith(_NOT_THE_USERS) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def users_frame(frame: FrameType) -> FrameType:
    """The innermost frame from `frame` outwards that is of no library at all, if there is one."""
    own = _own_frame(frame)
    outer: FrameType | None = own
    while outer is not None and is_library(outer.f_code.co_filename):
        outer = outer.f_back
    return outer or own


@functools.cache
def is_library(filename: str) -> str:
    """NUMPY, or the reason why a file counts as a library, this package not among them; empty for the user's own."""
    if filename.startswith(_NOT_THE_USERS):
        return NUMPY if filename.startswith(_NOT_THE_USERS[1]) else ""
    if not {"site-packages", "dist-packages"}.isdisjoint(Path(filename).parts):
        return "installed"
    return "standard" if filename.startswith((*_STANDARD, "<frozen ")) else ""


# ---- backward


def checked_rules(rules: Iterable[Callable], node: Any, g: Any) -> Iterator[Callable]:
    """The `rules` of `node`, checked as they are called. Raises if `g` is not finite, or if `node` was changed."""
    check_cotangent(node, g)
    if hasattr(node, "_origin") and node._origin.checksums and node._function is not primitives.output:
        for (name, value), checksum in zip(_values(node).items(), node._origin.checksums, strict=True):
            if _checksum(value) != checksum:
                raise RuntimeError(
                    f"{name} of {registry.name_of(node._function)} was changed after it was used, by something that "
                    f"wrote into its memory: the gradient would be wrong{origin(node)}"
                )
    return (functools.partial(_checked, rule, argnum, node) for argnum, rule in enumerate(rules))


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
    part = switched(_debugging, f"{name}{origin(node)}", rule, g, ans, *args, **kwargs)
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
