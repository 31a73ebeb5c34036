"""Metrics: measures of a net that are not trained on."""

from typing import Any

import numpy as np

from .losses import arrays


def accuracy(A: Any, Y: Any) -> float:
    """Compute the fraction of samples that are classified correctly.

    Parameters
    ----------
    A : array
        Predictions: probabilities, (1, m), where above 1/2 means class 1; or scores, (classes, m), where the largest
        of a column wins.
    Y : array
        Labels, (m,) or (1, m), or one-hot, (classes, m).

    Returns
    -------
    float
        The fraction, in [0, 1]. A sample with a prediction of nan is not classified correctly.

    Raises
    ------
    ValueError
        If a shape does not fit, a row of predictions lies outside [0, 1], a label is none of 0 ... classes - 1, or
        labels of zeros and ones are not one-hot.
    TypeError
        If the labels are not numbers.

    Examples
    --------
    >>> accuracy(np.array([[0.9, 0.4, 0.2]]), np.array([[1, 1, 0]])).round(3)
    np.float64(0.667)
    >>> accuracy(np.array([[0.9, 0.4], [0.1, 0.6]]), np.array([0, 0]))
    np.float64(0.5)
    """
    A, Y = arrays("accuracy", A, Y)
    if Y.dtype.kind not in "biuf":
        raise TypeError(
            f"accuracy: expected labels as numbers, got {Y.dtype}: pass np.unique(Y, return_inverse=True)[1]."
        )
    if A.ndim != 2 or not A.size or Y.shape not in (A.shape, A.shape[1:], (1, A.shape[1])):
        raise ValueError(
            f"accuracy: expected predictions (n, m) and labels (m,), (1, m) or (n, m), got {A.shape} and {Y.shape}."
        )
    rows = len(A)
    if rows == 1 and (np.min(A) < 0 or np.max(A) > 1):
        raise ValueError("accuracy: expected a row of probabilities in [0, 1]; for logits, apply nn.sigmoid first.")
    labels = np.reshape(Y, -1)
    if rows > 1 and Y.shape == A.shape:
        if np.all((Y == 0) | (Y == 1)) and not np.all(np.sum(Y, axis=0) == 1):
            raise ValueError(
                "accuracy: expected one-hot labels, got a column with another sum than 1; for several labels of a "
                "sample, take np.mean((A > 0.5) == Y)."
            )
        labels = np.argmax(Y, axis=0)
    classes = max(rows, 2)
    known = (labels >= 0) & (labels < classes) & (labels % 1 == 0)
    if not np.all(known):
        raise ValueError(f"accuracy: expected labels in 0 ... {classes - 1}, got {labels[~known][0]}.")
    predicted = A[0] > 0.5 if rows == 1 else np.argmax(A, axis=0)
    return np.mean((predicted == labels) & ~np.any(np.isnan(A), axis=0))
