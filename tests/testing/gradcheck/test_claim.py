"""Cases in which a gradient check is easily fooled: found by people who set out to fool this one."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.testing.gradcheck.test_check import X, primitive, report_of
from tinygrad_dl import testing
from tinygrad_dl.core import registry
from tinygrad_dl.testing.gradcheck.check import gradients_report, pair_report


@pytest.mark.parametrize("size", [1e4, 1e6, 1e8])
def test_a_right_gradient_of_a_fast_oscillation_passes(size):
    assert testing.check_gradients(np.sin, size * X).passed
    assert testing.check_gradients(lambda x: np.sum(np.cos(size * x)), X).passed


@pytest.mark.parametrize("x", [1e15, 3e15, 1e16])
def test_a_wrong_claim_where_neighbouring_numbers_are_a_radian_apart_is_undecided(x):
    assert pair_report(np.sin, lambda g, x: -g * np.cos(x), np.array([x])).verdict == "undecided"
    assert pair_report(np.sin, lambda g, x: g * np.cos(x), np.array([x])).mistakes == []


@pytest.mark.parametrize("f", [lambda x: np.log(1 + x**2), lambda x: 1 - np.cos(x)])
def test_a_gradient_that_rounding_absorbs_in_every_difference_is_no_error(f):
    assert testing.check_gradients(f, np.array([1e-9])).passed


def test_a_complex_step_refutes_nothing():
    with pytest.warns(testing.UndecidedWarning):  # |z| of a complex z does not feel the step
        report = testing.check_gradients(lambda x: 1e16 + np.abs(x[1]) * 1e-3 + x[0], np.array([0.7, 0.9]))
    assert report.mistakes == []


def test_a_small_value_does_not_hide_among_large_ones():
    report = report_of(lambda x: (1e7 * np.tanh(x[0]) * np.ones(40), np.sum(x[0] * x[0].detach())), X)
    assert not report.passed


@pytest.mark.deep
def test_a_large_value_is_checked_without_a_table_of_all_by_all():
    assert testing.check_gradients(np.tanh, np.random.default_rng(0).normal(size=(300, 400))).passed


BY_HAND = {  # a function -> its derivative
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "log": (np.log, lambda x: 1 / x),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2),
    "cbrt": (np.cbrt, lambda x: np.cbrt(x) / (3 * x)),
    "sum of cbrt": (lambda x: np.sum(np.cbrt(x)), lambda x: np.cbrt(x) / (3 * x)),
}
MIXED = [(1e-16, 1.0), (1e-10, 1.0, 1e10), (1e-5, 1e5), (0.1, 1e16), (1e-16, 1.0, 1e16)]


@pytest.mark.few_values
@pytest.mark.parametrize("x", MIXED, ids=str)
@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_of_all_sizes_in_one_array_have_right_gradients_and_wrong_ones_are_found(name, x):
    f, derivative = BY_HAND[name]
    x = np.array(x)
    assert pair_report(f, lambda g, x: g * derivative(x), x).mistakes == []
    for i in range(x.size):
        factors = np.where(np.arange(x.size) == i, 1.01, 1.0)
        assert pair_report(f, lambda g, x, factors=factors: g * derivative(x) * factors, x).verdict != "right"


def test_functions_that_bend_at_1_are_followed_beside_numbers_far_from_it():
    for f in (np.tanh, np.arctan, tg.nn.sigmoid):
        for x in ([0.0, 1e16], [1e-20, 1.0, 1e20]):
            assert testing.check_gradients(f, np.array(x)).passed
    with pytest.raises(testing.GradientError):
        testing.check_pair(np.tanh, lambda g, x: g * 1.01 * (1 - np.tanh(x) ** 2), np.array([0.0, 1e16]))


@pytest.mark.parametrize("size", [1e-6, 1e-5, 1e-4])
def test_a_derivative_that_cancels_is_as_linear_as_its_rounding_lets_it_be(size):
    assert gradients_report(lambda x: (x - np.sin(x)) / x**3, np.array([size])).mistakes == []


CANCELLING = {  # a function whose value loses digits as x falls -> where it goes by stairs of some per cent of x
    "cosine": (lambda x: (1 - np.cos(x)) / x**2, 1e-7),
    "exp": (lambda x: (np.exp(x) - 1) / x, 1e-15),
    "sine": (lambda x: (x - np.sin(x)) / x**3, 1e-7),
    "root": (lambda x: (np.sqrt(1 + x) - 1) / x, 1e-14),
}


@pytest.mark.parametrize("name", CANCELLING)
def test_differences_on_a_stair_of_rounding_refute_no_claim_of_the_slope_of_the_whole(name):
    f, x = CANCELLING[name]
    assert gradients_report(f, np.array([x])).verdict == "undecided"
    with pytest.raises(testing.GradientError):
        testing.check_pair(f, lambda g, x: g * 1e3 / x, np.array([x]))


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.01])
def test_stairs_that_are_no_rounding_have_wrong_claims(slope):
    for f in (lambda x: np.mod(x, 0.3), lambda x: np.mod(x, 0.01) + 5.0):
        with pytest.raises(testing.GradientError):
            testing.check_pair(f, lambda g, x: g * slope, np.array([7.285, 1.234]))


@pytest.mark.parametrize(
    "pair",
    [
        (lambda x: np.sum(x**2), lambda g, x: 2 * x),
        (lambda x: x**2, lambda g, x: 2 * x * g**2),
        (lambda x: x**2, lambda g, x: 2 * x * np.maximum(g, 0)),
    ],
)
def test_a_backward_that_is_not_linear_in_the_cotangent_is_found(pair):
    with pytest.raises(testing.GradientError, match=r"times the value|a combination of the values"):
        testing.check_pair(*pair, X)


def test_an_earlier_op_whose_rule_uses_the_broken_one_is_not_blamed(monkeypatch):
    rules = registry.vjps[np.divide]
    monkeypatch.setitem(registry.vjps, np.divide, (lambda g, ans, x, y: 2 * g / y, rules[1]))
    report = report_of(lambda x: np.mean(x**2) / 3.0, X)  # the rule of the mean divides
    assert report.blame.function == "np.divide"


def test_a_parameter_in_a_closure_is_a_constant():
    net = tg.nn.mlp([3, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    for dtype in (np.float64, np.float32):
        report = testing.check_gradients(lambda A: net(A), np.ones((3, 2), dtype), order=2)
        assert {row.argument for row in report.rows} == {"A"}


@pytest.mark.parametrize(
    "A",  # singular, with zero cofactors that rounding fills: alone, in a whole column, at kinks, at two kinks together
    [
        [[1.0, 6.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.0, 0.0, 4.0], [3.0, 0.0, 4.0], [0.0, 0.0, 1.0]],
        [[0.0, 0.0, 5.0], [0.0, 0.0, 5.0], [0.0, 0.0, -1.0]],
        [[0.0, -1.0, 5.0], [0.0, 0.0, 3.0], [0.0, 0.0, 2.0]],
    ],
)
def test_rounding_inside_of_a_rule_is_no_wrong_second_derivative(A):
    assert testing.check_gradients(np.linalg.det, np.array(A), order=2).passed


def test_a_wrong_second_derivative_far_smaller_than_the_others_is_found():
    def rule(g, ans, x):
        return g * (3 * x.detach() ** 2 if isinstance(x, tg.Tensor) else 3 * x**2)

    cube = primitive(lambda x: x**3, rule)
    report = report_of(lambda x: x[0] ** 3 + 1e-12 * cube(x[1]), np.array([0.7, 0.9]), order=2)
    assert report.mistakes[0].element == "x[1]"


@pytest.mark.deep
def test_one_wrong_weight_of_a_net_with_kinks_everywhere_is_found():
    rng = np.random.default_rng(0)
    W, X = rng.normal(size=(100, 200)), rng.normal(size=(200, 32))
    factors = np.ones(W.shape)
    factors[7, 77] = 1.01
    product = primitive(lambda W, X: W @ X, lambda g, ans, W, X: (g @ X.T) * factors, None)
    report = report_of(lambda W: np.mean(tg.nn.relu(product(W, X)) ** 2), W)
    assert report.mistakes[0].element == "W[7, 77]"
