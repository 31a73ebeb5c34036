"""Kinds of slips: what an expression may have been meant to be."""

import ast

import pytest

from tinygrad_dl.testing.repair.slips import KINDS


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a - b", "b - a"),
        ("a", "a.T"),
        ("np.dot(a, b)", "b @ a"),
        ("a @ b", "a * b"),
        ("a.sum(axis=0)", "a.sum(axis=1, keepdims=True)"),
        ("np.mean(a)", "np.sum(a)"),
        ("a / m", "a * m"),
        ("(a - b) * m * (1 - a)", "a - b"),
        ("a + b", "a"),
        ("2", "1"),
        ("a", "b"),
        ("relu(a)", "d_relu(a)"),
        ("a * b", "a * b / m"),
        ("relu(a)", "1 - a ** 2"),
        ("a * (1 - a)", "sigmoid(a) * (1 - sigmoid(a))"),
        ("a @ b", "a @ b * (a * (1 - a))"),
        ("a @ b", "a @ b + lambd / m * W"),
        ("a @ b", "a @ b - np.mean(a @ b, axis=0, keepdims=True)"),
        ("b * 2", "b * 2 + db / m"),
        ("a @ b", "2 * (a @ b)"),
        ("a", "relu(a)"),
        ("relu(a)", "relu(a, True)"),
        ("relu(a, True)", "relu(a)"),
    ],
)
def test_what_was_meant_is_among_what_each_kind_yields(text, meant):
    names, others = ["a", "b", "db", "m", "W", "lambd"], ["relu", "d_relu", "sigmoid"]
    node = ast.parse(text, mode="eval").body
    made = {ast.unparse(new) for kind in KINDS for _, new in kind(node, names, others) if isinstance(new, ast.expr)}
    assert meant in made
