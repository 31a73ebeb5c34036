"""Functions of each element: where their derivatives are checked, and what they are where there is none."""

import math

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules import cases
from tests.rules.cases import apart, below_one, between, halves, nonzero, one, positive, real, table
from tinygrad_dl import primitives

UNARY = {
    np.negative: real,
    np.positive: real,
    np.copy: real,
    np.reciprocal: nonzero,
    np.square: real,
    np.sqrt: positive,
    np.cbrt: nonzero,
    np.absolute: nonzero,
    np.fabs: nonzero,
    np.exp: real,
    np.exp2: real,
    np.expm1: real,
    np.log: positive,
    np.log2: positive,
    np.log10: positive,
    np.log1p: positive,
    np.sin: real,
    np.cos: real,
    np.tan: below_one,
    np.arcsin: below_one,
    np.arccos: below_one,
    np.arctan: real,
    np.sinh: real,
    np.cosh: real,
    np.tanh: real,
    np.arcsinh: real,
    np.arccosh: cases.above_one,
    np.arctanh: below_one,
    np.deg2rad: real,
    np.radians: real,
    np.rad2deg: real,
    np.degrees: real,
    primitives.identity: real,
}
BINARY = {
    np.add: (real, real),
    np.subtract: (real, real),
    np.multiply: (real, real),
    np.divide: (real, nonzero),
    np.remainder: (halves, cases.near_one),
    np.fmod: (halves, cases.near_one),
    np.power: (positive, real),
    np.float_power: (positive, real),
    np.logaddexp: (real, real),
    np.logaddexp2: (real, real),
    np.arctan2: (nonzero, nonzero),
    np.hypot: (nonzero, nonzero),
    np.maximum: (apart, between),
    np.minimum: (apart, between),
    np.fmax: (apart, between),
    np.fmin: (apart, between),
}
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((), ())]
CHOICE = np.array([[True, False, True], [False, False, True]])

CASES = table(
    *[(f, f"{shape}", f, domain(*shape)) for f, domain in UNARY.items() for shape in [(), (2, 3)]],
    *[(f, f"{a} {b}", f, left(*a), right(*b)) for f, (left, right) in BINARY.items() for a, b in PAIRS],
    *[(f, "beside 1", lambda x, f=f: f(x, 1), left(4)) for f, (left, right) in BINARY.items()],
    *[(f, "2.5 beside", lambda x, f=f: f(2.5, x), right(4)) for f, (left, right) in BINARY.items()],
    (np.real, "of z**2", lambda x, y: np.real((x + 1j * y) ** 2), real(3), real(3)),
    (np.imag, "of z**3", lambda x, y: np.imag((x + 1j * y) ** 3), real(3), real(3)),
    (np.conjugate, "conj(z) z**2", lambda x, y: np.real(np.conj(x + 1j * y) * (x + 1j * y) ** 2), real(3), real(3)),
    (np.angle, "of z**2", lambda x, y: np.angle((x + 1j * y) ** 2), positive(3), real(3)),
    (np.angle, "in degrees", lambda x, y: np.angle(x + 1j * y, deg=True), positive(3), real(3)),
    (np.absolute, "of z", lambda x, y: np.abs(x + 1j * y), nonzero(3), real(3)),
    (np.sign, "of z", lambda x, y: np.imag(np.sign(x + 1j * y)), nonzero(3), real(3)),
    (np.power, "x**2", lambda x: x**2, real(3)),
    (np.power, "x**3", lambda x: x**3, real(3)),
    (np.power, "x**-1.5", lambda x: x**-1.5, positive(3)),
    (np.power, "x**1", lambda x: x**1, real(3)),
    (np.power, "x**0", lambda x: x**0, real(3)),
    (np.power, "2**x", lambda x: 2**x, real(3)),
    (np.power, "x**array", lambda x: x ** np.array([2.0, 3.0, 0.0]), real(3)),
    (np.remainder, "x%2", lambda x: x % 2, halves(3)),
    (np.divide, "1/x", lambda x: 1 / x, nonzero(3)),
    (np.subtract, "1-x", lambda x: 1 - x, real(3)),
    (np.where, "both", lambda x, y: np.where(CHOICE, x, y), real(2, 3), real(2, 3)),
    (np.where, "broadcast", lambda x, y: np.where(CHOICE, x, y), real(3), real(2, 1)),
    (np.where, "leaky", lambda x: np.where(x > 0, x, 0.1 * x), nonzero(4)),
    (np.clip, "low", lambda x, low: np.clip(x, low, None), apart(2, 4), between(4)),
    (np.clip, "high", lambda x, high: np.clip(x, None, high), apart(2, 4), between(2, 1)),
    (np.clip, "both", lambda x, low, high: np.clip(x, low - 1, high + 1), apart(8), below_one(8), below_one()),
    (np.clip, "crossed", lambda x, low, high: np.clip(x, low, high - 3), apart(4), below_one(), below_one()),
    (
        np.clip,
        "crossed, x below",
        lambda x, low, high: np.clip(x, low + 5, high + 3),
        apart(4),
        below_one(),
        below_one(),
    ),
    (*one(np.clip, "numbers", -0.9, 1.1), apart(8)),
    *(
        [
            (*one(np.clip, "min=", min=-0.9), apart(8)),
            (*one(np.clip, "max=", max=1.1), apart(8)),
            (*one(np.clip, "min= max=", min=-0.9, max=1.1), apart(8)),
        ]
        if cases.CLIP_TAKES_MIN
        else []
    ),
    (np.full_like, "number", lambda x: np.full_like(x, x[0, 0]), real(2, 3)),
    (np.full_like, "row", lambda x: np.full_like(x, x[0]), real(2, 3)),
    (primitives.astype, "float64", lambda x: x.astype(np.float64), real(3)),
)


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
