"""Products of derivatives with vectors: `vjp` (reverse mode), `jvp` (forward mode) and `hvp` (second derivatives)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np

from .. import pytree
from ..batching import Batched, core_of, unwrap_batch, wrap_batch
from ..core.backprop import backward_between, topological_order
from ..core.tensor import Tensor
from .deferred import Tracking
from .derived import R
from .gradients import trace_gradient
from .trace import Aside, Trace, add_seeds, as_array, check_linear_input, is_tracked, untrack


@overload
def vjp(
    f: Callable[..., tuple[R, Any]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[Any], tuple[Any, ...]], Any]: ...
@overload
def vjp(
    f: Callable[..., R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...
def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Compute f(x, ...) and its pullback, the linear map u -> (uᵀ ∂f/∂x, ...) from output to input cotangents.

    Reverse mode: one call of the pullback costs about as much as `f`, whatever the number of inputs.

    Parameters
    ----------
    f
        A function of arrays, Tensors, numbers, or lists, tuples, dicts and dataclasses of them; it returns the same
        kinds of values, of any shape.
    *primals
        The arguments of `f`: floats or complex numbers.
    has_aux
        With True, `f` returns a pair (value, aux), where aux is anything, which is not differentiated.

    Returns
    -------
    value
        f(*primals).
    pullback
        A function that can be called repeatedly. It takes a cotangent in the structure and shapes of `value`, with None
        for zero, and returns a tuple of one cotangent per primal, in their structures and shapes (see `grad`).
    aux
        With `has_aux` only: the second part of what `f` returns, without its graph.

    Raises
    ------
    TypeError
        If a primal is not a float or complex number.
    ValueError
        From the pullback, if the cotangent does not match the value.

    Notes
    -----
    Complex numbers follow JAX's convention, see `tinygrad_dl.core.backprop`.

    References
    ----------
    A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 3.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, pullback = tg.vjp(lambda W, x: W @ x, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0]))
    >>> value
    array([-1., -1.])
    >>> pullback(np.array([1.0, 0.0]))
    (array([[ 1., -1.],
           [ 0., -0.]]), array([1., 2.]))
    """
    aside = Aside(f, "vjp") if has_aux else None
    trace = Trace(aside or f, primals)
    pullback = functools.partial(Tracking(trace.inputs), _pullback, trace)
    result = (trace.value(), pullback, aside.aux(trace)) if aside else (trace.value(), pullback)
    untrack(trace.inputs)
    return result


