"""Functions that take a step of gradient descent, which no training step calls."""

import pytest

LOOP = """
def update_parameters(parameters, grads, learning_rate):
    for l in range(len(parameters) // 2):
        parameters["W" + str(l + 1)] = parameters["W" + str(l + 1)] - learning_rate * grads["dW" + str(l + 1)]
        parameters["b" + str(l + 1)] = parameters["b" + str(l + 1)] - learning_rate * grads["db" + str(l + 1)]
    return parameters
"""
IN_PLACE = """
def gradient_descent_step(params, grads, lr=0.1):
    for key in params:
        params[key] -= lr * grads["d" + key]
"""
EACH = """
def update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha):
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    return W1, b1, W2 - alpha * dW2, b2 - alpha * db2
"""
OF_THREE = """
def update(params, gradients, eta):
    new = {}
    for name in ("W1", "b1", "W2", "b2", "W3", "b3"):
        new[name] = params[name] - eta * gradients["d" + name]
    return new
"""


@pytest.mark.parametrize("source", [LOOP, IN_PLACE, EACH, OF_THREE])
def test_a_step_of_gradient_descent_is_right(check, source):
    found = check(source)
    assert found.status == 0, found.out + found.err


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        (LOOP, '- learning_rate * grads["dW', '+ learning_rate * grads["dW'),
        (LOOP, 'grads["db"', 'grads["dW"'),
        (LOOP, "(parameters) // 2", "(parameters) // 4"),
        (IN_PLACE, "-=", "+="),
        (EACH, "b1 - alpha * db1", "b1 - db1"),
        (EACH, "b2 - alpha * db2", "b2 - alpha * db1"),
        (OF_THREE, "params[name] - eta", "params[name] + eta"),
    ],
)
def test_another_step_is_wrong(check, source, old, new):
    assert old in source
    found = check(source.replace(old, new))
    assert found.status == 1, found.out + found.err


@pytest.mark.parametrize(
    "source",
    [
        LOOP.replace("learning_rate * grads", "learning_rate / 8 * grads"),  # the gradients may be sums
        "m = 8" + LOOP.replace("learning_rate * grads", "learning_rate / m * grads"),
        LOOP.replace("learning_rate)", "learning_rate, v)"),
        LOOP + "def update_with_momentum(params, grads, v, beta, lr):\n    return params",
        LOOP.replace('"W"', '"weight_"'),
    ],
)
def test_what_may_be_another_step_is_not_checked(check, source):
    found = check("nothing = np.zeros(3)\n" + source)
    assert found.status == 2, found.out + found.err


@pytest.mark.parametrize("body", ["    while True:\n        pass\n", "    raise SystemExit\n"])
def test_a_step_that_does_not_come_to_its_end_leaves_the_rest_to_be_checked(check, body):
    pair = "def forward(x):\n    return x * x, x\ndef backward(g, x):\n    return 2 * x * g\n"
    found = check(pair + "def update_parameters(parameters, grads, learning_rate):\n" + body)
    assert found.status == 0, found.out + found.err
    assert "1 right, 0 wrong" in found.out
