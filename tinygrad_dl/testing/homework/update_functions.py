"""Functions that take a step of gradient descent: update_parameters(parameters, grads, learning_rate), and the like.

Such a step is p - rate · dp for each parameter p. The functions of other optimizers are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..gradcheck.causes import near, ratio_of
from . import methods
from .budget import TooLong, time_limit
from .claims import Claimed, all_causes, judge_and_explain
from .findings import Check, Finding
from .inputs import describe
from .judging import finding_of
from .loading import UserFile
from .updates import RATE

GRADIENTS = re.compile(r"_?(grads?|gradients?|derivatives|d_?params)")
PARAMETERS = re.compile(r"_?(params?|parameters?|weights)")
ONE = re.compile(r"([wW]|[bB]|weights?|bias(es)?|theta)_?\d*")
LAYERS = (2, 1, 3, 4)
SHAPES = {"w": (2, 3), "b": (2, 1)}
STEP = 0.3
SECONDS = 2.0  # of a step


def find(file: UserFile, progress: bool) -> Iterator[Check]:
    """The functions of a file that take a step of gradient descent, unless it has other optimizers too."""
    taking = [n for n, f in file.functions.items() if re.search("update|optimi|descent|step", n, re.I) and _takes(f)]
    for name in taking if all(_is_plain(file, file.functions[name]) for name in taking) else ():
        for layers in LAYERS:
            claim, slopes = _claim(file, name, layers)
            try:
                with time_limit(SECONDS):
                    given = claim.gradients(np.ones(()), claim.values())
            except (Exception, SystemExit):  # it is for another number of layers, or other keys than the course's
                continue
            except TooLong:
                break
            if not _is_scaled(given, slopes):
                yield Check(name, (name,), partial(_check, file, name, claim, progress))
            break


def _takes(function: Any) -> bool:
    """Return whether a function takes gradients, all in one or each beside its parameter."""
    names = methods.arguments_of(function)
    own = [n for n in names if ONE.fullmatch(n)]
    return any(map(GRADIENTS.fullmatch, names)) or bool(own and all(f"d{n}" in names for n in own))


def _is_plain(file: UserFile, function: Any) -> bool:
    """Return whether a function takes parameters, their gradients and a rate, and no other number or argument."""
    if any(isinstance(file.variables.get(n), (int, float)) for n in function.__code__.co_names):
        return False
    names = methods.arguments_of(function)
    rates = [n for n in names if re.fullmatch(RATE, n)]
    stores = [[n for n in names if store.fullmatch(n)] for store in (PARAMETERS, GRADIENTS)]
    own = [n for n in names if ONE.fullmatch(n) and f"d{n}" in names]
    together = all(len(store) == 1 for store in stores) and len(names) == 3
    return len(rates) == 1 and (together or len(names) == 2 * len(own) + 1 > 1)


def _is_scaled(given: Mapping[str, Any], slopes: Mapping[str, np.ndarray]) -> bool:
    """Return whether all gradients are multiplied by one number, such as 1/m, that they may need."""
    ratios = [ratio_of(np.asarray(given[key]), slope) for key, slope in slopes.items()]
    factor = ratios[0] or 0.0
    return factor > 0 and not near(factor, 1.0) and all(r is not None and near(r, factor) for r in ratios)


def _claim(file: UserFile, name: str, layers: int) -> tuple[Claimed, dict[str, np.ndarray]]:
    """The change of each parameter over the rate, as the gradient of a function that has the given ones, and these."""
    function = file.functions[name]
    arguments = methods.arguments_of(function)
    keys = [n for n in arguments if ONE.fullmatch(n)] or [f"{k}{n + 1}" for n in range(layers) for k in "Wb"]
    rng = np.random.default_rng(0)
    values = [rng.normal(size=SHAPES["b" if key[0] in "bB" else "w"]) for key in keys]
    slopes = {key: rng.normal(size=value.shape) for key, value in zip(keys, values, strict=True)}

    def step(g: np.ndarray, given: Sequence[np.ndarray]) -> dict[str, Any]:
        old = {key: np.array(value) for key, value in zip(keys, given, strict=True)}
        gradients = {f"d{key}": np.array(slope) for key, slope in slopes.items()}
        every: dict[str, Any] = {**old, **gradients}
        for n in arguments:
            every[n] = STEP if re.fullmatch(RATE, n) else every.get(n, gradients if GRADIENTS.fullmatch(n) else old)
        new = function(**{n: every[n] for n in arguments})
        if isinstance(new, tuple):
            names = methods.returned_names(file, function)
            new = dict(zip(names if set(names) == set(keys) else keys, new, strict=True))
        new = old if new is None else new
        return {k: g * (v - np.asarray(new[k])) / STEP for k, v in zip(keys, given, strict=True)}

    def value(*given: np.ndarray) -> np.ndarray:
        return np.asarray(sum(np.sum(slopes[key] * part) for key, part in zip(keys, given, strict=True)))

    return Claimed(keys, values, value, step, keys), slopes


def _check(file: UserFile, name: str, claim: Claimed, progress: bool) -> Finding:
    judgement = judge_and_explain(name, claim, {}, progress=progress)
    called = {key: f"the step of {key}" for key in claim.names()}
    taken = describe(dict(zip(claim.names(), claim.values(), strict=True)), [])
    readings = ["the change of each parameter, over minus the learning rate, is to be its gradient"]
    place, causes = file.place(file.functions[name]), all_causes(file, judgement)
    return finding_of(name, (name,), place, taken, readings, judgement, called, causes)
