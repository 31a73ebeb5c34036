"""The table of conventions in the docstring of `tinygrad_dl.rules`: a test a row, and no row without one."""

import math
import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.derivatives import by_each
from tinygrad_dl import nn, rules

ROWS = {1: {}, 2: {}}  # order of derivative -> row of the docstring -> its tests


def row(name, order=1):
    """Mark a test as that of a row of the table."""

    def mark(test):
        ROWS[order].setdefault(name, []).append(test)
        return test

    return mark


def test_every_row_of_the_table_has_a_test_of_each_order():
    line = r"^=+  =+  =+\n"
    table = re.search(f"{line}.*?{line}(.*?){line}", rules.__doc__, flags=re.DOTALL | re.MULTILINE)[1]
    width = len(re.search(r"^=+", rules.__doc__, flags=re.MULTILINE)[0])
    names = [line[:width].rstrip() for line in table.splitlines() if line[:width].strip()]
    assert names == list(ROWS[1])
    assert set(names) == set(ROWS[2])


def second(f, x):
    """The Hessian of the sum of `f` at the list or number `x`, as lists."""
    return tg.hessian(lambda x: np.sum(f(x)))(np.array(x)).tolist()


# ---- elements


@row("|x| at 0")
@pytest.mark.parametrize("f", [np.absolute, np.fabs, abs])
def test_the_derivative_of_the_absolute_value_at_0_is_0(f):
    assert by_each(f, [0.0, -0.0, -2.0, 3.0]) == [[0.0, 0.0, -1.0, 1.0]]


@row("relu, leaky relu at 0")
def test_the_derivative_of_relu_at_0_is_0_and_of_leaky_relu_alpha():
    assert by_each(nn.relu, [0.0, -0.0, -2.0, 3.0]) == [[0.0, 0.0, 0.0, 1.0]]
    assert by_each(lambda z: nn.leaky_relu(z, 0.25), [0.0, -0.0, -2.0, 3.0]) == [[0.25, 0.25, 0.25, 1.0]]


@row("maximum, minimum at a tie")
@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_two_that_are_tied_share_the_cotangent_evenly(f):
    assert by_each(f, [1.0, -3.0], [1.0, -3.0]) == [[0.5, 0.5], [0.5, 0.5]]
    assert by_each(lambda x: f(x, x), [1.0, -3.0]) == [[1.0, 1.0]]


@row("max, min at a tie")
@pytest.mark.parametrize("f", [np.max, np.min, np.amax, np.amin])
def test_all_that_are_tied_for_an_extremum_share_the_cotangent_evenly(f):
    assert by_each(f, [2.0, 2.0, 2.0, 2.0]) == [[0.25] * 4]
    assert by_each(lambda x: f(x, axis=1), [[5.0, 5.0], [1.0, 1.0]]) == [[[0.5, 0.5], [0.5, 0.5]]]


@row("sort, partition at a tie")
def test_of_equal_elements_the_first_becomes_the_first():
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    assert by_each(lambda x: np.sort(x) * weights, [5.0, 1.0, 5.0, 1.0]) == [[3.0, 1.0, 4.0, 2.0]]
    assert by_each(lambda x: np.partition(x, 2) * weights, [5.0, 5.0, 5.0, 5.0]) == [[1.0, 2.0, 3.0, 4.0]]


@row("median, quantile at a tie")
def test_a_quantile_is_of_the_element_at_its_rank():
    assert by_each(np.median, [2.0, 2.0, 2.0]) == [[0.0, 1.0, 0.0]]
    assert by_each(np.median, [2.0, 2.0, 2.0, 2.0]) == [[0.0, 0.5, 0.5, 0.0]]
    assert by_each(lambda x: np.quantile(x, 0.25), [7.0, 2.0, 2.0]) == [[0.0, 0.5, 0.5]]


@row("unique and other sets")
def test_a_set_is_of_the_first_of_the_equal():
    assert by_each(np.unique, [3.0, 1.0, 3.0, 1.0]) == [[1.0, 1.0, 0.0, 0.0]]
    assert by_each(np.union1d, [3.0, 1.0], [3.0, 4.0]) == [[1.0, 1.0], [0.0, 1.0]]


