"""The formulas of backprop with slots, so that a mistake can sit in one of them. The mistakes are in `mistakes`.

Every formula is one sentence, `sign * constant * factor * op(left, right) * mask + penalty`, and `form` gives the
result its shape. It reads its layer l by offset, in the course's notation: `v.A[-1]` is A[l-1], `v.W[+1]` is W[l+1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..formulas import cost_backward

Array = np.ndarray
Slot = Callable[..., Any]  # of a View; and of a number θ, if a mistake has one that is free


class Offset:
    """The values of a quantity by offset from layer l. KeyError: there is no such layer, or it is not known."""

    def __init__(self, values: Mapping[str, Any], name: str, layer: int):
        self._values, self._name, self._layer = values, name, layer

    def __getitem__(self, offset: int) -> Any:
        return self._values[f"{self._name}{self._layer + offset}"]


class View:
    """The inputs of the formulas of layer l: the `net` and its values, and the `errors` computed so far, by name.

    A, Z, W, b, dA, dZ, dW and the sizes n are taken by offset: `v.A[-1]`.
    """

    decay: Any
    mask: Any

    net: Any
    errors: Mapping[str, Array]
    layer: int
    m: Any
    Y: Any
    λ: Any
    scale: float

    def __init__(self, net: Any, errors: Mapping[str, Array], layer: int):
        self.net, self.errors, self.layer = net, errors, layer
        self.m, self.Y, self.λ = net.m, net.Y, net.regularisation
        self.decay = net.regularisation * net.penalty
        self.scale, self.mask = net.scale, net.masks.get(f"D{layer}")

    def __getattr__(self, name: str) -> Offset:
        return Offset(self.errors if name[0] == "d" else self.net.values, name, self.layer)

    @property
    def updated_W(self) -> Offset:
        """W after the step."""
        return Offset(self.net.updated, "W", self.layer)

    @property
    def old_W(self) -> Offset:
        """W before the step."""
        return Offset(self.net.old, "W", self.layer)

    @property
    def activation(self) -> str:
        """The name of the activation of this layer."""
        return self.net.activations.get(self.layer, "identity")

    @property
    def slope(self) -> Callable[[Array, Array], Array]:
        """The derivative g' of this layer, a function of Z and A."""
        return self.net.functions[self.activation][1]

    # The 1/m is applied once: the derivative of the cost has it from the start, the course in dW and db.

    @property
    def is_early(self) -> bool:
        """True if the 1/m is in the derivative of the cost."""
        return self.net.convention == "derivative"

    @property
    def early(self) -> float:
        """The factor in the derivative of the cost."""
        return self.scale if self.is_early else 1.0

    @property
    def late(self) -> float:
        """The factor in dW and db."""
        return 1.0 if self.is_early else self.scale


class Formula(NamedTuple):
    """A formula as it should be: in words, the week that derives it, and the contents of its slots."""

    text: str
    week: int
    slots: dict[str, Slot]


PLAIN: dict[str, Slot] = {
    "sign": lambda v: 1.0,
    "constant": lambda v: 1.0,
    "mask": lambda v: None,
    "factor": lambda v: 1.0,
    "slope": lambda v: None,
    "penalty": lambda v: None,
    "form": lambda v: None,
    "turn": lambda v: None,
}

# In the texts, {l} is this layer, {n} the next and {p} the previous one.
FORMULAS = {
    "bce": Formula(
        "dA{l} = {early}(-Y/A{l} + (1 - Y)/(1 - A{l}))",
        3,
        {"left": lambda v: v.A[0], "op": lambda v: cost_backward, "right": lambda v: v.Y, "factor": lambda v: v.early},
    ),
    "mse": Formula(
        "dA{l} = {early}2 (A{l} - Y)",
        4,
        {
            "left": lambda v: v.A[0],
            "op": lambda v: lambda A, Y: 2 * (A - Y),
            "right": lambda v: v.Y,
            "factor": lambda v: v.early,
        },
    ),
    "half": Formula(
        "dA{l} = {early}(A{l} - Y)",
        4,
        {"left": lambda v: v.A[0], "op": lambda v: np.subtract, "right": lambda v: v.Y, "factor": lambda v: v.early},
    ),
    "cce": Formula(
        "dA{l} = {early}(-Y/A{l})",
        3,
        {
            "left": lambda v: v.A[0],
            "op": lambda v: lambda A, Y: -Y / A,
            "right": lambda v: v.Y,
            "factor": lambda v: v.early,
        },
    ),
    "softmax": Formula(
        "dZ{l} = A{l} ∘ (dA{l} - Σ A{l} ∘ dA{l}), the sum over the outputs of each sample",
        3,
        {
            "left": lambda v: v.dA[0],
            "op": lambda v: lambda dA, A: A * (dA - np.sum(A * dA, axis=0)),
            "right": lambda v: v.A[0],
        },
    ),
    "A-Y": Formula(
        "dZ{l} = {early}(A{l} - Y)",
        3,
        {"left": lambda v: v.A[0], "op": lambda v: np.subtract, "right": lambda v: v.Y, "factor": lambda v: v.early},
    ),
    "dZ": Formula(
        "dZ{l} = dA{l} ∘ g'(Z{l}), {slope}",
        3,
        {
            "left": lambda v: v.dA[0],
            "op": lambda v: np.multiply,
            "right": lambda v: (v.Z[0], v.G[0]),
            "slope": lambda v: v.slope,
        },
    ),
    "dW": Formula(
        "dW{l} = {late}dZ{l} {A_p}ᵀ{penalty}",
        3,
        {
            "left": lambda v: v.dZ[0],
            "op": lambda v: lambda dZ, A: dZ @ A.T,
            "right": lambda v: v.A[-1],
            "factor": lambda v: v.late,
            "penalty": lambda v: v.decay * v.W[0] if v.λ else None,
        },
    ),
    "db": Formula(
        "db{l} = {late}np.sum(dZ{l}, axis=1, keepdims=True)",
        3,
        {
            "left": lambda v: v.dZ[0],
            "op": lambda v: lambda dZ, _: dZ.sum(axis=1, keepdims=True),
            "right": lambda v: None,
            "factor": lambda v: v.late,
        },
    ),
    "dA": Formula(
        "dA{l} = W{n}ᵀ dZ{n}{mask}",
        3,
        {
            "left": lambda v: v.W[+1],
            "op": lambda v: lambda W, dZ: W.T @ dZ,
            "right": lambda v: v.dZ[+1],
            "mask": lambda v: None if v.mask is None else v.mask / v.net.keep_prob,
        },
    ),
}

