"""The table of derivative rules: `rules/` fills it, the backward pass reads it.

A function is *differentiable* (`defvjp`, `defvjp_each`, `defvjp_jointly`), *composite*, that is, computed by other
functions (`defcomposite`), *constant* (`defnondiff`: its derivative is zero wherever it exists), or *refused*
(`refuse`, with the reason). The latest definition wins. A call with a tracked Tensor of a function that is refused, or
that is not in the table, raises an error in the forward pass, where the user's own line is on the stack.
"""

import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

import numpy as np

from .._signatures import signature
from . import primitives

Rule = Callable[..., Any]

vjps: dict[Any, Sequence[Any]] = {}  # function -> its rules by argument number, None where constant
simple: dict[Any, tuple[int, Any]] = {}  # function, each argument of which has a rule -> their number, and `keeping`
constants: set[Callable[..., Any]] = set()  # functions whose derivative is zero wherever it exists
composites: dict[Callable[..., Any], Callable[..., Any]] = {}  # function -> its decomposition
refusals: dict[Callable[..., Any], str] = {}  # function -> why it has no derivative, and what to do instead
older_names: dict[Callable[..., Any], dict[str, str]] = {}  # function -> its keyword-only names of positional arguments


def defvjp(function: Callable[..., Any], *rules: Rule | None) -> None:
    """Define the derivative rules of `function`, one per positional argument; see `tg.defvjp`."""
    if not any(rules):
        raise ValueError(f"defvjp({name_of(function)}): expected a rule; defnondiff declares a function constant.")
    _define(function)
    vjps[function] = rules
    if all(rules):
        simple[function] = len(rules), None


def defvjp_each(function: Callable[..., Any], rule: Rule) -> None:
    """Define one `rule(argnum, g, ans, *primals, **kwargs)` for all arguments of `function`."""
    _define(function)
    vjps[function] = _Each(rule)


def defvjp_jointly(function: Callable[..., Any], rule: Rule) -> None:
    """Define one `rule(g, ans, *primals, **kwargs)` that returns the cotangents of all primals, a tuple."""
    _define(function)
    vjps[function] = JointRule(rule)


def defvjp_adding(function: Callable[..., Any], rule: Rule, add: Callable[..., bool]) -> None:
    """Define a rule for argument 0 of `function` whose cotangent is mostly zeros, and the same rule in place.

    `add(total, g, ans, *primals)` adds the cotangent to the array `total`, and returns whether it could.
    """
    _define(function)
    vjps[function] = AddingRule((rule,))
    vjps[function].add = add  # type: ignore[attr-defined]


def defvjp_chosen(
    function: Callable[..., Any],
    choose: Callable[..., Callable[..., Sequence[Any]]],
    *rules: Rule,
    keeping: Callable[..., primitives.Kept] | None = None,
) -> None:
    """Define rules of `function` by argument, and joint ones for the shapes and dtypes of a call, which are faster.

    `choose(given, kwargs, parents)` returns a function of `given`, which are the arguments of a rule, that computes the
    cotangents of the `parents` that are tracked.

    On arrays `keeping` computes the answer, and values to keep, which come at the end of `given`; but not where the
    rules record a graph, in which kept arrays would be constants.
    """
    _define(function)
    vjps[function] = ChosenRules(rules)
    vjps[function].choose = choose  # type: ignore[attr-defined]
    vjps[function].keeping = keeping  # type: ignore[attr-defined]
    simple[function] = len(rules), keeping


def defnondiff(*functions: Callable[..., Any]) -> None:
    """Declare `functions` constant."""
    for function in functions:
        _define(function)
        constants.add(function)


def defcomposite(function: Callable[..., Any], decomposition: Callable[..., Any]) -> None:
    """Define the `decomposition` of `function` into functions that have rules, for calls with Tensors."""
    _define(function)
    composites[function] = decomposition


def refuse(reason: str, *functions: Callable[..., Any]) -> None:
    """Declare that `functions` have no derivative; the error for a tracked Tensor gives the `reason`."""
    for function in functions:
        _define(function)
        refusals[function] = reason


def _define(function: Callable) -> None:
    vjps.pop(function, None)
    simple.pop(function, None)
    constants.discard(function)
    composites.pop(function, None)
    refusals.pop(function, None)
    rule_parameters.cache_clear()
    signature_of.cache_clear()


