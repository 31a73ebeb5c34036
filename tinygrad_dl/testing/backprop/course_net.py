"""A net of the course with its data, run forward once; and how far rounding may carry its gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..formulas import ACTIVATIONS, cost_backward, leaky

Array = np.ndarray


def softmax(Z: Array) -> Array:
    """Compute exp(z) / Σ exp(z) over each column."""
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


SOFTMAX = {"softmax": (softmax, lambda Z, A: A * (1 - A))}  # the derivative of each output by its own input


@dataclass
class CourseNet:
    """Z[l] = W[l] A[l-1] + b[l], A[l] = g[l](Z[l]) for l = 1, ..., L, with the `values` that X gives them, by name.

    Those are W1, b1, Z1, A1, ..., the sizes n0, n1, ..., and A0, which is X. `cost` is a key of `FORMULAS`, and
    `reduction` joins the costs of the samples: "mean", "sum", or "elements", a mean over the outputs as well. Dropout
    masks D[l] make A[l] = g(Z[l]) * D[l] / keep_prob; G[l] is g(Z[l]).
    """

    X: Array
    Y: Array
    parameters: dict[str, Array]
    activations: dict[int, str]
    cost: str = "bce"
    regularisation: float = 0.0
    leaky_slope: float = 0.01
    convention: str = "course"
    updated: dict[str, Array] = field(default_factory=dict)
    old: dict[str, Array] = field(default_factory=dict)
    dtype: Any = float
    reduction: str = "mean"
    masks: dict[str, Array] = field(default_factory=dict)
    keep_prob: float = 1.0
    rows: bool = False

    def __post_init__(self) -> None:
        self.L: int = len(self.activations)
        self.m: int = self.X.shape[1]
        self.X, self.Y = self.X.astype(self.dtype), self.Y.astype(self.dtype)
        self.parameters = {name: value.astype(self.dtype) for name, value in self.parameters.items()}
        self.functions: dict[str, Any] = {**ACTIVATIONS, **SOFTMAX, "leaky_relu": leaky(self.leaky_slope)}
        self.values: dict[str, Any] = {"A0": self.X, "n0": len(self.X), **self.parameters}
        for layer, activation in self.activations.items():
            Z = self.values[f"W{layer}"] @ self.values[f"A{layer - 1}"] + self.values[f"b{layer}"]
            G = A = self.functions[activation][0](Z)
            if f"D{layer}" in self.masks:
                A = G * self.masks[f"D{layer}"] / self.keep_prob
            self.values |= {f"Z{layer}": Z, f"G{layer}": G, f"A{layer}": A, f"n{layer}": len(Z)}

    @property
    def simplifies(self) -> bool:
        """True if the cost and the last activation give dZ[L] = A[L] - Y."""
        return (self.cost, self.activations[self.L]) in {("bce", "sigmoid"), ("cce", "softmax")}

    @property
    def scale(self) -> float:
        """The factor of the sum over all samples in the cost: 1/m for their mean."""
        count = {"mean": self.m, "sum": 1, "elements": self.m * len(self.Y)}[self.reduction]
        return 1 / count

    @property
    def penalty(self) -> float:
        """The factor of λ W in dW: 1/m, or 1 for a sum over samples."""
        return 1.0 if self.reduction == "sum" else 1 / self.m

    def names(self) -> list[str]:
        """The errors in the order of backprop: dA[L], dZ[L], dW[L], db[L], dA[L-1], ..., db1, dA0."""
        return [f"d{quantity}{layer}" for layer in range(self.L, 0, -1) for quantity in "AZWb"] + ["dA0"]


# ---- rounding, in units of the dtype's eps: not relative to what is left of a sum, but to its terms


def rounding(net: CourseNet) -> dict[str, Array]:
    """Bounds on the rounding of each error, by name: the backward pass, on absolute values."""
    v = {name: np.abs(value) for name, value in net.values.items()}
    dA, dA_off = _rounding_of_the_cost(net, v[f"A{net.L}"])
    off: dict[str, Array] = {}
    early = net.scale if net.convention == "derivative" else 1.0
    for layer in range(net.L, 0, -1):
        Z, A, A_prev, W = net.values[f"Z{layer}"], v[f"A{layer}"], v[f"A{layer - 1}"], v[f"W{layer}"]
        slope = np.abs(net.functions[net.activations[layer]][1](Z, net.values[f"A{layer}"]))
        slope = np.where(Z == 0, 1.0, slope)  # that of a relu, for some
        smooth = net.activations[layer] in ("sigmoid", "tanh", "softmax")  # then g' is 1 less something
        if f"D{layer}" in net.masks:
            dA, dA_off = (x * net.masks[f"D{layer}"] / net.keep_prob for x in (dA, dA_off))
        dZ, dZ_off = dA * slope, dA_off * slope + dA * (1 + A**2 if smooth else slope)
        if layer == net.L and net.simplifies:
            dZ, dZ_off = np.abs(net.values[f"A{layer}"] - net.Y), A + np.abs(net.Y)
        off |= {f"dA{layer}": early * dA_off, f"dZ{layer}": early * dZ_off}
        off[f"dW{layer}"] = (dZ_off + dZ) @ A_prev.T * net.scale + abs(net.regularisation) * net.penalty * W
        off[f"db{layer}"] = (dZ_off + dZ).sum(axis=1, keepdims=True) * net.scale
        dA, dA_off = W.T @ dZ, W.T @ (dZ_off + dZ)
    return off | {"dA0": early * dA_off}


def _rounding_of_the_cost(net: CourseNet, A: Array) -> tuple[Array, Array]:
    """|dA[L]|, and the bound on its rounding."""
    Y = np.abs(net.Y)
    if net.cost in ("mse", "half"):
        factor = 2 if net.cost == "mse" else 1
        return np.abs(factor * (net.values[f"A{net.L}"] - net.Y)), factor * (A + Y)
    if net.cost == "cce":
        return Y / A, Y / A
    return np.abs(cost_backward(A, Y)), Y / A + np.abs(1 - Y) / (1 - A) ** 2
