"""What `check_backprop` takes and refuses, and what its report says, in text, in a table and by name."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.testing.diagnosis_sweep import ALL, check, handed_in, random_homework
from tests.testing.students import Homework
from tinygrad_dl import nn
from tinygrad_dl.testing import check_backprop
from tinygrad_dl.testing.backprop.mistakes import MISTAKES, WHY

DEEP = Homework([3, 4, 5, 1], ["relu", "leaky_relu", "sigmoid"], 16, seed=3)


# ---- what goes in


def test_lists_tensors_and_a_net_are_taken_as_well():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Dense(3, 4, rng=rng), nn.Sequential(nn.tanh, nn.Dense(4, 1, rng=rng)), nn.sigmoid)
    X, Y = rng.normal(size=(3, 5)), rng.integers(0, 2, (1, 5))
    dZ2 = net(X).data - Y
    assert check_backprop({"dZ2": dZ2.tolist(), "dW2": tg.Tensor(-dZ2 @ np.ones((5, 4)))}, X, Y, net)["dZ2"].status == (
        "right"
    )
    parameters = {
        f"{q}{layer}": tensor
        for layer in (1, 2)
        for q, tensor in zip("Wb", net.parameters()[2 * layer - 2 :], strict=False)
    }
    assert check_backprop({"dZ2": dZ2}, X.tolist(), Y.tolist(), parameters, [np.tanh, nn.sigmoid]).passed


P = {"W1": np.ones((2, 3)), "b1": np.zeros((2, 1)), "W2": np.ones((1, 2)), "b2": np.zeros((1, 1))}
X, Y, G = np.ones((3, 5)), np.ones((1, 5)), {"dW1": np.ones((2, 3))}
TANH = ["tanh", "sigmoid"]


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (({"dw1": 1}, X, Y, P, TANH), {}, "got 'dw1': did you mean dW1?"),
        (({"dW9": 1}, X, Y, P, TANH), {}, "expected names such as dA2, dZ2"),
        (({"dW1": "zeros"}, X, Y, P, TANH), {}, "dW1: expected an array of real numbers, got str 'zeros'"),
        (({"dW1": None}, X, Y, P, TANH), {}, "dW1: expected an array of real numbers, got NoneType"),
        (({"dW1": [[1], [1, 2]]}, X, Y, P, TANH), {}, "rows of different lengths"),
        (({}, X, Y, P, TANH), {}, "expected a dict such as"),
        ((G, X.T, Y, P, TANH), {}, "W1: expected (n1, 5), as X has 5 rows, got (2, 3); samples are columns: pass X.T"),
        ((G, X, np.ones(5), P, TANH), {}, "Y: expected (1, 5), outputs × samples, got (5,): pass Y.reshape(1, 5)"),
        ((G, np.full((3, 5), np.nan), Y, P, TANH), {}, "X: expected finite numbers, got 15"),
        ((G, X, Y, P | {"b1": np.zeros(2)}, TANH), {}, "b1: expected a column (2, 1)"),
        ((G, X, Y, {"W1": P["W1"]}, TANH), {}, "expected parameters W1, b1, W2, b2"),
        ((G, X, Y, P, ["gelu", "sigmoid"]), {}, "got 'gelu'"),
        ((G, X, Y, P, ["tanh", nn.softmax]), {}, "got 'softmax'"),
        ((G, X, Y, P, ["tanh", "tanh"]), {}, "needs an output by sigmoid, got tanh"),
        ((G, X, Y, P), {}, "expected a Sequential, or a dict of parameters"),
        ((G, X, Y, nn.Sequential(np.tanh)), {}, "expected Dense layers"),
        ((G, X, Y, P, TANH), {"cost": "hinge"}, "got 'hinge'"),
        ((G, X, Y, P, TANH), {"convention": "mine"}, "got 'mine'"),
        ((G, X, Y, P, TANH), {"old": P | {"W2": 1}}, "old W2: expected shape (1, 2), got ()"),
    ],
)
def test_what_can_not_be_checked_is_refused_with_what_to_do(arguments, settings, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        check_backprop(*arguments, **settings)


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
    assert not re.search(r"<(?!/?(p|b|br|table|tr|td|th)\b)", page)


def test_assert_right_raises_the_report_unless_all_is_right():
    check(DEEP, DEEP.backward()).assert_right()
    with pytest.raises(AssertionError, match="wrong: sign"):
        check(DEEP, DEEP.backward([("sign", "dZ1")])).assert_right()
    with pytest.raises(KeyError, match="there is nothing about it"):
        check(DEEP, DEEP.backward())["dW7"]


def test_every_kind_of_mistake_has_a_reason_and_a_week():
    kinds = {mistake.kind for mistake in MISTAKES if mistake.kind}
    assert kinds | {"not finite"} == set(WHY)
    assert {week for week, _ in WHY.values()} == {3, 4}
