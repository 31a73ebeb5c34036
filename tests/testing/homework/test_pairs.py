"""Pairs of functions as learners write them: right is right and wrong is wrong, with whatever inputs are found."""

import textwrap

import pytest

from tests.marks import in_depth

each = pytest.mark.parametrize

SIGMOID = "1 / (1 + np.exp(-Z))"
# How people write sigmoid and its backward pass; F is 1, or a factor that makes it wrong.
WRITTEN = {
    "cache": f"""
        def sigmoid(Z):
            A = {SIGMOID}
            cache = Z
            return A, cache
        def sigmoid_backward(dA, cache):
            A = {SIGMOID.replace("Z", "cache")}
            return F * dA * A * (1 - A)
        """,
    "cache before": f"""
        def sigmoid_forward(Z): return {SIGMOID}, Z
        def sigmoid_backward(cache, dA): return F * dA * sigmoid_forward(cache)[0] * (1 - sigmoid_forward(cache)[0])
        """,
    "output and cache": f"""
        def sigmoid_forward(Z): return {SIGMOID}, "nothing"
        def sigmoid_backward(dA, A, cache): return F * dA * A * (1 - A)
        """,
    "output by its name": f"""
        def sigmoid(Z):
            S = {SIGMOID}
            return S
        def sigmoid_grad(dS, S): return F * dS * S * (1 - S)
        """,
    "output by guess": f"""
        def forward_sigmoid(x): return {SIGMOID.replace("Z", "x")}
        def backward_sigmoid(g, y): return F * g * y * (1 - y)
        """,
    "argument by its name": f"""
        def sigmoid(Z): return {SIGMOID}
        def d_sigmoid(dA, Z): return F * dA * sigmoid(Z) * (1 - sigmoid(Z))
        """,
    "argument by another name": f"""
        def sigmoid(Z): return {SIGMOID}
        def sigmoid_backward(upstream, t): return F * upstream * sigmoid(t) * (1 - sigmoid(t))
        """,
    "argument first": f"""
        def sigmoid(Z): return {SIGMOID}
        def sigmoid_gradient(Z, dA): return F * dA * sigmoid(Z) * (1 - sigmoid(Z))
        """,
    "argument by another name first": f"""
        def sigmoid(Z): return {SIGMOID}
        def sigmoid_backward(t, upstream): return F * upstream * sigmoid(t) * (1 - sigmoid(t))
        """,
    "derivative by the argument": f"""
        def sigmoid(Z): return {SIGMOID}
        def sigmoid_prime(x): return F * sigmoid(x) * (1 - sigmoid(x))
        """,
    "derivative by the output": f"""
        def sigmoid(z): return {SIGMOID.replace("Z", "z")}
        def dsigmoid(a): return F * a * (1 - a)
        """,
    "lambda": f"""
        sigmoid = lambda Z: {SIGMOID}
        sigmoid_derivative = lambda Z: F * sigmoid(Z) * (1 - sigmoid(Z))
        """,
    "written into": f"""
        def forward(Z): return {SIGMOID}, Z
        def backward(dA, Z):
            Z[:] = {SIGMOID}
            dA *= F * Z
            Z -= 1
            dA *= -Z
            return dA
        """,
}


@pytest.mark.few_values
@each("written", WRITTEN.values(), ids=WRITTEN)
def test_a_right_pair_is_right_however_it_is_written(check, written):
    found = check("F = 1\n" + textwrap.dedent(written))
    assert (found.status, found.summary) == (0, "1 right, 0 wrong"), found.out
    assert f"The derivatives of {found.out.splitlines()[0]} are right." in found.out


@pytest.mark.few_values
@each("how", [how if i % 4 == 3 else in_depth(how) for i, how in enumerate(WRITTEN)])
def test_a_pair_that_is_one_percent_off_is_wrong_however_it_is_written(check, how):
    found = check("F = 1.01\n" + textwrap.dedent(WRITTEN[how]))
    assert (found.status, found.summary) == (1, "0 right, 1 wrong"), found.out
    if how in ("output by its name", "output by guess"):
        assert "is read as what comes out" in found.out


