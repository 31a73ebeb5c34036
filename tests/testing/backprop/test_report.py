"""What `check_backprop` takes and refuses, and what its report says, in text, in a table and by name."""

import re

import numpy as np
import pytest

from tests.testing.backprop.diagnosis_sweep import ALL, check, handed_in, random_homework
from tests.testing.backprop.students import Homework

DEEP = Homework([3, 4, 5, 1], ["relu", "leaky_relu", "sigmoid"], 16, seed=3)


# ---- what comes out


def test_the_report_of_three_layers_has_at_most_40_lines_of_120_characters():
    rng = np.random.default_rng(0)
    for seed in range(5):
        homework = random_homework(np.random.default_rng(seed), 3)
        kinds = ("sign", "g' missing", "1/m missing", "1/m twice", "keepdims lost", "never computed", "g' twice")
        faults = [fault for fault in homework.faults(False) if fault[0] in kinds and rng.random() < 0.4]
        report = check(homework, handed_in(homework, faults, ALL, False))
        text = str(report)
        assert len({row.cause for row in report if row.causes}) > 3
        assert len(text.splitlines()) <= 40
        assert max(map(len, text.splitlines())) <= 120


def test_the_report_teaches_the_formula_of_the_course_with_its_week():
    report = check(DEEP, DEEP.backward([("g' missing", "dZ1"), ("dA for dZ", "dW2")]))
    text = str(report)
    assert text.startswith("4 of 12 gradients are wrong. dZ and dA are read as errors per sample")
    assert "dZ1 = dA1 ∘ g'(Z1), g' = 1 where Z1 > 0, else 0" in text
    assert "dW2 = 1/m dZ2 A1ᵀ" in text
    assert "(week 3)" in text
    assert "(week 4)" in text
    row = report["dZ1"]
    assert row.expected_shape == row.given_shape == (4, 16)
    assert row.max_difference == pytest.approx(np.abs(DEEP.backward()["dZ1"] - DEEP.backward()["dA1"]).max())


def test_a_wrong_shape_is_shown_beside_the_expected_one():
    report = check(DEEP, DEEP.backward([("transposed", "dW2")]))
    assert (report["dW2"].given_shape, report["dW2"].expected_shape) == ((4, 5), (5, 4))
    assert report["dW2"].max_difference is None
    assert "(4, 5), expected (5, 4)" in str(report)


def test_the_table_for_notebooks_says_the_same_and_is_escaped():
    report = check(DEEP, DEEP.backward([("mask of the wrong sign", "dZ1"), ("g' twice", "dZ2")]))
    page = report._repr_html_()
    assert "Z1 &gt; 0" in page
    assert "wrong: g&#x27; twice" in page
    assert page.count("<tr") == 1 + len(report.rows)
    assert not re.search(r"<(?!/?(div|span|b|br|code|table|tr|td|th)\b)", page)


def test_assert_right_raises_the_report_unless_all_is_right():
    check(DEEP, DEEP.backward()).assert_right()
    with pytest.raises(AssertionError, match="wrong: sign"):
        check(DEEP, DEEP.backward([("sign", "dZ1")])).assert_right()
    with pytest.raises(KeyError, match="there is nothing about it"):
        check(DEEP, DEEP.backward())["dW7"]
