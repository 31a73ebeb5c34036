"""Diagnose week 4's homework with three planted mistakes by `check_backprop`, and check the fixed version.

The learner's forward and backward pass are plain NumPy, without Tensors.
"""

import numpy as np

import tinygrad_dl as tg
from tinygrad_dl.testing import check_backprop


def forward(X, parameters):
    """Two hidden layers, relu and tanh, and a sigmoid."""
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.maximum(0, Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = np.tanh(Z2)
    Z3 = parameters["W3"] @ A2 + parameters["b3"]
    A3 = 1 / (1 + np.exp(-Z3))
    return Z1, A1, Z2, A2, A3


def my_backward(X, Y, parameters):
    m = X.shape[1]
    Z1, A1, Z2, A2, A3 = forward(X, parameters)
    dZ3 = A3 - Y
    dW3 = dZ3 @ A2.T / m
    db3 = np.sum(dZ3, axis=1, keepdims=True) / m
    dA2 = parameters["W3"].T @ dZ3
    dZ2 = dA2 * (1 - Z2**2)  # mistake 1
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True)  # mistake 2
    dA1 = parameters["W2"].T @ dZ2
    dZ1 = dA1 * (Z1 > 0)
    dW1 = dA1 @ X.T / m  # mistake 3
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dZ1": dZ1, "dA1": dA1, "dW2": dW2, "db2": db2, "dZ2": dZ2, "dW3": dW3, "db3": db3}


def fixed_backward(X, Y, parameters):
    m = X.shape[1]
    Z1, A1, _, A2, A3 = forward(X, parameters)
    dZ3 = A3 - Y
    dW3 = dZ3 @ A2.T / m
    db3 = np.sum(dZ3, axis=1, keepdims=True) / m
    dA2 = parameters["W3"].T @ dZ3
    dZ2 = dA2 * (1 - A2**2)
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = parameters["W2"].T @ dZ2
    dZ1 = dA1 * (Z1 > 0)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dZ1": dZ1, "dA1": dA1, "dW2": dW2, "db2": db2, "dZ2": dZ2, "dW3": dW3, "db3": db3}


def main():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 200))
    Y = (X[:1] * X[1:] > 0).astype(float)  # are both features of one sign?
    net = tg.nn.Sequential(
        *(tg.nn.Dense(2, 6, rng=rng), tg.nn.relu),
        *(tg.nn.Dense(6, 4, rng=rng), tg.nn.tanh),
        *(tg.nn.Dense(4, 1, rng=rng), tg.nn.sigmoid),
    )
    parameters = {parameter.name: parameter.numpy() for parameter in net.parameters()}

    print("Handed in", "-" * 100, sep="\n")
    print(check_backprop(my_backward(X, Y, parameters), X, Y, net))

    print("\nWith only dW and db handed in", "-" * 100, sep="\n")
    gradients = {name: g for name, g in my_backward(X, Y, parameters).items() if name[1] in "Wb"}
    print(check_backprop(gradients, X, Y, net))

    print("\nFixed", "-" * 100, sep="\n")
    report = check_backprop(fixed_backward(X, Y, parameters), X, Y, net)
    print(report)
    report.assert_right()  # what a test would say


if __name__ == "__main__":
    main()