LAYER = """
def linear_forward(A_prev, W, b):
    return W @ A_prev + b, (A_prev, W)
def linear_backward(dZ, cache):
    A_prev, W = cache
    m = {m}
    dW = dZ @ A_prev.T / m
    db = {db}
    dA_prev = W.T @ dZ
    return {returned}
"""
DB = "dZ.sum(axis=1, keepdims=True) / m"


@pytest.mark.few_values
@each(("m", "note"), [("1", "as derivatives"), ("dZ.shape[1]", "as the course writes it: dW and db have the 1/m")])
@each("returned", ["dA_prev, dW, db", "dW, db, dA_prev", "{'dW': dW, 'db': db, 'dA_prev': dA_prev}"])
def test_a_layer_may_carry_the_1_over_m_of_the_course_and_return_in_any_order(check, m, note, returned):
    status, out, _ = check(LAYER.format(m=m, db=DB, returned=returned))
    assert status == 0, out
    assert f"read {note}" in out
    assert "random: A_prev (3, 5), W (4, 3), b (4, 1)" in out


@pytest.mark.few_values
@each(
    ("m", "db", "returned", "found"),
    [
        ("dZ.shape[1]", DB.replace(" / m", ""), "dA_prev, dW, db", "wrong"),  # 1/m in dW only
        ("2", DB, "dA_prev, dW, db", "wrong"),
        ("1", "dZ / m", "dA_prev, dW, db", "shape (4, 5), expected (4, 1)"),
        ("1", DB, "dA_prev, dW", "no gradient for b"),
        ("1", DB, "dA_prev.T, dW, db", "Is it transposed?"),
    ],
)
def test_a_wrong_layer_is_wrong_in_both_conventions(check, m, db, returned, found):
    status, out, _ = check(LAYER.format(m=m, db=db, returned=returned))
    assert status == 1
    assert found in out


COST = """
def compute_cost(AL, Y):
    return -np.mean(Y * np.log(AL) + (1 - Y) * np.log(1 - AL))
def compute_cost_backward(AL, Y):
    return {factor} * (-Y / AL + (1 - Y) / (1 - AL))
"""


def test_the_derivative_of_the_cost_may_be_per_sample_as_in_the_course(check):
    for factor, status in (("1 / Y.size", 0), ("1", 0), ("2", 1)):
        found, out, _ = check(COST.format(factor=factor))
        assert found == status, out
        assert ("without the 1/" in out) == (factor == "1")


NAMES = """
f_forward f_backward, forward_f backward_f, forward backward, forward_propagation backward_propagation,
forwardprop backprop, f f_backward, f f_grad, f f_gradient, f f_derivative, f f_prime,
f backward_f, f grad_f, f d_f, f df, f fPrime, f_forward_naive f_backward_naive, f f_deriv, f derivative_of_f,
f_func f_func_grad, forwardF backwardF, f f_diff, f_forward f_backward_fast
"""


def test_the_halves_of_a_pair_are_told_by_their_names(check):
    names = [tuple(pair.split()) for pair in NAMES.split(",")]
    for f, b in names:
        status, out, _ = check(f"def {f}(x): return x**2\ndef {b}(g, x): return 2 * g * x")
        assert (status, out.splitlines()[0]) == (0, f"{f}, {b}")


def test_names_of_gradients_are_those_of_the_last_return(check):
    source = LAYER.format(m=1, db=DB, returned="dW, db, dA_prev")
    assert check(source.replace("    m = 1\n", "    m = 1\n    if not W.size: return A_prev, W, W\n"))[0] == 0


def test_settings_and_labels_need_no_gradient(check):
    status, out, _ = check("""
        def loss_forward(A_prev, W, Y, keep_prob):
            return np.sum((keep_prob * W @ A_prev - Y)**2)
        def loss_backward(g, A_prev, W, Y, keep_prob):
            E = 2 * g * keep_prob * (keep_prob * W @ A_prev - Y)
            return W.T @ E, E @ A_prev.T
        """)
    assert status == 0, out


def test_functions_of_the_file_and_of_one_beside_it_are_checked_and_no_others(check, tmp_path):
    (tmp_path / "layers.py").write_text("def relu(x): return x\ndef relu_backward(g, x): return 2 * g\n")
    found = check("from layers import *\nfrom numpy import tanh")
    assert (found.status, found.summary) == (1, "0 right, 1 wrong")
    assert "nothing to check" in check("from numpy import tanh").err


