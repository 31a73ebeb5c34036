"""Discovery: which recogniser takes what, each function covered once, and what a check that fails comes to."""

import pytest

from tinygrad_dl.testing.homework import discovery
from tinygrad_dl.testing.homework.discovery import discover, outcome
from tinygrad_dl.testing.homework.findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, Check, Finding
from tinygrad_dl.testing.homework.loading import CannotCheck, run_file

SOURCE = """
import numpy as np
def relu(x): return np.maximum(0, x)
def relu_backward(g, x): return g * (x > 0)
def relu_prime(x): return x > 0
def other(x): return x**2
"""


def check(verdict, *names, by=""):
    return Check(", ".join(names), names, lambda: Finding(", ".join(names), verdict, readings=(by,), names=names))


def failing(error, *names):
    def run():
        raise error

    return Check(", ".join(names), names, run)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "homework.py"
    path.write_text(SOURCE, encoding="utf-8")
    with run_file(str(path)) as file:
        yield file


@pytest.fixture
def recognisers(monkeypatch):
    """Let recognisers that give these checks stand in for the real ones."""

    def recognisers(*found):
        finds = [lambda file, progress, checks=checks: iter(checks) for checks in found]
        monkeypatch.setattr(discovery, "RECOGNISERS", finds)

    return recognisers


def test_a_function_that_one_recogniser_covers_is_covered_once(file, recognisers):
    first = check(RIGHT, "relu", "relu_backward", by="first")
    recognisers([first], [check(WRONG, "relu", "relu_backward", by="second"), check(RIGHT, "relu", "relu_prime")])
    found = discover(file)
    assert [each.title for each in found] == ["relu, relu_backward", "relu, relu_prime"]
    assert outcome(file, found[0]).readings == ("first",)


def test_a_backward_pass_that_can_not_be_drawn_is_checked_at_work(file, recognisers):
    step = check(RIGHT, "other", "relu_backward", by="step")
    recognisers([check(UNCHECKED, "relu", "relu_backward"), step])
    assert [outcome(file, each).readings for each in discover(file)] == [
        ("checked in other, relu_backward", "step"),
        ("step",),
    ]
    recognisers([check(WRONG, "relu", "relu_backward", by="pair"), step])
    assert [outcome(file, each).readings for each in discover(file)] == [("pair",), ("step",)]


def test_gradients_in_variables_wait_for_the_check_of_some_of_them(tmp_path, recognisers):
    path = tmp_path / "script.py"
    path.write_text("import numpy as np\ndZ1 = np.ones(2)\ndW1 = dZ1 + 1\n", encoding="utf-8")
    recognisers([check(RIGHT, "dW1", by="step")], [check(UNCHECKED, "dZ1", "dW1", by="formulas")])
    with run_file(str(path)) as file:
        assert [each.names for each in discover(file)] == [("dW1",)]


@pytest.mark.parametrize("first", [check(UNCHECKED, "relu"), failing(ValueError("no"), "relu")], ids=["said", "raised"])
def test_the_next_recogniser_is_asked_if_the_first_could_not_check(file, recognisers, first):
    recognisers([first], [check(RIGHT, "relu", by="second")])
    assert outcome(file, discover(file)[0]).readings == ("second",)


def test_an_undecided_verdict_is_final(file, recognisers):
    recognisers([check(UNDECIDED, "relu")], [check(RIGHT, "relu")])
    assert outcome(file, discover(file)[0]).verdict == UNDECIDED


def test_of_failures_only_the_first_is_reported(file, recognisers):
    recognisers([failing(ValueError("the first"), "relu")], [failing(ValueError("the second"), "relu")])
    found = outcome(file, discover(file)[0])
    assert found.verdict == UNCHECKED
    assert found.problem.endswith("the first")


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), SystemExit(0), CannotCheck("a reason")])
def test_a_check_that_raises_is_not_checked_for_a_reason(file, recognisers, error):
    recognisers([failing(error, "relu")])
    found = outcome(file, discover(file)[0])
    assert found.verdict == UNCHECKED
    assert found.problem
    assert (found.title, found.names) == ("relu", ("relu",))


def test_checks_come_in_the_order_of_the_file(file, recognisers):
    recognisers([check(RIGHT, "other")], [check(RIGHT, "no such name"), check(RIGHT, "relu_backward")])
    assert [each.title for each in discover(file)] == ["relu_backward", "other", "no such name"]


def test_names_select_checks_each_once(file, recognisers):
    recognisers([check(RIGHT, "relu", "relu_backward"), check(RIGHT, "other")])
    assert [each.title for each in discover(file, ["relu_backward", "relu"])] == ["relu, relu_backward"]


