"""Nets of many styles: the right one is right, each mistake makes it wrong."""

import numpy as np
import pytest

from tinygrad_dl.testing.homework.networks import check_network

COLUMNS_IN_DICTS = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def forward_propagation(X, parameters):
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
def compute_cost(A2, Y):
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dW2 = dZ2 @ cache["A1"].T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = parameters["W2"].T @ dZ2 * (1 - cache["A1"] ** 2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
"""
ROWS_AS_ARGUMENTS = """
def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
def init_params(n_in, n_hidden, n_out):
    w1, b1 = np.random.randn(n_in, n_hidden), np.zeros((1, n_hidden))
    w2, b2 = np.random.randn(n_hidden, n_out), np.zeros((1, n_out))
    return w1, b1, w2, b2
def feed_forward(x, w1, b1, w2, b2):
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    a2 = softmax(a1 @ w2 + b2)
    return z1, a1, a2
def backprop(x, y, z1, a1, a2, w2):
    delta = (a2 - y) / len(x)
    dw2, db2 = a1.T @ delta, delta.sum(axis=0, keepdims=True)
    hidden = delta @ w2.T * (z1 > 0)
    dw1 = x.T @ hidden
    db1 = hidden.sum(axis=0, keepdims=True)
    return dw1, db1, dw2, db2
"""
LAYERS_IN_A_LOOP = """
def initialize_parameters_deep(layer_dims):
    parameters = {}
    for l in range(1, len(layer_dims)):
        parameters["W" + str(l)] = np.random.randn(layer_dims[l], layer_dims[l - 1]) * 0.01
        parameters["b" + str(l)] = np.zeros((layer_dims[l], 1))
    return parameters
def L_model_forward(X, parameters):
    caches, A, L = [], X, len(parameters) // 2
    for l in range(1, L + 1):
        W, b = parameters["W" + str(l)], parameters["b" + str(l)]
        Z = W @ A + b
        caches.append((A, W, b, Z))
        A = np.maximum(0, Z) if l < L else 1 / (1 + np.exp(-Z))
    return A, caches
def L_model_backward(AL, Y, caches):
    grads, L, m = {}, len(caches), AL.shape[1]
    grads["dA" + str(L)] = -Y / AL + (1 - Y) / (1 - AL)
    for l in range(L, 0, -1):
        A_prev, W, b, Z = caches[l - 1]
        slope = (Z > 0) if l < L else AL * (1 - AL)
        dZ = grads["dA" + str(l)] * slope
        grads["dW" + str(l)] = dZ @ A_prev.T / m
        grads["db" + str(l)] = np.sum(dZ, axis=1, keepdims=True) / m
        grads["dA" + str(l - 1)] = W.T @ dZ
    return grads
"""
PENALTY = """
def forward(X, params):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    return A2, (A1, A2)
def cost_with_penalty(A2, Y, params, lambd):
    m = Y.shape[1]
    entropy = -np.mean(np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2), axis=0))
    return entropy + lambd / (2 * m) * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
def backward(X, Y, params, cache, lambd):
    m = X.shape[1]
    A1, A2 = cache
    dZ2 = A2 - Y
    dW2 = (dZ2 @ A1.T + lambd * params["W2"]) / m
    dZ1 = params["W2"].T @ dZ2 * (1 - A1**2)
    dW1 = (dZ1 @ X.T + lambd * params["W1"]) / m
    return {"dW1": dW1, "db1": dZ1.mean(axis=1, keepdims=True), "dW2": dW2, "db2": dZ2.mean(axis=1, keepdims=True)}
"""
LISTS = """
def s(z):
    return 1 / (1 + np.exp(-z))
