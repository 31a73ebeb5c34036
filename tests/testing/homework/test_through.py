"""Losses that give the derivative with respect to the scores, of which an activation gives the predictions."""

import numpy as np
import pytest

from tinygrad_dl.testing.homework.loading import run_file
from tinygrad_dl.testing.homework.through import activations_for, says_through

SQUARES = """
    def squash(z):
        return 1 / (1 + np.exp(-z))
    def squash_prime(z):
        return squash(z) * (1 - squash(z))
    class Squares:
        @staticmethod
        def fn(a, y):
            return 0.5 * np.sum((a - y) ** 2)
        @staticmethod
        def delta(z, a, y):
            return (a - y) * squash_prime(z)
"""
ENTROPY = """
    class Entropy:
        def loss(self, p, y):
            return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
        def gradient(self, p, y):
            return p - y
"""


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("", "", 0),
        ("* squash_prime(z)", "", 1),
        ("return (a - y)", "return 2 * (a - y)", 1),
        ("return (a - y)", "return (y - a)", 1),
        ("* squash_prime(z)", "* squash_prime(a)", 1),
    ],
)
def test_an_output_error_is_the_derivative_through_the_activation_of_the_file(check, old, new, status):
    found = check(SQUARES.replace(old, new))
    assert found.status == status, found.out


def test_an_output_error_without_an_activation_in_the_file_is_not_checked(check):
    source = SQUARES.replace("def squash(z):", "def squash(z, k):").replace("squash_prime(z)", "a * (1 - a)")
    assert check(source, "Squares").status == 2


@pytest.mark.deep
def test_an_error_with_respect_to_scores_that_nothing_names_is_undecided(check):
    assert check(ENTROPY).status == 2
    assert check(ENTROPY.replace("Entropy", "SigmoidEntropy")).status == 0
    assert check(ENTROPY.replace("Entropy", "SigmoidEntropy").replace("p - y", "y - p")).status == 1


def test_a_softmax_over_the_samples_is_no_activation(tmp_path):
    path = tmp_path / "file.py"
    path.write_text(
        "import numpy as np\n"
        "def softmax(z): return np.exp(z) / np.exp(z).sum(axis=0)\n"
        "def softmax_prime(z): return z\n"
        "def same(z): return z\n",
        encoding="utf-8",
    )
    x = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
    with run_file(str(path)) as file:
        assert [each.name for each in activations_for(file, x, 0, ["z", "a"])] == ["softmax"]
        assert [each.name for each in activations_for(file, x, 1, ["z", "a"])] == []
        assert [each.name for each in activations_for(file, x, 1, ["p"])] == ["sigmoid", "softmax"]


@pytest.mark.parametrize(
    ("names", "taken", "told"),
    [(["Entropy", "grad"], ["p"], False), (["Entropy", "delta"], ["p"], True), (["Entropy", "grad"], ["z", "a"], True)],
)
def test_names_tell_that_a_loss_ends_at_the_scores(names, taken, told):
    assert says_through(names, taken) is told
