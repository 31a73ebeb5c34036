"""`Batched`: an array with one axis hidden, that of the samples, and the levels of `vmap` that hide axes.

A function of one sample that is given a Batched array computes the same for all samples at once: NumPy's protocols
(NEP 13 and NEP 18) bring each call here, and the tables of this folder say how to compute it with the axis in view.
What is hidden may be an array, a Tensor, so that gradients flow through, or another Batched array, of a `vmap` outside.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..core import registry
from ..core.array_methods import Dispatching
from ..core.modes import switched

rules: dict[Callable, Callable] = {}  # function -> rule(level, *args, **kwargs): the tables of this folder


class NotAtOnce(TypeError):
    """What can't be done for all samples at once."""


# ---- levels


class Level:
    """One `vmap` under way: how many samples it has, and how many others it is inside of."""

    __slots__ = ("depth", "size")

    def __init__(self, depth: int, size: int):
        self.depth, self.size = depth, size

    def has(self, x: Any) -> bool:
        """Whether `x` is batched at this level."""
        return type(x) is Batched and x._level is self

    def front(self, x: Any) -> Any:
        """`x` with the samples' axis in view, which is the first; if it is not batched, repeated along it."""
        if self.has(x):
            return x._value
        x = x if hasattr(x, "shape") else np.asarray(x)
        return np.broadcast_to(x, (self.size, *x.shape))

    def aligned(self, x: Any, ndim: int) -> Any:
        """`x` with the samples' axis in front of `ndim` others, so that it broadcasts against what is not batched."""
        if not self.has(x):
            return x
        missing = ndim - x.ndim
        return np.reshape(x._value, (self.size, *(1,) * missing, *x.shape)) if missing else x._value

    def wrapped(self, result: Any) -> Any:
        """What a function gave, with the samples' axis hidden, in tuples and lists too."""
        if isinstance(result, (list, tuple)):
            parts = map(self.wrapped, result)
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        if type(result) is Batched and result._level.depth >= self.depth:
            raise NotAtOnce("the rule overlooked an argument")
        return Batched(result, self)


_levels: ContextVar[tuple[Level, ...]] = ContextVar("levels", default=())
active_levels = _levels.get  # from the outermost to the innermost


def at_new_level(size: int, function: Callable[[Level], Any]) -> Any:
    """`function(level)`, computed inside of one level more, of `size` samples."""
    level = Level(len(active_levels()), size)
    return switched(_levels, (*active_levels(), level), function, level)


def physical(x: Any, levels: tuple[Level, ...]) -> Any:
    """`x` with the axes of `levels` in view, in front; where it is not batched it is repeated along them."""
    for level in reversed(levels):
        x = _in_view(x, level)
    return x


def logical(x: Any, levels: tuple[Level, ...]) -> Any:
    """The inverse of `physical`: `x` with its first axes hidden, which are those of `levels`."""
    if type(x) is Batched and levels:  # it has a level more, of those who compute all rows of a Jacobian at once
        return Batched(logical(np.moveaxis(x._value, 0, len(levels)), levels), x._level)
    for level in levels:
        x = Batched(x, level)
    return x


def _in_view(x: Any, level: Level) -> Any:
    if type(x) is Batched and x._level.depth > level.depth:  # it is hidden below another level
        return Batched(np.moveaxis(_in_view(x._value, level), 0, 1), x._level)
    return level.front(x)


# ---- calls


