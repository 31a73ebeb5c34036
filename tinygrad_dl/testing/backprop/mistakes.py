"""The mistakes that learners make in backprop, as a table: each puts something else into one slot of a formula.

A new mistake is a row, and a sentence with the reason in `WHY`. The search is in `diagnosis`.
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
    return not v.is_early


def _early(v: View) -> bool:
    return v.is_early


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


_ALL = "bce mse A-Y dZ dW db dA"
_OF_COST = "bce mse A-Y"
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
    "(m n{l})": lambda v: v.m * v.n[0],
    "(m n{p})": lambda v: v.m * v.n[-1],
}

MISTAKES = (
    # ---- the factor
    Mistake("1/m missing", "dW db", "factor", _always(1.0), when=_late),
    Mistake("1/m missing", "dW", "form", lambda v: lambda x: v.m * x, when=lambda v: _late(v) and _is_regularised(v)),
    Mistake("1/m missing", _OF_COST, "factor", _always(1.0), when=_early),
    Mistake("1/m twice", "dW db", "factor", lambda v: v.late / v.m),
    Mistake("1/m twice", "dW", "form", lambda v: lambda x: x / v.m, when=_is_regularised),
    Mistake("1/m twice", _OF_COST, "factor", lambda v: v.early / v.m),
    Mistake("1/m twice", "dZ dA", "factor", lambda v: 1 / v.m),
    Mistake("m for 1/m", "dW db", "factor", lambda v: v.m, when=_late),
    Mistake("m for 1/m", _OF_COST, "factor", lambda v: v.m, when=_early),
    *(Mistake("1/m by the wrong count", "dW db", "factor", _one_over(n), f"1/{count}", when=_late)
      for count, n in _COUNTS.items()),
    *(Mistake("1/m by the wrong count", _OF_COST, "factor", _one_over(n), f"1/{count}", when=_early)
      for count, n in _COUNTS.items()),
    Mistake("averaged over units", _OF_COST, "factor", lambda v: v.early / v.n[0], "1/n{l}"),
    Mistake("averaged over units", "dZ dA", "factor", lambda v: 1 / v.n[0], "1/n{l}"),
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
    Mistake("sum over the wrong axis", "db", "op", _always(lambda dZ, _: dZ.sum(axis=0, keepdims=True)), "axis=0"),
    Mistake("sum over the wrong axis", "db", "op", _always(lambda dZ, _: dZ.sum(axis=0)), "axis=0, no keepdims"),
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
    Mistake("Y missing", "A-Y", "op", _always(lambda A, Y: A)),
    Mistake("+ for -", "A-Y", "op", _always(np.add)),
    # ---- regularisation
    Mistake("regularisation missing", "dW", "penalty", _always(None), when=_is_regularised),
    Mistake("regularisation without 1/m", "dW", "penalty", lambda v: v.λ * v.W[0], when=_is_regularised),
    Mistake("regularisation subtracted", "dW", "penalty", lambda v: -v.λ / v.m * v.W[0], when=_is_regularised),
    Mistake("regularisation doubled", "dW", "penalty", lambda v: 2 * v.λ / v.m * v.W[0], when=_is_regularised),
    Mistake("regularisation halved", "dW", "penalty", lambda v: v.λ / v.m / 2 * v.W[0], when=_is_regularised),
    Mistake("regularisation of b", "db", "penalty", lambda v: v.λ / v.m * v.b[0], when=_is_regularised),
    Mistake("another λ", "dW", "penalty", lambda v, λ: λ / v.m * v.W[0], "{θ} for {λ:g}",
            free=lambda v, λ: _far(λ, 0, v.λ * v.m, -v.λ, 2 * v.λ, v.λ / 2)),
    Mistake("never computed", _ALL, "form", _always(np.zeros_like), "all zeros", last=True),
    # ---- other ways to be right
    *(Mistake("", "bce", "left", _clip(ε)) for ε in _EPSILONS),
    *(Mistake("", "bce", "op", _log_of_more(ε)) for ε in _EPSILONS),
    *(Mistake("", "dZ", "slope", _slope_at_0(slope), when=lambda v: _RELUS(v) and not np.all(v.Z[0]))
      for slope in (0.0, 0.5, 1.0)),
)  # fmt: skip

# Why the formula is as it is, by kind: the week of the course, and a sentence or two.
WHY = {
    "1/m missing": (3, "The cost is a mean over the m samples, and so is its gradient."),
    "1/m twice": (3, "The cost is a mean over the m samples: its 1/m is applied once on the way from dZ to dW and db."),
    "m for 1/m": (3, "The cost is a mean over the m samples: divide by m."),
    "1/m by the wrong count": (3, "The mean is over the m samples: m = {m} is the number of columns, X.shape[1]."),
    "averaged over units": (3, "The mean is over the samples; each unit keeps its own error."),
    "sign": (3, "The gradient points uphill; the minus comes with the update, W := W - η dW."),
    "transposed": (4, "A derivative has the shape of what it is the derivative of."),
    "transpose forgotten": (4, "What went forward through W comes back through Wᵀ; dW is a sum over samples: dZ Aᵀ."),
    "* for @": (3, "A matrix product sums over what the two have in common; * does not sum."),
    "@ for *": (3, "The activation works on each element alone: dA and g'(Z) are multiplied element by element."),
    "dA for dZ": (4, "W and b act on Z, so that their gradients, and the way back, start from dZ: dA times g'."),
    "Z for A": (3, "The formula takes the output A = g(Z) of the activation, not its input Z."),
    "A for Z": (3, "g' is taken at what g was given: Z. The short forms of g' in A have g(Z) in them already."),
    "W for dW": (3, "dW is the gradient; the weight itself changes in the update, W := W - η dW."),
    "b for db": (3, "db is the gradient; the bias itself changes in the update, b := b - η db."),
    "updated W": (3, "All gradients are of one forward pass: update when the backward pass is over."),
    "old W": (3, "The backward pass goes through the weights that the forward pass used."),
    "dW for W": (4, "The error goes back through the weights, not through their gradients."),
    "sum over the wrong axis": (3, "Samples are columns: a bias serves every column, so sum over them, axis=1."),
    "sum over everything": (3, "Each unit has its own bias: sum over the samples only, axis=1."),
    "sum missing": (3, "A bias serves every sample, so its gradient is a sum over them."),
    "keepdims lost": (3, "b is a column: without keepdims=True the sum is (n,), and broadcasts along the wrong axis."),
    "broadcast to m columns": (3, "b was broadcast to m columns going forward; going back those are summed to one."),
    "g' missing": (3, "Z acts on the cost through A = g(Z): the chain rule multiplies with g'(Z)."),
    "g' twice": (3, "The chain rule multiplies with g'(Z) once. A - Y has it already."),
    "g for g'": (3, "The chain rule multiplies with the derivative of g, not with g."),
    "half of g'": (3, "The derivative of tanh is 1 - A², that of sigmoid A (1 - A): a factor is missing."),
    "g' of the wrong activation": (3, "g' is the derivative of this layer's own activation."),
    "mask of the wrong sign": (3, "A ReLU lets the error through where it let the value through: where Z > 0."),
    "mask from dA": (3, "A ReLU lets the error through where Z > 0, whatever the sign of the error."),
    "wrong leaky slope": (3, "Forward and backward pass take the same slope α."),
    "layer index off": (4, "Layer l: Z[l] = W[l] A[l-1] + b[l], so dW[l] needs A[l-1], and dA[l-1] needs W[l]."),
    "y and 1-y swapped": (3, "y goes with log a, and 1 - y with log(1 - a). The same comes of the two logs swapped."),
    "a and 1-a swapped": (3, "The derivative of y log a is y/a, and of (1 - y) log(1 - a) it is -(1 - y)/(1 - a)."),
    "minus of (1-a)' lost": (3, "The derivative of log(1 - a) is -1/(1 - a): the inner derivative is -1."),
    "log of the wrong term": (3, "The cost is -[y log a + (1 - y) log(1 - a)]: one log of a, one of 1 - a."),
    "term missing": (3, "The cost has two terms, for y = 1 and for y = 0."),
    "dZ for dA": (3, "A - Y is the derivative with respect to Z: it contains sigmoid's g', and dA does not."),
    "slope of another cost": (3, "That is the derivative of the squared error, not of the cross-entropy."),
    "2 missing": (4, "The derivative of (a - y)² is 2 (a - y)."),
    "Y missing": (3, "The error of a sample is its output less its label."),
    "+ for -": (3, "The error of a sample is its output less its label."),
    "regularisation missing": (4, "The cost has λ/(2m) Σ W², which adds λ/m W to dW."),
    "regularisation without 1/m": (4, "The cost has λ/(2m) Σ W²: its derivative is λ/m W."),
    "regularisation subtracted": (4, "The cost has + λ/(2m) Σ W²: its derivative is added."),
    "regularisation doubled": (4, "The derivative of λ/(2m) W² is λ/m W: the 2 cancels."),
    "regularisation halved": (4, "The derivative of λ/(2m) W² is λ/m W: the 2 cancels."),
    "regularisation of b": (4, "Only the weights are in the cost's λ/(2m) Σ W², not the biases."),
    "another λ": (4, "The cost has λ/(2m) Σ W²: pass its λ as regularisation=."),
    "never computed": (4, "It is all zeros, as np.zeros gives it."),
    "not finite": (3, "0/0, log(0) or an overflow on the way: look at the first nan with np.argwhere(np.isnan(...))."),
}  # fmt: skip
