"""Gradients by hand that no check covers are found; what derives nothing, or is called by checked code, is not."""

import textwrap
from functools import partial

import pytest

from tinygrad_dl.testing.homework.findings import RIGHT, UNCHECKED, Check, Finding
from tinygrad_dl.testing.homework.leftovers import leftovers, with_helpers
from tinygrad_dl.testing.homework.loading import run_file

each = pytest.mark.parametrize


@pytest.fixture
def left(tmp_path):
    """The titles of what a file leaves over if the given names are checked."""

    def left(source, *checked):
        path = tmp_path / "homework.py"
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        with run_file(str(path)) as file:
            checks = [Check("", checked, None)] if checked else []
            found = leftovers(file, checks)
            assert all(check.run().verdict == UNCHECKED for check in found)
            return [check.title for check in found]

    return left


DERIVES = {
    "a name of backpropagation": "def backward_pass(dout, w): return w.T @ dout",
    "a name of a derivative": "def sigmoid_prime(a): return a * (1 - a)",
    "names of gradients": "def loss(W, X, y):\n    dW = X.T @ (X @ W - y)\n    return 0, dW",
    "gradients summed up": "def f(X, r):\n    dW = np.zeros(3)\n    for x in X: dW += x * r\n    return dW",
    "several gradients": "def build(X, d):\n    delta2 = d * X\n    dW1 = X.T @ delta2\n    print(dW1)",
    "a class": "class Net:\n    def fit(self, X):\n        delta1 = X - 1\n        delta0 = delta1 * X",
    "a chain of functions": "def model(X, c):\n    dA2 = X - 1\n    dA1, dW2 = f(dA2, c)\n    dA0, dW1 = f(dA1, c)",
    "a script": "X = np.ones((3, 2))\ndZ = X - 1\ndW = dZ.T @ X",
}


@each("source", DERIVES.values(), ids=DERIVES)
def test_gradients_that_nothing_checks_are_left_over(left, source):
    assert len(left(source)) == 1


DOES_NOT = {
    "a forward pass": "def forward(W, x): return W @ x",
    "a stub": "def backward(g): pass",
    "an abstract class": "class Layer:\n    def backward(self, g): raise NotImplementedError",
    "a container": "class Model:\n    def backward(self, g):\n        for layer in self.layers: g = layer.backward(g)",
    "a step of descent": "def step(w, b, X, Y):\n    dw, db = propagate(w, b, X, Y)\n    return w - dw, b - db",
    "a call in a script": "from math import hypot as f\ndZ = 1.0\ndA, dW, db = f(dZ, 2), 1, 2\ndA, dW = f(dZ, 2)",
    "clipping": "def step(grads):\n    dW, db = clip(grads, 5)\n    grads, n = clip(grads, 3)",
    "an update": "def update_parameters(W, dW): return W - 0.1 * dW",
    "a gradient check": "def gradient_check(f, x):\n    grad = (f(x + 1) - f(x - 1)) / 2\n    return grad",
    "gradient descent": "def gradient_descent(f, w):\n    grad = f(w) * 2\n    return w - grad",
    "a call of what is elsewhere": "from math import sin as backward\ndW, db = backward(1.0), 3",
    "a test": "def test_backward():\n    dZ = np.ones(3) * 2\n    dW = dZ * 3\n    return dW",
}


@each("source", DOES_NOT.values(), ids=DOES_NOT)
def test_what_derives_nothing_is_not_left_over(left, source):
    assert left(source) == []


NET = """
def sigmoid_prime(a): return a * (1 - a)
def layer_backward(dA, a): return dA * sigmoid_prime(a)
def net_backward(dA, a): return 2 * layer_backward(dA, a)
class Dense:
    def backward(self, g): return g * 2
"""


@each(
    ("checked", "expected"),
    [
        ((), ["net_backward", "Dense"]),
        (("net_backward", "Dense"), []),
        (("net_backward",), ["Dense"]),
        (("layer_backward", "Dense"), ["net_backward"]),
    ],
)
def test_what_a_checked_function_calls_is_checked_with_it_and_what_calls_it_is_not(left, checked, expected):
    assert left(NET, *checked) == expected


def test_the_functions_of_a_checked_training_loop_are_checked_with_it(left):
    source = "W = np.ones(2)\nfor i in range(2):\n    W -= layer_backward(W, W)\n"
    assert left(NET + source, "W") == ["net_backward", "Dense"]
    assert left(NET + source + "    net_backward(W, W)\n", "W", "Dense") == []


def test_a_check_goes_by_the_names_of_the_functions_for_gradients_that_it_calls(tmp_path):
    path = tmp_path / "homework.py"
    path.write_text(NET, encoding="utf-8")
    with run_file(str(path)) as file:
        run = partial(Finding, "", RIGHT, names=("net_backward",))
        checks = [Check("", ("net_backward",), run), Check("", ("sigmoid_prime",), run)]
        whole, part = with_helpers(file, checks)
        assert set(whole.names) == set(whole.run().names) == {"net_backward", "layer_backward"}
        assert part is checks[1]


HELD = """
class Layer:
    def derivative(self, a): return a * (1 - a)
class Net:
    def __init__(self): self.layers = [Layer()]
"""


def test_the_class_of_a_part_of_a_covered_object_is_covered(left):
    assert left(HELD + "net = Net()", "Net") == []
    assert left(HELD, "Other") == ["Layer"]
