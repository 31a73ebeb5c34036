"""Backprop to see and to trust: an autograd mini-framework on NumPy."""

import importlib
from typing import TYPE_CHECKING

from . import data, nn, optim, primitives, rules, training
from .core.backprop import backward, gradients, named_tensors
from .core.modes import is_grad_enabled, no_grad
from .core.tensor import Tensor, parameter
from .debugging import debug
from .functional import (
    checkpoint,
    custom,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)
from .functional.user_ops import defcomposite, defnondiff, defvjp, defvjp_each, defvjp_jointly, fused, primitive
from .memory import keep_memory
from .training import History, fit, load_training, save_training

if TYPE_CHECKING:
    from . import drawing as drawing
    from . import sklearn as sklearn
    from . import testing as testing
    from .derivation import derive
    from .drawing import Drawing, draw, explore
    from .tracing.compiled import compile

__all__ = [
    "Drawing",
    "History",
    "Tensor",
    "backward",
    "checkpoint",
    "compile",
    "custom",
    "data",
    "debug",
    "defcomposite",
    "defnondiff",
    "defvjp",
    "defvjp_each",
    "defvjp_jointly",
    "derive",
    "draw",
    "elementwise_grad",
    "explore",
    "fit",
    "fused",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "keep_memory",
    "load_training",
    "named_tensors",
    "nn",
    "no_grad",
    "optim",
    "parameter",
    "primitive",
    "primitives",
    "rules",
    "save_training",
    "training",
    "value_and_grad",
    "vjp",
    "vmap",
]
__version__ = "0.1.0"


if not TYPE_CHECKING:

    def __getattr__(name):
        """Import on first use what training a net does not need."""
        if name in ("drawing", "sklearn", "testing"):
            return importlib.import_module(f".{name}", __name__)
        if name in ("Drawing", "draw", "explore"):
            return getattr(importlib.import_module(".drawing", __name__), name)
        if name == "derive":
            return importlib.import_module(".derivation", __name__).derive
        if name == "compile":
            return importlib.import_module(".tracing.compiled", __name__).compile
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
