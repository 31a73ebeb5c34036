"""`tg.debug()`: the first nan or inf, a rule that gives what it must not, values changed behind the graph's back."""

import inspect
import re
import threading
import warnings

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rows import every_function
from tinygrad_dl import pytree
from tinygrad_dl.core import primitives, registry

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of the same divisions by zero


@pytest.fixture
def x():
    return tg.parameter([0.0, 1.0, 4.0], name="x")


@pytest.fixture
def double():
    """2 x as a primitive whose rule a test gives, without the watch over rules of a user."""

    @primitives.array_function
    def double(x):
        return x * 2

    return double


def error_of(function, kind=FloatingPointError):
    """The text of the error that `function` stops with in debug mode."""
    with pytest.raises(kind) as caught, tg.debug():
        function()
    return str(caught.value)


def line_of(function, code):
    """How a message names the line of `function` that has this `code`."""
    lines, first = inspect.getsourcelines(function)
    number = next(i for i, line in enumerate(lines) if code in line)
    return f"{__file__}:{first + number}: {lines[number].strip()}"


# ---- forward


def test_the_first_number_that_is_not_finite_is_named_with_all_that_went_into_it():
    def program():
        Z = tg.parameter(np.array([[3.0, 1.0], [0.0, 2.0]]), name="Z1")
        A = np.log(Z)
        return np.sum(A * 2)

    assert error_of(program).splitlines() == [
        "np.log gave -inf at [1, 0], from finite numbers, in",
        "  " + line_of(program, "np.log"),
        "  argument 0 (Tensor 'Z1'): shape (2, 2), float64, from 0 to 3, 0 there",
        "  the answer: shape (2, 2), float64, 1 of 4 not finite, -inf there",
        "If this is meant, compute it in a block `with tg.debug(False):`.",
    ]


FIRST = {
    "division": (
        lambda x: x / (x - x),
        r"np\.divide gave nan at \[0\].*1 \(made by np\.subtract\): .* 0 there",
    ),
    "number": (lambda x: np.sum(x) / 0.0, r"np\.divide gave inf, from finite.*made by np\.sum.*argument 1: 0\.0"),
    "reflected": (lambda x: 1.0 / x, r"np\.divide gave inf at \[0\].*argument 0: 1\.0\n  argument 1 \(Tensor 'x'\)"),
    "overflow": (lambda x: x * 2e307 * 10, r"np\.multiply gave inf at \[1\].*2e\+307 there"),
    "constant": (lambda x: x * tg.Tensor(np.nan, name="c"), r"argument 1 \(Tensor 'c'\) contained such numbers before"),
    "array": (
        lambda x: x * np.array([1, np.inf, 1]),
        r"gave inf at \[1\], where argument 1 contained such numbers before",
    ),
    "infinite number": (
        lambda x: np.where(x > 0, x, -np.inf),
        r"gave -inf.*where argument 2 contained such numbers before",
    ),
    "leaf": (lambda x: tg.parameter([np.nan]) + x, r"where argument 0 \(a leaf\) contained such numbers before"),
    "both": (
        lambda x: np.nan * tg.parameter([np.nan]),
        r"where argument 0 and argument 1 \(a leaf\) contained such numbers before",
    ),
    "several outputs": (lambda x: np.frexp(x / 0.0)[0], r"np\.divide gave nan"),
    "a part of them": (
        lambda x: np.linalg.slogdet(x.reshape(3, 1) * x),
        r"np\.linalg\.slogdet gave -inf of output 1.*the answer: shape \(\), float64; shape \(\), float64, 1 of 1 not",
    ),
    "method": (lambda x: (x - 5).std() / np.sum(x * 0), r"np\.divide gave inf"),
    "a matrix": (lambda x: np.linalg.inv(np.diag(x + 1) * 1e-320), r"np\.linalg\.inv gave (nan|inf) at \[0, 0\]"),
    "fused": (lambda x: tg.nn.fused.affine(np.ones((1, 3)), x[:, None] * 1e308, np.zeros((1, 1))), r"affine gave inf"),
    "complex": (lambda x: x * (1j * np.inf), r"np\.multiply gave .*nan.*j"),
    "integers beside": (lambda x: x ** np.array([-1, 2, 3]), r"np\.power gave inf.*argument 1: shape \(3,\), int64"),
    "float32": (lambda x: tg.Tensor(x.data, dtype=np.float32, requires_grad=True) * 3e38, r"float32, 2 of 3 not"),
    "a setting": (lambda x: np.mean(x / 0, axis=(0,), keepdims=True), "np.divide gave"),
}


