"""Nets as functions of parameters and caches: which functions play a part, and which play none."""

import pytest

KEYS_BY_FORMAT = """
def forward(X, params):
    A, cache = X, [X]
    for l in range(1, len(params) // 2 + 1):
        A = 1 / (1 + np.exp(-(params["W%d" % l] @ A + params["b%d" % l])))
        cache.append(A)
    return A, cache
def backward(Y, params, cache):
    grads, dZ = {}, cache[-1] - Y
    for l in range(len(params) // 2, 0, -1):
        grads["dW%d" % l] = dZ @ cache[l - 1].T / Y.shape[1]
        grads["db%d" % l] = dZ.mean(axis=1, keepdims=True)
        dZ = params["W%d" % l].T @ dZ * cache[l - 1] * (1 - cache[l - 1])
    return grads
params = {"W1": np.ones((2, 3)), "b1": np.ones((2, 1))}
A, cache = forward(np.ones((3, 4)), params)
grads = backward(np.ones((2, 4)), params, cache)
"""


def test_parameters_are_found_whose_keys_get_the_number_of_the_layer(findings):
    (finding,) = findings(KEYS_BY_FORMAT)  # `grads` is checked with the function that gives it
    assert finding.verdict == "right", finding.report
    (finding,) = findings(KEYS_BY_FORMAT.replace("(1 - cache", "(2 - cache"))
    assert finding.verdict == "wrong", finding.report


def test_differences_that_a_file_takes_itself_are_no_backward_pass(findings):
    source = """
def propagate(theta, x, y):
    return np.sum((theta.T @ x - y) ** 2)
def grad_check(theta, x, y):
    grad = np.zeros(theta.shape)
    for i in range(len(theta)):
        step = np.eye(len(theta))[:, i : i + 1] * 1e-7
        grad[i] = (propagate(theta + step, x, y) - propagate(theta - step, x, y)) / 2e-7
    return grad
"""
    assert list(findings(source)) == []


DICTS_IN_A_LIST = """
def init(dims):
    return [{"W": np.random.randn(o, i), "b": np.zeros((o, 1))} for i, o in zip(dims[:-1], dims[1:])]
def forward(X, params):
    caches, A = [], X
    for l, p in enumerate(params):
        Z = p["W"] @ A + p["b"]
        caches.append((A, Z))
        A = np.maximum(Z, 0) if l < len(params) - 1 else 1 / (1 + np.exp(-Z))
    return A, caches
def cost(AL, Y):
    return -np.mean(Y * np.log(AL) + (1 - Y) * np.log(1 - AL))
def backward(AL, Y, caches, params):
    grads, dZ = [], (AL - Y) / Y.shape[1]
    for l in range(len(params) - 1, -1, -1):
        A_prev, Z = caches[l]
        grads.insert(0, {"W": dZ @ A_prev.T, "b": dZ.sum(axis=1, keepdims=True)})
        if l > 0:
            dZ = params[l]["W"].T @ dZ * (caches[l - 1][1] > 0)
    return grads
def train(X, Y, dims, lr=0.1):
    params = init(dims)
    for i in range(100):
        AL, caches = forward(X, params)
        grads = backward(AL, Y, caches, params)
        params = [{k: p[k] - lr * g[k] for k in p} for p, g in zip(params, grads)]
    return params
"""


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("", "", 0),
        ("[l - 1][1] > 0)", "[l - 1][1] > 0) / 2", 1),
        ("grads.insert(0, ", "grads.append(", 1),
        ("p[k] - lr", "p[k] + lr", 1),
    ],
)
def test_layers_are_told_apart_where_each_is_a_dict_with_the_same_names(check, old, new, status):
    found = check(DICTS_IN_A_LIST.replace(old, new))
    assert found.status == status, found.out + found.err
