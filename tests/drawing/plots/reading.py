"""What the tests of plots share: formulas by hand, samples, and what stands in an Axes."""

import math

import numpy as np

from tinygrad_dl import nn


def rng(seed=0):
    return np.random.default_rng(seed)


def lines(ax):
    """The lines of an Axes by the labels that its legend shows."""
    return {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}


def in_legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def samples(classes, m=60):
    return rng(1).normal(size=(2, m)), np.arange(m) % classes


# ---- activations as calculus has them

PHI = math.sqrt(2 / math.pi)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gelu_slope(z):
    t = np.tanh(PHI * (z + 0.044715 * z**3))
    return (1 + t) / 2 + z / 2 * (1 - t**2) * PHI * (1 + 3 * 0.044715 * z**2)


FORMULAS = {  # g, and g' as calculus has it
    nn.identity: (lambda z: z, lambda z: np.ones_like(z)),
    nn.sigmoid: (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    nn.tanh: (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    nn.relu: (lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0)),
    nn.leaky_relu: (lambda z: np.maximum(z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    nn.elu: (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z: np.where(z > 0, 1, np.exp(z))),
    nn.softplus: (lambda z: np.log(1 + np.exp(z)), sigmoid),
    nn.gelu: (lambda z: z / 2 * (1 + np.tanh(PHI * (z + 0.044715 * z**3))), gelu_slope),
}
