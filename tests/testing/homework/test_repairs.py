"""Causes of wrong gradients, as the change of the learner's code that makes them right."""

import time

import numpy as np
import pytest

from tests.testing.homework.test_scripts import COLUMNS, ROWS
from tinygrad_dl.testing.homework import repairs, scripts
from tinygrad_dl.testing.homework.budget import time_limit
from tinygrad_dl.testing.homework.claims import Claimed
from tinygrad_dl.testing.homework.discovery import discover, outcome
from tinygrad_dl.testing.homework.loading import run_file

each = pytest.mark.parametrize


@pytest.fixture
def ran(tmp_path):
    """A file with this source, run in the block."""

    def run(source):
        path = tmp_path / "homework.py"
        path.write_text(source, encoding="utf-8")
        return run_file(str(path), shown=path.name)

    return run


@each(
    ("source", "old", "new", "cause"),
    [
        (COLUMNS, "(1 - A1**2)", "A1 * (1 - A1)", "the derivative of tanh is 1 - A1 ** 2, in the place of that in"),
        (COLUMNS, "dZ1 @ X.T", "dZ1 * 2 @ X.T", "a factor too much, 2: line 17 is right"),
        (COLUMNS, "(1 - A1**2)", "(1 - A1)", "1 - a for 1 - a², the derivative of tanh (1 - A1): line 16 is right as"),
        (ROWS, "squash(hidden, True)", "squash(out @ U.T, True)", "the derivative of sigmoid is hidden * (1 - hidden)"),
    ],
)
def test_the_change_that_repairs_a_training_step_is_the_first_cause(ran, source, old, new, cause):
    assert old in source
    with ran(source.replace(old, new)) as file:
        (finding,) = [check.run() for check in scripts.find(file)]
    wrong = [quantity for quantity in finding.quantities if quantity.verdict == "wrong"]
    assert wrong
    assert all(quantity.causes[0].startswith(cause) for quantity in wrong), finding.report


SLOPE, STEP = "    d = e @ V.T * (1 - H**2)\n", "    V -= 0.1 * H.T @ e\n"
LISTS = """
import numpy as np
X, Y = np.random.randn(3, 8), np.eye(2)[:, np.arange(8) % 2]
W = [np.random.randn(4, 3), np.random.randn(2, 4)]
b = [np.zeros((4, 1)), np.zeros((2, 1))]
def gradients(W, b):
    H = np.tanh(W[0] @ X + b[0])
    P = np.exp(W[1] @ H + b[1])
    P = P / P.sum(axis=0)
    loss = -np.sum(Y * np.log(P)) / 8
    d2 = (P - Y) / 8
    d1 = W[1].T @ d2 * (1 - H**2)
    return [d1 @ X.T, d2 @ H.T], [d1.sum(axis=1, keepdims=True), d2.sum(axis=1, keepdims=True)]
for step in range(20):
    dW, db = gradients(W, b)
    W = [w - 0.1 * g for w, g in zip(W, dW)]
    b = [c - 0.1 * g for c, g in zip(b, db)]
"""
SCRIPT = """
import numpy as np
X, Y = np.random.randn(8, 3), np.random.randn(8, 2)
W, V, c = np.random.randn(3, 4), np.random.randn(4, 2), np.zeros((1, 2))
for step in range(20):
    H = np.tanh(X @ W)
    e = H @ V + c - Y
    loss = np.sum(e**2) / 2
    d = e @ V.T * (1 - H**2)
    V -= 0.1 * H.T @ e
    c -= 0.1 * e.sum(axis=0, keepdims=True)
    W -= 0.1 * X.T @ d
    print(loss)
"""


