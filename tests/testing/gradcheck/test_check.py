"""What a gradient check sees, says and refuses. That it is right about rules is in the files beside."""

import contextlib

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import testing

X = np.array([0.3, -0.7, 1.2])
RNG = np.random.default_rng(0)


def primitive(forward, *rules):
    function = tg.primitive(forward)
    tg.defvjp(function, *rules)
    return function


def wrong_sine(factor=-1.0):
    return primitive(lambda x: np.sin(x), lambda g, ans, x: factor * g * np.cos(x))


def report_of(f, *primals, **options):
    with pytest.raises(testing.GradientError) as error:
        testing.check_gradients(f, *primals, **options)
    return error.value.report


# ---- scales and noise


@pytest.mark.few_values
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-6, 1.0, 1e12, 1e200])
def test_a_sign_error_shows_at_every_scale_and_a_right_gradient_passes(scale):
    sine = wrong_sine()
    assert testing.check_gradients(lambda x: scale * np.sin(x), X).passed
    assert not report_of(lambda x: scale * sine(x), X).passed
    assert testing.check_gradients(lambda x: np.sin(x / scale), X * scale).passed
    assert not report_of(lambda x: sine(x / scale), X * scale).passed


@pytest.mark.parametrize("offset", [1.0, 1e6, 1e12, -1e12])
def test_an_offset_is_noise_and_no_error(offset):
    sine = wrong_sine()
    assert testing.check_gradients(lambda x: offset + np.sin(x), X).passed
    assert not report_of(lambda x: offset + sine(x), X).passed


def test_a_gradient_below_the_noise_is_undecided_and_said_to_be():
    assert testing.check_gradients(lambda x: 1 + 1e-12 * np.sin(x), X).undecided == 0
    sine = primitive(lambda x: np.abs(np.sin(x)), lambda g, ans, x: -g * np.cos(x))  # no complex step goes through |x|
    with pytest.warns(testing.UndecidedWarning) as warned:
        report = testing.check_gradients(lambda x: 1e16 + sine(x), X)
    assert (report.verdict, report.passed, report.mistakes) == ("undecided", False, [])
    text = str(warned[0].message)
    assert "The derivatives of the function are undecided: rounding hides some of them" in text
    assert "x[0]" in text
    assert "Check it at other inputs" in text
    assert text.endswith("so that its values are near 1.")
    assert warned[0].filename == __file__


def of_sigmoid(z):
    return 1 / (1 + np.exp(-z))


SATURATED = {
    "-log(a)": (lambda z: -np.log(of_sigmoid(z)), lambda g, z: g * (of_sigmoid(z) - 1)),
    "1 - a": (lambda z: 1 - of_sigmoid(z), lambda g, ans, z: -g * of_sigmoid(z) * ans),
    "z (1 - tanh)": (
        lambda z: -z * (1 - np.tanh(z / 2)),
        lambda g, z: g * (np.tanh(z / 2) - 1 + z / 2 / np.cosh(z / 2) ** 2),
    ),
    "1 - tanh": (lambda z: 1 - np.tanh(z / 2), lambda g, ans, z: -g * ans * (2 - ans) / 2),
}


@pytest.mark.few_values
@pytest.mark.parametrize("name", SATURATED)
@pytest.mark.parametrize("z", [30.0, 34.0, 35.5, 36.5])
def test_a_saturated_unit_is_never_called_wrong(name, z):
    with contextlib.suppress(testing.UndecidedWarning):
        assert testing.check_pair(*SATURATED[name], np.array([z])).passed


@pytest.mark.parametrize("x", [1e9, 1e12, -3e10])
def test_a_large_argument_and_one_of_mixed_sizes_are_no_false_alarm(x):
    assert testing.check_gradients(np.sin, x).passed
    assert testing.check_gradients(np.sqrt, np.array([abs(1 / x), 1e-16, 1.0])).passed


@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        (np.sign, lambda g, x: 4 * g, 0.0),
        (np.floor, lambda g, x: 7 * g, 1.0),
        (np.round, lambda g, x: g, 0.5),
        (lambda x: x + (x > 0), lambda g, x: 0.5 * g, 0.0),
        (lambda x: np.sin(x), lambda g, x: g * np.cos(x) * (1 + 1e-6), 0.3),
        (lambda x: np.exp(-(x**2)), lambda g, x: 0 * g, 10.0),
        (np.abs, lambda g, x: 1.0001 * g, 0.0),
    ],
)
def test_a_wrong_claim_at_a_jump_or_by_a_millionth_or_of_0_is_wrong(forward, backward, x):
    with pytest.raises(testing.GradientError) as error:
        testing.check_pair(forward, backward, np.array([x]))
    assert error.value.report.verdict == "wrong"


def test_the_slope_beside_a_jump_is_right_at_it():
    for f in (np.sign, np.floor, np.round):
        assert testing.check_gradients(f, np.array([0.0, 1.0, 0.5])).passed
    assert testing.check_pair(lambda x: x + (x > 0), lambda g, x: g, np.zeros(1)).passed


