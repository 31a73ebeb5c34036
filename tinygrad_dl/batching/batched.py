"""`Batched`: an array with a hidden batch axis, and the levels of `vmap` that hide axes.

A function of one sample, called with Batched arrays, computes all samples at once: NumPy's protocols (NEP 13 and
NEP 18) dispatch each call to `apply`, which looks up a batching rule. The hidden value is an array, a Tensor, so that
gradients flow through, or a Batched array of an enclosing `vmap`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import registry
from ..core.tensor import Tensor
from ..guards import missing_rules
from ..guards.flags import switched
from ..guards.numpy_warnings import Computing, at_the_users_line
from ..proxies.dispatching import Dispatching

_computing = Computing(globals())

rules: dict[Any, Callable[..., Any]] = {}  # function -> rule(level, *args, **kwargs): the tables of this folder


class CannotBatch(TypeError):
    """Raised for operations that cannot be computed for all samples at once."""


# ---- levels


class Level:
    """A running `vmap`: its number of samples, and its depth, the number of enclosing ones."""

    __slots__ = ("depth", "size")

    depth: int
    size: int

    def __init__(self, depth: int, size: int):
        self.depth, self.size = depth, size

    def is_batched(self, x: Any) -> bool:
        """Return True if `x` is batched at this level."""
        return type(x) is Batched and x._level is self

    def unwrap(self, x: Any) -> Any:
        """Return `x` with the batch axis as its first; an `x` that is not batched is repeated along it."""
        if self.is_batched(x):
            return x._value
        x = x if hasattr(x, "shape") else np.asarray(x)
        return np.broadcast_to(x, (self.size, *x.shape))

    def align(self, x: Any, ndim: int) -> Any:
        """Unwrap `x` with the batch axis before `ndim` others, so that it broadcasts against unbatched arrays."""
        if not self.is_batched(x):
            return x
        missing = ndim - x.ndim
        return np.reshape(x._value, (self.size, *(1,) * missing, *x.shape)) if missing else x._value

    def wrap(self, result: Any) -> Any:
        """Hide the batch axis of a result, also inside tuples and lists."""
        if isinstance(result, (list, tuple)):
            parts = map(self.wrap, result)
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        if type(result) is Batched and result._level.depth >= self.depth:
            raise CannotBatch("the rule left an argument batched")
        return Batched(result, self)


_levels: ContextVar[tuple[Level, ...]] = ContextVar("levels", default=())
active_levels: Callable[[], tuple[Level, ...]] = _levels.get  # from the outermost to the innermost


def at_new_level(size: int, function: Callable[[Level], Any]) -> Any:
    """Call `function(level)` inside a new innermost level of `size` samples."""
    levels = active_levels()
    level = Level(levels[-1].depth + 1 if levels else 0, size)
    return switched(_levels, (*levels, level), function, level)


def at_own_levels(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a black box inside of the levels at which its arguments are batched, and of no other `vmap`."""
    levels = active_levels()
    if not levels:
        return function(*args, **kwargs)
    own = set()
    for x in _find_batched((args, kwargs), []):
        while type(x) is Batched:
            own.add(x._level)
            x = x._value
    return switched(_levels, tuple([level for level in levels if level in own]), function, *args, **kwargs)


def unwrap_batch(x: Any, levels: tuple[Level, ...]) -> Any:
    """Return `x` with the batch axes of `levels` in front; where it is not batched, it is repeated along them."""
    for level in reversed(levels):
        x = _unwrap_level(x, level)
    return x


def wrap_batch(x: Any, levels: tuple[Level, ...]) -> Any:
    """Hide the first axes of `x` as the batch axes of `levels`: the inverse of `unwrap_batch`."""
    if type(x) is Batched and levels:  # an inner level, which computes all rows of a Jacobian at once
        return Batched(wrap_batch(np.moveaxis(x._value, 0, len(levels)), levels), x._level)
    for level in levels:
        x = Batched(x, level)
    return x


