"""Derivatives of functions: gradients, products with vectors, whole matrices; functions recomputed, batched, your own.

Each calls the function on fresh Tensors and pulls cotangents back through what it recorded; the engine is in
`autodiff.py`. All of them nest: the results are Tensors where something outside is being differentiated too.
"""

from .checkpointing import checkpoint
from .custom import custom
from .gradients import elementwise_grad, grad, value_and_grad
from .jacobians import hessian, jacobian
from .mapping import vmap
from .products import hvp, jvp, vjp

__all__ = [
    "checkpoint",
    "custom",
    "elementwise_grad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
    "vmap",
]
