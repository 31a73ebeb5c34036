"""Names of the factors between gradients."""

import pytest

from tinygrad_dl.testing.homework import factors


@pytest.mark.parametrize(
    ("ratio", "name"),
    [
        (-1, "sign"),
        (30, "1/m missing"),
        (1 / 30, "a 1/m too many"),
        (2, "a factor of 2"),
        (-2, "sign, and a factor of 2"),
        (60, "1/m missing, and a factor of 2"),
        (1.37, "a factor of 1.37"),
    ],
)
def test_a_factor_has_the_name_of_its_cause(ratio, name):
    assert factors.name(ratio, [1, 3, 30]) == name


def test_sums_and_means_of_squares_are_usual_and_other_multiples_are_not():
    assert all(factors.accepted(r, [1, 30]) for r in (1, 2, 1 / 30, 2 / 30))
    assert not any(factors.accepted(r, [1, 30]) for r in (-1, 4, 30, 0.7))