@pytest.mark.parametrize("what", FIRST)
def test_forward_it_stops_at(x, what):
    f, message = FIRST[what]
    text = error_of(lambda: f(x))
    assert re.search(message, text, re.DOTALL), text
    assert f"{__file__}:" in text


@pytest.mark.parametrize(
    ("f", "is_elementwise"),
    [
        (lambda x, bad: x * bad, True),
        (lambda x, bad: np.where(x >= 0, bad, x), True),
        (lambda x, bad: bad[np.array([2, 1, 0])], False),  # [0] of the answer was [2]
        (lambda x, bad: np.cumsum(bad[::-1]), False),
        (lambda x, bad: np.outer(x, bad), False),
        (lambda x, bad: bad @ np.ones((3, 3)), False),
    ],
)
def test_arguments_have_their_number_at_the_place_if_the_function_is_elementwise(x, f, is_elementwise):
    text = error_of(lambda: f(x, tg.parameter([0.0, 1.0, np.nan], name="bad")))
    *arguments, answer, _ = text.splitlines()[2:]
    assert answer.endswith("nan there")
    assert all(line.endswith("there") == is_elementwise for line in arguments)


def test_what_is_finite_passes_whatever_went_in(x):
    with tg.debug():
        y = np.maximum(x, -np.inf) + np.where(x > 0, x, 1.0) + np.clip(x, 0, np.inf)
        assert np.isfinite(tg.gradients(np.sum(y), x)).all()
        assert np.nan_to_num(tg.parameter([np.nan])).tolist() == [0.0]


def test_the_line_is_that_of_the_user_even_inside_a_layer_and_numpy():
    net = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0))

    def program():
        return net(np.array([[np.nan], [0.0]]))

    assert line_of(program, "return net") in error_of(program)

    def through_numpy():
        return np.polynomial.polynomial.polyval(tg.parameter([2.0]), [0.0, 1e308, 1e308])

    assert line_of(through_numpy, "polyval") in error_of(through_numpy)


def test_code_without_a_file_is_named_by_number():
    code = compile("y = 1\nz = x / 0.0", "program.py", "exec")
    assert "program.py:2\n" in error_of(lambda: exec(code, {"x": tg.parameter(1.0)}))


# ---- backward


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_rule_that_gives_an_infinite_slope_is_named_with_the_line_of_its_function(x, create_graph):
    def program():
        y = np.sqrt(x)
        y.name = "y"
        loss = np.sum(y)
        return tg.gradients(loss, x, create_graph)

    assert error_of(program).splitlines() == [
        "the derivative rule of np.sqrt for argument 0 gave inf at [0], from finite numbers, recorded in",
        "  " + line_of(program, "np.sqrt"),
        "  argument 0 (Tensor 'x'): shape (3,), float64, from 0 to 4, 0 there",
        "  the cotangent: shape (3,), float64, from 1 to 1, 1 there",
        "  the answer: shape (3,), float64, from 0 to 2, 0 there",
    ]


def test_backward_too_and_a_graph_that_was_recorded_before(x):
    loss = np.sum(np.sqrt(x))
    text = error_of(loss.backward)
    assert text.startswith(
        "the derivative rule of np.sqrt for argument 0 gave inf at [0], from finite numbers\n  argum"
    )
    assert x.grad is None


def test_a_second_derivative_names_the_rule_that_recorded(x):
    def program():
        g = tg.gradients(np.sum(x**1.5), x, create_graph=True)
        return tg.gradients(np.sum(g), x)

    text = error_of(program)
    assert "the derivative rule of np.power for argument 0 gave inf at [0]" in text
    assert "recorded in\n  the derivative rule of np.power for argument 0, recorded in\n  " in text
    assert line_of(program, "x**1.5") in text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cotangent_that_is_given_so_is_named(x, value):
    y = x * 2
    y.name = "y"
    text = error_of(lambda: tg.backward(y, np.array([1.0, value, 1.0])))
    assert text.startswith(f"the cotangent of Tensor 'y' is {value} at [1]: either it was passed in, or")


def test_an_answer_that_was_infinite_before_is_named(x):
    with tg.debug(False):
        y = 1 / x
    text = error_of(lambda: tg.backward(y, np.ones(3)))
    assert "np.divide for argument 1 gave -inf at [0], where the answer contained such numbers before" in text


def test_finite_parts_that_add_up_to_too_much_are_named(x):
    y = x * 1
    y.name = "y"
    for z in (y, x):
        text = error_of(lambda z=z: tg.backward(z * 1.0 + z * 1.0, np.full(3, 1.7e308)))
        assert re.search(r"the cotangent of Tensor '[xy]' is inf at \[0\].*sum over several paths", text)


