"""Calls of a learner's functions by the names of their arguments: each function finds what the others have given."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import methods
from .loading import CannotCheck, UserFile
from .objects import RATES
from .repeatable import Repeatable

# The part that an argument plays, by its name. The first row that fits counts, after all names that are known.
ROLES = (
    ("X", r"[xX]|[xX]_?(train|batch|assess|data|i|b|in|sample\w*)|train_?[xX]|inputs?(_data|_list|_array|s)?|data|"
          r"images?|features|[aA]_?0|x_i|a_in"),
    ("prediction", r"[aA]L|[aA]\d|[aA]|[yY]_?(hat|pred\w*|out\w*|prob\w*|h)|yh|pred\w*|prob(s|abilit\w*)?|h|hx|o|"
                   r"scores?|outputs?(_activations?)?|out|final(_outputs?)?|hypothesis|[aA]_?(out|last|final)|activations?|result"),
    ("Y", methods.LABELS.pattern),
    ("cache", r"\w*caches?\w*|memory|forward_\w+|tape|store|acts?|layers?_outputs?|cached|outs|vals|fwd\w*|interm\w*"),
    ("parameters", r"\w*param\w*|weights?|model|theta\w*|net(work)?|nn|ws|W"),
    ("lambd", r"lambd\w*|lam|lmbda|_?lambda_?|reg\w*|l2\w*|weight_decay|alpha_reg|Lambda"),
    ("keep_prob", r"keep_?prob\w*|p_keep|keep\w*"),
    ("rate", RATES.pattern),
    ("m", r"m|n_?samples|num_?samples|batch_?size|N"),
    ("flag", r"(is_?)?train(ing)?|mode"),
)  # fmt: skip
SETTINGS = {"lambd": 0.3, "keep_prob": 0.6, "rate": 1.0, "flag": True}


def _parts(result: Any, names: list[str]) -> tuple[Any, ...]:
    """The results of a function: those of a tuple, or of a list of several written out in its `return`."""
    written = isinstance(result, list) and len(result) == len(names) > 1
    return tuple(result) if isinstance(result, tuple) or written else (result,)


class Environment:
    """Values by name, and by the part that they play: X, Y, the parameters, the prediction, the cache."""

    file: UserFile
    named: dict[str, Any]
    parts: Any

    def __init__(self, file: UserFile, named: Mapping[str, Any], parts: Mapping[str, Any]):
        self.file, self.named, self.parts = file, dict(named), {**SETTINGS, **parts}

    def value(self, name: str) -> Any:
        """The value for an argument of this name. KeyError if nothing fits."""
        if name in self.named:
            return self.named[name]
        for part, pattern in ROLES:
            if re.fullmatch(pattern, name) and part in self.parts:
                return self.parts[part]
        lower = {key.casefold(): value for key, value in self.named.items()}
        return lower[name.casefold()]

    @staticmethod
    @functools.lru_cache(maxsize=1024)
    def part(name: str) -> str:
        """The part that an argument of this name plays; "" if none."""
        return next((part for part, pattern in ROLES if re.fullmatch(pattern, name)), "")

    def call(self, function: Callable[..., Any], **given: Any) -> Any:
        """The result of a function for the values that its arguments name. CannotCheck names a missing one."""
        arguments = dict(given)
        parameters = methods.parameters_of(function)
        for p in parameters:
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.name in arguments:
                continue
            try:
                value = self.value(p.name)
                known = p.name in self.named or self.part(p.name) in ("lambd", "keep_prob", "X", "Y", "m")
                if p.default is not p.empty and not known:
                    continue
                arguments[p.name] = value
            except KeyError:
                if p.default is p.empty:
                    name = getattr(function, "__name__", "function")
                    raise CannotCheck(f"{name}: there is no value for its argument {p.name}.") from None
        names = [p.name for p in parameters]
        positional = [arguments[n] for n in names if n in arguments] if all(n in arguments for n in names) else None
        with np.errstate(all="ignore"):
            return Repeatable(function)(*positional) if positional is not None else Repeatable(function)(**arguments)

    def learn(self, function: Callable[..., Any], result: Any, *, prediction: bool = False) -> None:
        """Take the results of a function by the names in its `return`, and entries of dicts by their keys."""
        names = methods.returned_names(self.file, function)
        parts = _parts(result, names)
        if len(names) == len(parts):
            self.named |= {n: part for n, part in zip(names, parts, strict=True) if n}
        for part in parts:
            if isinstance(part, Mapping):
                self.named |= {str(n): value for n, value in part.items()}
        if len(parts) > 1:
            self.parts["cache"] = parts[1] if len(parts) == 2 else parts[-1]
        elif isinstance(result, (Mapping, list)):
            self.parts["cache"] = result
        if prediction:
            self.parts["prediction"] = self.prediction(function, result)

    def prediction(self, function: Callable[..., Any], result: Any) -> Any:
        """The output of a net among what its forward pass gives: the last of the activations, by name, or the first."""
        names = methods.returned_names(self.file, function)
        parts = _parts(result, names)
        named: dict[str, Any] = {}
        for i, part in enumerate(parts):
            if isinstance(part, Mapping):
                named |= {str(n): value for n, value in part.items()}
            elif isinstance(part, np.ndarray) and len(names) == len(parts) and names[i]:
                named[names[i]] = part
        arrays = [part for part in parts if isinstance(part, np.ndarray)]
        layers = {int(match[1]): named[n] for n in named if (match := re.fullmatch(r"[aA]_?(\d+)", n))}
        ends = [named[n] for n in named if re.fullmatch(r"[aA]L|[yY]_?(hat|pred)\w*|probs?|output|out|scores", n)]
        if isinstance(parts[0], np.ndarray) and (len(arrays) == 1 or not (layers or ends)):
            return parts[0]
        if ends or layers:
            return ends[0] if ends else layers[max(layers)]
        if isinstance(parts[0], (float, np.floating)):  # a cost
            return parts[0]
        lists = [part for part in parts if isinstance(part, (list, tuple)) and part]
        last = lists[0][-1] if lists else parts[0]
        return last[-1] if isinstance(last, (tuple, list)) else last
