"""Causes of the wrong gradients of a net: by the formulas of backprop where they describe it, else by the numbers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..backprop import check_backprop
from ..backprop.report import Row, kinds
from ..formulas import ACTIVATIONS
from ..gradcheck.causes import causes_of
from .environment import SETTINGS
from .fitting import Cost, as_predicted, costs_for
from .nets import is_weight
from .screening import Wrong

HIDDEN = ("relu", "tanh", "sigmoid", "leaky_relu", "identity")
LARGE = 12  # layers
INHERITED = "inherited from"  # a gradient that is not among those given, and wrong for an unknown cause


def causes_in(net: Any, wrong: Wrong) -> dict[str, list[str]]:
    """The causes of each wrong gradient, by the name of its parameter."""
    try:
        named = _by_formulas(net)
    except Exception:  # a net that the formulas don't describe
        named = {}
    found: dict[str, list[str]] = {}
    for name, (given, truth) in wrong.items():
        causes = named.get(name, [])
        if not causes or causes[0].startswith(INHERITED):
            causes = [*causes, *causes_of(given, truth, samples=net.samples)]
        found[name] = list(dict.fromkeys(causes))
    return found


def _by_formulas(net: Any) -> dict[str, list[str]]:
    """The causes that `check_backprop` names, by parameter."""
    layers = _layers(net)
    if not layers:
        return {}
    rows = "rows" in net.layout
    prediction = net.first()[0]
    parameters: dict[str, np.ndarray] = {}
    gradients: dict[str, np.ndarray] = {}
    theirs: dict[str, str] = {}
    given = net.given()
    for layer, (w, b) in enumerate(layers, start=1):
        for letter, name in (("W", w), ("b", b)):
            value = dict(zip(net.names(), net.values(), strict=True)).get(name)
            if value is None:
                units = parameters[f"W{layer}"].shape[1 if rows else 0]
                parameters[f"{letter}{layer}"] = np.zeros((1, units) if rows else (units, 1))
                continue
            parameters[f"{letter}{layer}"] = value
            theirs[f"d{letter}{layer}"] = name
            if name in given:
                gradients[f"d{letter}{layer}"] = net.sign * given[name]
    for place, value in net.first()[2].items():
        match = re.fullmatch(r"d([ZzAa])_?(\d+)", str(place.key))
        if match and int(match[2]) <= len(layers):
            gradients[f"d{match[1].upper()}{match[2]}"] = net.sign * np.asarray(value, dtype=float)
    if not rows:
        parameters = {n: v.reshape(-1, 1) if n[0] == "b" else v for n, v in parameters.items()}
    masks = {f"D{re.findall(r'[0-9]+', n)[0]}": m for n, m in net.masks.items()}
    activations = _fitted(net, parameters, rows, prediction, masks)
    if activations is None:
        return {}
    Y = as_predicted(net.Y, prediction)
    cost, penalty = (
        (net.cost, net.penalty[1])
        if isinstance(net.cost, Cost)
        else _like(net, Y, list(costs_for(prediction, Y, net.samples)))
    )
    if cost is None:
        return {}
    if cost.kind == "categorical_cross_entropy":  # of probabilities, or of scores
        activations[-1] = "softmax"
    settings: dict[str, Any] = {
        "cost": cost.kind,
        "reduction": cost.reduction,
        "samples": "rows" if rows else "columns",
    }
    if masks:
        settings |= {"masks": masks, "keep_prob": SETTINGS["keep_prob"]}
    lambd = round(2 * (net.samples if cost.reduction == "mean" else 1) * penalty, 9)
    report = check_backprop(gradients, net.X, Y, parameters, activations, regularisation=lambd, **settings)
    found: dict[str, list[str]] = {}
    origins: dict[str, str] = {}
    for row in report:
        name = theirs.get(row.name, row.name)
        if row.status == "inherited":
            origins[name] = str(row.inherited_from)
        elif row.status == "wrong":
            found[name] = _words(row)
    first = [c for n, causes in found.items() if n not in net.names() for c in causes]
    inherited = {n: found.get(theirs.get(origin, origin)) or [f"{INHERITED} {origin}"] for n, origin in origins.items()}
    causes = {n: inherited.get(n) or [*found.get(n, []), *first] for n in net.names()}
    return {n: each for n, each in causes.items() if each}


def _words(row: Row) -> list[str]:
    """The causes of a wrong gradient, each with its place: "half of g' in dZ1 (1 - A1)"."""
    words = []
    for causes in filter(None, (row.causes, *row.alternatives)):
        detail = f" ({causes[0].detail})" if len(causes) == 1 and causes[0].detail else ""
        words.append(f"{' and '.join(kinds(causes))} in {row.name}{detail}")
    return words


def _layers(net: Any) -> list[tuple[str, str]]:
    """The names of the weights and of the bias of each layer, in order; none if the parameters aren't of that form."""
    matrices = [n for n, v in zip(net.names(), net.values(), strict=True) if np.ndim(v) == 2 and not _is_bias(n)]
    others = [n for n in net.names() if n not in matrices]
    key = _number
    matrices.sort(key=key)
    others.sort(key=key)
    if len(others) not in (0, len(matrices)) or len(matrices) > LARGE:
        return []
    return list(zip(matrices, others or [""] * len(matrices), strict=True))


