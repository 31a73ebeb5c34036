"""Products and functions of matrices under vmap take axes of one sample."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.batching.test_axes import MATRICES, PRODUCTS, check


def test_a_product_or_a_function_of_matrices_takes_axes_of_a_sample():
    for f in (PRODUCTS | MATRICES).values():
        check(f)


def test_a_product_of_numbers_raises_what_numpy_raises_for_one_sample():
    for product in (lambda x: x @ x, lambda x: np.ones(3) @ x):
        with pytest.raises(ValueError, match=r"matmul: Input operand . does not have enough dimensions"):
            tg.vmap(product)(np.ones(3))
