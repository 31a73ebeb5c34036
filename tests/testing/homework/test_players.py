"""Runs of layer objects: where their gradients are, and what is left out of them."""

import pytest

BOOK = """
class Affine:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
        self.grads = [np.zeros_like(self.W), np.zeros_like(self.b)]
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ self.W.T
class Loss:
    def forward(self, x, t):
        e = np.exp(x)
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.y + 1e-7)) / len(x)
    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)
class Model:
    def __init__(self, n_in, n_out):
        self.layers, self.loss = [Affine(n_in, 5), Affine(5, n_out)], Loss()
    def forward(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        return self.loss.forward(x, t)
    def backward(self, dout=1):
        dout = self.loss.backward(dout)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout
"""


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [("", "", 0), ("dout.sum(axis=0)", "dout.mean(axis=0)", 1), ("reversed(self.layers)", "[]", 1)],
)
def test_layers_with_lists_of_gradients_and_a_small_number_in_an_inner_loss(check, old, new, status):
    found = check(BOOK.replace(old, new))
    assert found.status == status, found.out + found.err