def _is_bias(name: str) -> bool:
    return bool(re.match(r"_?b", name.split(".")[-1], re.I))


def _number(name: str) -> int:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else 0


def _fitted(
    net: Any, parameters: dict[str, np.ndarray], rows: bool, prediction: np.ndarray, masks: dict[str, np.ndarray]
) -> list[str] | None:
    """The activations with which the formulas of the course give the learner's prediction."""
    X = np.asarray(net.X, dtype=float)
    for activations in _guesses(len(parameters) // 2):
        A = X
        try:
            for layer, activation in enumerate(activations, start=1):
                W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
                Z = A @ W + b if rows else W @ A + b
                A = _softmax(Z, rows) if activation == "softmax" else ACTIVATIONS[activation][0](Z)
                A = A * masks[f"D{layer}"] / SETTINGS["keep_prob"] if f"D{layer}" in masks else A
        except ValueError:
            return None
        if A.shape == prediction.shape and np.allclose(A, prediction, 1e-6, 1e-9):
            return list(activations)
    return None


def _softmax(Z: np.ndarray, rows: bool) -> np.ndarray:
    e = np.exp(Z - Z.max())
    return e / e.sum(axis=1 if rows else 0, keepdims=True)


def _guesses(layers: int) -> Iterator[tuple[str, ...]]:
    for last, hidden in itertools.product(("sigmoid", "softmax", "identity", "tanh", "relu"), HIDDEN):
        yield (*[hidden] * (layers - 1), last)


def averages_outputs(net: Any) -> bool:
    """Return whether a binary cross-entropy of the learner's is divided by the number of the outputs too."""
    prediction, own, _ = net.first()
    Y = as_predicted(net.Y, prediction)
    if Y is None or prediction.size in (net.samples, 1):
        return False
    sums = [c for c in costs_for(prediction, Y, 1) if c.kind == "binary_cross_entropy"]
    means = [c._replace(of=partial(_mean, c.of)) for c in sums]
    return any(_like(replace(net, cost=name), Y, means)[0] for name in own)


def _mean(total: Callable[..., float], P: np.ndarray, Y: np.ndarray) -> float:
    return total(P, Y) / P.size


def _like(net: Any, Y: Any, standard: Sequence[Cost]) -> tuple[Cost | None, float]:
    """The standard cost and the factor of a penalty that make up the learner's own cost."""
    points = [[v * scale for v in net.values()] for scale in (1.0, 0.7, 0.4)]
    own = [net.play(values, False) for values in points]
    squares = [sum(np.sum(v**2) for n, v in zip(net.names(), p, strict=True) if is_weight(n, v)) for p in points]
    for cost in standard:
        rest = np.array([costs[net.cost] - cost.of(P, Y) for P, costs, _ in own])
        factor, constant = np.polyfit(squares, rest, 1)
        if np.allclose(np.polyval([factor, constant], squares), rest, 1e-6, 1e-8) and factor > -1e-9:
            return cost, max(float(factor), 0.0)
    return None, 0.0
