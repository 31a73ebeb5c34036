"""Broadcasting: a gradient has the shape of its primal, and sums over whatever was repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_dl as tg
from tests import numeric
from tests.coverage.examples.choices import EXTREMA
from tests.coverage.examples.elementwise import BINARY


def unbroadcast(g, shape):
    """The sum of `g` over each element of `shape` that broadcasting repeated: one addition at a time."""
    total = np.zeros(shape)
    positions = np.broadcast_to(np.arange(total.size).reshape(shape), g.shape)
    np.add.at(total.reshape(-1), positions.ravel(), g.ravel())
    return total


@st.composite
def two_that_broadcast(draw, max_side=4):
    """Two arrays whose shapes broadcast: of no axes, empty, transposed, strided or backwards too."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_dims=3, max_side=max_side))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def array(shape):
        layout = draw(st.sampled_from(["plain", "transposed", "strided", "backwards"]))
        if layout == "transposed":
            return rng.uniform(0.5, 2, shape[::-1]).T
        if layout == "strided" and shape:
            return rng.uniform(0.5, 2, (*shape[:-1], 2 * shape[-1]))[..., ::2]
        if layout == "backwards" and shape:
            return rng.uniform(0.5, 2, shape)[::-1]
        return rng.uniform(0.5, 2, shape)

    return [array(shape) for shape in shapes.input_shapes]


@given(two_that_broadcast(), st.data())
def test_the_gradient_of_a_product_is_the_other_factor_summed_over_what_was_repeated(pair, data):
    x, y = pair
    cotangent = np.arange(1.0, 1 + np.broadcast(x, y).size).reshape(np.broadcast_shapes(x.shape, y.shape))
    a, b = tg.parameter(x), tg.parameter(y)
    by_x, by_y = tg.gradients(a * b, [a, b], cotangent=cotangent)
    for actual, expected in ((by_x, unbroadcast(cotangent * y, x.shape)), (by_y, unbroadcast(cotangent * x, y.shape))):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


# x / y of floats near a whole number is a kink of these two, which the tables of `rules` keep away from
SMOOTH = [f for f in (*BINARY, *EXTREMA) if f not in (np.remainder, np.fmod)]


@pytest.mark.few_values
@pytest.mark.parametrize("f", SMOOTH, ids=lambda f: f.__name__)
@given(two_that_broadcast(max_side=2))
def test_the_gradient_of_a_function_of_two_is_what_differences_give_whatever_the_shapes(f, pair):
    if f in EXTREMA:
        pair = [np.round(pair[0]), np.round(pair[1]) + 0.25]  # away from ties
    gradients = tg.grad(lambda x, y: np.sum(f(x, y) ** 2), (0, 1))(*pair)
    for argnum, gradient in enumerate(gradients):
        numeric.assert_equal(gradient, numeric.gradient(lambda x, y: np.sum(f(x, y) ** 2), pair, argnum))


@pytest.mark.parametrize("f", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize(("shape", "other"), [((0,), (1,)), ((2, 0), ()), ((0, 1), (0, 3)), ((1,), (3, 0, 1))])
def test_a_gradient_of_nothing_is_zero_of_the_right_shape(f, shape, other):
    gradients = tg.grad(lambda x, y: np.sum(f(x, y)), (0, 1))(np.ones(shape), np.ones(other))
    assert [g.tolist() for g in gradients] == [np.zeros(shape).tolist(), np.zeros(other).tolist()]


@given(two_that_broadcast())
def test_the_second_derivative_by_both_factors_counts_how_often_each_was_repeated(pair):
    x, y = pair
    times = unbroadcast(np.ones(np.broadcast_shapes(x.shape, y.shape)), x.shape)
    by_y = tg.grad(lambda x, y: np.sum(x * y), 1)
    np.testing.assert_array_equal(tg.grad(lambda x, y: np.sum(by_y(x, y)))(x, y), times)


@pytest.mark.parametrize(("left", "right"), [(np.float32, np.float64), (np.float64, np.float32)])
@pytest.mark.parametrize("f", [np.add, np.multiply, np.power, np.matmul, np.maximum], ids=lambda f: f.__name__)
def test_each_gradient_has_the_dtype_of_its_own_primal(f, left, right):
    x, y = tg.Tensor([1.0, 2.0], dtype=left, requires_grad=True), tg.Tensor([2.0, 0.5], dtype=right, requires_grad=True)
    tg.backward(np.sum(f(x, y)))
    assert (x.grad.dtype, y.grad.dtype) == (left, right)


@pytest.mark.parametrize("scalar", [2, 2.5, True])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, c: x + c,
        lambda x, c: c + x,
        lambda x, c: x - c,
        lambda x, c: c - x,
        lambda x, c: x * c,
        lambda x, c: c * x,
        lambda x, c: x / c,
        lambda x, c: c / x,
        lambda x, c: x**c,
        lambda x, c: c**x,
        lambda x, c: x % c,
        lambda x, c: c % x,
    ],
)
def test_float32_stays_float32_beside_a_python_scalar(f, scalar):
    x = tg.Tensor([1.3, 2.2], dtype=np.float32, requires_grad=True)
    y = f(x, scalar)
    g = tg.gradients(np.sum(y), x, create_graph=True)
    assert y.dtype == g.dtype == np.float32
    assert tg.gradients(np.sum(g * x), x).dtype == np.float32