def test_a_claim_below_a_large_offset_is_undecided_and_has_not_passed():
    with pytest.warns(testing.UndecidedWarning):
        report = testing.check_pair(
            lambda x: 1e12 + 0.01 * np.sin(x), lambda g, x: -0.01 * g * np.cos(x), np.array([0.3])
        )
    assert not report.passed


def test_a_smooth_gradient_has_one_derivative_where_the_function_is_made_of_kinks():
    lost = primitive(lambda x: np.sum(x * x), lambda g, ans, x: 2 * g * np.abs(x) * np.sign(x))  # |x| sign(x) is x
    assert testing.check_gradients(lost, np.zeros(2)).passed
    assert report_of(lost, np.zeros(2), order=2).mistakes[0].order == 2


def test_the_output_that_is_off_most_is_named_and_not_a_0_with_noise():
    def forward(x):
        return np.array([x[0] + 1e-15 * x[1], 3 * x[1]])

    report = None
    try:
        testing.check_pair(forward, lambda g, x: np.array([g[0], 0.0 * g[1]]), np.array([1.0, 2.0]))
    except testing.GradientError as error:
        report = error.report
    assert report.mistakes[0].output == "value[1]"


def test_a_complex_step_decides_what_differences_cannot():
    report = testing.check_gradients(lambda x: 1e16 + np.sin(x), X)
    assert report.undecided == 0


def test_noise_inside_of_a_function_is_no_error():
    rounded = primitive(lambda x: np.sin(x).astype(np.float32).astype(float), lambda g, ans, x: g * np.cos(x))
    wrong = primitive(lambda x: np.sin(x).astype(np.float32).astype(float), lambda g, ans, x: g * np.cos(x) * 1.01)
    assert testing.check_gradients(rounded, X).passed
    assert not report_of(wrong, X).passed


@pytest.mark.deep
def test_one_wrong_element_in_a_hundred_thousand_is_found_and_named():
    x = np.random.default_rng(0).normal(size=100_000)
    factors = np.ones(x.size)
    factors[31_415] = 1.01
    square = primitive(lambda x: x**2, lambda g, ans, x: 2 * g * x * factors)
    (mistake,) = report_of(lambda x: np.sum(square(x)), x).mistakes
    assert mistake.element == "x[31415]"
    assert mistake.claimed == pytest.approx(2 * x[31_415] * 1.01)


@pytest.mark.deep
def test_a_wrong_element_is_found_among_others_a_million_times_as_large():
    x = np.random.default_rng(0).normal(size=5_000)
    weights, factors = np.ones(x.size), np.ones(x.size)
    weights[42], factors[42] = 1e-6, -1
    square = primitive(lambda x: x**2, lambda g, ans, x: 2 * g * x * factors)
    (mistake,) = report_of(lambda x: np.sum(weights * square(x)), x).mistakes
    assert mistake.element == "x[42]"


def test_a_wrong_zero_is_found_among_many():
    x = np.random.default_rng(0).normal(size=5_000)
    known = np.arange(x.size) != 77
    square = primitive(lambda x: x**2, lambda g, ans, x: 2 * g * x * known)
    assert [mistake.element for mistake in report_of(lambda x: np.sum(square(x)), x).mistakes] == ["x[77]"]


# ---- kinks


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_any_subgradient_passes_at_a_kink_and_is_reported(value):
    relu = primitive(lambda x: np.maximum(x, 0), lambda g, ans, x: g * np.where(x == 0, value, x > 0))
    report = testing.check_gradients(relu, np.array([0.0, 1.0, -1.0]))
    assert report.kinks > 0
    assert "At a kink any number between the slopes of both sides is right" in str(report)


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_what_is_no_subgradient_fails_at_a_kink(value):
    relu = primitive(lambda x: np.maximum(x, 0), lambda g, ans, x: g * np.where(x == 0, value, x > 0))
    assert "in [0, 1] (kink)" in str(report_of(relu, np.array([0.0, 1.0, -1.0])))


@pytest.mark.few_values
@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7, -1e-7, -1e-4])
def test_close_to_a_kink_the_slope_is_that_of_its_side(distance):
    x = np.array([distance, 1.0])
    relu, other = (
        primitive(lambda x: np.maximum(x, 0), lambda g, ans, x, side=side: g * (side * x > 0)) for side in (1, -1)
    )
    assert testing.check_gradients(relu, x).passed
    assert report_of(other, x).mistakes[0].element in ("x[0]", "x[1]")


def test_ties_that_each_take_the_whole_cotangent_are_wrong_together():
    largest = primitive(lambda x: np.max(x), lambda g, ans, x: g * (x == ans))
    report = report_of(largest, np.array([2.0, 1.0, 2.0]))
    assert report.mistakes[0].element == "x[0], x[2] together"
    shared = primitive(lambda x: np.max(x), lambda g, ans, x: g * (x == ans) / np.sum(x == ans))
    assert testing.check_gradients(shared, np.array([2.0, 1.0, 2.0])).kinks > 0


def test_where_the_chain_rule_fails_at_a_kink_no_right_rule_is_called_wrong():
    report = testing.check_gradients(lambda x: tg.nn.relu(x) - tg.nn.relu(-x), np.array([0.0, 1.0]))  # is x; gives 0
    assert report.kinks > 0