def apply(function: Callable, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """Compute `function` of arguments with Batched arrays among them, for all samples of the innermost level.

    By its rule for all at once; where there is none, or the rule is not for such a call, for one after the other.
    """
    kwargs = kwargs or {}
    found = list(_batched_among((args, kwargs)))
    active = active_levels()
    if any(x._level not in active for x in found):
        raise RuntimeError(
            "a value from inside of tg.vmap was kept, and used after its end: give it back as a result instead."
        )
    level = max((x._level for x in found), key=lambda level: level.depth)
    out = args[3] if len(args) > 3 and _accumulates(function) else kwargs.get("out")
    if out is not None:
        name = registry.name_of(function)
        raise NotAtOnce(f"{name}(..., out=x) would change x in place, inside of tg.vmap: write x = {name}(...).")
    if function in registry.refusals:  # it changes an array in place, say: one for all samples
        raise registry.no_rule(function, 0)
    args, kwargs = _read_only(args), _read_only(kwargs)
    with contextlib.suppress(Exception):  # if the call is wrong, a single sample says so, and says it better
        return _rule(function)(level, *args, **kwargs)
    return _one_by_one(level, function, args, kwargs)


def _accumulates(function: Callable) -> bool:
    """Return whether the fourth argument is an `out` that NumPy 2.2 writes into even if it is read-only."""
    return function in _ACCUMULATING or getattr(function, "__name__", "") == "accumulate"


_ACCUMULATING = {np.cumsum, np.cumprod, np.nancumsum, np.nancumprod}


def _read_only(value: Any) -> Any:
    """What is no array of the samples, as a call may not change it: it is one for all of them."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
        return value
    if type(value) is dict:
        return {key: _read_only(part) for key, part in value.items()}
    kind = type(value)
    if hasattr(kind, "__array__") and not hasattr(kind, "__array_function__"):  # a column of a data frame, for one
        return np.asarray(value)
    return kind(map(_read_only, value)) if kind in (list, tuple) else value


def _rule(function: Callable) -> Callable:
    """The rule in the tables; for a ufunc, or a method of one, that of its kind."""
    if function in rules:
        return rules[function]
    if isinstance(function, np.ufunc):
        return rules[np.ufunc](function)
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return rules[getattr(np.ufunc, function.__name__)](function)
    return rules[function]


def _batched_among(value: Any) -> Iterator[Batched]:
    if type(value) is Batched:
        yield value
    elif type(value) is dict:
        yield from _batched_among(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _batched_among(part)


def _one_by_one(level: Level, function: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """A call for each sample: slower, and right for any function that gives the same shape for all."""
    name = registry.name_of(function)
    if level.size == 0:
        raise NotAtOnce(f"tg.vmap has no samples to call {name} for, and no batching rule that needs none.")
    calls = [(_sample(level, args, i), _sample(level, kwargs, i)) for i in range(level.size)]
    return _joined(level, [function(*args, **kwargs) for args, kwargs in calls], name)


def _joined(level: Level, results: list[Any], name: str) -> Any:
    """The results for all samples as one, in tuples and lists too."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        if any(len(result) != len(first) for result in results):
            raise NotAtOnce(f"{name} gives another number of results for each sample of tg.vmap.")
        parts = [_joined(level, list(part), name) for part in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if not hasattr(first, "shape") and not isinstance(first, (bool, int, float, complex)):
        return first  # a text, a dtype, None
    shapes = {np.shape(result) for result in results}
    if len(shapes) > 1:
        raise NotAtOnce(
            f"{name} gives another shape for each sample of tg.vmap, {' and '.join(map(str, list(shapes)[:2]))}: write "
            f"it with np.where, say, so that all have one."
        )
    return Batched(np.stack(results), level)


def _sample(level: Level, value: Any, i: int) -> Any:
    """Sample `i` of what is batched at `level` in `value`, the arguments of a call."""
    if level.has(value):
        return value._value[i]
    if type(value) is dict:
        return {key: _sample(level, part, i) for key, part in value.items()}
    return type(value)(_sample(level, part, i) for part in value) if type(value) in (list, tuple) else value


# ---- the class


class Batched(Dispatching):
    """An array for each sample, all of one shape: what a function that `vmap` maps is given for its argument.

    It has the shape, the dtype and the methods of one sample's array, and NumPy's functions take it as they take that.
    """

    __slots__ = ("_level", "_value")
    _apply = staticmethod(apply)

    def __init__(self, value: Any, level: Level):
        self._value, self._level = value, level

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self._value.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes of one sample."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements of one sample."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self._value.dtype

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("x[index] = value inside of tg.vmap: write np.where(mask, value, x) for a new array.")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of one number for each sample")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise NotAtOnce(
            "inside of tg.vmap a condition is true of some samples and false of others: np.where(condition, a, b) "
            "chooses for each sample; tg.vmap(f, loop=True) runs f for one sample after the other, branches and all."
        )

    def _one_number(self) -> Any:
        raise NotAtOnce(
            "inside of tg.vmap this is a number for each sample, and no Python number: write np.stack([x, y]) for "
            "z[0] = x, or z = tg.primitives.set_at(z, 0, x); leave out float(), int(), .item() and the functions of "
            "math; or use tg.vmap(f, loop=True)."
        )

    __float__ = __int__ = __complex__ = __index__ = item = tolist = _one_number

    # ---- protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise NotAtOnce(
            "inside of tg.vmap this is an array for each sample, and can't become a plain one: np.stack([x, y]) makes "
            "one of several, tg.primitives.getitem(x, i) reads a plain array at an index of each sample's own; or say "
            "tg.vmap(f, loop=True)."
        )

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"inside of tg.vmap an array has no {name!r}: there are NumPy's functions, such as np.sum(x), and tg.grad "
            f"and the like for derivatives."
        )

    def __repr__(self) -> str:
        return f"Batched(shape={self.shape}, dtype={self.dtype}, {self._level.size} samples)"


def core_of(x: Any) -> Any:
    """What is below all levels: an array or a Tensor; `x` itself if it is not batched."""
    while type(x) is Batched:
        x = x._value
    return x


def with_core(x: Any, change: Callable[[Any], Any]) -> Any:
    """`x` with `change` of the array or Tensor below all levels in its place."""
    return Batched(with_core(x._value, change), x._level) if type(x) is Batched else change(x)
