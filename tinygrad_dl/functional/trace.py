"""`Trace`: a call of a function on fresh Tensors, the graph that it recorded, and the backward pass through that graph.

All derivatives of functions are built on it. Inside `vmap` a trace handles all samples at once: samples do not
interact, so the derivative of the sum over samples is the derivative for each sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import pytree
from .._foreign import is_array
from ..batching import Batched, Level, active_levels, core_of, unwrap_batch, with_core, wrap_batch
from ..core import arguments, primitives
from ..core.backprop import (
    backward_between,
    checked_cotangent,
    dependents,
    recorded_after,
    seeds_of,
    topological_order,
)
from ..core.modes import IN_FUNCTION, is_grad_enabled, observing, recording, with_recording
from ..core.tensor import Tensor, untracked
from ..proxies.dispatching import Symbolic
from .deferred import Pullback


class Trace:
    """A call of `f` on `primals`, a tuple, with fresh Tensors in place of the floats.

    A primal that is a Python integer counts as a float. Inside lists, dicts and the like, a leaf that is not a float
    (a count, labels, text, a function) is a constant, with None in `variables` and in derivatives.

    Raises TypeError for a primal that is not a float and contains none.
    """

    levels: tuple[Level, ...]
    primals: tuple[Any, ...]
    values: list[Any]
    variables: list[Tensor | None]
    inputs: list[Tensor]
    result: Any
    outputs: list[Any]
    raw_outputs: list[Any]
    order: list[Tensor]
    is_nested: bool

    def __init__(self, f: Callable[..., Any], primals: tuple[Any, ...]):
        self.levels = active_levels()  # the batch axes of all raw arrays, in front
        self.primals = tuple(float(primal) if type(primal) is int else primal for primal in primals)
        leaves = [list(pytree.leaves(primal)) for primal in self.primals]
        self.values = [value for values in leaves for value in values]
        self.variables = [x for pair in zip(self.primals, leaves, strict=True) for x in self._variables(*pair)]
        self.inputs = [variable for variable in self.variables if variable is not None]
        empty = [primal for primal in self.primals if not isinstance(primal, (list, tuple, dict))]
        if not self.inputs and (self.values or empty):
            kinds = ", ".join(type(value).__name__ for value in self.values[:4] or empty)
            advice = "write 1.0 instead of 1" if self.values else "it needs parameters, made with tg.parameter"
            raise TypeError(f"expected floats to differentiate with respect to, got {kinds}: {advice}.")
        given = pytree.unflatten(self.primals, map(self._argument, self.values, self.variables))
        self.result = with_recording(IN_FUNCTION, f, *given)
        self.outputs = list(pytree.leaves(self.result))
        check_outputs(self.outputs)
        self.raw_outputs = [unwrap_batch(y, self.levels) for y in self.outputs]
        self.order = topological_order(*filter(is_tracked, self.raw_outputs))
        self.is_nested = bool(self.other_leaves(self.order))

    def other_leaves(self, order: Sequence[Tensor]) -> list[Tensor]:
        """The leaves in a topological `order` that belong to functions that are being differentiated too."""
        fresh = set(self.inputs)
        return [node for node in order if node._function is None and node not in fresh] if is_grad_enabled() else []

    def go_on_to_gradient(self) -> None:
        """Make the gradient of the output, a scalar, the outputs: their graph, and not their values."""
        seeds = {y: np.ones_like(y._value) for y in self.raw_outputs if is_tracked(y)}
        self.raw_outputs = backward_between(seeds, self.inputs, self.order, create_graph=True, unread=True)
        self.outputs = [wrap_batch(g, self.levels) for g in self.raw_outputs]
        self.order = topological_order(*self.raw_outputs)
        gradient = iter(self.outputs)
        per_value = [None if variable is None else next(gradient) for variable in self.variables]
        self.result = pytree.unflatten_derivatives(self.primals, per_value)

    def _variables(self, primal: Any, values: list[Any]) -> list[Tensor | None]:
        alone = len(values) == 1 and values[0] is primal  # then it must be a float
        return [_variable(unwrap_batch(x, self.levels)) if alone or _is_float(x) else None for x in values]

    def _argument(self, value: Any, variable: Tensor | None) -> Any:
        return value if variable is None else wrap_batch(variable, self.levels)

    def seed(self, i: int, cotangent: Any) -> dict[Tensor, Any]:
        """Check the `cotangent` of output `i`, and return it as the seed of a backward pass; {} if it has no effect."""
        checked = check_linear_input(self.outputs[i], cotangent, "cotangent")
        if checked is None or not is_tracked(self.raw_outputs[i]):
            return {}
        return {self.raw_outputs[i]: unwrap_batch(checked, self.levels)}

    def pull_back_to_inputs(self, seeds: dict[Tensor, Any]) -> list[Any]:
        """Pull output cotangents back to the inputs; the results are Tensors if an outer function depends on them."""
        depends = any(is_tracked(core_of(u)) for u in seeds.values())
        nested = self.is_nested or depends
        complete = all(y in seeds for y in self.raw_outputs if is_tracked(y))
        order = self.order if complete else topological_order(*seeds)
        if (
            self.is_nested
            and not depends
            and not active_levels()
            and recording.value() is True
            and not observing.value()
        ):
            return Pullback(seeds, self.inputs, order).results()  # no outer function is being differentiated
        return backward_between(seeds, self.inputs, order, create_graph=nested)

    def pull_back(self, seeds: dict[Tensor, Any]) -> list[Any]:
        """Pull output cotangents back to all values, converted to each value's type."""
        cotangents = iter(self.pull_back_to_inputs(seeds))
        per_value = [None if variable is None else next(cotangents) for variable in self.variables]
        return [
            None if g is None else wrap_batch(_convert_like(x, g), self.levels)
            for x, g in zip(self.values, per_value, strict=True)
        ]

    def value(self) -> Any:
        """The result of `f`, without the graph unless an outer function is being differentiated."""
        if self.is_nested:
            return self.result
        return pytree.map_leaves(lambda y: with_core(y, self.without_graph), self.result)

    def wrap_result(self, computed: Any) -> Any:
        """Wrap a result for the caller: hide batch axes again, and match the type of the primals if it has no graph."""
        return wrap_batch(with_core(computed, lambda y: y if type(y) is Tensor else self.without_graph(y)), self.levels)

    def without_graph(self, output: Any) -> Any:
        """An `output` without its graph: a Tensor if one of the primals is one, else an array or a number."""
        if any(type(core_of(value)) is Tensor for value in self.values):
            return untracked(output._value if type(output) is Tensor else arguments.own(output))  # f may keep it
        return arguments.own(as_array(output))[()]


