"""The argument that a gradient belongs to, by its name: dW, dj_dw, grad_W, nabla_W, W_grad, grads["W"] belong to W."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# How the gradient of an argument is called, {} being the argument. An early row counts for more.
PATTERNS = (
    "{}", "d{}", "d_{}", "D{}", "grad_{}", "grad{}", "gradient_{}", "grads_{}", "g_{}", "nabla_{}", "del_{}",
    "delta_{}",
    "{}_grad", "{}_gradient", "{}grad", "{}_g", "{}_prime", "d{}_", "dJ_d{}", "dJd{}", "dL_d{}", "dLd{}", "dl_d{}",
    "dE_d{}", "dEd{}", "dC_d{}", "dcost_d{}", "dcost{}", "dloss_d{}", "dloss_{}", "dj_d{}", "djd{}", "dZ_d{}",
    "d{}_total",
    "partial_{}", "del{}", "g{}", "{}_bar", "d_loss_d_{}", "dloss_d_{}", "dout_d{}", "sum_d{}", "{}_derivative",
)  # fmt: skip
GRADIENT = re.compile(
    r"d[A-Za-z]{1,3}\d*|d_\w+|d[A-Za-z]+_d_?\w+|d[A-Z]\w*|dx\w*|\w*grads?\d*|\w*gradients?\w*|grad_?\w+|nabla_\w+|"
    r"d(theta|weights?|bias(es)?|beta|gamma|params?|inputs?|scores?|loss\w*|prev\w*|next\w*|out)\d*|\w+_grads?|dloss_\w+"
)
NO_GRADIENT = {"dot", "data", "dict", "degrad", "df", "dim", "dims", "dist", "dev", "drop", "deg", "det", "dtype"}
NUMERIC = re.compile(r"\w*(check|numeric|approx)\w*", re.I)  # functions that take differences
COST = re.compile(
    r"\w*cost\w*|\w*loss\w*|J\w*|j|L|l|[eE]|\w*error|E_\w+|obj(ective)?\w*|f_?val\w*|energy|nll|\w*entropy|ce|bce|mse"
)


def is_gradient(name: str) -> bool:
    """Return whether a variable is named as a gradient is."""
    return bool(GRADIENT.fullmatch(name)) and name not in NO_GRADIENT and not is_cost(name)


def is_cost(name: str) -> bool:
    """Return whether a variable is named as the value of a cost is."""
    return bool(COST.fullmatch(name)) and not name.startswith("d")


def argument_of(gradient: str, arguments: Sequence[str]) -> str:
    """The argument that a gradient of this name belongs to; "" if its name does not tell.

    >>> [argument_of(name, ["w", "b", "X"]) for name in ("dw", "dj_db", "w_grad", "dX", "grads")]
    ['w', 'b', 'w', 'X', '']
    """
    for plain in (str, _bare):
        for pattern in PATTERNS:
            for argument in arguments:
                if plain(pattern.format(argument)) == plain(gradient):
                    return argument
    bare = _bare(gradient)
    ends = [a for a in arguments if bare.startswith("d") and len(bare) > 2 and _bare(a).startswith(bare[1:])]
    ends = ends or [a for a in arguments if bare.startswith("d") and bare[1:].startswith(_bare(a))]
    return ends[0] if len(ends) == 1 else ""


def matched(parts: Mapping[str, Any] | Iterable[tuple[str, Any]], arguments: Sequence[str]) -> dict[str, Any]:
    """The gradients by their arguments, of parts given by name; those whose names do not tell are left out."""
    found: dict[str, Any] = {}
    for name, part in dict(parts).items():
        argument = argument_of(str(name), [a for a in arguments if a not in found])
        if argument:
            found[argument] = part
    return found


def _bare(name: str) -> str:
    return name.replace("_", "").casefold()
