"""The public functions of NumPy, each once under all its names, and their kinds in the registry."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._signatures import signature
from ..core import registry

NAMESPACES = (np, np.linalg, np.fft)
DEPRECATED = {"np.fix", "np.in1d", "np.row_stack", "np.trapz", "np.typename"}  # by NumPy 2.0 to 2.5


@dataclass(frozen=True)
class NumpyFunction:
    """A function of NumPy with its `names`; `kind` is one of `KINDS`, or "unknown" if it is in no table."""

    function: Callable[..., Any]
    names: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of its entry in the registry."""
        return next((kind for kind, table in KINDS.items() if self.function in table), "unknown")

    @property
    def is_differentiable(self) -> bool:
        """True if it has a derivative, by its own rule or by its decomposition."""
        return self.kind in ("rule", "composite")

    @property
    def is_deprecated(self) -> bool:
        """True if NumPy has deprecated it: some of the supported versions lack it, so no total counts it."""
        return self.names[0] in DEPRECATED

    @property
    def arguments(self) -> str:
        """The arguments that have derivative rules."""
        if self.kind == "composite":
            return "composite"
        rules = registry.vjps[self.function]
        if not isinstance(rules, tuple):
            return "each"
        names = list(signature(next(filter(None, rules))).parameters)[2:]
        return ", ".join(name for name, rule in zip(names, rules, strict=False) if rule is not None)


KINDS: dict[str, Any] = {  # kind of a function -> its table
    "rule": registry.vjps,
    "composite": registry.composites,
    "constant": registry.constants,
    "refused": registry.refusals,
}


def public_functions() -> list[NumpyFunction]:
    """Every callable in `NAMESPACES` that is no class, such as `np.add` and `np.linalg.inv`; in alphabetical order."""
    found: dict[int, tuple[Callable, list[str]]] = {}
    for namespace in NAMESPACES:
        for name in dir(namespace):
            value = getattr(namespace, name, None)
            if name.startswith("_") or not callable(value) or isinstance(value, (type, types.ModuleType)):
                continue
            prefix = namespace.__name__.replace("numpy", "np", 1)
            found.setdefault(id(value), (value, []))[1].append(f"{prefix}.{name}")
    return [_numpy_function(function, names) for function, names in sorted(found.values(), key=lambda entry: entry[1])]


def other_functions() -> list[NumpyFunction]:
    """Other NumPy functions with a derivative: methods of ufuncs, such as `np.add.outer`, and `np.emath`."""
    public = {entry.function for entry in public_functions()}
    others = [f for f in (*registry.vjps, *registry.composites) if f is not None and f not in public]
    named = sorted((registry.name_of(function), function) for function in others if is_of_numpy(function))
    return [NumpyFunction(function, (name,)) for name, function in named]


def is_of_numpy(function: Any) -> bool:
    """Return whether NumPy has this `function`, ufunc, or method of a ufunc under its own name."""
    owner = getattr(function, "__self__", function)
    module = getattr(owner, "__module__", None) or "numpy"  # a ufunc has none
    return (
        module.split(".")[0] == "numpy"
        and getattr(importlib.import_module(module), getattr(owner, "__name__", ""), None) is owner
    )


def _numpy_function(function: Callable, names: list[str]) -> NumpyFunction:
    own = registry.name_of(function)
    return NumpyFunction(function, tuple(sorted(names, key=lambda name: (name != own, name))))
