"""Reductions: over every axis, by every spelling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tinygrad_dl.coverage.examples.reductions import DOMAINS


@pytest.mark.parametrize("f", DOMAINS, ids=lambda f: f.__name__)
@pytest.mark.parametrize(("shape", "axis"), [((0, 3), 1), ((2, 0, 3), -1), ((2, 0, 3), (0, 2))])
def test_a_reduction_of_nothing_to_nothing_has_a_gradient_of_the_right_shape(f, shape, axis):
    x = tg.parameter(np.zeros(shape))
    assert tg.gradients(np.sum(f(x, axis=axis)), x).shape == shape


@pytest.mark.parametrize("f", [np.sum, np.prod])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_an_empty_sum_or_product_has_a_gradient_of_the_right_shape(f, axis):
    x = tg.parameter(np.zeros((0, 3)))
    assert tg.gradients(np.sum(f(x, axis=axis)), x).shape == (0, 3)


@given(hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=6), elements=st.sampled_from([-2.0, 0.0, 0.5, 1.0])))
def test_the_derivative_of_a_product_is_the_product_of_all_others(x):  # of powers of 2: exact
    others = [np.prod(np.delete(x.ravel(), i)) for i in range(x.size)]
    np.testing.assert_array_equal(tg.grad(np.prod)(x), np.reshape(others, x.shape))


@given(
    hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=4), elements=st.sampled_from([-1.0, 0.0, 2.0])),
    st.sampled_from([np.max, np.min]),
    st.data(),
)
def test_an_extremum_hands_its_whole_cotangent_to_the_tied_and_to_no_other(x, f, data):
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    gradient = tg.grad(lambda x: np.sum(f(x, axis=axis)))(x)
    extremum = f(x, axis=axis, keepdims=True)
    assert np.all((gradient > 0) == (x == extremum))
    np.testing.assert_allclose(np.sum(gradient, axis=axis, keepdims=True), np.ones_like(extremum), rtol=1e-12)


@pytest.mark.parametrize(
    ("f", "keywords"),
    [
        (np.sum, {"where": np.array([True, False])}),
        (np.sum, {"initial": 1.0}),
        (np.max, {"initial": 0.0}),
        (np.std, {"correction": 1}),
    ],
)
def test_a_keyword_that_no_rule_knows_is_an_error_that_names_it(f, keywords):
    with pytest.raises(TypeError, match=rf"{f.__name__} has no derivative rule for calls with {next(iter(keywords))}="):
        f(tg.parameter([1.0, 2.0]), **keywords)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.var, np.std])
def test_a_buffer_by_position_is_an_error(f):
    with pytest.raises(TypeError, match="calls with out=: compute a new Tensor instead"):
        f(tg.parameter([1.0, 2.0]), None, None, np.zeros(()))
