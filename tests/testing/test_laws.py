"""The laws of derivatives: each catches its own mistakes, and none that comes before it."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.testing.test_properties import X, Y, affine, affine_backward, failure_of, primitive
from tinygrad_dl.testing import check_laws
from tinygrad_dl.testing.laws import LAWS


def plain(x):
    return x.numpy() if isinstance(x, tg.Tensor) else x


def doubled_in_place(x):
    x *= 2
    return x


def backward_in_place(g, x):
    g *= 2
    return g


kept = {}


def square_that_keeps_its_input(x):
    kept["x"] = x
    return x**2


WRONG = [  # the law, a function or a pair, its arguments, what the failure says
    ("no aliasing", (doubled_in_place, lambda g, x: 2 * g), (X,), "writes into an input"),
    ("no aliasing", (lambda x: 2 * x, backward_in_place), (X,), "writes into an input or a cotangent"),
    (
        "no aliasing",
        (lambda x: np.sum(x**2) / 2, lambda g, x: x),
        (X,),
        "with respect to x shares memory with an input",
    ),
    ("vjp vs numeric", primitive(np.sin, lambda g, ans, x: -g * np.cos(x)), (X,), "[0, 0]"),
    ("vjp vs numeric", (np.sin, lambda g, x: -g * np.cos(x)), (X,), "[0, 0]"),
    ("vjp vs numeric", (np.multiply, lambda g, x, y: (g * x, g * y)), (X, Y), "by differences"),
    ("jvp vs vjp", primitive(np.sin, lambda g, ans, x: plain(g) * np.cos(x)), (X,), "⟨u, J t⟩ is"),
    ("second order", primitive(np.sin, lambda g, ans, x: g * np.cos(plain(x))), (X,), "second derivative"),
    ("broadcasting", (np.add, lambda g, x, y: (g, +g)), (X, Y), ", of shape (2, 3), is"),
    ("broadcasting", (affine, affine_backward), (X, X.T, Y[:, :1]), "instead of"),
    ("dtype kept", lambda x: x * np.array([1.0, 2.0, 3.0]), (X,), "the value is float64"),
    ("dtype kept", (np.negative, lambda g, x: -g.astype(np.float64)), (X,), "is float64, and x is float32"),
    (
        "vjp vs numeric",
        primitive(
            square_that_keeps_its_input, lambda g, ans, x: 2 * g * x * float(np.array_equal(plain(x), kept["x"]))
        ),
        (X,),
        "a combination of the values",
    ),
    (
        "used twice",
        primitive(np.multiply, lambda g, ans, x, y: g * y * (x is not y), lambda g, ans, x, y: g * x * (x is not y)),
        (X, Y),
        "With one variable for both",
    ),
]


@pytest.mark.few_values
@pytest.mark.parametrize(("law", "function", "primals", "words"), WRONG, ids=[f"{row[0]} {row[3]}" for row in WRONG])
def test_a_law_that_is_broken_is_named(law, function, primals, words):
    text = failure_of(lambda: check_laws(function, *primals))
    assert f'breaks the law "{law}"' in text
    assert words in text


@pytest.mark.few_values
@pytest.mark.parametrize(("law", "function", "primals", "words"), WRONG, ids=[f"{row[0]} {row[3]}" for row in WRONG])
def test_a_law_can_be_left_out(law, function, primals, words):
    others = [name for name in LAWS if name != law]
    failure_of(lambda: check_laws(function, *primals, without=others))
    if law != "no aliasing":  # what changes its input can't be checked otherwise
        check_laws(function, *primals, without=[*others, law])


def test_every_law_has_a_function_that_breaks_it():
    assert {row[0] for row in WRONG} == set(LAWS)
