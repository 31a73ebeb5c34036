"""`custom`: a user-defined function, which may be a black box, with a user-defined derivative."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .. import pytree
from .._signatures import signature
from ..batching import at_own_levels, core_of
from ..core import arguments, primitives
from ..core.tensor import Tensor
from ..proxies.dispatching import Dispatching
from .derived import Derived
from .trace import is_tracked
from .user_ops import defvjp_jointly, mark_as_user_op


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
    """Make `forward` a differentiable function with the derivative `vjp`; also a decorator, `@tg.custom(vjp=...)`.

    Parameters
    ----------
    forward
        A function `forward(*primals, **settings)` of arrays: SciPy, numba, C, anything. It gets plain read-only arrays
        and numbers, in lists, dicts and the like as the caller passes them. It returns an array or number of floats, of
        any shape, or several in a tuple or the like, and must not change them afterwards.
    vjp
        A function `vjp(g, ans, *primals, **settings)` from the cotangent `g` of the value `ans` to the cotangents of
        the primals: that of the only one, or a tuple of one each, with None for zero. A cotangent has the shape of its
        primal, or the shape to which broadcasting repeated it.
    numeric
        With True, instead of a `vjp`, the derivative is computed by central differences in float64.

    Returns
    -------
    differentiable
        A function with the arguments of `forward`, for arrays and Tensors. Inside `vmap` it is called per sample.

    Raises
    ------
    TypeError
        If not exactly one of `vjp` and `numeric=True` is given. From the function, for results or cotangents that are
        not floats, and for a second derivative through a black box.
    ValueError
        From the function, for cotangents that do not match the primals, and with `numeric=True` where two step sizes
        disagree, as at a jump.

    Notes
    -----
    A `vjp` written in functions of NumPy that have rules gives derivatives of any order, and forward mode. A black box
    gives first derivatives in reverse mode. Complex numbers follow JAX's convention, see `tinygrad_dl.core.backprop`.

    Numeric derivatives are first derivatives only. They take six calls of `forward` per element of the primals, or
    twelve for complex ones. Steps are relative to each element, or to the largest one if it is 0; the relative error is
    about 1e-9 if `forward` is smooth on that scale.

    `custom` combines `tg.primitive` and `tg.defvjp_jointly`, with structured arguments and checked results.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.custom(vjp=lambda g, ans, x: g * np.exp(x))
    ... def exponential(x):
    ...     return np.exp(np.asarray(x))  # a black box, for example
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
            f"custom: expected either a vjp for {_name(forward)}, such as vjp=lambda g, ans, x: g * 2 * x, or "
            f"numeric=True."
        )
    pull_back = _numeric(forward) if numeric else vjp
    name = f"the vjp of {_name(forward)}"

    @primitives.array_function
    @functools.wraps(forward, updated=())
    def operation(*values: Any, call: _Arguments) -> Any:
        result = at_own_levels(forward, *call.filled(map(_read_only, values)), **call.settings)
        return call.flat(result, forward)

    def rule(g, ans, *values, call):
        return tuple(call.cotangents(pull_back, g, ans, values, forward))

    if numeric:  # else `inspect` takes that of `forward`, which has no g and ans
        rule.__signature__ = signature(rule)  # type: ignore[attr-defined]
    rule.__wrapped__ = forward if numeric else vjp  # type: ignore[attr-defined]  # the source line in pictures and errors
    mark_as_user_op(operation)
    defvjp_jointly(operation, rule)

    def differentiable(*primals, **settings):
        call = _Arguments(primals, settings)
        call.check(pull_back, name)
        result = operation(*map(arguments.to_numpy, pytree.leaves(primals)), call=call)
        return pytree.unflatten(call.structure, result if isinstance(result, tuple) else [result])

    return Derived(differentiable, functools.partial(custom, numeric=numeric), forward, vjp)


