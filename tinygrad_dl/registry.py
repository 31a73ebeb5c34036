"""Which NumPy function has which derivative: the table that `rules/` fills and the autodiff engine reads.

A function is *differentiable* (`defvjp`, `defvjp_each`, `defvjp_jointly`), *spelled* in other functions
(`defspelling`), *constant* (`defnondiff`: its derivative is zero wherever it exists), or *refused* (`refuse`, with the
reason); what is said last holds. What is refused, or none of these, is an error when a tracked Tensor meets it, raised
while the user's own line is still on the stack.
"""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Rule = Callable[..., Any]

vjps: dict[Callable | None, Sequence[Any]] = {}  # function -> its rules by argument number, None where constant
constants: set[Callable] = set()  # functions whose derivative is zero wherever it exists
spellings: dict[Callable, Callable] = {}  # function -> the same in functions that have rules
refusals: dict[Callable, str] = {}  # function -> why it has no derivative, and what to do instead


def defvjp(function: Callable, *rules: Rule | None) -> None:
    """Give `function` one derivative rule per positional argument.

    A rule `rule(g, ans, *primals, **kwargs)` is the vector-Jacobian product for its argument: the cotangent `g` of
    the answer `ans` in, the cotangent of the argument out. It is written in NumPy syntax, so that it computes numbers
    on arrays and records a graph on Tensors. It need not undo broadcasting: the engine does. `None` instead of a rule
    says that the function is constant in that argument. A call with arguments that a rule does not name is an error.

    Raises ValueError if no rule is given.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def cube(x):
    ...     return x**3
    >>> tg.defvjp(cube, lambda g, ans, x: g * 3 * x**2)
    >>> float(tg.grad(cube)(2.0))
    12.0
    """
    if not any(rules):
        raise ValueError(f"defvjp({name_of(function)}): expected a rule; defnondiff says that a function is constant.")
    _define(function)
    vjps[function] = rules


def defvjp_each(function: Callable, rule: Rule) -> None:
    """Give one `rule(argnum, g, ans, *primals, **kwargs)` to a `function` of any number of arguments."""
    _define(function)
    vjps[function] = _Each(rule)


def defvjp_jointly(function: Callable, rule: Rule) -> None:
    """Give `function` one `rule(g, ans, *primals, **kwargs)` that gives the cotangents of all primals, as a tuple.

    For what computes them together; it is called once for a node of the graph. Instead of zeros it may give `None`.
    """
    _define(function)
    vjps[function] = _Joint(rule)


def defnondiff(*functions: Callable) -> None:
    """Say that `functions` are constant: on Tensors they give NumPy's own plain values, with no gradient."""
    for function in functions:
        _define(function)
        constants.add(function)


def defspelling(function: Callable, spelling: Callable) -> None:
    """Say that `function` of Tensors is to be computed as `spelling`, which says the same in functions with rules."""
    _define(function)
    spellings[function] = spelling


def refuse(reason: str, *functions: Callable) -> None:
    """Say why `functions` have no derivative, and what to do instead: the error for a tracked Tensor says so."""
    for function in functions:
        _define(function)
        refusals[function] = reason


def _define(function: Callable) -> None:
    vjps.pop(function, None)
    constants.discard(function)
    spellings.pop(function, None)
    refusals.pop(function, None)
    _parameters.cache_clear()


class _Each(Sequence):
    """The rules of a function of any number of arguments: one rule, which takes the argument's number first."""

    def __init__(self, rule: Rule):
        self._rule = rule

    def __len__(self) -> int:
        return 1_000_000_000  # more than any call has

    def __getitem__(self, argnum):
        return functools.partial(self._rule, argnum)


class _Joint(Sequence):
    """The rules of a function whose one rule gives the cotangents of all arguments: each picks its own.

    Whoever iterates over them gets rules for one node of the graph, and the first that is called computes for all.
    """

    def __init__(self, rule: Rule):
        self._rule = rule

    def __len__(self) -> int:
        return 1_000_000_000  # more than any call has

    def __getitem__(self, argnum):
        return next(itertools.islice(self, argnum, None))

    def __iter__(self) -> Iterator[Rule]:
        computed: list[Sequence[Any]] = []

        def pick(argnum, g, ans, *primals, **kwargs):
            if not computed:
                computed.append(self._rule(g, ans, *primals, **kwargs))
            part = computed[0][argnum]
            return primals[argnum] * 0.0 if part is None else part

        return (functools.partial(pick, argnum) for argnum in itertools.count())


# ---- errors


def name_of(function: Callable | None) -> str:
    """What a reader calls `function`: `np.tanh`, `np.linalg.norm`, `np.add.reduce`, `getitem`."""
    name = getattr(function, "__name__", repr(function))
    owner = getattr(function, "__self__", None)
    if hasattr(owner, "nin"):  # a ufunc has methods
        return f"{name_of(owner)}.{name}"
    module = getattr(function, "__module__", None) or "numpy"  # a ufunc has no module
    return f"np{module.removeprefix('numpy')}.{name}" if module.split(".")[0] == "numpy" else name


def no_rule(function: Callable, argnum: int) -> TypeError:
    """What to raise for a tracked argument of `function` without a rule."""
    name = name_of(function)
    if function in refusals:
        return TypeError(f"{name} has no derivative rule: {refusals[function]}")
    what = f"argument {argnum} of {name} (the first is 0)" if function in vjps else name
    return TypeError(
        f"there is no derivative rule for {what}. Give it one with tg.defvjp({name}, ...), write it in functions that "
        f"have one, or pass x.detach() to treat x as a constant."
    )


def check_call(function: Callable, argnum: int, args: Sequence[Any], keywords: tuple[str, ...]) -> None:
    """Raise a TypeError if the rule for `argnum` knows nothing of one of the `args` or `keywords`, or for an `out`."""
    positional, named, any_count, any_keyword = _parameters(function, argnum)
    if len(args) > len(positional) and not any_count:
        raise _unknown(function, f"{len(args)} positional arguments")
    for name, value in zip(positional, args, strict=False):
        if name == "out" and value is not None:
            raise _unknown(function, "out=")
    for keyword in keywords:
        if keyword == "out" or (keyword not in named and not any_keyword):
            raise _unknown(function, f"{keyword}=")


def _unknown(function: Callable, argument: str) -> TypeError:
    advice = "compute a new Tensor instead" if argument == "out=" else "leave it out, or pass x.detach()"
    return TypeError(f"{name_of(function)} has no derivative rule for calls with {argument}: {advice}.")


@functools.cache
def _parameters(function: Callable, argnum: int) -> tuple[list[str], set[str], bool, bool]:
    """What the rule for `argnum` takes besides g and ans: by position, by name, and any number of either."""
    parameters = list(inspect.signature(vjps[function][argnum]).parameters.values())[2:]
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = {*positional, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)}
    kinds = {p.kind for p in parameters}
    return positional, named, inspect.Parameter.VAR_POSITIONAL in kinds, inspect.Parameter.VAR_KEYWORD in kinds
