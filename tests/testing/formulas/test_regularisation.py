"""Dropout and L2 by hand against autodiff, in a net of two layers, at every quantity."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import formulas


@given(st.integers(1, 4), st.integers(1, 5), st.floats(0, 0.9), st.floats(0, 5), st.integers(0, 2**32 - 1))
def test_backprop_with_dropout_and_l2_is_the_hand_derivation(n, m, rate, strength, seed):
    rng = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Dense(2, n, rng=rng), nn.tanh, nn.Dropout(rate, rng=rng), nn.Dense(n, 1, rng=rng), nn.sigmoid
    )
    X, Y = tg.parameter(rng.normal(size=(2, m))), rng.integers(0, 2, (1, m)).astype(float)
    masks = np.random.default_rng()
    masks.bit_generator.state = rng.bit_generator.state
    D1 = masks.random((n, m)) >= rate
    loss = nn.binary_cross_entropy(net(X), Y) + nn.l2(net, strength, m=m)

    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    A1_before = np.tanh(W1 @ X.data + b1)
    A1 = formulas.dropout_forward(A1_before, D1, 1 - rate)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    cost = formulas.cost(A2, Y) + formulas.l2_cost(parameters, strength, m)
    np.testing.assert_allclose(loss.item(), cost, rtol=1e-12)
    dZ2 = A2 - Y
    dA1 = formulas.dropout_backward(W2.T @ dZ2, D1, 1 - rate)
    dZ1 = dA1 * (1 - A1_before**2)
    by_hand = [
        formulas.l2_backward(dZ1 @ X.data.T / m, W1, strength, m),
        dZ1.sum(axis=1, keepdims=True) / m,
        formulas.l2_backward(dZ2 @ A1.T / m, W2, strength, m),
        dZ2.sum(axis=1, keepdims=True) / m,
        W1.T @ dZ1 / m,
    ]
    found = tg.gradients(loss, [*net.parameters(), X])
    for g, expected in zip(found, by_hand, strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-12)  # sums that nearly cancel