class Network:
    def __init__(self, sizes):
        self.weights = [np.random.randn(n, p) for p, n in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
    def feedforward(self, a):
        for w, b in zip(self.weights, self.biases):
            a = s(w @ a + b)
        return a
    def backprop(self, x, y):
        acts = [x]
        for w, b in zip(self.weights, self.biases):
            acts.append(s(w @ acts[-1] + b))
        nabla_b, nabla_w = [0 * b for b in self.biases], [0 * w for w in self.weights]
        delta = acts[-1] - y
        for i in reversed(range(len(self.weights))):
            nabla_b[i] = delta
            nabla_w[i] = delta @ acts[i].T
            delta = self.weights[i].T @ delta * acts[i] * (1 - acts[i])
        return nabla_b, nabla_w
"""
SCORES_OR_LOSS = """
class TwoLayerNet:
    def __init__(self, input_dim=784, hidden_dim=100, num_classes=10, reg=0.0):
        self.params = {"W1": 1e-3 * np.random.randn(input_dim, hidden_dim), "b1": np.zeros(hidden_dim)}
        self.params |= {"W2": 1e-3 * np.random.randn(hidden_dim, num_classes), "b2": np.zeros(num_classes)}
        self.reg = reg
    def loss(self, X, y=None):
        W1, b1, W2, b2 = (self.params[n] for n in ("W1", "b1", "W2", "b2"))
        h = np.maximum(0, X @ W1 + b1)
        scores = h @ W2 + b2
        if y is None:
            return scores
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        N = len(X)
        loss = -np.log(p[np.arange(N), y]).mean() + 0.5 * self.reg * (np.sum(W1**2) + np.sum(W2**2))
        p[np.arange(N), y] -= 1
        d = p / N
        grads = {"W2": h.T @ d + self.reg * W2, "b2": d.sum(axis=0)}
        dh = d @ W2.T * (h > 0)
        grads["W1"], grads["b1"] = X.T @ dh + self.reg * W1, dh.sum(axis=0)
        return loss, grads
"""
STEPS_ADDED = """
class NeuralNetwork:
    def __init__(self):
        self.W1, self.W2 = np.random.randn(2, 3), np.random.randn(3, 1)
    def sigmoid(self, t, deriv=False):
        return t * (1 - t) if deriv else 1 / (1 + np.exp(-t))
    def forward(self, X):
        self.h = self.sigmoid(X @ self.W1)
        return self.sigmoid(self.h @ self.W2)
    def backward(self, X, y, output):
        error = y - output
        delta = error * self.sigmoid(output, deriv=True)
        hidden = delta @ self.W2.T * self.sigmoid(self.h, deriv=True)
        self.W1 += X.T @ hidden
        self.W2 += self.h.T @ delta
"""
DATA_INSIDE = """
class Net:
    def __init__(self, x, y):
        self.x, self.y = x, y
        self.w1 = np.random.rand(x.shape[1], 4)
        self.w2 = np.random.rand(4, y.shape[1])
        self.lr = 0.1
    def feedforward(self):
        self.a1 = 1 / (1 + np.exp(-self.x @ self.w1))
        self.output = 1 / (1 + np.exp(-self.a1 @ self.w2))
    def backprop(self):
        delta = (self.output - self.y) * self.output * (1 - self.output)
        below = delta @ self.w2.T * self.a1 * (1 - self.a1)
        self.w2 -= self.lr * self.a1.T @ delta
        self.w1 -= self.lr * self.x.T @ below
"""
COST_AND_PRIME = """
class Neural_Network:
    def __init__(self):
        self.W1, self.W2 = np.random.randn(2, 3), np.random.randn(3, 1)
    def forward(self, X):
        self.a2 = np.tanh(X @ self.W1)
        return self.a2 @ self.W2
    def costFunction(self, X, y):
        return 0.5 * np.sum((y - self.forward(X)) ** 2)
    def costFunctionPrime(self, X, y):
        delta3 = self.forward(X) - y
        dJdW2 = self.a2.T @ delta3
        delta2 = delta3 @ self.W2.T * (1 - self.a2**2)
        dJdW1 = X.T @ delta2
        return dJdW1, dJdW2
"""
STYLES = {  # the source, the names of the gradients, and mistakes in it, with words of the cause of some
    "columns in dicts": (COLUMNS_IN_DICTS, ["dW1", "db1", "dW2", "db2"], [
        ('cache["A2"] - Y', 'Y - cache["A2"]', "sign"),
        ('dZ2 @ cache["A1"].T / m', 'dZ2 @ cache["A1"].T', "1/m missing"),
        ('cache["A1"] ** 2', 'cache["A1"]', ""),
        ("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = np.sum(dZ1) / m", "sum"),
        ('parameters["W2"].T @ dZ2 * (1 - ', 'parameters["W2"].T @ dZ2 / (1 - ', ""),
        ('dZ2 @ cache["A1"].T', 'dZ2 @ cache["Z1"].T', "Z for A"),
    ]),
    "rows as arguments": (ROWS_AS_ARGUMENTS, ["dw1", "db1", "dw2", "db2"], [
        ("(z1 > 0)", "(z1 > 0.1)", ""),
        ("(a2 - y) / len(x)", "2 * (a2 - y) / len(x)", "factor"),
        ("delta.sum(axis=0, keepdims=True)", "delta.sum()", ""),
    ]),
    "layers in a loop": (LAYERS_IN_A_LOOP, ["dW1", "db1", "dW2", "db2", "dW3", "db3"], [
        ("-Y / AL + (1 - Y)", "Y / AL - (1 - Y)", "sign"),
        ("np.sum(dZ, axis=1, keepdims=True) / m", "np.sum(dZ, axis=1, keepdims=True)", "1/m missing"),
        ("AL * (1 - AL)", "AL", ""),
    ]),
    "penalty": (PENALTY, ["dW1", "db1", "dW2", "db2"], [
        ('(dZ2 @ A1.T + lambd * params["W2"])', "dZ2 @ A1.T", "regularisation"),
        ('lambd * params["W1"]', '2 * lambd * params["W1"]', ""),
    ]),
    "lists of one sample": (LISTS, [*(f"nabla_w[{i}]" for i in range(3)), *(f"nabla_b[{i}]" for i in range(3))], [
        ("acts[-1] - y", "y - acts[-1]", "sign"),
        ("delta @ acts[i].T", "delta @ acts[i].T / 2", "factor"),
        ("* acts[i] * (1 - acts[i])", "* acts[i]", ""),
    ]),
    "scores or loss": (SCORES_OR_LOSS, ["W1", "b1", "W2", "b2"], [
        ("d = p / N", "d = p", "1/m missing"),
        ("h.T @ d + self.reg * W2", "h.T @ d", "regularisation"),
        ("X.T @ dh + self.reg * W1", "X.T @ dh + 2 * self.reg * W1", ""),
        ("dh.sum(axis=0)", "dh.mean(axis=0)", "1/m"),
    ]),
    "steps are added": (STEPS_ADDED, ["dW1", "dW2"], [
        ("self.W1 += X.T @ hidden", "self.W1 -= X.T @ hidden", "sign"),
        ("self.sigmoid(self.h, deriv=True)", "self.sigmoid(self.h)", ""),
        ("y - output", "output - y", ""),
    ]),
    "data inside": (DATA_INSIDE, ["dw1", "dw2"], [
        ("self.w1 -= self.lr *", "self.w1 -= 3 * self.lr *", "factor"),
        ("* self.a1 * (1 - self.a1)", "", ""),
    ]),
    "cost and prime": (COST_AND_PRIME, ["dJdW1", "dJdW2"], [
        ("self.forward(X) - y\\n", "y - self.forward(X)\\n", "sign"),
        ("dJdW2 = self.a2.T @ delta3", "dJdW2 = 2 * self.a2.T @ delta3", "factor"),
    ]),
}  # fmt: skip
MISTAKES = [(name, *mistake) for name, (_, _, mistakes) in STYLES.items() for mistake in mistakes]


@pytest.mark.parametrize("style", STYLES)
def test_a_right_net_is_right_in_all_its_gradients(findings, style):
    source, names, _ = STYLES[style]
    (finding,) = findings(source)
    assert finding.verdict == "right", finding.report
    assert [quantity.name for quantity in finding.quantities] == names


@pytest.mark.parametrize(("style", "old", "new", "cause"), MISTAKES)
def test_a_net_with_a_mistake_is_wrong_and_its_cause_is_named(findings, style, old, new, cause):
    source, old, new = STYLES[style][0], old.replace("\\n", "\n"), new.replace("\\n", "\n")
    assert source.count(old) == 1
    (finding,) = findings(source.replace(old, new))
    assert finding.verdict == "wrong", finding.report
    assert cause in " ".join(c for quantity in finding.quantities for c in quantity.causes)


def test_a_gradient_has_the_cause_of_its_own_mistake_or_of_the_one_that_it_inherits_once_with_place_and_form(findings):
    def causes(old, new):
        (finding,) = findings(COLUMNS_IN_DICTS.replace(old, new))
        return {quantity.name: quantity.causes for quantity in finding.quantities if quantity.verdict == "wrong"}

    assert causes("dZ1 @ X.T / m", "dZ1 @ X.T") == {"dW1": ("1/m missing in dW1",)}
    form = ("half of g' in dZ1 (1 - A1)",)
    assert causes(" ** 2)", ")") == {"dW1": form, "db1": form}
    sign = ("sign in dZ2",)
    assert causes('cache["A2"] - Y', 'Y - cache["A2"]') == {"dW1": sign, "db1": sign, "dW2": sign, "db2": sign}


def test_a_net_that_is_there_is_checked_for_the_given_data():
    class Net:
        def __init__(self):
            self.w = np.array([[0.3], [-0.2]])

        def forward(self, X):
            return X @ self.w

        def backward(self, X, y):
            return {"dw": X.T @ (X @ self.w - y)}

    rng = np.random.default_rng(0)
    finding = check_network(Net(), rng.normal(size=(5, 2)), rng.normal(size=(5, 1)))
    assert [(q.name, q.verdict) for q in finding.quantities] == [("dw", "right")]
    assert "the cost is ½ Σ (a - y)², summed, as fits the prediction" in finding.readings


MEAN_OVER_ALL = COLUMNS_IN_DICTS.replace("np.sum(Y *", "np.mean(Y *").replace(" / Y.shape[1]", "")


def test_a_mean_over_one_output_is_a_mean_over_the_samples(findings):
    (finding,) = findings(MEAN_OVER_ALL)
    assert finding.verdict == "right", finding.report
    assert any("with one output" in reading for reading in finding.readings)


@pytest.mark.parametrize(("old", "new"), [("- Y\n", "- Y; dZ2 = 3 * dZ2\n"), (".T / m", ".T")])
def test_a_factor_beside_a_mean_over_one_output_is_wrong(findings, old, new):
    (finding,) = findings(MEAN_OVER_ALL.replace(old, new))
    assert finding.verdict == "wrong", finding.report


COST_AS_A_METHOD = (
    LISTS.replace("self.weights", "self.W").replace("self.biases", "self.B")
    + """
    def loss(self, x, y):
        a = self.feedforward(x)
        return -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))
