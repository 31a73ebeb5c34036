"""Gradients: `grad` and `value_and_grad` of functions that return a scalar, `elementwise_grad` of others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Sequence
from typing import Any, overload

import numpy as np

from .. import pytree
from .._guesses import answering
from .._signatures import signature
from ..batching import core_of, unwrap_batch
from ..core.registry import name_of
from ..core.tensor import untracked
from ..proxies.dispatching import Symbolic
from .derived import Derived, P, R
from .trace import Aside, Trace, as_array, check_outputs, is_tracked, untrack

Argnum = int | str | Sequence[int | str]  # arguments of a function, by number or by name


@overload
def grad(f: np.ufunc, argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[..., Any]: ...
@overload
def grad(f: Callable[P, Any], argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[P, Any]: ...
@answering
def grad(f: Callable[..., Any], argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the gradient of `f` with respect to its argument `argnum`.

    One call costs three to four times `f` for large arrays, whatever the number of inputs.

    Parameters
    ----------
    f
        A function in NumPy syntax that returns a real scalar. Its arguments are arrays of any shape, Tensors, numbers,
        Modules, or lists, tuples, dicts and dataclasses of them.
    argnum
        The number of a positional argument, or the name of any argument that is given; or a sequence of them.
    has_aux
        With True, `f` returns a pair (value, aux) of the scalar and anything else, which is not differentiated.

    Returns
    -------
    gradient
        A function of the arguments of `f`. Its result has the structure and shapes of the argument; for several argnums
        it is a tuple. It consists of Tensors where the argument does, or where an outer function is being
        differentiated, so that `grad` can be nested to any order; else of arrays and numbers. With `has_aux` it is a
        pair of that and of aux without its graph.

    Raises
    ------
    TypeError
        From the gradient, if an argument is not floats, or if `f` does not return a scalar or loses its gradient.

    Notes
    -----
    The gradient with respect to a Module is a dict of Tensors by parameter name, as in `named_parameters`. `f` gets a
    copy of the Module: attributes that it sets there are lost. Inside `tg.no_grad()` the gradient itself is not
    recorded, which is faster.

    In lists, dicts and the like, a leaf that is not a float (a count, labels, text, a function) is constant, with None
    in its place.

    The gradient with respect to a complex z = x + iy is df/dx - i df/dy, as in JAX: its conjugate points uphill.

    References
    ----------
    D. Maclaurin, D. Duvenaud and R. P. Adams, Autograd: Effortless gradients in NumPy, AutoML workshop, ICML 2015.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> float(tg.grad(lambda x: x**3)(2.0))
    12.0
    >>> float(tg.grad(tg.grad(lambda x: x**3))(2.0))
    12.0
    >>> def power(x, exponent):
    ...     return x**exponent
    >>> float(tg.grad(power, "x")(2.0, exponent=3))
    12.0
    """
    both = _value_and_gradient(f, argnum, has_aux, "grad")

    def gradient(*args, **kwargs):
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return Derived(gradient, with_aux(grad, has_aux), f, argnum)