def test_a_rule_is_judged_by_its_result_and_not_by_what_it_computes_on_the_way(x, double):
    def rule(g, ans, x):
        return np.where(x > 0, g / np.sqrt(x), 0.0)

    registry.defvjp(double, rule)
    with tg.debug():
        g = tg.gradients(np.sum(double(x)), x, create_graph=True)
    assert g.tolist() == [0.0, 1.0, 0.5]


# ---- rules


@pytest.mark.parametrize(
    ("result", "kind", "message"),
    [
        (np.ones(7), ValueError, r"for argument 0 gave shape \(7,\) for an argument of shape \(3,\), recorded in\n"),
        (np.ones(()), ValueError, r"gave shape \(\) for an argument of shape \(3,\)"),
        (
            np.ones(3, int),
            TypeError,
            r"gave int64 for an argument of float64 and a cotangent of float64, recorded in\n",
        ),
        (np.ones(3, bool), TypeError, r"gave bool for"),
        (np.ones(3, np.longdouble), TypeError, r"gave (float128|longdouble) for an argument of float64"),
        (np.ones(3, np.float32), TypeError, r"gave float32 for an argument of float64"),
        (np.ones(3, object), TypeError, r"gave object for"),
        (np.array([1, np.nan, 1]), FloatingPointError, r"gave nan at \[1\], from finite numbers, recorded in\n"),
        (3.0, TypeError, r"derivative rule of double gave 3.0: expected an array, recorded in\n"),
    ],
)
@pytest.mark.parametrize("define", [registry.defvjp, tg.defvjp])
def test_what_a_rule_must_not_give_is_named_with_its_function_and_line(x, double, result, kind, message, define):
    define(double, lambda g, ans, x: result)

    def program():
        y = double(x)
        return tg.gradients(np.sum(y), x)

    text = error_of(program, kind)
    assert re.search(message, text), text
    assert line_of(program, "double(x)") in text


def test_a_rule_may_be_wider_or_narrower_where_the_graph_is(x):
    single = tg.Tensor([1.0, 2.0, 3.0], dtype=np.float32, requires_grad=True)
    z = tg.parameter([1j, 2.0, 3.0])
    with tg.debug():
        y = np.sum(single * x + x.astype(np.float32) * single + np.abs(z) * single + np.real(z))
        found = tg.gradients(y, [single, x, z])
        repeated = tg.gradients(np.sum(np.ones((2, 1)) * x), x)
    assert [g.dtype for g in found] == [np.float32, np.float64, np.complex128]
    np.testing.assert_allclose(found[0], x.numpy() * 2 + np.abs(z.numpy()), rtol=1e-6)  # of float32
    np.testing.assert_allclose(found[1], [2.0, 4.0, 6.0], rtol=1e-6)
    np.testing.assert_allclose(found[2], single.numpy() * [-1j, 1, 1] + 1, rtol=1e-6)
    assert repeated.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("what", ["the cotangent", "the answer", "argument 0 (Tensor 'y')", "argument k"])
def test_a_rule_that_changes_an_array_in_place_is_named(x, what):
    @primitives.array_function
    def double(x, k):
        return x * 2

    def rule(g, ans, x, k):
        given = {"the cotangent": g, "the answer": ans, "argument 0 (Tensor 'y')": x, "argument k": k[0]}
        np.add(given[what], 1.0, out=given[what])
        return g * 2

    registry.defvjp(double, rule)

    def program():
        y = x * 1
        y.name = "y"
        z = double(y, k=[np.ones(3)])
        return tg.gradients(z, x, cotangent=np.ones(3))

    text = error_of(program, RuntimeError)
    assert text.startswith(f"the derivative rule of double for argument 0 changed {what} in place, instead of")
    assert line_of(program, "double(y") in text


def test_a_joint_rule_is_called_once_and_named(x):
    calls = []

    @primitives.array_function
    def total(x, y):
        return x + y

    def rule(g, ans, x, y):
        calls.append(1)
        return g, g * np.nan

    registry.defvjp_jointly(total, rule)
    assert "the derivative rule of total for argument 1 gave nan" in error_of(lambda: tg.backward(np.sum(total(x, x))))
    assert len(calls) == 1


# ---- values that were changed behind the graph's back


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("use", [np.square, np.exp, np.sum, np.sort])
def test_an_array_that_was_changed_by_force_is_named(x, use, create_graph):
    def program():
        y = x + 3
        y.name = "y"
        z = use(y)
        memory = y.data.base
        memory.flags.writeable = True
        memory[0] = 7
        return tg.gradients(np.sum(z), x, create_graph)

    text = error_of(program, RuntimeError)
    assert text.startswith(f"argument 0 (Tensor 'y') of np.{use.__name__} was changed after it was used, in place")
    assert line_of(program, "z = use(y)") in text


