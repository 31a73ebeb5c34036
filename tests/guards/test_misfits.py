"""Operands whose shapes don't fit: the error has their names, their shapes, and a product that fits."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg

OPERATORS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power, "%": np.remainder}
LENGTHS = st.integers(1, 4)
SHAPES = st.one_of(st.tuples(LENGTHS), st.tuples(LENGTHS, LENGTHS), st.tuples(LENGTHS, LENGTHS, LENGTHS))
CALLS = {
    "Tensors": lambda sign, W, X: eval(f"W {sign} X", {"W": W, "X": X}),
    "an array on the right": lambda sign, W, X: eval(f"W {sign} X", {"W": W, "X": X.data}),
    "a function": lambda sign, W, X: (OPERATORS | {"@": np.matmul})[sign](W, X),
    "constants": lambda sign, W, X: eval(f"W {sign} X", {"W": W.detach(), "X": X.detach()}),
}


def operands(a, b):
    return tg.parameter(np.ones(a), name="W"), tg.parameter(np.ones(b), name="X")


@pytest.mark.parametrize("how", CALLS)
@given(a=SHAPES, b=SHAPES, sign=st.sampled_from(["@", *OPERATORS]))
def test_operands_fit_if_they_do_in_numpy_and_else_the_error_has_both_names_and_shapes(how, a, b, sign):
    W, X = operands(a, b)
    try:
        eval(f"W {sign} X", {"W": np.ones(a), "X": np.ones(b)})
    except ValueError:
        with pytest.raises(ValueError, match=rf"^W {re.escape(sign)} [Xy]: ") as error:
            CALLS[how](sign, W, X)
        assert str(a) in str(error.value)
        assert str(b) in str(error.value)
    else:
        CALLS[how](sign, W, X)


@given(a=SHAPES, b=SHAPES)
def test_each_product_that_an_error_shows_can_be_computed(a, b):
    W, X = operands(a, b)
    try:
        W @ X
    except ValueError as error:
        shown = re.search(r"; (.*) would fit\.$", str(error))
        for product in shown[1].split(" or ") if shown else ():
            eval(product, {"W": W, "X": X})
        fits = max(len(a), len(b)) == 2 == min(len(a), len(b)) and (a[1] == b[1] or a[0] == b[0] or b[1] == a[0])
        assert bool(shown) or not fits


def test_the_error_says_what_dense_says():
    W, X = operands((4, 30), (569, 30))
    with pytest.raises(ValueError, match=r"expected \(30, m\) for X, .*got \(569, 30\); W @ X\.T"):
        W @ X


def test_an_operand_without_a_name_is_called_as_its_variable():
    W, samples = tg.parameter(np.ones((3, 4)), name="W"), np.ones((3, 5))
    with pytest.raises(ValueError, match=r"^W @ samples: .* W\.T @ samples would fit"):
        W @ samples
    with pytest.raises(ValueError, match=r"^x @ W: expected \(4, m\) for W, since x is \(5, 4\)"):
        np.ones((5, 4)) @ W
    with pytest.raises(ValueError, match=r"^x \+ y: "):
        tg.Tensor([1.0, 2.0]) + np.ones(3)


def test_a_bias_of_one_axis_is_told_to_be_a_column():
    W, b = operands((3, 5), (3,))
    with pytest.raises(ValueError, match=r"; write X\[:, np\.newaxis\] for a column\.$"):
        W + b
    assert (W + b[:, np.newaxis]).shape == (3, 5)


def test_other_errors_of_numpy_stay_as_they_are():
    W, _ = operands((3, 4), (1,))
    with pytest.raises(ValueError, match="does not have enough dimensions"):
        W @ tg.parameter(1.0)
