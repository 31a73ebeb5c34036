"""Functions that choose: the cotangent goes to what was chosen, shared at ties, and nan is chosen where it is given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg

NAN = np.nan


def by_each(f, *values):
    """The derivative of the sum of `f(*values)` by each value."""
    leaves = [tg.parameter(value) for value in values]
    return [g.tolist() for g in tg.gradients(np.sum(f(*leaves)), leaves)]


@pytest.mark.parametrize("f", [np.maximum, np.minimum])
def test_an_extremum_that_is_nan_comes_from_what_is_nan(f):
    assert by_each(f, [NAN, 1.0, NAN, 3.0], [1.0, NAN, NAN, 3.0]) == [[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.5]]


@pytest.mark.parametrize("f", [np.fmax, np.fmin])
def test_an_extremum_that_ignores_nan_comes_from_the_other(f):
    assert by_each(f, [NAN, 1.0, NAN, 3.0], [1.0, NAN, NAN, 3.0]) == [[0.0, 1.0, 0.5, 0.5], [1.0, 0.0, 0.5, 0.5]]


def test_what_is_nan_is_not_clipped():
    assert by_each(lambda x: np.clip(x, 0.0, 1.0), [NAN, -1.0, 0.5]) == [[1.0, 0.0, 1.0]]


@pytest.mark.parametrize("names", [("min",), ("max",), ("min", "max")])
@given(x=hnp.arrays(float, 3, elements=st.floats(-2, 2)), ends=hnp.arrays(float, 2, elements=st.floats(-2, 2)))
def test_both_spellings_of_the_bounds_of_clip_have_the_same_gradients(names, x, ends):
    def spelled(x, *ends):
        return np.clip(x, **dict(zip(names, ends, strict=True)))

    def older(x, *ends):
        by_name = dict(zip(names, ends, strict=True))
        return np.clip(x, by_name.get("min"), by_name.get("max"))

    given = x, *ends[: len(names)]
    assert by_each(spelled, *given) == by_each(older, *given)


@pytest.mark.parametrize("bounds", [{"min": tg.parameter(0.0)}, {"a_min": 0.0, "a_max": tg.parameter(1.0)}])
def test_a_clip_into_an_array_is_an_error_that_names_out(bounds):
    with pytest.raises(TypeError, match=r"np\.clip has no derivative rule for calls with out=: compute a new Tensor"):
        np.clip(np.ones(2), **bounds, out=np.zeros(2))
    assert np.clip(tg.parameter([2.0]), 0.0, 1.0, None).tolist() == [1.0]


def test_heaviside_is_its_second_argument_at_0_and_constant_elsewhere():
    assert by_each(np.heaviside, [-1.0, 0.0, 2.0], [0.5, 0.5, 0.5]) == [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert not np.heaviside(tg.parameter(1.0), 0.5).requires_grad


# ---- nan_to_num


def test_nan_to_num_is_constant_where_it_replaces():
    x = [NAN, np.inf, -np.inf, 2.0]
    assert by_each(np.nan_to_num, x) == [[0.0, 0.0, 0.0, 1.0]]
    assert np.nan_to_num(tg.parameter(x)).tolist() == np.nan_to_num(x).tolist()


def test_nan_to_num_replaces_the_parts_of_complex_numbers():
    z = np.array([complex(NAN, 1), complex(2, np.inf), 3 + 4j])
    value, pullback = tg.vjp(np.nan_to_num, z)
    np.testing.assert_array_equal(value, np.nan_to_num(z))
    np.testing.assert_array_equal(pullback(np.full(3, 1 + 2j))[0], [2j, 1, 1 + 2j])


def test_nan_to_num_in_place_is_an_error():
    with pytest.raises(TypeError, match=r"copy=False\) would change x in place: leave out copy="):
        np.nan_to_num(tg.parameter([1.0]), copy=False)


# ---- select, piecewise, choose


@given(st.data())
def test_select_takes_the_first_choice_whose_condition_holds(data):
    shape = data.draw(hnp.array_shapes(max_dims=2, max_side=3))
    conditions = data.draw(st.lists(hnp.arrays(bool, shape), min_size=1, max_size=3))
    x = np.arange(1.0, 1 + np.prod(shape) * len(conditions)).reshape(len(conditions), *shape)
    gradient = tg.grad(lambda x: np.sum(np.select(conditions, list(x), x[0] * 10)))(x)
    first = np.argmax([*conditions, np.ones(shape, bool)], axis=0)
    expected = np.array([first == i for i in range(len(conditions))], float)
    expected[0] += 10.0 * (first == len(conditions))
    np.testing.assert_array_equal(gradient, expected)


def test_select_keeps_float32_beside_numbers():
    x = tg.parameter(np.ones(2, np.float32))
    masks = [np.array([True, False]), np.array([False, True])]
    assert np.select(masks, [1.0, x], 2).dtype == np.float32
    assert np.select(masks, [x, 1.0], 2).dtype == np.float32
    assert np.select(masks, [x, np.ones(2)]).dtype == np.float64


def test_select_says_what_it_expects():
    x = tg.parameter([1.0])
    with pytest.raises(ValueError, match="expected a condition for each choice, got 2 conditions for 1"):
        np.select([x > 0, x > 1], [x])
    for condition in (1, np.array([1])):
        with pytest.raises(TypeError, match="expected conditions that are arrays of bool, got"):
            np.select([condition], [x])


def test_piecewise_differentiates_what_its_functions_do_where_they_are_called():
    x = [-2.0, -1.0, 0.5, 4.0]
    branches = [np.square, lambda v: 3 * v, 7.0]
    gradient = by_each(lambda x: np.piecewise(x, [x < -1, x < 1], branches), x)
    assert gradient == [[3.0, 3.0, 3.0, 0.0]]  # where both conditions hold, the last counts
    assert by_each(lambda x: np.piecewise(x, [x > 0], [np.sqrt, 0.0]), [-1.0, 4.0]) == [[0.0, 0.25]]


def test_piecewise_has_the_dtype_of_its_argument():
    x = tg.parameter(np.array([1.0, -1.0], np.float32))
    y = np.piecewise(x, [x > 0], [lambda v: v * np.ones(1), 0.5])
    assert y.dtype == np.float32
    assert tg.gradients(np.sum(y), x).tolist() == [1.0, 0.0]


def test_piecewise_counts_its_functions():
    x = tg.parameter([1.0, -1.0])
    with pytest.raises(ValueError, match="expected 1 or 2 functions for 1 conditions, got 3"):
        np.piecewise(x, [x > 0], [1, 2, 3])


@pytest.mark.parametrize(("mode", "numbers"), [("raise", [1, 0, 1]), ("wrap", [-1, 2, 3]), ("clip", [5, -5, 1])])
def test_choose_sends_the_cotangent_to_the_choice(mode, numbers):
    x, y = np.ones(3), np.ones(3)
    grads = tg.grad(lambda x, y: np.sum(np.choose(numbers, [x, y], mode=mode)), (0, 1))(x, y)
    chosen = np.choose(numbers, [[0] * 3, [1] * 3], mode=mode)
    np.testing.assert_array_equal(grads, [chosen == 0, chosen == 1])


def test_choose_says_what_it_expects():
    x = tg.parameter([1.0, 2.0])
    with pytest.raises(ValueError, match="expected numbers from 0 to 1: pass mode='clip'"):
        np.choose([2, 0], [x, x])
    with pytest.raises(TypeError, match="expected the numbers of choices as integers, got float64"):
        np.choose(x, [x, x])
