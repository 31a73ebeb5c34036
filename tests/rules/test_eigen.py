"""Eigenvalues and eigenvectors: separate calls for one matrix, and defective matrices."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.test_coinciding import LinAlgError, linalg

JORDAN = [np.array([[2.0, 1.0], [0.0, 2.0]]), np.array([[0.0, 0.0], [-1.0, 0.0]]), 3 * np.eye(3) + np.eye(3, k=1)]


@pytest.mark.parametrize("x", JORDAN)
def test_eigenvalues_of_a_defective_matrix_are_refused_with_the_way_out(x):
    turn = linalg.qr(np.vander([1.0, 2.0, 4.0])[:, : len(x)])[0][: len(x)] + np.eye(len(x))
    for a in (x, turn @ x @ linalg.inv(turn)):
        for f in (linalg.eigvals, lambda a: linalg.eig(a)[1]):
            with pytest.raises(LinAlgError, match=r"defective, or nearly: .* np\.trace\(a @ a\)"):
                tg.grad(lambda a, f=f: np.real(np.sum(f(a) ** 2)))(a)


def test_eigenvalues_of_a_matrix_that_is_not_quite_defective_keep_most_of_their_digits():
    a = np.array([[2.0, 1.0], [0.0, 2.0 + 1e-5]])
    np.testing.assert_allclose(tg.grad(lambda a: np.real(np.sum(linalg.eigvals(a) ** 3)))(a), 3 * (a @ a).T, rtol=1e-9)


def test_an_eigenvalue_among_several_that_coincide_is_refused():
    with pytest.raises(LinAlgError, match="only a function that is symmetric in them"):
        tg.grad(lambda a: np.real(linalg.eigvals(a)[0]))(np.eye(2))
