"""The functions of `planar_utils`, `init_utils`, `reg_utils` and `gc_utils`: activations without caches."""

import numpy as np


def sigmoid(x):
    """1/(1 + e⁻ˣ)."""
    s = 1 / (1 + np.exp(-x))
    return s


def relu(x):
    """max(0, x)."""
    s = np.maximum(0, x)
    return s


def forward_propagation(X, parameters):
    """The net of three layers, relu, relu and sigmoid, and a cache of all that it has computed."""
    W1, b1 = parameters["W1"], parameters["b1"]
    W2, b2 = parameters["W2"], parameters["b2"]
    W3, b3 = parameters["W3"], parameters["b3"]
    z1 = np.dot(W1, X) + b1
    a1 = relu(z1)
    z2 = np.dot(W2, a1) + b2
    a2 = relu(z2)
    z3 = np.dot(W3, a2) + b3
    a3 = sigmoid(z3)
    cache = (z1, a1, W1, b1, z2, a2, W2, b2, z3, a3, W3, b3)
    return a3, cache


def compute_cost(a3, Y):
    """The cross-entropy, a mean over the samples."""
    m = Y.shape[1]
    cost = np.nansum(-np.log(a3) * Y - np.log(1 - a3) * (1 - Y)) / m
    return cost