@each(
    ("source", "old", "new", "cause"),
    [
        (LISTS, "w - 0.1 * g", "w + 0.1 * g", "sign, + for -: line 16 is right as `W = [w - 0.1 * g for w, g in"),
        (LISTS, "(P - Y) / 8", "(P - Y) * P * (1 - P) / 8", "factors too much, P * (1 - P): line 11 is right as"),
        (LISTS, "W = [w - 0.1 * g for", "lr = 0.1\n    W[:] = [w + lr * g for",
         "sign, + for -: line 17 is right as `W[:] = [w - lr * g for w, g in"),
        (SCRIPT, "c -= ", "c += ", "sign, += for -= or the reverse: line 11 is right as `c -="),
        (SCRIPT, "W -= 0.1 * X.T", "X, W = X, W + 0.1 * X.T", "sign, + for -: line 12 is right as `X, W = "),
        (LISTS, "(P - Y) / 8", "(Y - P) / 8", "sign, a minus missing: line 11 is right as `d2 = -"),
        (SCRIPT, "e.sum(axis=0, keepdims=True)", "e.sum()", "summed over the wrong axis: no axis for axis=0: line 11"),
        (SCRIPT, SLOPE + STEP, STEP + SLOPE, "the order: something is used before it is computed, or after it was"),
    ],
)  # fmt: skip
def test_the_line_of_the_mistake_is_named_not_one_that_undoes_it(ran, source, old, new, cause):
    assert old in source
    with ran(source) as file:
        assert [check.run().verdict for check in scripts.find(file)] == ["right"]
    with ran(source.replace(old, new)) as file:
        (finding,) = [check.run() for check in scripts.find(file)]
    wrong = [quantity for quantity in finding.quantities if quantity.verdict == "wrong"]
    assert wrong
    assert all(quantity.causes[0].startswith(cause) for quantity in wrong), finding.report


NUMBER = """
import numpy as np
X, Y, w, b = np.random.randn(3, 20), np.random.randn(1, 20), np.zeros((3, 1)), 0.0
for i in range(50):
    error = w.T @ X + b - Y
    cost = np.mean(error**2) / 2
    w = w - 0.1 * X @ error.T / 20
    b = b - 0.1 * np.sum(error)
"""


def test_the_line_is_named_where_a_bias_is_a_number(ran):
    with ran(NUMBER) as file:
        (finding,) = [check.run() for check in scripts.find(file)]
    assert any("line 8 is right as" in cause for cause in finding.quantities[1].causes), finding.report


PAIR = """
import numpy as np
seen = []
weights = np.ones((2, 2))
def dense_forward(x, W, b):
    return x @ W + b, (x, W)
def dense_backward(dout, cache):
    x, W = cache
    dx = dout @ W
    dW = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dW, db
"""
LAYER = """
import numpy as np
class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum()
        return dout @ self.W.T
"""
VALUES = """
import numpy as np
def loss(W, X, y):
    scores = X @ W - y
    return np.sum(scores ** 2), X.T @ scores
"""
NET = """
import numpy as np
def forward(X, params):
    A1 = np.tanh(params["W1"] @ X + params["b1"])
    A2 = 1 / (1 + np.exp(-(params["W2"] @ A1 + params["b2"])))
    return A2, {"A1": A1, "A2": A2}
def cost(A2, Y):
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
def backward(X, Y, params, cache):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dZ1 = params["W2"].T @ dZ2 * (1 - cache["A2"] ** 2)
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.sum(1, keepdims=True) / m,
            "dW2": dZ2 @ cache["A1"].T / m, "db2": dZ2.sum(1, keepdims=True) / m}
"""


KEPT_BY_FORWARD = """
import numpy as np
def relu(x):
    return np.maximum(x, 0)
def d_relu(x):
    return (x > 0) * 1.0
class Net:
    def __init__(self):
        self.W, self.V = np.random.randn(3, 4), np.random.randn(4, 2)
    def forward(self, X):
        self.X, self.Z = X, X @ self.W
        return relu(self.Z) @ self.V
    def loss(self, X, Y):
        return np.sum((self.forward(X) - Y) ** 2) / 2
    def backward(self, X, Y):
        d = self.forward(X) - Y
        below = d @ self.V.T * relu(self.Z)
        self.dW, self.dV = X.T @ below, relu(self.Z).T @ d
"""


