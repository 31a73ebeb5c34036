"""The text of a Tensor: its repr, and formats."""

import numpy as np
import pytest

import tinygrad_dl as tg


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (tg.Tensor(1.5), "Tensor(1.5, shape=(), dtype=float64)"),
        (tg.Tensor([1, 2]), "Tensor([1, 2], shape=(2,), dtype=int64)"),
        (tg.parameter([0.5], name="W1"), "Tensor([0.5], name='W1', shape=(1,), dtype=float64, requires_grad=True)"),
        (np.tanh(tg.parameter(0.0)), "Tensor(0., shape=(), dtype=float64, made by np.tanh)"),
        (tg.parameter([1.0, 2.0])[0], "Tensor(1., shape=(), dtype=float64, made by getitem)"),
        (tg.Tensor(np.eye(2)), "Tensor([[1., 0.],\n        [0., 1.]],\n       shape=(2, 2), dtype=float64)"),
    ],
)
def test_the_text_of_a_tensor_says_what_it_is(x, text):
    assert repr(x) == str(x) == f"{x}" == text


def test_a_large_tensor_is_cut_as_numpy_cuts_it():
    text = repr(tg.Tensor(np.zeros((1000, 1000))))
    assert "..." in text
    assert len(text) < 1000
    assert "shape=(1000, 1000)" in text


def test_a_tensor_of_one_element_is_formatted_as_a_number():
    assert f"{tg.parameter([2.0]) * 3:.2f}" == "6.00"
    with pytest.raises(TypeError, match=r"for one number, and a Tensor of shape .* holds 2"):
        f"{tg.Tensor([1.0, 2.0]):.2f}"
