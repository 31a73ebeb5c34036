"""A backward pass written by hand, in plain NumPy, in each of the forms in which people write it."""

import numpy as np
import pytest

from tinygrad_dl import testing
from tinygrad_dl.testing import formulas

RNG = np.random.default_rng(0)
W, A, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 5)), RNG.normal(size=(4, 1))


def forward(W, A, b):
    return W @ A + b


def backward(g, W, A, b):
    return g @ A.T, W.T @ g, g.sum(axis=1, keepdims=True)


def backward_with_answer(g, ans, W, A, b):
    return backward(g, W, A, b)


def forward_with_cache(W, A, b):
    return W @ A + b, (W, A, b)


def backward_from_cache(g, cache):
    return backward(g, *cache)


def backward_by_name(g, W, A, b):
    return dict(zip(("W", "A", "b"), backward(g, W, A, b), strict=True))


def backward_by_course_name(g, W, A, b):
    return dict(zip(("dW", "dA", "db"), backward(g, W, A, b), strict=True))


def backward_of_any_number(g, *primals):
    return list(backward(g, *primals))


FORMS = [
    (forward, backward),
    (forward, backward_with_answer),
    (forward_with_cache, backward_from_cache),
    (forward, backward_by_name),
    (forward, backward_by_course_name),
    (forward, backward_of_any_number),
]


@pytest.mark.parametrize("pair", FORMS, ids=lambda pair: pair[1].__name__)
def test_a_right_pair_passes_in_every_form(pair):
    report = testing.check_pair(*pair, W, A, B)
    assert [row.argument for row in report.rows] == ["W", "A", "b"]


@pytest.mark.few_values
@pytest.mark.parametrize("pair", FORMS, ids=lambda pair: pair[1].__name__)
@pytest.mark.parametrize("wrong", range(3))
def test_a_wrong_gradient_is_found_in_every_form(pair, wrong, monkeypatch):
    right = backward

    def flipped(g, *primals):
        gradients = list(right(g, *primals))
        gradients[wrong] = -gradients[wrong]
        return tuple(gradients)

    if pair[1] is backward:
        pair = (forward, flipped)
    else:
        monkeypatch.setitem(globals(), "backward", flipped)
    with pytest.raises(testing.GradientError) as error:
        testing.check_pair(*pair, W, A, B)
    assert error.value.report.mistakes[0].argument == ("W", "A", "b")[wrong]
    assert "is wrong: it contradicts differences of forward" in str(error.value)


@pytest.mark.parametrize("activation", list(formulas.ACTIVATIONS))
def test_the_layers_of_the_course_pass(activation):
    report = testing.check_pair(
        formulas.layer_forward, lambda g, cache: _summed(formulas.layer_backward(g, cache), 5), A, W, B, activation
    )
    assert [row.argument for row in report.rows] == ["A_prev", "W", "b"]


def _summed(gradients, m):
    """The course's dW and db are means over the samples of dZ; the derivative by the cotangent given is their sum."""
    dA_prev, dW, db = gradients
    return dA_prev, m * dW, m * db


def test_one_argument_gives_one_array():
    assert testing.check_pair(lambda x: np.sin(x), lambda g, x: g * np.cos(x), W).passed


def test_settings_and_labels_have_no_gradient():
    labels = np.array([0, 2, 1])

    def pick(x, labels, scale=2):
        return x[np.arange(3), labels] * scale

    def pick_backward(g, x, labels, scale=2):
        dx = np.zeros_like(x)
        dx[np.arange(3), labels] = g * scale
        return dx, None

    assert testing.check_pair(pick, pick_backward, W[:3], labels).passed
    assert testing.check_pair(pick, lambda g, *rest: pick_backward(g, *rest)[0], W[:3], labels).passed


def test_complex_pairs_have_the_cotangents_of_the_table():
    z = W + 1j * W[::-1]
    assert testing.check_pair(np.conj, lambda g, z: np.conj(g), z).passed
    with pytest.raises(testing.GradientError, match="imaginary part"):
        testing.check_pair(lambda z: z**2, lambda g, z: 2 * g * np.conj(z), z)


@pytest.mark.parametrize(
    ("backward", "message"),
    [
        (
            lambda g, W, A, b: (g @ A.T, W.T @ g, g),
            r"\(4, 5\) for b, expected \(4, 1\), .*Sum over the axes along which",
        ),
        (lambda g, W, A, b: (A @ g.T, W.T @ g, B), r"\(3, 4\) for W, expected \(4, 3\), .*Is it transposed\?"),
        (lambda g, W, A, b: (g @ A.T, W.T @ g), "expected 3 gradients, for W, A, b, got 2"),
        (lambda g, W, A, b: {"W": g @ A.T, "dA": W.T @ g}, "returns no gradient for b"),
        (lambda g, W, A, b: (None, W.T @ g, B), "returns None for W, expected a gradient"),
    ],
)
def test_a_gradient_that_does_not_fit_is_wrong_in_words(backward, message):
    with pytest.raises(testing.GradientError, match=message):
        testing.check_pair(forward, backward, W, A, B)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            (forward, lambda g: g),
            r"expected backward\(g, \*primals\) or backward\(g, ans, \*primals\) for a forward of 3",
        ),
        ((forward_with_cache, backward), r"expected backward\(g, cache\) .* takes 4 arguments"),
    ],
)
def test_a_backward_of_another_form_is_refused(pair, message):
    with pytest.raises(TypeError, match=message):
        testing.check_pair(*pair, W, A, B)
