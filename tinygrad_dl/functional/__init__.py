"""Transforms of functions: gradients, Jacobians and their products with vectors, checkpoints, batching, custom rules.

Each transform calls the function on fresh Tensors (`trace.py`) and pulls cotangents back through the recorded graph
with the engine in `core/backprop.py`. Transforms nest: inside an outer transform the results are Tensors.
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