@each(
    ("source", "cause"),
    [
        (PAIR, "transposed: W for W.T: line 9 is right as `dx = dout @ W.T`"),
        (LAYER, "summed over the wrong axis: no axis for axis=0: line 11 is right as `self.db = dout.sum(axis=0)`"),
        (VALUES, "a factor missing, 2: line 5 is right as `return (np.sum(scores ** 2), 2 * (X.T @ scores))`"),
        (NET, "cache['A2'] for cache['A1']: line 12 is right as"),
        (KEPT_BY_FORWARD, "relu for d_relu, another activation or its derivative: line 17 is right as"),
    ],
    ids=["pair", "layer", "values", "net", "net of an object"],
)
def test_each_kind_of_homework_is_repaired(ran, source, cause):
    with ran(source) as file:
        findings = [outcome(file, check) for check in discover(file, [], 1)]
    causes = [c for finding in findings for q in finding.quantities for c in q.causes]
    assert any(c.startswith(cause) for c in causes), causes


def claim_of(file):
    """The claim of the pair, which is wrong for x."""
    forward, backward = file.functions["dense_forward"], file.functions["dense_backward"]
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape) for shape in ((3, 2), (2, 2), (2,))]

    def gradients(g, values):
        return dict(zip("xWb", backward(g, forward(*values)[1]), strict=True))

    return Claimed(list("xWb"), values, lambda *v: forward(*v)[0], gradients, list("xWb"))


def test_functions_arrays_and_random_numbers_are_as_before_after_a_search(ran):
    source = PAIR.replace("dx = dout @ W\n", "dx = dout @ W\n    weights[0] += 1\n    np.random.rand()\n")
    with ran(source) as file:
        backward, code = file.functions["dense_backward"], file.functions["dense_backward"].__code__
        claim = claim_of(file)
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        assert repairs.repairs_of_claim(file, lambda: claim, ["x"])
        assert backward.__code__ is code
        assert np.array_equal(file.names["weights"], np.ones((2, 2)))
        assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_code_that_fails_or_never_ends_gives_no_cause_and_no_error(ran):
    def fail(*anything):
        raise ValueError("it fails")

    with ran(PAIR) as file:
        failing = Claimed(["x"], [np.ones(2)], fail, fail, ["x"])
        assert repairs.repairs_of_claim(file, lambda: failing, ["x"]) == []
    source = PAIR.replace("    db =", "    i = 0\n    while i < 2:\n        i += 1\n    db =")
    with ran(source) as file, time_limit(8):
        claim = claim_of(file)
        (found,) = repairs.repairs_of_claim(file, lambda: claim, ["x"])[:1]
        assert found.startswith("transposed")


def test_a_search_takes_a_share_of_the_time_that_is_left_and_is_not_begun_in_the_last_moment():
    assert repairs.seconds_of_search(3.0) == 3.0
    with time_limit(4):
        assert 0.5 < repairs.seconds_of_search(3.0) <= 4 * repairs.SHARE
    with time_limit(0.5):
        assert repairs.seconds_of_search(3.0) == 0.0


def test_what_runs_too_long_is_ended():
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        repairs.in_time(lambda: time.sleep(20))
    assert time.monotonic() - start < 10


def test_a_search_leaves_time_for_the_verdict_on_a_busy_machine(ran, monkeypatch):
    monkeypatch.setattr(repairs, "repairs_of", lambda *args: time.sleep(20))
    start = time.monotonic()
    with ran(PAIR) as file, time_limit(4):
        claim = claim_of(file)
        assert repairs.repairs_of_claim(file, lambda: claim, ["x"]) == []
    assert time.monotonic() - start < 4