class Aside:
    """The value of `f`, which returns a pair (value, aux); aux is kept aside, and is not differentiated."""

    def __init__(self, f: Callable[..., Any], what: str):
        self._f, self._what = f, what

    def __call__(self, *primals: Any) -> Any:
        """Return the value for `primals`. Raises TypeError unless `f` returns a pair."""
        pair = self._f(*primals)
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise TypeError(
                f"{self._what}: has_aux=True expects a function that returns a pair (value, aux), got "
                f"{type(pair).__name__}{f' of {len(pair)}' if isinstance(pair, (tuple, list)) else ''}."
            )
        value, self._aux = pair
        return value

    def aux(self, trace: Trace) -> Any:
        """The last aux; its parts are without a graph unless an outer function is being differentiated."""
        if trace.is_nested:
            return self._aux
        cores = [core_of(y) for y in pytree.leaves(self._aux)]
        order = recorded_after(1, filter(is_tracked, cores))
        nested = dependents(trace.other_leaves(order), order)

        def without_graph(y: Any) -> Any:
            return with_core(y, trace.without_graph) if type(core_of(y)) is Tensor and core_of(y) not in nested else y

        return pytree.map_leaves(without_graph, self._aux, pytree.registered())


def untrack(variables: Sequence[Tensor]) -> None:
    """Untrack temporary variables after a transform, so that outer transforms ignore them."""
    for variable in variables:
        if variable._function is None:
            variable.requires_grad = False


def is_tracked(value: Any) -> bool:
    """Return whether gradients flow through `value`."""
    return type(value) is Tensor and value.requires_grad


def as_array(value: Any) -> Any:
    """`value` as a plain array."""
    value = value._value if type(value) is Tensor else value
    return value if isinstance(value, Symbolic) else np.asarray(value)


def add_seeds(seeds: dict[Tensor, Any], more: dict[Tensor, Any]) -> dict[Tensor, Any]:
    """Merge two dicts of cotangents, adding up those of the same Tensor."""
    return seeds_of((*seeds.items(), *more.items()))


def check_linear_input(primal: Any, value: Any, what: str) -> Any:
    """Check a tangent or cotangent of `primal` and cast it: a Tensor if it is tracked, else an array.

    None stands for zero, and stays None.
    """
    if value is None:
        return None
    like = primal if type(primal) in (Batched, Tensor) else as_array(primal)
    if type(value) is not Batched:
        checked = checked_cotangent(like, value, what)
        return primitives.astype(value, like.dtype) if is_tracked(value) and is_grad_enabled() else checked
    if value.shape != like.shape or (value.dtype.kind == "c" and like.dtype.kind != "c"):
        raise ValueError(
            f"expected a {what} of shape {like.shape} and dtype {like.dtype} for each sample, got {value.shape} and "
            f"{value.dtype}."
        )
    return value if value.dtype == like.dtype else primitives.astype(value, like.dtype)


def check_outputs(outputs: Sequence[Any]) -> None:
    """Raise a TypeError unless all outputs of a function are Tensors, or arrays, which are constant."""
    tensors = any(type(core_of(output)) is Tensor for output in outputs)
    for output in outputs or [None]:
        if type(output) in (float, int):
            if tensors:
                continue  # a constant beside them
            raise TypeError(
                "expected a function that returns Tensors; this one returned a plain Python number, which has lost its "
                "gradient: leave out float(), .item() and the functions of math."
            )
        if not isinstance(core_of(output), (Tensor, np.ndarray, np.generic, Symbolic)):
            advice = ": is a return missing?" if output is None else "."
            raise TypeError(f"expected a function that returns Tensors, got {type(output).__name__}{advice}")


def _is_float(value: Any) -> bool:
    if is_array(value):
        value = np.asarray(value)
    return isinstance(value, (float, complex)) or getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c")


def _variable(value: Any) -> Tensor:
    """A fresh Tensor to differentiate with respect to, computed from `value` if an outer transform tracks that."""
    if is_tracked(value) and is_grad_enabled():
        return primitives.identity(value)
    variable = value.detach() if type(value) is Tensor else Tensor(value)
    variable.requires_grad = True
    return variable


def _convert_like(value: Any, g: Any) -> Any:
    """Convert the gradient `g` to the type of `value`: a Tensor, an array or a number."""
    if type(g) is not np.ndarray:
        return g
    core = core_of(value)
    if type(core) is Tensor:
        return untracked(g)
    return g if isinstance(core, np.ndarray) else g[()]
