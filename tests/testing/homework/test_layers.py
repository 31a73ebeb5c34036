"""Layers of many styles: the right one is right, each mistake makes it wrong."""

import textwrap

import numpy as np
import pytest

from tinygrad_dl.testing.homework.execution import Limits
from tinygrad_dl.testing.homework.layers import check_layer, find
from tinygrad_dl.testing.homework.loading import run_file

DENSE_OF_COLUMNS = """
class Linear:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in) * 0.01
        self.b = np.zeros((n_out, 1))
    def __call__(self, X):
        self.X = X
        return self.W @ X + self.b
    def backward(self, dout):
        self.dW = dout @ self.X.T
        self.db = dout.sum(axis=1, keepdims=True)
        return self.W.T @ dout
"""
STEPPING = """
class Layer:
    def forward_pass(self, x):
        raise NotImplementedError
    def backward_pass(self, grad, lr):
        raise NotImplementedError
class Full(Layer):
    def __init__(self, units, input_size):
        self.weights = np.random.rand(input_size, units)
        self.bias = np.random.rand(units)
    def forward_pass(self, x):
        self.x = x
        return x.dot(self.weights) + self.bias
    def backward_pass(self, grad, lr):
        below = grad.dot(self.weights.T)
        self.weights = self.weights - lr * self.x.T.dot(grad)
        self.bias -= lr * grad.sum(0)
        return below
"""
IN_DICTS = """
class Affine:
    def __init__(self, in_features, out_features, seed=1):
        rng = np.random.RandomState(seed)
        self.params, self.grads = {}, {}
        self.params["W"], self.params["b"] = rng.randn(in_features, out_features), np.zeros(out_features)
    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.params["W"] + self.params["b"]
    def backward(self, grad):
        self.grads["b"] = np.sum(grad, axis=0)
        self.grads["W"] = self.inputs.T @ grad
        return grad @ self.params["W"].T
"""
PARAMETERS_AS_OBJECTS = """
class Parameter:
    def __init__(self, value):
        self.value, self.grad = value, np.zeros_like(value)
class Dense:
    def __init__(self, fan_in, fan_out):
        self.W, self.b = Parameter(np.random.randn(fan_in, fan_out)), Parameter(np.zeros(fan_out))
    def fwd(self, x):
        self.x = x
        return x @ self.W.value + self.b.value
    def bwd(self, g):
        self.W.grad += self.x.T @ g
        self.b.grad += g.sum(axis=0)
        return g @ self.W.value.T
"""
BATCH_NORM = """
class BatchNorm:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean = None
    def forward(self, x, train_flg=True):
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1])
        mu = x.mean(axis=0)
        self.xc = x - mu
        self.std = np.sqrt((self.xc**2).mean(axis=0) + 1e-7)
        self.xn = self.xc / self.std
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
        return self.gamma * self.xn + self.beta
    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        d = self.gamma * dout
        return (d - d.mean(axis=0) - self.xn * (d * self.xn).mean(axis=0)) / self.std
"""
DROPOUT = """
class Dropout:
    def __init__(self, keep_prob):
        self.keep_prob = keep_prob
        self.training = True
    def eval(self):
        self.training = False
    def forward(self, a):
        self.mask = (np.random.rand(*a.shape) < self.keep_prob) / self.keep_prob
        return a * self.mask if self.training else a
    def backward(self, da):
        return da * self.mask
"""
MEAN_IN_BACKWARD = """
class Linear:
    def __init__(self, size_in, size_out):
        self.w, self.b = np.random.randn(size_out, size_in), np.zeros((size_out, 1))
    def forward(self, a):
        self.a = a
        return self.w @ a + self.b
    def backward(self, dz):
        m = self.a.shape[1]
        self.dw = dz @ self.a.T / m
        self.db = dz.sum(axis=1, keepdims=True) / m
        return self.w.T @ dz
"""
SOFTMAX_LOSS = """
class SoftmaxWithLoss:
    def __init__(self):
        self.y, self.t = None, None
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.y)) / len(x)
    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)
"""
RETURNED = """
class Dense:
    def __init__(self, n_x, n_y):
        self.W, self.b = np.random.randn(n_x, n_y), np.zeros((1, n_y))
    def forward(self, X):
        self.X = X
        return X @ self.W + self.b
    def backward(self, dZ):
        dW = self.X.T @ dZ
        db = np.sum(dZ, axis=0, keepdims=True)
        dX = dZ @ self.W.T
        return dX, dW, db
"""
CONVOLUTION = """
class Conv:
    def __init__(self, num_filters, size=3):
        self.filters = np.random.randn(num_filters, size, size)
        self.size = size
    def patches(self, image):
        for i in range(image.shape[0] - self.size + 1):
            for j in range(image.shape[1] - self.size + 1):
                yield i, j, image[i : i + self.size, j : j + self.size]
    def forward(self, image):
        self.image = image
        out = np.zeros((image.shape[0] - self.size + 1, image.shape[1] - self.size + 1, len(self.filters)))
        for i, j, patch in self.patches(image):
            out[i, j] = (patch * self.filters).sum(axis=(1, 2))
        return out
    def backprop(self, d_out, learn_rate):
        d_filters = np.zeros(self.filters.shape)
        for i, j, patch in self.patches(self.image):
            for f in range(len(self.filters)):
                d_filters[f] += d_out[i, j, f] * patch
        self.filters -= learn_rate * d_filters
"""

