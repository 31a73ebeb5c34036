"""Methods of ufuncs: reductions against what they are in words, folds against a loop, and errors."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests.rules.derivatives import by_each
from tinygrad_dl.core import registry
from tinygrad_dl.core.backprop import topological_order
from tinygrad_dl.rules.ufunc_methods import UFUNCS

WRONG_IN_NUMPY = [np.power, np.arctan2]
FOLDED = [np.subtract, np.divide, np.float_power, np.fmod, np.copysign, np.hypot, np.logaddexp, np.logaddexp2]
FOLDED += [np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.remainder]


def loop(ufunc, x):
    """`x` folded from the left."""
    return functools.reduce(ufunc, list(x))


@pytest.mark.parametrize("ufunc", FOLDED, ids=registry.name_of)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_reduce_and_accumulate_are_folds(ufunc, n):
    x = np.linspace(2.5, 1.3, n) * np.array([[1.0], [1.1]])
    x = np.moveaxis(x, 1, 0)
    weights = np.cos(np.arange(2 * n)).reshape(n, 2)
    steps = tg.grad(lambda x: np.sum(weights[0] * loop(ufunc, x)))(x)
    if n > 1:  # alone, hypot is beside its identity
        np.testing.assert_allclose(tg.grad(lambda x: np.sum(weights[0] * ufunc.reduce(x)))(x), steps, rtol=1e-12)
    running = [loop(ufunc, x[: i + 1]) for i in range(n)]
    np.testing.assert_allclose(ufunc.accumulate(tg.parameter(x)).data, running, rtol=1e-12)
    by_loop = tg.grad(lambda x: sum(np.sum(weights[i] * loop(ufunc, x[: i + 1])) for i in range(n)))(x)
    found = tg.grad(lambda x: np.sum(weights * ufunc.accumulate(x)))(x)
    np.testing.assert_allclose(found, by_loop, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("ufunc", FOLDED, ids=registry.name_of)
def test_outer_is_every_pair(ufunc):
    x, y, weights = np.array([1.5, 2.5]), np.array([[1.2, 0.7, 0.9]]), np.cos(np.arange(6)).reshape(2, 1, 3)
    found = tg.grad(lambda x, y: np.sum(weights * ufunc.outer(x, y)), (0, 1))(x, y)
    pairs = [(i, j) for i in range(2) for j in range(3)]
    by_pair = tg.grad(lambda x, y: sum(weights[i, 0, j] * ufunc(x[i], y[0, j]) for i, j in pairs), (0, 1))(x, y)
    for a, b in zip(found, by_pair, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


@given(st.data())
def test_reduceat_sums_the_slices(data):
    n = data.draw(st.integers(1, 6))
    indices = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))
    weights = np.arange(1.0, len(indices) + 1)
    gradient = tg.grad(lambda x: np.sum(weights * np.add.reduceat(x, indices)))(np.ones(n))
    expected = np.zeros(n)
    for weight, start, stop in zip(weights, indices, [*indices[1:], n], strict=True):
        expected[start : max(stop, start + 1)] += weight
    np.testing.assert_array_equal(gradient, expected)
    rows = np.ones((2, n, 3))
    (found,) = tg.vjp(lambda x: np.add.reduceat(x, np.array(indices), -2), rows)[1](rows[:, :1] * weights[:, None])
    np.testing.assert_array_equal(found, rows * expected[:, None])
    assert len(topological_order(np.add.reduceat(tg.parameter(rows), indices, axis=1))) == 2  # not one for each slice


# ---- sums in logarithms, lengths, extrema that ignore nan


@given(hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=3), elements=st.floats(-5, 5)), st.data())
def test_the_gradient_of_a_log_sum_exp_is_the_softmax(x, data):
    axis = data.draw(st.sampled_from([None, *range(-x.ndim, x.ndim), tuple(range(x.ndim))]))
    keepdims = data.draw(st.booleans())
    gradient = tg.grad(lambda x: np.sum(np.logaddexp.reduce(x, axis=axis, keepdims=keepdims)))(x)
    np.testing.assert_allclose(gradient, np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("ufunc", [np.logaddexp, np.logaddexp2])
@pytest.mark.parametrize(
    ("x", "shares"),
    [
        ([-np.inf, -np.inf, -np.inf, -np.inf], [0.25] * 4),
        ([np.inf, 1.0, np.inf, -np.inf], [0.5, 0.0, 0.5, 0.0]),
        ([-np.inf, 1.0, 1.0, -np.inf], [0.0, 0.5, 0.5, 0.0]),
        ([1e5, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
    ],
)
def test_the_shares_of_a_sum_in_logarithms_are_finite(ufunc, x, shares):
    x = np.array(x)
    (gradient,) = tg.vjp(ufunc.reduce, x)[1](np.array(1.0))
    np.testing.assert_allclose(gradient, shares, rtol=1e-12)
    rows = np.stack([x, np.zeros(4)]).astype(np.float32)
    (gradient,) = tg.vjp(lambda x: ufunc.reduce(x, axis=1), rows)[1](np.ones(2, np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, [shares, [0.25] * 4], rtol=1e-6)


@pytest.mark.parametrize("ufunc", [np.logaddexp, np.logaddexp2])
@given(size=st.sampled_from([0.0, 1e3, 1e6, 1e9, -1e30]), axis=st.sampled_from([0, 1]))
def test_the_shares_of_large_logarithms_add_up_to_1(ufunc, size, axis):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32) + np.float32(size)
    (shares,) = tg.vjp(lambda x: ufunc.reduce(x, axis), x)[1](np.ones(x.shape[1 - axis], np.float32))
    base = 2 if ufunc is np.logaddexp2 else np.e
    parts = base ** (x.astype(float) - x.max(axis, keepdims=True))
    np.testing.assert_allclose(shares, parts / parts.sum(axis, keepdims=True), rtol=1e-3, atol=1e-30)


def test_a_length_of_0_has_slope_0():
    assert tg.grad(np.hypot.reduce)(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    assert tg.grad(np.hypot.reduce)(np.array([2.0, 3.0, 6.0])) * 7 == pytest.approx([2.0, 3.0, 6.0])


@pytest.mark.parametrize("ufunc", [np.fmax, np.fmin])
def test_an_extremum_that_ignores_nan_is_shared_by_the_tied(ufunc):
    best, other = (3.0, 1.0) if ufunc is np.fmax else (1.0, 3.0)
    x = np.array([[np.nan, best, other, best], [np.nan] * 4])
    gradient = tg.vjp(lambda x: ufunc.reduce(x, axis=1), x)[1](np.ones(2))[0]
    assert gradient.tolist() == [[0.0, 0.5, 0.0, 0.5], [0.25] * 4]


# ---- where=, initial=, dtype=, empty axes


@pytest.mark.parametrize("ufunc", [np.subtract, np.divide, np.add, np.multiply])
def test_what_is_left_out_of_a_reduction_has_slope_0_even_where_a_step_would_divide_by_it(ufunc):
    x, mask = np.array([[0.0, 2.0], [4.0, 0.0], [5.0, 1.0]]), np.array([[False, True], [True, False], [True, True]])
    gradient = tg.grad(lambda x: np.sum(ufunc.reduce(x, where=mask, initial=3.0)))(x)
    for column in (0, 1):
        chosen = mask[:, column]
        expected = tg.grad(lambda v: loop(ufunc, [np.array(3.0), *v]))(x[chosen, column])
        np.testing.assert_allclose(gradient[chosen, column], expected)
        assert not gradient[~chosen, column].any()


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.maximum])
def test_a_dtype_casts_first(ufunc):
    x = tg.parameter(np.array([[1.5, 2.5], [0.5, 1.0]], np.float32))
    for y in (ufunc.reduce(x, dtype=float), ufunc.accumulate(x, dtype=float), ufunc.reduceat(x, [0], dtype=float)):
        assert y.dtype == float
        assert tg.gradients(np.sum(y), x).dtype == np.float32


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.hypot, np.logaddexp, np.multiply], ids=registry.name_of)
def test_an_empty_axis_gives_what_numpy_gives(ufunc):
    x = np.ones((0, 2))
    try:
        expected = ufunc.reduce(x)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            ufunc.reduce(tg.parameter(x))
        return
    np.testing.assert_array_equal(np.asarray(tg.Tensor(ufunc.reduce(tg.parameter(x)).data)), expected)


@pytest.mark.parametrize("ufunc", [np.subtract, np.divide, np.float_power])
def test_several_axes_of_what_has_an_order_are_an_error(ufunc):
    with pytest.raises(ValueError, match="is not reorderable"):
        ufunc.reduce(tg.parameter(np.ones((2, 2))), axis=(0, 1))


def test_a_number_has_nothing_to_accumulate():
    for ufunc in (np.add, np.multiply, np.subtract):
        with pytest.raises(TypeError, match="cannot accumulate on a scalar"):
            ufunc.accumulate(tg.parameter(1.0))


@pytest.mark.parametrize("keywords", [{"where": np.array([True, False])}, {"initial": 1.0}], ids=str)
def test_a_keyword_that_a_rule_does_not_take_is_an_error(keywords):
    with pytest.raises(TypeError, match=rf"np\.hypot\.reduce has no .* calls with {next(iter(keywords))}="):
        np.hypot.reduce(tg.parameter([1.0, 2.0]), **keywords)


# ---- errors, and what is constant


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.hypot])
def test_a_method_into_an_array_is_an_error(ufunc):
    x, out = tg.parameter([1.0, 2.0]), np.zeros(2)
    calls = lambda: ufunc.reduce(x, out=out[0:1], keepdims=True), lambda: ufunc.accumulate(x, out=out)
    for call in (*calls, lambda: ufunc.reduceat(x, [0, 1], out=out), lambda: ufunc.outer(x, [1.0], out=out[:, None])):
        with pytest.raises(TypeError, match="out"):
            call()
    assert not out.any()


@pytest.mark.parametrize("ufunc", sorted(UFUNCS, key=registry.name_of), ids=registry.name_of)
def test_at_is_refused_and_names_the_way_out(ufunc):
    x = tg.parameter([1.0, 2.0])
    args = [1.0] * (ufunc.nin - 1)
    if ufunc.nin > 2 or ufunc.nout > 1 or ufunc.signature:
        return
    with pytest.raises(TypeError, match=r"at has no derivative rule: it changes an array in place.*tg\.primitives\."):
        ufunc.at(x, 0, *args)


def test_add_at_is_refused_by_name():
    with pytest.raises(TypeError, match=r"Write tg\.primitives\.add_at\(x, i, y\)"):
        np.add.at(tg.parameter([1.0]), 0, 1.0)
    with pytest.raises(TypeError, match=r"Write tg\.primitives\.add_at\(x, i, y\)"):
        np.add.at(np.ones(1), 0, tg.parameter(1.0))


@pytest.mark.parametrize("ufunc", WRONG_IN_NUMPY)
def test_reductions_that_numpy_itself_gets_wrong_are_refused(ufunc):
    x = tg.parameter([2.0, 3.0, 2.0])
    for call in (lambda: ufunc.reduce(x), lambda: ufunc.reduceat(x, [0])):
        with pytest.raises(TypeError, match=r"NumPy's own loop for it is wrong on some.*Write a Python loop"):
            call()
    np.testing.assert_allclose(ufunc.accumulate(x).data[-1], loop(ufunc, [2.0, 3.0, 2.0]))


def test_a_method_without_a_meaning_is_an_error():
    for method in (np.heaviside.reduce, np.ldexp.accumulate, np.nextafter.reduce):
        with pytest.raises(TypeError, match="no derivative rule"):
            method(tg.parameter([1.0, 2.0]))


def test_methods_of_comparisons_give_plain_values():
    x = tg.parameter([1.0, 2.0, 2.0])
    assert np.equal.outer(x, [2.0]).tolist() == [[False], [True], [True]]
    assert np.logical_and.reduce(x) is np.True_
    assert np.logical_or.accumulate(x - 1).tolist() == [False, True, True]


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.fmax, np.fmin])
@given(
    x=hnp.arrays(float, (3, 4), elements=st.floats(-9, 9), unique=True), axis=st.integers(-2, 1), missing=st.booleans()
)
def test_the_gradient_of_a_cumulative_extremum_counts_how_long_each_record_stands(ufunc, x, axis, missing):
    ignored = missing and ufunc in (np.fmax, np.fmin)
    x[1, 1] = np.nan if ignored else x[1, 1]
    y = ufunc.accumulate(tg.parameter(x), axis=axis)
    np.testing.assert_array_equal(y.numpy(), ufunc.accumulate(x, axis=axis), strict=True)
    stands = [np.count_nonzero(y.numpy() == record) for record in x.flat]
    (gradient,) = tg.vjp(lambda x: ufunc.accumulate(x, axis=axis), x)[1](np.ones_like(x))
    assert gradient.ravel().tolist() == stands
    assert len(topological_order(y)) == 2  # a long array has one node, not one for each element


def test_the_cumulative_extremum_of_a_tie_shares_step_by_step():
    gradient = tg.grad(lambda x: np.maximum.accumulate(x)[-1])(np.array([2.0, 2.0, 2.0, 1.0]))
    assert gradient.tolist() == [0.25, 0.25, 0.5, 0.0]
    assert math.isclose(gradient.sum(), 1)


@pytest.mark.parametrize("ufunc", [np.subtract, np.divide, np.float_power])
def test_a_fold_over_no_axes_is_the_array_itself(ufunc):
    x = np.array([3.0, 2.0])
    assert tg.grad(lambda x: np.sum(ufunc.reduce(x, axis=()) ** 2))(x).tolist() == [6.0, 4.0]


@pytest.mark.parametrize("ufunc", [np.subtract, np.divide, np.floor_divide, np.float_power, np.copysign, np.remainder])
def test_the_methods_of_one_element_give_it_back_with_derivative_1(ufunc):
    x = np.array([2.5, 1.5])
    assert by_each(lambda x: ufunc.reduce(x[:1]), x) == [[1.0, 0.0]]
    assert by_each(lambda x: ufunc.reduceat(x, [0, 1]), x) == [[1.0, 1.0]]
    assert tg.jacobian(ufunc.accumulate)(x)[0].tolist() == [1.0, 0.0]


def test_a_whole_quotient_is_constant_behind_its_first_element():
    assert tg.jacobian(np.floor_divide.accumulate)(np.array([5.5, 2.0])).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert not np.any(tg.grad(np.floor_divide.reduce)(np.array([5.5, 2.0])))


@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat", "outer"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 3])
def test_a_method_of_a_tensor_has_the_dtype_of_that_of_an_array(method, dtype, n):
    x = np.array([0.75, 0.5, 1.5], dtype)[:n]
    args = {"reduceat": ([0],), "outer": (x,)}.get(method, ())
    for ufunc in (np.subtract, np.divide, np.floor_divide, np.float_power, np.logaddexp, np.hypot, np.maximum):
        assert getattr(ufunc, method)(tg.parameter(x), *args).dtype == getattr(ufunc, method)(x, *args).dtype
