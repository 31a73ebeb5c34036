"""`fused`: a function of NumPy operations as one node of the graph, with derivative rules that are derived from it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from .. import batching
from ..core import primitives, registry
from ..core.backprop import backward_between, topological_order
from ..core.modes import with_recording
from ..core.signatures import signature
from ..core.tensor import Tensor, untracked
from . import algebra
from .deriving import Mismatch, compiled, rules_of
from .places import find_places
from .symbols import Symbol, transparent

F = TypeVar("F", bound=Callable[..., Any])
_MOST = 64  # signatures whose rules are kept


def fused(formula: F, compute: Callable[..., Any] | None = None) -> F:
    """Make a `formula`, a function of arrays, one node of the graph; see `tg.fused`.

    With `compute`, which gives the same values, arrays are computed by that: faster, or after checks.
    """
    operation: Any = primitives.array_function(functools.wraps(formula)(compute) if compute else formula)
    transparent.add(operation)
    derived = _Derived(formula)
    parameters = [p for p in signature(formula).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    registry.defvjp_chosen(operation, derived.choose, *(derived.rule(i) for i in range(len(parameters))))
    batching.rules[operation] = lambda level, *args, **kwargs: formula(*args, **kwargs)
    return operation


class _Derived:
    """The derivative rules of a `formula`, which depend on the shapes, dtypes and settings of a call."""

    def __init__(self, formula: Callable[..., Any]):
        self._formula = formula
        self._tables: dict[type, dict[Any, Any]] = {}  # Tensor, Symbol or another type of the answer -> key -> rules
        self._outside: list[tuple[Any, Any]] | None = None  # the places that the formula reads, and the values there

    def rule(self, argnum: int) -> Callable[..., Any]:
        """The rule for an argument in calls of any shapes, for one argument at a time."""

        def rule(g: Any, ans: Any, *primals: Any, **kwargs: Any) -> Any:
            chosen: Any = self.choose((g, ans, *primals), kwargs)[argnum]
            return chosen(g, ans, *primals)

        before = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self._names(())[:2]]
        after = signature(self._formula).parameters.values()
        kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        before = [p.replace(kind=kinds[not any(q.kind is kinds[0] for q in after)]) for p in before]
        rule.__signature__ = inspect.Signature([*before, *after])  # type: ignore[attr-defined]
        rule.__wrapped__ = self._formula  # type: ignore[attr-defined]  # whose line pictures and errors give
        return rule

    def choose(self, given: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Sequence[Callable[..., Any] | None]:
        """The rules for a call, in which `given` are the cotangent, the answer, and the primals."""
        kind = type(given[1])
        try:
            key = _KEYS[len(given)](*given)
            rules = self._tables[kind][(key, *sorted(kwargs.items())) if kwargs else key]
        except (AttributeError, KeyError, TypeError):
            return self._find(given, kwargs or {})
        return rules if rules and (not self._outside or self._is_same_outside()) else self._find(given, kwargs or {})

    def _is_same_outside(self) -> bool:
        return all(place.get() is value for place, value in self._outside or ())

    def _find(self, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Callable[..., Any] | None]:
        """Look up the rules for a call with settings, or derive them."""
        if type(given[1]) is primitives.Outputs or any(type(x) is batching.Batched for x in given[1:]):
            return self._by_graph(kwargs)
        if self._outside is None or not self._is_same_outside():
            places = find_places(self._formula, {})
            if places.arrays or places.tensors or places.generators or places.containers:
                return self._by_graph(kwargs)
            self._outside = [(place, place.get()) for place in places.others]
            self._tables.clear()
        table = self._tables.setdefault(type(given[1]), {})
        try:
            key = tuple(map(_key_of, given[2:]))
            fast = sum(key, ()) if all(hasattr(x, "shape") for x in given[2:]) else key
            whole = (fast, *sorted(kwargs.items())) if kwargs else fast
            if whole not in table:
                if len(table) >= _MOST:
                    table.clear()
                table[whole] = self._derive(given, kwargs)
            rules = table[whole]
        except TypeError:  # a setting that is not hashable
            rules = None
        return rules or self._by_graph(kwargs)

    def _names(self, primals: tuple[Any, ...]) -> list[str]:
        """The names of the cotangent, the answer, and the primals, which are those of the parameters."""
        parameters = [p for p in signature(self._formula).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL][: len(primals)]
        names += [f"{parameters[-1].name}{i}" for i in range(len(primals) - len(names))]
        taken = {p.name for p in parameters} | {*names, "np"}
        return [name if name not in taken else f"{name}_" for name in ("g", "ans")] + names

    def _derive(self, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Callable[..., Any] | None] | None:
        """The compiled rules for a call; None if the formula can't be traced, so that its graph is needed."""
        ans, primals = given[1], given[2:]
        recorded = type(ans) is Tensor
        try:
            with np.errstate(all="ignore"):
                programs = rules_of(self._formula, self._names(primals), ans, primals, kwargs, recorded)
        except Exception:  # such as a branch on values: the graph of the formula is right, or shows the error
            return None
        if recorded and any(program is not None and program.guards for program in programs):
            return None  # at a kink, whose second derivative depends on the values
        name = registry.name_of(self._formula)
        rules: list[Callable[..., Any] | None] = []
        for i, program in enumerate(programs):
            if program is None:
                rules.append(None)
                continue
            fast = not recorded and type(ans) is not Symbol
            rule = compiled(algebra.simplified(program) if fast else program, name)
            rules.append(self._guarded(rule, i, kwargs) if program.guards else rule)
        return rules

    def _guarded(self, rule: Callable[..., Any], argnum: int, kwargs: dict[str, Any]) -> Callable[..., Any]:
        def guarded(g: Any, ans: Any, *primals: Any) -> Any:
            try:
                return rule(g, ans, *primals)
            except Mismatch:
                return self._by_graph(kwargs)[argnum](g, ans, *primals)

        return guarded

    # ---- without a trace

    def _by_graph(self, kwargs: dict[str, Any]) -> Sequence[Callable[..., Any]]:
        """Rules that record the formula once more, and go backward through its graph; they share one pass."""
        found: dict[str, Any] = {}

        def rule_for(argnum: int) -> Callable[..., Any]:
            def rule(g: Any, ans: Any, *primals: Any) -> Any:
                if not found:
                    found["cotangents"] = self._cotangents(g, ans, primals, kwargs)
                return found["cotangents"][argnum]

            return rule

        return _Rules(rule_for)

    def _cotangents(self, g: Any, ans: Any, primals: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        recorded = type(ans) is Tensor or (isinstance(ans, tuple) and any(type(part) is Tensor for part in ans))
        leaves = [_leaf(x, recorded) for x in primals]
        y = with_recording(True, self._formula, *leaves, **kwargs)
        outputs = (*zip(y, g, strict=True),) if isinstance(y, tuple) else ((y, g),)
        seeds = {part: u for part, u in outputs if u is not None and type(part) is Tensor and part._tracked}
        targets = [leaf for leaf in leaves if type(leaf) is Tensor and leaf._tracked]
        cotangents = iter(backward_between(seeds, targets, topological_order(*seeds), recorded))
        return [next(cotangents) if type(leaf) is Tensor and leaf._tracked else None for leaf in leaves]


class _Rules(Sequence[Callable[..., Any]]):
    """Rules for any number of arguments."""

    def __init__(self, rule_for: Callable[[int], Callable[..., Any]]):
        self._rule_for = rule_for

    def __len__(self) -> int:
        return 1_000_000_000

    def __getitem__(self, argnum: Any) -> Any:
        return self._rule_for(argnum)


def _leaf(x: Any, recorded: bool) -> Any:
    """A leaf of the values of a primal; if rules are `recorded`, a node that leads to it; settings as they are."""
    if recorded:
        return primitives.identity(x) if type(x) is Tensor else x
    if getattr(getattr(x, "dtype", None), "kind", "") not in ("f", "c"):
        return x
    leaf = untracked(x)
    leaf._tracked = True
    return leaf


def _key_of(x: Any) -> tuple[Any, ...]:
    """A key of what the rules depend on: the shape and dtype of an array, else the value itself."""
    if hasattr(x, "shape"):
        return tuple(x.shape), np.dtype(x.dtype)
    return type(x), repr(x) if isinstance(x, (int, float, complex)) else x


class _Keys(dict[int, Callable[..., tuple[Any, ...]]]):
    """Functions from the cotangent, the answer and a number of arrays to their `_key_of`, written out for speed."""

    def __missing__(self, count: int) -> Callable[..., tuple[Any, ...]]:
        names = [f"x{i}" for i in range(count - 2)]
        key = "".join(f"{name}.shape, {name}.dtype, " for name in names)
        self[count] = found = eval(f"lambda g, ans, {', '.join(names)}: ({key})")
        return found


_KEYS = _Keys()
