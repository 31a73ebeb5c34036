"""Derivations in LaTeX have the notation of the course."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.derivation.test_derivations import LABELS, loss_of


def rows(derivation):
    text = derivation.latex()
    assert text.startswith("\\begin{aligned}\n")
    assert text.endswith("\n\\end{aligned}")
    return dict(row.split(" &= ") for row in text[16:-14].split(" \\\\\n"))


def test_the_formulas_of_week_3_are_those_of_the_notes():
    _, loss = loss_of("binary_cross_entropy")
    assert rows(tg.derive(loss)) == {
        "Z^{[1]}": "W^{[1]} X + b^{[1]}",
        "A^{[1]}": r"\tanh(Z^{[1]})",
        "Z^{[2]}": "W^{[2]} A^{[1]} + b^{[2]}",
        "A^{[2]}": r"\sigma(Z^{[2]})",
        "L": r"-\frac{1}{m} \sum (Y \circ \log(A^{[2]}) + (1 - Y) \circ \log(1 - A^{[2]}))",
        "dZ^{[2]}": "A^{[2]} - Y",
        "dW^{[2]}": r"\frac{1}{m} dZ^{[2]} A^{[1]T}",
        "dA^{[1]}": "W^{[2]T} dZ^{[2]}",
        "db^{[2]}": r"\frac{1}{m} \sum dZ^{[2]}",
        "dZ^{[1]}": r"dA^{[1]} \circ (1 - (A^{[1]})^{2})",
        "dW^{[1]}": r"\frac{1}{m} dZ^{[1]} X^T",
        "db^{[1]}": r"\frac{1}{m} \sum dZ^{[1]}",
    }


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("hidden", [tg.nn.relu, tg.nn.leaky_relu, tg.nn.elu, tg.nn.gelu, tg.nn.softplus])
def test_braces_and_parentheses_are_balanced_and_no_power_has_two_exponents(name, hidden):
    _, loss = loss_of(name, hidden)
    for right in rows(tg.derive(loss)).values():
        assert right.count("{") == right.count("}")
        assert right.count("(") == right.count(")")
        assert "}^" not in right
        assert "array" not in right


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dW2", "dW^{[2]}"),
        ("gamma", r"\gamma"),
        ("dbeta", r"d\beta"),
        ("A1_", "A^{[1]}'"),
        ("cost", "L"),
        ("Zhat", r"\mathrm{Zhat}"),
    ],
)
def test_names_are_those_of_the_course(name, expected):
    x = tg.parameter(np.ones((2, 2)), name="w")
    y = np.exp(x)
    y.name = name
    loss = np.sum(y * x)
    loss.name = "cost" if name != "cost" else "total"
    assert expected in rows(tg.derive(loss))


def test_numbers_roots_exponentials_and_conditions_are_printed_as_mathematics():
    w = tg.parameter(np.ones((2, 3)), name="w")
    found = rows(tg.derive(np.sum(np.sqrt(w + 1e-8) * np.exp(-w) + w**3 / 7)))
    assert {found["t_1"], found["t_2"]} == {r"\sqrt{w + 1 \cdot 10^{-8}}", "e^{-w}"}
    assert found["L"] == r"\sum (t_1 \circ t_2 + \frac{w^{3}}{7})"
    assert r"[w > 0]" in rows(tg.derive(np.sum(tg.nn.relu(w) ** 2)))["dw"]
