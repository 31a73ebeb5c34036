"""Functions that give a value and its gradients: the value's own differences decide, in all forms people write."""

import textwrap

import numpy as np
import pytest

from tinygrad_dl.testing.homework import values
from tinygrad_dl.testing.homework.findings import RIGHT, WRONG

each = pytest.mark.parametrize

LOGISTIC = """
def sigmoid(z): return 1 / (1 + np.exp(-z))
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dw = X @ (A - Y).T / m
    db = np.sum(A - Y) / m
    return {returned}
"""
RETURNED = (
    "cost, dw, db",
    "{'dw': dw, 'db': db}, cost",
    "(dw, db), cost",
    "{'cost': cost, 'dw': dw, 'db': db}",
    "cost, {'w': dw, 'b': db}",
)
# Right as they are; each row of replacements is one mistake.
WRITTEN = {
    "rows and class numbers": (
        """
        def softmax_loss(W, X, y, reg):
            scores = X @ W
            p = np.exp(scores - scores.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            rows = np.arange(len(y))
            loss = -np.log(p[rows, y]).mean() + reg * np.sum(W * W)
            p[rows, y] -= 1
            return loss, X.T @ p / len(y) + 2 * reg * W
        """,
        [("2 * reg", "reg"), ("p[rows, y] -= 1", "p[rows, y] += 1"), ("@ p / len(y)", "@ p")],
    ),
    "scores": (
        """
        def svm_loss(x, y):
            rows = np.arange(len(y))
            margins = np.maximum(0, x - x[rows, y][:, None] + 1)
            margins[rows, y] = 0
            dx = 1.0 * (margins > 0)
            dx[rows, y] -= dx.sum(1)
            return margins.sum() / len(y), dx / len(y)
        """,
        [("-= dx.sum(1)", "-= 1"), ("dx / len(y)", "dx")],
    ),
    "a flat vector": (
        """
        def cost_function(theta, X, y, lambda_):
            m = y.size
            h = 1 / (1 + np.exp(-X @ theta))
            J = -(y @ np.log(h) + (1 - y) @ np.log(1 - h)) / m + lambda_ / (2 * m) * np.sum(theta[1:]**2)
            grad = X.T @ (h - y) / m
            grad[1:] += lambda_ / m * theta[1:]
            return J, grad
        """,
        [("theta[1:]\n            return", "theta[:1]\n            return"), ("(h - y) / m", "(y - h) / m")],
    ),
    "two functions": (
        """
        def compute_cost(X, y, w, b):
            return np.sum((X @ w + b - y)**2) / (2 * len(y))
        def compute_gradient(X, y, w, b):
            e = X @ w + b - y
            dj_dw, dj_db = X.T @ e / len(y), e.sum() / len(y)
            return dj_db, dj_dw
        """,
        [("e.sum() / len(y)", "e.sum()"), ("X.T @ e / len(y)", "2 * X.T @ e / len(y)")],
    ),
    "two layers": (
        """
        def loss_and_gradients(X, y, W1, b1, W2, b2):
            h = np.maximum(0, X @ W1 + b1)
            s = h @ W2 + b2
            loss = 0.5 * np.sum((s - y)**2)
            dh = (s - y) @ W2.T
            dh[h <= 0] = 0
            return loss, X.T @ dh, dh.sum(0), h.T @ (s - y), (s - y).sum(0)
        """,
        [("dh[h <= 0] = 0", "pass"), ("dh.sum(0)", "dh.mean(0)")],
    ),
}


@pytest.fixture
def findings(tmp_path):
    """The findings on a source."""
    from tinygrad_dl.testing.homework.loading import run_file

    def findings(source):
        path = tmp_path / "homework.py"
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        with run_file(str(path)) as file, np.errstate(all="ignore"):
            return [check.run() for check in values.find(file, False)]

    return findings


@each("returned", RETURNED)
def test_a_value_and_its_gradients_are_found_in_any_order_and_form(findings, returned):
    (found,) = findings(LOGISTIC.replace("{returned}", returned))
    assert found.verdict == RIGHT, found.report
    assert [quantity.verdict for quantity in found.quantities] == [RIGHT, RIGHT]
    assert "one unit, samples are columns" in found.readings


@each("returned", RETURNED)
def test_each_gradient_has_its_own_verdict(findings, returned):
    (found,) = findings(
        LOGISTIC.replace("{returned}", returned).replace("db = np.sum(A - Y) / m", "db = np.sum(A - Y)")
    )
    assert [quantity.verdict for quantity in found.quantities] == [RIGHT, WRONG], found.report
    assert any("1/m missing" in cause for cause in found.quantities[1].causes)


