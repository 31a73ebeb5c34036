"""The chain rule: a graph in topological order, walked backwards, adding up cotangents.

`backward` serves leaves, `gradients` any Tensors, `grad` and `value_and_grad` functions. The derivatives of single
functions are not here but in `rules/`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from . import arguments, primitives, pytree, registry
from .grad_mode import is_grad_enabled, recording
from .tensor import Tensor, untracked

# ---- the engine


def topological_order(*outputs: Tensor) -> list[Tensor]:
    """The tracked Tensors among `outputs`, and those they were computed from: parents before children.

    A depth-first search that keeps its own stack, so that no graph is too deep for it.
    """
    order: list[Tensor] = []
    seen: set[Tensor] = set()
    stack: list[Tensor | None] = [output for output in outputs if output.requires_grad]
    while stack:
        node = stack.pop()
        if node is None:  # everything behind the next one is in order by now
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            stack.append(node)
            stack.append(None)
            for parent in node._parents:
                if parent is not None and parent._tracked and parent not in seen:
                    stack.append(parent)
    return order


def _pull_back(
    output: Tensor,
    cotangent: Any,
    order: Sequence[Tensor],
    keep: Collection[Tensor] = frozenset(),
    create_graph: bool = False,
) -> dict[Tensor, Any]:
    """Carry the `cotangent` of `output` back along `order`, to the leaves in it and the Tensors to `keep`.

    With `create_graph` the rules are given Tensors instead of arrays, so that what they compute is a graph again.
    """
    vjps, reached = registry.vjps, set(order)
    cotangents = {output: cotangent}
    for node in reversed(order):
        if node._function is None:
            continue
        g = cotangents[node] if node in keep else cotangents.pop(node)
        ans, args = (node, _tensor_args(node)) if create_graph else (node._value, node._args)
        kwargs = node._kwargs
        for rule, parent in zip(vjps[node._function], node._parents):  # noqa: B905 (of defvjp_each there is no end of rules)
            if parent in reached:
                part = rule(g, ans, *args, **kwargs) if kwargs else rule(g, ans, *args)
                x = parent._value
                if part.shape != x.shape or part.dtype is not x.dtype:
                    part = _fitted(part, x, node)
                cotangents[parent] = cotangents[parent] + part if parent in cotangents else part
    return cotangents


def _fitted(g: Any, x: np.ndarray, node: Tensor) -> Any:
    """The cotangent `g` in the shape and dtype of its primal `x`: summed over whatever broadcasting repeated."""
    shape = x.shape
    if g.shape != shape:
        extra = len(g.shape) - len(shape)
        if extra > 0:
            g = g.sum(axis=tuple(range(extra)))
        repeated = tuple([axis for axis, length in enumerate(shape) if length == 1])
        if repeated and extra >= 0:
            g = g.sum(axis=repeated, keepdims=True)
    if g.shape != shape:
        raise ValueError(f"{_rule_of(node)} gave a cotangent of shape {g.shape} for an argument of shape {x.shape}.")
    if g.dtype == x.dtype:
        return g
    if g.dtype.kind == "c":
        raise TypeError(f"{_rule_of(node)} gave a complex cotangent; complex gradients are not supported.")
    return g.astype(x.dtype)


def _rule_of(node: Tensor) -> str:
    return f"the derivative rule of {registry.name_of(node._function)}"


def _tensor_args(node: Tensor) -> list[Any]:
    """The arguments that made `node`, with Tensors for those that are tracked."""
    args = list(node._args)
    for i, parent in enumerate(node._parents):
        if parent is None or not parent._tracked:
            continue
        if parent._value is not args[i]:
            raise RuntimeError(
                f"{parent._label()} was given new data after {registry.name_of(node._function)} had used it, so "
                f"a graph of its gradient can't be made: run the forward pass again."
            )
        args[i] = parent
    return args


# ---- gradients of Tensors


def backward(output: Tensor, cotangent: Any = None) -> None:
    """Add the derivative of `output` by each leaf it was computed from to the leaf's `grad`.

    `cotangent`, of the shape of `output`, is the derivative of something by `output`: of `output` itself if left out,
    which needs an `output` of size 1. The graph stays as it was: one can draw it, or go back through it again.

    Raises ValueError for an output that nothing tracked went into, and for a cotangent that is missing or misshapen.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> W, x = tg.parameter([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    >>> tg.backward(W @ x)
    >>> W.grad
    array([[3., 4.]])
    """
    cotangent = _seed(output, cotangent)
    for leaf, g in _pull_back(output, cotangent, topological_order(output)).items():
        leaf.grad = np.array(g) if leaf.grad is None else np.asarray(leaf.grad + g)


Tensor.backward = backward  # set here, since Tensor knows nothing of the chain rule


def gradients(output: Tensor, tensors: Any, create_graph: bool = False, cotangent: Any = None) -> Any:
    """The derivative of `output` by each of `tensors`, leaves or not, in the structure that they are given in.

    A list, tuple or dict of Tensors gives the same of arrays; one Tensor gives one array. A Tensor that `output` does
    not depend on has derivative zero. With `create_graph=True` the results are Tensors that can be differentiated
    again. No `grad` is touched. `cotangent` is as in `backward`.

    Raises ValueError as `backward` does, and for `tensors` that are not tracked.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([0.0, 2.0])
    >>> a = np.tanh(z)
    >>> dz, da = tg.gradients(np.sum(a**2), [z, a])
    >>> da == 2 * a.numpy()
    array([ True,  True])
    """
    seed = _seed(output, cotangent)
    if create_graph and type(cotangent) is Tensor:
        seed = primitives.astype(cotangent, output.dtype)  # the results depend on it too
    targets = list(pytree.leaves(tensors))
    for target in targets:
        if type(target) is not Tensor or not target.requires_grad:
            raise ValueError(f"gradients: expected Tensors that require grad, got {_described(target)}.")
    found = _gradients(output, seed, targets, topological_order(output), create_graph)
    return pytree.rebuilt(tensors, found)


def _seed(output: Any, cotangent: Any) -> Any:
    if type(output) is not Tensor or not output.requires_grad:
        raise ValueError(
            f"nothing to differentiate: expected a Tensor computed from one that requires grad, got "
            f"{_described(output)}. Make the inputs with tg.parameter(...), outside of tg.no_grad()."
        )
    if output.dtype.kind != "f":
        raise ValueError(f"expected an output of floats, got {output.dtype}; complex gradients are not supported.")
    if cotangent is None:
        if output.size != 1:
            raise ValueError(
                f"expected an output of size 1, such as a loss, or a cotangent of its shape; got {_described(output)} "
                f"and no cotangent. Reduce it with np.sum or np.mean, or pass one."
            )
        return output.dtype.type(1) if output.ndim == 0 else np.ones(output.shape, output.dtype)
    cotangent = arguments.numbers(cotangent.numpy() if type(cotangent) is Tensor else cotangent)
    if cotangent.dtype.kind == "c":
        raise TypeError("expected a real cotangent, got a complex one; complex gradients are not supported.")
    cotangent = cotangent.astype(output.dtype, copy=False)
    if cotangent.shape != output.shape:
        raise ValueError(f"expected a cotangent of the output's shape {output.shape}, got {cotangent.shape}.")
    return cotangent


def _gradients(
    output: Tensor, cotangent: Any, targets: Sequence[Tensor], order: Sequence[Tensor], create_graph: bool
) -> list[Any]:
    """The derivative of `output` by each of `targets`, through those nodes in `order` that lie between them only."""
    reached = set(targets)
    for node in order:
        if not reached.isdisjoint(node._parents):
            reached.add(node)
    between = [node for node in order if node in reached]
    if output not in reached:
        cotangents = {}
    else:
        with recording(create_graph):
            cotangents = _pull_back(output, cotangent, between, set(targets), create_graph)
    results = [cotangents[x] if x in cotangents else np.zeros_like(x._value) for x in targets]
    if create_graph:
        return [g if type(g) is Tensor else untracked(g) for g in results]
    return [np.array(g) for g in results]


def _described(value: Any) -> str:
    if type(value) is not Tensor:
        return f"{type(value).__name__} {str(value)[:40]}"
    return f"{value._label()}{'' if value.requires_grad else ' that does not require grad'}"


def named_tensors(*outputs: Tensor) -> dict[str, Tensor]:
    """The named Tensors that `outputs` were computed from, by name: how to get at the Z1 and A1 inside a net.

    Of several with one name, it gives the last. Tensors that are not tracked, such as data, are not in a graph.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> loss = tg.nn.binary_cross_entropy(net(np.ones((2, 3))), np.ones((1, 3)))
    >>> tensors = tg.named_tensors(loss)
    >>> sorted(tensors)
    ['A1', 'A2', 'W1', 'W2', 'Z1', 'Z2', 'b1', 'b2']
    >>> tg.gradients(loss, tensors["Z1"]).shape
    (4, 3)
    """
    return {tensor.name: tensor for tensor in topological_order(*outputs) if tensor.name is not None}


# ---- gradients of functions


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
        primals = tuple(args[i] for i in argnums)
        values = list(pytree.leaves(primals))
        variables = [_variable(value) for value in values]
        inner = list(args)
        for i, tree in zip(argnums, pytree.rebuilt(primals, variables), strict=True):
            inner[i] = tree
        with recording(True):
            output = f(*inner, **kwargs)
        output = _scalar(output)
        order, fresh = topological_order(output), set(variables)
        outer = is_grad_enabled() and any(node._function is None and node not in fresh for node in order)
        results = _gradients(output, np.ones_like(output._value), variables, order, create_graph=outer)
        if not outer:
            output = output.detach() if any(type(value) is Tensor for value in values) else np.array(output._value)[()]
            results = [_like(value, g) for value, g in zip(values, results, strict=True)]
        gradient = pytree.rebuilt(primals, results)
        return output, (gradient[0] if one else gradient)

    return both


def _variable(value: Any) -> Tensor:
    """A fresh Tensor to differentiate by: a child of `value` if that is tracked, for outer derivatives to see."""
    if type(value) is Tensor and value.requires_grad and is_grad_enabled():
        return primitives.identity(value)
    if type(value) is int:
        value = float(value)
    variable = value.detach() if type(value) is Tensor else Tensor(value)
    variable.requires_grad = True
    return variable


def _scalar(output: Any) -> Tensor:
    if type(output) in (float, int):
        raise TypeError(
            "grad: expected a function that gives a Tensor; this one gave a plain Python number, which has lost its "
            "gradient: leave out float(), .item() and the functions of math."
        )
    if type(output) is not Tensor:
        if not isinstance(output, (np.ndarray, np.generic)):
            advice = ": is a return missing?" if output is None else "."
            raise TypeError(f"grad: expected a function that gives a Tensor, got {type(output).__name__}{advice}")
        output = untracked(output)
    if output.size != 1:
        raise TypeError(f"grad: expected a function that gives a scalar, got one of shape {output.shape}: sum it?")
    if output.dtype.kind != "f":
        raise TypeError(f"grad: expected a function that gives a float, got {output.dtype}.")
    return output


def _like(value: Any, g: np.ndarray) -> Any:
    """The gradient `g` in the kind that `value` is: a Tensor, an array or a number."""
    if type(value) is Tensor:
        return untracked(g)
    return g if isinstance(value, np.ndarray) else g[()]
