"""`grad` and `value_and_grad`, of functions that give a scalar; `elementwise_grad`, of one for each element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from .. import pytree
from ..batching import core_of, unwrap_batch
from ..core.tensor import untracked
from .calls import Call, check_outputs, forget, is_tracked, plain
from .derived import Derived, P, R


@overload
def grad(f: np.ufunc, argnum: int | Sequence[int] = 0) -> Callable[..., Any]: ...
@overload
def grad(f: Callable[P, Any], argnum: int | Sequence[int] = 0) -> Callable[P, Any]: ...
def grad(f: Callable[..., Any], argnum: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that computes the gradient of `f` by its argument number `argnum`, at the arguments it is given.

    `f` maps arrays, Tensors, numbers, or lists, tuples, dicts and dataclasses of them to a scalar, in NumPy syntax. The
    gradient has the structure of the argument; by several arguments (`argnum=(0, 1)`) it is a tuple. It is made of
    arrays where the argument was, and of Tensors where the argument was one, or where something outside of `f` is
    differentiated too: so `grad` may be nested to any order.

    By a Module it is a dict by the names of its parameters, as `named_parameters` gives them; `f` gets a copy of the
    Module, and what it stores there is gone afterwards. Parameters are Tensors, so the gradients are, which can be
    differentiated again; in `tg.no_grad()` that is left out, which is faster. In lists, dicts and the like, whatever is
    not floats is a constant, with None in its place: integers such as a count or labels, text, functions.

    Of a complex argument z = x + iy it is df/dx - i df/dy, as in JAX: its conjugate points uphill. It costs three to
    four times what `f` does, once arrays are large, whatever the number of inputs.

    Raises TypeError for an argument that is not floats, and for an `f` that gives no scalar or loses its gradient.

    >>> import tinygrad_dl as tg
    >>> float(tg.grad(lambda x: x**3)(2.0))
    12.0
    >>> float(tg.grad(tg.grad(lambda x: x**3))(2.0))
    12.0
    """
    both = _both(f, argnum)

    def gradient(*args, **kwargs):
        return both(*args, **kwargs)[1]

    return Derived(gradient, grad, f, argnum)


@overload
def value_and_grad(f: np.ufunc, argnum: int | Sequence[int] = 0) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(f: Callable[P, R], argnum: int | Sequence[int] = 0) -> Callable[P, tuple[R, Any]]: ...
def value_and_grad(f: Callable[..., Any], argnum: int | Sequence[int] = 0) -> Callable[..., tuple[Any, Any]]:
    """The function that computes both `f` and its gradient, as a pair: see `grad`.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, gradient = tg.value_and_grad(lambda p: np.sum(p["w"] ** 2))({"w": np.array([1.0, 2.0])})
    >>> float(value), gradient
    (5.0, {'w': array([2., 4.])})
    """
    return Derived(_both(f, argnum), value_and_grad, f, argnum)


def _both(f: Callable, argnum: int | Sequence[int]) -> Callable:
    argnums, one = argument_numbers(f, argnum, "grad")

    def both(*args, **kwargs):
        of_primals, primals = by_arguments(f, argnums, args, kwargs, "grad")
        call = Call(lambda *primals: _scalar(of_primals(*primals)), primals)
        [core] = call.cores
        seeds = {core: np.ones_like(core._value)} if is_tracked(core) else {}
        gradient = pytree.unflatten_derivatives(call.primals, call.pull_back(seeds))
        forget(call.by)
        return call.value(), (gradient[0] if one else gradient)

    return both


