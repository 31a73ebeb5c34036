"""The chain rule: a backward pass through the recorded graph, which adds up cotangents.

`backward` gives the gradients of leaves, `gradients` those of any Tensors. Transforms of functions, such as `grad`,
are in `functional/`, the derivatives of single operations in `rules/`.

Complex numbers follow JAX's convention: the cotangent ct of a complex z, for a cotangent u of the output f, satisfies
Re(u df) = Re(ct dz) for every change dz. So a holomorphic function multiplies by its derivative, and a real f of
z = x + iy has the gradient df/dx - i df/dy; its conjugate points uphill.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import islice
from operator import attrgetter
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np

from .. import pytree
from .._guesses import answering
from ..proxies.dispatching import Symbolic
from ..proxies.unread import postponed
from . import arguments, primitives, registry
from .calls import outputs_of
from .modes import IN_RULE, is_observed, observing, with_recording
from .tensor import Tensor, origin, record, untracked

_ARRAYS = (np.ndarray, np.generic)
POSTPONED_FROM = 2**12  # numbers; to postpone a product of fewer takes longer than to compute it

# ---- the backward pass


def topological_order(*outputs: Tensor) -> list[Tensor]:
    """All tracked Tensors that `outputs` were computed from, and those among `outputs`: leaves first, then as recorded.

    Raises RuntimeError for a graph that was freed by `backward(keep_graph=False)`.
    """
    order = recorded_after(1, [output for output in outputs if output._tracked])
    for node in order:
        if node._function is not None and not node._parents:
            _parents_of(node)  # raises the error
    return order


def recorded_after(start: int, outputs: Iterable[Tensor]) -> list[Tensor]:
    """The Tensors of an `_order` below `start` among the tracked `outputs` and what they were computed from, in order.

    A graph that was freed ends where it was freed.
    """
    found: dict[Tensor, None] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node._order < start and node not in found:
            found[node] = None
            for parent in node._parents:
                if parent is not None and parent._tracked:
                    stack.append(parent)
    return sorted(found, key=attrgetter("_order"), reverse=True)


def dependents(nodes: Iterable[Tensor], order: Iterable[Tensor]) -> set[Tensor]:
    """The `nodes`, and all nodes of the topological `order` that depend on them."""
    found = set(nodes)
    for node in order:
        if not found.isdisjoint(node._parents):
            found.add(node)
    return found


class Paths(NamedTuple):
    """The `nodes` on the paths from outputs back to the `targets`, both included.

    With `unread`, the graph of the targets' cotangents is wanted, and not their values. With `is_cut`, paths end at the
    first target.
    """

    nodes: Set[Tensor]
    targets: Set[Tensor]
    unread: bool = False
    is_cut: bool = False


def backward_pass(
    cotangents: dict[Tensor, Any], paths: Paths | None = None, create_graph: bool = False, keep_graph: bool = True
) -> dict[Tensor, Any]:
    """Propagate the `cotangents` of outputs back to the leaves, or along `paths` to their targets.

    The nodes wait in a heap, the latest on top: when a node is processed, all nodes computed from it have been. With
    `create_graph` the rules get Tensors instead of arrays, so that they record a graph again.

    Returns `cotangents`, which in the end holds those of the leaves, or of the targets.
    """
    nodes, targets, unread, is_cut = paths or (None, (), False, False)
    vjps, array, number = registry.vjps, np.ndarray, np.float64
    waiting = [(node._order, node) for node in cotangents if node._function is not None]
    heapify(waiting)
    sums: set[Tensor] = set()  # Tensors whose cotangents are arrays of this pass, to be added to in place
    observer = observing.value() if is_observed() else None
    special = paths or create_graph or observer
    while waiting:
        node = heappop(waiting)[1]
        g = cotangents.pop(node)
        parents: Any = node._parents or _parents_of(node)
        given: Any = (g, node._value, *node._args)
        rules: Any = vjps[node._function]
        parts: Any = None  # the cotangents of all parents, if a rule computes them at once, None where none is wanted
        if special:
            if nodes is not None:
                parents = [parent if parent in nodes else None for parent in parents]
                if node in targets:
                    cotangents[node] = g
                    if is_cut:
                        continue
            if create_graph:
                given = (g, outputs_of(node), *_tensor_args(node))
            if observer:
                rules = observer.rules(rules, node, g)
            if unread:
                rules = _postponing(rules, parents, targets)
        if type(rules) is not tuple or node._kwargs:
            if type(rules) is registry.ChosenRules:
                if rules.keeping and not create_graph:
                    given = (*given, *node._kept)
                parts = rules.choose(given, node._kwargs, parents)(*given)
            elif type(rules) is registry.AddingRule:
                parent = parents[0]
                if parent in sums and not create_graph and rules.add(cotangents[parent], *given):
                    parents = ()
                elif parent is not None and parent._tracked and parent not in cotangents:
                    sums.add(parent)
            elif type(rules) is registry.JointRule:
                rules, given = rules.picks(given, node._kwargs, parents)
            else:  # with settings, or unbounded: one for each argument
                rules = _one_for_each(parents, rules, node._kwargs)
        argnum = -1  # enumerate and zip allocate per node: 5 % slower on chains
        for parent in parents:
            argnum += 1
            if parts:
                part = parts[argnum]
                if part is None:
                    continue
            elif parent is None or not parent._tracked:
                continue
            else:
                part = rules[argnum](*given)
                x = parent._value
                try:
                    if part.shape != x.shape or part.dtype is not x.dtype:
                        part = unbroadcast(part, x, node)
                except AttributeError:
                    raise TypeError(f"{_rule_of(node)} gave {part!r:.60}: expected an array{origin(node)}") from None
            if parent in cotangents:
                total = cotangents[parent]
                if type(part) is type(total) is array and parent in sums:
                    total += part
                else:
                    cotangents[parent] = total + part
                    if type(part) is not number:
                        sums.add(parent)
            else:
                cotangents[parent] = part
                if parent._function is not None:
                    heappush(waiting, (parent._order, parent))
        if not keep_graph:
            node._args = node._parents = node._kept = ()
    if observer:
        observer.finished(cotangents)
    return cotangents


def _parents_of(node: Tensor) -> tuple[Tensor | None, ...]:
    """The parents of a `node` that is no leaf. Raises RuntimeError if they were freed."""
    if not node._parents:
        freed = "was freed by backward(keep_graph=False): compute it anew, or call backward(), which keeps the graph"
        reason = registry.refusals.get(node._function, freed)  # type: ignore[arg-type]
        raise RuntimeError(f"the graph behind {node._label()}, made by {registry.name_of(node._function)}, {reason}.")
    return node._parents


def _one_for_each(parents: Sequence[Any], rules: Iterable[Any], kwargs: dict[str, Any] | None) -> list[Any]:
    """One of the `rules`, which may be endless, for each of the `parents`, bound to the settings of the call."""
    return [rule and partial(rule, **(kwargs or {})) for rule in islice(rules, len(parents))]


def _postponing(rules: Any, parents: Sequence[Any], targets: Collection[Tensor]) -> Any:
    """The `rules`, those for large `targets` with a cotangent of which only the graph is computed."""
    large = [parent in targets and parent._value.size >= POSTPONED_FROM for parent in parents]
    if not any(large):
        return rules
    return [_postponed(rule) if is_large else rule for rule, is_large in zip(rules, large, strict=False)]


def _postponed(rule: Callable[..., Any]) -> Callable[..., Any]:
    def postponed_rule(g: Any, *others: Any, **kwargs: Any) -> Any:
        if type(g) is Tensor and g._tracked:
            g = record(postponed(g._value), primitives.identity, (g._value,), None, (g,))
        return rule(g, *others, **kwargs)

    return postponed_rule


def unbroadcast(g: Any, x: np.ndarray, node: Tensor) -> Any:
    """Sum the cotangent `g` over the axes that broadcasting repeated, and cast it: to the shape and dtype of `x`."""
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
        raise TypeError(f"{_rule_of(node)} was given {x.dtype} for an argument: only floats have gradients.")
    if g.dtype.kind == "c" and x.dtype.kind != "c":
        g = np.real(g)  # Re(g dx) = Re(g) dx for a real dx
    return g.astype(x.dtype)


def _rule_of(node: Tensor) -> str:
    return f"the derivative rule of {registry.name_of(node._function)}"


def _tensor_args(node: Tensor) -> list[Any]:
    """The arguments of `node`, with Tensors in place of the values of tracked parents."""
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
    """Replace the lock in a forked process, in which the thread that may hold the old one does not exist."""
    global _adding
    _adding = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_unlock)


def _references_to_a_local() -> int:
    local = np.empty(0)
    return getrefcount(local)


_ALONE = _references_to_a_local()  # the count of `getrefcount` for an object that one local variable holds


@answering
def backward(output: Tensor, cotangent: Any = None, *, keep_graph: bool = True) -> None:
    """Add the gradient of `output` with respect to each leaf to the `grad` of the leaf.

    Parameters
    ----------
    output
        A tracked Tensor, usually a loss.
    cotangent
        The gradient of some later quantity with respect to `output`, of its shape; 1 if left out, which needs an
        `output` of size 1.
    keep_graph
        With False the graph is freed during the pass, node by node: less memory, and less time for large arrays. Its
        Tensors keep their values, but can't be differentiated or drawn any more, even if a rule raises an error.

    Raises
    ------
    ValueError
        If `output` is not tracked, or the cotangent is missing or misshapen.
    RuntimeError
        If the graph was freed by an earlier call.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> W, x = tg.parameter([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    >>> tg.backward(W @ x)
    >>> W.grad
    array([[3., 4.]])
    """
    cotangent = initial_cotangent(output, cotangent)
    cotangents = with_recording(False, backward_pass, {output: cotangent}, None, False, keep_graph)
    with _adding:  # not a loop here: an interrupt at its jump would leave the lock held, in Python 3.13
        _add_to_leaves(cotangents)


def _add_to_leaves(cotangents: dict[Tensor, Any]) -> None:
    while cotangents:
        leaf, g = cotangents.popitem()
        if leaf._grad is None:
            leaf._grad = g if _is_alone(getrefcount(g), g) else arguments.own(g)
        else:
            total: Any = leaf._grad + g
            leaf._grad = total if isinstance(total, Symbolic) else np.asarray(total)  # type: ignore[assignment]


Tensor.backward = backward  # type: ignore[method-assign, assignment]  # `tensor` does not import the chain rule


def gradients(output: Tensor, tensors: Any, create_graph: bool = False, cotangent: Any = None) -> Any:
    """Return the gradients of `output` with respect to `tensors`, leaves or not.

    Parameters
    ----------
    output
        A tracked Tensor, usually a loss.
    tensors
        One Tensor, or a list, tuple, dict or Module of Tensors, all tracked.
    create_graph
        Return Tensors that can be differentiated again, instead of arrays.
    cotangent
        As in `backward`.

    Returns
    -------
    gradients
        Arrays in the structure of `tensors`; for a Module a dict by name. The gradient with respect to a Tensor that
        `output` does not depend on is zero. No `grad` is changed.

    Raises
    ------
    ValueError
        As `backward`, and if one of `tensors` is not tracked.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> z = tg.parameter([0.0, 2.0])
    >>> a = np.tanh(z)
    >>> dz, da = tg.gradients(np.sum(a**2), [z, a])
    >>> da == 2 * a.numpy()
    array([ True,  True])
    """
    seed = initial_cotangent(output, cotangent)
    if create_graph and type(cotangent) is Tensor:
        seed = primitives.astype(cotangent, output.dtype)  # the results depend on it
    targets = list(pytree.leaves(tensors))
    for target in targets:
        if type(target) is not Tensor or not target.requires_grad:
            raise ValueError(f"gradients: expected Tensors that require grad, got {_described(target)}.")
    found = backward_between({output: seed}, targets, topological_order(output), create_graph)
    return pytree.unflatten_derivatives(tensors, found)


def initial_cotangent(output: Any, cotangent: Any = None) -> Any:
    """The `cotangent` of `output`, checked; 1 if it is left out and `output` has size 1."""
    if type(output) is not Tensor or not output._tracked:
        raise ValueError(
            f"nothing to differentiate: expected a Tensor computed from one that requires grad, got "
            f"{_described(output)}. Make the inputs with tg.parameter(...), outside of tg.no_grad(); a "
            f"gradient depends on them if it was computed with create_graph=True."
        )
    if cotangent is not None:
        return checked_cotangent(output, cotangent)
    value = output._value
    if value.size != 1 or value.dtype.kind == "c":
        raise ValueError(
            f"expected a real output of size 1, such as a loss, or a cotangent of its shape; got {_described(output)} "
            f"and no cotangent. Reduce it with np.sum or np.mean, or pass one."
        )
    return value.dtype.type(1) if value.ndim == 0 else np.ones(value.shape, value.dtype)


def checked_cotangent(output: Any, cotangent: Any, what: str = "cotangent") -> np.ndarray:
    """A copy of the `cotangent` in the dtype of `output`. Raises ValueError or TypeError for a misfit."""
    cotangent = arguments.numbers(cotangent.numpy() if type(cotangent) is Tensor else cotangent)
    if cotangent.dtype.kind == "c" and output.dtype.kind != "c":
        raise TypeError(f"expected a real {what} for {output.dtype}, got a complex one.")
    if cotangent.shape != output.shape:
        raise ValueError(f"expected a {what} of shape {output.shape}, got {cotangent.shape}.")
    return cotangent.astype(output.dtype, copy=False)


def seeds_of(cotangents: Iterable[tuple[Any, Any]]) -> dict[Tensor, Any]:
    """The `cotangents` of tracked Tensors, given as pairs: those of one Tensor added up, None for zero left out."""
    seeds: dict[Tensor, Any] = {}
    for output, g in cotangents:
        if g is not None and type(output) is Tensor and output._tracked:
            seeds[output] = seeds[output] + g if output in seeds else g
    return seeds


def backward_between(
    seeds: dict[Tensor, Any],
    targets: Sequence[Tensor],
    order: list[Tensor],
    create_graph: bool,
    unread: bool = False,
    is_cut: bool = False,
) -> list[Any]:
    """The cotangents of `targets`, given those of outputs, `seeds`; along nodes in the topological `order` only.

    With `unread`, only their graph is to be used: products in them are not computed. With `is_cut`, those of targets
    are without the paths through other targets.
    """
    paths = Paths(dependents(targets, order).intersection(order), set(targets), unread, is_cut)
    seeds = {output: cotangent for output, cotangent in seeds.items() if output in paths.nodes}
    mode = IN_RULE if create_graph else False
    cotangents = with_recording(mode, backward_pass, seeds, paths, create_graph)
    results = [cotangents[x] if x in cotangents else np.zeros_like(x._value) for x in targets]
    if create_graph:
        return [untracked(g) if isinstance(g, (*_ARRAYS, Symbolic)) else g for g in results]
    del seeds, cotangents  # one dict; `results` holds another reference
    return [g if _is_alone(getrefcount(g) - 1, g) or not isinstance(g, _ARRAYS) else np.array(g) for g in results]


def _is_alone(references: int, g: Any) -> bool:
    """Return whether one local variable has the only reference to the array `g`, which may then be handed out."""
    return references == _ALONE and type(g) is np.ndarray and g.base is None and g.flags.writeable


def _described(value: Any) -> str:
    if type(value) is not Tensor:
        return f"{type(value).__name__} {str(value)[:40]}"
    return f"{value._label()}{'' if value.requires_grad else ' that does not require grad'}"