@row("clip at a bound")
def test_clip_at_a_bound_has_derivative_1_by_x_and_0_by_the_bound():
    assert by_each(np.clip, [0.0, 1.0], 0.0, 1.0) == [[1.0, 1.0], 0.0, 0.0]


@row("where")
def test_where_gives_0_to_the_branch_not_taken():
    assert by_each(lambda x, y: np.where([True, False], x, y), [1.0, 2.0], [3.0, 4.0]) == [[1.0, 0.0], [0.0, 1.0]]


def test_a_branch_that_is_nan_where_it_is_not_taken_needs_a_second_where():
    def safe_log(x):
        return np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0)

    assert by_each(safe_log, [0.0, -1.0, 2.0]) == [[0.0, 0.0, 0.5]]
    assert tg.hessian(lambda x: np.sum(safe_log(x)))(np.array([0.0, -1.0, 2.0]))[2, 2] == -0.25


@row("hypot, arctan2 at (0, 0)")
@pytest.mark.parametrize("f", [np.hypot, np.arctan2])
def test_hypot_and_arctan2_at_the_origin_have_derivative_0(f):
    assert by_each(f, 0.0, 0.0) == [0.0, 0.0]


@row("sqrt, log, x**p with p < 1, at 0")
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


@row("0**0, 0**y")
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


@row("x**y with x < 0")
def test_a_power_of_a_negative_base_has_a_derivative_by_the_base_alone():
    x, y = tg.parameter(-2.0), tg.parameter(3.0)
    assert tg.gradients(x**y, x) == 12.0
    assert tg.gradients(x**3, x) == 12.0
    assert math.isnan(tg.gradients(x**y, y))


# ---- reductions


@row("prod, cumprod with zeros")
@pytest.mark.parametrize("f", [np.prod, lambda x: np.cumprod(x)[-1], lambda x: np.multiply.reduce(x)])
@pytest.mark.parametrize(
    "x", [[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]], ids=["no 0", "one", "two", "three"]
)
def test_the_derivative_of_a_product_is_the_product_of_the_others_to_any_order(f, x):
    a, b, c = x
    assert by_each(f, x) == [[b * c, a * c, a * b]]
    first = tg.grad(f)
    assert tg.grad(lambda x: np.sum(first(x)))(np.array(x)).tolist() == [b + c, a + c, a + b]
    second = tg.grad(lambda x: first(x)[0])
    assert tg.grad(lambda x: second(x)[1])(np.array(x)).tolist() == [0.0, 0.0, 1.0]


@row("var, std of a constant")
@pytest.mark.parametrize("f", [np.var, np.std])
@pytest.mark.parametrize("ddof", [0, 1, 2])
def test_the_variance_and_deviation_of_a_constant_have_derivative_0(f, ddof):
    assert by_each(lambda x: f(x, ddof=ddof), [3.0, 3.0, 3.0]) == [[0.0, 0.0, 0.0]]


def test_a_variance_with_one_degree_of_freedom_is_a_sum_of_squares():
    x = np.array([1.0, 5.0, 3.0])
    np.testing.assert_allclose(by_each(lambda x: np.var(x, ddof=2), x)[0], 2 * (x - 3.0), rtol=1e-15)
    np.testing.assert_allclose(by_each(lambda x: np.std(x, ddof=2), x)[0], (x - 3.0) / math.sqrt(8.0), rtol=1e-15)


# ---- matrices


@row("norm at 0")
@pytest.mark.parametrize("ord", [None, 0, 1, -1, 2, 3, 0.5, math.inf, -math.inf])
def test_the_norm_of_0_has_derivative_0(ord):
    with np.errstate(divide="ignore"):  # of the value, for negative orders
        assert by_each(lambda x: np.linalg.norm(x, ord, axis=0), [0.0, 0.0, 0.0]) == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
def test_the_norm_of_a_matrix_of_0_has_derivative_0(ord):
    assert by_each(lambda x: np.linalg.norm(x, ord), np.zeros((2, 3))) == [np.zeros((2, 3)).tolist()]