def elementwise_grad(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The function that computes dfᵢ/dxᵢ for each element, of an `f` each element of which depends on one of x alone.

    The result has the shape of x, argument number `argnum`. It takes one pass back: the sum of all fᵢ has these
    derivatives as its gradient, as long as nothing mixes elements; a second pass back, with weights, is made to see
    that. Nests to any order.

    Raises ValueError for an `f` that gives another shape than x has, or that mixes elements, as softmax does:
    `tg.jacobian` gives all its derivatives.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> slope = tg.elementwise_grad(np.tanh)
    >>> slope(np.array([0.0, 0.5])) == 1 - np.tanh([0.0, 0.5]) ** 2
    array([ True,  True])
    """

    def derivative(*args, **kwargs):
        of_primals, primals = by_arguments(f, (argnum,), args, kwargs, "elementwise_grad")
        call = Call(of_primals, primals)
        if len(call.outputs) != 1 or len(call.values) != 1:
            raise ValueError("elementwise_grad: expected a function of one array that gives one, no lists or dicts.")
        [core], [x] = call.cores, call.by
        shape, expected = np.shape(call.outputs[0]), x.shape[len(call.levels) :]
        if shape != expected:
            raise ValueError(
                f"elementwise_grad: expected f to give the shape of x, {expected}, got {shape}: broadcast x first, or "
                f"take tg.jacobian."
            )
        if not is_tracked(core):
            return call.pull_back({})[0]
        [found] = call.pull_back({core: np.ones_like(core._value)})
        weights = np.random.default_rng(0).uniform(1, 2, core.shape)  # no two alike, so that none can be exchanged
        [weighed] = call.pull_back({core: weights.astype(core.dtype)})
        forget(call.by)
        d, w = (plain(core_of(unwrap_batch(g, call.levels))) for g in (found, weighed))
        finite = np.isfinite(d)
        slack = np.sqrt(np.finfo(d.dtype).eps) * np.abs(d[finite]).max(initial=0)
        if np.any(np.abs(w[finite] - (weights * d)[finite]) > slack):
            raise ValueError(
                "elementwise_grad: f mixes elements, so that one of its values depends on several elements of x: "
                "tg.jacobian gives all derivatives, tg.grad those of the sum."
            )
        return found

    return Derived(derivative, elementwise_grad, f, argnum)


def argument_numbers(f: Callable[..., Any], argnum: int | Sequence[int], what: str) -> tuple[tuple[int, ...], bool]:
    """`argnum`, of arguments of `f`, as a tuple, and whether it was one number."""
    if not callable(f):
        raise TypeError(f"{what}: expected a function, got {f!r:.40}; tg.gradients is for Tensors.")
    one = isinstance(argnum, (int, np.integer))
    if not one and not (isinstance(argnum, Sequence) and all(isinstance(i, (int, np.integer)) for i in argnum)):
        raise TypeError(f"{what}: expected argnum as the number of an argument, or several, got {argnum!r:.40}.")
    argnums: tuple[Any, ...] = (argnum,) if one else tuple(argnum)  # type: ignore[arg-type]
    if not argnums:
        raise ValueError(f"{what}: expected the number of an argument as argnum, or several, got none.")
    return argnums, one


def by_arguments(
    f: Callable[..., Any], argnums: Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any], what: str
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """`f` as a function of the arguments that `argnums` numbers, and those; the others stay as they are."""
    for i in argnums:
        if not -len(args) <= i < len(args):
            raise TypeError(f"{what}: there is no positional argument {i}: the function was given {len(args)}.")
    if len({i % len(args) for i in argnums}) < len(argnums):
        raise ValueError(f"{what}: expected different arguments, got argnum={tuple(argnums)} of {len(args)}.")

    def of_primals(*primals):
        inner = list(args)
        for i, primal in zip(argnums, primals, strict=True):
            inner[i] = primal
        return f(*inner, **kwargs)

    return of_primals, tuple(args[i] for i in argnums)


def _scalar(output: Any) -> Any:
    """The `output` of a function to be differentiated by `grad`, as a Tensor; inside of `vmap`, one for all samples."""
    check_outputs([output])
    if output.size != 1:
        raise TypeError(
            f"grad: expected a function that gives a scalar, got one of shape {output.shape}: reduce it with np.sum, "
            f"or take all derivatives: tg.jacobian(f) for grad(f), tg.hessian(f) for grad(grad(f))."
        )
    if output.dtype.kind != "f":
        advice = ": take np.real or np.abs of it, or tg.vjp with a cotangent" if output.dtype.kind == "c" else ""
        raise TypeError(f"grad: expected a function that gives a real float, got {output.dtype}{advice}.")
    return untracked(output) if isinstance(output, (np.ndarray, np.generic)) else output
