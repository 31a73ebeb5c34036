"""Singular vectors: the polar factor, and full and reduced forms."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.test_coinciding import LinAlgError, linalg


def test_singular_vectors_alone_give_the_polar_factor():
    """The one of I + dx is I + (dx - dxᵀ) / 2."""
    weights = np.array([[1.0, 2.0], [5.0, 3.0]])

    def f(x):
        u, _, vh = linalg.svd(x)
        return np.sum(weights * (u @ vh))

    np.testing.assert_allclose(tg.grad(f)(np.eye(2)), (weights - weights.T) / 2, atol=1e-12)


def test_full_and_reduced_vectors_of_values_that_coincide_are_not_mixed():
    def f(x):
        s, u = linalg.svdvals(x), linalg.svd(x)[0]
        return np.sum(s) + np.sum(u)

    with pytest.raises(LinAlgError, match=r"call np\.linalg\.svd once"):
        tg.grad(f)(np.eye(3, 2))
    assert np.all(np.isfinite(tg.grad(f)(np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]))))
