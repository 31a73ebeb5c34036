"""The one door: what `check` takes, and what it says of anything else."""

import functools

import numpy as np
import pytest

from tests.testing.in_process import check_here
from tinygrad_dl import testing
from tinygrad_dl.testing.homework import files
from tinygrad_dl.testing.homework.findings import FileResult

each = pytest.mark.parametrize
X = np.array([[0.3, -1.2, 0.8], [1.1, 0.4, -0.6]])


def square(x):
    return x**2


def square_backward(g, x):
    return 2 * g * x


def wrong_backward(g, x):
    return 3 * g * x


def scaled(x, W):
    return W @ x, (x, W)


def scaled_backward(g, cache):
    x, W = cache
    return W.T @ g, g @ x.T


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file, to be checked without a process of its own."""
    monkeypatch.setattr(files, "check_isolated", check_here)

    def write(name, source):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("import numpy as np\n" + source, encoding="utf-8")
        return path

    return write


RIGHT = "def relu(x): return np.maximum(0, x)\ndef relu_backward(g, x): return g * (x > 0)\n"
WRONG = "def cube(x): return x**3\ndef cube_backward(g, x): return 2 * g * x**2\n"


@each(("backward", "verdict"), [(square_backward, "right"), (wrong_backward, "wrong")])
@each("args", [(), (X,)], ids=["drawn", "given"])
def test_a_forward_and_a_backward_function_whatever_their_names(backward, verdict, args):
    report = testing.check(square, backward, *args)
    assert report.verdict == verdict
    assert report.passed == (verdict == "right")
    assert [finding.title for finding in report.findings] == [f"square, {backward.__name__}"]


def test_functions_without_a_name():
    forward, backward = [lambda x: x**2, lambda g, x: 2 * g * x]  # not assigned to their names
    assert testing.check(forward, backward).passed
    assert testing.check(forward, backward, X).passed
    assert testing.check(forward, X).passed


def test_a_pair_with_a_cache_and_arguments():
    assert testing.check(scaled, scaled_backward, X, np.ones((4, 2))).passed


def test_a_function_of_arrays_is_differentiated_by_autodiff():
    assert testing.check(np.tanh, X).passed
    assert testing.check(square, X).passed
    assert testing.check(functools.partial(np.sum, axis=0), X).passed


def cost_and_gradients(w, b, x, y):
    error = w @ x + b - y
    return np.mean(error**2) / 2, {"dw": x @ error / y.size, "db": np.mean(error)}


def test_a_function_that_gives_a_value_and_gradients():
    values = np.array([0.3, -0.8]), 0.2, X, np.array([0.5, -1.0, 2.0])
    (finding,) = testing.check(cost_and_gradients, *values).findings
    assert (finding.verdict, [quantity.name for quantity in finding.quantities]) == ("right", ["dw", "db"])
    assert testing.check(cost_and_gradients).passed  # drawn
    assert testing.check(lambda w: (np.sum(w**2), w), X).verdict == "wrong"


class Scale:
    def __init__(self, factor):
        self.w = np.array([0.5, -1.0, 2.0])
        self.factor = factor

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, dout):
        self.dw = self.factor * (self.x * dout).sum(axis=0)
        return dout * self.w


@each(("factor", "verdict"), [(1, "right"), (-1, "wrong")])
def test_a_layer_and_its_input(factor, verdict):
    assert testing.check(Scale(factor), X).verdict == verdict


def test_what_cannot_be_called_with_drawn_arrays_is_not_checked():
    report = testing.check(np.tanh)
    assert report.verdict == "not checked"
    assert "tanh" in report.findings[0].problem


def test_a_file_a_path_a_name_in_it_and_a_folder(write):
    path = write("ann/homework.py", RIGHT + WRONG)
    assert testing.check(path).verdict == testing.check(str(path)).verdict == "wrong"
    assert testing.check(f"{path}:relu").passed
    assert testing.check(path, only="relu").passed
    assert testing.check(path, only=["relu", "cube"]).verdict == "wrong"
    other = write("bob/homework.py", RIGHT)
    report = testing.check(path.parent, other)
    assert [result.verdict for result in report.files] == ["wrong", "right"]


def test_assert_right_raises_the_text_for_anything_but_right(write):
    testing.check(write("right.py", RIGHT)).assert_right()
    with pytest.raises(AssertionError, match="cube, cube_backward") as error:
        testing.check(write("wrong.py", WRONG)).assert_right()
    assert isinstance(error.value, testing.GradientError)
    assert error.value.report.verdict == "wrong"
    with pytest.raises(testing.GradientError, match="nothing to check"):
        testing.check(write("empty.py", "")).assert_right()


class Layer:
    def forward(self, x):
        return x

    def backward(self, g):
        return g


@each(
    ("what", "words"),
    [
        ((), "got nothing"),
        ((3,), "expected a path, a function .* got a int"),
        ((X, X), r"got an array \(2, 3\), an array \(2, 3\)"),
        ((Layer, X), r"expected an object, got the class Layer: check\(Layer\(\.\.\.\), x\)"),
        (("homework.py", X), "got a str, an array"),
    ],
)
def test_anything_else_is_a_type_error_that_names_what_came(what, words):
    with pytest.raises(TypeError, match=words):
        testing.check(*what)


def test_a_file_that_ends_the_process_is_not_checked(tmp_path):
    path = tmp_path / "homework.py"
    path.write_text("import os\nos._exit(0)\n", encoding="utf-8")
    report = testing.check(path, timeout=30)
    assert report.verdict == "not checked"


def test_options_go_to_each_file(write, monkeypatch):
    given = []
    path = write("h.py", "")

    def check_isolated(path, only, **options):
        given.append((only, options))
        return FileResult(path)

    monkeypatch.setattr(files, "check_isolated", check_isolated)
    testing.check(path, only="f", inputs="teacher.py", seed=3, timeout=2.0)
    assert given == [(("f",), {"inputs": "teacher.py", "seed": 3, "timeout": 2.0})]


def test_a_path_without_a_file_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"check: no\.py: there is no such file"):
        testing.check("no.py")


# ---- a test of pytest


def test_a_test_of_a_file_passes_if_all_is_right_and_fails_with_the_report(write):
    testing.test_file(write("right.py", RIGHT))()
    with pytest.raises(AssertionError, match="cube, cube_backward"):
        testing.test_file(str(write("wrong.py", WRONG)))()


def test_a_test_of_names_has_a_case_for_each(write):
    test = testing.test_file(write("both.py", RIGHT + WRONG), "relu", "cube")
    (mark,) = test.pytestmark
    assert mark.args == ("name", ("relu", "cube"))
    test(name="relu")
    with pytest.raises(AssertionError, match="cube"):
        test(name="cube")


def test_a_relative_path_starts_beside_the_file_with_the_test(write, monkeypatch):
    write("homework.py", RIGHT)
    tests = write("test_homework.py", "from tinygrad_dl import testing\ntest = testing.test_file('homework.py')\n")
    space = {"__file__": str(tests), "__name__": "test_homework"}
    exec(compile(tests.read_text(encoding="utf-8"), tests, "exec"), space)
    space["test"]()


def test_a_test_for_a_missing_file_fails_at_its_own_line():
    with pytest.raises(FileNotFoundError) as error:
        testing.test_file("no_such_file.py")()
    *_, last = error.traceback.filter(error)  # as pytest shows it
    assert last.name == "test"


def test_pytest_takes_the_maker_of_tests_for_none():
    assert testing.test_file.__test__ is False