"""
)


def test_a_net_with_a_method_for_its_cost_is_no_loss(findings):
    source = COST_AS_A_METHOD.replace("nabla_b, nabla_w\n", "nabla_w, nabla_b\n")
    (finding,) = findings(source)
    assert finding.verdict == "right", finding.report
    (finding,) = findings(source.replace("acts[-1] - y", "y - acts[-1]"))
    assert finding.verdict == "wrong", finding.report


STEPS_AND_A_LOSS = (
    STEPS_ADDED
    + """
    def fit(self, X, y):
        output = self.forward(X)
        self.backward(X, y, output)
        return np.mean(np.square(y - output))
"""
)


@pytest.mark.parametrize(("error", "verdict"), [("y - output", "right"), ("output - y", "wrong")])
def test_the_difference_in_a_loss_says_nothing_of_the_sign_of_a_step(findings, error, verdict):
    (finding,) = findings(STEPS_AND_A_LOSS.replace("error = y - output", f"error = {error}"))
    assert finding.verdict == verdict, finding.report


BIASES_OF_0 = (
    COLUMNS_IN_DICTS
    + """
def initialize_parameters_zeros(sizes):
    parameters = {}
    for l in range(1, 3):
        parameters["W" + str(l)] = np.zeros((sizes[l], sizes[l - 1]))
        parameters["b" + str(l)] = 0
    return parameters
