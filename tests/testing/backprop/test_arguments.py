"""Inputs of check_backprop: lists, Tensors and nets, and the refusal of others."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.testing import check_backprop


def test_lists_tensors_and_a_net_are_taken_as_well():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Dense(3, 4, rng=rng), nn.Sequential(nn.tanh, nn.Dense(4, 1, rng=rng)), nn.sigmoid)
    X, Y = rng.normal(size=(3, 5)), rng.integers(0, 2, (1, 5))
    dZ2 = net(X).data - Y
    assert check_backprop({"dZ2": dZ2.tolist(), "dW2": tg.Tensor(-dZ2 @ np.ones((5, 4)))}, X, Y, net)["dZ2"].status == (
        "right"
    )
    parameters = {
        f"{q}{layer}": tensor
        for layer in (1, 2)
        for q, tensor in zip("Wb", net.parameters()[2 * layer - 2 :], strict=False)
    }
    assert check_backprop({"dZ2": dZ2}, X.tolist(), Y.tolist(), parameters, [np.tanh, nn.sigmoid]).passed


P = {"W1": np.ones((2, 3)), "b1": np.zeros((2, 1)), "W2": np.ones((1, 2)), "b2": np.zeros((1, 1))}


X, Y, G = np.ones((3, 5)), np.ones((1, 5)), {"dW1": np.ones((2, 3))}


TANH = ["tanh", "sigmoid"]


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (({"dw1": 1}, X, Y, P, TANH), {}, "got 'dw1': did you mean dW1?"),
        (({"dW9": 1}, X, Y, P, TANH), {}, "expected names such as dA2, dZ2"),
        (({"dW1": "zeros"}, X, Y, P, TANH), {}, "dW1: expected an array of real numbers, got str 'zeros'"),
        (({"dW1": None}, X, Y, P, TANH), {}, "dW1: expected an array of real numbers, got NoneType"),
        (({"dW1": [[1], [1, 2]]}, X, Y, P, TANH), {}, "rows of different lengths"),
        (({}, X, Y, P, TANH), {}, "expected a dict such as"),
        ((G, X.T, Y, P, TANH), {}, "W1: expected (n1, 5), as X has 5 rows, got (2, 3); samples are columns: pass X.T"),
        ((G, X, np.ones(5), P, TANH), {}, "Y: expected (1, 5), outputs × samples, got (5,): pass Y.reshape(1, 5)"),
        ((G, np.full((3, 5), np.nan), Y, P, TANH), {}, "X: expected finite numbers, got 15"),
        ((G, X, Y, P | {"b1": np.zeros(2)}, TANH), {}, "b1: expected a column (2, 1)"),
        ((G, X, Y, {"W1": P["W1"]}, TANH), {}, "expected parameters W1, b1, W2, b2"),
        ((G, X, Y, P, ["gelu", "sigmoid"]), {}, "got 'gelu'"),
        ((G, X, Y, P, ["tanh", nn.softmax]), {}, "got softmax: end with sigmoid, or pass cost='categorical_cross"),
        ((G, X, Y, P, ["tanh", "tanh"]), {}, "needs an output by sigmoid, got tanh"),
        ((G, X, Y, P), {}, "expected a Sequential, or a dict of parameters"),
        ((G, X, Y, nn.Sequential(np.tanh)), {}, "expected Dense layers"),
        ((G, X, Y, P, TANH), {"cost": "hinge"}, "got 'hinge'"),
        ((G, X, Y, P, TANH), {"convention": "mine"}, "got 'mine'"),
        ((G, X, Y, P, TANH), {"old": P | {"W2": 1}}, "old W2: expected shape (1, 2), got ()"),
    ],
)
def test_what_can_not_be_checked_is_refused_with_what_to_do(arguments, settings, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        check_backprop(*arguments, **settings)
