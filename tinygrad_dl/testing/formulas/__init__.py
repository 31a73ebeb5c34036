"""The course's backprop, derived by hand, in plain NumPy: an oracle for autodiff that is independent of it.

The notation is the course's. Samples are columns; `*` is the Hadamard product. `dZ` and `dA` are errors per sample:
the 1/m of the cost is applied once, in `dW` and `db`, so that the derivative of the cost with respect to Z is dZ / m.
"""

from .convolution import conv_backward, conv_forward, pool_backward, pool_forward
from .networks import (
    ACTIVATIONS,
    LEAKY_SLOPE,
    Cache,
    activation_backward,
    cost,
    cost_backward,
    deep_backward,
    deep_forward,
    layer_backward,
    layer_forward,
    leaky,
    linear_backward,
    relative_difference,
    shallow_backward,
    shallow_forward,
)
from .normalisation import batch_norm_backward, batch_norm_forward
from .regularisation import dropout_backward, dropout_forward, l2_backward, l2_cost
from .softmax import softmax, softmax_backward, softmax_cost

__all__ = [
    "ACTIVATIONS",
    "LEAKY_SLOPE",
    "Cache",
    "activation_backward",
    "batch_norm_backward",
    "batch_norm_forward",
    "conv_backward",
    "conv_forward",
    "cost",
    "cost_backward",
    "deep_backward",
    "deep_forward",
    "dropout_backward",
    "dropout_forward",
    "l2_backward",
    "l2_cost",
    "layer_backward",
    "layer_forward",
    "leaky",
    "linear_backward",
    "pool_backward",
    "pool_forward",
    "relative_difference",
    "shallow_backward",
    "shallow_forward",
    "softmax",
    "softmax_backward",
    "softmax_cost",
]