"""
)


@pytest.mark.parametrize(
    ("old", "new", "verdict"), [("", "", "right"), ("keepdims=True) / m\n    dZ1", "keepdims=True)\n    dZ1", "wrong")]
)
def test_biases_that_start_as_the_number_0_are_checked(findings, old, new, verdict):
    (finding,) = findings(BIASES_OF_0.replace(old, new, 1))
    assert finding.verdict == verdict, finding.report
    assert {q.name for q in finding.quantities} == {"dW1", "db1", "dW2", "db2"}


def test_a_gradient_without_a_parameter_that_was_found_is_not_right(findings):
    source = COLUMNS_IN_DICTS.replace('{"dW1": dW1', '{"db3": 7 * db2, "dW1": dW1')
    (finding,) = findings(source)
    assert finding.verdict == "undecided", finding.report


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ('"db2": db2', '"db2": db1', "wrong"),  # of the wrong shape
        ('"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2', '"dW1": dW1, "db1": db2, "dW2": dW2, "db2": db2', "wrong"),
    ],
)
def test_a_gradient_that_is_given_twice_is_seen_twice(findings, old, new, verdict):
    assert old in COLUMNS_IN_DICTS
    (finding,) = findings(COLUMNS_IN_DICTS.replace(old, new))
    assert finding.verdict == verdict, finding.report


def test_sizes_of_real_data_that_are_defaults_are_drawn_small(findings):
    source = SCORES_OR_LOSS.replace("hidden_dim", "H1")
    (finding,) = findings(source)
    assert finding.verdict == "right", finding.report
    assert "W1 (4, 5)" in finding.report
