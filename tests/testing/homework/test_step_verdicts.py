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
