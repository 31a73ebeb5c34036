"""Gradients in training loops: scripts, functions and classes whose forward pass, gradients and updates are inline."""

import pytest

from tinygrad_dl.testing.homework import scripts
from tinygrad_dl.testing.homework.loading import run_file

each = pytest.mark.parametrize

COLUMNS = """
import numpy as np
rng = np.random.RandomState(4)
X = rng.randn(3, 7)
Y = (rng.rand(1, 7) < 0.5) * 1.0
W1, b1 = rng.randn(4, 3), np.zeros((4, 1))
W2, b2 = rng.randn(1, 4), np.zeros((1, 1))
m, rate = 7, 0.5
for step in range(40):
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    W1 = W1 - rate * dW1
    b1 = b1 - rate * db1
    W2 = W2 - rate * dW2
    b2 = b2 - rate * db2
"""
ROWS = """
import numpy as np
rng = np.random.RandomState(5)
X, t = rng.rand(6, 3), rng.rand(6, 3)
V, U = rng.randn(3, 4), rng.randn(4, 3)
def squash(z, slope=False):
    return z * (1 - z) if slope else 1 / (1 + np.exp(-z))
for _ in range(9):
    hidden = squash(X @ V)
    out = squash(hidden @ U)
    out_delta = (t - out) * squash(out, True)
    hidden_delta = out_delta @ U.T * squash(hidden, True)
    U += hidden.T @ out_delta
    V += X.T @ hidden_delta
"""
CLASS = """
import numpy as np
class Net:
    def __init__(self, X, y):
        self.X, self.y = X, y
        self.W1, self.W2 = np.random.rand(3, 4), np.random.rand(4, 1)
    def forward(self):
        self.h = np.tanh(self.X @ self.W1)
        self.out = self.h @ self.W2
    def backward(self):
        d = 2 * (self.out - self.y) / len(self.y)
        dW2 = self.h.T @ d
        dW1 = self.X.T @ (d @ self.W2.T * (1 - self.h**2))
        self.W1 -= 0.1 * dW1
        self.W2 -= 0.1 * dW2
if __name__ == "__main__":
    net = Net(np.random.randn(6, 3), np.random.randn(6, 1))
    for i in range(30):
        net.forward()
        net.backward()
        if i % 10 == 9:
            print("Loss:", np.mean((net.out - net.y) ** 2))
"""
MOMENTUM = """
import numpy as np
rng = np.random.default_rng(6)
X, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
W, b = rng.normal(size=(3, 3)), np.zeros(3)
vW, vb = np.zeros_like(W), np.zeros_like(b)
for epoch in range(3):
    order = rng.permutation(20)
    for i in range(0, 20, 5):
        x, k = X[order[i : i + 5]], y[order[i : i + 5]]
        s = x @ W + b
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(5), k]).mean()
        p[np.arange(5), k] -= 1
        dW = x.T @ p / 5
        db = p.sum(axis=0) / 5
        vW = 0.9 * vW + dW
        vb = 0.9 * vb + db
        W -= 0.1 * vW
        b -= 0.1 * vb
"""
SAMPLES = """
import numpy as np
def fit(xs, ys, w, c):
    for x, y in zip(xs, ys):
        guess = w * x + c
        loss = (guess - y) ** 2
        w = w - 0.01 * 2 * (guess - y) * x
        c = c - 0.01 * 2 * (guess - y)
    return w, c
fit(np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0]), 0, 0)
"""
FILES = {"columns": COLUMNS, "rows": ROWS, "class": CLASS, "momentum": MOMENTUM, "samples": SAMPLES}


@each("name", FILES)
def test_right_gradients_in_a_loop_are_right(judged, name):
    assert [finding.verdict for finding in judged(FILES[name])] == ["right"]