@pytest.mark.parametrize("at", [lambda data: np.add.at(data, [0], 9.0), lambda data: np.negative.at(data, [0])])
def test_a_write_by_a_ufunc_at_read_only_data_is_an_error_of_numpy_or_is_found(at):
    def program():
        x = tg.parameter([1.0, 2.0])
        y = np.sum(x * x)
        at(x.data)  # NumPy before 2.5 does it
        y.backward()

    with tg.debug(), pytest.raises((ValueError, RuntimeError), match=r"read-only|was changed after it was used"):
        program()


def test_an_answer_that_was_changed_by_force_is_named(x):
    def program():
        y = np.exp(x)
        y.data.base.flags.writeable = True
        y._value[:] = 0
        return tg.gradients(np.sum(y), x)

    assert error_of(program, RuntimeError).startswith("the answer of np.exp was changed after it was used")


def test_new_data_for_a_parameter_are_no_change_of_the_graph(x):
    with tg.debug():
        loss = np.sum(x**2)
        x.data = x.data + 1
        assert tg.gradients(loss, x).tolist() == [0.0, 2.0, 8.0]


# ---- the mode


def test_it_is_off_outside_and_in_blocks_that_leave_it(x):
    with tg.debug():
        with tg.debug(False):
            masked = np.where(x > 0, x, -np.inf)
        assert tg.gradients(np.sum(np.exp(masked)), x).tolist() == [0.0, *np.exp([1.0, 4.0])]
        with pytest.raises(FloatingPointError):
            np.log(x)
    np.log(x)


def test_it_decorates_a_function_and_ends_with_an_error(x):
    @tg.debug()
    def f(x):
        return np.log(x)

    for _ in range(2):
        with pytest.raises(FloatingPointError):
            f(x)
    assert f(x + 1).shape == (3,)
    np.log(x)


def test_it_is_on_in_its_own_thread_only(x):
    found = []
    with tg.debug():
        thread = threading.Thread(target=lambda: found.append(np.log(x)))
        thread.start()
        thread.join(10)
    assert len(found) == 1


def test_nothing_is_kept_for_it_while_it_is_off(x):
    assert not hasattr(np.exp(x), "_origin")
    with tg.debug():
        assert hasattr(np.exp(x), "_origin")


def test_values_and_gradients_are_the_same_in_debug_mode():
    def outcome():
        net = tg.nn.mlp([2, 4, 3], rng=np.random.default_rng(0))
        adam = tg.optim.Adam(net.parameters(), learning_rate=0.1)
        X, Y = np.random.default_rng(1).normal(size=(2, 9)), np.arange(9) % 3
        history = tg.fit(net, X, Y, loss=tg.nn.softmax_cross_entropy, optimizer=adam, epochs=5, progress=False)
        return history.loss

    expected = outcome()
    with tg.debug():
        assert outcome() == expected


@every_function(share=2)
def test_every_rule_keeps_to_the_terms_of_debug_mode(case):
    """Each of the package's own, of either order and in either mode: finite, of the right dtype, nothing in place."""
    arrays = tuple(case.arrays())

    def call(*args):
        with tg.debug("nan" not in case.name):  # some are there to skip one
            return case.call(*args)

    def slope(*args):
        value, pullback = tg.vjp(call, *args)
        return [np.sum(part) for part in pullback(pytree.map_leaves(np.ones_like, value))]

    with tg.debug(), warnings.catch_warnings():
        warnings.simplefilter("error")
        tg.jvp(call, arrays, tuple(np.ones_like(x) for x in arrays))
        tg.jvp(slope, arrays, tuple(np.ones_like(x) for x in arrays))
        found = slope(*[x.astype(np.float32) for x in arrays])
    assert {part.dtype for part in found} <= {np.dtype(np.float32)}


def test_a_nan_of_a_branch_that_where_does_not_take_names_the_second_where():
    def f(x):
        with tg.debug(False):
            y = np.sqrt(-x)
        return np.where(x >= 0, x, y)

    for x in (1.0, np.array([4.0, -4.0])):
        with (
            np.errstate(all="ignore"),
            pytest.raises(FloatingPointError, match=r"second np\.where inside: np\.where\(c, f\(np\.where"),
            tg.debug(),
        ):
            tg.grad(lambda x: np.sum(f(x)))(x)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as error, tg.debug():
        tg.grad(np.sqrt)(0.0)
    assert "np.where" not in str(error.value)
