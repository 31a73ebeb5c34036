"""Accuracy: the share of the right predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ("a", "y"), [((3,), (3,)), ((2, 3), (3, 1)), ((2, 3), (2,)), ((1, 3), (1, 1)), ((1, 3), (3, 1)), ((1, 0), (1, 0))]
)
def test_accuracy_of_shapes_that_would_broadcast_is_refused(a, y):
    with pytest.raises(ValueError, match=r"accuracy: expected predictions \(n, m\) and labels"):
        nn.accuracy(np.zeros(a), np.zeros(y))


@given(st.integers(1, 4), st.one_of(st.integers(-9, 9), st.floats(-9, 9), st.just(np.nan)))
def test_a_label_that_is_no_class_is_refused(rows, label):
    A, Y = np.full((rows, 3), 0.1), np.array([0, label, 1 % max(rows, 2)])
    if label in range(max(rows, 2)):
        assert nn.accuracy(A, Y) == np.mean(Y == 0)
    else:
        with pytest.raises(ValueError, match=f"accuracy: expected labels in 0 ... {max(rows, 2) - 1}, got "):
            nn.accuracy(A, Y)


@pytest.mark.parametrize("column", [[0, 0, 0], [1, 1, 0], [1, 1, 1]])
@pytest.mark.parametrize("dtype", [bool, np.uint8, float])
def test_several_labels_of_a_sample_are_refused(column, dtype):
    Y = np.stack([[0, 1, 0], column], axis=1).astype(dtype)
    with pytest.raises(ValueError, match=r"expected one-hot labels, .*take np\.mean\(\(A > 0\.5\) == Y\)"):
        nn.accuracy(SCORES[:, :2], Y)
