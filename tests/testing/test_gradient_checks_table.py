"""The table of what gradient checkers miss: its rows tell the truth, and ours is right on every one, without peers."""

import numpy as np
import pytest

from tests import numeric
from tests.benchmarks import gradient_checks, gradient_rows
from tests.benchmarks.gradient_checks import System, Verdict, verdict
from tests.benchmarks.gradient_rows import ARGUMENTS, BUG, CURVED, KINKS, MANY, RIGHT, ROWS, SCALE, Row, sine

SMOOTH = [row for row in SCALE + MANY + ARGUMENTS if "1e12 + " not in row.name]  # whose differences are noise
each = pytest.mark.parametrize


def name_of(row):
    return f"{row.name}, {'right' if row.right else 'wrong'}"


def forward_and_rules(row):
    """What the row hands to `primitive`."""
    return row.make(np, lambda forward, *rules: (forward, rules))


# ---- ours


@pytest.mark.few_values
@each("row", ROWS, ids=name_of)
def test_ours_is_right_on_every_row(row):
    said = verdict(gradient_checks.ours(), row)
    assert said.true, f"{said}\n{said.text}"


@each("row", [row for row in ROWS if "rounded" in row.name], ids=name_of)
def test_ours_is_right_at_every_point_where_noise_may_look_like_a_slope(row, deep):
    points = np.random.default_rng(0).normal(0, 2, 200 if deep else 20)
    wrong = [x for x in points if not verdict(gradient_checks.ours(), row._replace(primals=(np.array(x),))).true]
    assert wrong == []


def test_ours_names_the_element_the_argument_and_the_rule_in_at_most_40_lines():
    text = verdict(gradient_checks.ours(), gradient_rows.TO_READ).text
    _, lines, *names = gradient_checks.told(text)
    assert int(lines) <= 40, text
    assert names == ["yes", "yes", "yes"], text


# ---- the rows


def test_the_names_of_the_rows_are_unique():
    assert len(set(map(name_of, ROWS))) == len(ROWS)


@pytest.mark.few_values
@each("row", SMOOTH, ids=name_of)
def test_a_row_is_right_iff_its_rules_are_what_differences_say(row):
    forward, rules = forward_and_rules(row)
    ans = forward(*row.primals)
    g = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(ans))

    def close(argnum, rule):
        expected = numeric.gradient(lambda *primals: np.sum(g * forward(*primals)), row.primals, argnum)
        return np.allclose(rule(g, ans, *row.primals), expected, rtol=1e-6, atol=0)

    assert row.right == all(close(argnum, rule) for argnum, rule in enumerate(rules))


@pytest.mark.few_values
@each("row", KINKS, ids=name_of)
def test_a_row_at_a_kink_is_right_iff_its_rule_gives_a_subgradient(row):
    forward, (rule,) = forward_and_rules(row)
    (x,) = row.primals
    ans = forward(x)
    g = 1.0 + np.arange(np.size(ans)).reshape(np.shape(ans))  # positive and growing: g·relu, g·|x|, g·sort are convex

    def f(x):
        return np.sum(g * forward(x))

    steps = 0.1 * np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (500, *x.shape))
    plane = [f(x) + np.sum(rule(g, ans, x) * step) for step in steps]
    assert row.right == all(f(x + step) >= on_plane - 1e-12 for step, on_plane in zip(steps, plane, strict=True))


# ---- the script


def checker(failure=None, answers=()):
    """A system that knows no calculus: its check raises `failure`, or what the next of `answers` is."""
    answers = iter(answers)

    def check(*_):
        raised = next(answers, failure)
        if raised is not None:
            raise raised

    return check


@each(
    ("right", "raised", "expected"),
    [
        (RIGHT, None, Verdict("passes", True)),
        (RIGHT, AssertionError("too large"), Verdict("FALSE ALARM", False, "too large")),
        (BUG, None, Verdict("MISSED", False)),
        (BUG, AssertionError("too large"), Verdict("caught", True, "too large")),
        (RIGHT, TypeError("no floats"), Verdict("error", False, "TypeError: no floats")),
        (BUG, TypeError("no floats"), Verdict("error", False, "TypeError: no floats")),
    ],
)
def test_a_verdict_is_true_iff_the_right_passes_and_the_bug_is_caught(right, raised, expected):
    system = System("1.0", np, lambda mode, forward, *rules: forward, checker(raised), AssertionError)
    assert verdict(system, Row("sine", right, CURVED, sine(1))) == expected


def test_a_verdict_is_the_worst_of_several_answers():
    check = checker(answers=[AssertionError(), None, AssertionError()])
    system = System("1.0", np, lambda mode, forward, *rules: forward, check, AssertionError, draws=3)
    assert verdict(system, Row("sine", BUG, CURVED, sine(1, -1))).word == "MISSED 1/3"


def test_the_script_shows_a_peer_that_is_not_installed_as_such(monkeypatch, capsys):
    absent = ("torch", "a_package_that_nobody_has", gradient_checks.torch)
    monkeypatch.setattr(gradient_checks, "COLUMNS", [gradient_checks.COLUMNS[0], absent])
    monkeypatch.setattr(gradient_checks, "PEERS", ["a_package_that_nobody_has"])
    monkeypatch.setattr(gradient_checks, "ROWS", [SCALE[0], gradient_rows.TO_READ])
    gradient_checks.main(["--peers", "a_package_that_nobody_has"])
    printed = capsys.readouterr().out
    assert "✓ passes  not installed\n" in printed
    assert "2 of 2" in printed


def test_the_script_refuses_a_peer_that_it_does_not_know(capsys):
    with pytest.raises(SystemExit):
        gradient_checks.main(["--peers", "torch,tensorflow"])
    assert "expected some of torch,jax,autograd; got 'tensorflow'" in capsys.readouterr().err
