"""The first wrong formula is blamed; what follows from it inherits."""

import numpy as np
import pytest

from tests.testing.backprop.diagnosis_sweep import check
from tests.testing.backprop.test_diagnosis import DEEP


@pytest.mark.few_values
@pytest.mark.parametrize("place", ["dA3", "dZ3", "dA2", "dZ2", "dA1", "dZ1", "dW2", "db2"])
def test_the_first_wrong_formula_is_blamed_and_what_follows_from_it_inherits(place):
    gradients = DEEP.backward([("sign", place)], shortcut=False)
    right, report = DEEP.backward(shortcut=False), check(DEEP, gradients)
    for row in report:
        if row.name == place:
            assert (row.status, row.cause) == ("wrong", "sign")
        elif np.allclose(gradients[row.name], right[row.name], atol=0):
            assert row.status == "right"
        else:
            assert (row.status, row.inherited_from) == ("inherited", place)
            assert row.relative_difference == pytest.approx(1)  # -a for a


def test_what_follows_from_a_hidden_error_inherits_from_a_row_that_was_not_given():
    gradients = DEEP.backward([("g' missing", "dZ2")])
    report = check(DEEP, {name: g for name, g in gradients.items() if name[1] in "Wb"})
    assert not report["dZ2"].given
    assert report["dZ2"].cause == "g' missing"
    assert {row.name for row in report if row.inherited_from == "dZ2"} == {"dW2", "db2", "dW1", "db1"}
    assert "not given" in report["dZ2"].verdict


def test_a_right_gradient_after_a_wrong_one_is_right_and_the_report_says_that_it_does_not_follow():
    gradients = DEEP.backward() | {"dZ2": -DEEP.backward()["dZ2"]}
    report = check(DEEP, gradients)
    assert {row.name for row in report if row.status != "right"} == {"dZ2"}
    assert "undoes" in report["dW2"].note


def test_one_wrong_gradient_among_right_ones_does_not_change_how_they_are_read():
    gradients = DEEP.backward(derivative=True)
    rng = np.random.default_rng(0)
    report = check(DEEP, gradients | {"dA3": rng.normal(size=(1, 16)), "dZ2": rng.normal(size=(5, 16))})
    assert report.convention == "derivative"
    assert {row.name for row in report if row.status != "right"} == {"dA3", "dZ2"}
