"""The arguments of a checked function: its lists, dicts, Modules and settings, flattened to float arrays."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import pytree
from ..._signatures import signature
from ...core.tensor import Tensor, replace_all_data
from ...nn.module import Module, generators
from ...tracing.places import Places
from .coordinates import in_layout_of


class Leaf(NamedTuple):
    """A float or complex array among the arguments: `name` is `x`, `p['W']`, or that of a parameter, `W1`."""

    name: str
    value: np.ndarray
    argnum: int


class Arguments:
    """The arguments of a call of `f`; their float arrays are the `leaves`, which can be varied.

    Numbers, arrays and Tensors of floats are leaves, also in lists, tuples and dicts, and so are the parameters of
    Modules. All else, such as an axis or integer labels, is constant. `argnums` are the arguments to vary, by default
    all. If `f` is a Module itself, its parameters are varied as well. Modules draw the same random numbers in each
    call, as dropout has one mask in a step.

    Raises TypeError for an argnum out of range, ValueError without any float, or if a number is not finite.
    """

    f: Callable[..., Any]
    primals: tuple[Any, ...]
    varied: set[int]
    leaves: list[Leaf]

    def __init__(self, f: Callable[..., Any], primals: Sequence[Any], argnums: int | Sequence[int] | None = None):
        if not callable(f):
            raise TypeError(f"expected a function, followed by its arguments, got {f!r:.60}.")
        if argnums is None:
            argnums = range(len(primals))
        elif isinstance(argnums, (int, np.integer)):
            argnums = [int(argnums)]
        for i in argnums:
            if not -len(primals) <= i < len(primals):
                raise TypeError(f"argnums: expected numbers below {len(primals)}, the number of arguments, got {i}.")
        varied = {i % len(primals) for i in argnums}
        names = _names_of_arguments(f, len(primals))
        if isinstance(f, Module):  # its parameters are one argument more, the first
            f, primals, names = _call_module, (f, *primals), ["", *names]
            varied = {0} | {i + 1 for i in varied}
        self.f, self.primals, self.varied = f, tuple(primals), varied
        self._copies: dict[int, Module] = {}  # of the Modules among the primals, by id
        self._draws = [(generator, generator.bit_generator.state) for generator in _generators_of(f, *self.primals)]
        self.leaves = [
            Leaf(name, _copy(_values(value)), i)
            for i, (primal, label) in enumerate(zip(primals, names, strict=True))
            if i in varied
            for name, value in _floats(primal, label)
        ]
        if not self.leaves:
            given = ", ".join(str(getattr(primal, "dtype", type(primal).__name__)) for primal in primals)
            raise ValueError(f"expected at least one argument of floats to check, got {given or 'none'}: write 1.0?")
        for leaf in self.leaves:
            if not np.all(np.isfinite(leaf.value)):
                raise ValueError(f"{leaf.name}: expected finite numbers, got {leaf.value!r:.80}")

    def wide(self) -> list[np.ndarray]:
        """Copies of the values of the leaves in float64 or complex128, of the same memory layouts."""
        wide = [complex if np.iscomplexobj(leaf.value) else float for leaf in self.leaves]
        return [
            in_layout_of(leaf.value.astype(dtype), leaf.value) for leaf, dtype in zip(self.leaves, wide, strict=True)
        ]

    def call(self, *values: Any) -> Any:
        """Call `f` with `values`, arrays or Tensors, in place of the leaves."""
        return self.f(*self.with_values(values))

    def with_values(self, values: Sequence[Any]) -> list[Any]:
        """The arguments with `values` in place of the leaves."""
        supply = iter(values)
        for generator, state in self._draws:
            generator.bit_generator.state = state

        def replaced(primal: Any) -> Any:
            return pytree.map_leaves(lambda value: self._replace(value, supply), primal, whole=Module)

        return [replaced(primal) if i in self.varied else primal for i, primal in enumerate(self.primals)]

    def _replace(self, value: Any, supply: Iterator[Any]) -> Any:
        """The next of the `supply` if `value` is a float, else `value`; for a Module, a copy with other parameters."""
        if not isinstance(value, Module):
            return next(supply) if _is_float(value) else value
        values = [next(supply) for _ in _varied_parameters(value)]
        if any(type(new) is Tensor for new in values):
            return copy.deepcopy(value, dict(zip(map(id, _varied_parameters(value)), values, strict=True)))
        if id(value) not in self._copies:  # one copy will do for all arrays: a deep copy takes as long as the net
            self._copies[id(value)] = copy.deepcopy(value)
        module = self._copies[id(value)]
        replace_all_data(_varied_parameters(module), values)
        for own, given in zip(generators(module).values(), generators(value).values(), strict=True):
            own.bit_generator.state = given.bit_generator.state
        return module

    def lost_dtypes(self, vjp: Callable[..., Any]) -> str:
        """Describe a gradient whose dtype differs from its leaf's, at the leaves' own dtypes; "" if there is none.

        `vjp(*values)` returns the value and its pullback.
        """
        values = [leaf.value for leaf in self.leaves]
        if all(value.dtype in (np.float64, np.complex128) for value in values):
            return ""
        value, pullback = vjp(*values)
        gradients = pullback(pytree.map_leaves(np.ones_like, value))
        for leaf, gradient in zip(self.leaves, gradients, strict=True):
            found = np.asarray(gradient).dtype
            if found != leaf.value.dtype:
                return (
                    f"The gradient with respect to {leaf.name} has dtype {found}, expected {leaf.value.dtype}, the "
                    f"dtype of {leaf.name}."
                )
        return ""


def name_of(f: Callable[..., Any], default: str = "the function") -> str:
    """The name of `f` in a sentence; the `default` for a lambda."""
    name = getattr(f, "__name__", None) or repr(f)
    return default if name == "<lambda>" else name


def _call_module(module: Module, *primals: Any) -> Any:
    return module(*primals)


def _names_of_arguments(f: Callable, count: int) -> list[str]:
    """The names of the first `count` positional parameters of `f`: x0, x1, ... if it has no signature."""
    try:
        parameters = list(signature(f).parameters.values())
    except (TypeError, ValueError):  # of a ufunc, or a function written in C
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in kinds][:count]
    return names + [f"x{i}" if count > 1 else "x" for i in range(len(names), count)]


def _generators_of(*values: Any) -> list[np.random.Generator]:
    """The random generators of the Modules that are among the `values`, or that functions among them refer to."""
    places = Places()
    for value in values:
        places.walk([value], "")
    found = [place.get() for place in places.others]
    each = [generator for module in found if isinstance(module, Module) for generator in generators(module).values()]
    return list({id(generator): generator for generator in each}.values())


def _is_float(value: Any) -> bool:
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return value.dtype.kind in "fc"
    return isinstance(value, (float, complex))


def _values(value: Any) -> Any:
    return value.data if type(value) is Tensor else value


def _copy(value: Any) -> np.ndarray:
    value = np.asarray(value)
    return in_layout_of(value.copy(), value)


def _floats(primal: Any, label: str) -> Iterator[tuple[str, Any]]:
    for name, value in pytree.labelled_leaves(primal, label, whole=Module):
        if isinstance(value, Module):
            varied = set(_varied_parameters(value))
            for path, parameter in value.named_parameters():
                if parameter in varied:
                    yield parameter.name or f"{name}.{path}".lstrip("."), parameter
        elif _is_float(value):
            yield name, value


def _varied_parameters(module: Module) -> list[Tensor]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
