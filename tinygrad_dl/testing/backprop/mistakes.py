"""The mistakes that learners make in backprop, as a table: each puts something else into one slot of a formula.

A new mistake is a row, and a sentence with the reason in `reasons`. The search is in `diagnosis`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..formulas import ACTIVATIONS, leaky
from .formulas import Array, Slot, View


@dataclass(frozen=True, eq=False)
class Mistake:
    """A named mistake: in the formulas `of`, it puts `change` into a `slot`.

    With `free`, `change` also takes a number θ, which is fitted, and `free` tests which θ count; `guesses` are tried
    where there is nothing to fit it to. A mistake of no kind is none: it is another way to be right.
    """

    kind: str
    of: str
    slot: str
    change: Slot
    detail: str = ""
    when: Callable[[View], bool] = lambda v: True
    free: Callable[[View, float], bool] | None = None
    guesses: tuple[float, ...] = ()
    last: bool = False  # nothing can be computed from what comes out
    alone: bool = False  # no other mistake is supposed beside it


def _always(value: Any) -> Slot:
    return lambda v: value


def _times(a: Array, b: Array) -> Array:
    """The product a * b, unless it would be a table of all samples by all samples."""
    if np.prod(np.broadcast_shapes(a.shape, b.shape)) > 100 * (a.size + b.size):
        raise ValueError("too large to be meant")
    return a * b


def _is(*names: str) -> Callable[[View], bool]:
    return lambda v: v.activation in names


def _late(v: View) -> bool:
    return not v.is_early and v.scale != 1


def _early(v: View) -> bool:
    return v.is_early and v.scale != 1


def _is_sum(v: View) -> bool:
    return v.net.reduction == "sum"


def _is_mean(v: View) -> bool:
    return not _is_sum(v)


def _is_masked(v: View) -> bool:
    return v.mask is not None


def _is_regularised(v: View) -> bool:
    return v.λ != 0


def _one_over(count: Slot) -> Slot:
    def change(v: View) -> float:
        if count(v) <= 1:
            raise ValueError("to divide by 1 is 1/m missing")
        return 1 / count(v)

    return change


def _activation_is_not(name: str) -> Callable[[View], bool]:
    return lambda v: v.activation != name


def _clip(ε: float) -> Slot:
    return lambda v: np.clip(v.A[0], ε, 1 - ε)


def _log_of_more(ε: float) -> Slot:
    """The derivative of the cost with log(a + ε) for log(a)."""
    return lambda v: lambda A, Y: -Y / (A + ε) + (1 - Y) / (1 - A + ε)


def _slope_at_0(slope: float) -> Slot:
    return lambda v: lambda Z, A: np.where(Z == 0, slope, v.slope(Z, A))


def _far(θ: float, *others: float) -> bool:
    return all(abs(θ - other) > 1e-5 * (abs(other) or 1) for other in others)


def _slope_of(name: str, computed_again: bool) -> Slot:
    """The derivative g' of another activation: its formula in A, at this layer's A, or at A computed again from Z."""

    def change(v: View) -> Callable[[Array, Array], Array]:
        g, slope = v.net.functions[name]
        return (lambda Z, A: slope(Z, g(Z))) if computed_again else slope

    return change


_ALL = "bce mse half cce A-Y dZ softmax dW db dA"
_OF_COST = "bce mse half cce A-Y"
_FACTORS = {"2": 2.0, "½": 0.5, "4": 4.0, "¼": 0.25, "1/ln 2": 1 / np.log(2), "1/ln 10": 1 / np.log(10), "3": 3.0}
_RELUS = _is("relu", "leaky_relu")
_RATES = (1.0, 1.2, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.0075, 0.005)
_SLOPES = (0.01, 0.1, 0.2, 0.3, 0.25, 0.5, 0.05, 0.02, 0.001)
_EPSILONS = (1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
_COUNTS: dict[str, Callable[[View], float]] = {
    "n{l}": lambda v: v.n[0],
    "n{p}": lambda v: v.n[-1],
    "n0": lambda v: v.net.values["n0"],
    "n{L}": lambda v: v.net.values[f"n{v.net.L}"],
    "(m - 1)": lambda v: v.m - 1,
    "(m + 1)": lambda v: v.m + 1,
    "2m": lambda v: 2 * v.m,
    "m": lambda v: v.m if v.net.reduction == "elements" else 0,
    "(m n{l})": lambda v: v.m * v.n[0],
    "(m n{p})": lambda v: v.m * v.n[-1],
}

MISTAKES = (
    # ---- the factor
    Mistake("1/m missing", "dW db", "factor", _always(1.0), when=_late),
    Mistake("1/m missing", "dW", "form", lambda v: lambda x: v.m * x, when=lambda v: _late(v) and _is_regularised(v)),
    Mistake("1/m missing", _OF_COST, "factor", _always(1.0), when=_early),
    *(Mistake(kind, of, slot, change, when=when)
      for kind, counts in (("1/m twice", _is_mean), ("1/m too much", _is_sum))
      for of, slot, change, when in (
          ("dW db", "factor", lambda v: v.late / v.m, counts),
          ("dW", "form", lambda v: lambda x: x / v.m, lambda v, counts=counts: counts(v) and _is_regularised(v)),
          (_OF_COST, "factor", lambda v: v.early / v.m, counts),
          ("dZ softmax dA", "factor", lambda v: 1 / v.m, counts),
      )),
    Mistake("m for 1/m", "dW db", "factor", lambda v: v.m, when=_late),
    Mistake("multiplied by m", "dW db", "factor", lambda v: v.m, when=lambda v: v.late == 1),
    Mistake("m for 1/m", _OF_COST, "factor", lambda v: v.m, when=_early),
    *(Mistake("1/m by the wrong count", "dW db", "factor", _one_over(n), f"1/{count}", when=_late)
      for count, n in _COUNTS.items()),
    *(Mistake("1/m by the wrong count", _OF_COST, "factor", _one_over(n), f"1/{count}", when=_early)
      for count, n in _COUNTS.items()),
    Mistake("averaged over units", _OF_COST, "factor", lambda v: v.early / v.n[0], "1/n{l}"),
    *(Mistake("constant factor", _ALL, "constant", _always(c), f"{name} times", alone=True)
      for name, c in _FACTORS.items()),
    *(Mistake("constant factor", "dW", "form", lambda v, c=c: lambda x: c * x, f"{name} times", when=_is_regularised,
              alone=True)
      for name, c in _FACTORS.items()),
    Mistake("averaged over units", "dZ softmax dA", "factor", lambda v: 1 / v.n[0], "1/n{l}"),
    Mistake("sign", _ALL, "sign", _always(-1.0)),
    Mistake("sign", "dW", "form", _always(np.negative), when=_is_regularised),
    # ---- factors
    Mistake("transposed", _ALL, "turn", _always(np.transpose)),
    Mistake("transpose forgotten", "dW", "op", _always(np.matmul), "{A_p} for {A_p}ᵀ"),
    Mistake("transpose forgotten", "dA", "op", _always(np.matmul), "W{n} for W{n}ᵀ"),
    Mistake("* for @", "dW", "op", _always(_times)),
    Mistake("* for @", "dW", "op", _always(lambda dZ, A: _times(dZ, A.T))),
    Mistake("* for @", "dA", "op", _always(_times)),
    Mistake("* for @", "dA", "op", _always(lambda W, dZ: _times(W.T, dZ))),
    Mistake("@ for *", "dZ", "op", _always(np.matmul)),
    Mistake("@ for *", "dZ", "op", _always(lambda dA, slope: dA @ slope.T)),
    Mistake("dA for dZ", "dW db", "left", lambda v: v.dA[0], "dA{l} for dZ{l}"),
    Mistake("dA for dZ", "dA", "right", lambda v: v.dA[+1], "dA{n} for dZ{n}"),
    Mistake("Z for A", "dW", "right", lambda v: v.Z[-1], "Z{p} for A{p}"),
    Mistake("Z for A", _OF_COST, "left", lambda v: v.Z[0], "Z{l} for A{l}"),
    Mistake("W for dW", "dW", "form", lambda v: lambda x: v.W[0], "W{l} itself", last=True),
    Mistake("W for dW", "dW", "form", lambda v: lambda x: v.updated_W[0], "W{l} after the update", last=True),
    Mistake("W for dW", "dW", "form", lambda v, η: lambda x: v.W[0] - η * x, "W{l} after an update with η = {θ}",
            free=lambda v, η: _far(η, 0), last=True),
    Mistake("b for db", "db", "form", lambda v: lambda x: v.b[0], "b{l} itself", last=True),
    Mistake("updated W", "dA", "left", lambda v: v.updated_W[+1], "W{n} after the update"),
    Mistake("updated W", "dA", "left", lambda v, η: v.W[+1] - η * v.dW[+1], "W{n} after an update with η = {θ}",
            free=lambda v, η: η > 0, guesses=_RATES),
    Mistake("old W", "dA", "left", lambda v: v.old_W[+1], "W{n} from before the last update"),
    Mistake("dW for W", "dA", "left", lambda v: v.dW[+1], "dW{n} for W{n}"),
    # ---- the sum of db
    Mistake("sum over the wrong axis", "db", "op", _always(lambda dZ, _: dZ.sum(axis=0, keepdims=True)),
            "axis={other}"),
    Mistake("sum over the wrong axis", "db", "op", _always(lambda dZ, _: dZ.sum(axis=0)), "axis={other}, no keepdims"),
    Mistake("sum over everything", "db", "op", _always(lambda dZ, _: dZ.sum()), "no axis"),
    Mistake("sum over everything", "db", "op", _always(lambda dZ, _: dZ.sum(keepdims=True)), "no axis"),
    Mistake("sum over everything", "db", "op", lambda v: lambda dZ, _: np.full((v.n[0], 1), dZ.sum()), "no axis"),
    Mistake("sum missing", "db", "op", _always(lambda dZ, _: dZ)),
    Mistake("keepdims lost", "db", "form", _always(np.ravel)),
    Mistake("keepdims lost", "db", "form", _always(np.squeeze)),
    Mistake("broadcast to m columns", "db", "form", lambda v: lambda x: np.broadcast_to(x, (v.n[0], v.m))),
    # ---- g'
    Mistake("g' missing", "dZ", "slope", _always(lambda Z, A: np.ones_like(Z))),
    Mistake("g' twice", "dZ", "slope", lambda v: lambda Z, A: v.slope(Z, A) ** 2),
    Mistake("g for g'", "dZ", "slope", _always(lambda Z, A: A), "A{l}"),
    Mistake("half of g'", "dZ", "slope", _always(lambda Z, A: 1 - A), "1 - A{l}", when=_is("tanh", "sigmoid")),
    Mistake("Z for A", "dZ", "right", lambda v: (v.Z[0], v.Z[0]), "Z{l} for A{l} in g'"),
    Mistake("A for Z", "dZ", "right", lambda v: (v.A[0], v.net.functions[v.activation][0](v.A[0])), "g'(A{l})"),
    Mistake("A after dropout in g'", "dZ", "right", lambda v: (v.Z[0], v.A[0]), "A{l} for g(Z{l})", when=_is_masked),
    Mistake("mask missing", "dA", "mask", _always(None), when=_is_masked),
    Mistake("mask missing", "dA", "mask", lambda v: 1 / v.net.keep_prob, "1/keep_prob alone", when=_is_masked),
    Mistake("keep_prob missing", "dA", "mask", lambda v: v.mask, when=_is_masked),
    Mistake("keep_prob twice", "dA", "mask", lambda v: v.mask / v.net.keep_prob**2, when=_is_masked),
    Mistake("keep_prob for 1/keep_prob", "dA", "mask", lambda v: v.mask * v.net.keep_prob, when=_is_masked),
    Mistake("mask of another layer", "dA", "mask", lambda v: v.net.masks[f"D{v.layer + 1}"] / v.net.keep_prob,
            when=_is_masked),
    Mistake("g' missing", "softmax", "op", _always(lambda dA, A: dA)),
    Mistake("half of g'", "softmax", "op", _always(lambda dA, A: A * (1 - A) * dA), "a (1 - a), the diagonal alone"),
    *(Mistake("g' of the wrong activation", "dZ", "slope", _slope_of(name, computed_again), f"that of {name}",
              when=_activation_is_not(name))
      for name in ACTIVATIONS if name != "identity" for computed_again in (False, True)),
    Mistake("mask of the wrong sign", "dZ", "slope", lambda v: lambda Z, A: v.slope(-Z, -A), when=_RELUS),
    Mistake("mask from dA", "dZ", "right", lambda v: (v.dA[0], v.dA[0]), "dA{l} > 0 for Z{l} > 0", when=_RELUS),
    Mistake("wrong leaky slope", "dZ", "slope", lambda v, α: leaky(α)[1], "{θ} for {alpha:g}", when=_is("leaky_relu"),
            free=lambda v, α: abs(α) < 1 and _far(α, 0, 1, v.net.leaky_slope), guesses=_SLOPES),
    # ---- the layer
    Mistake("layer index off", "dW", "right", lambda v: v.A[0], "A{l} for {A_p}"),
    Mistake("layer index off", "dW", "right", lambda v: v.A[-2], "{A_pp} for {A_p}"),
    Mistake("layer index off", "dW db", "left", lambda v: v.dZ[+1], "dZ{n} for dZ{l}"),
    Mistake("layer index off", "dA", "left", lambda v: v.W[0], "W{l} for W{n}"),
    Mistake("layer index off", "dA", "left", lambda v: v.W[+2], "W{nn} for W{n}"),
    Mistake("layer index off", "dA", "right", lambda v: v.dZ[+2], "dZ{nn} for dZ{n}"),
    Mistake("layer index off", "dZ", "right", lambda v: (v.Z[+1], v.A[+1]), "g'(Z{n}) for g'(Z{l})"),
    Mistake("layer index off", "dZ", "right", lambda v: (v.Z[-1], v.A[-1]), "g'(Z{p}) for g'(Z{l})"),
    Mistake("layer index off", "dZ", "left", lambda v: v.dA[+1], "dA{n} for dA{l}"),
    Mistake("layer index off", "A-Y", "left", lambda v: v.A[-1], "A{p} for A{l}"),
    # ---- the cost
    Mistake("y and 1-y swapped", "bce", "op", _always(lambda A, Y: Y / (1 - A) - (1 - Y) / A)),
    Mistake("y and 1-y swapped", "A-Y", "right", lambda v: 1 - v.Y),
    Mistake("a and 1-a swapped", "bce", "op", _always(lambda A, Y: (1 - Y) / A - Y / (1 - A))),
    Mistake("minus of (1-a)' lost", "bce", "op", _always(lambda A, Y: -Y / A - (1 - Y) / (1 - A))),
    Mistake("log of the wrong term", "bce", "op", _always(lambda A, Y: -1 / A), "log a in both terms"),
    Mistake("log of the wrong term", "bce", "op", _always(lambda A, Y: 1 / (1 - A)), "log(1 - a) in both terms"),
    Mistake("term missing", "bce", "op", _always(lambda A, Y: -Y / A), "that of 1 - y"),
    Mistake("term missing", "bce", "op", _always(lambda A, Y: (1 - Y) / (1 - A)), "that of y"),
    Mistake("dZ for dA", "bce", "op", _always(np.subtract), "A{l} - Y is dZ{l}"),
    Mistake("slope of another cost", "bce", "op", _always(lambda A, Y: 2 * (A - Y)), "2 (a - y)"),
    Mistake("2 missing", "mse", "op", _always(np.subtract)),
    Mistake("dZ for dA", "cce", "op", _always(np.subtract), "A{l} - Y is dZ{l}"),
    Mistake("Y missing", "A-Y", "op", _always(lambda A, Y: A)),
    Mistake("+ for -", "A-Y", "op", _always(np.add)),
    # ---- regularisation
    Mistake("regularisation missing", "dW", "penalty", _always(None), when=_is_regularised),
    Mistake("regularisation without 1/m", "dW", "penalty", lambda v: v.λ * v.W[0],
            when=lambda v: _is_regularised(v) and _is_mean(v)),
    Mistake("regularisation with 1/m", "dW", "penalty", lambda v: v.λ / v.m * v.W[0],
            when=lambda v: _is_regularised(v) and _is_sum(v)),
    Mistake("regularisation subtracted", "dW", "penalty", lambda v: -v.decay * v.W[0], when=_is_regularised),
    Mistake("regularisation doubled", "dW", "penalty", lambda v: 2 * v.decay * v.W[0], when=_is_regularised),
    Mistake("regularisation halved", "dW", "penalty", lambda v: v.decay / 2 * v.W[0], when=_is_regularised),
    Mistake("regularisation of b", "db", "penalty", lambda v: v.decay * v.b[0], when=_is_regularised),
    Mistake("another λ", "dW", "penalty", lambda v, λ: λ * v.net.penalty * v.W[0], "{θ} for {λ:g}",
            free=lambda v, λ: _far(λ, 0, v.λ * v.m, v.λ / v.m, -v.λ, 2 * v.λ, v.λ / 2)),
    Mistake("never computed", _ALL, "form", _always(np.zeros_like), "all zeros", last=True),
    # ---- other ways to be right
    *(Mistake("", "bce", "left", _clip(ε)) for ε in _EPSILONS),
    *(Mistake("", "bce", "op", _log_of_more(ε)) for ε in _EPSILONS),
    *(Mistake("", "dZ", "slope", _slope_at_0(slope), when=lambda v: _RELUS(v) and not np.all(v.Z[0]))
      for slope in (0.0, 0.5, 1.0)),
)  # fmt: skip
