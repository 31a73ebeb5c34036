"""Which NumPy function has which derivative: the table that `rules/` fills and the autodiff engine reads.

A function is *differentiable* (`defvjp`, `defvjp_each`), *constant* (`defnondiff`: its derivative is zero wherever it
exists), or *spelled* in other functions (`defspelling`). What is in none of the three is an error when a tracked
Tensor meets it, raised while the user's own line is still on the stack.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Rule = Callable[..., Any]

vjps: dict[Callable | None, Sequence[Any]] = {}  # function -> its rules by argument number, None where constant
constants: set[Callable] = set()  # functions whose derivative is zero wherever it exists
spellings: dict[Callable, Callable] = {}  # function -> the same in functions that have rules

_keywords: dict[Callable, frozenset[str]] = {}  # function -> the keyword arguments that its rules accept


def defvjp(function: Callable, *rules: Rule | None) -> None:
    """Give `function` one derivative rule per positional argument.

    A rule `rule(g, ans, *primals, **kwargs)` is the vector-Jacobian product for its argument: the cotangent `g` of
    the answer `ans` in, the cotangent of the argument out. It is written in NumPy syntax, so that it computes numbers
    on arrays and records a graph on Tensors. It need not undo broadcasting: the engine does. `None` instead of a rule
    says that the function is constant in that argument.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> @tg.primitive
    ... def cube(x):
    ...     return x**3
    >>> tg.defvjp(cube, lambda g, ans, x: g * 3 * x**2)
    >>> float(tg.grad(cube)(2.0))
    12.0
    """
    _define(function, rules, next(rule for rule in rules if rule is not None), skip=2)


def defvjp_each(function: Callable, rule: Rule) -> None:
    """Give one `rule(argnum, g, ans, *primals, **kwargs)` to a `function` of any number of arguments."""
    _define(function, _Each(rule), rule, skip=3)


def defnondiff(*functions: Callable) -> None:
    """Say that `functions` are constant: on Tensors they give NumPy's own plain values, with no gradient."""
    constants.update(functions)


def defspelling(function: Callable, spelling: Callable) -> None:
    """Say that `function` of Tensors is to be computed as `spelling`, which says the same in functions with rules."""
    spellings[function] = spelling


def name_of(function: Callable | None) -> str:
    """What a reader calls `function`: `np.tanh`, `getitem`."""
    name = getattr(function, "__name__", repr(function))
    module = getattr(function, "__module__", None) or "numpy"  # a ufunc has no module
    return f"np.{name}" if module.split(".")[0] == "numpy" else name


def no_rule(function: Callable, argnum: int) -> TypeError:
    """What to raise for a tracked argument of `function` without a rule."""
    name = name_of(function)
    what = f"argument {argnum} of {name} (the first is 0)" if function in vjps else name
    return TypeError(
        f"there is no derivative rule for {what}. Give it one with tg.defvjp({name}, ...), write it in functions that "
        f"have one, or pass x.detach() to treat x as a constant."
    )


def check_keywords(function: Callable, keywords: Iterable[str]) -> None:
    """Raise a TypeError if the rules of `function` know nothing of one of the `keywords` that it is called with."""
    for keyword in keywords:
        if keyword not in _keywords[function]:
            raise TypeError(
                f"{name_of(function)} has no derivative rule for calls with {keyword}=: leave it out, or pass "
                f"x.detach() to treat x as a constant."
            )


class _Each(Sequence):
    """A sequence of rules of any length, made from one rule that takes the argument's number first."""

    def __init__(self, rule: Rule):
        self._rule = rule

    def __len__(self) -> int:
        return 1_000_000_000

    def __getitem__(self, argnum):
        return functools.partial(self._rule, argnum)


def _define(function: Callable, rules: Sequence[Rule | None], rule: Rule, skip: int) -> None:
    parameters = list(inspect.signature(rule).parameters.values())[skip:]
    _keywords[function] = frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    vjps[function] = rules
