"""`custom`: your own function with your own derivative, a black box included."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .. import pytree
from ..batching import Batched, core_of
from ..core import arguments, primitives
from ..core.signatures import signature
from ..core.tensor import Tensor
from .calls import is_tracked, plain
from .derived import Derived
from .extending import defvjp_jointly, own


@overload
def custom(
    forward: None = None, vjp: Callable[..., Any] | None = None, *, numeric: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
@overload
def custom(
    forward: Callable[..., Any], vjp: Callable[..., Any] | None = None, *, numeric: bool = False
) -> Callable[..., Any]: ...
def custom(
    forward: Callable[..., Any] | None = None, vjp: Callable[..., Any] | None = None, *, numeric: bool = False
) -> Callable[..., Any]:
    """`forward` as a function of Tensors, with the derivative `vjp`; also as a decorator, `@tg.custom(vjp=...)`.

    `forward(*primals, **settings)` may be anything that takes and gives arrays: SciPy, numba, C. It is given plain
    arrays, read-only, and numbers, in lists, dicts and the like as you pass them, and gives an array or number of
    floats, or several, in a tuple for instance. It must not keep what it gives, and change it later.

    `vjp(g, ans, *primals, **settings)` gives the cotangents of all primals for the cotangent `g` of the value `ans`:
    that of the only one, or a tuple of as many as there are; each in the shape of its primal, or as broadcasting made
    it, and None where there is none. Complex numbers are explained in `autodiff`. Written in functions of NumPy that
    have rules, it gives derivatives of any order, and forward mode; a black box gives first derivatives in reverse
    mode, and an error says so beyond.

    `numeric=True` instead of a `vjp` takes central differences: six calls of `forward` for each element of the primals
    (twelve of a complex one), in float64, for first derivatives only. Steps follow the size of each element, or of the
    largest if it is 0, and the error is some 1e-9 of the derivative where `forward` is smooth on that scale. Where
    smaller steps tell another story, as at a jump, it is a ValueError.

    This is `tg.primitive` and `tg.defvjp_jointly` in one, with structured arguments and checked results. Inside of
    `vmap` it is called for each sample.

    Raises TypeError or ValueError, naming `forward`, for results that are no floats, and cotangents that don't fit.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.custom(vjp=lambda g, ans, x: g * np.exp(x))
    ... def exponential(x):
    ...     return np.exp(np.asarray(x))  # a black box, say
    >>> float(tg.grad(tg.grad(exponential))(0.0))
    1.0
    >>> box = tg.custom(lambda x: np.cumsum(x) ** 2, numeric=True)
    >>> tg.grad(lambda x: np.sum(box(x)))(np.array([1.0, 2.0])).round(6)
    array([8., 6.])
    """
    if forward is None:
        return functools.partial(custom, vjp=vjp, numeric=numeric)
    if not callable(forward):
        raise TypeError(f"custom: expected a function, got {forward!r:.60}.")
    if numeric == (vjp is not None):
        raise TypeError(
            f"custom: expected one of a vjp for {_name(forward)}, such as vjp=lambda g, ans, x: g * 2 * x, and "
            f"numeric=True."
        )
    pull_back = _numeric(forward) if numeric else vjp
    name = f"the vjp of {_name(forward)}"

    @primitives.primitive
    @functools.wraps(forward, updated=())
    def operation(*values: Any, call: _Arguments) -> Any:
        return call.flat(forward(*call.filled(map(_read_only, values)), **call.settings), forward)

    def rule(g, ans, *values, call):
        return tuple(call.cotangents(pull_back, g, ans, values, forward))

    if numeric:  # the parameters of `forward` are no rule's, and a ufunc may not tell its own
        rule.__signature__ = signature(rule)  # type: ignore[attr-defined]
    rule.__wrapped__ = forward if numeric else vjp  # type: ignore[attr-defined]  # where it is written
    own(operation)
    defvjp_jointly(operation, rule)

    def differentiable(*primals, **settings):
        call = _Arguments(primals, settings)
        call.check(pull_back, name)
        result = operation(*map(arguments.opened, pytree.leaves(primals)), call=call)
        return pytree.unflatten(call.structure, result if isinstance(result, tuple) else [result])

    return Derived(differentiable, functools.partial(custom, numeric=numeric), forward, vjp)


class _Arguments(primitives.Hidden):
    """What one call of a custom function is given, apart from the values; and the structure of what it gives."""

    def __init__(self, primals: tuple, settings: dict[str, Any]):
        self.primals = pytree.map_leaves(lambda _: 0, primals)
        self.settings = arguments.setting(settings)
        self.structure: Any = None

    def check(self, vjp: Any, name: str) -> None:
        """Raise a TypeError unless `vjp` takes these arguments, besides g and ans."""
        try:
            signature(vjp).bind(None, None, *self.primals, **self.settings)
        except TypeError as error:
            raise TypeError(f"{name}: {error}; expected {name.split()[1]}(g, ans, *primals, **settings).") from None
        except ValueError:  # written in C: it does not tell
            pass

    def filled(self, values: Any) -> tuple:
        """The primals with these values."""
        return pytree.unflatten(self.primals, values)

    def flat(self, result: Any, forward: Callable) -> Any:
        """The arrays that `forward` gave, in a tuple if it is not one alone."""
        outputs = [_checked_output(y, forward) for y in pytree.leaves(result)]
        if not outputs:
            raise TypeError(f"{_name(forward)} gave {result!r:.40}: expected an array of floats. Is a return missing?")
        if all(y.dtype.kind in "iub" for y in outputs):
            raise TypeError(
                f"{_name(forward)} gave {outputs[0].dtype}: expected floats. tg.defnondiff is for integers."
            )
        self.structure = pytree.map_leaves(lambda _: 0, result)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def cotangents(self, vjp: Callable, g: Any, ans: Any, values: tuple, forward: Callable) -> list[Any]:
        """What `vjp` gives for each of the values, None for a constant."""
        several = isinstance(ans, tuple)
        if several:  # a cotangent of None, of what was not used, is zero
            g = [np.zeros_like(plain(y)) if u is None else u for u, y in zip(g, ans, strict=True)]
        g, ans = (pytree.unflatten(self.structure, x if several else [x]) for x in (g, ans))
        tracked = [x for x in (*pytree.leaves(g), *values) if is_tracked(core_of(x))]
        if not tracked:
            primals = self.filled(map(_read_only, values))
            return self._matched(vjp(g, ans, *primals, **self.settings), forward)
        try:  # it is differentiated again: a Tensor can't become a plain array here, or a number
            given = vjp(g, ans, *self.filled(values), **self.settings)
        except TypeError as error:
            raise TypeError(
                f"the vjp of {_name(forward)} has no derivative of its own, for a second derivative or forward mode: "
                f"write it in functions of NumPy that have rules, or make the black box in it a tg.custom function "
                f"too. It said: {error}"
            ) from error
        return self._matched(given, forward)

    def _matched(self, given: Any, forward: Callable) -> list[Any]:
        """The cotangents that a vjp gave, one for each value."""
        count = len(self.primals)
        if count == 1 and (not isinstance(given, tuple) or isinstance(self.primals[0], tuple)):
            given = (given,)
        if not isinstance(given, (tuple, list)) or len(given) != count:
            what = f"{len(given)} cotangents" if isinstance(given, (tuple, list)) else type(given).__name__
            raise ValueError(
                f"the vjp of {_name(forward)} gave {what}: expected a tuple of {count}, one for each argument, None "
                f"where there is none."
            )
        found: list[Any] = []
        for i, (primal, cotangent) in enumerate(zip(self.primals, given, strict=True)):
            try:
                parts = [None] * len(list(pytree.leaves(primal))) if cotangent is None else _leaves(primal, cotangent)
            except ValueError as error:
                raise ValueError(f"the vjp of {_name(forward)}, cotangent of argument {i}: {error}") from None
            found += [_checked_cotangent(part, i, forward) for part in parts]
        return found


def _leaves(primal: Any, cotangent: Any) -> list[Any]:
    return list(pytree.leaves_like(primal, cotangent))


def _read_only(value: Any) -> Any:
    """A value as a black box gets it: nobody may change what the graph keeps."""
    if not isinstance(value, np.ndarray):
        return value
    if value.ndim == 0:
        return value[()]
    view = value.view()
    view.flags.writeable = False
    return view


def _checked_output(y: Any, forward: Callable) -> np.ndarray:
    array = np.array(y) if isinstance(y, (np.ndarray, np.generic, float, int, complex)) else None
    if array is None or array.dtype.kind not in "fciub":
        hint = ": it took a Tensor from outside; pass it as an argument" if type(y) is Tensor else ""
        raise TypeError(f"{_name(forward)} gave {type(y).__name__} {y!r:.40}: expected an array of floats{hint}.")
    return array[()]


def _checked_cotangent(part: Any, i: int, forward: Callable) -> Any:
    if part is None or isinstance(part, (Tensor, Batched)):
        return part
    array = np.asarray(part)
    if array.dtype.kind not in "fciub":
        raise TypeError(f"the vjp of {_name(forward)} gave {part!r:.40} for argument {i}: expected an array of floats.")
    return array


def _name(function: Callable) -> str:
    return getattr(function, "__name__", None) or repr(function)


# ---- numeric derivatives

STEP = float(np.finfo(np.float64).eps) ** (
    1 / 5
)  # where the errors of the curve, extrapolated, and of rounding are alike
AGREED = 1e-3  # two steps agree if they differ by less, of the derivative


def _numeric(forward: Callable) -> Callable:
    """The vjp of `forward` by central differences."""

    def vjp(g, ans, *primals, **settings):
        values = list(pytree.leaves(primals))
        if any(is_tracked(core_of(x)) for x in (*values, *pytree.leaves(g))):
            raise TypeError("numeric=True gives first derivatives only.")
        weights = list(pytree.leaves(g))

        def at(i: int, step: np.ndarray) -> float:
            """Re(g f) where value number i has moved by a step."""
            moved = [_read_only(np.asarray(x + step)) if j == i else x for j, x in enumerate(values)]
            outputs = pytree.leaves(forward(*pytree.unflatten(primals, moved), **settings))
            return sum(float(np.sum(np.real(u * y))) for u, y in zip(weights, outputs, strict=True))

        name = _name(forward)
        return pytree.unflatten(
            primals, [_differences(functools.partial(at, i), x, name) for i, x in enumerate(values)]
        )

    return vjp


def _differences(at: Callable[[np.ndarray], float], x: Any, name: str) -> Any:
    """The cotangent of `x`: Re(ct) from a step along the real axis, -Im(ct) from one along the imaginary axis."""
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        return None
    wide = np.result_type(x.dtype, np.float64)
    ct = np.zeros(x.shape, wide)
    for index in np.ndindex(x.shape):
        size = STEP * (float(abs(x[index])) or float(np.max(np.abs(x))) or 1.0)
        for axis, sign in ((1, 1), (1j, -1j)) if x.dtype.kind == "c" else ((1, 1),):
            step = np.zeros(x.shape, wide)
            step[index] = size * axis
            ct[index] += sign * _slope(at, step, size, f"{name}, by element {list(index)}")
    return ct


def _slope(at: Callable[[np.ndarray], float], step: np.ndarray, size: float, what: str) -> float:
    """The derivative along a step: each two of three steps, extrapolated. Raises ValueError if these do not agree."""
    ends = [(at(part * step), at(-part * step)) for part in (1, 0.5, 0.25)]
    wide, middle, narrow = ((a - b) / (2 * part * size) for part, (a, b) in zip((1, 0.5, 0.25), ends, strict=True))
    first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
    rounding = 1e-12 * np.max(np.abs(ends)) / size
    if not abs(first - second) <= max(AGREED * max(abs(first), abs(second)), rounding):
        raise ValueError(
            f"the numeric derivative of {what}, is {first:.6g} by steps of {size:.0e}, and {second:.6g} by half: "
            f"it is not smooth there, or not computed in float64. Give tg.custom a vjp."
        )
    return second
