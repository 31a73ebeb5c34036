"""Numbers that the strategies draw: of every size in their domain, negative zeros included."""

import numpy as np
import pytest

from tests.testing.strategies.test_arrays import drawn
from tinygrad_dl.testing.strategies import arrays


@pytest.mark.parametrize("domain", ["real", "above one", (-np.inf, 2.0)])
def test_numbers_of_every_size_are_drawn_from_a_domain_without_an_end(domain):
    largest = [np.max(np.abs(x)) for x in drawn(arrays(2, domain), 80)]
    assert any(size < 3 for size in largest)
    assert any(4 < size < 10 for size in largest)
    assert any(size > 1e6 for size in largest)


def test_a_float16_is_not_drawn_from_beyond_its_range():
    assert all(np.all(np.abs(x) <= 11) for x in drawn(arrays(2, "above one", np.float16), 80))


def test_negative_zeros_are_drawn_by_default():
    assert any(np.any(np.signbit(x) & (x == 0)) for x in drawn(arrays(3), 100))
