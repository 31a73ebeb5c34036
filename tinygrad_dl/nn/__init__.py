"""Neural networks: activations, losses, initializers, layers. Samples are columns."""

from typing import TYPE_CHECKING

from .. import _guesses
from . import activations, initializers, losses, metrics
from .activations import elu, gelu, identity, log_softmax, softmax, softplus, tanh
from .convolution import Conv2D, average_pool2d, conv2d, flatten, max_pool2d
from .fused import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    leaky_relu,
    relu,
    sigmoid,
    softmax_cross_entropy,
)
from .initializers import he, normal, xavier, zeros
from .layers import Dense, Sequential, mlp
from .losses import mean_squared_error
from .metrics import accuracy
from .module import Module
from .normalisation import BatchNorm
from .regularisation import Dropout, l2

__all__ = [
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Module",
    "Sequential",
    "accuracy",
    "activations",
    "average_pool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "elu",
    "flatten",
    "gelu",
    "he",
    "identity",
    "initializers",
    "l2",
    "leaky_relu",
    "log_softmax",
    "losses",
    "max_pool2d",
    "mean_squared_error",
    "metrics",
    "mlp",
    "normal",
    "relu",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
    "xavier",
    "zeros",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
