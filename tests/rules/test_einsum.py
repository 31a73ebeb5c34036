"""Einstein's notation: the subscripts as text or as lists, and what the keywords do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg


@given(st.lists(st.lists(st.integers(0, 51), max_size=3), min_size=1, max_size=3), st.data())
def test_lists_of_indices_say_what_text_says_and_each_operand_counts_once(inputs, data):
    used = sorted({i for part in inputs for i in part})
    output = data.draw(st.none() | st.permutations(used).map(lambda order: order[: len(order) // 2]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    lengths = dict(zip(used, rng.integers(1, 4, len(used)), strict=True))
    arrays = [rng.normal(size=[lengths[i] for i in part]) for part in inputs]
    last = () if output is None else (output,)

    def by_lists(*arrays):
        return np.einsum(*[part for pair in zip(arrays, inputs, strict=True) for part in pair], *last)

    value, pullback = tg.vjp(by_lists, *arrays)
    np.testing.assert_allclose(value, by_lists(*arrays), rtol=1e-9, atol=1e-12)
    g = rng.normal(size=value.shape)
    for x, ct in zip(arrays, pullback(g), strict=True):  # linear in each
        np.testing.assert_allclose(np.sum(ct * x), np.sum(g * value), rtol=1e-9, atol=1e-9)


def test_a_cast_is_done_before_the_sum_and_undone_in_the_gradient():
    x = tg.parameter(np.array([1e30, 1.0], np.float32))
    y = np.einsum("i,i->", x, x, dtype=np.float64)
    tg.backward(y)
    assert y.dtype == np.float64
    assert np.isfinite(y.item())
    assert x.grad.dtype == np.float32


def test_a_cast_that_numpy_would_not_do_is_an_error():
    x = tg.parameter([1.0, 2.0])
    with pytest.raises(TypeError, match="can't cast float64 to float32 by the rule 'safe'"):
        np.einsum("i->", x, dtype=np.float32)
    assert np.einsum("i->", x, dtype=np.float32, casting="same_kind").dtype == np.float32


def test_lists_stand_beside_tensors():
    x = tg.parameter([1.0, 2.0])
    tg.backward(np.einsum("i,i->", x, [3.0, 4.0], dtype=float))
    tg.backward(np.einsum([3.0, 4.0], [0], x, [0]))
    assert x.grad.tolist() == [6.0, 8.0]


def test_many_float16_gradients_of_an_einsum_are_added_as_exactly_as_float16_can_hold():
    n, b = 5000, np.ones(2, np.float16)
    _, pullback = tg.vjp(lambda b: np.einsum("i,j->ij", np.ones(n, np.float16), b), b)
    (found,) = pullback(np.full((n, 2), 0.1, np.float16))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, n * float(np.float16(0.1)), rtol=1e-3)  # an eps of float16
