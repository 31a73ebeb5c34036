"""Derivatives of functions: `grad` and `value_and_grad`, `vjp` (reverse mode) and `jvp` (forward mode).

Each calls the function on fresh Tensors and pulls cotangents back through what it recorded; the engine is in
`autodiff.py`. All of them nest: the results are Tensors where something outside is being differentiated too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import primitives, pytree
from .autodiff import checked_cotangent, pulled_back, topological_order
from .grad_mode import is_grad_enabled, recording
from .tensor import Tensor, untracked


def grad(f: Callable, argnum: int | Sequence[int] = 0) -> Callable:
    """The function that computes the gradient of `f` by its argument number `argnum`, at the arguments it is given.

    `f` maps arrays, Tensors, numbers, or lists, tuples and dicts of them to a scalar, in NumPy syntax. The gradient
    has the structure of the argument; by several arguments (`argnum=(0, 1)`) it is a tuple. It is made of arrays where
    the argument was, and of Tensors where the argument was one, or where something outside of `f` is differentiated
    too: so `grad` may be nested to any order.

    Raises TypeError for an argument that is not floats, and for an `f` that gives no scalar or loses its gradient.

    >>> import tinygrad_dl as tg
    >>> float(tg.grad(lambda x: x**3)(2.0))
    12.0
    >>> float(tg.grad(tg.grad(lambda x: x**3))(2.0))
    12.0
    """

    @functools.wraps(f)
    def gradient(*args, **kwargs):
        return value_and_grad(f, argnum)(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Callable, argnum: int | Sequence[int] = 0) -> Callable:
    """The function that computes both `f` and its gradient, as a pair: see `grad`.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, gradient = tg.value_and_grad(lambda p: np.sum(p["w"] ** 2))({"w": np.array([1.0, 2.0])})
    >>> float(value), gradient
    (5.0, {'w': array([2., 4.])})
    """
    one = isinstance(argnum, (int, np.integer))
    argnums: tuple[Any, ...] = (argnum,) if one else tuple(argnum)  # type: ignore[arg-type]
    if not argnums:
        raise ValueError("grad: expected the number of an argument as argnum, or several, got none.")

    @functools.wraps(f)
    def both(*args, **kwargs):
        for i in argnums:
            if not -len(args) <= i < len(args):
                raise TypeError(f"grad: there is no positional argument {i}: the function was given {len(args)}.")

        def of_primals(*primals):
            inner = list(args)
            for i, primal in zip(argnums, primals, strict=True):
                inner[i] = primal
            return _scalar(f(*inner, **kwargs))

        call = _Call(of_primals, tuple(args[i] for i in argnums))
        gradient = call.pull_back({call.output: np.ones_like(call.output._value)})
        return call.value(), (gradient[0] if one else gradient)

    return both


def vjp(f: Callable, *primals: Any) -> tuple[Any, Callable[[Any], tuple]]:
    """f(x, ...), and its pullback: the linear map u -> (uᵀ ∂f/∂x, ...) from a cotangent of the value to those of all x.

    `f` maps arrays, Tensors, numbers, or lists, tuples and dicts of them to the same, of any shape. The pullback takes
    a cotangent in the structure and shapes of the value; it gives a tuple with a cotangent for each of the `primals`,
    in their structures, and can be called again. Reverse mode: one call costs about as much as `f`, whatever the
    number of inputs. Complex numbers are explained in `autodiff`.

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
    call = _Call(f, primals)

    def pullback(cotangent: Any) -> tuple:
        cotangents = list(pytree.leaves_like(call.result, cotangent))
        seeds: dict[Tensor, Any] = {}
        for output, u in zip(call.outputs, cotangents, strict=True):
            u = _linear(output, u, "cotangent")
            if _is_tracked(output):
                seeds[output] = seeds[output] + u if output in seeds else u
        return call.pull_back(seeds)

    return call.value(), pullback


