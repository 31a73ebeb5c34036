"""Causes of wrong gradients by their numbers, and those that the report on a pair gives."""

import numpy as np
import pytest

from tinygrad_dl.testing.gradcheck import pair_report
from tinygrad_dl.testing.gradcheck.causes import causes_of

RNG = np.random.default_rng(0)
RIGHT = RNG.normal(size=(3, 5))
ROWS = RNG.normal(size=(7, 3)), RNG.normal(size=(3, 5)), RNG.normal(size=5)


def named(given, expected=RIGHT, samples=7, **settings):
    return causes_of(given, expected, samples=samples, **settings)


@pytest.mark.parametrize(
    ("ratio", "cause"),
    [
        (-1, "sign"),
        (7, "1/m missing"),
        (1 / 7, "1/m too much"),
        (49, "m for 1/m"),
        (-7, "sign, and 1/m missing"),
        (2, "a factor 2 too much"),
        (0.5, "a factor ½"),
        (4, "a factor 4"),
        (1 / np.log(2), "a factor 1/ln 2"),
        (1 / np.log(10), "a factor 1/ln 10"),
        (11, "1/n1 missing"),
        (7 / 11, "1/n1 for 1/m"),
        (0.37, "a constant factor: it is 0.37 times the right one"),
    ],
)
def test_a_constant_ratio_is_named_by_what_makes_it(ratio, cause):
    (found,) = named(ratio * RIGHT, sizes={"n1": 11})
    assert found.startswith(cause)


def test_a_ratio_of_several_names_has_them_all():
    assert [cause.split(":")[0] for cause in named(2 * RIGHT, samples=2)] == [
        "1/m missing (m = 2)",
        "a factor 2 too much",
    ]


def test_a_right_gradient_has_no_cause():
    assert named(RIGHT + 1e-9) == ()


def test_shapes_and_elements_are_named():
    assert named(None)[0].startswith("it is None: is a return missing?")
    assert named(RIGHT.T)[0].startswith("transposed")
    assert named(-RIGHT.T)[0].startswith("transposed (shape (5, 3), expected (3, 5)), and sign")
    assert named(RIGHT[0][None], RIGHT[0])[0].startswith("an axis of length 1 lost or kept (keepdims)")
    assert named(RIGHT, RIGHT.sum(axis=1))[0].startswith("a sum over axis 1 missing")
    assert named(RIGHT.sum(axis=0))[0].startswith("summed over axis 0, which should be kept")
    assert named(RIGHT.sum())[0].startswith("summed over all axes")
    assert named(0 * RIGHT)[0].startswith("it is all 0")
    assert named(RIGHT * np.inf)[0].startswith("not finite")
    wrong = RIGHT.copy()
    wrong[1, :2] = 0
    assert named(wrong)[0].startswith("only 2 of 15 elements are wrong, the first at [1, 0]: it is 0 there")
    square = RNG.normal(size=(4, 4))
    assert named(square.T, square) == ("transposed",)


# ---- of a pair


def affine(x, w, b):
    return x @ w + b


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize(
    ("backward", "argument", "cause"),
    [
        (lambda g, x, w, b: (-g @ w.T, x.T @ g, g.sum(0)), "x", "sign"),
        (lambda g, x, w, b: (g @ w.T, x.T @ g / 7, g.sum(0)), "w", "1/m too much (m = 7)"),
        (lambda g, x, w, b: (g @ w.T, (x.T @ g).T, g.sum(0)), "w", "transposed"),
        (lambda g, x, w, b: (g @ w.T, x.T @ g, g.sum(1)), "b", "summed over the wrong axis"),
        (lambda g, x, w, b: (g @ w.T, x.T @ g, g), "b", "the sum over an axis is missing"),
        (lambda g, x, w, b: (g @ w.T, x.T @ g, g.sum()), "b", "summed over all axes"),
        (lambda g, x, w, b: (g @ w.T, x.T @ g, g.sum(0)[None]), "b", "an axis of length 1 lost or kept"),
        (lambda g, x, w, b: (np.ones_like(g) @ w.T, x.T @ g, g.sum(0)), "x", "g forgotten"),
        (lambda g, x, w, b: (g**2 @ w.T, x.T @ g, g.sum(0)), "x", "g twice"),
        (lambda g, x, w, b: (g @ w.T, None, g.sum(0)), "w", "it is None: is a return missing?"),
    ],
)
def test_the_report_on_a_pair_names_the_cause_of_the_wrong_gradient_alone(backward, argument, cause):
    report = pair_report(affine, backward, *ROWS)
    assert report.verdict == "wrong"
    assert list(report.causes) == [argument]
    assert report.causes[argument][0].startswith(cause)
    assert report.causes[argument][0] in str(report)


def test_a_missing_return_is_asked_for():
    assert "returns None: is a return missing?" in str(pair_report(affine, lambda g, x, w, b: None, *ROWS))


def test_w_for_its_transpose_and_swapped_gradients_are_named_for_equal_sizes():
    x, w = RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4))
    report = pair_report(lambda x, w: x @ w, lambda g, x, w: (g @ w, x.T @ g), x, w)
    assert report.causes == {"x": ("transposed: w for wᵀ",)}
    report = pair_report(lambda x, w: x @ w, lambda g, x, w: (x.T @ g, g @ w.T), x, w)
    assert [causes[0] for causes in report.causes.values()] == [f"the order: it is the gradient of {n}" for n in "wx"]


@pytest.mark.parametrize(
    ("f", "backward", "cause"),
    [
        (sigmoid, lambda g, z: g, "g' missing"),
        (sigmoid, lambda g, z: g * sigmoid(z), "g for g'"),
        (sigmoid, lambda g, z: g * z * (1 - z), "Z for A"),
        (sigmoid, lambda g, z: g * (1 - np.tanh(z) ** 2), "the derivative of another activation: that of tanh"),
        (sigmoid, lambda g, z: g * (sigmoid(z) * (1 - sigmoid(z))) ** 2, "g' twice"),
        (np.tanh, lambda g, z: g * (1 - np.tanh(z)), "1 - a"),
        (np.tanh, lambda g, z: g * (1 + np.tanh(z) ** 2), "1 + a² for 1 - a²"),
        (lambda z: np.maximum(0, z), lambda g, z: g * (z < 0), "the mask of the wrong sign"),
        (lambda z: np.maximum(0, z), lambda g, z: np.maximum(g, 0), "the mask from g"),
        (
            lambda z: np.maximum(0, z),
            lambda g, z: g * np.where(z > 0, 1, 0.1),
            "the derivative for negative inputs: 0.1",
        ),
        (lambda z: np.log2(z**2), lambda g, z: 2 * g / z, "a factor ln 2"),
    ],
)
def test_the_mistake_in_the_derivative_of_an_activation_is_named(f, backward, cause):
    report = pair_report(f, backward, RNG.normal(size=(3, 4)))
    assert next(iter(report.causes.values()))[0].startswith(cause)