@each("how", WRITTEN)
def test_right_functions_are_right_and_each_mistake_in_them_is_wrong(findings, how):
    source, mistakes = WRITTEN[how]
    assert [found.verdict for found in findings(source)] == [RIGHT]
    for right, wrong in mistakes:
        (found,) = findings(source.replace(right, wrong))
        assert found.verdict == WRONG, (right, wrong, found.report)


def test_a_function_of_a_notebook_is_checked_for_the_given_arguments():
    def loss(w, x):
        return np.sum((w * x) ** 2), 2 * w * x**2

    assert values.check_values(loss, np.array([1.0, 2.0]), np.array([3.0, 4.0])).verdict == RIGHT


def test_the_softmax_of_one_number_is_no_reading(findings):
    (found,) = findings(
        WRITTEN["rows and class numbers"][0].replace("X.T @ p / len(y) + 2 * reg * W", "0 * W + 2 * reg * W")
    )
    assert found.verdict == WRONG


@each(
    ("term", "cause"),
    [
        ("X.T @ p / len(y) + reg * W", "regularisation"),
        ("X.T @ p / len(y)", "regularisation: its term is missing"),
        ("X.T @ p + 2 * reg * W", "1/m missing"),
        ("-X.T @ p / len(y) + 2 * reg * W", "sign"),
    ],
)
def test_a_mistake_in_one_term_of_a_regularised_gradient_has_a_name(findings, term, cause):
    source = WRITTEN["rows and class numbers"][0].replace("X.T @ p / len(y) + 2 * reg * W", term)
    (found,) = findings(source)
    assert any(cause in each for each in found.quantities[0].causes), found.quantities


ALL_IN_ONE_VECTOR = """
def parts(theta, n, h, k):
    return theta[: h * (n + 1)].reshape(h, n + 1), theta[h * (n + 1) :].reshape(k, h + 1)
def with_ones(A):
    return np.c_[np.ones(len(A)), A]
def cost(theta, X, Y, n, h, k):
    T1, T2 = parts(theta, n, h, k)
    return np.sum((with_ones(np.tanh(with_ones(X) @ T1.T)) @ T2.T - Y) ** 2) / 2
def gradient(theta, X, Y, n, h, k):
    T1, T2 = parts(theta, n, h, k)
    H = np.tanh(with_ones(X) @ T1.T)
    d2 = with_ones(H) @ T2.T - Y
    d1 = d2 @ T2[:, 1:] * (1 - H**2)
    return np.concatenate([(d1.T @ with_ones(X)).ravel(), (d2.T @ with_ones(H)).ravel()])
"""


@pytest.mark.parametrize(("old", "new", "status"), [("", "", 0), ("1 - H**2", "1 - H", 1), ("d2.T @", "-d2.T @", 1)])
def test_a_vector_of_all_parameters_has_the_sizes_beside_it(check, old, new, status):
    found = check(ALL_IN_ONE_VECTOR.replace(old, new))
    assert found.status == status, found.out + found.err


OF_GLOBALS = """
W, b = [np.ones((4, 3)), np.ones((2, 4))], [np.zeros(4), np.zeros(2)]
def cost(x, y):
    return np.sum((W[1] @ np.tanh(W[0] @ x + b[0]) + b[1] - y) ** 2) / 2
def gradient(x, y):
    h = np.tanh(W[0] @ x + b[0])
    d2 = W[1] @ h + b[1] - y
    d1 = W[1].T @ d2 * (1 - h**2)
    dW = [np.outer(d1, x), np.outer(d2, h)]
    return dW, [d1, d2]
"""
LOOP = """
x, y = np.array([0.3, 1.0, -2.0]), np.array([0.5, -1.0])
for step in range(3):
    dW, db = gradient(x, y)
    for l in range(2):
        W[l] -= 0.1 * dW[l]
        b[l] -= 0.1 * db[l]
"""


@pytest.mark.parametrize(
    ("source", "status"),
    [(OF_GLOBALS + LOOP, 0), (OF_GLOBALS, 2), (OF_GLOBALS.replace("d2, h)", "d2, h**2)") + LOOP, 1)],
)
def test_gradients_of_global_weights_are_not_those_of_the_arguments(check, source, status):
    found = check(source.replace("return dW, [d1, d2]", "db = [d1, d2]\n    return dW, db"))
    assert found.status == status, found.out + found.err
