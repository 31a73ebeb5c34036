"""`check_laws` and `given_gradients`: right functions pass, each law catches its own mistakes, failures can be run."""

import re
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

import tinygrad_dl as tg
from tinygrad_dl import testing
from tinygrad_dl.core import registry
from tinygrad_dl.testing import check_laws, given_gradients, strategies
from tinygrad_dl.testing.laws import LAWS
from tinygrad_dl.testing.strategies import arrays, broadcastable

X, Y = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]]), np.array([[1.0, -2.0, 0.5], [-0.75, 3.0, 1.25]])
quick = settings(max_examples=settings.default.max_examples // 4, database=None)


def failure_of(test):
    """The text of a test that fails."""
    with pytest.raises(AssertionError) as failure:
        test()
    return str(failure.value)


# ---- what is right


UNARY = ["np.tanh", "np.log", "np.sqrt", "np.arccosh", "np.absolute", "np.var", "np.max", "tg.nn.relu", "tg.nn.gelu"]
BINARY = ["np.divide", "np.power", "np.maximum", "np.remainder", "np.matmul", np.outer]


@pytest.mark.few_values
@pytest.mark.parametrize("name", UNARY + BINARY)
def test_right_functions_obey_every_law_in_their_domain(name):
    quick(given_gradients(name))()


@pytest.mark.parametrize("name", ["np.absolute", "tg.nn.relu", "tg.nn.leaky_relu"])
def test_right_functions_obey_every_law_on_their_kinks_too(name):
    quick(given_gradients(name, arrays(kinks=[0.0], on_kinks=True, layouts=True).map(lambda x: (x,))))()


test_ties_of_a_maximum_obey_every_law = quick(given_gradients(np.maximum, broadcastable(kinks=[], on_kinks=True)))


@settings(max_examples=settings.default.max_examples // 2)
@given(st.booleans(), st.data())
def test_programs_obey_every_law(kinks, data):
    program = data.draw(strategies.programs(kinks=kinks))
    without = ["broadcasting"]  # some take a smaller array for something else
    without += ["second order"] * kinks  # wrong at a kink in a tie, as in np.maximum(np.abs(x), 0): see `rules`
    with warnings.catch_warnings():  # rounding hides some derivatives, such as that of the variance of equal numbers
        warnings.simplefilter("ignore", testing.UndecidedWarning)
        check_laws(program, *program.inputs, without=without)


def test_what_cancels_to_0_but_for_rounding_is_no_mistake():
    def loss(W1, b1, W2, b2):
        A = tg.nn.sigmoid(W2 @ (W1 @ np.zeros((2, 2)) + b1) + b2)
        return tg.nn.binary_cross_entropy(A, np.array([[0.0, 1.0]]))

    b1 = np.array([[0.0], [0.0], [0.0], [0.46875]])
    check_laws(loss, np.zeros((4, 2)), b1, np.zeros((1, 4)), np.zeros((1, 1)), without=["dtype kept"])


@pytest.mark.parametrize("x", [[0.3], [-1.7], [0.7, -0.2], [1e-5]])
def test_a_cosine_whose_gradient_is_rounding_alone_obeys_the_laws(x):
    def cosine(x, y):
        return x @ y / np.sqrt(x @ x * (y @ y))

    for y in ([0.9, 1.1][: len(x)], x):
        laws_of_gradients = ["jvp vs vjp", "used twice"]
        check_laws(cosine, np.array(x), np.array(y), without=[law for law in LAWS if law not in laws_of_gradients])


@pytest.mark.parametrize(
    "f", [np.sum, np.prod, lambda x: np.maximum(np.sum(x), 0), lambda x: -np.maximum(-np.sum(x), 0)]
)
def test_what_looks_like_broadcasting_at_0_alone_is_none(f):
    check_laws(f, np.zeros(2))


x_and_axis = st.shared(arrays(layouts=True, domain="nonzero"), key="x")
test_strategies_may_depend_on_each_other_and_settings_are_not_varied = quick(
    given_gradients(
        np.mean, a=x_and_axis, axis=x_and_axis.flatmap(lambda x: strategies.axes(x.ndim)), keepdims=st.booleans()
    )
)


@quick
@given_gradients(x=arrays(), how=st.sampled_from(["sum", "mean"]), times=st.integers(1, 3), mask=st.booleans())
def test_text_integers_and_booleans_are_not_varied(x, how, times, mask):
    return getattr(np, how)(times * x**2) if mask else x


@pytest.mark.deep
@quick
@given_gradients(
    p=st.fixed_dictionaries({"W": arrays((1, 2)), "b": arrays((1, 1))}), x=arrays((2, 2), dtype=np.float32)
)
def test_trees_of_arrays_are_varied(p, x):
    return {"A": np.tanh(p["W"] @ x + p["b"])}


@quick
@given_gradients(x=arrays(st.sampled_from([(0,), (2, 0), (2,)])))
def test_empty_arrays_are_checked_too(x):
    return np.sum(x**2)


@quick
@given_gradients(broadcastable(2))
def test_the_derivatives_of_a_test_by_one_strategy_for_all_arguments(x, y):
    return np.sum(x * np.tanh(y))


class TestMethods:
    scale = 3.0

    @quick
    @given_gradients(x=arrays())
    def test_methods_are_tests_too(self, x):
        return self.scale * x


@pytest.fixture(scope="module")
def factor():
    return 2


@settings(max_examples=5)
@given_gradients(x=arrays())
def test_fixtures_are_passed_on(x, factor):
    assert factor == 2
    return factor * x


@example(x=np.array([0.0, -0.0]))
@quick
@given_gradients(x=arrays(domain="nonzero"))
def test_examples_of_one_s_own_may_be_added(x):
    return np.abs(x)


# ---- what rounding hides


def hidden(x):
    return 1e16 + np.abs(np.sin(x)) * np.cos(x)


@pytest.mark.parametrize("function", [hidden, (hidden, lambda g, x: 3 * g)])
def test_what_rounding_hides_is_warned_of_at_the_user_s_line(function):
    with pytest.warns(testing.UndecidedWarning, match="undecided: rounding hides") as warned:
        check_laws(function, X)
    assert [(warning.filename, warning.category) for warning in warned] == [(__file__, testing.UndecidedWarning)]


@pytest.mark.deep
def test_a_test_in_which_nothing_was_decided_does_not_pass():
    test = given_gradients(hidden, x=arrays((), domain=(0.25, 1)))
    with pytest.raises(Unsatisfiable):
        settings(max_examples=1, suppress_health_check=[*HealthCheck])(test)()


def test_a_strategy_of_arrays_without_the_name_of_its_argument_is_refused():
    with pytest.raises(TypeError, match=r"got one of ndarray: give it the name of the argument, as in x="):
        given_gradients(np.sin, arrays())()


@pytest.mark.deep
def test_other_inputs_are_drawn_for_what_is_undecided():
    drawn = []

    def sometimes_hidden(x, hide):
        drawn.append(hide)
        return 1e16 * hide + np.abs(np.sin(x) + 2)

    near = arrays(domain=(-3, 3))  # farther steps of x find no trace of a sine that is hidden
    test = given_gradients(sometimes_hidden, x=near, hide=st.booleans(), without=["dtype kept"])
    settings(max_examples=10)(test)()
    assert set(drawn) == {False, True}


# ---- what is right by hand


def affine(W, x, b):
    return W @ x + b


def affine_backward(g, W, x, b):
    return g @ x.T, W.T @ g, g.sum(axis=1, keepdims=True)


RIGHT_PAIRS = {
    "backward(g, *primals)": (affine, affine_backward),
    "backward(g, ans, *primals)": (np.tanh, lambda g, ans, x: g * (1 - ans**2)),
    "backward(g, cache)": (lambda x: (np.sin(x), x), lambda g, x: g * np.cos(x)),
    "a dict": (affine, lambda *args: dict(zip(["dW", "dx", "db"], affine_backward(*args), strict=True))),
}
AFFINE = {"W": X, "x": X.T, "b": np.array([[1.0], [2.0]])}


@pytest.mark.parametrize("form", RIGHT_PAIRS)
def test_right_pairs_obey_the_laws(form):
    forward, backward = RIGHT_PAIRS[form]
    if forward is affine:
        check_laws((forward, backward), **AFFINE, without=["broadcasting"])  # b has a row for each of W
    else:
        check_laws((forward, backward), X)


test_pairs_can_be_given_strategies = quick(
    given_gradients((np.tanh, lambda g, ans, x: g * (1 - ans**2)), x=arrays(layouts=True))
)


# ---- what is wrong: for each law some functions that break it, and no law that comes before


def primitive(forward, *rules):
    """A function of Tensors with these derivative rules."""

    @tg.primitive
    def function(*primals):
        return forward(*primals)

    registry.defvjp(function, *rules)  # with nothing in between: a mistake may tell by identity
    return function


# ---- what a failure says


def wrong_swish(x, beta):
    return x * wrong_sigmoid(beta * x)


wrong_sigmoid = primitive(lambda z: 1 / (1 + np.exp(-z)), lambda g, ans, z: g * ans * (1 + ans))


@pytest.mark.deep
def test_a_failing_test_shrinks_and_is_short():
    test = given_gradients(wrong_swish, x=arrays(layouts=True), beta=arrays((), "positive"))
    with pytest.raises(AssertionError) as failure:
        test()
    text = str(failure.value)
    assert "check_laws(wrong_swish, x=np.array(0.0), beta=np.array(1.0))" in text
    assert f"from {__name__} import wrong_swish" in text
    assert "any other generated value" not in "".join(failure.value.__notes__)  # of the phase that takes long
    assert len([*text.splitlines(), *"\n".join(failure.value.__notes__).splitlines()]) <= 40


@pytest.mark.deep
def test_a_failure_with_large_arrays_is_short_too():
    assert len(failure_of(lambda: check_laws(wrong_swish, np.ones((20, 30)), 0.5)).splitlines()) <= 60


@pytest.mark.parametrize(
    ("f", "args", "expression"),
    [
        (
            np.float_power,
            (np.float32(2.0), np.array(1.0)),
            "check_laws(np.float_power, np.float32(2.0), np.array(1.0))",
        ),
        ((np.sin, lambda g, x: g), (np.array([[1.0]]),), "check_laws((np.sin, backward), np.array([[1.0]]))"),
        (lambda x: wrong_sigmoid(x), (np.array([1.0])[::-1],), "# f is the one in "),
    ],
)
def test_a_failure_is_code_to_paste(f, args, expression):
    text = failure_of(lambda: check_laws(f, *args))
    assert expression in text
    compile(textwrap.dedent(text.split("To see it again:\n")[1]), "pasted", "exec")


FILE = """
import numpy as np
from hypothesis import example, settings
from tinygrad_dl.testing import strategies
from tinygrad_dl.testing.properties import given_gradients

def backward(g, x):
    return -g

test_right = settings(max_examples=5)(given_gradients("np.tanh"))
test_wrong_pair = given_gradients((np.positive, backward), x=strategies.arrays(layouts=True))

@given_gradients(x=strategies.arrays(domain="positive"), y=strategies.arrays((), "real"))
def test_wrong_decorated(x, y):
    "Loses a gradient."
    return x * y + np.rint(x) * np.exp(y) - y * np.log(x.detach() if hasattr(x, "detach") else x)
"""


@pytest.mark.deep
def test_under_pytest_it_is_a_test_like_any_other_and_what_a_failure_prints_runs(tmp_path, monkeypatch):
    (tmp_path / "test_mine.py").write_text(FILE, encoding="utf-8")
    pytest_run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "test_mine.py"]
    run = subprocess.run(pytest_run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 failed, 1 passed" in run.stdout
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("test_wrong_pair", "test_wrong_decorated"):
        report = run.stdout.split(f"_ {name} _")[1]
        message = [line for line in re.split("\n____|\n====", report)[0].splitlines() if line.startswith("E  ")]
        assert 10 < len(message) <= 40
        code = [line.removeprefix("E   ") for line in report.split("To see it again:\n")[1].splitlines()]
        end = next(
            i for i, line in enumerate(code) if line.strip().startswith(("check_laws(", ")")) and line.endswith(")")
        )
        law = re.search(r"\w+ breaks the law .*", report)[0]
        with pytest.raises(AssertionError) as again:
            exec(textwrap.dedent("\n".join(code[: end + 1])), {})
        assert str(again.value).startswith(law)


def test_keyword_only_arguments_are_varied_too():
    def scaled(x, *, factor):
        return wrong_sigmoid(factor) * x

    assert "factor=np.array(0.5)" in (text := failure_of(lambda: check_laws(scaled, X, factor=np.array(0.5))))
    assert "of scaled with respect to factor is wrong" in text


# ---- names and errors


def test_a_test_is_named_after_its_function():
    assert given_gradients(wrong_swish, x=arrays(), beta=arrays()).__name__ == "test_wrong_swish"
    assert given_gradients("np.tanh").__doc__ == "The derivatives of np.tanh obey the laws of derivatives."
    assert given_gradients(lambda x: x).__name__ == "test_lambda"
    assert given_gradients((affine, affine_backward)).__name__ == "test_affine_backward"


def test_a_test_can_be_checked_at_one_point():
    check_laws(test_the_derivatives_of_a_test_by_one_strategy_for_all_arguments, X, Y)
    check_laws(test_pairs_can_be_given_strategies, X)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: check_laws(np.tanh, X, without=["third order"]), ValueError, "no law 'third order'.*vjp vs numeric"),
        (lambda: check_laws("np.tangens", X), ValueError, "no 'np.tangens': expected a name such as"),
        (lambda: check_laws("nowhere.f", X), ValueError, "no 'nowhere.f'"),
        (lambda: check_laws(wrong_swish, X, gamma=1.0), TypeError, "beta"),
        (lambda: check_laws(np.sum, [1, 2]), ValueError, "at least one argument of floats"),
        (lambda: given_gradients(np.add, arrays(), x=arrays()), TypeError, "a strategy by name for each"),
        (lambda: given_gradients(np.add, without=["first order"]), ValueError, "no law 'first order'"),
    ],
)
def test_what_can_t_be_checked_is_an_error_that_says_what_can(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_without_hypothesis_the_error_says_what_to_install():
    code = """
import sys
sys.modules["hypothesis"] = None
from tinygrad_dl import testing
testing.check_laws("np.tanh", 0.5)
for use in (lambda: testing.strategies, lambda: testing.given_gradients("np.tanh")):
    try:
        use()
    except ImportError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    message = 'property-based tests need Hypothesis: pip install "tinygrad-dl[hypothesis]"'
    assert run.stdout.splitlines() == [message] * 2
