"""Printing keeps what was computed: precedence, few parentheses, names for what is used more than once."""

import ast
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.tracing.evaluating import RNG, A, X, evaluated
from tinygrad_dl.core import primitives
from tinygrad_dl.graph.formulas import derivative
from tinygrad_dl.tracing.printing import formula_of
from tinygrad_dl.tracing.symbols import Symbol

# ---- precedence

LEAVES = {name: Symbol(RNG.uniform(0.3, 0.9, (2, 2)), name=name) for name in "xyz"}
NUMBERS = st.sampled_from([0, 1, 2, 3, -1, -2, 0.5, -1.5])
ARITHMETIC = {
    **{"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power},
    **{"%": np.remainder, "//": np.floor_divide, "@": np.matmul},
}
COMPARISONS = [np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal]


def joined(functions, left, right):
    return st.tuples(st.sampled_from(functions), left, right)


def symbolic(terms):
    operand = terms | NUMBERS
    conditions = joined(COMPARISONS, terms, operand)
    logical = [np.bitwise_and, np.bitwise_or, np.bitwise_xor]
    conditions |= joined(logical, conditions, conditions | st.booleans())
    conditions |= st.tuples(st.just(np.invert), conditions)
    arithmetic = [function for function in ARITHMETIC.values() if function is not np.matmul]
    return (
        joined(arithmetic, terms, operand)
        | joined(arithmetic, operand, terms)
        | joined([np.matmul], terms, terms)
        | st.tuples(st.just(np.negative), terms)
        | joined([np.multiply], conditions, terms)
        | st.tuples(st.just(np.transpose), terms)
        | st.tuples(st.just(primitives.getitem), terms, st.just((slice(None), slice(None, None, -1))))
    )


def computed(tree, leaves):
    """A tree of functions, computed: of Symbols, which remember it, or of arrays."""
    if not isinstance(tree, tuple):
        return leaves[tree] if isinstance(tree, str) else tree
    function, *args = tree
    if function is primitives.getitem:
        return function(computed(args[0], leaves), args[1])
    return function(*(computed(arg, leaves) for arg in args))


trees = st.recursive(st.sampled_from(sorted(LEAVES)), symbolic, max_leaves=12)


@given(trees)
@settings(max_examples=5 * settings.default.max_examples)
def test_an_expression_evaluates_to_its_value_and_no_parentheses_are_too_many(tree):
    with np.errstate(all="ignore"):
        formula = formula_of(computed(tree, LEAVES))
        arrays = {name: leaf._value for name, leaf in LEAVES.items()}
        np.testing.assert_array_equal(evaluated(formula, {"np": np, **arrays}), computed(tree, arrays))
    for text in (formula.result, *(text for _, text in formula.bindings)):
        meant = ast.dump(ast.parse(text, mode="eval"))
        for start, stop in grouping(text):
            without = f"{text[:start]} {text[start + 1 : stop]} {text[stop + 1 :]}".strip()
            assert text[start - 1] in "-~" or not is_same(without, meant), (text, without)  # --x is hard to read


def grouping(text):
    """Where parentheses open and close that are not those of a call."""
    opened = []
    for i, character in enumerate(text):
        if character == "(":
            opened.append(i)
        elif character == ")":
            start = opened.pop()
            if not start or not re.match(r"[\w\]]", text[start - 1]):
                yield start, i


def is_same(text, meant):
    try:
        return ast.dump(ast.parse(text, mode="eval")) == meant
    except SyntaxError:
        return False


x, y, z = LEAVES.values()
PARENTHESES = {
    "-x**2": lambda: -(x**2),
    "(-x)**2": lambda: (-x) ** 2,
    "(-2)**x": lambda: (-2) ** x,
    "-2 * x": lambda: -2 * x,
    "x**-y": lambda: x**-y,
    "x**(y * z)": lambda: x ** (y * z),
    "(x**y)**z": lambda: (x**y) ** z,
    "x**y**z": lambda: x ** (y**z),
    "x - (y - z)": lambda: x - (y - z),
    "x - y - z": lambda: x - y - z,
    "x / (y * z)": lambda: x / (y * z),
    "-x * y": lambda: -x * y,
    "-(x * y)": lambda: -(x * y),
    "(x + y) @ z": lambda: (x + y) @ z,
    "(x @ y).T": lambda: (x @ y).T,
    "x.mT[0]": lambda: x.mT[0],
    "(x < y) == (y < z)": lambda: (x < y) == (y < z),
    "(x < y) & (y < z)": lambda: (x < y) & (y < z),
    "~(x < y)": lambda: ~(x < y),
    "x[:, None] - -1": lambda: x[:, None] - -1,
}


@pytest.mark.parametrize("text", PARENTHESES)
def test_there_are_just_the_parentheses_that_are_needed(text):
    with np.errstate(invalid="ignore"):
        assert formula_of(PARENTHESES[text]()) == text


def test_only_what_changes_nothing_is_left_out():
    condition = x < y
    for unchanged in (x * 1, 1 * x, x - 0, x**1, np.real(x), np.conjugate(x), primitives.values(x)):
        assert unchanged is x
    for unchanged in (condition & True, True & condition, np.logical_and(True, condition), condition | False):
        assert unchanged is condition
    assert formula_of([x * 1.0, 0 - x, 1**x, x**0, condition * 1]) == "[x * 1.0, 0 - x, 1**x, x**0, (x < y) * 1]"
    assert formula_of([condition & False, condition | True]) == "[(x < y) & False, (x < y) | True]"


# ---- what is used more than once


def test_what_is_used_more_than_once_is_printed_once():
    t = np.exp(x - 1)
    assert formula_of(y * t / np.sum(t)) == "y * t / np.sum(t), t = np.exp(x - 1)"
    u = t / np.sum(t)
    assert formula_of(u * np.log(u)) == "t2 * np.log(t2), t1 = np.exp(x - 1), t2 = t1 / np.sum(t1)"


def test_operators_on_names_and_numbers_are_short_enough_to_be_repeated():
    t = 1 - x
    assert formula_of(t * np.log(t)) == "(1 - x) * np.log(1 - x)"


def test_a_binding_takes_no_name_that_is_in_use():
    t = np.exp(x - y)
    assert formula_of(t * np.log(t), {"x": "t", "y": "t1"}) == "t2 * np.log(t2), t2 = np.exp(t - t1)"


def test_the_length_of_a_formula_is_linear_in_what_was_computed():
    @tg.primitive
    def doubled(x):
        return 2.0**60 * x

    def rule(g, ans, x):
        for _ in range(60):
            g = g + g
        return g

    tg.defvjp(doubled, rule)
    formula = derivative(doubled(X), 0)
    assert len(formula) < 60 * 30
    np.testing.assert_array_equal(evaluated(formula, {"g": A}), 2.0**60 * A)


def test_a_rule_of_thousands_of_steps_is_printed_without_recursion_so_that_python_can_read_it():
    @tg.primitive
    def slow(x):
        return x

    def rule(g, ans, x):
        for _ in range(3000):
            g = np.sin(g)
        return g

    tg.defvjp(slow, rule)
    formula = derivative(slow(X), 0)
    np.testing.assert_array_equal(evaluated(formula, {"np": np, "g": np.ones((2, 3))}), rule(np.ones((2, 3)), 0, 0))


def test_numbers_are_printed_with_operators_and_the_source_of_an_optimizer_runs():
    w = tg.parameter([1.0, 2.0], name="w")
    adam = tg.optim.Adam([w])

    @tg.compile
    def step(x):
        adam.zero_grad()
        np.sum((w * x) ** 2).backward()
        adam.step()

    for _ in range(2):
        before = w.numpy()
        state = [adam._v[0], adam._s[0], adam._t[0]]
        step(np.ones(2))
    names = {"np": np}
    exec(step.source(), names)
    found = names["step"](before, *state, np.ones(2))
    assert any(np.shape(value) == (2,) and np.allclose(value, w.numpy(), rtol=1e-12, atol=0) for value in found)
    assert "operator" not in step.source()