def jvp(f: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[R, Any]:
    """Compute f(x, ...) and its directional derivative Σ ∂f/∂x t along the tangents t of the arguments x.

    Forward mode, whose cost does not depend on the number of outputs: 3 to 8 times that of `f` for large arrays, at
    most about twice that of `grad`. It needs as much memory as reverse mode.

    Parameters
    ----------
    f
        A function as in `vjp`.
    primals
        The arguments of `f`, a tuple.
    tangents
        The direction, in the structure and shapes of `primals`, with None for zero.

    Returns
    -------
    value
        f(*primals).
    tangent
        The derivative of the value along `tangents`, in the structure and shapes of the value.

    Raises
    ------
    TypeError
        If `primals` or `tangents` is not a tuple, or a primal is not a float or complex number.
    ValueError
        If `tangents` does not match `primals`.

    Notes
    -----
    The rules are those of reverse mode: a pullback is linear in its cotangent, and the transpose of that linear map is
    the directional derivative. So two backward passes replace one forward pass.

    References
    ----------
    J. Townsend, A new trick for calculating Jacobian vector products, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, tangent = tg.jvp(lambda x: x**2, (np.array([1.0, 2.0, 3.0]),), (np.array([1.0, 0.0, -1.0]),))
    >>> tangent
    array([ 2.,  0., -6.])
    """
    _check_tuples("jvp", primals, tangents)
    trace = Trace(f, tuple(primals))
    directions = []
    given = list(pytree.leaves_like(trace.primals, tuple(tangents)))
    for x, variable, t in zip(trace.values, trace.variables, given, strict=True):
        if variable is not None:
            t = check_linear_input(wrap_batch(variable, trace.levels), t, "tangent")
            directions.append(None if t is None else unwrap_batch(t, trace.levels))
        elif t is not None and np.any(t):
            raise ValueError(f"{x!r:.60} is not differentiated: pass None as its tangent.")
    tangents_out = list(map(trace.wrap_result, jvp_through(trace, directions)))
    untrack(trace.inputs)
    return trace.value(), pytree.unflatten_derivatives(trace.result, tangents_out)


def jvp_through(trace: Trace, directions: Sequence[Any]) -> list[Any]:
    """The tangents of the outputs of a `trace` along the `directions` of its inputs, with None for zero."""
    cotangents = {core: Tensor(_generic_cotangent(core._value)) for core in trace.raw_outputs if is_tracked(core)}
    for u in cotangents.values():
        u.requires_grad = True
    pulled = backward_between(dict(cotangents), trace.inputs, trace.order, create_graph=True, unread=True)
    seeds: dict[Tensor, Any] = {}
    for g, t in zip(pulled, directions, strict=True):
        if t is not None and g.requires_grad and _may_be_nonzero(t):
            seeds = add_seeds(seeds, {g: t})
    nested = trace.is_nested or any(is_tracked(core_of(t)) for t in directions)
    columns = backward_between(seeds, list(cotangents.values()), topological_order(*seeds), nested)
    untrack(list(cotangents.values()))
    found = dict(zip(cotangents, columns, strict=True))
    return [found[core] if is_tracked(core) else np.zeros_like(as_array(core)) for core in trace.raw_outputs]


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """Compute the Hessian-vector product H t: the derivative of the gradient of `f` along the tangents t.

    The Hessian itself is never formed: one call costs two to three times the gradient, whatever the number of
    inputs.

    Parameters
    ----------
    f
        A function that returns a scalar, as for `grad`.
    primals
        The arguments of `f`, a tuple; `f` is differentiated with respect to all of them.
    tangents
        The direction, in the structure and shapes of `primals`, with None for zero.

    Returns
    -------
    product
        A tuple in the structure and shapes of `primals`.

    Raises
    ------
    TypeError
        As `grad`, and if `primals` or `tangents` is not a tuple.
    ValueError
        If `tangents` does not match `primals`.

    Notes
    -----
    The Hessian is symmetric, so one backward pass through the gradient suffices (reverse over reverse); forward over
    reverse mode gives the same at twice the cost.

    References
    ----------
    B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.hvp(lambda x: np.sum(x**4), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([12., 48.]),)
    """
    _check_tuples("hvp", primals, tangents)
    trace = trace_gradient(f, tuple(primals))
    product = _pullback(trace, tuple(tangents))
    untrack(trace.inputs)
    return product


def _pullback(trace: Trace, cotangent: Any) -> tuple:
    seeds: dict[Tensor, Any] = {}
    for i, u in enumerate(pytree.leaves_like(trace.result, cotangent)):
        seeds = add_seeds(seeds, trace.seed(i, u))
    return pytree.unflatten_derivatives(trace.primals, trace.pull_back(seeds))


def _check_tuples(what: str, primals: Any, tangents: Any) -> None:
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"{what}: expected {name} as a tuple, (x,) for one argument x; got {given!r:.40}.")


def _generic_cotangent(y: Any) -> Any:
    """A cotangent of `y` without symmetries: a rule that tests whether a cotangent is zero must not see one."""
    return np.reshape(1 + np.sin(np.arange(1, y.size + 1)) / 2, y.shape).astype(y.dtype)


def _may_be_nonzero(tangent: Any) -> bool:
    """Return whether a tangent may be nonzero; zeros are skipped, since 0 times an infinite slope is nan."""
    return type(tangent) is Batched or is_tracked(tangent) or bool(np.any(tangent))
