"""Batch normalization by hand against autodiff, at every quantity."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import formulas


@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_the_backward_pass_of_batch_norm_is_the_hand_derivation(n, m, seed):
    rng = np.random.default_rng(seed)
    norm, epsilon = nn.BatchNorm(n, epsilon=1e-3), 1e-3
    norm.gamma.data, norm.beta.data = rng.uniform(1, 2, (n, 1)), rng.normal(size=(n, 1))
    Z, dZ_tilde = tg.parameter(rng.normal(size=(n, m))), rng.normal(size=(n, m))
    values = formulas.batch_norm_forward(Z.data, norm.gamma.data, norm.beta.data, epsilon)
    by_hand = formulas.batch_norm_backward(dZ_tilde, Z.data, norm.gamma.data, values, epsilon)
    Z_tilde = norm(Z)
    np.testing.assert_allclose(Z_tilde.data, values["Z_tilde"], rtol=1e-10, atol=1e-12)
    found = tg.gradients(Z_tilde, {"dZ": Z, "dgamma": norm.gamma, "dbeta": norm.beta}, cotangent=dZ_tilde)
    for name, g in found.items():
        np.testing.assert_allclose(g, by_hand[name], rtol=1e-8, atol=1e-10, err_msg=name)  # differences that cancel


@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_the_quantities_between_are_derivatives_too(n, m, seed):
    rng = np.random.default_rng(seed)
    gamma, beta, epsilon = rng.uniform(1, 2, (n, 1)), rng.normal(size=(n, 1)), 1e-3
    Z, dZ_tilde = rng.normal(size=(n, m)), rng.normal(size=(n, m))
    values = formulas.batch_norm_forward(Z, gamma, beta, epsilon)
    by_hand = formulas.batch_norm_backward(dZ_tilde, Z, gamma, values, epsilon)
    mu, sigma2 = tg.parameter(values["mu"]), tg.parameter(values["sigma2"])
    Z_hat = (Z - mu) / np.sqrt(sigma2 + epsilon)  # with μ and σ² as variables of their own
    found = tg.gradients(gamma * Z_hat + beta, [mu, sigma2, Z_hat], cotangent=dZ_tilde)
    for name, g in zip(["dmu", "dsigma2", "dZ_hat"], found, strict=True):
        np.testing.assert_allclose(g, by_hand[name], rtol=1e-9, atol=1e-11, err_msg=name)
