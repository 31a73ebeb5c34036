"""Verdicts on the gradients of training steps: losses in other functions and files, units in lists, hidden weights."""

import pytest

from tinygrad_dl.testing.homework import scripts
from tinygrad_dl.testing.homework.loading import run_file

from .test_scripts import COLUMNS

each = pytest.mark.parametrize


def test_arrays_of_data_that_are_drawn_one_after_the_other_are_no_copies(judged):
    source = """
    import numpy as np
    p = np.random.randn(9)
    q = np.random.randn(9)
    t = np.random.randn(9)
    u = v = 0.5
    for _ in range(4):
        miss = u * p + v * q - t
        du = np.sum(miss * p)
        dv = np.sum(miss * q)
        u -= 0.1 * du
        v -= 0.1 * dv
    """
    verdicts = [judged(source, "miss * p", f"miss * {name}")[0].verdict for name in "pq"]
    assert verdicts == ["right", "wrong"]


@each(("error", "verdict"), [("squash(z) - t", "right"), ("t - squash(z)", "wrong")])
def test_data_that_are_large_do_not_saturate_the_outputs(judged, error, verdict):
    source = """
    import numpy as np
    def squash(z):
        return 1 / (1 + np.exp(-z))
    X, t, w = 900 * np.random.rand(30, 5), np.arange(30) % 2, np.zeros(5)
    for _ in range(4):
        z = X @ w
        miss = squash(z) - t
        dw = X.T @ miss / 30
        w -= 0.1 * dw
    """
    (finding,) = judged(source, "squash(z) - t", error)
    assert finding.verdict == verdict, finding.report


UNITS_IN_LISTS = """
from math import exp
net = [[{"w": [0.2, -0.4, 0.1]}, {"w": [0.5, 0.3, -0.2]}], [{"w": [-0.6, 0.7, 0.1]}, {"w": [0.4, 0.2, 0.3]}]]
def forward(net, row):
    values = row
    for layer in net:
        for unit in layer:
            s = unit["w"][-1]
            for j in range(len(values)):
                s += unit["w"][j] * values[j]
            unit["out"] = 1 / (1 + exp(-s))
        values = [unit["out"] for unit in layer]
    return values
def backward(net, target):
    for i in (1, 0):
        for j, unit in enumerate(net[i]):
            if i == 1:
                error = unit["out"] - target[j]
            else:
                error = sum(above["w"][j] * above["delta"] for above in net[1])
            unit["delta"] = error * unit["out"] * (1 - unit["out"])
def update(net, row, rate):
    for i in range(2):
        values = row if i == 0 else [unit["out"] for unit in net[0]]
        for unit in net[i]:
            for j in range(len(values)):
                unit["w"][j] -= rate * unit["delta"] * values[j]
            unit["w"][-1] -= rate * unit["delta"]
for epoch in range(3):
    for row, target in [([0.2, 0.9], [1, 0]), ([0.7, 0.1], [0, 1])]:
        forward(net, row)
        backward(net, target)
        update(net, row, 0.5)
"""


@each(
    ("old", "new", "verdict"),
    [
        ("", "", "right"),
        ("1 - unit", "1 + unit", "wrong"),
        ('unit["w"][-1] -= rate', 'unit["w"][-1] -= 3 * rate', "wrong"),
        ('unit["out"] - target[j]', 'target[j] - unit["out"]', "wrong"),
    ],
)
def test_units_in_lists_have_one_output_together(judged, old, new, verdict):
    (finding,) = judged(UNITS_IN_LISTS, old, new)
    assert finding.verdict == verdict, finding.report
    assert len(finding.quantities) == 12


WIRED = """
import numpy as np
from layers import *
def model(X, Y, layers_dims, steps=3):
    params = start(layers_dims)
    for i in range(steps):
        A1, cache1 = hidden(X, params["W1"])
        A2, cache2 = hidden(A1, params["W2"])
        cost = np.sum((A2 - Y) ** 2) / 2
        dA2 = A2 - Y
        dA1, dW2 = hidden_backward(dA2, cache2)
        dA0, dW1 = hidden_backward(dA1, cache1)
        params = update(params, {"dW1": dW1, "dW2": dW2})
    return params
"""
LAYERS = """
import numpy as np
RATE = 0.1
def start(sizes):
    return {f"W{l}": np.random.randn(sizes[l], sizes[l - 1]) for l in (1, 2)}
def hidden(A, W):
    return np.tanh(W @ A), (A, W)
def hidden_backward(dA, cache):
    A, W = cache
    dZ = dA * (1 - np.tanh(W @ A) ** 2)
    return W.T @ dZ, dZ @ A.T
def update(params, grads):
    for name in list(params):
        params[name] = params[name] - RATE * grads["d" + name]
    return params
"""


