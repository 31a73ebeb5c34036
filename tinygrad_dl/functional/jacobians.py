"""Matrices of derivatives: `jacobian` and `hessian`. Their rows, or columns, are computed in batches."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pytree
from .._guesses import answering
from ..batching import Batched, at_new_level
from ..core.tensor import Tensor
from .derived import Derived, P
from .gradients import Argnum, check_argnums, select_arguments, trace_gradient, with_aux
from .products import jvp_through
from .trace import Aside, Trace, as_array, is_tracked, untrack

BATCH_SIZE = 2**24  # the most numbers of one node in a batch of rows
FORWARD_RATIO = 6  # forward mode is faster from this many outputs per input on, as measured


@answering
def jacobian(f: Callable[..., Any], argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of `f` with respect to its argument `argnum`.

    Parameters
    ----------
    f
        A function of arrays, numbers, or lists, dicts and the like of them; it returns the same kinds of values.
    argnum
        The number or the name of an argument, or a sequence of them, as in `grad`.
    has_aux
        With True, `f` returns a pair (value, aux), and the result is a pair (jacobian, aux), as in `grad`.

    Returns
    -------
    derivatives
        A function of the arguments of `f`. For a value of shape s and an argument of shape r, its result is an array of
        shape s + r whose element [i, j] is ∂f[i]/∂x[j]. If the value is a list, a dict or the like, the result has its
        structure, with the structure of the argument inside; for several argnums that is a tuple. It can be nested to
        any order.

    Raises
    ------
    TypeError
        As `grad`; `f` need not return a scalar.
    ValueError
        From the derivatives, for a complex `f` that is not holomorphic: its derivative is not one complex number.
        Compute the Jacobians of its real and imaginary parts.

    Notes
    -----
    The faster mode is chosen: reverse mode, one backward pass per element of the value, or forward mode, two passes per
    element of the argument, if the value has more than six times as many elements. All passes run at once, by the
    batching rules of `vmap`, as far as memory allows.

    For a complex argument, a holomorphic `f` gives ∂f/∂z, and a real `f` gives ∂f/∂x - i ∂f/∂y, as `grad` does.

    References
    ----------
    A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 3.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    argnums, one = check_argnums(f, argnum, "jacobian")

    def derivatives(*args, **kwargs):
        of_primals, primals = select_arguments(f, argnums, args, kwargs, "jacobian")
        aside = Aside(of_primals, "jacobian") if has_aux else None
        trace = Trace(aside or of_primals, primals)
        entries = _columns(trace) if _forward_is_faster(trace) else _all_rows(trace)
        found = _matrices(trace, entries, one)
        return (found, aside.aux(trace)) if aside else found

    return Derived(derivatives, with_aux(jacobian, has_aux), f, argnum)


@answering
def hessian(f: Callable[P, Any], argnum: Argnum = 0, *, has_aux: bool = False) -> Callable[P, Any]:
    """Return a function that computes the Hessian of `f`: the Jacobian of its gradient.

    It costs as much as two gradients per element of the argument; for large arguments use `hvp`.

    Parameters
    ----------
    f
        A function that returns a real scalar, as for `grad`.
    argnum
        The number or the name of an argument, or a sequence of them, as in `grad`.
    has_aux
        With True, `f` returns a pair (value, aux), and the result is a pair (hessian, aux), as in `grad`.

    Returns
    -------
    second_derivatives
        A function of the arguments of `f`. For an argument of shape s its result has shape s + s; for a dict of arrays
        it is a dict of dicts, so that `hessian(f)(p)["W"]["b"]` has the shape of W followed by that of b.

    Raises
    ------
    TypeError
        As `grad`.
    ValueError
        As `jacobian`, if the gradient is complex and not holomorphic.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    argnums, one = check_argnums(f, argnum, "hessian")

    def derivatives(*args, **kwargs):
        of_primals, primals = select_arguments(f, argnums, args, kwargs, "hessian")
        aside = Aside(of_primals, "hessian") if has_aux else None
        trace = trace_gradient(aside or of_primals, primals)
        found = _matrices(trace, _all_rows(trace), one)
        found = found[0] if one else found
        return (found, aside.aux(trace)) if aside else found

    return Derived(derivatives, with_aux(hessian, has_aux), f, argnum)


def _matrices(trace: Trace, entries: list[list[Any]], one: bool) -> Any:
    """The Jacobians of the outputs, in their structure; inside it is that of the primals, or of the only one."""
    untrack(trace.inputs)
    rows = [pytree.unflatten_derivatives(trace.primals, row) for row in entries]
    return pytree.unflatten_derivatives(trace.result, [row[0] if one else row for row in rows])


def _forward_is_faster(trace: Trace) -> bool:
    is_complex = any(as_array(core).dtype.kind == "c" for core in (*trace.raw_outputs, *trace.inputs))
    if is_complex or not trace.order:  # constant: rows are zeros
        return False
    inputs, outputs = (sum(math.prod(np.shape(core)) for core in cores) for cores in (trace.inputs, trace.raw_outputs))
    return FORWARD_RATIO * inputs < outputs


