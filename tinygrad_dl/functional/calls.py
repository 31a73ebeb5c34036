"""A function called on fresh Tensors: what it gave, the graph in between, and the way back through that.

All derivatives of functions are built on `Call`. Inside of `vmap` it works on all samples at once: they don't mix, so
the derivative of the sum over samples is the derivative for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import pytree
from ..batching import Batched, Level, active_levels, core_of, unwrap_batch, with_core, wrap_batch
from ..core import arguments, primitives
from ..core.backprop import backward_between, checked_cotangent, topological_order
from ..core.modes import IN_FUNCTION, is_grad_enabled, with_recording
from ..core.tensor import Tensor, untracked


class Call:
    """A call of `f` on fresh Tensors in the place of the floats among `primals`, a tuple.

    An argument that is a Python integer counts as a float. In lists, dicts and the like, whatever is not of floats (an
    integer such as a count, labels, text, a function) is a constant: `variables` has None for it, and so have results.

    Raises TypeError for an argument that is not of floats, or has none in it.
    """

    levels: tuple[Level, ...]
    primals: tuple[Any, ...]
    values: list[Any]
    variables: list[Tensor | None]
    by: list[Tensor]
    result: Any
    outputs: list[Any]
    cores: list[Any]
    order: list[Tensor]
    outer: bool

    def __init__(self, f: Callable[..., Any], primals: tuple[Any, ...]):
        self.levels = active_levels()  # of the samples that everything has, axis after axis, in front
        self.primals = tuple(float(primal) if type(primal) is int else primal for primal in primals)
        self.values = list(pytree.leaves(self.primals))
        self.variables = [variable for primal in self.primals for variable in self._variables(primal)]
        self.by = [variable for variable in self.variables if variable is not None]
        empty = [primal for primal in self.primals if not isinstance(primal, (list, tuple, dict))]
        if not self.by and (self.values or empty):
            kinds = ", ".join(type(value).__name__ for value in self.values[:4] or empty)
            advice = "write 1.0?" if self.values else "has it parameters, made with tg.parameter?"
            raise TypeError(f"expected floats to differentiate by, got {kinds}: {advice}")
        given = pytree.unflatten(self.primals, map(self._given, self.values, self.variables))
        self.result = with_recording(IN_FUNCTION, f, *given)
        self.outputs = list(pytree.leaves(self.result))
        check_outputs(self.outputs)
        self.cores = [unwrap_batch(y, self.levels) for y in self.outputs]
        self.order = topological_order(*filter(is_tracked, self.cores))
        fresh = set(self.by)
        others = [node for node in self.order if node._function is None and node not in fresh]
        self.outer = is_grad_enabled() and bool(others)  # something outside is being differentiated too

    def _variables(self, primal: Any) -> list[Tensor | None]:
        values = list(pytree.leaves(primal))
        alone = len(values) == 1 and values[0] is primal  # then it must be floats
        return [_variable(unwrap_batch(x, self.levels)) if alone or _is_float(x) else None for x in values]

    def _given(self, value: Any, variable: Tensor | None) -> Any:
        return value if variable is None else wrap_batch(variable, self.levels)

    def seed(self, i: int, cotangent: Any) -> dict[Tensor, Any]:
        """The `cotangent` of output number `i`, checked, as the start of a way back: empty if it is constant."""
        checked = linear(self.outputs[i], cotangent, "cotangent")
        if checked is None or not is_tracked(self.cores[i]):
            return {}
        return {self.cores[i]: unwrap_batch(checked, self.levels)}

    def pulled(self, seeds: dict[Tensor, Any]) -> list[Any]:
        """The cotangents of the variables, given those of outputs: Tensors where something outside depends on them."""
        outer = self.outer or any(is_tracked(core_of(u)) for u in seeds.values())
        order = self.order if all(y in seeds for y in self.cores if is_tracked(y)) else topological_order(*seeds)
        return backward_between(seeds, self.by, order, create_graph=outer)

    def pull_back(self, seeds: dict[Tensor, Any]) -> list[Any]:
        """The cotangents of the values, of their kinds, given those of outputs."""
        pulled = iter(self.pulled(seeds))
        cotangents = [None if variable is None else next(pulled) for variable in self.variables]
        return [
            None if g is None else wrap_batch(_like(x, g), self.levels)
            for x, g in zip(self.values, cotangents, strict=True)
        ]

    def value(self) -> Any:
        """What `f` gave: with the graph only if that is differentiated outside."""
        return self.result if self.outer else pytree.map_leaves(lambda y: with_core(y, self.kind), self.result)

    def presented(self, computed: Any) -> Any:
        """What was computed for the caller, with the samples' axes hidden: of the primals' kind if it has no graph."""
        return wrap_batch(with_core(computed, lambda y: y if type(y) is Tensor else self.kind(y)), self.levels)

    def kind(self, output: Any) -> Any:
        """An `output` without its graph: as a Tensor if one of the primals was one, else as an array or a number."""
        if any(type(core_of(value)) is Tensor for value in self.values):
            return untracked(output._value if type(output) is Tensor else np.array(output))  # which may be f's own
        return np.array(plain(output))[()]


def forget(variables: Sequence[Tensor]) -> None:
    """Make constants of what was differentiated by, once that is done, lest it be mistaken for something outside."""
    for variable in variables:
        if variable._function is None:
            variable.requires_grad = False


def is_tracked(value: Any) -> bool:
    """Whether gradients flow through `value`."""
    return type(value) is Tensor and value.requires_grad


def plain(value: Any) -> Any:
    """`value` as an array."""
    return value._value if type(value) is Tensor else np.asarray(value)


def added(seeds: dict[Tensor, Any], more: dict[Tensor, Any]) -> dict[Tensor, Any]:
    """Cotangents of outputs, and those of others: added up where one Tensor has two."""
    return seeds | {y: seeds[y] + u if y in seeds else u for y, u in more.items()}


def linear(primal: Any, value: Any, what: str) -> Any:
    """The `value` of a tangent or cotangent of `primal`: a Tensor if it is differentiated by too, else an array.

    None is zero, and stays None.
    """
    if value is None:
        return None
    like = primal if type(primal) is Batched else plain(primal)
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
    """Raise a TypeError unless a function gave Tensors or arrays, which are constants."""
    tensors = any(type(core_of(output)) is Tensor for output in outputs)
    for output in outputs or [None]:
        if type(output) in (float, int):
            if tensors:
                continue  # a constant beside them
            raise TypeError(
                "expected a function that gives Tensors; this one gave a plain Python number, which has lost its "
                "gradient: leave out float(), .item() and the functions of math."
            )
        if not isinstance(core_of(output), (Tensor, np.ndarray, np.generic)):
            advice = ": is a return missing?" if output is None else "."
            raise TypeError(f"expected a function that gives Tensors, got {type(output).__name__}{advice}")


def _is_float(value: Any) -> bool:
    if arguments.is_array(value):
        value = np.asarray(value)
    return isinstance(value, (float, complex)) or getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c")


def _variable(value: Any) -> Tensor:
    """A fresh Tensor to differentiate by: a child of `value` if that is tracked, for outer derivatives to see."""
    if is_tracked(value) and is_grad_enabled():
        return primitives.identity(value)
    variable = value.detach() if type(value) is Tensor else Tensor(value)
    variable.requires_grad = True
    return variable


def _like(value: Any, g: Any) -> Any:
    """The gradient `g` in the kind that `value` is: a Tensor, an array or a number."""
    if type(g) is not np.ndarray:
        return g
    core = core_of(value)
    if type(core) is Tensor:
        return untracked(g)
    return g if isinstance(core, np.ndarray) else g[()]
