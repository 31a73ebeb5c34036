"""Functions of each element: where their derivatives are checked, and what they are where there is none."""

import math

import numpy as np
import pytest

import tinygrad_dl as tg

# ---- the table of conventions in the docstring of `tinygrad_dl.rules`


def by_each(f, *values):
    """The derivative of the sum of `f(*values)` by each value."""
    leaves = [tg.parameter(value) for value in values]
    return [g.tolist() for g in tg.gradients(np.sum(f(*leaves)), leaves)]


@pytest.mark.parametrize("f", [np.absolute, np.fabs, abs])
def test_the_derivative_of_the_absolute_value_at_0_is_0(f):
    assert by_each(f, [0.0, -0.0, -2.0, 3.0]) == [[0.0, 0.0, -1.0, 1.0]]


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_two_that_are_tied_share_the_cotangent_evenly(f):
    assert by_each(f, [1.0, -3.0], [1.0, -3.0]) == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("f", [np.max, np.min, np.amax, np.amin])
def test_all_that_are_tied_for_an_extremum_share_the_cotangent_evenly(f):
    assert by_each(f, [2.0, 2.0, 2.0, 2.0]) == [[0.25] * 4]
    assert by_each(lambda x: f(x, axis=1), [[5.0, 5.0], [1.0, 1.0]]) == [[[0.5, 0.5], [0.5, 0.5]]]


def test_clip_at_a_bound_has_derivative_1_by_x_and_0_by_the_bound():
    assert by_each(np.clip, [0.0, 1.0], 0.0, 1.0) == [[1.0, 1.0], 0.0, 0.0]


def test_the_standard_deviation_of_a_constant_has_derivative_0():
    assert by_each(np.std, [3.0, 3.0, 3.0]) == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("f", [np.hypot, np.arctan2])
def test_hypot_and_arctan2_at_the_origin_have_derivative_0(f):
    assert by_each(f, 0.0, 0.0) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("f", "derivative"),
    [(np.sqrt, math.inf), (np.log, math.inf), (lambda x: x**0.5, math.inf), (lambda x: x**-1, -math.inf)],
)
def test_an_infinite_derivative_is_infinite_and_numpy_warns(f, derivative):
    x = tg.parameter(0.0)
    with np.errstate(divide="ignore"):
        y = f(x)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        tg.backward(y)
    assert x.grad == derivative


@pytest.mark.parametrize("f", [np.power, np.float_power])
def test_a_power_at_base_0_is_exact(f):
    assert by_each(f, 0.0, 0.0) == [0.0, 0.0]
    assert by_each(f, 0.0, 1.0) == [1.0, 0.0]
    assert by_each(f, [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]) == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("p", [0, 1, 2, 3, 0.0, 3.0, np.float64(2)])
def test_every_derivative_of_a_whole_power_at_0_is_finite_and_exact(p):
    f, x, factor = (lambda x: x**p), 0.0, 1.0
    for order in range(5):
        assert f(x) == (factor if order == p else 0.0)
        f, factor = tg.grad(f), factor * (order + 1)


@pytest.mark.parametrize(
    "x", [[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]], ids=["no 0", "one", "two", "three"]
)
def test_the_derivative_of_a_product_is_the_product_of_the_others_to_any_order(x):
    a, b, c = x
    assert by_each(np.prod, x) == [[b * c, a * c, a * b]]
    first = tg.grad(np.prod)
    assert tg.grad(lambda x: np.sum(first(x)))(np.array(x)).tolist() == [b + c, a + c, a + b]
    second = tg.grad(lambda x: first(x)[0])
    assert tg.grad(lambda x: second(x)[1])(np.array(x)).tolist() == [0.0, 0.0, 1.0]


def test_where_gives_0_to_the_branch_not_taken():
    assert by_each(lambda x, y: np.where([True, False], x, y), [1.0, 2.0], [3.0, 4.0]) == [[1.0, 0.0], [0.0, 1.0]]


def test_a_branch_that_is_nan_where_it_is_not_taken_needs_a_second_where():
    def safe_log(x):
        return np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0)

    assert by_each(safe_log, [0.0, -1.0, 2.0]) == [[0.0, 0.0, 0.5]]


def test_softplus_written_as_logaddexp_is_exact_in_the_tails():
    assert by_each(lambda z: np.logaddexp(0, z), [-1e4, 0.0, 1e4]) == [[0.0, 0.5, 1.0]]
