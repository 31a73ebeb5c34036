"""Mistakes with a number in them: the number is estimated."""

import numpy as np
import pytest

from tests.testing.backprop.diagnosis_sweep import ALL, NO_ERRORS, check, handed_in
from tests.testing.backprop.students import Homework
from tests.testing.backprop.test_diagnosis import DEEP
from tinygrad_dl.testing import check_backprop


def test_a_wrong_leaky_slope_a_learning_rate_and_a_regularisation_are_estimated():
    for fault, detail in [
        (("wrong leaky slope", "dZ2"), "0.17 for 0.01"),
        (("updated W", "dA1"), "W2 after an update with η = 0.7"),
    ]:
        for quantities in (ALL, NO_ERRORS):
            report = check(DEEP, handed_in(DEEP, [fault], quantities, True))
            assert [cause.detail for row in report for cause in row.causes] == [detail]
    gradients = Homework([3, 4, 1], ["tanh", "sigmoid"], 9, regularisation=0.25).backward()
    report = check(Homework([3, 4, 1], ["tanh", "sigmoid"], 9), gradients)
    assert [str(cause) for row in report for cause in row.causes] == ["another λ (0.25 for 0)"] * 2


def test_another_W_is_told_by_its_values():
    rng, right = np.random.default_rng(0), DEEP.backward()
    other = {name: value + rng.normal(size=value.shape) for name, value in DEEP.parameters.items()}
    gradients = right | {"dA1": other["W2"].T @ right["dZ2"]}
    assert check(DEEP, gradients)["dA1"].status == "unknown"
    assert check(DEEP, gradients, old=other)["dA1"].cause == "old W"
    assert check(DEEP, gradients, updated=other)["dA1"].cause == "updated W"
    stepped = {"dW1": DEEP.parameters["W1"] - 0.1 * right["dW1"]}
    assert check(DEEP, stepped, learning_rate=0.1)["dW1"].cause == "W for dW"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Y": np.array([[0.0, 9.0]])}, r"labels in \[0, 1\], got 0 to 9"),
        ({"regularisation": -1.0}, "a regularisation of 0 or more, got -1"),
    ],
)
def test_impossible_data_are_refused(change, message):
    given = {"Y": np.array([[0.0, 1.0]])} | change
    with pytest.raises(ValueError, match=message):
        check_backprop({}, np.ones((1, 2)), net={"W1": [[1.0]], "b1": [[0.0]]}, activations=["sigmoid"], **given)


def test_a_gradient_of_zeros_is_right_with_a_word_of_warning():
    net = {"W1": np.zeros((2, 1)), "b1": np.zeros((2, 1)), "W2": np.ones((1, 2)), "b2": np.zeros((1, 1))}
    report = check_backprop({"dW2": np.zeros((1, 2))}, np.ones((1, 3)), np.ones((1, 3)), net, ["relu", "sigmoid"])
    assert report.passed
    assert "a wrong factor would not show" in str(report)
