"""Losses that a file has and its training step never computes: called at the end of the step, with its own values.

A loss takes values by name only, so that it gets what the learner would give it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..._signatures import signature

LOSS = re.compile(r"\w*(cost|loss|entropy|objective|mse)\w*|J", re.IGNORECASE)
NO_LOSS = re.compile(r"\w*(back|grad|prime|deriv|update|plot|print|train|_d|delta|history|val)\w*|d_?[a-z]\w*|fit")


def is_noted(names: Collection[str]) -> bool:
    """Return whether the step has computed a loss itself, by the names of its values."""
    return any(LOSS.fullmatch(part) for name in names for part in re.findall(r"\w+", name))


def call_losses(places: Sequence[Mapping[str, Any]], module: Mapping[str, Any], path: str) -> None:
    """Call the losses of the file at `path`: functions, and methods of `self`.

    Each takes the values of its names at the first of the `places` in the step that has all of them.
    """
    called: set[str] = set()
    for local in places:
        for name, loss in _losses(local, module, path):
            arguments = _arguments(loss, {**module, **local})
            if name not in called and arguments is not None:
                called.add(name)
                with suppress(Exception), np.errstate(all="ignore"):
                    loss(**arguments)


def _losses(local: Mapping[str, Any], module: Mapping[str, Any], path: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    thing = local.get("self")
    methods = {} if thing is None else {n: getattr(thing, n, None) for n in dir(type(thing)) if LOSS.fullmatch(n)}
    for name, value in [*module.items(), *methods.items()]:
        code = getattr(getattr(value, "__func__", value), "__code__", None)
        if code is not None and code.co_filename == path and LOSS.fullmatch(name) and not NO_LOSS.fullmatch(name):
            yield name, value


def _arguments(loss: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of all arguments that the step has values for; None if it has none for one that is needed."""
    parameters = [p for p in signature(loss).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.default is p.empty and p.name not in values for p in parameters):
        return None
    return {p.name: values[p.name] for p in parameters if p.name in values}
