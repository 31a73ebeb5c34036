"""Reductions: over every axis, by every call."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.coverage.examples.reductions import DOMAINS, NAN_DOMAINS, NEEDS_INITIAL


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


@st.composite
def masked_arrays(draw):
    """An array of no two equal numbers, and a mask that leaves at least two of them."""
    shape = draw(hnp.array_shapes(max_dims=2, min_side=2, max_side=4))
    x = np.reshape(draw(st.permutations(range(1, int(np.prod(shape)) + 1))), shape) / 4
    mask = draw(hnp.arrays(bool, shape))
    mask.flat[:2] = True
    return x, mask


@given(masked_arrays(), st.sampled_from(list(DOMAINS)))
def test_where_gives_the_gradient_of_the_elements_alone_and_0_to_the_others(drawn, f):
    x, mask = drawn
    initial = {"initial": np.inf if f is np.min else -np.inf} if f in NEEDS_INITIAL else {}
    expected = np.zeros_like(x)
    expected[mask] = tg.grad(f)(x[mask])
    np.testing.assert_allclose(tg.grad(lambda x: f(x, where=mask, **initial))(x), expected, rtol=1e-12, atol=1e-15)


@given(masked_arrays(), st.sampled_from(list(NAN_DOMAINS)))
def test_what_skips_nan_gives_the_gradient_of_the_numbers_alone_and_0_to_a_nan(drawn, f):
    x, mask = drawn
    same = getattr(np, f.__name__.removeprefix("nan"))
    expected = np.zeros_like(x)
    expected[mask] = tg.grad(same)(x[mask])
    for create_graph in (False, True):
        z = tg.parameter(np.where(mask, x, np.nan))
        gradient = tg.gradients(f(z), z, create_graph=create_graph)
        np.testing.assert_allclose(np.array(gradient.tolist()), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("ignore:All-NaN", "ignore:Mean of empty", "ignore:Degrees of freedom")
@pytest.mark.parametrize("f", NAN_DOMAINS, ids=lambda f: f.__name__)
def test_of_nan_alone_the_gradient_is_0(f):
    x = np.array([[np.nan, np.nan, np.nan], [1.0, 2.0, 4.0]])
    assert tg.grad(lambda x: np.sum(f(x, axis=1)))(x)[0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("f", "initial"), [(np.max, 3.0), (np.min, 1.0), (np.nanmax, 3.0)])
def test_an_initial_value_is_one_of_the_tied(f, initial):
    assert tg.grad(lambda x: f(x, initial=initial))(np.array([1.0, 3.0, 2.0])).max() == 0.5
    assert not tg.grad(lambda x: f(x, initial=initial))(np.array([2.0, 2.5, 1.5])).any()


@pytest.mark.parametrize("f", [np.max, np.min])
def test_an_extremum_that_is_nan_has_its_cotangent_at_the_nan(f):
    assert tg.grad(f)(np.array([1.0, np.nan, 2.0])).tolist() == [0.0, 1.0, 0.0]


@given(
    hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=4), elements=st.sampled_from([-1.5, 0.0, 2.0])),
    st.floats(-2, 2),
)
def test_the_variance_around_a_given_mean_has_the_derivative_2_deviations_over_n(x, mean):
    centre = np.full((1,) * x.ndim, mean)
    gradient = tg.grad(lambda x: np.var(x, mean=centre, keepdims=True).sum())(x)
    np.testing.assert_allclose(gradient, 2 * (x - mean) / x.size, rtol=1e-12, atol=1e-15)
    bound = tg.grad(lambda x: tg.grad(lambda x: np.var(x, mean=centre, keepdims=True).sum())(x)[(0,) * x.ndim])(x)
    assert np.count_nonzero(bound) == 1  # a given mean does not move with x


@pytest.mark.parametrize("keywords", [{}, {"ddof": 1}, {"where": [True, True, False]}, {"mean": np.array([2.5])}])
@pytest.mark.parametrize("f", [np.var, np.std, np.nanvar, np.nanstd])
def test_the_spread_of_a_constant_has_the_gradient_0(f, keywords):
    x = np.full(3, 2.5)
    assert tg.grad(lambda x: np.sum(f(x, **keywords)))(x).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("mask", [True, np.ones(70_000, dtype=bool)], ids=["", "where="])
def test_more_elements_than_float16_can_count(mask):
    x = np.ones(70_000, dtype=np.float16)
    for f in (
        lambda x: np.mean(x, where=mask),
        lambda x: np.max(x, where=mask, initial=0),
        lambda x: np.var(x, mean=np.zeros(1, np.float16), dtype=np.float32, where=mask, keepdims=True).sum() / 2,
    ):
        gradient = tg.grad(f)(x)
        assert gradient.dtype == np.float16
        np.testing.assert_allclose(gradient, 1 / 70_000, rtol=5e-3)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.var, np.std])
def test_a_dtype_is_for_the_answer_and_not_for_the_gradient(f):
    x = np.array([1.0, 2.0, 4.0], dtype=np.float32)
    expected = tg.grad(f)(x.astype(float))
    z = tg.parameter(x)
    ans = f(z, dtype=float)
    assert ans.dtype == float
    gradient = tg.gradients(ans, z)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    assert not isinstance(f(z, dtype=int), tg.Tensor) or f in (np.mean, np.var, np.std)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod])
def test_a_real_dtype_of_complex_numbers_is_of_their_real_parts(f):
    z = np.array([1 + 2j, 2 - 1j, 4 + 3j])
    gradient = tg.grad(lambda z: f(z, dtype=float))(z)
    np.testing.assert_allclose(gradient, tg.grad(f)(z.real), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_real_dtype_of_a_complex_variance_is_of_the_mean_alone():
    z = np.array([1 + 2j, 2 - 1j, 4 + 3j])
    deviation = z - np.mean(z.real)
    np.testing.assert_allclose(np.var(z, dtype=float), np.mean(np.abs(deviation) ** 2))
    gradient = tg.grad(lambda z: np.var(z, dtype=float))(z)
    np.testing.assert_allclose(gradient, 2 * deviation.conj() / 3, rtol=1e-12)


def test_a_tensor_as_the_mean_is_an_error_that_names_the_way_out():
    x = tg.parameter([1.0, 2.0])
    with pytest.raises(TypeError, match=r"np\.var got a Tensor as mean=: .* its values as x\.numpy\(\)"):
        np.var(x, mean=np.mean(x, keepdims=True))


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.var, np.std])
def test_a_buffer_by_position_is_an_error(f):
    with pytest.raises(TypeError, match="calls with out=: compute a new Tensor instead"):
        f(tg.parameter([1.0, 2.0]), None, None, np.zeros(()))
