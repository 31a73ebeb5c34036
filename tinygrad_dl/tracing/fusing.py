"""`fused`: a function of NumPy operations as one node of the graph, with derivative rules that are derived from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

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


@overload
def fused(formula: F, *, kinds: tuple[str, ...] = ...) -> F: ...
@overload
def fused(
    formula: Callable[..., Any],
    compute: F,
    *,
    keeping: Callable[..., primitives.Kept] | None = ...,
    kept: Callable[..., Any] | None = ...,
    kinds: tuple[str, ...] = ...,
) -> F: ...
def fused(
    formula: Any,
    compute: Any = None,
    *,
    keeping: Callable[..., primitives.Kept] | None = None,
    kept: Callable[..., Any] | None = None,
    kinds: tuple[str, ...] = (algebra.EXACT,),
) -> Any:
    """Make a `formula`, a function of arrays, one node of the graph; see `tg.fused`.

    With `compute`, which gives the same values, arrays are computed by that: faster, or after checks. `keeping` returns
    values for the rules besides the answer, and `kept` is their formula. `kinds` are those of identities to apply.
    """
    body: Any = compute or formula
    operation = primitives.array_function(body)
    transparent.add(operation)
    derived = _Derived(formula, registry.name_of(operation), kinds)
    if keeping:
        with_kept = _Derived(formula, registry.name_of(operation), kinds, kept)
        rules = [_rule_with_kept(derived.rule(i), with_kept, i) for i in range(derived.count)]
        registry.defvjp_keeping(operation, keeping, *rules)
    else:
        registry.defvjp_chosen(operation, derived.choose, *map(derived.rule, range(derived.count)))
    batching.rules[operation] = lambda level, *args, **kwargs: body(*args, **kwargs)
    return operation


def _rule_with_kept(rule: Callable[..., Any], with_kept: _Derived, argnum: int) -> Callable[..., Any]:
    def rule_with_kept(g: Any, ans: Any, *primals: Any, kept: Any = None, **kwargs: Any) -> Any:
        if kept is None:
            return rule(g, ans, *primals, **kwargs)
        chosen: Any = with_kept.choose((g, ans, *primals), kwargs)[argnum]
        return chosen(g, ans, *primals, *kept)

    rule_with_kept.__signature__ = signature(rule)  # type: ignore[attr-defined]
    return rule_with_kept


class _Derived:
    """The derivative rules of a `formula`, which depend on the shapes, dtypes and settings of a call."""

    def __init__(
        self, formula: Callable[..., Any], name: str, kinds: tuple[str, ...], kept: Callable[..., Any] | None = None
    ):
        self._formula, self._name, self._kinds, self._kept = formula, name, kinds, kept
        self._parameters = [p for p in signature(formula).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        self.rules: dict[Any, Sequence[Callable[..., Any] | None] | None] = {}
        self._outside: list[tuple[Any, Any]] | None = None  # the places that the formula reads, and the values there
        self.count = len(self._parameters)
        self.choose = self._chooser()

    def _chooser(self) -> Callable[..., Sequence[Callable[..., Any] | None]]:
        """A function of `given`, the cotangent, the answer and the primals, and of keywords, that returns the rules.

        It is written out for the usual number of arrays, since each backward pass calls it for each node.
        """
        names = [f"x{i}" for i in range(self.count)]
        key = [*(f"{name}.shape" for name in names), *(f"{name}.dtype" for name in names)]
        code = f"""
def choose(given, kwargs):
    try:
        {", ".join(["g", "ans", *names])} = given
        found = rules[{", ".join(["type(ans)", *key])}] if not kwargs else None
    except (AttributeError, KeyError, ValueError):
        found = None
    return found or find(given, kwargs or {{}})
"""
        namespace: dict[str, Any] = {"rules": self.rules, "find": self._find}
        exec(code, namespace)
        choose: Callable[..., Any] = namespace["choose"]
        return choose

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
        return rule

    def _find(self, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Callable[..., Any] | None]:
        """Look up the rules for any call, or derive them."""
        kind, primals = type(given[1]), given[2:]
        if kind is primitives.Outputs or any(type(x) is batching.Batched for x in given[1:]):
            return self._by_graph(kwargs)
        if self._outside is None or any(place.get() is not value for place, value in self._outside):
            places = find_places(self._formula, {})
            if places.arrays or places.tensors or places.generators or places.containers:
                return self._by_graph(kwargs)
            self._outside = [(place, place.get()) for place in places.others]
            self.rules.clear()
        key: Any = (kind, *(_shape_of(x) for x in primals), *(_dtype_of(x) for x in primals))
        if kwargs or self._outside:  # no key of `choose`
            key = (key, *sorted(kwargs.items()))
        try:
            if key not in self.rules:
                if len(self.rules) >= _MOST:
                    self.rules.clear()
                self.rules[key] = self._derive(given, kwargs)
            return self.rules[key] or self._by_graph(kwargs)
        except TypeError:  # a setting that is not hashable
            return self._by_graph(kwargs)

    def _names(self, primals: tuple[Any, ...]) -> list[str]:
        """The names of the cotangent, the answer, and the primals, which are those of the parameters."""
        parameters = self._parameters
        names = [p.name for p in parameters[: len(primals)]]
        taken = {p.name for p in parameters} | {*names, "np"}
        return [name if name not in taken else f"{name}_" for name in ("g", "ans")] + names

    def _derive(self, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Callable[..., Any] | None] | None:
        """The compiled rules for a call; None if the formula can't be traced, so that its graph is needed."""
        ans, primals = given[1], given[2:]
        recorded = type(ans) is Tensor
        try:
            with np.errstate(all="ignore"):
                programs = rules_of(
                    *(self._formula, self._names(primals), ans, primals, kwargs, recorded, self._kinds, self._kept)
                )
        except Exception:  # such as a branch on values: the graph of the formula is right, or shows the error
            return None
        if recorded and any(program is not None and program.guards for program in programs):
            return None  # at a kink, whose second derivative depends on the values
        rules: list[Callable[..., Any] | None] = []
        for i, program in enumerate(programs):
            if program is None:
                rules.append(None)
                continue
            fast = not recorded and type(ans) is not Symbol
            rule = compiled(algebra.simplified(program) if fast else program, self._name, fast)
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
                    found["cotangents"] = self._cotangents(g, ans, primals[: self.count], kwargs)
                return found["cotangents"][argnum]

            return rule

        return _Rules(rule_for)

    def _cotangents(self, g: Any, ans: Any, primals: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        recorded = type(ans) is Tensor or (isinstance(ans, tuple) and any(type(part) is Tensor for part in ans))
        leaves = [_leaf(x, recorded) for x in primals]
        y = with_recording(True, lambda: self._formula(*leaves, **kwargs))
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


def _shape_of(x: Any) -> Any:
    """The shape of an array; the type of another argument."""
    return tuple(x.shape) if hasattr(x, "shape") else type(x)


def _dtype_of(x: Any) -> Any:
    """The dtype of an array; another argument itself."""
    return np.dtype(x.dtype) if hasattr(x, "shape") else repr(x) if isinstance(x, (int, float, complex)) else x
