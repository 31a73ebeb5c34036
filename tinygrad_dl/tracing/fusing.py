"""`fused`: a function of NumPy operations as one node of the graph, with derivative rules that are derived from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

import numpy as np

from .. import batching
from .._foreign import dispatches
from .._signatures import signature
from ..core import primitives, registry
from ..core.backprop import backward_between, seeds_of, topological_order
from ..core.modes import with_recording
from ..core.tensor import Tensor, untracked
from . import algebra
from .deriving import Mismatch, compiled, rule_of
from .places import find_places
from .repeats import random_states
from .signatures import Changeable, exact
from .spelling import fastest
from .symbols import transparent

F = TypeVar("F", bound=Callable[..., Any])
_MOST = 64  # signatures whose rules are kept
_MISSING: Any = object()


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
    may_change: bool = ...,
) -> F: ...
def fused(
    formula: Any,
    compute: Any = None,
    *,
    keeping: Callable[..., primitives.Kept] | None = None,
    kept: Callable[..., Any] | None = None,
    kinds: tuple[str, ...] = (algebra.EXACT,),
    may_change: bool = False,
) -> Any:
    """Make a `formula`, a function of arrays, one node of the graph; see `tg.fused`.

    With `compute`, which gives the same values, arrays are computed by that: faster, or after checks. `keeping` returns
    values for the rules besides the answer, and `kept` is their formula. `kinds` are those of identities to apply. A
    formula that `may_change` is compared with its first answer where the backward pass records it anew.
    """
    body: Any = compute or formula
    operation = primitives.array_function(body)
    transparent.add(operation)
    operation._formula = formula  # for the rules of formulas that call it
    derived = _Derived(formula, registry.name_of(operation), kinds, kept, may_change)
    registry.defvjp_chosen(operation, derived.choose, *map(derived.rule, range(derived.count)), keeping=keeping)
    batching.rules[operation] = lambda level, *args, **kwargs: body(*args, **kwargs)
    return operation


_Joint = Callable[..., Sequence[Any]]  # a function of g, ans, the primals and what was kept: all cotangents


class _Derived:
    """The derivative rules of a `formula`, which depend on the shapes, dtypes and settings of a call."""

    def __init__(
        self,
        formula: Callable[..., Any],
        name: str,
        kinds: tuple[str, ...],
        kept: Callable[..., Any] | None = None,
        may_change: bool = False,
    ):
        self._formula, self._name, self._kinds, self._kept, self._may_change = formula, name, kinds, kept, may_change
        self._parameters = [p for p in signature(formula).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        self.rules: dict[Any, _Joint | None] = {}
        self._outside: list[tuple[Any, Any]] | None = None  # the places that the formula reads, and the values there
        self.count = len(self._parameters)
        self.choose = self._chooser()

    def _chooser(self) -> Callable[..., _Joint]:
        """The function `choose` for `registry.defvjp_chosen`.

        It is written out for the usual number of arrays, since each backward pass calls it for each node.
        """
        xs, parents = ([f"{letter}{i}" for i in range(self.count)] for letter in "xp")
        wanted = [f"{p} is not None and {p}._tracked" for p in parents]
        key = ["type(g)", "type(ans)", *wanted, *(f"{x}.shape" for x in xs), *(f"{x}.dtype" for x in xs)]
        kept = ["*kept"] if self._kept else []
        code = f"""
def choose(given, kwargs, parents):
    try:
        {", ".join(["g", "ans", *xs, *kept])} = given
        [{", ".join(parents)}] = parents
        found = rules[{", ".join([*key, *(["bool(kept)"] * len(kept))])}] if not kwargs else None
    except (AttributeError, KeyError, TypeError, ValueError):
        found = None
    if found is None:
        wanted = [p is not None and p._tracked for p in parents]
        found = find(given, kwargs or {{}}, wanted)
    return found