def jvp(f: Callable, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """f(x, ...) and its directional derivative Σ ∂f/∂x t: how the value changes as every x moves along its tangent t.

    `tangents` has the structure and shapes of `primals`, a tuple; `f` is as in `vjp`. Forward mode, from the very same
    rules: a pullback is linear in its cotangent, and the transposed of that linear map is the derivative. It costs two
    passes back instead of one pass forward, some 3 to 5 times what `f` takes, whatever the number of outputs.

    Raises TypeError for primals that are not floats or complex, ValueError for tangents that don't fit.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> value, tangent = tg.jvp(lambda x: x**2, (np.array([1.0, 2.0, 3.0]),), (np.array([1.0, 0.0, -1.0]),))
    >>> tangent
    array([ 2.,  0., -6.])
    """
    call = _Call(f, tuple(primals))
    directions = list(pytree.leaves_like(call.primals, tuple(tangents)))
    directions = [_linear(x, t, "tangent") for x, t in zip(call.variables, directions, strict=True)]

    cotangents = {output: Tensor(np.ones_like(output._value)) for output in call.outputs if _is_tracked(output)}
    for u in cotangents.values():
        u.requires_grad = True
    pulled = pulled_back(dict(cotangents), call.variables, call.order, create_graph=True)
    seeds: dict[Tensor, Any] = {}
    for g, t in zip(pulled, directions, strict=True):
        if g.requires_grad and (_is_tracked(t) or np.any(t)):  # 0 times a slope that is infinite would be nan
            seeds[g] = seeds[g] + t if g in seeds else t
    outer = call.outer or any(map(_is_tracked, directions))
    columns = pulled_back(seeds, list(cotangents.values()), topological_order(*seeds), outer)
    found = dict(zip(cotangents, columns, strict=True))
    tangents_out = [found[y] if _is_tracked(y) else np.zeros_like(_plain(y)) for y in call.outputs]
    if not outer:
        tangents_out = [call.like_primals(t) for t in tangents_out]
    return call.value(), pytree.rebuilt(call.result, tangents_out)


class _Call:
    """A call of `f` on fresh Tensors in the place of `primals`: what it gave, and the graph in between."""

    def __init__(self, f: Callable, primals: tuple):
        self.primals = primals
        self.values = list(pytree.leaves(primals))
        self.variables = [_variable(value) for value in self.values]
        with recording(True):
            self.result = f(*pytree.rebuilt(primals, self.variables))
        self.outputs = list(pytree.leaves(self.result))
        _check_outputs(self.outputs)
        self.order = topological_order(*[output for output in self.outputs if _is_tracked(output)])
        fresh = set(self.variables)
        others = [node for node in self.order if node._function is None and node not in fresh]
        self.outer = is_grad_enabled() and bool(others)  # something outside is being differentiated too

    @property
    def output(self) -> Any:
        """The only output."""
        return self.outputs[0]

    def pull_back(self, seeds: dict[Tensor, Any]) -> tuple:
        """The cotangents of the primals, given those of outputs: in the primals' structure, and of their kinds."""
        outer = self.outer or any(map(_is_tracked, seeds.values()))
        cotangents = pulled_back(seeds, self.variables, self.order, create_graph=outer)
        if not outer:
            cotangents = [_like(value, g) for value, g in zip(self.values, cotangents, strict=True)]
        return pytree.rebuilt(self.primals, cotangents)

    def value(self) -> Any:
        """What `f` gave: with the graph only if that is differentiated outside."""
        return self.result if self.outer else pytree.mapped(self.like_primals, self.result)

    def like_primals(self, output: Any) -> Any:
        """An `output` as a Tensor if one of the primals was one, else as an array or a number."""
        values = _plain(output)
        if any(type(value) is Tensor for value in self.values):
            return untracked(values)
        return np.array(values)[()]


def _is_tracked(value: Any) -> bool:
    return type(value) is Tensor and value.requires_grad


def _plain(value: Any) -> Any:
    return value._value if type(value) is Tensor else np.asarray(value)


def _linear(primal: Any, value: Any, what: str) -> Any:
    """The `value` of a tangent or cotangent of `primal`: a Tensor if it is differentiated by too, else an array."""
    like = _plain(primal)
    checked = checked_cotangent(like, value, what)
    return primitives.astype(value, like.dtype) if _is_tracked(value) and is_grad_enabled() else checked


def _variable(value: Any) -> Tensor:
    """A fresh Tensor to differentiate by: a child of `value` if that is tracked, for outer derivatives to see."""
    if type(value) is Tensor and value.requires_grad and is_grad_enabled():
        return primitives.identity(value)
    if type(value) is int:
        value = float(value)
    variable = value.detach() if type(value) is Tensor else Tensor(value)
    variable.requires_grad = True
    return variable


def _check_outputs(outputs: Sequence[Any]) -> None:
    """Raise a TypeError unless a function gave Tensors or arrays, which are constants."""
    tensors = any(type(output) is Tensor for output in outputs)
    for output in outputs or [None]:
        if type(output) in (float, int):
            if tensors:
                continue  # a constant beside them
            raise TypeError(
                "expected a function that gives Tensors; this one gave a plain Python number, which has lost its "
                "gradient: leave out float(), .item() and the functions of math."
            )
        if not isinstance(output, (Tensor, np.ndarray, np.generic)):
            advice = ": is a return missing?" if output is None else "."
            raise TypeError(f"expected a function that gives Tensors, got {type(output).__name__}{advice}")


def _scalar(output: Any) -> Tensor:
    """The `output` of a function to be differentiated by `grad`, as a Tensor."""
    _check_outputs([output])
    if output.size != 1:
        raise TypeError(f"grad: expected a function that gives a scalar, got one of shape {output.shape}: sum it?")
    if output.dtype.kind != "f":
        advice = ": take np.real or np.abs of it, or tg.vjp with a cotangent" if output.dtype.kind == "c" else ""
        raise TypeError(f"grad: expected a function that gives a real float, got {output.dtype}{advice}.")
    return output if type(output) is Tensor else untracked(output)


def _like(value: Any, g: np.ndarray) -> Any:
    """The gradient `g` in the kind that `value` is: a Tensor, an array or a number."""
    if type(value) is Tensor:
        return untracked(g)
    return g if isinstance(value, np.ndarray) else g[()]
