"""Verdicts on dZ and dA, which backward passes give beside the gradients of the parameters."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .findings import RIGHT, UNDECIDED

CLOSE = 1e-3


def verdicts(net: Any) -> dict[str, tuple[str, str]]:
    """The verdict and the reading of each inner gradient, by the learner's name.

    The derivative with respect to Z is that with respect to a bias of its own for each sample, where the forward pass
    takes one.
    """
    gradients = {str(place.key): np.asarray(value, dtype=float) for place, value in net.first()[2].items()}
    found: dict[str, tuple[str, str]] = {}
    truth = _truth(net)
    if not truth:
        return {}
    for name, given in gradients.items():
        match = re.fullmatch(r"d([ZzAa])_?(\d+)", name)
        if not match:
            continue
        kind, layer = match[1].upper(), int(match[2])
        expected = truth.get(f"{kind}{layer}")
        if expected is None:
            continue
        if _same(given, expected, net.samples):
            found[name] = RIGHT, ""
        elif kind == "A" and any(_same(given, truth.get(f"A{layer + d}"), net.samples) for d in (-1, 1)):
            d = next(d for d in (-1, 1) if _same(given, truth.get(f"A{layer + d}"), net.samples))
            found[name] = RIGHT, f"it holds dA{layer + d}"
        elif kind == "A" and _masked(given, expected, net.samples):
            found[name] = RIGHT, "with the mask of its layer"
        else:
            found[name] = UNDECIDED, "it is not the derivative; the gradients of the parameters are right"
    return found


def _truth(net: Any) -> dict[str, np.ndarray]:
    """The derivatives of the cost with respect to Z and A of each layer, with respect to a bias for each sample."""
    names = net.names()
    values = [np.asarray(v, dtype=float) for v in net.values()]
    rows = "rows" in net.layout
    found: dict[str, np.ndarray] = {}
    for name, value in zip(names, values, strict=True):
        match = re.fullmatch(r"[bB]_?(\d+)", name)
        weights = next(
            (v for n, v in zip(names, values, strict=True) if match and re.fullmatch(rf"[Ww]_?{match[1]}", n)), None
        )
        if not match or weights is None or value.size * net.samples > 2000:
            continue
        layer, units = int(match[1]), value.size
        wide = np.broadcast_to(
            value.reshape(1, -1) if rows else value.reshape(-1, 1),
            (net.samples, units) if rows else (units, net.samples),
        )
        gradient = np.zeros(wide.shape)
        try:
            for index in np.ndindex(wide.shape):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = np.array(wide)
                    moved[index] += step
                    ends.append(
                        float(net.value(*[moved if n == name else v for n, v in zip(names, values, strict=True)]))
                    )
                gradient[index] = (ends[0] - ends[1]) / 2e-6
        except Exception:  # a forward pass that is strict about shapes
            continue
        found[f"Z{layer}"] = gradient
        found[f"A{layer - 1}"] = gradient @ weights.T if rows else weights.T @ gradient
    return found


def _same(given: np.ndarray, expected: np.ndarray | None, samples: int) -> bool:
    """Return whether a gradient is the derivative, with or without the 1/m."""
    if expected is None or given.shape != expected.shape:
        return False
    size = np.abs(expected).max(initial=1e-300)
    return any(np.all(np.abs(given - scale * expected) <= CLOSE * scale * size) for scale in (1, samples))


def _masked(given: np.ndarray, expected: np.ndarray, samples: int) -> bool:
    """Return whether a gradient is the derivative times a mask of dropout."""
    kept = given != 0
    if given.shape != expected.shape or not kept.any() or kept.all():
        return False
    ratios = given[kept] / np.where(expected[kept] == 0, np.nan, expected[kept])
    return bool(np.nanmax(ratios) - np.nanmin(ratios) <= CLOSE * abs(np.nanmax(ratios)))