@each(("dA2", "verdict"), [("A2 - Y", "right"), ("Y - A2", "wrong"), ("2 * (A2 - Y)", "wrong")])
def test_a_step_is_found_whose_update_is_in_a_file_beside_it(tmp_path, dA2, verdict):
    (tmp_path / "layers.py").write_text(LAYERS, encoding="utf-8")
    path = tmp_path / "model.py"
    path.write_text(WIRED.replace("dA2 = A2 - Y", f"dA2 = {dA2}"), encoding="utf-8")
    with run_file(str(path)) as file:
        (finding,) = [check.run() for check in scripts.find(file)]
    assert finding.verdict == verdict, finding.report
    assert finding.names == ("model", "hidden_backward")


SAMPLES_OF_ZEROS = """
import numpy as np
import random
w, v = np.random.randn(3, 2), np.random.randn(1, 3)
data = [(np.zeros((2, 1)), 1.0), (np.array([[1.0], [2.0]]), 0.0)]
for i in range(20):
    x, y = PICK
    h = np.tanh(w @ x + 1)
    d = v @ h - y
    below = v.T @ d * (1 - h**2)
    v -= 0.1 * d @ h.T
    w -= 0.1 * below @ x.T
"""


def test_weights_that_a_sample_hides_are_seen_with_another_or_not_called_right(judged):
    (finding,) = judged(SAMPLES_OF_ZEROS.replace("PICK", "random.choice(data)"))
    assert (finding.verdict, len(finding.quantities)) == ("right", 2), finding.report
    (finding,) = judged(SAMPLES_OF_ZEROS.replace("PICK", "data[i % 2]"))
    assert (finding.verdict, len(finding.quantities)) == ("right", 2), finding.report
    (finding,) = judged(SAMPLES_OF_ZEROS.replace("PICK", "data[0]"))
    assert finding.verdict == "undecided", finding.report


WEIGHTS_WITH_A_BIAS = """
import numpy as np
X, y, w = np.random.randn(6, 2), np.random.randn(6), np.zeros(3)
for _ in range(9):
    errors = y - (X @ w[1:] + w[0])
    loss = np.sum(errors**2) / 2
    w[1:] += 0.1 * X.T @ errors
    w[0] += 0.1 * errors.sum()
"""


@each(("old", "new", "verdict"), [("", "", "right"), ("w[0] +=", "w[0] -=", "wrong"), ("X.T @", "2 * X.T @", "wrong")])
def test_parts_of_one_array_may_be_updated_one_after_the_other(judged, old, new, verdict):
    (finding,) = judged(WEIGHTS_WITH_A_BIAS, old, new)
    assert finding.verdict == verdict, finding.report


def test_a_step_that_the_checker_fails_on_is_a_check_that_fails(tmp_path, monkeypatch):
    def fail(*args):
        raise ValueError("on purpose")

    monkeypatch.setattr(scripts, "_first", fail)
    path = tmp_path / "script.py"
    path.write_text(COLUMNS, encoding="utf-8")
    with run_file(str(path)) as file:
        (check,) = scripts.find(file)
    with pytest.raises(ValueError, match="on purpose"):
        check.run()


SAMPLE_BY_SAMPLE = """
import numpy as np
def train(X, y, rate=0.1):
    m, n = X.shape
    w, b = np.zeros(n), 0.0
    for turn in range(3):
        dw, db, cost = np.zeros(n), 0.0, 0.0
        for i in range(m):
            miss = np.dot(w, X[i]) + b - y[i]
            cost += miss**2 / 2
            for j in range(n):
                dw[j] += X[i, j] * miss
            db += miss
        w = w - rate * dw
        b = b - rate * db
    return w, b
"""


@each(("old", "new", "verdict"), [("", "", "right"), ("db += miss", "db = miss", "wrong")])
def test_targets_are_drawn_that_leave_a_parameter_its_shape(judged, old, new, verdict):
    (finding,) = judged(SAMPLE_BY_SAMPLE, old, new)
    assert finding.verdict == verdict, finding.report


LAYERS_AND_AN_OPTIMIZER = """
import numpy as np
class Linear:
    def __init__(self):
        self.w = np.random.randn(3, 2)
    def forward(self, x):
        self.x = x
        return x @ self.w
    def backward(self, g):
        self.dw = self.x.T @ g
        return g @ self.w.T
class Descent:
    def __init__(self, lr):
        self.lr, self.v = lr, {}
    def step(self, params):
        for i, (p, g) in enumerate(params):
            v = 0.9 * self.v.get(i, 0) - self.lr * g
            self.v[i] = v
            p += v
layer, descent = Linear(), Descent(0.1)
x, t = np.random.randn(20, 3), np.random.randn(20, 2)
for i in range(3):
    miss = layer.forward(x) - t
    loss = np.sum(miss**2) / 40
    layer.backward(miss / 20)
    descent.step([(layer.w, layer.dw)])
"""


def test_a_factor_that_is_the_learning_rate_is_no_mistake_and_layers_keep_their_own_checks(judged):
    (finding,) = judged(LAYERS_AND_AN_OPTIMIZER)
    assert finding.verdict == "right", finding.report
    assert "Linear" not in finding.names
