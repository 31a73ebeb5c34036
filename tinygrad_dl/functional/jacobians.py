"""Whole matrices of derivatives: `jacobian`, `hessian`. Their rows, or columns, are computed many at once."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import pytree
from ..batching import Batched, at_new_level
from ..core.tensor import Tensor
from .calls import Call, forget, is_tracked, plain
from .derived import Derived, P
from .gradients import argument_numbers, by_arguments, grad
from .products import pushed

AT_ONCE = 2**24  # numbers that the rows of a value computed together may hold, before the rest has its turn
FORWARD = 6  # times as many outputs as inputs there must be for forward mode to be faster, as measured


def jacobian(f: Callable[..., Any], argnum: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that computes all derivatives of the value of `f` by its argument number `argnum`.

    For a value of shape s and an argument of shape r they are an array of shape s + r: element [i, j] is ∂f[i]/∂x[j].
    Where the value is a list, a dict or the like, so is the result, and inside of it is the structure of the argument;
    by several arguments (`argnum=(0, 1)`) that is a tuple. Nests to any order.

    Of the two modes it takes the faster: reverse mode, a pass back for each element of the value, or where the
    arguments are much smaller, forward mode, two passes for each element of theirs. All are computed at once, by the
    batching rules of `vmap`, as far as memory allows.

    By a complex argument, a holomorphic `f` gives ∂f/∂z, and a real `f` gives ∂f/∂x - i ∂f/∂y, as `grad` does.

    Raises what `grad` does, and ValueError for a complex `f` that is not holomorphic there, as two numbers are needed
    for its derivative: take the Jacobians of its real and imaginary parts.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    argnums, one = argument_numbers(f, argnum, "jacobian")

    def derivatives(*args, **kwargs):
        of_primals, primals = by_arguments(f, argnums, args, kwargs, "jacobian")
        call = Call(of_primals, primals)
        entries = _by_columns(call) if _forward_is_faster(call) else [_row(call, i) for i in range(len(call.outputs))]
        forget(call.by)
        rows = [pytree.unflatten_derivatives(call.primals, row) for row in entries]
        return pytree.unflatten_derivatives(call.result, [row[0] if one else row for row in rows])

    return Derived(derivatives, jacobian, f, argnum)


def hessian(f: Callable[P, Any], argnum: int | Sequence[int] = 0) -> Callable[P, Any]:
    """The function that computes all second derivatives of `f`, which gives a scalar: the Jacobian of its gradient.

    For an argument of shape s they are an array of shape s + s; a dict of arguments gives a dict of dicts, and so on,
    as `jacobian` does: `hessian(f)(p)["W"]["b"]` has the shape of W and then that of b. It costs about as much as the
    gradient, and then as two gradients for each element of the argument: `hvp` is for large ones.

    Raises what `grad` does.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return Derived(jacobian(grad(f, argnum), argnum), hessian, f, argnum)


def _forward_is_faster(call: Call) -> bool:
    if any(plain(core).dtype.kind == "c" for core in (*call.cores, *call.by)):
        return False
    inputs, outputs = (sum(math.prod(np.shape(core)) for core in cores) for cores in (call.by, call.cores))
    return FORWARD * inputs < outputs


def _row(call: Call, i: int) -> list[Any]:
    """The derivatives of output number `i` by each value of a `call`, in reverse mode: a pass for each element."""
    core = call.cores[i]
    shape = np.shape(call.outputs[i])
    n, own = math.prod(shape), np.shape(core)
    if not is_tracked(core) or n == 0:
        found = [np.zeros((n, *x.shape), x.dtype) for x in call.by]
    else:
        ones = np.reshape(np.eye(n, dtype=core.dtype), (n, *(1,) * (len(own) - len(shape)), *shape))
        seeds = np.broadcast_to(ones, (n, *own))  # the same for all samples, inside of `vmap`
        found = _all_at_once(lambda u: call.pulled({core: u}), seeds, call)
        if core.dtype.kind == "c":
            imaginary = _all_at_once(lambda u: call.pulled({core: u}), -1j * seeds, call)
            found = [_complex(x, *pair) for x, *pair in zip(call.by, found, imaginary, strict=True)]
    k = len(call.levels)
    supply = iter(_shaped(call, np.moveaxis(d, 0, k), shape, x.shape[k:]) for d, x in zip(found, call.by, strict=True))
    return [None if variable is None else next(supply) for variable in call.variables]


def _by_columns(call: Call) -> list[list[Any]]:
    """The derivatives of each output by each value of a `call`, in forward mode: two passes for each element."""
    k = len(call.levels)
    table: list[list[Any]] = [[] for _ in call.outputs]
    for x in call.variables:
        if x is None:
            for row in table:
                row.append(None)
            continue
        shape = x.shape[k:]
        n = math.prod(shape)
        ones = np.reshape(np.eye(n, dtype=x.dtype), (n, *(1,) * k, *shape))
        seeds = np.broadcast_to(ones, (n, *x.shape))
        found = _all_at_once(functools.partial(_along, call, x), seeds, call) if n else _no_columns(call)
        for row, d, y in zip(table, found, call.outputs, strict=True):
            row.append(_shaped(call, np.moveaxis(d, 0, -1), np.shape(y), shape))
    return table


def _no_columns(call: Call) -> list[Any]:
    return [np.zeros((0, *np.shape(core)), plain(core).dtype) for core in call.cores]


def _along(call: Call, x: Tensor, tangent: Any) -> list[Any]:
    return pushed(call, [tangent if variable is x else None for variable in call.by])


def _all_at_once(linear_map: Callable[[Any], list], vectors: np.ndarray, call: Call) -> list[Any]:
    """What a map that gives several arrays gives for each of the `vectors`, stacked: for many of them at once."""
    largest = max(x._value.size for x in call.order if x._value.shape is not None)
    portions = np.array_split(vectors, max(1, math.ceil(len(vectors) * largest / AT_ONCE)))
    parts = [_at_once(linear_map, portion) for portion in portions if len(portion)]
    return [np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*parts, strict=True)]


def _at_once(linear_map: Callable[[Any], list], vectors: np.ndarray) -> list[Any]:
    with contextlib.suppress(Exception):
        return at_new_level(len(vectors), lambda level: [level.unwrap(d) for d in linear_map(Batched(vectors, level))])
    # a rule is not for many at once, and said so in some way; if it is wrong altogether, it says so again
    return [np.stack(part) for part in zip(*map(linear_map, vectors), strict=True)]


def _complex(x: Any, by_real: Any, by_imaginary: Any) -> Any:
    """The derivative of a complex output: Re(u df) = Re(ct dx), with the ct for u = 1 and that for u = -i."""
    if x.dtype.kind != "c":
        return by_real + 1j * by_imaginary
    u, v = plain(by_real), plain(by_imaginary)
    if not np.allclose(v, -1j * u, rtol=1e-4, atol=1e-4 * np.abs(u).max(initial=0), equal_nan=True):
        raise ValueError(
            "jacobian: f is complex and not holomorphic here, so that one number is not enough for its derivative: "
            "take the Jacobians of np.real(f) and np.imag(f)."
        )
    return by_real


def _shaped(call: Call, d: Any, *shapes: tuple[int, ...]) -> Any:
    """The derivatives `d` in the shape of an output and an input, for the caller."""
    samples = tuple(level.size for level in call.levels)
    return call.presented(np.reshape(d, samples + sum(shapes, ())))