def test_a_name_that_no_recogniser_takes_is_checked_by_autodiff(file, recognisers):
    recognisers([])
    found = outcome(file, discover(file, ["other"])[0])
    assert (found.verdict, found.title) == (RIGHT, "other")
    assert found.place == f"{file.path}:6"


def test_gradients_that_no_recogniser_takes_are_not_checked(file, recognisers):
    recognisers([check(RIGHT, "other")])
    found = [outcome(file, each) for each in discover(file)]
    assert [(each.title, each.verdict) for each in found] == [("other", RIGHT), ("relu_backward", UNCHECKED)]
    assert [each.title for each in discover(file, ["other"])] == ["other"]


def test_a_missing_name_names_what_there_is(file, recognisers):
    recognisers([])
    with pytest.raises(CannotCheck, match="there is no tanh to check; there is the functions relu,"):
        discover(file, ["tanh"])


def test_nothing_to_check_names_what_was_expected(file, recognisers):
    recognisers([])
    for name in ("relu_backward", "relu_prime"):
        del file.names[name]
    with pytest.raises(CannotCheck, match=r"nothing to check: expected a pair such as .*: relu, other"):
        discover(file)


def test_gradients_that_a_checked_function_gave_are_checked_with_it(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "import numpy as np\n"
        "def forward(X, params):\n"
        "    A1 = np.maximum(params['W1'] @ X, 0) * (np.arange(X.shape[1]) % 2)\n"
        "    return params['W2'] @ A1, {'A1': A1}\n"
        "def backward(X, Y, params, cache):\n"
        "    dZ2 = params['W2'] @ cache['A1'] - Y\n"
        "    dZ1 = params['W2'].T @ dZ2 * (cache['A1'] > 0)\n"
        "    return {'dW1': dZ1 @ X.T, 'dW2': dZ2 @ cache['A1'].T}\n"
        "X, Y = np.ones((2, 6)), np.arange(6.0)[np.newaxis]\n"
        "params = {'W1': np.ones((3, 2)), 'W2': np.ones((1, 3))}\n"
        "grads = backward(X, Y, params, forward(X, params)[1])\n",
        encoding="utf-8",
    )
    with run_file(str(path)) as file:
        assert [(outcome(file, check).verdict, check.names[0]) for check in discover(file)] == [("right", "backward")]


DESCENT = """
import numpy as np
X = np.random.RandomState(0).randn(3, 30)
Y = (X[:1] > 0).astype(float)
class Net:
    def __init__(self, n_x, n_h, n_y):
        self.p = {"W1": np.random.randn(n_h, n_x), "b1": np.zeros((n_h, 1))}
        self.p |= {"W2": np.random.randn(n_y, n_h), "b2": np.zeros((n_y, 1))}
    def forward(self, X):
        self.X, self.A1 = X, np.tanh(self.p["W1"] @ X + self.p["b1"])
        self.A2 = 1 / (1 + np.exp(-(self.p["W2"] @ self.A1 + self.p["b2"])))
        return self.A2
    def cost(self, Y):
        return -np.sum(Y * np.log(self.A2) + (1 - Y) * np.log(1 - self.A2)) / Y.shape[1]
    def backward(self, Y):
        dZ2 = (self.A2 - Y) / Y.shape[1]
        dZ1 = self.p["W2"].T @ dZ2 * (1 - self.A1**2)
        self.grads = {"dW2": dZ2 @ self.A1.T, "db2": dZ2.sum(axis=1, keepdims=True)}
        self.grads |= {"dW1": dZ1 @ self.X.T, "db1": dZ1.sum(axis=1, keepdims=True)}
        return self.grads
    def fit(self, X, Y):
        for _ in range(10):
            self.forward(X)
            cost = self.cost(Y)
            self.backward(Y)
            for key in self.p:
                self.p[key] -= 0.1 * self.grads["d" + key]
net = Net(3, 4, 1)
net.fit(X, Y)
"""


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [("", "", ""), ("[key] -=", "[key] +=", "sign"), ("* self.grads", "* Y.shape[1] * self.grads", "1/m missing")],
)
def test_an_update_that_misuses_right_gradients_is_wrong(tmp_path, old, new, cause):
    path = tmp_path / "homework.py"
    path.write_text(DESCENT.replace(old, new), encoding="utf-8")
    with run_file(str(path)) as file:
        (finding,) = [outcome(file, check) for check in discover(file)]
    assert finding.verdict == (WRONG if cause else RIGHT), finding.report
    updates = [quantity for quantity in finding.quantities if quantity.name.startswith("the ")]
    assert [(q.verdict, q.causes) for q in updates] == ([(WRONG, (cause,))] * 4 if cause else [])
    assert all(quantity.verdict == RIGHT for quantity in finding.quantities if quantity not in updates)
    assert ("their training step is wrong" in finding.report) == bool(cause)
