"""The activations between scores and predictions, for losses that give the derivative with respect to the scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._signatures import signature
from .loading import UserFile

SCORES = re.compile(r"[zZ]L?\d?|zs?|logits?|scores?|net_?(in(put)?)?|pre_?activations?")
DERIVATIVE = re.compile(r".*(prime|deriv|grad|back|delta|loss|cost|entropy|error|init|predict|_d|d_).*", re.I)
NAMED = re.compile(r".*(softmax|sigmoid|logit|delta|scores|_z\b)", re.I)


class Activation(NamedTuple):
    """An activation by its name in the learner's file, or by its usual one."""

    name: str
    function: Callable[[Any], np.ndarray]


def activations_for(file: UserFile, x: np.ndarray, classes: int, taken: Sequence[str]) -> Iterator[Activation]:
    """The activations that may give predictions of the shape of `x`, with the classes along one of its axes.

    Those of the file; if it has none, the usual ones, unless the backward pass takes scores, by its `taken` names.
    """
    own = [Activation(name, f) for name, f in file.functions.items() if _takes_one(f) and not DERIVATIVE.match(name)]
    found = [each for each in own if _is_activation(each.function, x, classes)]
    usual = [Activation("sigmoid", _sigmoid), Activation("softmax", lambda z: _softmax(z, min(classes, z.ndim - 1)))]
    yield from found or ([] if any(SCORES.fullmatch(n) for n in taken) else usual if np.ndim(x) else usual[:1])


def says_through(names: Sequence[str], taken: Sequence[str]) -> bool:
    """Return whether the names of a loss, or the arguments of its backward pass, tell that it ends at the scores."""
    return any(NAMED.match(name) for name in names) or any(SCORES.fullmatch(name) for name in taken)


def _takes_one(function: Callable[..., Any]) -> bool:
    needed = [p for p in signature(function).parameters.values() if p.default is p.empty]
    return len(needed) == 1


def _is_activation(function: Callable[..., Any], x: np.ndarray, classes: int) -> bool:
    """Return whether a function gives other numbers of the shape of `x`, and no softmax over the samples."""
    try:
        out = np.asarray(function(x), dtype=float)
    except Exception:
        return False
    if out.shape != np.shape(x) or not np.all(np.isfinite(out)) or np.allclose(out, x):
        return False
    samples = 1 - classes
    over_samples = out.ndim == 2 and out.shape[samples] > 1 and np.allclose(out.sum(axis=samples), 1)
    return not over_samples


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _softmax(z: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
