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
