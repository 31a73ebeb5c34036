"""The net and the data that hand-derived gradients are of: those of the file, or random ones."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...core.tensor import Tensor
from ...nn import Sequential
from .inputs import describe
from .loading import UserFile

PARTS = {  # and what the file may call them
    "X": ("X", "X_train", "train_X", "x"),
    "Y": ("Y", "Y_train", "train_Y", "y"),
    "parameters": ("parameters", "params", "net", "model"),
}
KINDS = (np.ndarray, list, Tensor, Mapping, Sequential)
PARAMETER = re.compile(r"[Wb]\d+")


class Net(NamedTuple):
    """A net and its data; `activations` is None if they are unknown. `taken` describes the origin of all that."""

    X: Any
    Y: Any
    parameters: Any
    activations: list[Any] | None
    taken: list[str]


def parts_of(file: UserFile) -> dict[str, Any]:
    """X, Y and the parameters in the file, None for missing ones. Parameters may be variables W1, b1, ..."""
    parts = {
        what: next((file.variables[name] for name in names if isinstance(file.variables.get(name), KINDS)), None)
        for what, names in PARTS.items()
    }
    if isinstance(parts["parameters"], Mapping):
        parts["parameters"] = {n: v for n, v in parts["parameters"].items() if PARAMETER.fullmatch(str(n))} or None
    elif not isinstance(parts["parameters"], Sequential):
        parts["parameters"] = {n: v for n, v in file.variables.items() if PARAMETER.fullmatch(n)} or None
    return parts


def net_of(file: UserFile, parts: Mapping[str, Any], layers: int) -> Net:
    """The net of the file, with random parts for those that there are not."""
    X, Y, parameters = parts.values()
    rng = np.random.default_rng(0)
    samples = np.shape(X if X is not None else Y)[-1] if X is not None or Y is not None else 5
    n_in, n_out = (len(Z) if Z is not None else n for Z, n in ((X, 3), (Y, 1)))
    if parameters is None:
        sizes = [n_in, *(4, 3, 2)[: layers - 1], n_out]
        parameters = {}
        for layer, (p, n) in enumerate(itertools.pairwise(sizes), start=1):
            parameters |= {f"W{layer}": rng.normal(size=(n, p)), f"b{layer}": rng.normal(size=(n, 1))}
    elif not isinstance(parameters, Sequential):
        last = max(int(n[1:]) for n in parameters)
        n_in, n_out = np.shape(parameters.get("W1"))[-1], len(parameters.get(f"W{last}", ()))
    X = rng.normal(size=(n_in, samples)) if X is None else X
    Y = rng.integers(0, 2, (n_out, samples)).astype(float) if Y is None else Y
    values = {"X": X, "Y": Y, **(parameters if isinstance(parameters, Mapping) else {"net": parameters})}
    known = [what for what, part in parts.items() if part is not None]
    known += values if parts["parameters"] is not None else []
    return Net(X, Y, parameters, _activations(file, parameters), describe(values, known))


def _activations(file: UserFile, parameters: Any) -> list[Any] | None:
    if isinstance(parameters, Sequential):
        return []
    given = file.variables.get("activations")
    if isinstance(given, (list, tuple)):
        return [g if isinstance(g, str) else getattr(g, "__name__", g) for g in given]
    hidden = file.variables.get("hidden_activation", file.variables.get("activation"))
    layers = sum(name[0] == "W" for name in parameters)
    if isinstance(hidden, str) or layers == 1:
        return [hidden] * (layers - 1) + ["sigmoid"]
    return None