@overload
def value_and_grad(f: np.ufunc, argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(f: Callable[P, R], argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[P, tuple[R, Any]]: ...
@answering
def value_and_grad(
    f: Callable[..., Any], argnum: Argnum = 0, *, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that computes `f` and its gradient, as a pair.

    Parameters
    ----------
    f
        A function as in `grad`.
    argnum
        As in `grad`.
    has_aux
        As in `grad`.

    Returns
    -------
    value_and_gradient
        A function of the arguments of `f` that returns `(value, gradient)`, for the cost of the gradient alone; with
        `has_aux` it is `((value, aux), gradient)`.

    Raises
    ------
    TypeError
        As `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, gradient = tg.value_and_grad(lambda p: np.sum(p["w"] ** 2))({"w": np.array([1.0, 2.0])})
    >>> float(value), gradient
    (5.0, {'w': array([2., 4.])})

    A value beside the scalar, such as an accuracy, comes back with `has_aux`:

    >>> def loss(w, x):
    ...     errors = w * x - 1
    ...     return np.mean(errors**2), np.abs(errors)
    >>> (value, errors), gradient = tg.value_and_grad(loss, "w", has_aux=True)(2.0, np.array([1.0, 2.0]))
    >>> float(value), errors, float(gradient)
    (5.0, array([1., 3.]), 7.0)
    """
    both = _value_and_gradient(f, argnum, has_aux, "value_and_grad")
    return Derived(both, with_aux(value_and_grad, has_aux), f, argnum)


def with_aux(transform: Callable[..., Any], has_aux: bool) -> Callable[..., Any]:
    """The transform that a pickled derivative is made with again."""
    return functools.partial(transform, has_aux=True) if has_aux else transform


def _value_and_gradient(f: Callable, argnum: Argnum, has_aux: bool, what: str) -> Callable:
    argnums, one = check_argnums(f, argnum, what)

    def both(*args, **kwargs):
        of_primals, primals = select_arguments(f, argnums, args, kwargs, what)
        aside = Aside(of_primals, what) if has_aux else None
        trace = _trace_scalar(aside or of_primals, primals)
        [core] = trace.raw_outputs
        seeds = {core: np.ones_like(core._value)} if is_tracked(core) else {}
        gradient = pytree.unflatten_derivatives(trace.primals, trace.pull_back(seeds))
        untrack(trace.inputs)
        value = (trace.value(), aside.aux(trace)) if aside else trace.value()
        return value, (gradient[0] if one else gradient)

    return both


@answering
def elementwise_grad(f: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Any]:
    """Return a function that computes dfᵢ/dxᵢ for each element of x, for an elementwise function `f`.

    One backward pass suffices: the gradient of the sum of all fᵢ consists of these derivatives, provided that each fᵢ
    depends on xᵢ only. A second, weighted pass verifies that.

    Parameters
    ----------
    f
        A function that returns an array of the shape of x.
    argnum
        The number or the name of the argument x, an array of any shape.

    Returns
    -------
    derivative
        A function of the arguments of `f`; its result has the shape of x. It can be nested to any order.

    Raises
    ------
    ValueError
        From the derivative, if `f` returns another shape than that of x, or mixes elements, as softmax does: use
        `tg.jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> slope = tg.elementwise_grad(np.tanh)
    >>> slope(np.array([0.0, 0.5])) == 1 - np.tanh([0.0, 0.5]) ** 2
    array([ True,  True])
    """

    def derivative(*args, **kwargs):
        of_primals, primals = select_arguments(f, (argnum,), args, kwargs, "elementwise_grad")
        trace = Trace(of_primals, primals)
        if len(trace.outputs) != 1 or len(trace.values) != 1:
            raise ValueError("elementwise_grad: expected a function of one array that returns one, not lists or dicts.")
        [core], [x] = trace.raw_outputs, trace.inputs
        shape, expected = np.shape(trace.outputs[0]), x.shape[len(trace.levels) :]
        if shape != expected:
            raise ValueError(
                f"elementwise_grad: expected f to return the shape of x, {expected}, got {shape}: broadcast x first, "
                f"or use tg.jacobian."
            )
        if not is_tracked(core):
            return trace.pull_back({})[0]
        [found] = trace.pull_back({core: np.ones_like(core._value)})
        weights = np.random.default_rng(0).uniform(
            1, 2, core.shape
        )  # all different, so that swapped elements are noticed
        [weighed] = trace.pull_back({core: weights.astype(core.dtype)})
        untrack(trace.inputs)
        d, w = (as_array(core_of(unwrap_batch(g, trace.levels))) for g in (found, weighed))
        finite = np.isfinite(d)
        slack = np.sqrt(np.finfo(d.dtype).eps) * np.abs(d[finite]).max(initial=0)
        if np.any(np.abs(w[finite] - (weights * d)[finite]) > slack):
            raise ValueError(
                "elementwise_grad: f mixes elements: one of its values depends on several elements of x. Use "
                "tg.jacobian for all derivatives, or tg.grad for those of the sum."
            )
        return found

    return Derived(derivative, elementwise_grad, f, argnum)


def check_argnums(f: Callable[..., Any], argnum: Argnum, what: str) -> tuple[tuple[int | str, ...], bool]:
    """Return `argnum` as a tuple, and True if it was single. Raises TypeError or ValueError for other values."""
    if not callable(f):
        raise TypeError(f"{what}: expected a function, got {f!r:.40}: for Tensors use tg.gradients.")
    kinds = (int, np.integer, str)
    one = isinstance(argnum, kinds)
    if not one and not (isinstance(argnum, Sequence) and all(isinstance(i, kinds) for i in argnum)):
        raise TypeError(
            f"{what}: expected argnum to be the number or name of an argument, or a sequence of them, got "
            f"{argnum!r:.40}."
        )
    argnums: tuple[Any, ...] = (argnum,) if one else tuple(argnum)  # type: ignore[arg-type]
    if not argnums:
        raise ValueError(f"{what}: expected argnum to have at least one argument number, got none.")
    return argnums, one


def select_arguments(
    f: Callable[..., Any], argnums: Sequence[int | str], args: tuple[Any, ...], kwargs: dict[str, Any], what: str
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return `f` as a function of its arguments `argnums`, with the others fixed, and these arguments."""
    places = [_place(f, argnum, len(args), kwargs, what) for argnum in argnums]
    if len(set(places)) < len(places):
        raise ValueError(f"{what}: expected different arguments, got argnum={tuple(argnums)} of {len(args)}.")

    def of_primals(*primals):
        inner, named = list(args), dict(kwargs)
        for place, primal in zip(places, primals, strict=True):
            if isinstance(place, str):
                named[place] = primal
            else:
                inner[place] = primal
        return f(*inner, **named)

    return of_primals, tuple([kwargs[place] if isinstance(place, str) else args[place] for place in places])


def _place(f: Callable[..., Any], argnum: int | str, count: int, keywords: Container[str], what: str) -> int | str:
    """The position or the keyword by which an argument of `f` was given, with `count` positional ones."""
    if not isinstance(argnum, str):
        if not -count <= argnum < count:
            raise TypeError(f"{what}: there is no positional argument {argnum}: the function was given {count}.")
        return argnum % count
    if argnum in keywords:
        return argnum
    try:
        parameters = signature(f).parameters
    except (TypeError, ValueError):
        raise TypeError(f"{what}: {name_of(f)} has no names of arguments: write argnum=0 for the first.") from None
    if argnum not in parameters:
        raise TypeError(f"{what}: {name_of(f)} has no argument {argnum!r}: its arguments are {', '.join(parameters)}.")
    place, kind = list(parameters).index(argnum), parameters[argnum].kind
    if place >= count or kind not in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD):
        raise TypeError(f"{what}: expected a value for the argument {argnum!r}, got none: pass it in the call.")
    return place


def _trace_scalar(f: Callable[..., Any], primals: tuple[Any, ...]) -> Trace:
    return Trace(lambda *primals: _check_scalar(f(*primals)), primals)


def trace_gradient(f: Callable[..., Any], primals: tuple[Any, ...]) -> Trace:
    """Trace `f`, which returns a scalar, and its gradient, of which only derivatives are to be used."""
    trace = _trace_scalar(f, primals)
    trace.go_on_to_gradient()
    return trace


def _check_scalar(output: Any) -> Any:
    """Check that the `output` of a function is a real scalar, inside `vmap` one per sample; return it as a Tensor."""
    if isinstance(output, tuple):
        raise TypeError(
            f"grad: expected a function that returns a scalar, got a tuple of {len(output)}: write has_aux=True for a "
            f"pair (value, aux), or tg.jacobian(f) for the derivatives of each."
        )
    check_outputs([output])
    if output.size != 1:
        raise TypeError(
            f"grad: expected a function that returns a scalar, got shape {output.shape}: reduce it with np.sum, or "
            f"compute all derivatives: tg.jacobian(f) for grad(f), tg.hessian(f) for grad(grad(f))."
        )
    if output.dtype.kind != "f":
        advice = ": apply np.real or np.abs, or use tg.vjp with a cotangent" if output.dtype.kind == "c" else ""
        raise TypeError(f"grad: expected a function that returns a real float, got {output.dtype}{advice}.")
    return untracked(output) if isinstance(output, (np.ndarray, np.generic, Symbolic)) else output
