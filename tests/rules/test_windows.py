"""Sliding windows: their transpose is what the inner product says, for axes that repeat too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

import tinygrad_dl as tg
from tinygrad_dl.rules.windows import add_windows


@given(st.sampled_from([(0,), (1,), (0, 1), (1, 0), (1, 1), (0, 0, 1)]), st.data())
def test_adding_windows_is_the_transpose_of_taking_them(axes, data):
    window = tuple(data.draw(st.integers(1, 2)) for _ in axes)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 5))
    windows = sliding_window_view(x, window, axes)
    g = rng.normal(size=windows.shape)
    assert np.sum(add_windows(g, x.shape, axes) * x) == pytest.approx(np.sum(g * windows), rel=1e-11, abs=1e-11)


def test_windows_of_a_batch_are_those_of_each_sample():
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(4, 5)), rng.normal(size=(3,))

    def f(x):
        return np.sum(np.sin(sliding_window_view(x, 3) @ W))

    expected = [tg.grad(f)(x) for x in X]
    np.testing.assert_allclose(tg.vmap(tg.grad(f))(X), expected, rtol=1e-12, atol=1e-14)