@each(
    ("name", "old", "new", "cause"),
    [
        ("columns", "A2 - Y", "Y - A2", "sign"),
        ("columns", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T", "1/m missing"),
        ("columns", "(1 - A1**2)", "(1 - A1)", ""),
        ("columns", "keepdims=True) / m\n    dZ1", "keepdims=True) / m**2\n    dZ1", "a 1/m too many"),
        ("rows", "squash(hidden, True)", "squash(hidden)", ""),
        ("rows", "U += hidden", "U -= hidden", "sign"),
        ("class", "d @ self.W2.T", "2 * d @ self.W2.T", "a factor of 2"),
        ("momentum", "dW = x.T @ p / 5", "dW = x.T @ p", "1/m missing"),
        ("samples", "2 * (guess - y) * x", "2 * (y - guess) * x", "sign"),
    ],
)
def test_a_mistake_is_wrong_with_its_cause(judged, name, old, new, cause):
    (finding,) = judged(FILES[name], old, new)
    assert finding.verdict == "wrong", finding.report
    assert any(cause in quantity.causes for quantity in finding.quantities) or not cause, finding.report


def test_a_gradient_from_weights_that_were_updated_before_is_wrong(judged):
    late = "hidden_delta = out_delta @ U.T * squash(hidden, True)\n    "
    (finding,) = judged(ROWS.replace(late, ""), "V += X", f"{late}V += X")
    wrong = [quantity for quantity in finding.quantities if quantity.verdict == "wrong"]
    assert [quantity.causes for quantity in wrong] == [("updated W: it is computed from U after its update",)]


@each(("old", "verdict"), [("squares", "right"), ("a mean with 1/2", "wrong")])
def test_a_sum_of_squares_is_minimised_unless_the_loss_is_halved_and_a_mean(judged, old, verdict):
    loss = {"squares": "np.mean((t - out) ** 2)", "a mean with 1/2": "np.mean((t - out) ** 2) / 2"}[old]
    source = ROWS.replace("    out_delta", f"    loss = {loss}\n    out_delta", 1)
    assert [finding.verdict for finding in judged(source)] == [verdict]


def test_a_mean_of_cross_entropies_has_a_mean_of_gradients(judged):
    (finding,) = judged(MOMENTUM.replace("x.T @ p / 5", "x.T @ p"), "p.sum(axis=0) / 5", "p.sum(axis=0)")
    assert [(q.name, q.causes) for q in finding.quantities] == [("dW", ("1/m missing",)), ("db", ("1/m missing",))]


def test_a_loop_without_parameters_is_no_training(judged):
    assert judged("import numpy as np\ntotal = 0.0\nfor x in np.arange(3.0):\n    total += x**2\n") == []


VECTOR = """
import numpy as np
rng = np.random.RandomState(7)
X, t, w, c = rng.randn(8, 4), rng.randn(8), rng.randn(4), 0.0
lam = 0.3
for _ in range(5):
    miss = X @ w + c - t
    w -= 0.1 * (X.T @ miss + lam * w)
    c -= 0.1 * miss.sum()
"""


@each(("share", "verdict"), [("lam * w", "right"), ("2 * lam * w", "undecided"), ("lam * w**3", "wrong")])
def test_a_penalty_that_no_loss_has_is_right_with_its_own_strength_only(judged, share, verdict):
    assert [finding.verdict for finding in judged(VECTOR, "lam * w", share)] == [verdict]


def test_numbers_that_are_called_e_are_no_loss(judged):
    source = MOMENTUM.replace("p = np.exp(s) / np.exp(s)", "e = np.exp(s)\n        p = e / e")
    assert [finding.verdict for finding in judged(source)] == ["right"]


def test_gradients_without_the_penalty_of_a_loss_that_the_step_never_computes_are_undecided(judged):
    loss = "def loss(w, c):\n    return np.sum((X @ w + c - t) ** 2) / 2 + lam / 2 * np.sum(w**2)\n"
    (finding,) = judged(VECTOR.replace(" + lam * w", ""), "for _", f"{loss}for _")
    assert finding.verdict == "undecided"


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


PARAMETERS_IN_A_LIST = """
import numpy as np
class Layer:
    def __init__(self, n, p):
        self.params, self.grads = [np.random.randn(n, p)], [np.zeros((n, p))]
    def forward(self, x):
        self.x = x
        return x @ self.params[0]
    def backward(self, d):
        self.grads[0][...] = self.x.T @ d
        return d @ self.params[0].T
class Net:
    def __init__(self):
        self.layers, self.params, self.grads = [Layer(3, 4), Layer(4, 2)], [], []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads
X, Y, net = np.random.randn(6, 3), np.random.randn(6, 2), Net()
for step in range(5):
    out = net.layers[1].forward(net.layers[0].forward(X))
    loss = np.sum((out - Y) ** 2) / 2
    net.layers[0].backward(net.layers[1].backward(out - Y))
    for p, g in zip(net.params, net.grads):
        p -= 0.1 * g
"""


@each(("old", "new", "verdict"), [("", "", "right"), ("zip(net.params,", "zip(reversed(net.params),", "wrong")])
def test_lists_that_the_file_fills_in_a_loop_are_whole(judged, old, new, verdict):
    (finding,) = judged(PARAMETERS_IN_A_LIST, old, new)
    assert finding.verdict == verdict, finding.report
    assert len(finding.quantities) == 2
