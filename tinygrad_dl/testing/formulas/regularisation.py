"""Regularisation (course 2, week 1): inverted dropout, and the L2 term."""

from collections.abc import Mapping

import numpy as np

Array = np.ndarray


def dropout_forward(A: Array, D: Array, keep_prob: float) -> Array:
    """Compute A = A * D / keep_prob, inverted dropout.

    Parameters
    ----------
    A
        The activations of a layer, (n, m).
    D
        The mask, of 0 and 1, (n, m).
    keep_prob
        The probability of a 1 in the mask.

    Returns
    -------
    array
        The activations that the next layer gets, (n, m).

    Examples
    --------
    >>> dropout_forward(np.array([[1.0, 2.0]]), np.array([[1, 0]]), 0.5)
    array([[2., 0.]])
    """
    return A * D / keep_prob


def dropout_backward(dA: Array, D: Array, keep_prob: float) -> Array:
    """Compute dA = dA * D / keep_prob: the same mask, and the same factor.

    Parameters
    ----------
    dA
        The error of the activations after dropout, (n, m).
    D, keep_prob
        As in `dropout_forward`.

    Returns
    -------
    array
        The error of the activations before dropout, (n, m).

    Examples
    --------
    >>> dropout_backward(np.array([[3.0, 4.0]]), np.array([[1, 0]]), 0.5)
    array([[6., 0.]])
    """
    return dA * D / keep_prob


def l2_cost(parameters: Mapping[str, Array], strength: float, m: int) -> float:
    """Compute λ/2m Σ ‖W[l]‖², the sum of squares of all weights; biases are left out.

    Parameters
    ----------
    parameters
        W1, b1, W2, ... by name.
    strength
        The strength λ.
    m
        The number of samples.

    Returns
    -------
    float
        The term, which is added to the cost.

    Examples
    --------
    >>> l2_cost({"W1": np.ones((2, 3)), "b1": np.ones((2, 1))}, 0.5, m=2)
    0.75
    """
    return float(sum(strength / (2 * m) * np.sum(W**2) for name, W in parameters.items() if name[0] == "W"))


def l2_backward(dW: Array, W: Array, strength: float, m: int) -> Array:
    """Compute dW + λ/m W, the gradient of the cost with the term.

    Parameters
    ----------
    dW
        The gradient of the cost without the term.
    W
        The weights, of the same shape.
    strength, m
        As in `l2_cost`.

    Returns
    -------
    array
        The gradient, of the shape of W.

    Examples
    --------
    >>> l2_backward(np.zeros((1, 2)), np.array([[1.0, 2.0]]), 0.5, m=5)
    array([[0.1, 0.2]])
    """
    return dW + strength / m * W
