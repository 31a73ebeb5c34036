"""Accuracy: the share of the right predictions."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn

SCORES = np.array([[0.9, 0.1, 0.2], [0.05, 0.8, 0.3], [0.05, 0.1, 0.5]])


ACCURACIES = [
    (np.array([[0.9, 0.4, 0.5, 0.51]]), np.array([[1, 1, 0, 1]]), 3 / 4),  # 1/2 is class 0
    (np.array([[0.9, 0.4, 0.5, 0.51]]), np.array([0, 0, 1, 0]), 1 / 4),
    (np.array([[0.9, 0.4]]), np.array([[True, False]]), 1),
    (SCORES, np.array([0, 1, 1]), 2 / 3),
    (SCORES, np.array([[2, 0, 2]]), 1 / 3),
    (SCORES, np.eye(3)[[0, 1, 2]].T, 1),
    (SCORES[:, :2], np.array([[0, 0], [1, 0], [0, 1]]), 0),
    (np.array([[np.nan, 0.9, np.nan]]), np.array([0, 1, 1]), 1 / 3),
    (np.where(SCORES == 0.8, np.nan, SCORES), np.array([0, 1, 2]), 2 / 3),
    (np.full((2, 3), np.nan), np.zeros(3), 0),
]


@pytest.mark.parametrize(("A", "Y", "share"), ACCURACIES)
def test_accuracy_is_the_share_that_is_right(A, Y, share):
    assert nn.accuracy(A, Y) == pytest.approx(share, rel=1e-15)
    assert nn.accuracy(tg.parameter(A), Y) == pytest.approx(share, rel=1e-15)


@pytest.mark.parametrize(
    ("a", "y"), [((3,), (3,)), ((2, 3), (3, 1)), ((2, 3), (2,)), ((1, 3), (1, 1)), ((1, 3), (3, 1))]
)
def test_accuracy_of_shapes_that_would_broadcast_is_refused(a, y):
    with pytest.raises(ValueError, match=r"accuracy: expected predictions \(n, m\) and labels"):
        nn.accuracy(np.zeros(a), np.zeros(y))