def _unwrap_level(x: Any, level: Level) -> Any:
    if type(x) is Batched and x._level.depth > level.depth:  # the axis is hidden below another level
        return Batched(np.moveaxis(_unwrap_level(x._value, level), 0, 1), x._level)
    return level.unwrap(x)


# ---- calls


def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
    """Call `function`, with Batched arrays among its arguments, for all samples of the innermost level.

    Its batching rule computes all samples at once. Without a rule, or if the rule fails, samples are computed one by
    one.
    """
    if not kwargs and type(function) is np.ufunc and (samples := at_once(function, args)) is not None:
        return samples
    kwargs = kwargs or {}
    levels = {x._level for x in _find_batched((args, kwargs) if kwargs else args, [])}
    if not levels.issubset(active_levels()):
        raise RuntimeError(
            "a value from inside of tg.vmap was kept, and used after its end, by another thread, or by a function that "
            "is called for each sample: return it from the function, or pass it as an argument."
        )
    level = max(levels, key=attrgetter("depth"))
    out = args[3] if len(args) > 3 and _accumulates(function) else kwargs.get("out")
    if out is not None:
        name = registry.name_of(function)
        raise CannotBatch(f"{name}(..., out=x) would change x in place, inside of tg.vmap: write x = {name}(...).")
    if function in registry.refusals and type(function) is not np.ufunc:  # in-place changes, of what all samples share
        raise missing_rules.no_rule(function, 0)
    args, kwargs = _read_only(args), _read_only(kwargs) if kwargs else kwargs
    with contextlib.suppress(Exception):  # if the call is wrong, a single sample raises a clearer error
        return _rule(function)(level, *args, **kwargs)
    return _one_by_one(level, function, args, kwargs)


@_computing
def at_once(ufunc: np.ufunc, args: tuple[Any, ...]) -> Batched | None:
    """Call an elementwise `ufunc` for all samples if it needs no new axes; return None for other calls."""
    level, ndim, shared, values = None, 0, 0, []
    for x in args:
        kind = type(x)
        if kind is Batched:
            if level is None:
                level, ndim = x._level, x._value.ndim
            elif x._level is not level or x._value.ndim != ndim:
                return None
            values.append(x._value)
        elif kind is float or kind is int:
            values.append(x)
        elif kind is np.ndarray or kind is Tensor:
            shared = max(shared, x.ndim)
            values.append(x)
        else:
            return None
    if shared >= ndim or level not in active_levels() or ufunc.signature is not None or ufunc.nout > 1:
        return None
    try:
        return Batched(ufunc(*values), level)
    except TypeError as error:
        with contextlib.suppress(Exception):
            return Batched(at_the_users_line(error, ufunc, tuple(values)), level)
    except Exception:  # if the call is wrong, a single sample raises a clearer error
        return None
    return None


def _accumulates(function: Callable) -> bool:
    """Return True if the fourth argument is an `out` that NumPy 2.2 writes into even if it is read-only."""
    return function in _ACCUMULATING or getattr(function, "__name__", "") == "accumulate"


_ACCUMULATING = {np.cumsum, np.cumprod, np.nancumsum, np.nancumprod}


def _read_only(value: Any) -> Any:
    """Make unbatched arrays among the arguments read-only: all samples share them, so a call must not write to them."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
        return value
    kind = type(value)
    if kind is Batched or kind is slice:
        return value
    if kind is dict:
        return {key: _read_only(part) for key, part in value.items()}
    if hasattr(kind, "__array__") and not hasattr(kind, "__array_function__"):  # such as a column of a data frame
        return np.asarray(value)
    return kind(map(_read_only, value)) if kind in (list, tuple) else value


def _rule(function: Callable) -> Callable:
    """Look up the batching rule; ufuncs, and their methods, have a common one for each kind."""
    if function in rules:
        return rules[function]
    if isinstance(function, np.ufunc):
        return rules[np.ufunc](function)
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return rules[getattr(np.ufunc, function.__name__)](function)
    return rules[function]


def _find_batched(value: Any, found: list[Batched]) -> list[Batched]:
    """Append the Batched arrays in `value`, also inside lists, tuples and dicts, to `found`."""
    if type(value) is Batched:
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _find_batched(part, found)
    elif type(value) is dict:
        _find_batched(list(value.values()), found)
    return found


def _one_by_one(level: Level, function: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call `function` for each sample: slower, and right for every function whose results have one shape."""
    name = registry.name_of(function)
    if level.size == 0:
        raise CannotBatch(f"{name} has no batching rule, and tg.vmap has no samples to call it for: pass at least one.")
    calls = [(_sample(level, args, i), _sample(level, kwargs, i)) for i in range(level.size)]
    return _stack_results(level, [at_own_levels(function, *args, **kwargs) for args, kwargs in calls], name)