"""
        namespace: dict[str, Any] = {"rules": self.rules, "find": self._find}
        exec(code, namespace)
        choose: Callable[..., _Joint] = namespace["choose"]
        return choose

    def rule(self, argnum: int) -> Callable[..., Any]:
        """The rule for an argument in calls of any shapes, for one argument at a time."""

        def rule(g: Any, ans: Any, *primals: Any, **kwargs: Any) -> Any:
            given, wanted = (g, ans, *primals), [i == argnum for i in range(len(primals))]
            return self._find(given, kwargs, wanted)(*given)[argnum]

        before = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self._names(())[:2]]
        after = signature(self._formula).parameters.values()
        kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        before = [p.replace(kind=kinds[not any(q.kind is kinds[0] for q in after)]) for p in before]
        rule.__signature__ = inspect.Signature([*before, *after])  # type: ignore[attr-defined]
        return rule

    def _find(self, given: tuple[Any, ...], kwargs: dict[str, Any], wanted: list[bool]) -> _Joint:
        """Look up the rule for any call, or derive it."""
        kinds, primals = map(type, given[:2]), given[2 : 2 + len(wanted)]
        kept = len(given) > 2 + len(wanted)
        if type(given[1]) is primitives.Outputs or any(type(x) is batching.Batched for x in given[1:]):
            return self._by_graph(kwargs, wanted)
        if self._outside is None or any(place.get() is not value for place, value in self._outside):
            places = find_places(self._formula, {})
            if places.arrays or places.tensors or places.generators or places.containers:
                return self._by_graph(kwargs, wanted)
            self._outside = [(place, place.get()) for place in places.others]
            self.rules.clear()
        try:
            key: Any = (*kinds, *wanted, *map(_shape_of, primals), *map(_dtype_of, primals))
            key += (kept,) if self._kept else ()
            if kwargs or self._outside:  # no key of `choose`
                key = (key, *[(name, exact(kwargs[name])) for name in sorted(kwargs)])
            rule = self.rules.get(key, _MISSING)
            if rule is _MISSING:
                if len(self.rules) >= _MOST:
                    self.rules.clear()
                rule = self.rules[key] = self._derive(given, kwargs, wanted, kept)
            return rule or self._by_graph(kwargs, wanted)
        except Changeable:
            return self._by_graph(kwargs, wanted)

    def _names(self, primals: tuple[Any, ...]) -> list[str]:
        """The names of the cotangent, the answer, and the primals, which are those of the parameters."""
        parameters = self._parameters
        names = [p.name for p in parameters[: len(primals)]]
        taken = {p.name for p in parameters} | {*names, "np"}
        return [name if name not in taken else f"{name}_" for name in ("g", "ans")] + names

    def _derive(self, given: tuple[Any, ...], kwargs: dict[str, Any], wanted: list[bool], kept: bool) -> _Joint | None:
        """The compiled rule for a call; None if the formula can't be traced, so that its graph is needed."""
        ans, primals = given[1], given[2 : 2 + len(wanted)]
        recorded = type(ans) is Tensor
        floats = [is_wanted and _is_float(x) for x, is_wanted in zip(primals, wanted, strict=True)]
        for _ in range(3):  # another thread may draw random numbers meanwhile
            before = random_states() if self._may_change else set()
            try:
                with np.errstate(all="ignore"):
                    program = rule_of(
                        *(self._formula, self._names(primals), ans, primals, kwargs, recorded, floats, self._kinds),
                        self._kept if kept else None,
                    )
            except Exception:  # such as a branch on values: the graph of the formula is right, or shows the error
                return None
            if not self._may_change or before <= random_states():
                break
        else:
            return None  # a draw is no constant of the rule; another one is an error then
        if recorded and program.guards:
            return None  # at a kink, whose second derivative depends on the values
        fast = all(isinstance(x, (np.ndarray, np.generic)) for x in given[:2])  # their methods do not dispatch
        if fast:
            program = fastest(algebra.simplified(algebra.simplified(program), rules=algebra.OF_EAGER))
        rule = compiled(program, self._name, floats, fast)
        return self._guarded(rule, kwargs, wanted) if program.guards else rule

    def _guarded(self, rule: _Joint, kwargs: dict[str, Any], wanted: list[bool]) -> _Joint:
        def guarded(*given: Any) -> Any:
            try:
                return rule(*given)
            except Mismatch:
                return self._by_graph(kwargs, wanted)(*given)

        return guarded

    # ---- without a trace

    def _by_graph(self, kwargs: dict[str, Any], wanted: list[bool]) -> _Joint:
        """A rule that records the formula once more, and goes backward through its graph."""

        def rule(g: Any, ans: Any, *primals: Any) -> list[Any]:
            recorded = type(ans) is Tensor or (isinstance(ans, tuple) and any(type(part) is Tensor for part in ans))
            xs = primals[: len(wanted)]
            leaves = [_leaf(x, recorded) if needed else x for x, needed in zip(xs, wanted, strict=True)]
            y = with_recording(True, lambda: self._formula(*leaves, **kwargs))
            if self._may_change and not _agree(y, ans):
                raise RuntimeError(
                    f"fused: {self._name} does not return in the backward pass what it returned in the forward pass. "
                    f"If it draws random numbers, or reads what changes, pass them as arguments instead."
                )
            seeds = seeds_of(zip(y, g, strict=True) if isinstance(y, tuple) else [(y, g)])
            targets = [i for i, leaf in enumerate(leaves) if wanted[i] and type(leaf) is Tensor and leaf._tracked]
            order = topological_order(*seeds)
            found = backward_between(seeds, [leaves[i] for i in targets], order, recorded)
            cotangents = dict(zip(targets, found, strict=True))
            return [cotangents.get(i) for i in range(len(leaves))]

        return rule


def _agree(y: Any, ans: Any) -> bool:
    """Return whether a formula that is recorded anew has given its answer again, up to rounding."""
    if isinstance(y, tuple):
        return all(map(_agree, y, ans))
    a, b = (part._value if type(part) is Tensor else part for part in (y, ans))
    if not (_is_float(b) and isinstance(a, (np.ndarray, np.generic)) and isinstance(b, (np.ndarray, np.generic))):
        return True  # of many samples, say
    rounding = np.sqrt(np.finfo(b.dtype).eps)
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(b), where=np.isfinite(b), initial=0)
        return np.allclose(a, b, rounding, rounding * largest, equal_nan=True)


def _leaf(x: Any, recorded: bool) -> Any:
    """A leaf of the values of a primal; if rules are `recorded`, a node that leads to it; settings as they are."""
    if recorded:
        return primitives.identity(x) if type(x) is Tensor else x
    if not _is_float(x):
        return x
    leaf = untracked(x)
    leaf._tracked = True
    return leaf


def _is_float(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "") in ("f", "c")


def _shape_of(x: Any) -> Any:
    """The shape of an array; the type of another argument."""
    return tuple(x.shape) if _is_array(x) else type(x)


def _dtype_of(x: Any) -> Any:
    """The dtype of an array; a key of another argument."""
    return np.dtype(x.dtype) if _is_array(x) else exact(x)


def _is_array(x: Any) -> bool:
    return isinstance(x, np.generic) or dispatches(x)
