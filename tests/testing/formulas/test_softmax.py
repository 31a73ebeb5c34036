"""The softmax's A - Y against autodiff, of the formula and of the loss that is one node."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import formulas


@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_error_of_the_logits_is_a_minus_y(classes, m, seed):
    rng = np.random.default_rng(seed)
    Z, Y = tg.parameter(rng.normal(scale=3, size=(classes, m))), np.eye(classes)[:, rng.integers(0, classes, m)]
    A = formulas.softmax(Z.data)
    np.testing.assert_allclose(nn.softmax(Z).data, A, rtol=1e-12)
    in_steps = -np.sum(Y * np.log(nn.softmax(Z))) / m
    for loss in (nn.softmax_cross_entropy(Z, Y), nn.softmax_cross_entropy(Z, Y.argmax(axis=0)), in_steps):
        np.testing.assert_allclose(loss.item(), formulas.softmax_cost(A, Y), rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(tg.gradients(loss, Z), formulas.softmax_backward(A, Y) / m, rtol=1e-9, atol=1e-13)