@each("name", ["dA", "dout", "dZ", "upstream", "delta"])
def test_an_upstream_gradient_that_is_ignored_is_not_read_as_something_else(check, name):
    source = "def sigmoid(z): return 1 / (1 + np.exp(-z))\n"
    source += f"def sigmoid_backward({name}, z): return sigmoid(z) * (1 - sigmoid(z))\n"
    assert check(source).status == 1


MEAN_SQUARES = """
def mse(y_true, y_pred): return np.mean((y_true - y_pred) ** 2)
def mse_prime(y_true, y_pred): return {derivative}
"""
WITH_THE_MEAN = "def backward(X, error): return X.T @ error / len(X)"


def test_the_mean_of_squares_has_its_1_over_m_in_the_derivative_or_in_the_layers(check):
    right, bare = "2 * (y_pred - y_true) / y_true.size", "2 * (y_pred - y_true)"
    for derivative, more, status in ((right, "", 0), (bare, "", 1), (bare, WITH_THE_MEAN, 0)):
        found, out, _ = check(MEAN_SQUARES.format(derivative=derivative) + more, "mse_prime")
        assert found == status, out


def test_an_activation_may_be_the_name_of_its_argument(check):
    source = "def act(activation): return 1 / (1 + np.exp(-activation))\ndef act_derivative(output): return output * {}"
    for factor, status in (("(1 - output)", 0), ("(1 + output)", 1)):
        found, out, _ = check(source.format(factor))
        assert found == status, out


STEPS_OF_A_LAYER = """
def linear_activation_forward(A, W, b): return np.tanh(W @ A + b), ((A, W, b), W @ A + b)
def linear_backward(dZ, cache):
    A, W, b = cache
    return W.T @ dZ, dZ @ A.T, dZ.sum(axis=1, keepdims=True)
def linear_activation_backward(dA, cache):
    dA, dW, db = linear_backward(dA * (1 - np.tanh(cache[1]) ** 2), cache[0])
    return dA, dW, db
"""


def test_a_part_of_a_backward_pass_is_not_paired_with_the_whole_forward_pass(check):
    found, out, _ = check(STEPS_OF_A_LAYER)
    assert found == 0, out
    assert "linear_activation_forward, linear_backward" not in out


CUT_OFF = {
    "relu6": ("np.clip(x, 0, 6)", "(x > 0) & (x < 6)", "x > 0"),
    "hard_sigmoid": ("np.clip(0.2 * x + 0.5, 0, 1)", "0.2 * (abs(x) < 2.5)", "0.2 * (abs(x) < 1)"),
    "hard_swish": (
        "x * np.clip(x + 3, 0, 6) / 6",
        "np.where(x > 3, 1, (2 * x + 3) / 6) * (x > -3)",
        "(2 * x + 3) / 6 * (x > -3)",
    ),
}


@each("name", CUT_OFF)
def test_an_activation_is_checked_where_it_is_cut_off(check, name):
    value, right, wrong = CUT_OFF[name]
    for slope, status in ((right, 0), (wrong, 1)):
        found = check(f"def {name}(x): return {value}\ndef {name}_backward(g, x): return g * ({slope})\n")
        assert found.status == status, found.out


BY_NAME = """
def act(z, name):
    if name == "tanh":
        return np.tanh(z)
    if name == "relu":
        return np.maximum(z, 0)
    return 1 / (1 + np.exp(-z))
def act_prime(z, name):
    if name == "tanh":
        return 1 - np.tanh(z) ** 2
    if name == "relu":
        return (z > 0) * 1.0
    s = 1 / (1 + np.exp(-z))
    return s * (1 - s)
"""


@pytest.mark.parametrize(
    ("old", "new", "status"), [("", "", 0), ("s * (1 - s)", "s * (1 + s)", 1), ("(z > 0) * 1.0", "z * 1.0", 1)]
)
@pytest.mark.parametrize("setting", ["name", "kind"])
def test_the_activation_for_all_other_words_is_checked_too(check, setting, old, new, status):
    found = check(BY_NAME.replace(old, new).replace("name", setting))
    assert found.status == status, found.out + found.err
