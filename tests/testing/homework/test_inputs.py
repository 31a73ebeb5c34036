"""Inputs of a learner's function: from the options, the file, the defaults, or random ones that fit."""

import re
import textwrap

import pytest

from tests.testing.homework.test_pairs import DB, LAYER, each
from tinygrad_dl.testing.homework import inputs


def test_inputs_are_those_asked_for_then_variables_then_defaults_then_random(check):
    source = """
        def f(a, b, c=3.0, d=4.0): return a * b * c * d
        def f_grad(g, a, b, c=3.0, d=4.0): return g * b * c * d, g * a * c * d
        """
    assert (
        "random: a (4, 5), b (4, 1)"
        in check(source.replace("g * a * c * d", "(g * a * c * d).sum(1, keepdims=True)"))[1]
    )
    status, out, _ = check("a = np.array([1, 2])\nb = np.ones(2)\n" + textwrap.dedent(source))
    assert (status, "of the file: a (2,), b (2,)" in out) == (0, True)
    assert re.search("^  a  .* all 2 ", out, re.MULTILINE)  # whole numbers too
    status, out, _ = check("a = 'no'\nc = 2.0\nf_inputs = {'a': np.ones(6), 'b': np.ones(6)}" + textwrap.dedent(source))
    assert (status, "of the file: a (6,), b (6,), c 2.0" in out) == (0, True)
    status, out, _ = check("inputs = (np.ones(7), np.ones(7))" + textwrap.dedent(source))
    assert (status, "of the file: a (7,), b (7,)" in out) == (0, True)


def test_random_arrays_fit_those_of_the_file(check):
    status, out, _ = check("W = np.ones((6, 2))\n" + LAYER.format(m=1, db=DB, returned="dA_prev, dW, db"))
    assert status == 0, out
    assert "random: A_prev (2, 5), b (6, 1)" in out


@pytest.mark.few_values
@each(
    ("signature", "body", "shapes"),
    [
        ("X, W1, b1, W2, b2", "W2 @ np.tanh(W1 @ X + b1) + b2", [(3, 5), (4, 3), (4, 1), (2, 4), (2, 1)]),
        ("A1, W2, b2", "W2 @ A1 + b2", [(4, 5), (2, 4), (2, 1)]),
        ("x, w, b", "x @ w + b", [(5, 3), (3, 4), (4,)]),
        ("u, v", "u @ v", [(4, 5), (5, 4)]),
        ("A2, Y", "-np.mean(np.dot(Y, np.log(A2).T) + np.dot(1 - Y, np.log(1 - A2).T))", [(1, 5), (1, 5)]),
        ("A, Y", "-np.mean(np.dot(Y, np.log(A).T) + np.dot(1 - Y, np.log(1 - A).T))", [(1, 5), (1, 5)]),
        ("z, labels", "z[labels, np.arange(z.shape[1])]", [(4, 5), (5,)]),
        ("z", "np.log(z)", [(4, 5)]),
    ],
)
def test_random_arrays_are_of_shapes_and_values_that_the_function_runs_with(check, signature, body, shapes):
    names = signature.split(", ")
    found = check(f"def f(REPLACE): return {body}".replace("REPLACE", signature), "f")
    assert found.summary == "1 right, 0 wrong", found.out
    if names[-1] != "labels":  # whose one row may be taken for any
        assert "random: " + ", ".join(f"{n} {shape}" for n, shape in zip(names, shapes, strict=True)) in found.out


def test_roles_of_names_are_told_by_the_first_row_that_fits():
    told = {
        "y_hat": "prediction",
        "y_true": "labels",
        "W_out": "weights",
        "b12": "bias",
        "A_prev": "inputs",
        "AL": "values",
    }
    assert {name: inputs.role_of(name) for name in told} == told


def test_an_activation_that_is_not_told_is_one_that_runs(check):
    status, out, _ = check("""
        def layer_forward(Z, activation):
            if activation == "sigmoid":
                A = 1 / (1 + np.exp(-Z))
            elif activation == "tanh":
                A = np.tanh(Z)
            return A, Z
        def layer_backward(dA, cache, activation):
            A, _ = layer_forward(cache, activation)
            return dA * A * (1 - A) if activation == "sigmoid" else dA * (1 - A**2)
        """)
    assert status == 0
    assert "tried: activation 'sigmoid'" in out
