"""Backprop to see and to trust: an autograd mini-framework on NumPy."""

from . import data, nn, optim, rules
from .autodiff import backward, grad, gradients, named_tensors, value_and_grad
from .drawing import Drawing, draw
from .grad_mode import is_grad_enabled, no_grad
from .primitives import primitive
from .registry import defnondiff, defspelling, defvjp, defvjp_each
from .tensor import Tensor, parameter
from .training import History, fit

__all__ = [
    "Drawing",
    "History",
    "Tensor",
    "backward",
    "data",
    "defnondiff",
    "defspelling",
    "defvjp",
    "defvjp_each",
    "draw",
    "fit",
    "grad",
    "gradients",
    "is_grad_enabled",
    "named_tensors",
    "nn",
    "no_grad",
    "optim",
    "parameter",
    "primitive",
    "rules",
    "value_and_grad",
]
__version__ = "0.1.0"
