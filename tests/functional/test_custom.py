"""Your own functions with your own derivatives: black boxes, numeric ones, and what is checked."""

import math
import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import testing

X = np.array([0.5, 1.5, 2.5])


def black_box(x):
    assert type(x) in (np.ndarray, np.float64, float)
    return np.array([math.exp(t) for t in np.ravel(x)]).reshape(np.shape(x))


def test_a_black_box_has_the_derivative_that_it_is_given():
    box = tg.custom(black_box, lambda g, ans, x: g * ans)
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(box(x)))(X), np.exp(X), rtol=1e-14)
    assert box(1.0) == math.exp(1)
    assert type(box(X)) is np.ndarray
    assert box.__name__ == "black_box"


def test_a_derivative_in_numpy_gives_derivatives_of_any_order():
    @tg.custom(vjp=lambda g, ans, x: g * np.exp(x))
    def box(x):
        return black_box(x)

    f = box
    for _ in range(4):
        f = tg.grad(f)
        assert f(0.5) == pytest.approx(math.exp(0.5))
    assert tg.jvp(box, (0.5,), (2.0,))[1] == pytest.approx(2 * math.exp(0.5))
    np.testing.assert_allclose(tg.jacobian(box)(X), np.diag(np.exp(X)), rtol=1e-14)


def test_a_derivative_in_terms_of_the_answer_nests_too():
    box = tg.custom(black_box, lambda g, ans, x: g * ans)
    assert tg.grad(tg.grad(tg.grad(box)))(0.5) == pytest.approx(math.exp(0.5))


@pytest.mark.parametrize(
    "vjp",
    [
        lambda g, ans, x: g * np.asarray(x) * 2,
        lambda g, ans, x: g * math.exp(x),
        lambda g, ans, x: g * np.frompyfunc(math.exp, 1, 1)(x),
        lambda g, ans, x: g * float(x),
    ],
)
def test_a_black_box_derivative_is_an_error_at_second_order_and_in_forward_mode(vjp):
    box = tg.custom(lambda x: math.exp(x), vjp)
    tg.grad(box)(0.5)
    for call in (lambda: tg.grad(tg.grad(box))(0.5), lambda: tg.jvp(box, (0.5,), (1.0,))):
        with pytest.raises(
            TypeError, match="the vjp of <lambda> has no derivative of its own, for a second derivative"
        ):
            call()


def test_a_derivative_can_be_another_custom_function():
    cosine = tg.custom(lambda x: math.cos(x), lambda g, ans, x: -g * sine(x))
    sine = tg.custom(lambda x: math.sin(x), lambda g, ans, x: g * cosine(x))
    assert tg.grad(tg.grad(tg.grad(sine)))(0.3) == pytest.approx(-math.cos(0.3))


def test_several_arguments_structures_settings_and_constants():
    @tg.custom(vjp=lambda g, ans, p, y, scale: ({"a": g * y * scale, "n": None}, g * p["a"] * scale))
    def product(p, y, *, scale):
        assert p["n"] == 3
        return p["a"] * y * scale

    da, dy = tg.grad(lambda p, y: np.sum(product(p, y, scale=2.0)), (0, 1))({"a": X, "n": 3}, X + 1)
    assert np.array_equal(da["a"], 2 * (X + 1))
    assert da["n"] is None
    assert np.array_equal(dy, 2 * X)


def test_none_is_a_constant_argument_and_broadcasting_is_undone():
    f = tg.custom(lambda x, y: x * y, lambda g, ans, x, y: (g * y, None))
    found = tg.grad(lambda x, y: np.sum(f(x, y)), (0, 1))(np.ones((2, 1)), X)
    assert found[0].tolist() == [[4.5], [4.5]]
    assert found[1].tolist() == [0, 0, 0]


def test_several_outputs_and_those_that_are_not_used():
    f = tg.custom(lambda x: {"s": np.sum(x), "d": 2 * x}, lambda g, ans, x: g["s"] + 2 * g["d"])
    assert tg.grad(lambda x: f(x)["s"])(X).tolist() == [1, 1, 1]
    assert tg.grad(lambda x: np.sum(f(x)["d"] * X))(X).tolist() == (2 * X).tolist()
    assert sorted(f(X)) == ["d", "s"]


CALLS = {
    "custom": tg.custom(lambda a, b: a * b, lambda g, ans, a, b: (g * b, g * a)),
    "structures": tg.custom(lambda a, b, *, power: a * b**power, numeric=True),
    "checkpoint": tg.checkpoint(lambda a, b: a * b),
}


