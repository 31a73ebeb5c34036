"""A decision boundary is where the decision of the net changes, and every sample is drawn once."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.drawing.plots.reading import in_legend, rng, samples, sigmoid
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots
from tinygrad_dl.drawing.plots.axes import COLOURS, MARKERS


def points(ax):
    """The image of an Axes, and the places of its pixels, in (2, rows, columns)."""
    (image,) = ax.images
    values = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    rows, columns = values.shape
    x = left + (right - left) * (np.arange(columns) + 0.5) / columns
    y = bottom + (top - bottom) * (np.arange(rows) + 0.5) / rows
    assert image.origin == "lower"
    return values, np.stack(np.meshgrid(x, y))


@pytest.mark.parametrize("logits", [False, True])
def test_the_shades_are_the_probabilities_that_the_net_gives(logits):
    net = nn.mlp([2, 5, 1], output=nn.identity if logits else nn.sigmoid, rng=rng())
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    X, Y = samples(2)
    values, places = points(plots.decision_boundary(net, X, Y, logits=logits, resolution=30))
    for i, j in np.ndindex(values.shape):
        expected = sigmoid(W2 @ np.tanh(W1 @ places[:, i, j, None] + b1) + b2).item()
        assert values[i, j] == pytest.approx(expected, abs=1e-9)
        if abs(expected - 0.5) > 1e-9:
            assert (values[i, j] > 0.5) == (expected > 0.5)


@pytest.mark.parametrize("classes", [3, 5, 12])
def test_the_regions_are_the_classes_that_the_net_predicts(classes):
    W, b = rng().normal(size=(classes, 2)), rng(1).normal(size=(classes, 1))
    values, places = points(plots.decision_boundary(lambda X: W @ X + b, *samples(classes), resolution=40))
    scores = np.einsum("kc,cij->kij", W, places) + b[:, :, None]
    sure = np.diff(np.sort(scores, axis=0)[-2:], axis=0)[0] > 1e-9
    assert np.mean(sure) > 0.99
    assert np.array_equal(values[sure], np.argmax(scores, axis=0)[sure])
    assert len(np.unique(values)) > 2


def test_the_line_is_where_the_decision_changes():
    ax = plots.decision_boundary(lambda X: sigmoid(3 * X[:1] - X[1:] - 0.5), *samples(2))
    (contour,) = ax.collections
    x1, x2 = np.concatenate([path.vertices for path in contour.get_paths()]).T
    assert 3 * x1 - x2 == pytest.approx(np.full(len(x1), 0.5), abs=0.02)
    assert len(x1) > 100


def test_where_one_class_is_everywhere_there_is_no_line():
    for net in (lambda X: 0.9 + 0 * X[:1], lambda X: np.array([[1.0], [2.0], [0.0]]) + 0 * X[:1]):
        assert not plots.decision_boundary(net, *samples(2)).collections


@pytest.mark.few_values
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("labels", ["(m,)", "(1, m)", "one-hot", "Tensor"])
def test_each_sample_is_drawn_once_with_the_marker_of_its_class(classes, labels):
    X, y = samples(classes)
    Y = {"(m,)": y, "(1, m)": y[None] * 1.0, "one-hot": np.eye(classes)[:, y], "Tensor": tg.Tensor(y)}[labels]
    ax = plots.decision_boundary(lambda X: np.arange(classes)[:, None] * X[:1], tg.Tensor(X), Y)
    drawn = [(*place, line.get_marker()) for line in ax.get_lines() for place in zip(*line.get_data(), strict=True)]
    assert sorted(drawn) == sorted((*X[:, i], MARKERS[y[i]]) for i in range(X.shape[1]))
    assert len({line.get_marker() for line in ax.get_lines()}) == classes
    assert in_legend(ax) == [f"class {k}" for k in range(classes)]
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T[..., None]
    assert np.all((low < X) & (high > X))


def test_colours_and_markers_are_not_one_pair_twice_among_many_classes():
    pairs = {(COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]) for k in range(70)}
    assert len(pairs) == 70


def test_the_title_counts_what_is_right():
    X, Y = np.array([[-1.0, -2.0, 1.0, 2.0], [0.0, 1.0, 0.0, 3.0]]), np.array([0, 1, 1, 1])
    assert plots.decision_boundary(lambda X: sigmoid(X[:1]), X, Y).get_title().endswith("accuracy 0.75")
    assert in_legend(plots.decision_boundary(lambda X: X[:1], X, Y, logits=True, classes=["no", "yes"])) == [
        "no",
        "yes",
    ]


def test_samples_on_a_line_or_in_one_place_have_room_around_them():
    for X in (np.zeros((2, 3)), np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])):
        ax = plots.decision_boundary(lambda X: sigmoid(X[:1]), X, np.array([0, 1, 1]))
        assert ax.get_ylim()[0] < X[1, 0] < ax.get_ylim()[1]