BY_ROWS = {  # the texts where samples are rows
    "dW": "dW{l} = {late}{A_p}ᵀ dZ{l}{penalty}",
    "db": "db{l} = {late}np.sum(dZ{l}, axis=0)",
    "dA": "dA{l} = dZ{n} W{n}ᵀ{mask}",
}

SLOPES = {
    "identity": "g' = 1: no activation",
    "sigmoid": "g' = A{l} ∘ (1 - A{l})",
    "tanh": "g' = 1 - A{l}²",
    "softmax": "g' of softmax",
    "relu": "g' = 1 where Z{l} > 0, else 0",
    "leaky_relu": "g' = 1 where Z{l} > 0, else {alpha:g}",
}


def evaluate(formula: Formula, v: View, edits: Mapping[str, Slot] = MappingProxyType({})) -> Array:
    """The formula with `edits` in its slots. KeyError, ValueError: in this net an edit makes no sense."""
    slot = {**PLAIN, **formula.slots, **edits}
    left, right, slope = slot["left"](v), slot["right"](v), slot["slope"](v)
    factor = slot["sign"](v) * slot["constant"](v) * slot["factor"](v)
    x = factor * slot["op"](v)(left, right if slope is None else slope(*right))
    mask, penalty = slot["mask"](v), slot["penalty"](v)
    x = x if mask is None else x * mask
    x = x if penalty is None else x + penalty
    for change in (slot["form"](v), slot["turn"](v)):
        x = x if change is None else change(x)
    return x


def formulas_of(name: str, net: Any) -> list[str]:
    """The keys of the formulas that give the error `name`: two for dZ[L], if the cost and g[L] simplify to A - Y."""
    if name != f"dA{net.L}":
        key = "softmax" if name[1] == "Z" and net.activations[int(name[2:])] == "softmax" else name[:2]
        return [key, "A-Y"] if name == f"dZ{net.L}" and net.simplifies else [key]
    return [net.cost]


def text_of(key: str, net: Any) -> str:
    """The text of a formula, for samples as columns or rows."""
    return BY_ROWS.get(key, FORMULAS[key].text) if net.rows else FORMULAS[key].text


def fill_in(text: str, net: Any, layer: int, θ: float | None = None) -> str:
    """A text of a formula or a mistake with the numbers of its layer in it."""
    mean = {"mean": "1/m ", "sum": "", "elements": f"1/(m n{net.L}) "}[net.reduction]
    early, late = (mean, "") if net.convention == "derivative" else ("", mean)
    words = {
        **{
            "l": layer,
            "p": layer - 1,
            "n": layer + 1,
            "nn": layer + 2,
            "L": net.L,
            "θ": "" if θ is None else f"{θ:.4g}",
        },
        **{"A_p": "X" if layer == 1 else f"A{layer - 1}", "A_pp": "X" if layer == 2 else f"A{layer - 2}"},
        **{"early": early, "late": late, "mask": f" ∘ D{layer}/{net.keep_prob:g}" if f"D{layer}" in net.masks else ""},
        **{"alpha": net.leaky_slope, "λ": net.regularisation, "m": net.m},
        **{"axis": 1 - net.rows, "other": int(net.rows), "samples": "rows" if net.rows else "columns"},
        "penalty": f" + λ{'/m' * (net.reduction != 'sum')} W{layer}" if net.regularisation else "",
    }
    slope = SLOPES[net.activations.get(layer, "identity")]
    return text.format(**words, slope=slope.format(**words))