def _stack_results(level: Level, results: list[Any], name: str) -> Any:
    """Stack the results of all samples, also inside tuples and lists."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        if any(len(result) != len(first) for result in results):
            raise CannotBatch(f"{name} returns different numbers of results for the samples of tg.vmap.")
        parts = [_stack_results(level, list(part), name) for part in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if not hasattr(first, "shape") and not isinstance(first, (bool, int, float, complex)):
        return first  # a str, a dtype, None
    shapes = {np.shape(result) for result in results}
    if len(shapes) > 1:
        raise CannotBatch(
            f"{name} gives another shape for each sample of tg.vmap, {' and '.join(map(str, list(shapes)[:2]))}: write "
            f"it so that all have the same shape, for example with np.where."
        )
    return Batched(np.stack(results), level)


def _sample(level: Level, value: Any, i: int) -> Any:
    """Replace the arrays batched at `level` in the arguments `value` by their sample `i`."""
    if level.is_batched(value):
        return value._value[i]
    if type(value) is dict:
        return {key: _sample(level, part, i) for key, part in value.items()}
    return type(value)(_sample(level, part, i) for part in value) if type(value) in (list, tuple) else value


# ---- the class


class Batched(Dispatching):
    """An array for each sample, all of one shape: the argument that `vmap` passes to the mapped function.

    It has the shape, dtype and methods of one sample's array, and NumPy functions accept it like that array.
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
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self._value.dtype

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("x[index] = value inside of tg.vmap: write np.where(mask, value, x) for a new array.")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d array inside of tg.vmap: expected at least one axis for each sample.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise CannotBatch(
            "inside of tg.vmap a condition may be true for some samples and false for others: write "
            "np.where(condition, a, b) to choose for each sample, or tg.vmap(f, loop=True) to run f sample by sample."
        )

    def _one_number(self) -> Any:
        raise CannotBatch(
            "inside of tg.vmap this is a number for each sample, not one Python number: write np.stack([x, y]) or "
            "z = tg.primitives.set_at(z, 0, x) instead of z[0] = x; replace math functions by NumPy's, and leave out "
            "float(), int() and .item(); or use tg.vmap(f, loop=True)."
        )

    if not TYPE_CHECKING:
        __float__ = __int__ = __complex__ = __index__ = item = tolist = _one_number

    # ---- protocols

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise CannotBatch(
            "inside of tg.vmap this is an array for each sample, and can't become a plain one: write "
            "np.stack([x, y]) to join several, tg.primitives.getitem(x, i) to read a plain array at a per-sample "
            "index; or use tg.vmap(f, loop=True)."
        )

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"inside of tg.vmap an array has no {name!r}: use NumPy functions, such as np.sum(x), and for derivatives "
            f"tg.grad and other transforms."
        )

    def __repr__(self) -> str:
        return f"Batched(shape={self.shape}, dtype={self.dtype}, {self._level.size} samples)"


def core_of(x: Any) -> Any:
    """Return the array or Tensor below all levels; `x` itself if it is not batched."""
    while type(x) is Batched:
        x = x._value
    return x


def with_core(x: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to the array or Tensor below all levels, and keep the levels."""
    return Batched(with_core(x._value, change), x._level) if type(x) is Batched else change(x)


_computing.complete()