def _all_rows(trace: Trace) -> list[list[Any]]:
    return [_rows(trace, i) for i in range(len(trace.outputs))]


def _rows(trace: Trace, i: int) -> list[Any]:
    """The derivatives of output `i` with respect to each value, in reverse mode: one pass per element of the output."""
    core = trace.raw_outputs[i]
    shape, own = (getattr(y, "shape", ()) for y in (trace.outputs[i], core))
    n = math.prod(shape)
    if not is_tracked(core) or n == 0:
        found = [np.zeros((n, *x.shape), x.dtype) for x in trace.inputs]
    else:
        ones = np.eye(n, dtype=core.dtype).reshape(n, *(1,) * (len(own) - len(shape)), *shape)
        seeds = np.broadcast_to(ones, (n, *own)) if trace.levels else ones  # the same for all samples, inside `vmap`
        found = _map_in_batches(lambda u: trace.pull_back_to_inputs({core: u}), seeds, trace)
        if core.dtype.kind == "c":
            imaginary = _map_in_batches(lambda u: trace.pull_back_to_inputs({core: u}), -1j * seeds, trace)
            found = [_complex(x, *pair) for x, *pair in zip(trace.inputs, found, imaginary, strict=True)]
    k = len(trace.levels)
    rows = zip(found, trace.inputs, strict=True)
    supply = iter(_reshape_result(trace, np.moveaxis(d, 0, k) if k else d, shape, x.shape[k:]) for d, x in rows)
    return [None if variable is None else next(supply) for variable in trace.variables]


def _columns(trace: Trace) -> list[list[Any]]:
    """The derivatives of each output with respect to each value, in forward mode: two passes per element."""
    k = len(trace.levels)
    table: list[list[Any]] = [[] for _ in trace.outputs]
    for x in trace.variables:
        if x is None:
            for row in table:
                row.append(None)
            continue
        shape = x.shape[k:]
        n = math.prod(shape)
        ones = np.reshape(np.eye(n, dtype=x.dtype), (n, *(1,) * k, *shape))
        seeds = np.broadcast_to(ones, (n, *x.shape))
        found = _map_in_batches(functools.partial(_jvp_along, trace, x), seeds, trace) if n else _empty_columns(trace)
        for row, d, y in zip(table, found, trace.outputs, strict=True):
            row.append(_reshape_result(trace, np.moveaxis(d, 0, -1), np.shape(y), shape))
    return table


def _empty_columns(trace: Trace) -> list[Any]:
    return [np.zeros((0, *np.shape(core)), as_array(core).dtype) for core in trace.raw_outputs]


def _jvp_along(trace: Trace, x: Tensor, tangent: Any) -> list[Any]:
    return jvp_through(trace, [tangent if variable is x else None for variable in trace.inputs])


def _map_in_batches(linear_map: Callable[[Any], list], vectors: np.ndarray, trace: Trace) -> list[Any]:
    """Apply a linear map to all `vectors`, in batches; stack the results."""
    largest = max(x._value.size for x in trace.order if x._value.shape is not None)
    count = math.ceil(len(vectors) * largest / BATCH_SIZE)
    batches = np.array_split(vectors, count) if count > 1 else [vectors]
    parts = [_map_batch(linear_map, batch) for batch in batches if len(batch)]
    return [np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*parts, strict=True)]


def _map_batch(linear_map: Callable[[Any], list], vectors: np.ndarray) -> list[Any]:
    with contextlib.suppress(Exception):
        return at_new_level(len(vectors), lambda level: [level.unwrap(d) for d in linear_map(Batched(vectors, level))])
    # a rule without batching raises any error; a wrong rule raises it again here
    return [np.stack(part) for part in zip(*map(linear_map, vectors), strict=True)]


def _complex(x: Any, for_real: Any, for_imaginary: Any) -> Any:
    """The derivative of a complex output f, from the cotangents ct for u = 1 and u = -i: Re(u df) = Re(ct dx)."""
    if x.dtype.kind != "c":
        return for_real + 1j * for_imaginary
    u, v = as_array(for_real), as_array(for_imaginary)
    if not np.allclose(v, -1j * u, rtol=1e-4, atol=1e-4 * np.abs(u).max(initial=0), equal_nan=True):
        raise ValueError(
            "jacobian: f, which for tg.hessian is the gradient, is complex and not holomorphic here, so its derivative "
            "is not one complex number: compute the Jacobians of np.real(f) and np.imag(f)."
        )
    return for_real


def _reshape_result(trace: Trace, d: Any, *shapes: tuple[int, ...]) -> Any:
    """Reshape the derivatives `d` to the shapes of an output and an input, and wrap them for the caller."""
    samples = tuple(level.size for level in trace.levels)
    return trace.wrap_result(np.reshape(d, samples + sum(shapes, ())))
