"""A compiled function draws the random numbers that the function itself draws."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import X, assert_equal


class Dropout(tg.nn.Module):
    def __init__(self, rng=None):
        self.rng = rng

    def __call__(self, A, rng=None):
        rng = rng or self.rng
        return A * (rng.random(A.shape) < 0.8) / 0.8 + rng.normal(0.0, 0.1, size=A.shape)


def test_draws_of_a_generator_are_calls_of_the_program():
    def step(x, rng):
        rng.random(3)
        y = np.sum(np.sin(Dropout()(x, rng)))
        rng.integers(5, size=2)
        return y

    compiled = tg.compile(step)
    a, b = np.random.default_rng(7), np.random.default_rng(7)
    for _ in range(3):
        assert_equal(compiled(X, a), step(X, b))
    assert a.random() == b.random()
    assert compiled.cache_info() == (2, 1, 0, 1)


def test_a_generator_of_a_layer_goes_on_from_call_to_call():
    nets = [Dropout(np.random.default_rng(8)) for _ in range(2)]
    f = tg.value_and_grad(lambda x: np.sum(nets[0](x) ** 2))
    compiled = tg.compile(f)
    for _ in range(3):
        nets[0].rng, nets[1].rng = nets[1].rng, nets[0].rng
        expected = f(X)
        nets[0].rng, nets[1].rng = nets[1].rng, nets[0].rng
        assert_equal(compiled(X), expected)


def test_after_a_failed_call_the_function_draws_the_same_numbers():
    f = lambda x, rng: np.log(np.sum(x) * rng.random())  # noqa: E731
    compiled = tg.compile(f)
    a, b = np.random.default_rng(9), np.random.default_rng(9)
    with np.errstate(all="ignore"):
        assert_equal(compiled(np.ones(3), a), f(np.ones(3), b))
    with pytest.warns(RuntimeWarning, match="invalid"):
        compiled(-np.ones(3), a)
    b.random()
    assert a.random() == b.random()