class _Each(Sequence):
    """The rules of a function of any number of arguments: one rule, whose first parameter is the argument's number."""

    def __init__(self, rule: Rule):
        self._rule = rule

    def __len__(self) -> int:
        return 1_000_000_000  # more than any call has

    def __getitem__(self, argnum):
        return functools.partial(self._rule, argnum)


class AddingRule(tuple):
    """The rule of `defvjp_adding`: a loop that reads n elements one by one would add n arrays of length n."""

    add: Callable[..., bool]


class ChosenRules(tuple):
    """The rules of `defvjp_chosen`."""

    choose: Callable[..., Callable[..., Sequence[Any]]]
    keeping: Callable[..., primitives.Kept] | None


class JointRule(Sequence[Rule]):
    """The rules of a function whose one rule computes the cotangents of all arguments: each picks its own.

    Iterating yields one set of rules that share a single call.
    """

    def __init__(self, rule: Rule):
        self._rule = rule

    def __len__(self) -> int:
        return 1_000_000_000  # more than any call has

    def __getitem__(self, argnum: Any) -> Any:
        return self._for(argnum, [])

    def __iter__(self) -> Iterator[Rule]:
        computed: list[Sequence[Any]] = []
        return (self._for(argnum, computed) for argnum in itertools.count())

    def picks(
        self, given: tuple[Any, ...], kwargs: dict[str, Any] | None, parents: Sequence[Any]
    ) -> tuple[list[Any], tuple[Any, ...]]:
        """Call the rule once; return equivalent rules and arguments that pick from its answer."""
        found = self._rule(*given, **(kwargs or {}))
        for argnum, parent in enumerate(parents[len(found) :], len(found)):
            if parent is not None and parent._tracked:
                raise _no_part(argnum)
        parts = [
            np.zeros_like(parent._value) if part is None and parent is not None else part
            for part, parent in zip(found, parents, strict=False)
        ]
        return list(map(operator.itemgetter, range(len(parents)))), (parts,)

    def _for(self, argnum: int, computed: list[Sequence[Any]]) -> Rule:
        def pick(g, ans, *primals, **kwargs):
            if not computed:
                computed.append(self._rule(g, ans, *primals, **kwargs))
            if argnum >= len(computed[0]):
                raise _no_part(argnum)
            part = computed[0][argnum]
            return np.zeros_like(primals[argnum]) if part is None else part

        pick.__wrapped__ = self._rule  # type: ignore[attr-defined]  # so that one sees its parameters, and its place
        return pick


def _no_part(argnum: int) -> TypeError:
    return TypeError(f"there is no derivative rule for argument {argnum}: pass x.detach() to treat it as constant.")


# ---- how a function may be called


@functools.cache
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of `function`; for C functions without one, that of their rule or decomposition."""
    try:
        return signature(function)
    except ValueError:
        if function in composites:
            return signature(composites[function])
        rule = signature(next(filter(None, vjps[function])))
        return rule.replace(parameters=list(rule.parameters.values())[2:])


@functools.cache
def rule_parameters(
    function: Callable[..., Any], argnum: int
) -> tuple[list[str], set[str], bool, bool, dict[str, tuple[Any, ...]]]:
    """The parameters of the rule for `argnum` after g and ans: positional, named, *args, **kwargs, and choices."""
    parameters = list(signature(vjps[function][argnum]).parameters.values())[2:]
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = {*positional, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)}
    kinds = {p.kind for p in parameters}
    choices = {p.name: get_args(p.annotation) for p in parameters if get_origin(p.annotation) is Literal}
    return positional, named, inspect.Parameter.VAR_POSITIONAL in kinds, inspect.Parameter.VAR_KEYWORD in kinds, choices


def name_of(function: Callable[..., Any] | None) -> str:
    """The name of `function` for readers: `np.tanh`, `np.linalg.norm`, `np.add.reduce`, `getitem`."""
    name = getattr(function, "__name__", repr(function))
    owner = getattr(function, "__self__", None)
    if hasattr(owner, "nin"):  # a ufunc has methods
        return f"{name_of(owner)}.{name}"
    in_numpy = getattr(np, name, None) is function  # a ufunc has no module, and SciPy's expm1 is not NumPy's
    module = getattr(function, "__module__", None) or ("numpy" if in_numpy else "")
    return f"np{module.removeprefix('numpy')}.{name}" if module.split(".")[0] == "numpy" else name
