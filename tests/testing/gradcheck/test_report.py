"""The report of a gradient check: element, values, rule and line, and code that shows the mistake again."""

import subprocess
import sys

import numpy as np
import pytest

from tests.testing.gradcheck.test_check import X, report_of, wrong_sine


def test_the_error_names_element_values_rule_and_line():
    sine = wrong_sine()

    def f(W, x):
        return np.tanh(sine(W) @ x)

    report = report_of(f, np.ones((2, 3)), X)
    text = str(report)
    assert len(text.split("\n")) <= 40
    assert "The gradient of f with respect to W is wrong, in 6 of the elements checked" in text
    assert "test_check.py:" in text
    assert report.blame.argnum == 0
    assert report.blame.parameter == "x"
    first = report.mistakes[0]
    assert first.claimed == pytest.approx(-first.low)
    assert first.taylor_order == pytest.approx(1, abs=0.1)


def test_a_number_that_the_graph_does_not_see_is_said_to_be_missing():
    with pytest.warns(UserWarning, match="out of the graph"):
        report = report_of(lambda x: np.sum(x * float(x[0])), X)
    assert report.blame is None
    assert "missing from the graph, by float(x)" in str(report)


def test_the_reproduction_runs_and_finds_the_mistake_again():
    code = """
import numpy as np
import tinygrad_dl as tg
from tinygrad_dl import testing
tg.defvjp(np.tan, lambda g, ans, x: g * ans**2)
try:
    testing.check_gradients(lambda x: np.exp(np.tan(x)) * 2, np.array([[0.3, -0.7], [0.1, 0.2]]))
except testing.GradientError as error:
    reproduction = error.report.blame.reproduction
try:
    exec(reproduction)
except testing.GradientError as error:
    print(error.report.blame.function, error.report.function)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "np.tan tan\n"


def test_a_large_failure_is_reproduced_with_the_wrong_element_alone():
    x = np.random.default_rng(0).normal(size=(30, 40))
    report = report_of(lambda x: np.sum(wrong_sine()(x)), x)
    assert "x0 = np.array(" in report.blame.reproduction
    assert len(report.blame.reproduction) < 300
