"""A tracked Tensor, for the tests of what a call does with it."""

import pytest

import tinygrad_dl as tg


@pytest.fixture
def w():
    return tg.parameter([1.0, 2.0, 3.0], name="w")