A, P = np.diag([1.0, 1.0, 4.0]), np.diag([1.0, 1.0, 0.0])


@row("singular values that coincide, or 0")
@row("eigenvalues that coincide")
def test_where_values_coincide_cotangents_are_averaged_and_spaces_turn():
    np.testing.assert_allclose(by_each(lambda x: np.linalg.eigvalsh(x)[0], A)[0], P / 2, atol=1e-12)
    np.testing.assert_allclose(by_each(lambda x: np.real(np.sum(np.linalg.eigvals(x) ** 2)), A)[0], 2 * A)
    assert by_each(lambda x: np.sum(np.linalg.svdvals(x)), 2 * P) == [P.tolist()]
    e = np.add.outer(np.arange(3.0), np.arange(3.0))
    _, tangent = tg.jvp(lambda x: np.linalg.eigh(x)[1][:, :2] @ np.linalg.eigh(x)[1][:, :2].T, (A,), (e,))
    np.testing.assert_allclose(tangent, (P @ e @ (np.eye(3) - P) + (np.eye(3) - P) @ e @ P) / (1 - 4), atol=1e-12)


@row("eigenvalues that coincide")
@row("eigenvalues that coincide", 2)
@row("singular values that coincide, or 0")
@row("singular values that coincide, or 0", 2)
def test_the_rest_of_what_depends_on_values_that_coincide_is_refused():
    w, v, u = np.linalg.eigvalsh, lambda x: np.linalg.eigh(x)[1], lambda x: np.linalg.svd(x)[0]
    first = [lambda x: np.real(np.linalg.eigvals(x)[0]), lambda x: v(x)[0, 1], lambda x: u(x)[0, 1]]
    first += [lambda x: np.sum(v(x) * w(x) @ v(x).T), lambda x: np.sum(u(x) * np.linalg.svdvals(x) @ u(x).T)]
    again = [lambda x: w(x)[0], lambda x: np.sum(v(x)[:, :2] @ v(x)[:, :2].T * A[::-1])]
    again += [lambda x: np.linalg.norm(x, -2), lambda x: np.linalg.norm(x - A, "nuc")]
    for derivative, f in [(tg.grad, f) for f in first] + [(tg.hessian, f) for f in again]:
        with pytest.raises(np.linalg.LinAlgError):
            derivative(f)(A)


# ---- numbers of all kinds