STYLES = {  # the source, the names of the gradients, and mistakes in it
    "columns, __call__": (DENSE_OF_COLUMNS, ["dW", "db", "dX"], [
        ("dout @ self.X.T", "2 * dout @ self.X.T"),
        ("dout.sum(axis=1, keepdims=True)", "dout.mean(axis=1, keepdims=True)"),
        ("self.W.T @ dout", "-self.W.T @ dout"),
        ("self.W.T @ dout", "self.W @ dout"),
    ]),
    "steps": (STEPPING, ["dweights", "dbias", "dx"], [
        ("self.weights - lr", "self.weights + lr"),
        ("lr * grad.sum(0)", "lr * grad.mean(0)"),
        ("lr * self.x.T.dot(grad)", "0.5 * lr * self.x.T.dot(grad)"),
        ("grad.dot(self.weights.T)", "grad.dot(self.weights.T) / len(grad)"),
    ]),
    "dicts": (IN_DICTS, ["dW", "db", "dinputs"], [
        ("np.sum(grad, axis=0)", "np.sum(grad)"),
        ("self.inputs.T @ grad", "self.inputs.T @ grad / len(grad)"),
        ("return grad @", "return 1.1 * grad @"),
    ]),
    "parameters are objects": (PARAMETERS_AS_OBJECTS, ["W.grad", "b.grad", "dx"], [
        ("self.W.grad += self.x.T @ g", "self.W.grad -= self.x.T @ g"),
        ("g.sum(axis=0)", "g.max(axis=0)"),
    ]),
    "batch norm": (BATCH_NORM, ["dgamma", "dbeta", "dx"], [
        ("d - d.mean(axis=0) - ", "d - "),
        ("self.xn * dout, axis=0", "self.xc * dout, axis=0"),
    ]),
    "dropout": (DROPOUT, ["da"], [("return da * self.mask", "return da * (self.mask > 0)")]),
    "1/m inside": (MEAN_IN_BACKWARD, ["dw", "db", "da"], [
        ("self.dw = dz @ self.a.T / m", "self.dw = dz @ self.a.T"),
        ("keepdims=True) / m", "keepdims=True)"),
    ]),
    "softmax with loss": (SOFTMAX_LOSS, ["dx"], [
        ("(self.y - self.t) / len(self.t)", "self.t - self.y"),
        ("(self.y - self.t) / len(self.t)", "(self.y - self.t)"),
    ]),
    "gradients are returned": (RETURNED, ["dW", "db", "dX"], [
        ("self.X.T @ dZ", "self.X.T @ dZ / self.X.shape[1]"),
        ("np.sum(dZ, axis=0, keepdims=True)", "np.sum(dZ, axis=0)"),
    ]),
    "convolution": (CONVOLUTION, ["dfilters"], [
        ("d_filters[f] +=", "d_filters[f] ="),
        ("self.filters -=", "self.filters +="),
    ]),
}  # fmt: skip
MISTAKES = [(name, *mistake) for name, (_, _, mistakes) in STYLES.items() for mistake in mistakes]


@pytest.fixture
def findings(tmp_path):
    """The findings on the layers of a source."""

    def findings(source):
        path = tmp_path / "homework.py"
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        with run_file(str(path), shown=path.name, limits=Limits()) as file:
            return [check.run() for check in find(file, False)]

    return findings


@pytest.mark.parametrize("style", STYLES)
def test_a_right_layer_is_right_in_all_its_gradients(findings, style):
    source, names, _ = STYLES[style]
    (finding,) = findings(source)
    assert finding.verdict == "right", finding.report
    assert [quantity.name for quantity in finding.quantities] == names


@pytest.mark.parametrize(("style", "old", "new"), MISTAKES)
def test_a_layer_with_a_mistake_is_wrong(findings, style, old, new):
    source = STYLES[style][0]
    assert source.count(old) == 1
    (finding,) = findings(source.replace(old, new))
    assert finding.verdict == "wrong", finding.report


