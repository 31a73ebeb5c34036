"""Backprop to see and to trust: an autograd mini-framework on NumPy."""

from . import rules
from .autodiff import backward, grad, gradients, value_and_grad
from .grad_mode import is_grad_enabled, no_grad
from .primitives import primitive
from .registry import defnondiff, defspelling, defvjp, defvjp_each
from .tensor import Tensor, parameter

__all__ = [
    "Tensor",
    "backward",
    "defnondiff",
    "defspelling",
    "defvjp",
    "defvjp_each",
    "grad",
    "gradients",
    "is_grad_enabled",
    "no_grad",
    "parameter",
    "primitive",
    "rules",
    "value_and_grad",
]
__version__ = "0.1.0"
