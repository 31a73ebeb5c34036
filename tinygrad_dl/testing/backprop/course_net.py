"""A net of the course with its data, run forward once; and how far rounding may carry its gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..formulas import ACTIVATIONS, cost_backward, leaky

Array = np.ndarray


@dataclass
class CourseNet:
    """Z[l] = W[l] A[l-1] + b[l], A[l] = g[l](Z[l]) for l = 1, ..., L, with the `values` that X gives them, by name.

    Those are W1, b1, Z1, A1, ..., the sizes n0, n1, ..., and A0, which is X. `cost` is "bce" or "mse".
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

    def __post_init__(self) -> None:
        self.L: int = len(self.activations)
        self.m: int = self.X.shape[1]
        self.X, self.Y = self.X.astype(self.dtype), self.Y.astype(self.dtype)
        self.parameters = {name: value.astype(self.dtype) for name, value in self.parameters.items()}
        self.functions: dict[str, Any] = {**ACTIVATIONS, "leaky_relu": leaky(self.leaky_slope)}
        self.values: dict[str, Any] = {"A0": self.X, "n0": len(self.X), **self.parameters}
        for layer, activation in self.activations.items():
            Z = self.values[f"W{layer}"] @ self.values[f"A{layer - 1}"] + self.values[f"b{layer}"]
            A = self.functions[activation][0](Z)
            self.values |= {f"Z{layer}": Z, f"A{layer}": A, f"n{layer}": len(Z)}

    @property
    def simplifies(self) -> bool:
        """True if the cost and the last activation give dZ[L] = A[L] - Y."""
        return self.cost == "bce" and self.activations[self.L] == "sigmoid"

    def names(self) -> list[str]:
        """The errors in the order of backprop: dA[L], dZ[L], dW[L], db[L], dA[L-1], ..., db1, dA0."""
        return [f"d{quantity}{layer}" for layer in range(self.L, 0, -1) for quantity in "AZWb"] + ["dA0"]


# ---- rounding, in units of the dtype's eps: not relative to what is left of a sum, but to its terms


def rounding(net: CourseNet) -> dict[str, Array]:
    """Bounds on the rounding of each error, by name: the backward pass, on absolute values."""
    v = {name: np.abs(value) for name, value in net.values.items()}
    dA, dA_off = _rounding_of_the_cost(net, v[f"A{net.L}"])
    off: dict[str, Array] = {}
    early = 1 / net.m if net.convention == "derivative" else 1.0
    for layer in range(net.L, 0, -1):
        Z, A, A_prev, W = net.values[f"Z{layer}"], v[f"A{layer}"], v[f"A{layer - 1}"], v[f"W{layer}"]
        slope = np.abs(net.functions[net.activations[layer]][1](Z, net.values[f"A{layer}"]))
        slope = np.where(Z == 0, 1.0, slope)  # that of a relu, for some
        smooth = net.activations[layer] in ("sigmoid", "tanh")  # then g' is 1 less something
        dZ, dZ_off = dA * slope, dA_off * slope + dA * (1 + A**2 if smooth else slope)
        if layer == net.L and net.simplifies:
            dZ, dZ_off = np.abs(net.values[f"A{layer}"] - net.Y), A + np.abs(net.Y)
        off |= {f"dA{layer}": early * dA_off, f"dZ{layer}": early * dZ_off}
        off[f"dW{layer}"] = (dZ_off + dZ) @ A_prev.T / net.m + abs(net.regularisation) / net.m * W
        off[f"db{layer}"] = (dZ_off + dZ).sum(axis=1, keepdims=True) / net.m
        dA, dA_off = W.T @ dZ, W.T @ (dZ_off + dZ)
    return off | {"dA0": early * dA_off}


def _rounding_of_the_cost(net: CourseNet, A: Array) -> tuple[Array, Array]:
    """|dA[L]|, and the bound on its rounding."""
    Y = np.abs(net.Y)
    if net.cost == "mse":
        return np.abs(2 * (net.values[f"A{net.L}"] - net.Y)), 2 * (A + Y)
    return np.abs(cost_backward(A, Y)), Y / A + np.abs(1 - Y) / (1 - A) ** 2
