"""Derivatives with respect to parameters whose own graph is built only if someone differentiates them.

The gradient of a loss with respect to a net depends on the parameters of the net, so it can be differentiated again.
Most gradients never are: they are computed on arrays, and recorded as one node, `gradient`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..core import primitives
from ..core.backprop import backward_between, seeds_of, topological_order
from ..core.registry import defvjp_jointly
from ..core.tensor import Tensor

R = TypeVar("R")


class Tracking:
    """Calls of functions, during which leaves among the `inputs` of a transform that has ended are tracked again."""

    def __init__(self, inputs: Sequence[Tensor]):
        self._inputs = inputs
        self._turns = threading.RLock()  # several threads may call, and a function within a call

    def __call__(self, function: Callable[..., R], *args: Any) -> R:
        """Call `function(*args)` while the leaves are tracked."""
        with self._turns:
            return _with_tracked(self._inputs, function, args)


def _with_tracked(inputs: Sequence[Tensor], function: Callable[..., R], args: tuple[Any, ...]) -> R:
    leaves = [x for x in inputs if not x._tracked]
    try:
        for leaf in leaves:
            leaf._tracked = True
        return function(*args)
    finally:
        for leaf in leaves:
            leaf._tracked = False


class Pullback(primitives.Hidden):
    """The backward pass from outputs, whose cotangents are the constants `seeds`, to `inputs`, along `order`.

    `outside` are the tracked Tensors that the graph depends on, other than the inputs: parameters for instance.
    """

    seeds: dict[Tensor, Any]
    inputs: Sequence[Tensor]
    order: list[Tensor]
    outside: list[Tensor]

    def __init__(self, seeds: dict[Tensor, Any], inputs: Sequence[Tensor], order: list[Tensor]):
        self.seeds, self.inputs, self.order = seeds, inputs, order
        self._tracking = Tracking(inputs)
        inside = set(inputs)
        outside: dict[Tensor, None] = {}
        for node in order:
            if node in inside or not inside.isdisjoint(node._parents):
                inside.add(node)
                outside |= dict.fromkeys(x for x in node._parents if x is not None and x._tracked and x not in inside)
        self.outside = list(outside)

    def results(self) -> list[Any]:
        """The cotangents of the inputs, recorded as one node."""
        found = gradient(*self.outside, pullback=self)
        return list(found) if len(self.inputs) > 1 else [found]

    def arrays(self) -> Any:
        """The cotangents of the inputs as arrays."""
        found = self._go_backward(create_graph=False)
        return tuple(found) if len(found) > 1 else found[0]

    def with_graph(self) -> list[Any]:
        """The cotangents of the inputs, each with its own graph."""
        return self._go_backward(create_graph=True)

    def _go_backward(self, create_graph: bool) -> list[Any]:
        return self._tracking(backward_between, self.seeds, self.inputs, self.order, create_graph)

    def cotangents(self, g: Any, tensors: tuple[Any, ...]) -> tuple[Any, ...]:
        """The cotangents of the Tensors from `outside`: the graph of the results is built, and differentiated.

        Where one of them depends on another, the outer pass propagates its cotangent on, so paths through it are cut.
        """
        results = self.with_graph()
        seeds = seeds_of(zip(results, g if len(results) > 1 else [g], strict=True))
        nested = any(type(x) is Tensor and x._tracked for x in (*seeds.values(), *tensors))
        order = topological_order(*seeds)
        return tuple(backward_between(seeds, self.outside, order, create_graph=nested, is_cut=True))


@primitives.array_function
def gradient(*tensors: Any, pullback: Pullback) -> Any:
    """The cotangents of the inputs of a Pullback, for the values of its Tensors from outside."""
    return pullback.arrays()


defvjp_jointly(gradient, lambda g, ans, *tensors, pullback: pullback.cotangents(g, tensors))