def test_an_infinite_slope_is_right_where_it_is_infinite():
    assert testing.check_gradients(np.sqrt, np.array([0.0, 1.0])).passed
    flat = primitive(lambda x: np.sqrt(x), lambda g, ans, x: np.where(x == 1, np.inf, g / (2 * ans)))
    assert not report_of(flat, np.array([1.0, 2.0])).passed


# ---- modes and orders


def test_a_second_derivative_that_is_lost_is_found_and_blamed():
    def rule(g, ans, x):
        return g * np.cos(x.numpy() if isinstance(x, tg.Tensor) else x)

    sine = primitive(np.sin.__call__, rule)
    assert testing.check_gradients(sine, X).passed
    report = report_of(sine, X, order=2)
    assert report.mistakes[0].order == 2
    assert report.blame.argnum == 0
    assert "order=2" in report.blame.reproduction


def test_forward_mode_is_checked_too():
    def rule(g, ans, x):  # a constant for autodiff, and right for the one cotangent that the reverse mode is asked for
        return (g.numpy() if isinstance(g, tg.Tensor) else g) * np.cos(x)

    sine = primitive(lambda x: np.sin(x), rule)
    assert testing.check_gradients(sine, X, modes=("vjp",)).passed
    report = report_of(sine, X)
    assert report.mistakes[0].mode == "jvp"
    assert "in forward mode" in str(report.blame)


def test_third_derivatives_are_checked():
    assert {row.order for row in testing.check_gradients(lambda x: np.exp(x) * np.sin(x), X, order=3).rows} == {1, 2, 3}


def test_complex_functions_are_checked_by_both_parts():
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    assert testing.check_gradients(lambda z: np.abs(z) * np.exp(z), z, order=2).passed
    lost = primitive(lambda z: np.conj(z), lambda g, ans, z: g)
    assert "(imaginary part)" in report_of(lost, z).mistakes[0].element


def test_what_is_float32_must_have_float32_gradients():
    wide = primitive(lambda x: np.sin(x), lambda g, ans, x: g * np.cos(x))
    assert testing.check_gradients(wide, X.astype(np.float32)).passed

    def forward(x):
        return np.sin(x)

    def backward(g, x):
        return g * np.cos(x).astype(np.float64)

    with pytest.raises(testing.GradientError, match="gradient with respect to x has dtype float64, expected float32"):
        testing.check_pair(forward, backward, X.astype(np.float32))


# ---- what it refuses


def changing(x):
    x += 1
    return x


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: testing.check_gradients(np.sin, np.array([1, 2])), ValueError, "at least one argument of floats"),
        (
            lambda: testing.check_gradients(X, np.sin),
            TypeError,
            "expected a function, followed by its arguments, got arr",
        ),
        (lambda: testing.check_gradients(np.sin, "text"), ValueError, "at least one argument of floats"),
        (lambda: testing.check_gradients(np.sin, np.array([np.nan])), ValueError, "x: expected finite numbers"),
        (
            lambda: testing.check_gradients(np.log, np.array([0.0])),
            ValueError,
            "finite where it is checked, got -inf",
        ),
        (
            lambda: testing.check_gradients(np.sin, X, order=0),
            ValueError,
            "order .* of at least 1, got 0",
        ),
        (lambda: testing.check_gradients(np.sin, X, modes=("forward",)), ValueError, '"vjp" and "jvp"'),
        (lambda: testing.check_gradients(np.sin, X, modes=()), ValueError, '"vjp" and "jvp"'),
        (
            lambda: testing.check_gradients(np.sin, X, argnums=1),
            TypeError,
            "expected numbers below 1, the number of arguments, got 1",
        ),
        (lambda: testing.check_gradients(changing, X), ValueError, "changes its arguments in place"),
        (lambda: testing.check_gradients(lambda x: None, X), (ValueError, TypeError), "is a return missing"),
        (lambda: testing.check_gradients(np.argmax, X), ValueError, "expected a function that returns floats"),
        (lambda: testing.check_gradients(tg.primitive(np.sin), X), TypeError, "no derivative rule for"),
        (
            lambda: testing.check_gradients(lambda x: x * RNG.normal(), X),
            ValueError,
            "another value when called again",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused_in_words(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_function_that_refuses_some_numbers_is_checked_where_it_takes_them():
    def refusing(x):
        if np.any(x > 1.3):
            raise ValueError("expected numbers up to 1.3")
        return np.exp(x)

    assert testing.check_gradients(refusing, X).passed


def test_other_values_of_tensors_than_of_arrays_are_found(monkeypatch):
    composite = tg.primitive(lambda x: np.sin(x))
    tg.defcomposite(composite, lambda x: np.sin(x) * 1.001)
    assert "other values for Tensors than for arrays" in report_of(composite, X).others


def test_nothing_to_check_passes():
    report = testing.check_gradients(np.sin, np.zeros((0, 3)))
    assert report.rows == []
    assert "There is nothing to check" in str(report)
    assert testing.check_gradients(lambda x: x[:0], X).passed
