"""Convolution and pooling by hand against autodiff, at every quantity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import formulas


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(0, 2**32 - 1))
def test_the_backward_pass_of_a_convolution_is_the_hand_derivation(f, stride, padding, seed):
    rng = np.random.default_rng(seed)
    A, W, b = (tg.parameter(rng.normal(size=shape)) for shape in ((2, 4, 5, 3), (3, 2, f, f), (3, 1)))
    Z = nn.conv2d(A, W, b, stride=stride, padding=padding)
    np.testing.assert_allclose(
        Z.data, formulas.conv_forward(A.data, W.data, b.data, stride, padding), rtol=1e-11, atol=1e-12
    )
    dZ = rng.normal(size=Z.shape)
    by_hand = formulas.conv_backward(dZ, A.data, W.data, stride, padding)
    for g, expected in zip(tg.gradients(Z, [A, W, b], cotangent=dZ), by_hand, strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("mode", "pool"), [("max", nn.max_pool2d), ("average", nn.average_pool2d)])
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_the_backward_pass_of_pooling_is_the_hand_derivation(mode, pool, size, stride, seed):
    rng = np.random.default_rng(seed)
    A_prev = tg.parameter(rng.normal(size=(2, 4, 5, 3)))
    A = pool(A_prev, size, stride=stride)
    np.testing.assert_allclose(A.data, formulas.pool_forward(A_prev.data, size, stride, mode), rtol=1e-12, atol=1e-13)
    dA = rng.normal(size=A.shape)
    by_hand = formulas.pool_backward(dA, A_prev.data, size, stride, mode)
    np.testing.assert_allclose(tg.gradients(A, A_prev, cotangent=dA), by_hand, rtol=1e-12, atol=1e-13)
