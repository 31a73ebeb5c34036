"""Inputs of a learner's function: from the options, the file, the defaults, or random ones that fit."""

import pytest

from tests.testing.homework.test_pairs import DB, LAYER, each
from tinygrad_dl.testing.homework import inputs

SOURCE = """
def f(a, b, c=3.0, d=4.0): return a * b * c * d
def f_grad(g, a, b, c=3.0, d=4.0): return g * b * c * d, g * a * c * d
"""


def test_inputs_are_those_asked_for_and_settings_of_the_file(check):
    status, out, _ = check("a = 'no'\nalpha = 2.0\nf_inputs = {'a': np.ones(6), 'b': np.ones(6)}" + SOURCE)
    assert (status, "of the file: a (6,), b (6,)" in out) == (0, True)
    status, out, _ = check("inputs = (np.ones(7), np.ones(7))" + SOURCE)
    assert (status, "of the file: a (7,), b (7,)" in out) == (0, True)


def test_leftover_arrays_of_the_file_are_not_used_where_random_ones_run_and_the_report_names_them(check):
    status, out, _ = check(
        "W = np.ones((6, 2))\nb = np.ones((9, 9))\n" + LAYER.format(m=1, db=DB, returned="dA_prev, dW, db")
    )
    assert status == 0, out
    assert "random: A_prev (3, 5), W (4, 3), b (4, 1)" in out
    assert "not used, since random ones show more: W, b of the file" in out


def test_arrays_of_the_file_are_used_where_no_random_ones_run(check):
    status, out, _ = check("""
        A = np.arange(1.0, 7).reshape(2, 3)
        def f(A):
            assert A.shape == (2, 3)
            return A**2
        def f_grad(g, A): return 2 * g * A
        """)
    assert (status, "of the file: A (2, 3)" in out) == (0, True), out


def test_a_function_that_is_named_alone_has_the_arrays_of_the_file_and_random_ones_that_fit(check):
    out = check("W = np.ones((6, 2))\ndef f(A_prev, W, b): return W @ A_prev + b", "f").out
    assert "of the file: W (6, 2)" in out
    assert "random: A_prev (2, 5), b (6, 1)" in out
    out = check("a, b = np.array([1, 2]), np.ones(2)\ndef f(a, b): return a * b", "f").out
    assert "of the file: a (2,), b (2,)" in out


@pytest.mark.few_values
@each(
    ("signature", "body", "shapes"),
    [
        ("X, W1, b1, W2, b2", "W2 @ np.tanh(W1 @ X + b1) + b2", [(3, 5), (4, 3), (4, 1), (2, 4), (2, 1)]),
        ("A1, W2, b2", "W2 @ A1 + b2", [(4, 5), (2, 4), (2, 1)]),
        ("x, w, b", "x @ w + b", [(5, 3), (3, 4), (4,)]),
        ("u, v", "u @ v", [(1, 5), (5,)]),
        ("A2, Y", "-np.mean(np.dot(Y, np.log(A2).T) + np.dot(1 - Y, np.log(1 - A2).T))", [(2, 5), (2, 5)]),
        ("A, Y", "-np.mean(np.dot(Y, np.log(A).T) + np.dot(1 - Y, np.log(1 - A).T))", [(4, 5), (4, 5)]),
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
        "AL": "prediction",
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