class _Arguments(primitives.Hidden):
    """The structure and settings of the arguments of one call of a custom function, and the structure of its result."""

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
        except ValueError:  # written in C, without a signature
            pass

    def filled(self, values: Any) -> tuple:
        """The primals, rebuilt from their values."""
        return pytree.unflatten(self.primals, values)

    def flat(self, result: Any, forward: Callable) -> Any:
        """Check the result of `forward`; return its array, or a tuple of several."""
        outputs = [_check_output(y, forward) for y in pytree.leaves(result)]
        if not outputs:
            raise TypeError(f"{_name(forward)} gave {result!r:.40}: expected an array of floats. Is a return missing?")
        if all(y.dtype.kind in "iub" for y in outputs):
            raise TypeError(
                f"{_name(forward)} gave {outputs[0].dtype}: expected floats. For integers use tg.defnondiff."
            )
        self.structure = pytree.map_leaves(lambda _: 0, result)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def cotangents(self, vjp: Callable, g: Any, ans: Any, values: tuple, forward: Callable) -> list[Any]:
        """Call `vjp`; return the cotangent of each of the values, None for a constant."""
        several = isinstance(ans, tuple)
        g, ans = (pytree.unflatten(self.structure, x if several else [x]) for x in (g, ans))
        tracked = [x for x in (*pytree.leaves(g), *values) if is_tracked(core_of(x))]
        if not tracked:
            primals = self.filled(map(_read_only, values))
            return self._match(vjp(g, ans, *primals, **self.settings), forward)
        try:  # for a second derivative: the vjp gets Tensors, which a black box cannot convert to arrays
            given = vjp(g, ans, *self.filled(values), **self.settings)
        except TypeError as error:
            raise TypeError(
                f"the vjp of {_name(forward)} has no derivative of its own, for a second derivative or forward mode: "
                f"write it in functions of NumPy that have rules, or make the black box in it a tg.custom function "
                f"too. The error was: {error}"
            ) from error
        return self._match(given, forward)

    def _match(self, given: Any, forward: Callable) -> list[Any]:
        """Match the answer of a vjp to the primals; return one cotangent per value. Raises ValueError for a misfit."""
        count = len(self.primals)
        if count == 1 and (not isinstance(given, tuple) or isinstance(self.primals[0], tuple)):
            given = (given,)
        if not isinstance(given, (tuple, list)) or len(given) != count:
            what = f"{len(given)} cotangents" if isinstance(given, (tuple, list)) else type(given).__name__
            raise ValueError(
                f"the vjp of {_name(forward)} gave {what}: expected a tuple of {count}, one for each argument, "
                f"with None for a zero cotangent."
            )
        found: list[Any] = []
        for i, (primal, cotangent) in enumerate(zip(self.primals, given, strict=True)):
            try:
                parts = list(pytree.leaves_like(primal, cotangent))
            except ValueError as error:
                raise ValueError(f"the vjp of {_name(forward)}, cotangent of argument {i}: {error}") from None
            found += [_check_cotangent(part, i, forward) for part in parts]
        return found


def _read_only(value: Any) -> Any:
    """A read-only view of an array, since the graph keeps it; a number for an array of no axes."""
    if not isinstance(value, np.ndarray):
        return value
    if value.ndim == 0:
        return value[()]
    view = value.view()
    view.flags.writeable = False
    return view


def _check_output(y: Any, forward: Callable) -> np.ndarray:
    array = np.array(y) if isinstance(y, (np.ndarray, np.generic, float, int, complex)) else None
    if array is None or array.dtype.kind not in "fciub":
        kind = "a Tensor" if type(y) is Tensor else "an array" if isinstance(y, Dispatching) else ""  # in a trace
        hint = f": it uses {kind} that is no positional argument; pass that as one" if kind else ""
        raise TypeError(f"{_name(forward)} gave {type(y).__name__} {y!r:.40}: expected an array of floats{hint}.")
    return array[()]


def _check_cotangent(part: Any, i: int, forward: Callable) -> Any:
    if part is None or isinstance(part, (Tensor, Dispatching)):
        return part
    array = np.asarray(part)
    if array.dtype.kind not in "fciub":
        raise TypeError(f"the vjp of {_name(forward)} gave {part!r:.40} for argument {i}: expected an array of floats.")
    return array


def _name(function: Callable) -> str:
    return getattr(function, "__name__", None) or repr(function)


# ---- numeric derivatives

# The relative step at which the error of extrapolated differences equals that of rounding.
STEP = float(np.finfo(np.float64).eps) ** (1 / 5)
AGREED = 1e-3  # two steps agree up to this relative difference of their derivatives


def _numeric(forward: Callable) -> Callable:
    """The vjp of `forward` by central differences."""

    def vjp(g, ans, *primals, **settings):
        values = list(pytree.leaves(primals))
        if any(is_tracked(core_of(x)) for x in (*values, *pytree.leaves(g))):
            raise TypeError("numeric=True gives first derivatives only.")
        weights = list(pytree.leaves(g))

        def at(i: int, step: np.ndarray) -> float:
            """Re(g f) with value i moved by a step."""
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
            ct[index] += sign * _slope(at, step, size, f"{name} with respect to element {list(index)}")
    return ct


def _slope(at: Callable[[np.ndarray], float], step: np.ndarray, size: float, what: str) -> float:
    """The derivative along a step, extrapolated from pairs of three step sizes. Raises ValueError if they disagree."""
    ends = [(at(part * step), at(-part * step)) for part in (1, 0.5, 0.25)]
    wide, middle, narrow = ((a - b) / (2 * part * size) for part, (a, b) in zip((1, 0.5, 0.25), ends, strict=True))
    first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
    rounding = 1e-12 * np.max(np.abs(ends)) / size
    if not abs(first - second) <= max(AGREED * max(abs(first), abs(second)), rounding):
        raise ValueError(
            f"the numeric derivative of {what} is {first:.6g} with steps of {size:.0e}, and {second:.6g} with half "
            f"of that: the function is not smooth there, or not computed in float64. Give tg.custom a vjp."
        )
    return second