@pytest.mark.parametrize("kind", CALLS)
def test_a_drawing_shows_the_arguments_of_the_call_and_nothing_else(kind):
    settings = {"power": 2} if kind == "structures" else {}
    y = CALLS[kind](tg.parameter([1.0, 2.0], name="x"), tg.parameter([3.0, 4.0], name="y"), **settings)
    assert re.search(r"(<lambda>|checkpointed)\(x, y\)", str(tg.draw(y)))
    assert "tinygrad_dl" not in str(tg.draw(y)) + tg.draw(y).source


def test_an_error_counts_the_arguments_of_a_custom_function_as_the_user_does():
    wrong = tg.custom(lambda a, b: a * b, lambda g, ans, a, b: (g * b, 2 * g * a))
    with pytest.raises(testing.GradientError) as error:
        testing.check_gradients(wrong, np.ones(2), np.array([3.0, 4.0]))
    assert (error.value.report.blame.argnum, error.value.report.blame.parameter) == (1, "b")
    assert error.value.report.blame.reproduction.endswith("testing.check_gradients(f, x0, x1)")
    infinite = tg.custom(lambda a, b: a * b, lambda g, ans, a, b: (g * b, g * np.inf))
    with pytest.raises(FloatingPointError, match=r"for argument 1 gave inf") as stopped, tg.debug():
        tg.grad(lambda a, b: np.sum(infinite(a, b)), (0, 1))(np.ones(2), np.ones(2))
    assert "argument 2" not in str(stopped.value)


def test_inside_of_vmap_it_is_called_for_each_sample():
    box = tg.custom(lambda x: np.array(math.fsum(x)), lambda g, ans, x: g * np.ones_like(x))
    assert tg.vmap(box)(np.ones((4, 3))).tolist() == [3, 3, 3, 3]
    assert tg.vmap(tg.grad(box))(np.ones((4, 3))).tolist() == np.ones((4, 3)).tolist()


def test_complex_numbers_follow_the_convention():
    f = tg.custom(lambda z: z**2, lambda g, ans, z: g * 2 * z)
    assert tg.vjp(f, 1 + 2j)[1](1 - 1j) == tg.vjp(lambda z: z**2, 1 + 2j)[1](1 - 1j)


def test_float32_stays_float32():
    f = tg.custom(lambda x: x * 2, lambda g, ans, x: g * 2)
    assert tg.grad(lambda x: np.sum(f(x)))(X.astype(np.float32)).dtype == np.float32


# ---- numeric derivatives


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.sum(np.sin(x) * x), X),
        (lambda x: x**3, 2.0),
        (lambda x: np.sum(x, axis=0), np.ones((2, 3)) * X),
        (lambda z: z**2 * np.conj(z), 1 + 2j),
        (np.abs, np.array([3 + 4j, 1j])),
        (lambda x: np.exp(1j * x), 0.5),
    ],
)
def test_a_numeric_derivative_is_that_of_the_function(f, x):
    value, pullback = tg.vjp(tg.custom(f, numeric=True), x)
    u = np.ones_like(value) * (2 - 1j if np.iscomplexobj(value) else 2)
    np.testing.assert_allclose(pullback(u)[0], tg.vjp(f, x)[1](u)[0], rtol=1e-8)


def test_a_numeric_derivative_takes_structures_and_calls_six_times_an_element():
    calls = []

    @tg.custom(numeric=True)
    def f(p, *, scale):
        calls.append(1)
        return np.sum(p["a"] * p["b"]) * scale

    found = tg.grad(lambda p: f(p, scale=2.0))({"a": X, "b": 3.0, "n": 7})
    np.testing.assert_allclose(found["a"], np.full(3, 6.0), rtol=1e-8)
    assert found["b"] == pytest.approx(2 * X.sum())
    assert len(calls) == 1 + 6 * 4


@pytest.mark.parametrize(
    ("f", "x", "derivative"),
    [
        (lambda x: x / (x + 1e-9), 1e-9, 2.5e8),
        (lambda x: x**2 / (x**2 + 1e-10), 1e-5, 5e4),
        (np.log, 1e-8, 1e8),
        (np.sqrt, 1e20, 0.5e-10),
        (lambda x: x**3, 0.0, 0.0),
    ],
)
def test_a_numeric_derivative_follows_the_size_of_its_argument(f, x, derivative):
    assert tg.grad(tg.custom(f, numeric=True))(x) == pytest.approx(derivative, rel=1e-8)


def test_a_numeric_derivative_at_0_follows_the_size_of_the_other_elements():
    found = tg.grad(tg.custom(lambda x: np.sum(np.sin(1e8 * x)), numeric=True))(np.array([0.0, 1e-8]))
    np.testing.assert_allclose(found, 1e8 * np.cos([0.0, 1.0]), rtol=1e-8)