@row("nan")
def test_a_nan_is_skipped_or_handed_on_to():
    x = [1.0, math.nan, 3.0]
    assert by_each(np.nansum, x) == [[1.0, 0.0, 1.0]]
    assert by_each(np.nanmean, x) == [[0.5, 0.0, 0.5]]
    assert by_each(np.nanmax, x) == [[0.0, 0.0, 1.0]]
    assert by_each(np.max, x) == [[0.0, 1.0, 0.0]]
    assert by_each(np.maximum, x, [2.0, 2.0, 2.0]) == [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    assert by_each(np.fmax, x, [2.0, 2.0, 2.0]) == [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]


@row("empty arrays")
@pytest.mark.parametrize(
    "f",
    [np.sin, np.sum, np.prod, np.cumsum, np.sort, np.transpose, np.fft.fftshift, lambda x: x @ x.T, lambda x: x[:0]],
)
def test_the_gradient_with_respect_to_an_empty_array_has_its_shape(f):
    x = tg.parameter(np.zeros((2, 0), np.float32))
    gradient = tg.gradients(np.sum(f(x) ** 2), x)
    assert (gradient.shape, gradient.dtype) == ((2, 0), np.float32)


@row("0-d arrays, Python scalars")
def test_a_gradient_is_of_the_kind_of_its_argument():
    x = tg.parameter(3.0)
    assert tg.gradients(x**2 * np.float32(2), x).shape == ()
    assert tg.grad(lambda x: x**2)(3.0) == 6.0
    assert tg.grad(lambda x: x**2)(np.float32(3)).dtype == np.float32
    assert tg.grad(lambda x: x**2)(np.array(3.0)).shape == ()
    assert tg.grad(lambda x: x**2)(3) == 6.0


@row("float16, float32, complex64")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_small_floats_stay_small(dtype):
    x = tg.parameter(np.array([1.0, 2.0], dtype))
    y = np.sum(np.abs(2 * np.sin(x / 3) ** 2 + 1 - x.mean()) * np.ones(2, np.int8))
    gradient = tg.gradients(y, x, create_graph=True)
    assert np.finfo(y.dtype).dtype == np.finfo(dtype).dtype
    assert gradient.dtype == dtype
    assert tg.gradients(np.sum(np.abs(gradient)), x).dtype == dtype


@row("integers, bools")
def test_integers_and_bools_are_constants():
    x = tg.parameter([1.0, 2.0])
    assert tg.gradients(np.sum(x * np.array([3, 4]) * np.array([True, False])), x).tolist() == [3.0, 0.0]
    assert not tg.Tensor([1, 2]).requires_grad
    with pytest.raises(TypeError, match=r"expected floats, got int64; write 1\.0 or astype\(float\)"):
        tg.parameter([1, 2])
    with pytest.raises(TypeError, match="expected floats"):
        tg.grad(lambda x: np.sum(x * 1.0))(np.array([1, 2]))


# ---- second derivatives, row by row; those at the zeros of norms are in `test_kinks`


@row("|x| at 0", 2)
def test_the_second_derivative_of_the_absolute_value_at_0_is_that_of_both_sides():
    assert second(np.abs, 0.0) == 0.0
    assert second(lambda x: np.abs(x) ** 2, 0.0) == 2.0
    assert second(lambda x: np.exp(np.abs(x)), 0.0) == 1.0


@row("relu, leaky relu at 0", 2)
def test_the_second_derivative_of_relu_at_0_is_that_of_the_negative_side():
    assert second(lambda z: nn.relu(z) ** 2, 0.0) == 0.0
    assert second(lambda z: nn.leaky_relu(z, 0.5) ** 2, 0.0) == 0.5


@row("maximum, minimum at a tie", 2)
@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_the_second_derivative_at_a_tie_of_two_is_the_mean_of_both_sides(f):
    assert second(lambda x: f(x, x) ** 2, 1.0) == 2.0
    assert second(lambda x: f(x, -x) ** 2, 0.0) == 2.0
    assert second(lambda x: f(x, 0) ** 2, 0.0) == 1.0
    assert second(lambda x: f(x[0], x[1]) ** 2, [1.0, 1.0]) == [[1.0, 0.0], [0.0, 1.0]]


@row("max, min at a tie", 2)
@pytest.mark.parametrize("f", [np.max, np.min])
def test_the_second_derivative_at_a_tie_is_the_mean_of_all_sides(f):
    assert second(lambda x: f(np.stack([x, -x, x])) ** 2, 0.0) == 2.0
    assert second(lambda x: f(x) ** 2, [1.0, 1.0]) == [[1.0, 0.0], [0.0, 1.0]]
    np.testing.assert_allclose(second(lambda x: f(x) ** 2, [1.0, 1.0, 1.0]), np.eye(3) * 2 / 3, rtol=1e-15, atol=1e-15)


@row("sort, partition at a tie", 2)
@row("median, quantile at a tie", 2)
@row("unique and other sets", 2)
@pytest.mark.parametrize(
    "f", [lambda x: np.sort(x)[0], lambda x: np.partition(x, 0)[0], lambda x: np.quantile(x, 0), lambda x: np.unique(x)]
)
def test_the_second_derivative_of_a_choice_is_that_of_the_chosen(f):
    assert second(lambda x: f(x) ** 3, [2.0, 2.0]) == [[12.0, 0.0], [0.0, 0.0]]


@row("clip at a bound", 2)
@row("where", 2)
def test_the_second_derivative_of_clip_at_a_bound_is_that_of_x_and_of_where_that_of_the_branch_taken():
    assert second(lambda x: np.clip(x, 1.0, 2.0) ** 2, 1.0) == 2.0
    assert second(lambda x: np.where(x > 0, x**3, x**2), 0.0) == 2.0


@row("hypot, arctan2 at (0, 0)", 2)
@pytest.mark.parametrize("f", [np.hypot, np.arctan2])
def test_hypot_and_arctan2_at_the_origin_have_no_second_derivative(f):
    assert np.isnan(second(lambda p: f(p[0], p[1]), [0.0, 0.0])).all()


@row("sqrt, log, x**p with p < 1, at 0", 2)
@pytest.mark.parametrize("f", [np.sqrt, np.log, lambda x: x**0.5])
def test_a_second_derivative_of_an_infinite_slope_is_infinite(f):
    with np.errstate(divide="ignore"):
        assert second(f, 0.0) == -math.inf


@row("0**0, 0**y", 2)
@pytest.mark.parametrize("f", [np.power, np.float_power])
@pytest.mark.parametrize("y", [0.0, 1.0, 2.0])
def test_a_power_at_base_0_has_a_mixed_derivative_from_exponents_above_1(f, y):
    expected = [2.0, 0.0] if y == 2 else [0.0, math.nan]
    assert np.array_equal(second(lambda p: f(p[0], p[1]), [0.0, y])[0], expected, equal_nan=True)


@row("x**y with x < 0", 2)
def test_a_power_of_a_negative_base_has_second_derivatives_by_the_base_alone():
    assert second(lambda x: x ** np.array(3.0), -2.0) == -12.0
    assert math.isnan(second(lambda y: (-2.0) ** y, 3.0))


@row("prod, cumprod with zeros", 2)
def test_the_second_derivative_of_a_product_is_the_product_of_the_others():
    assert second(np.prod, [0.0, 3.0, 4.0]) == [[0.0, 4.0, 3.0], [4.0, 0.0, 0.0], [3.0, 0.0, 0.0]]


@row("var, std of a constant", 2)
def test_a_constant_has_second_derivatives_of_its_variance_and_none_of_its_deviation():
    assert second(np.var, [3.0, 3.0]) == [[0.5, -0.5], [-0.5, 0.5]]
    assert np.isnan(second(np.std, [3.0, 3.0])).all()


@row("norm at 0", 2)
@pytest.mark.parametrize("ord", [None, 1, 2, 3, math.inf])
def test_a_norm_has_a_second_derivative_at_0_if_it_is_straight_on_all_sides(ord):
    expected = 0.0 if ord in (1, math.inf) else math.nan
    np.testing.assert_equal(second(lambda x: np.linalg.norm(x, ord), [0.0, 0.0]), [[expected] * 2] * 2)


@row("eigenvalues that coincide", 2)
@row("singular values that coincide, or 0", 2)
def test_symmetric_functions_of_values_that_coincide_have_the_right_second_derivative():
    """Sums are a trace, and a polar factor, which dX moves by its skew part; sums of squares are those of elements."""
    x, dx = np.eye(2), np.array([[1.0, 2.0], [5.0, 3.0]])
    w, s = np.linalg.eigvalsh, np.linalg.svdvals
    for f, at, expected in (w, x, 0 * x), (s, x, (dx - dx.T) / 2), (lambda x: s(x) ** 2, 0 * x, 2 * dx):
        product = tg.hvp(lambda x, f=f: np.sum(f(x)), (at,), (dx,))[0]
        np.testing.assert_allclose(product, expected, rtol=1e-12, atol=1e-12)


@row("empty arrays", 2)
@row("0-d arrays, Python scalars", 2)
@row("float16, float32, complex64", 2)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_second_derivative_has_both_shapes_and_the_dtype_of_its_argument(dtype):
    for shape in ((), (2,), (2, 0)):
        hessian = tg.hessian(lambda x: np.sum(np.sin(x)))(np.ones(shape, dtype))
        assert (hessian.shape, hessian.dtype) == (shape + shape, dtype)


@row("nan", 2)
@row("integers, bools", 2)
def test_what_is_skipped_or_no_float_has_no_second_derivative():
    assert second(lambda x: np.nansum(x**2), [1.0, math.nan]) == [[2.0, 0.0], [0.0, 0.0]]
    assert second(lambda x: x**2 * np.array([3, 4]) * np.array([True, False]), [1.0, 2.0]) == [[6.0, 0.0], [0.0, 0.0]]
