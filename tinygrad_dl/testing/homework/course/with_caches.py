"""The activations of `dnn_utils`, course 1, week 4: each gives its result and a cache for its backward pass."""

import numpy as np


def sigmoid(Z):
    """1/(1 + e⁻ᶻ), and Z."""
    A = 1 / (1 + np.exp(-Z))
    cache = Z
    return A, cache


def relu(Z):
    """max(0, Z), and Z."""
    A = np.maximum(0, Z)
    cache = Z
    return A, cache


def sigmoid_backward(dA, cache):
    """The derivative dZ by what went into `sigmoid`."""
    s = 1 / (1 + np.exp(-cache))
    dZ = dA * s * (1 - s)
    return dZ


def relu_backward(dA, cache):
    """The derivative dZ by what went into `relu`."""
    dZ = np.where(cache > 0, dA, 0.0)
    return dZ


sigmoid_backward.__module__ = relu_backward.__module__ = ""  # not the learner's to derive
