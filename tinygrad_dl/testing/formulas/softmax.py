"""The softmax and its cross-entropy (course 2, week 3)."""

import numpy as np

Array = np.ndarray


def softmax(Z: Array) -> Array:
    """Compute A = t / Σ t with t = e^Z, for each column.

    Parameters
    ----------
    Z
        Logits, (C, m).

    Returns
    -------
    array
        Probabilities, (C, m).

    Examples
    --------
    >>> softmax(np.log(np.array([[1.0], [3.0]])))
    array([[0.25],
           [0.75]])
    """
    t = np.exp(Z - np.max(Z, axis=0))  # the same quotient, without overflow
    return t / np.sum(t, axis=0)


def softmax_cost(A: Array, Y: Array) -> float:
    """Compute J = 1/m Σ L, with L = -Σ y log a for each sample.

    Parameters
    ----------
    A
        Probabilities, (C, m).
    Y
        One-hot labels, (C, m).

    Returns
    -------
    float
        The cost.

    Examples
    --------
    >>> round(softmax_cost(np.array([[0.25], [0.75]]), np.array([[0], [1]])), 4)
    0.2877
    """
    return float(-np.sum(Y * np.log(A)) / Y.shape[1])


def softmax_backward(A: Array, Y: Array) -> Array:
    """Compute dZ = A - Y, the error per sample of the logits.

    Parameters
    ----------
    A, Y
        Probabilities and one-hot labels, (C, m).

    Returns
    -------
    array
        dZ, (C, m).

    Examples
    --------
    >>> softmax_backward(np.array([[0.25], [0.75]]), np.array([[0], [1]]))
    array([[ 0.25],
           [-0.25]])
    """
    return A - Y
