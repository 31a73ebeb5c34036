"""The chain rule: a graph in topological order, walked backwards, adding up cotangents.

`backward` serves leaves, `gradients` any Tensors. The derivatives of functions are built on them in `transforms`,
those of single operations are in `rules/`.

Complex numbers follow JAX's convention: the cotangent ct of a complex z, for a cotangent u of the output f, is what
makes Re(u df) = Re(ct dz) for every change dz. So a holomorphic function multiplies by its derivative, and a real f
of z = x + iy has the gradient df/dx - i df/dy; its conjugate points uphill.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from sys import getrefcount
from typing import Any

import numpy as np

from .. import debugging, pytree
from ..batching import Batched
from . import arguments, primitives, registry
from .modes import IN_RULE, with_recording
from .tensor import Tensor, outputs_of, untracked

# ---- the engine


def topological_order(*outputs: Tensor) -> list[Tensor]:
    """The tracked Tensors among `outputs`, and those they were computed from: parents before children.

    A depth-first search that keeps its own stack, so that no graph is too deep for it. Raises RuntimeError for a graph
    that `backward` was told not to keep.
    """
    order: list[Tensor] = []
    seen: set[Tensor] = set()
    stack: list[Tensor | None] = [output for output in outputs if output._tracked]
    while stack:
        node = stack.pop()
        if node is None:  # everything behind the next one is in order by now
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            if not node._parents:
                order.append(_checked_leaf(node))
                continue
            stack += (node, None)
            for parent in node._parents:
                if parent is not None and parent._tracked and parent not in seen:
                    stack.append(parent)
    return order


def carry_back(
    cotangents: dict[Tensor, Any],
    order: list[Tensor],
    keep: Collection[Tensor] = frozenset(),
    create_graph: bool = False,
    observed: Callable[..., Any] | None = None,
    keep_graph: bool = True,
) -> dict[Tensor, Any]:
    """Carry the `cotangents` of outputs back along `order`, to the leaves in it and the Tensors to `keep`.

    With `create_graph` the rules are given Tensors instead of arrays, so that what they compute is a graph again. The
    rules of each node are taken from `observed(rules, node, g)`, which may watch what they are given and give.
    """
    vjps, reached = registry.vjps, set(order)
    sums: set[Tensor] = set()  # whose cotangents are sums made here, to which more can be added in place
    if debugging.is_checking():
        observed = debugging.checked_rules
    for node in reversed(order) if keep_graph else _taken_apart(order, reached):
        if node._function is None:
            continue
        g = cotangents[node] if node in keep else cotangents.pop(node)
        given = (g, outputs_of(node), *_tensor_args(node)) if create_graph else (g, node._value, *node._args)
        kwargs = node._kwargs
        rules: Any = vjps[node._function]
        if observed:
            rules = observed(rules, node, g)
        if type(rules) is not tuple:
            if type(rules) is registry.AddingRule:
                parent = node._parents[0]
                if parent in sums and not create_graph and rules.add(cotangents[parent], *given):
                    del g, given
                    continue
                sums.add(parent)  # type: ignore[arg-type]
            elif type(rules) is registry.JointRule:  # called once for all: there may be thousands
                rules, given, kwargs = rules.picks(given, kwargs, node._parents)
            else:  # some have no end, one for each argument
                rules = list(islice(rules, len(node._parents)))
        argnum = -1  # enumerate and zip make an object a node, which a chain of operations would pay 5 % for
        for parent in node._parents:
            argnum += 1
            if parent in reached:
                part = rules[argnum](*given, **kwargs) if kwargs else rules[argnum](*given)
                x = parent._value
                try:
                    fits = part.shape == x.shape and part.dtype is x.dtype
                except AttributeError:
                    raise TypeError(
                        f"{_rule_of(node)} gave {part!r:.60}: expected an array{debugging.origin(node)}"
                    ) from None
                if not fits:
                    part = fitted(part, x, node)
                cotangents[parent] = cotangents[parent] + part if parent in cotangents else part
        del g, given  # their memory is there for the next rules
    if observed is debugging.checked_rules:
        for tensor, g in cotangents.items():
            debugging.check_cotangent(tensor, g)
    return cotangents


def _taken_apart(order: list[Tensor], reached: set[Tensor]) -> Iterator[Tensor]:
    """The nodes of `order`, children before parents; each forgets what it was made from, once its rules have run."""
    while order:
        node = order.pop()
        reached.discard(node)
        yield node
        node._args = node._parents = ()


def _checked_leaf(node: Tensor) -> Tensor:
    """The `node`, which has no parents. Raises RuntimeError if it had some."""
    if node._function is not None:
        raise RuntimeError(
            f"{node._label()} no longer knows what {registry.name_of(node._function)} made it from: the graph behind "
            f"it was given up by backward(keep_graph=False). Compute it anew; or say backward(), after which one can "
            f"go back, or draw, again."
        )
    return node


def fitted(g: Any, x: np.ndarray, node: Tensor) -> Any:
    """The cotangent `g` in the shape and dtype of its primal `x`: summed over whatever broadcasting repeated."""
    shape = x.shape
    if g.shape != shape:
        extra = len(g.shape) - len(shape)
        dtype = primitives.accumulator(g, g.size / max(x.size, 1))
        if extra > 0:
            g = g.sum(axis=tuple(range(extra)), dtype=dtype)
        repeated = tuple([axis for axis, length in enumerate(shape) if length == 1])
        if repeated and extra >= 0:
            g = g.sum(axis=repeated, keepdims=True, dtype=dtype)
    if g.shape != shape:
        raise ValueError(f"{_rule_of(node)} gave a cotangent of shape {g.shape} for an argument of shape {x.shape}.")
    if g.dtype == x.dtype:
        return g
    if x.dtype.kind not in "fc":
        raise TypeError(f"{_rule_of(node)} was given {x.dtype} for an argument: what has a gradient must be floats.")
    if g.dtype.kind == "c" and x.dtype.kind != "c":
        g = np.real(g)  # Re(g dx) = Re(g) dx for a real dx
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

_adding = threading.Lock()  # several threads may go backward to the same leaves


def _unlock() -> None:
    """Begin with a new lock in a forked process, in which the thread that held the old one is not there."""
    global _adding
    _adding = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_unlock)


def _references_to_a_local() -> int:
    local = np.empty(0)
    return getrefcount(local)


_ALONE = _references_to_a_local()  # what `getrefcount` gives for what a local variable alone holds


def backward(output: Tensor, cotangent: Any = None, *, keep_graph: bool = True) -> None:
    """Add the derivative of `output` by each leaf it was computed from to the leaf's `grad`.

    `cotangent`, of the shape of `output`, is the derivative of something by `output`: of `output` itself if left out,
    which needs an `output` of size 1. The graph stays as it was: one can draw it, or go back through it again. With
    `keep_graph=False` its memory is given back on the way, node by node, which takes less memory, and less time where
    arrays are large; what you hold yourself keeps its values, but not what it was made from, not even if a rule raises.

    Raises ValueError for an output that nothing tracked went into, and for a cotangent that is missing or misshapen;
    RuntimeError for a graph that was not kept.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> W, x = tg.parameter([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    >>> tg.backward(W @ x)
    >>> W.grad
    array([[3., 4.]])
    """
    cotangent = seed_of(output, cotangent)
    order = topological_order(output)
    cotangents = with_recording(False, carry_back, {output: cotangent}, order, keep_graph=keep_graph)
    with _adding:  # a call, since an interrupt at the jump of a loop here would leave it locked, in Python 3.13
        _add_to_leaves(cotangents)


def _add_to_leaves(cotangents: dict[Tensor, Any]) -> None:
    while cotangents:
        leaf, g = cotangents.popitem()
        if leaf._grad is not None:
            leaf._grad = np.asarray(leaf._grad + g)
        else:
            alone = getrefcount(g) == _ALONE and type(g) is np.ndarray and g.base is None and g.flags.writeable
            leaf._grad = g if alone else np.array(g)


Tensor.backward = backward  # set here, since Tensor knows nothing of the chain rule


def gradients(output: Tensor, tensors: Any, create_graph: bool = False, cotangent: Any = None) -> Any:
    """The derivative of `output` by each of `tensors`, leaves or not, in the structure that they are given in.

    A list, tuple or dict of Tensors gives the same of arrays, a Module a dict by name, one Tensor an array. A Tensor
    that `output` does not depend on has derivative zero. With `create_graph=True` the results are Tensors that can be
    differentiated again. No `grad` is touched. `cotangent` is as in `backward`.

    Raises ValueError as `backward` does, and for `tensors` that are not tracked.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([0.0, 2.0])
    >>> a = np.tanh(z)
    >>> dz, da = tg.gradients(np.sum(a**2), [z, a])
    >>> da == 2 * a.numpy()
    array([ True,  True])
    """
    seed = seed_of(output, cotangent)
    if create_graph and type(cotangent) is Tensor:
        seed = primitives.astype(cotangent, output.dtype)  # the results depend on it too
    targets = list(pytree.leaves(tensors))
    for target in targets:
        if type(target) is not Tensor or not target.requires_grad:
            raise ValueError(f"gradients: expected Tensors that require grad, got {_described(target)}.")
    found = pulled_back({output: seed}, targets, topological_order(output), create_graph)
    return pytree.derivatives(tensors, found)


def seed_of(output: Any, cotangent: Any = None) -> Any:
    """The `cotangent` to start from at `output`; of an output of size 1 its derivative by itself, 1, if left out."""
    if type(output) is not Tensor or not output.requires_grad:
        raise ValueError(
            f"nothing to differentiate: expected a Tensor computed from one that requires grad, got "
            f"{_described(output)}. Make the inputs with tg.parameter(...), outside of tg.no_grad(); a "
            f"gradient depends on them if it was made with create_graph=True."
        )
    if cotangent is not None:
        return checked_cotangent(output, cotangent)
    if output.size != 1 or output.dtype.kind == "c":
        raise ValueError(
            f"expected a real output of size 1, such as a loss, or a cotangent of its shape; got {_described(output)} "
            f"and no cotangent. Reduce it with np.sum or np.mean, or pass one."
        )
    return output.dtype.type(1) if output.ndim == 0 else np.ones(output.shape, output.dtype)


def checked_cotangent(output: Any, cotangent: Any, what: str = "cotangent") -> np.ndarray:
    """A copy of the `cotangent` in the dtype of `output`. Raises ValueError or TypeError if it does not fit."""
    cotangent = arguments.numbers(cotangent.numpy() if type(cotangent) is Tensor else cotangent)
    if cotangent.dtype.kind == "c" and output.dtype.kind != "c":
        raise TypeError(f"expected a real {what} for {output.dtype}, got a complex one.")
    if cotangent.shape != output.shape:
        raise ValueError(f"expected a {what} of shape {output.shape}, got {cotangent.shape}.")
    return cotangent.astype(output.dtype, copy=False)


def pulled_back(
    seeds: dict[Tensor, Any], targets: Sequence[Tensor], order: list[Tensor], create_graph: bool
) -> list[Any]:
    """The cotangent of each of `targets`, given those of outputs, through those nodes in `order` between them only."""
    reached = set(targets)
    for node in order:
        if not reached.isdisjoint(node._parents):
            reached.add(node)
    between = [node for node in order if node in reached]
    seeds = {output: cotangent for output, cotangent in seeds.items() if output in reached}
    mode = IN_RULE if create_graph else False
    cotangents = with_recording(mode, carry_back, seeds, between, set(targets), create_graph)
    results = [cotangents[x] if x in cotangents else np.zeros_like(x._value) for x in targets]
    if create_graph:
        return [g if type(g) in (Tensor, Batched) else untracked(g) for g in results]
    return [g if type(g) is Batched else np.array(g) for g in results]


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
