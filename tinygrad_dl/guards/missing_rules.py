"""Errors for calls with tracked Tensors that no derivative rule is for, each with what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import primitives
from ..core.registry import composites, name_of, refusals, rule_parameters, vjps


def no_rule(function: Callable[..., Any], argnum: int) -> TypeError:
    """The error for a tracked argument of `function` that has no rule."""
    name = name_of(function)
    if function in refusals:
        return TypeError(f"{name} has no derivative rule: {refusals[function]}")
    if set("".join(getattr(function, "types", ["?"]))) == set("O->"):  # a ufunc of objects: frompyfunc made it
        return TypeError(f"{name} calls Python for each number, so it can't be recorded: write it in NumPy functions.")
    namesake = getattr(np, name, None)
    if isinstance(function, np.ufunc) and function not in vjps and (namesake in vjps or namesake in composites):
        return TypeError(
            f"{name} of another library than NumPy has no derivative rule: write np.{name}, which has one."
        )
    what = f"argument {argnum} of {name} (the first is 0)" if function in vjps else name
    return TypeError(
        f"there is no derivative rule for {what}. Give it one with tg.defvjp({name}, ...), write it in functions that "
        f"have one, or pass x.detach() to treat x as a constant."
    )


def check_call(function: Callable[..., Any], argnum: int, args: Sequence[Any], keywords: dict[str, Any]) -> None:
    """Raise TypeError for `args` or `keywords` that the rule for `argnum` does not name, and for `out=`.

    A rule parameter annotated `Literal[...]` accepts only those values.
    """
    positional, named, any_count, any_keyword, choices = rule_parameters(function, argnum)
    if len(args) > len(positional) and not any_count and primitives.visible_kwargs(keywords) == keywords:
        raise no_rule_for(function, f"{len(args)} positional arguments")
    for name, value in zip(positional, args, strict=False):
        if name == "out" and value is not None:
            raise no_rule_for(function, "out=")
    for keyword in keywords:
        known = any_keyword or keyword in named or isinstance(keywords[keyword], primitives.Hidden)
        if keyword == "out" or not known:
            raise no_rule_for(function, f"{keyword}=")
    for name, choice in choices.items():
        value = dict(zip(positional, args, strict=False), **keywords).get(name, choice[0])
        if value not in choice:
            raise no_rule_for(function, f"{name}={value!r}", f"write one of {', '.join(map(repr, choice))}")


def no_rule_for(
    function: Callable[..., Any], argument: str, advice: str = "leave it out, or pass x.detach()"
) -> TypeError:
    """The error for a call with an argument that no rule names."""
    name = name_of(function)
    if argument == "out=":
        advice = "compute a new Tensor instead, z = z + x for z += x"
    elif argument == "dtype=":
        advice = "cast with x.astype(dtype), before or after"
    elif argument == "where=" and hasattr(function, "nin"):  # without out=, what a ufunc skips is whatever was there
        advice = f"write np.where(mask, {name}(...), other)"
    return TypeError(f"{name} has no derivative rule for calls with {argument}: {advice}.")
