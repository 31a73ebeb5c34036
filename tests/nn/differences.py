"""Numeric derivatives of plain functions of arrays, by central differences: they know nothing of autodiff."""

import numpy as np

STEP = 1e-3
# The error of the formula below is about STEP⁴/30 f⁽⁵⁾ + eps/STEP |f|, so some 1e-13 for a function of the size of its
# derivatives; 1e-9 leaves room for a fifth derivative of 1e3 and for sums of a hundred terms.
TOLERANCE = 1e-9


def slope(f, x):
    """f'(x) of an `f` that acts on each element, to fourth order."""
    return (8 * (f(x + STEP) - f(x - STEP)) - (f(x + 2 * STEP) - f(x - 2 * STEP))) / (12 * STEP)


def gradient(f, x):
    """The gradient of a scalar `f` at the array `x`."""
    x = np.asarray(x, float)
    steps = np.eye(x.size).reshape(-1, *x.shape)
    return np.array([slope(lambda t, step=step: f(x + t * step), 0.0) for step in steps]).reshape(x.shape)
