"""Products of derivatives with vectors: `vjp` (reverse mode), `jvp` (forward mode), and of second ones: `hvp`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import pytree
from ..batching import Batched, core_of, unwrap_batch, wrap_batch
from ..core.backprop import backward_between, topological_order
from ..core.tensor import Tensor
from .calls import Call, added, forget, is_tracked, linear, plain
from .derived import R
from .gradients import grad


def vjp(f: Callable[..., R], *primals: Any) -> tuple[R, Callable[[Any], tuple[Any, ...]]]:
    """f(x, ...), and its pullback: the linear map u -> (uᵀ ∂f/∂x, ...) from a cotangent of the value to those of all x.

    `f` maps arrays, Tensors, numbers, or lists, tuples, dicts and dataclasses of them to the same, of any shape. The
    pullback takes a cotangent in the structure and shapes of the value, None being zero; it gives a tuple with a
    cotangent for each of the `primals`, in their structures (see `grad`), and can be called again. Reverse mode: one
    call costs about as much as `f`, whatever the number of inputs. Complex numbers are explained in `autodiff`.

    Raises TypeError for primals that are not floats or complex, ValueError for a cotangent that does not fit.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, pullback = tg.vjp(lambda W, x: W @ x, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0]))
    >>> value
    array([-1., -1.])
    >>> pullback(np.array([1.0, 0.0]))
    (array([[ 1., -1.],
           [ 0., -0.]]), array([1., 2.]))
    """
    call = Call(f, primals)
    return call.value(), functools.partial(_pullback, call)


def jvp(f: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[R, Any]:
    """f(x, ...) and its directional derivative Σ ∂f/∂x t: how the value changes as every x moves along its tangent t.

    `tangents` has the structure and shapes of `primals`, a tuple, None being zero; `f` is as in `vjp`. Forward mode,
    from the very same rules: a pullback is linear in its cotangent, and the transposed of that linear map is the
    derivative. It costs two passes back instead of one pass forward, some 6 to 8 times what `f` takes, or twice what
    `grad` does, whatever the number of outputs; and the memory of reverse mode.

    Raises TypeError for primals that are not floats or complex, ValueError for tangents that don't fit.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, tangent = tg.jvp(lambda x: x**2, (np.array([1.0, 2.0, 3.0]),), (np.array([1.0, 0.0, -1.0]),))
    >>> tangent
    array([ 2.,  0., -6.])
    """
    _check_tuples("jvp", primals, tangents)
    call = Call(f, tuple(primals))
    directions = []
    given = list(pytree.leaves_like(call.primals, tuple(tangents)))
    for x, variable, t in zip(call.values, call.variables, given, strict=True):
        if variable is not None:
            t = linear(wrap_batch(variable, call.levels), t, "tangent")
            directions.append(None if t is None else unwrap_batch(t, call.levels))
        elif t is not None and np.any(t):
            raise ValueError(f"{x!r:.60} is not differentiated: pass None as its tangent.")
    tangents_out = list(map(call.presented, pushed(call, directions)))
    forget(call.by)
    return call.value(), pytree.unflatten_derivatives(call.result, tangents_out)


def pushed(call: Call, directions: Sequence[Any]) -> list[Any]:
    """The tangents of the outputs of a `call` along the `directions` of its variables, None being zero."""
    cotangents = {core: Tensor(_generic(core._value)) for core in call.cores if is_tracked(core)}
    for u in cotangents.values():
        u.requires_grad = True
    pulled = backward_between(dict(cotangents), call.by, call.order, create_graph=True)
    seeds: dict[Tensor, Any] = {}
    for g, t in zip(pulled, directions, strict=True):
        if t is not None and g.requires_grad and _may_matter(t):
            seeds = added(seeds, {g: t})
    outer = call.outer or any(is_tracked(core_of(t)) for t in directions)
    columns = backward_between(seeds, list(cotangents.values()), topological_order(*seeds), outer)
    forget(list(cotangents.values()))
    found = dict(zip(cotangents, columns, strict=True))
    return [found[core] if is_tracked(core) else np.zeros_like(plain(core)) for core in call.cores]


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """The Hessian of `f` times a vector: the change of the gradient of `f` as every x moves along its tangent t.

    `f` gives a scalar, as for `grad`; `tangents` and the result have the structure and shapes of `primals`, a tuple.
    The Hessian is symmetric, so one pass back through the gradient does, and the Hessian itself is never made: it costs
    about three times what the gradient costs, 10 to 12 times what `f` does, whatever the number of inputs. (Forward
    mode of the gradient would give the same for twice that.)

    Raises what `grad` raises, and ValueError for tangents that don't fit.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.hvp(lambda x: np.sum(x**4), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([12., 48.]),)
    """
    _check_tuples("hvp", primals, tangents)
    call = Call(grad(f, tuple(range(len(primals)))), tuple(primals))
    product = _pullback(call, tuple(tangents))
    forget(call.by)
    return product


def _pullback(call: Call, cotangent: Any) -> tuple:
    seeds: dict[Tensor, Any] = {}
    for i, u in enumerate(pytree.leaves_like(call.result, cotangent)):
        seeds = added(seeds, call.seed(i, u))
    return pytree.unflatten_derivatives(call.primals, call.pull_back(seeds))


def _check_tuples(what: str, primals: Any, tangents: Any) -> None:
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"{what}: expected {name} as a tuple, (x,) for one argument x; got {given!r:.40}.")


def _generic(y: Any) -> Any:
    """A cotangent of `y` that no symmetry makes vanish on the way back: rules that look whether it does are right."""
    return np.reshape(1 + np.sin(np.arange(1, y.size + 1)) / 2, y.shape).astype(y.dtype)


def _may_matter(tangent: Any) -> bool:
    """Whether a tangent need be looked at: 0 times a slope that is infinite would be nan."""
    return type(tangent) is Batched or is_tracked(tangent) or bool(np.any(tangent))