@pytest.mark.parametrize("f", [lambda x: np.floor(x), lambda x: np.sign(x - 1)])
def test_a_numeric_derivative_at_a_jump_is_an_error(f):
    with pytest.raises(ValueError, match=r"derivative of <lambda> with respect to element \[\] is .*not smooth there"):
        tg.grad(tg.custom(f, numeric=True))(1.0)


@pytest.mark.parametrize("vjp", [lambda g, x: g, lambda g, ans, x, y: g, lambda g, ans, x, power: g])
def test_a_vjp_that_does_not_take_what_forward_takes_is_named(vjp):
    with pytest.raises(TypeError, match=r"the vjp of cube: .*; expected vjp\(g, ans, \*primals, \*\*settings\)"):
        tg.custom(cube, vjp)(X)


def cube(x):
    return x**3


def test_a_numeric_derivative_of_float32_is_computed_in_float64():
    f = tg.custom(lambda x: np.sum(np.sin(x)), numeric=True)
    found = tg.grad(f)(X.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.cos(X), rtol=1e-6)


def test_a_numeric_derivative_has_no_second():
    f = tg.custom(lambda x: x**2, numeric=True)
    with pytest.raises(
        TypeError, match=r"has no derivative of its own.*The error was: numeric=True gives first derivatives only"
    ):
        tg.grad(tg.grad(f))(1.0)


# ---- what is checked


def forward(x):
    return 2 * x


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tg.custom(forward), TypeError, "expected either a vjp for forward, such as .* or numeric=True"),
        (lambda: tg.custom(forward, lambda g, ans, x: g, numeric=True), TypeError, "expected either a vjp for forward"),
        (lambda: tg.custom(3, numeric=True), TypeError, "custom: expected a function, got 3"),
        (lambda: tg.custom(lambda x: None, numeric=True), TypeError, "gave None: .* Is a return missing"),
        (lambda: tg.custom(lambda x: "a", numeric=True), TypeError, "gave str 'a': expected an array of floats"),
        (lambda: tg.custom(lambda x: np.argmax(x), numeric=True), TypeError, "gave int64: expected floats"),
        (lambda: tg.custom(forward, lambda g, ans, x: (g, g)), ValueError, "vjp of forward gave 2 cotangents"),
        (lambda: tg.custom(forward, lambda g, ans, x: "a"), TypeError, "vjp of forward gave 'a' for argument 0"),
        (lambda: tg.custom(forward, lambda g, ans, x: np.ones(7)), ValueError, r"rule of forward gave .*shape \(7,\)"),
    ],
)
def test_mistakes_name_the_function(make, error, message):
    with pytest.raises(error, match=message):
        tg.grad(lambda x: np.sum(make()(x)))(X)


def test_a_wrong_structure_names_the_argument():
    f = tg.custom(lambda x, p: x * p["a"], lambda g, ans, x, p: (g, {"b": g}))
    with pytest.raises(
        ValueError, match=r"vjp of <lambda>, cotangent of argument 1: expected a dict with the keys \['a'\]"
    ):
        tg.grad(lambda x: f(x, {"a": x}))(1.0)
    with pytest.raises(ValueError, match="expected a tuple of 2, one for each argument"):
        tg.grad(lambda x: tg.custom(lambda x, y: x * y, lambda g, ans, x, y: g)(x, x))(1.0)


def test_a_tensor_from_outside_or_by_keyword_is_to_be_passed_by_position():
    w = tg.parameter(X)
    for call in (lambda: tg.custom(forward, numeric=True)(x=w), lambda: tg.custom(lambda x: x * w, numeric=True)(X)):
        with pytest.raises(TypeError, match="uses a Tensor that is no positional argument; pass that as one"):
            call()


def test_a_black_box_cannot_change_what_the_graph_keeps():
    def in_place(x):
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        tg.custom(in_place, numeric=True)(tg.parameter(X))

    def in_place_in_the_second(x, y):
        y += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        tg.custom(in_place_in_the_second, numeric=True)(tg.parameter(X), X.copy())
    buffer = np.zeros(3)

    def reuses_its_buffer(x):
        buffer[:] = 2 * x
        return buffer

    f = tg.custom(reuses_its_buffer, lambda g, ans, x: g * ans)
    x = tg.parameter(X)
    y = f(x)
    f(10 * X)
    assert np.array_equal(y.data, 2 * X)
    np.sum(y).backward()
    assert np.array_equal(x.grad, 2 * X)


def test_scipy_is_a_black_box():
    special = pytest.importorskip("scipy.special")
    f = tg.custom(special.gammaln, lambda g, ans, x: g * special.digamma(x))
    np.testing.assert_allclose(tg.grad(lambda x: np.sum(f(x)))(X), special.digamma(X), rtol=1e-14)
    with pytest.raises(TypeError, match="the vjp of gammaln has no derivative of its own"):
        tg.grad(tg.grad(f))(1.5)
