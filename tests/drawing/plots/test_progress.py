"""Costs and norms of gradients over the epochs, held against formulas by hand."""

import math

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.drawing.plots.reading import in_legend, lines, rng, sigmoid
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots

# ---- costs


def test_costs_of_several_histories_have_their_colours_and_the_dashes_of_validation():
    runs = {
        "SGD": {"loss": [3.0, 2.0], "validation_loss": [4.0, 3.0]},
        "Adam": {"loss": [3.0, 1.0, 0.5]},
        "hand": [1.0],
    }
    ax = plots.costs(runs, log=True)
    expected = {
        "SGD, training": ([3, 2], "-"),
        "SGD, validation": ([4, 3], "--"),
        "Adam, training": ([3, 1, 0.5], "-"),
        "hand, training": ([1], "-"),
    }
    assert in_legend(ax) == list(lines(ax)) == list(expected)
    for name, (values, style) in expected.items():
        line = lines(ax)[name]
        assert [list(data) for data in line.get_data()] == [list(range(1, len(values) + 1)), values]
        assert line.get_linestyle() == style
    looks = [(line.get_color(), line.get_marker()) for line in lines(ax).values()]
    assert looks[0] == looks[1]
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == 3
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "cost", "log")


def test_costs_where_there_is_nan_have_a_gap():
    assert np.isnan(lines(plots.costs([1.0, np.nan, 2.0], log=True))["training"].get_ydata()[1])


# ---- norms of gradients


def norms_by_hand(net, X, Y):
    """Week 3's formulas, by name."""
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    dZ2 = sigmoid(W2 @ A1 + b2) - Y
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    by_hand = {"W1": dZ1 @ X.T, "b1": dZ1.sum(axis=1), "W2": dZ2 @ A1.T, "b2": dZ2.sum(axis=1)}
    return {name: math.sqrt(np.sum(np.square(gradient / m))) for name, gradient in by_hand.items()}


def test_the_norms_drawn_are_those_of_the_formulas_by_hand():
    X, Y = rng(2).normal(size=(2, 20)), rng(3).integers(0, 2, size=(1, 20)).astype(float)
    fitted, net = (nn.mlp([2, 3, 1], output=nn.sigmoid, rng=rng()) for _ in range(2))
    descent = {"loss": nn.binary_cross_entropy, "epochs": 6, "progress": False, "gradient_norms": True}
    history = tg.fit(fitted, X, Y, optimizer=tg.optim.SGD(fitted.parameters(), learning_rate=0.5), **descent)
    by_hand, by_autodiff, sgd = [], [], tg.optim.SGD(net.parameters(), learning_rate=0.5)
    for _ in range(6):
        by_hand.append(norms_by_hand(net, X, Y))
        sgd.zero_grad()
        nn.binary_cross_entropy(net(X), Y).backward()
        by_autodiff.append({p.name: np.linalg.norm(p.grad) for p in net.parameters()})
        sgd.step()
    lists = {name: [norms[name] for norms in by_autodiff] for name in by_hand[0]}
    for norms, along in ((history, "epoch"), (by_autodiff, "step"), (lists, "step")):
        ax = plots.gradient_norms(norms)
        assert list(lines(ax)) == in_legend(ax) == ["W1", "b1", "W2", "b2"]
        for name, line in lines(ax).items():
            assert list(line.get_xdata()) == [1, 2, 3, 4, 5, 6]
            assert line.get_ydata() == pytest.approx([norms[name] for norms in by_hand], rel=1e-9)
        assert (ax.get_xlabel(), ax.get_yscale()) == (along, "log")


def test_a_layer_has_one_colour_and_marker_and_w_and_b_have_their_dashes():
    ax = plots.gradient_norms({f"{kind}{layer}": [1.0, 2.0] for layer in range(1, 9) for kind in "Wb"})
    looks = {name: (line.get_color(), line.get_marker(), line.get_linestyle()) for name, line in lines(ax).items()}
    assert all(looks[f"W{layer}"][:2] == looks[f"b{layer}"][:2] for layer in range(1, 9))
    assert {looks[f"W{layer}"][2] for layer in range(1, 9)} == {"-"}
    assert {looks[f"b{layer}"][2] for layer in range(1, 9)} == {"--"}
    assert len(set(looks.values())) == 16


@pytest.mark.deep
def test_norms_that_are_zero_or_missing_are_no_obstacle():
    ax = plots.gradient_norms([{"W1": 0.0}, {"W1": 0.0, "W2": 1.0}])
    assert list(lines(ax)["W1"].get_ydata()) == [0, 0]
    assert np.isnan(lines(ax)["W2"].get_ydata()[0])
    ax.figure.canvas.draw()
    assert plots.gradient_norms({"W1": [0.0, 0.0]}).get_yscale() == "linear"
    assert plots.gradient_norms({"W1": [1.0, 2.0]}, log=False).get_yscale() == "linear"
