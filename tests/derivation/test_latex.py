"""Derivations in LaTeX have the notation of the course."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.derivation.test_derivations import LABELS, loss_of
from tinygrad_dl.derivation.latex import Latex
from tinygrad_dl.tracing.trace import trace


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
        ("A1_", "A'^{[1]}"),  # a prime after an exponent is an error of LaTeX
        ("dA_1", "dA^{[1]}"),
        ("W_hh", r"W_{\mathrm{hh}}"),
        ("b_h2_", "b_{\\mathrm{h2}}'"),
        ("x__", "x''"),
        ("delta", r"\delta"),
        ("data", r"\mathrm{data}"),
        ("Beta", r"\mathrm{Beta}"),
        ("t12", "t_{12}"),
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


def test_characters_of_a_name_that_latex_would_read_are_escaped():
    assert Latex({}).name("50% #1_{a}\\n") == r"\mathrm{50\% \#1\_\{a\} n}"
    w = tg.parameter(np.ones((2, 2)), name="w")
    assert rows(tg.derive(np.sum(np.expand_dims(w, 0) ** 2)))["t_1"].startswith(r"\operatorname{expand\_dims}(")


def test_elements_comparisons_and_ones_are_printed_as_mathematics():
    w = tg.parameter(np.ones((3, 3)), name="w")
    assert rows(tg.derive(np.sum(w[0, 1:] ** 2)))["L"] == r"\sum w_{0, 1:}^{2}"
    assert rows(tg.derive(np.sum(w @ w)))["t_1"] == r"\mathbf{1}"
    assert r"\lnot(w < -1) \land \lnot(w > 1)" in rows(tg.derive(np.sum(np.clip(w, -1, 1) ** 2)))["dw"]
    assert rows(tg.derive(np.sum(tg.nn.relu(w))))["dw"] == "[w > 0]"
    assert rows(tg.derive(np.sum(tg.nn.relu(w)) * 3 - w[0, 0] ** 2))["dw"].endswith("3 [w > 0]")
    assert "None" not in tg.derive(np.var(w)).latex()
    assert r"\operatorname{mean}(w, \mathrm{axis} = 0)" in rows(tg.derive(np.sum(np.mean(w, axis=0) ** 3)))["t_1"]


# ---- read as a person reads it


class Reader:
    """The value of a formula: A B binds more tightly than A ∘ B, and a sum over elements goes on to the next + or -."""

    def __init__(self, text, values):
        self.tokens, self.values = re.findall(r"\\[a-z]+|[A-Za-z]|[\d.]+|\S", text), values

    def take(self, *wanted):
        """Take the next token if it is one of those `wanted`."""
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else ""

    def total(self):
        value = -self.elementwise() if self.take("-") else self.elementwise()
        while sign := self.take("+", "-"):
            value = value + self.elementwise() if sign == "+" else value - self.elementwise()
        return value

    def elementwise(self):
        value = self.product()
        while self.take(r"\circ"):
            value = value * self.product()
        return value

    def product(self):
        if self.take(r"\sum"):
            return np.sum(self.elementwise())
        value = self.power()
        while self.tokens and self.tokens[0] not in ("+", "-", r"\circ", ")", "}"):
            self.take(r"\cdot")
            if self.tokens[0] == r"\sum":
                return value * self.product()
            right = self.power()
            value = value @ right if np.ndim(value) and np.ndim(right) else value * right
        return value

    def power(self):
        value = self.atom()
        while self.take("^"):
            value = value.T if self.take("T") else value ** self.atom()
        return value

    def atom(self):
        token = self.tokens.pop(0)
        if token in ("(", "{"):
            value = self.total()
            assert self.take(")", "}")
            return value
        if token == r"\frac":
            return self.atom() / self.atom()
        if token == r"\tanh":
            return np.tanh(self.atom())
        if token == "e":
            assert self.take("^")
            return np.exp(self.atom())
        return self.values[token] if token in self.values else float(token)


FORMULAS = st.recursive(
    st.sampled_from([*"ABs"]),
    lambda x: st.one_of(
        st.tuples(st.sampled_from(["add", "subtract", "multiply", "divide", "matmul"]), x, x),
        st.tuples(st.sampled_from(["negative", "square", "transpose", "tanh", "exp", "sum"]), x),
        st.tuples(st.just("multiply"), st.sampled_from([2, -3]), x),
    ),
    max_leaves=8,
)


def computed(formula, values):
    if not isinstance(formula, tuple):
        return values.get(formula, formula)
    name, *parts = formula
    parts = [computed(part, values) for part in parts]
    if name in ("transpose", "sum") and not np.ndim(parts[0]):
        return parts[0]
    return getattr(np, "multiply" if name == "matmul" and not (np.ndim(parts[0]) and np.ndim(parts[1])) else name)(
        *parts
    )


@given(FORMULAS.filter(lambda formula: isinstance(formula, tuple)))
def test_a_formula_means_what_it_computes(formula):
    rng = np.random.default_rng(0)
    values = {"A": rng.uniform(0.1, 0.3, (2, 2)), "B": rng.uniform(-0.3, -0.1, (2, 2)), "s": np.array(0.2)}
    program = trace(lambda A, B, s: computed(formula, {"A": A, "B": B, "s": s}), *values.values()).program
    for node, name in zip(program.inputs, values, strict=True):
        node.name = name
    text = Latex({}).text(program.outputs[0])
    with np.errstate(all="ignore"):
        expected, found = computed(formula, values), Reader(text, values).total()
    np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=text)


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda v: v[0, 1][2], "(v_{0, 1})_{2}"),
        (lambda v: v[0][1][2], "((v_{0})_{1})_{2}"),
        (lambda v: v.T[0][1, 1] ** 2, "((v^T)_{0})_{1, 1}^{2}"),
    ],
)
def test_an_element_of_an_element_has_no_double_subscript(f, text):
    [output] = trace(f, np.ones((2, 3, 4))).program.outputs
    assert Latex({}).text(output) == text
