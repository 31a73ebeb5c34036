"""Sorting, selecting by rank, and functions of sets: who gets the cotangent of a value that stands there twice."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

with_ties = hnp.arrays(
    float, hnp.array_shapes(max_dims=3, max_side=5), elements=st.sampled_from([-1.0, -0.0, 0.0, 2.0, np.nan, np.inf])
)


def weighted(shape):
    """Weights that differ, so that one can see where each of them goes."""
    return np.reshape(np.arange(1.0, np.prod(shape) + 1), shape)


@given(with_ties, st.sampled_from([np.sort, lambda x, axis: np.partition(x, 0, axis)]), st.data())
def test_the_cotangents_are_permuted_along_the_axis_and_each_goes_to_an_element_of_its_value(x, f, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    z = tg.parameter(x)
    ans = f(z, axis=axis)
    weights = weighted(x.shape)
    gradient = tg.gradients(ans, z, cotangent=weights)
    np.testing.assert_array_equal(np.sort(gradient, axis=axis), weights)
    by_weight = np.argsort(gradient, axis=axis)
    np.testing.assert_array_equal(np.take_along_axis(x, by_weight, axis), ans.numpy())


@pytest.mark.skipif("descending" not in inspect.signature(np.sort).parameters, reason="NumPy sorts so from 2.5 on")
@given(with_ties, st.booleans(), st.data())
def test_a_descending_sort_sends_each_cotangent_to_an_element_of_its_value_the_first_first(x, stable, data):
    axis, z = data.draw(st.integers(-x.ndim, x.ndim - 1)), tg.parameter(x)
    ans = np.sort(z, axis=axis, stable=stable, descending=True)
    gradient = tg.gradients(ans, z, cotangent=weighted(x.shape))
    order = np.argsort(x, axis=axis, stable=True, descending=True)
    np.testing.assert_array_equal(np.take_along_axis(gradient, order, axis), weighted(x.shape))


@given(with_ties)
def test_of_equal_elements_the_first_is_sorted_first(x):
    z = tg.parameter(x)
    gradient = tg.gradients(np.sort(z, axis=None), z, cotangent=weighted(x.size))
    order = np.argsort(x, axis=None, kind="stable")
    assert gradient.ravel()[order].tolist() == weighted(x.size).tolist()


def test_of_many_equal_elements_too():
    x = np.tile([1.0, 0.0], 500)
    gradient = tg.grad(lambda x: np.sum(np.sort(x) * weighted(1000)))(x)
    assert gradient.tolist() == np.stack([weighted(500) + 500, weighted(500)], axis=1).ravel().tolist()


@pytest.mark.parametrize("f", [np.sort, np.unique, np.unique_values, np.trim_zeros, lambda x: np.union1d(x, x)])
def test_no_element_is_no_trouble(f):
    x = tg.parameter(np.zeros(0))
    assert f(x).shape == (0,)
    assert tg.gradients(np.sum(f(x)), x).shape == (0,)


@given(with_ties.filter(lambda x: not np.isnan(x).any()))
def test_a_unique_value_is_the_first_element_that_has_it(x):
    _, first = np.unique(x, return_index=True)
    expected = np.zeros(x.size)
    expected[first] = 1
    for f in (np.unique, np.unique_values, lambda x: np.unique_all(x).values):
        assert tg.grad(lambda x, f=f: np.sum(f(x)))(x).ravel().tolist() == expected.tolist()


def test_unique_rows_are_the_first_of_those_equal():
    x = np.array([[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]])
    gradient = tg.grad(lambda x: np.sum(np.unique(x, axis=0) * [[1.0, 2.0], [3.0, 4.0]]))(x)
    assert gradient.tolist() == [[3.0, 4.0], [1.0, 2.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("f", "fields"),
    [
        (np.unique_all, "values indices inverse_indices counts"),
        (np.unique_counts, "values counts"),
        (np.unique_inverse, "values inverse_indices"),
    ],
)
def test_a_named_tuple_stays_one_with_plain_integers_beside_the_values(f, fields):
    result = f(tg.parameter([2.0, 1.0, 2.0]))
    assert type(result) is type(f(np.zeros(1)))
    assert result._fields == tuple(fields.split())
    assert isinstance(result[0], tg.Tensor)
    assert all(type(part) is np.ndarray for part in result[1:])


def test_nan_is_one_value_or_several_as_asked():
    x = tg.parameter([np.nan, 1.0, np.nan])
    assert np.unique(x).shape == (2,)
    assert np.unique(x, equal_nan=False).shape == (3,)


def gradients_of(f, x, y):
    return [part.tolist() for part in tg.grad(lambda x, y: np.sum(f(x, y)), (0, 1))(np.array(x), np.array(y))]


def test_a_value_of_two_sets_is_the_first_elements_that_has_it():
    x, y = [4.0, 1.0, 4.0, 3.0], [3.0, 5.0, 4.0]
    assert gradients_of(np.union1d, x, y) == [[1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    assert gradients_of(np.intersect1d, x, y) == [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert gradients_of(np.setxor1d, x, y) == [[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert gradients_of(np.setdiff1d, x, y) == [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_the_indices_of_an_intersection_are_plain_integers():
    values, first, second = np.intersect1d(tg.parameter([1.0, 2.0]), tg.Tensor([2.0, 3.0]), return_indices=True)
    assert (values.tolist(), first.tolist(), second.tolist()) == ([2.0], [1], [0])
    assert type(first) is np.ndarray
    with_indices = lambda x, y: np.intersect1d(x, y, return_indices=True)[0]  # noqa: E731
    assert gradients_of(with_indices, [1.0, 2.0], [2.0, 3.0]) == [[0.0, 1.0], [0.0, 0.0]]


def test_sort_complex_of_floats_has_a_real_gradient():
    x = tg.parameter(np.array([2.0, 1.0], dtype=np.float32))
    ans = np.sort_complex(x)
    assert ans.dtype == np.complex128
    gradient = tg.gradients(ans, x, cotangent=np.array([1 + 5j, 2 + 7j]))
    assert (gradient.dtype, gradient.tolist()) == (np.float32, [2.0, 1.0])


def test_zeros_that_are_trimmed_have_the_gradient_0():
    x = tg.parameter([0.0, 0.0, 1.0, 0.0, 2.0, 0.0])
    assert tg.gradients(np.sum(np.trim_zeros(x)), x).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    assert tg.gradients(np.sum(np.trim_zeros(x, "b")), x).tolist() == [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    assert np.trim_zeros(x * 0).shape == (0,)
    with pytest.raises(ValueError, match=r'np\.trim_zeros: expected trim="f", "b" or "fb", got \'x\''):
        np.trim_zeros(x, "x")


def test_an_order_is_plain():
    x = tg.parameter([3.0, 1.0, 2.0])
    for order in (np.lexsort((x, x)), np.argsort(x), np.argpartition(x, 1)):
        assert type(order) is np.ndarray
