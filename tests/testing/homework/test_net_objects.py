"""Nets that are objects: the data that they take, and the methods that play a part."""

import pytest

SEQUENCE = """
class RNN:
    def __init__(self, words, hidden=3):
        self.hidden = hidden
        self.U, self.W = np.random.randn(hidden, words), np.random.randn(hidden, hidden)
        self.V = np.random.randn(words, hidden)
    def forward(self, x):
        s, o = np.zeros((len(x) + 1, self.hidden)), []
        for t in range(len(x)):
            s[t] = np.tanh(self.U[:, x[t]] + self.W @ s[t - 1])
            e = np.exp(self.V @ s[t])
            o.append(e / e.sum())
        return [np.array(o), s]
    def bptt(self, x, y):
        o, s = self.forward(x)
        dU, dW, dV = 0 * self.U, 0 * self.W, 0 * self.V
        o[np.arange(len(y)), y] -= 1
        carried = 0
        for t in reversed(range(len(x))):
            dV += np.outer(o[t], s[t])
            d = (self.V.T @ o[t] + carried) * (1 - s[t] ** 2)
            dW += np.outer(d, s[t - 1])
            dU[:, x[t]] += d
            carried = self.W.T @ d
        return [dU, dW, dV]
"""


@pytest.mark.parametrize(
    ("old", "new", "verdict"), [("", "", "right"), ("self.W.T @ d", "self.W @ d", "wrong"), (" + carried", "", "wrong")]
)
def test_a_net_of_a_sequence_of_numbers_is_checked_through_time(findings, old, new, verdict):
    (finding,) = findings(SEQUENCE.replace(old, new))
    assert finding.verdict == verdict, finding.report


def test_a_small_number_in_a_logarithm_does_not_make_right_gradients_wrong(check):
    source = """
class MLP:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)
    def forward(self, X):
        self.X, self.Z1 = X, X @ self.W1 + self.b1
        self.A1 = np.maximum(0, self.Z1)
        e = np.exp(self.A1 @ self.W2 + self.b2)
        self.A2 = e / e.sum(axis=1, keepdims=True)
        return self.A2
    def loss(self, y):
        return -np.log(self.A2[range(len(y)), y] + EPS).mean()
    def backward(self, y):
        dZ2 = self.A2.copy()
        dZ2[range(len(y)), y] -= 1
        dZ2 /= len(y)
        self.dW2, self.db2 = self.A1.T @ dZ2, dZ2.sum(axis=0)
        dZ1 = dZ2 @ self.W2.T * (self.Z1 > 0)
        self.dW1, self.db1 = self.X.T @ dZ1, dZ1.sum(axis=0)
"""
    for eps in ("1e-5", "1e-7", "1e-9", "1e-12"):
        right = source.replace("EPS", eps)
        assert check(right).status == 0, check(right).out
        assert check(right.replace("-= 1", "-= 1.1")).status == 1
