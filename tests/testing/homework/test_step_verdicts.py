"""The verdict on a training step: samples that hide weights, parts of arrays, shapes and rates."""

import pytest

each = pytest.mark.parametrize

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


HALF_WRONG = """
import numpy as np
X, t, w = np.random.randn(30, 6), np.random.randn(30), np.zeros(6)
for _ in range(4):
    miss = X @ w - t
    loss = np.mean(miss**2) / 2
    dw = X.T @ miss / 30 * (2 if WHERE else 1)
    w -= 0.1 * dw
"""


def test_a_gradient_that_is_wrong_at_one_of_two_points_is_undecided(judged):
    verdicts = {judged(HALF_WRONG, "WHERE", f"w[{k}] < 0")[0].verdict for k in range(6)}
    assert "undecided" in verdicts
    assert judged(HALF_WRONG, "WHERE", "len(w)")[0].verdict == "wrong"


SOFTMAX_OF_COLUMNS = """
import numpy as np
X, labels = np.random.randn(3, 30), np.random.randint(0, 3, 30)
Y = np.eye(3)[labels].T
W1, b1, W2, b2 = np.random.randn(4, 3), np.zeros((4, 1)), np.random.randn(3, 4), np.zeros((3, 1))
for _ in range(20):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    A2 = np.exp(W2 @ A1 + b2) / np.sum(np.exp(W2 @ A1 + b2), axis=0)
    LOSS
    dZ2 = A2 - Y
    dW2, db2 = dZ2 @ A1.T / 30, np.sum(dZ2, axis=1, keepdims=True) / 30
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1, db1 = dZ1 @ X.T / 30, np.sum(dZ1, axis=1, keepdims=True) / 30
    W1 = W1 - 0.1 * dW1
    b1 = b1 - 0.1 * db1
    W2 = W2 - 0.1 * dW2
    b2 = b2 - 0.1 * db2
"""


def test_a_gradient_that_is_always_0_by_a_sum_over_the_classes_is_wrong(judged):
    (finding,) = judged(SOFTMAX_OF_COLUMNS.replace("LOSS", ""), "np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2)")
    assert {q.name: q.verdict for q in finding.quantities}["db2"] == "wrong", finding.report
    assert finding.verdict == "wrong"


@each("eps", ["1e-5", "1e-6", "1e-8"])
@each(
    ("old", "new", "verdict"),
    [("", "", "right"), ("A2 - Y", "A2 - 1.1 * Y", "wrong"), ("@ X.T / 30", "@ X.T", "wrong")],
)
def test_a_small_number_in_a_logarithm_is_left_out_of_gradients(judged, eps, old, new, verdict):
    loss = f"loss = -np.sum(Y * np.log(A2 + {eps})) / 30"
    (finding,) = judged(SOFTMAX_OF_COLUMNS.replace("LOSS", loss), old, new)
    assert finding.verdict == verdict, finding.report


def test_an_unusual_factor_of_a_single_number_is_no_cause(judged):
    source = """
import numpy as np
X, y, w, b = np.random.randn(20, 2), np.random.randn(20), np.zeros(2), 0.0
for _ in range(9):
    error = np.tanh(X @ w + b) - y
    loss = np.mean(error**2) / 2
    slope = error * (1 - np.tanh(X @ w + b) ** 2)
    w = w - 0.1 * X.T @ slope / 20
    b = b - 0.1 * np.mean(error)
"""
    (finding,) = judged(source)
    assert [(q.verdict, q.causes) for q in finding.quantities] == [("right", ()), ("wrong", ())], finding.report


MOMENTUM = """
import numpy as np
X, Y = np.random.randn(8, 3), np.eye(2)[np.arange(8) % 2]
net = {"W": np.random.randn(3, 2), "b": np.zeros(2)}
class Momentum:
    def __init__(self, lr):
        self.lr, self.v = lr, None
    def update(self, net, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(p) for key, p in net.items()}
        for key in net:
            self.v[key] = 0.9 * self.v[key] - self.lr * grads[key]
            net[key] += self.v[key]
optimizer = Momentum(0.07)
for step in range(20):
    P = np.exp(X @ net["W"] + net["b"])
    P = P / P.sum(axis=1, keepdims=True)
    d = (P - Y) / len(X)
    optimizer.update(net, {"W": X.T @ d, "b": d.sum(axis=0)})
"""


@each(
    ("old", "new", "verdict"),
    [("", "", "right"), ("- self.lr *", "+ self.lr *", "wrong"), ("net[key] +=", "net[key] -=", "wrong")],
)
def test_a_momentum_that_goes_uphill_is_wrong(judged, old, new, verdict):
    (finding,) = judged(MOMENTUM, old, new)
    assert finding.verdict == verdict, finding.report