def test_the_place_of_the_mean_is_a_reading(findings):
    (finding,) = findings(MEAN_IN_BACKWARD)
    assert "the gradients of the parameters hold the 1/m" in finding.readings


def test_a_layer_that_is_there_is_checked_for_the_given_input():
    class Scale:
        def __init__(self):
            self.s = np.array([2.0, 3.0])

        def forward(self, x):
            self.x = x
            return self.s * x

        def backward(self, g):
            self.ds = (g * self.x).sum(axis=0)
            return 2 * g * self.s

    finding = check_layer(Scale(), np.ones((3, 2)))
    assert [(q.name, q.verdict) for q in finding.quantities] == [("ds", "right"), ("dx", "wrong")]
    assert "factor 2" in finding.quantities[1].causes[0]


CALLED = """
class Module:
    def __call__(self, x):
        self.x, self.out = x, self.forward(x)
        return self.out
    def forward(self): raise Exception("not implemented")
    def backward(self, g=None): return self.bwd(g, self.out)
class Tanh(Module):
    def forward(self, x): return np.tanh(x)
    def bwd(self, g, out): return g * (1 - out**2)
"""


def test_a_layer_may_keep_what_its_backward_pass_needs_where_it_is_called(findings):
    assert {each.title: each.verdict for each in findings(CALLED)} == {"Tanh": "right"}


SOFTMAX = """
class Softmax:
    def __init__(self, n_in, n_out): self.w = np.random.randn(n_in, n_out)
    def forward(self, x):
        self.x, e = x, np.exp(x @ self.w)
        self.p = e / e.sum()
        return self.p
    def backward(self, g, lr):
        d = self.p * (g - np.sum(g * self.p))
        self.w -= lr * np.outer(self.x, d)
"""


def test_the_step_of_a_softmax_is_seen_though_the_sum_of_its_outputs_is_constant(findings):
    for source, verdict in ((SOFTMAX, "right"), (SOFTMAX.replace("np.sum(g * self.p)", "g * self.p"), "wrong")):
        (finding,) = findings(source)
        assert finding.verdict == verdict, finding.report


BASE = """
class Module:
    def __call__(self, x):
        self.x, self.out = x, self.forward(x)
        return self.out
    def forward(self, x): raise Exception("not implemented")
    def backward(self, g): return self.bwd(g, self.out, self.x)
class Square(Module):
    def forward(self, x): return x**2
    def bwd(self, g, out, x): return 2 * g * x
"""


def test_an_abstract_base_of_layers_is_neither_a_net_nor_a_layer(check):
    found = check(BASE)
    assert found.status == 0, found.out + found.err
    assert check(BASE.replace("2 * g", "3 * g")).status == 1


OF_ONE_SIZE = """
class LayerNorm:
    def __init__(self, n, eps=1e-5):
        self.gamma, self.beta, self.eps = np.ones(n), np.zeros(n), eps
    def forward(self, x):
        self.std = np.sqrt(x.var(-1, keepdims=True) + self.eps)
        self.xhat = (x - x.mean(-1, keepdims=True)) / self.std
        return self.gamma * self.xhat + self.beta
    def backward(self, g):
        self.dgamma, self.dbeta, g = (g * self.xhat).sum(0), g.sum(0), g * self.gamma
        return (g - g.mean(-1, keepdims=True) - self.xhat * (g * self.xhat).mean(-1, keepdims=True)) / self.std
"""


def test_a_layer_of_one_size_gets_inputs_of_that_size(findings):
    for source, verdict in ((OF_ONE_SIZE, "right"), (OF_ONE_SIZE.replace("g - g.mean", "g + g.mean"), "wrong")):
        (finding,) = findings(source)
        assert finding.verdict == verdict, finding.report


CONTAINER = """
class Linear:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, g):
        self.dW, self.db = self.x.T @ g, g.sum(0)
        return g @ self.W.T
class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y
    def backward(self, g):
        return g * (1 - self.y**2)
class Sequential:
    def __init__(self, layers):
        self.layers = layers
    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x
    def backward(self, g):
        for layer in reversed(self.layers):
            g = layer.backward(g)
        return g
"""


@pytest.mark.parametrize("layers", ["layers", "*layers"])
def test_a_container_is_checked_with_layers_of_the_file(check, layers):
    source = CONTAINER.replace("self, layers", f"self, {layers}")
    found = check(source)
    assert found.status == 0, found.out
    assert "layers[0].W (4, 3)" in found.out
    for slip in (("reversed(self.layers)", "self.layers"), ("g = layer", "layer")):
        assert check(source.replace(*slip)).status == 1, slip
