"""Plots show what they are given: the numbers in the Axes are held against formulas written out here."""

import math
import sys

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots
from tinygrad_dl.drawing.plots.axes import COLOURS, MARKERS

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
Figure = pytest.importorskip("matplotlib.figure").Figure


@pytest.fixture(autouse=True)
def _close_new_figures():
    before, settings = plt.get_fignums(), dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == settings
    for number in set(plt.get_fignums()) - set(before):
        plt.close(number)


def rng(seed=0):
    return np.random.default_rng(seed)


def lines(ax):
    """The lines of an Axes by the labels that its legend shows."""
    return {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}


def in_legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---- activations

PHI = math.sqrt(2 / math.pi)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gelu_slope(z):
    t = np.tanh(PHI * (z + 0.044715 * z**3))
    return (1 + t) / 2 + z / 2 * (1 - t**2) * PHI * (1 + 3 * 0.044715 * z**2)


FORMULAS = {  # g, and g' as calculus has it
    nn.identity: (lambda z: z, lambda z: np.ones_like(z)),
    nn.sigmoid: (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    nn.tanh: (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    nn.relu: (lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0)),
    nn.leaky_relu: (lambda z: np.maximum(z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    nn.elu: (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z: np.where(z > 0, 1, np.exp(z))),
    nn.softplus: (lambda z: np.log(1 + np.exp(z)), sigmoid),
    nn.gelu: (lambda z: z / 2 * (1 + np.tanh(PHI * (z + 0.044715 * z**3))), gelu_slope),
}


@pytest.mark.parametrize("g", FORMULAS, ids=lambda g: g.__name__)
@pytest.mark.parametrize("z", [(-4, 4), (-3.3, 1.7)])
def test_the_curves_are_g_and_its_derivative(g, z):
    ax = plots.activation(g, z=z)
    assert (ax.get_title(), ax.get_xlabel()) == (g.__name__, "z")
    assert in_legend(ax) == ["g(z)", "g'(z)"]
    for line, formula in zip(lines(ax).values(), FORMULAS[g], strict=True):
        x, y = line.get_data()
        assert (x[0], x[-1]) == z
        assert np.max(np.diff(x)) < (z[1] - z[0]) / 700
        drawn = np.isfinite(y)
        assert np.count_nonzero(~drawn) == (g in (nn.relu, nn.leaky_relu) and line is lines(ax)["g'(z)"])
        assert y[drawn] == pytest.approx(formula(x[drawn]), abs=1e-12)
    solid, dashed = lines(ax).values()
    assert solid.get_linestyle() != dashed.get_linestyle()


@pytest.mark.parametrize("kink", [0.0, 0.5, math.pi / 4, -1.2345])
@pytest.mark.parametrize(("left", "right"), [(0.0, 1.0), (1.0, 0.9), (-1.0, 1.0), (0.01, 0.0)])
def test_the_derivative_breaks_at_a_kink_wherever_it_is_and_g_does_not(kink, left, right):
    ax = plots.activation(lambda z: np.where(z <= kink, left * (z - kink), right * (z - kink)))
    g, slope = lines(ax).values()
    assert np.all(np.isfinite(g.get_ydata()))
    x, y = slope.get_data()
    (gap,) = np.flatnonzero(np.isnan(y))
    assert x[gap - 1] == pytest.approx(kink, abs=1e-12)
    assert x[gap + 1] == pytest.approx(kink, abs=1e-12)
    assert set(y[:gap]) == {left}
    assert set(y[gap + 1 :]) == {right}


@pytest.mark.parametrize(("g", "at_0"), [(nn.relu, 0), (nn.leaky_relu, 0.01), (np.abs, 0)])
def test_a_dot_shows_what_autodiff_takes_the_derivative_at_a_kink_to_be(g, at_0):
    (dot,) = (line for line in plots.activation(g).get_lines() if line.get_marker() == "o")
    assert [*dot.get_xdata(), *dot.get_ydata()] == [0, at_0]


def test_a_step_breaks_too_and_has_slope_zero():
    g, slope = lines(plots.activation(np.sign, z=(-1, 3))).values()
    x, y = g.get_data()
    assert set(y[x < 0][:-1]) == {-1}
    assert np.count_nonzero(np.isnan(y)) == 2  # on both sides of sign(0) = 0
    assert set(slope.get_ydata()) == {0}


def test_where_g_is_not_defined_both_lines_have_a_gap():
    for line, formula in zip(lines(plots.activation(np.log)).values(), (np.log, lambda z: 1 / z), strict=True):
        x, y = line.get_data()
        assert np.array_equal(np.isfinite(y), x > 1e-9)
        assert y[x > 1e-9] == pytest.approx(formula(x[x > 1e-9]))


def test_activation_differentiates_where_nothing_is_recorded():
    with tg.no_grad():
        x, y = lines(plots.activation(np.tanh))["g'(z)"].get_data()
    assert y == pytest.approx(1 - np.tanh(x) ** 2)


def test_an_activation_has_a_name():
    assert plots.activation(lambda z: z).get_title() == "g"
    assert plots.activation(lambda z: z, name="swish").get_title() == "swish"


# ---- decision boundaries


def samples(classes, m=60):
    return rng(1).normal(size=(2, m)), np.arange(m) % classes


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


def test_norms_that_are_zero_or_missing_are_no_obstacle():
    ax = plots.gradient_norms([{"W1": 0.0}, {"W1": 0.0, "W2": 1.0}])
    assert list(lines(ax)["W1"].get_ydata()) == [0, 0]
    assert np.isnan(lines(ax)["W2"].get_ydata()[0])
    ax.figure.canvas.draw()
    assert plots.gradient_norms({"W1": [0.0, 0.0]}).get_yscale() == "linear"
    assert plots.gradient_norms({"W1": [1.0, 2.0]}, log=False).get_yscale() == "linear"


# ---- distributions


def counts(ax):
    return np.array([bar.get_height() for bar in ax.patches]), np.array([bar.get_x() for bar in ax.patches])


@pytest.mark.parametrize("recorded", [True, False])
def test_histograms_count_each_number_of_what_a_net_holds_and_computes(recorded):
    net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=rng())
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    X = rng(1).normal(size=(2, 50))
    Z1 = W1 @ X + b1
    Z2 = W2 @ np.tanh(Z1) + b2
    expected = {"W1": W1, "b1": b1, "Z1": Z1, "A1": np.tanh(Z1), "W2": W2, "b2": b2, "Z2": Z2, "A2": sigmoid(Z2)}
    with tg.grad_mode.recording(recorded):
        panels = plots.histograms(net, X, bins=7)
    assert panels.shape == (2, 4)
    for panel, (name, values) in zip(panels.flat, expected.items(), strict=True):
        assert panel.get_title() == f"{name} {values.shape}"
        heights, starts = counts(panel)
        assert heights.sum() == values.size
        if np.ptp(values):
            assert list(heights) == [
                np.sum((values >= start - 1e-12) & (values < end - 1e-12))
                for start, end in zip(starts, [*starts[1:], np.inf], strict=True)
            ]
        assert f"{values.mean():.2g}, std {values.std():.2g}" in panel.get_xlabel()
    assert all(p.grad is None for p in net.parameters())
    assert [panel.get_title()[:2] for panel in plots.histograms(net).flat] == ["W1", "b1", "W2", "b2"]


def test_histograms_of_arrays_by_name_and_of_nets_without_names():
    class Twice(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Dense(2, 2, rng=rng()), nn.Dense(2, 2, rng=rng())

        def __call__(self, A):
            return self.second(self.first(A))

    for X in (None, np.eye(2)):
        titles = [panel.get_title() for panel in plots.histograms(Twice(), X).flat]
        assert titles == ["first.W (2, 2)", "first.b (2, 1)", "second.W (2, 2)", "second.b (2, 1)"]
    nearly_constant = [1e9, np.nextafter(1e9, 2e9)]
    panels = plots.histograms({"a": [1.0], "b": np.arange(5), "c": tg.Tensor(nearly_constant)})
    assert [panel.get_title() for panel in panels.flat if panel.get_visible()] == ["a (1,)", "b (5,)", "c (2,)"]
    assert [counts(panel)[0].sum() for panel in panels.flat if panel.get_visible()] == [1, 5, 2]


# ---- fits


def test_fits_draw_the_data_and_the_curve_of_each_net():
    x, y = np.array([[0.0, 1.0, 3.0]]), np.array([1.0, 2.0, -1.0])
    net = nn.mlp([1, 4, 1], rng=rng())
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    ax = plots.fits({"line": lambda x: 6 * x + 4, "net": net}, x, y)
    data, line, curve = lines(ax).values()
    assert in_legend(ax) == ["data", "line", "net"]
    assert [list(values) for values in data.get_data()] == [list(x[0]), list(y)]
    assert data.get_linestyle() == "None"
    assert line.get_linestyle() != curve.get_linestyle()
    for drawn, formula in ((line, lambda x: 6 * x + 4), (curve, lambda x: W2 @ np.tanh(W1 * x + b1) + b2)):
        places, heights = drawn.get_data()
        assert places[0] < x.min() < x.max() < places[-1]
        assert heights == pytest.approx(np.ravel(formula(places)))
    assert in_legend(plots.fits(net, x, y[np.newaxis])) == ["data", "fit"]


# ---- whose Axes, and what lies where

X, Y = samples(2)
NET = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=rng())
DEEP = {f"{kind}{layer}": np.logspace(layer, 0, 30) for layer in range(1, 7) for kind in "Wb"}
PICTURES = {
    **{f"activation {g.__name__}": lambda ax, g=g: plots.activation(g, ax=ax) for g in FORMULAS},
    "boundary": lambda ax: plots.decision_boundary(NET, X, Y, ax=ax),
    "boundary of ten": lambda ax: plots.decision_boundary(lambda X: rng().normal(size=(10, 2)) @ X, X, Y, ax=ax),
    "costs": lambda ax: plots.costs(np.exp(-np.arange(30) / 5), ax=ax),
    "costs, rising": lambda ax: plots.costs({"a": np.ones(30), "b": np.arange(30.0)}, ax=ax),
    "costs, all over": lambda ax: plots.costs({f"{i}": rng(i).normal(size=200) for i in range(4)}, ax=ax),
    "costs, one epoch": lambda ax: plots.costs([1.0], log=True, ax=ax),
    "norms": lambda ax: plots.gradient_norms(DEEP, ax=ax),
    "fits": lambda ax: plots.fits({"a": lambda x: x, "b": lambda x: -x}, X[:1], X[1], ax=ax),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_axes_given_are_those_drawn_into_and_no_figure_is_made(name):
    before = plt.get_fignums()
    ax = Figure().subplots(1, 2)[1]
    assert PICTURES[name](ax) is ax
    assert ax.has_data()
    assert len(ax.figure.axes) == 2
    assert plt.get_fignums() == before
    own = PICTURES[name](None)
    assert set(plt.get_fignums()) - set(before) == {own.figure.number}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("layout", ["constrained", None])
def test_a_legend_covers_no_data_and_nothing_is_cut(name, layout):
    figure = Figure(layout=layout)
    ax = PICTURES[name](figure.subplots())
    figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    for line in lines(ax).values():
        x, y = line.get_data()
        if line.get_linestyle() != "None":  # between the points, too
            x, y = (np.interp(np.linspace(0, len(v) - 1, 20 * len(v)), np.arange(len(v)), v) for v in (x, y))
            x, y = x[np.isfinite(y)], y[np.isfinite(y)]
        assert box.count_contains(ax.transData.transform(np.stack([x, y], axis=1))) == 0
    if name.startswith("boundary"):  # it stands above all samples, in one piece with the field
        assert box.y0 > ax.transData.transform((0, X[1].max()))[1]
    for text in (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts()):
        extent = text.get_window_extent() if text.get_text() else box
        assert figure.bbox.x0 <= extent.x0
        assert extent.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= extent.y0
        assert extent.y1 <= figure.bbox.y1
    assert ax.bbox.y0 <= box.y0
    assert box.y1 <= ax.bbox.y1


def test_histograms_draw_into_the_axes_given_in_their_order():
    before = plt.get_fignums()
    axes = Figure().subplots(2, 3)
    assert plots.histograms(NET, ax=axes) is axes
    assert [ax.get_title()[:2] for ax in axes.flat] == ["W1", "b1", "W2", "b2", "", ""]
    ax = Figure().subplots()
    assert list(plots.histograms({"a": [1, 2]}, ax=ax)) == [ax]
    assert plt.get_fignums() == before


# ---- what is refused

AB = {"a": [1.0], "b": [2.0]}
REFUSED = {
    "range": (lambda: plots.activation(np.tanh, z=(1, 1)), ValueError, r"range z=\(low, high\).*got \(1, 1\)"),
    "softmax": (lambda: plots.activation(nn.softmax), ValueError, "each z alone, and in softmax they depend on one"),
    "no shape": (lambda: plots.activation(np.sum), ValueError, r"sum to be elementwise, got \(\) from \(801,\)"),
    "cut": (lambda: plots.activation(lambda z: z.data * 2), ValueError, "g varies, and .* leaves the graph"),
    "rows": (lambda: plots.decision_boundary(NET, X.T, Y), ValueError, r"\(2, m\), got \(60, 2\); .*pass X\.T"),
    "three features": (lambda: plots.decision_boundary(NET, np.ones((3, 4)), Y), ValueError, r"got \(3, 4\)\.$"),
    "labels": (lambda: plots.decision_boundary(NET, X, Y[1:]), ValueError, r"one-hot \(2, 60\), got \(59,\)"),
    "range of labels": (
        lambda: plots.decision_boundary(NET, X, 2 * Y - 1),
        ValueError,
        r"0 \.\.\. 1, got \[-1\. +1\.\]",
    ),
    "one-hot": (lambda: plots.decision_boundary(NET, X, np.ones((2, 60))), ValueError, "one-hot columns"),
    "logits": (
        lambda: plots.decision_boundary(lambda X: 9 * X[:1], X, Y),
        ValueError,
        r"in \[0, 1\].*pass logits=True",
    ),
    "nan": (lambda: plots.decision_boundary(NET, X * np.nan, Y), ValueError, "X, and 120 of 120 are nan or inf"),
    "text": (lambda: plots.decision_boundary(NET, X, Y.astype(str)), ValueError, "real numbers in Y, got <U21"),
    "output": (lambda: plots.decision_boundary(lambda X: X[0], X, Y), ValueError, r"\(classes, 60\), got \(60,\)"),
    "names": (lambda: plots.decision_boundary(NET, X, Y, classes="a"), ValueError, "names of 2 classes, got 'a'"),
    "resolution": (lambda: plots.decision_boundary(NET, X, Y, resolution=1), ValueError, "at least 2 points, got 1"),
    "no history": (lambda: plots.costs({}), ValueError, "histories by name, got none"),
    "empty": (lambda: plots.costs(tg.History(loss=[])), ValueError, "list of numbers for loss, got"),
    "None": (lambda: plots.costs(None), ValueError, "list of numbers for loss, got None"),
    "no loss": (lambda: plots.costs({"a": {"cost": [1.0]}}), ValueError, r"\"loss\" .*got \['cost'\] for 'a'"),
    "log 0": (lambda: plots.costs([1.0, 0.0], log=True), ValueError, "above 0 for log=True, got 0"),
    "not asked for": (lambda: plots.gradient_norms(tg.History(loss=[1.0])), ValueError, "gradient_norms=True"),
    "norms of what": (lambda: plots.gradient_norms([1.0]), ValueError, r"list of dicts by name, got \[1\.0\]"),
    "no norms": (lambda: plots.gradient_norms([]), ValueError, "at least one parameter, got none"),
    "negative": (lambda: plots.gradient_norms({"W1": [-1.0]}), ValueError, "expected norms, got -1 for W1"),
    "no arrays": (lambda: plots.histograms({}), ValueError, "at least one array"),
    "no numbers": (lambda: plots.histograms({"a": np.ones((0, 3))}), ValueError, r"in a, got none, of shape \(0, 3\)"),
    "inf": (lambda: plots.histograms({"a": [np.inf, 1]}), ValueError, "in a, and 1 of 2 are nan or inf"),
    "no net": (lambda: plots.histograms(np.ones(3)), TypeError, "a net, or a dict of arrays by name, got array"),
    "X": (lambda: plots.histograms(AB, X), ValueError, "X is for a net"),
    "few": (lambda: plots.histograms(AB, ax=Figure().subplots()), ValueError, "expected 2 Axes, for a, b; got 1"),
    "x": (lambda: plots.fits(NET, X[0], X[1]), ValueError, r"\(1, m\), got \(60,\); .*X\.reshape\(1, -1\)"),
    "y": (lambda: plots.fits(NET, X[:1], X), ValueError, r"Y of shape \(1, 60\), as X, got \(2, 60\)"),
    "fit": (lambda: plots.fits(lambda x: x[0], X[:1], X[1]), ValueError, r"expected fit to give \(1, m\).*\(400,\)"),
    "figure": (lambda: plots.costs([1.0], ax=Figure()), TypeError, "expected ax=Axes.*got <Figure"),
    "many": (lambda: plots.costs([1.0], ax=Figure().subplots(2)), TypeError, "expected ax=Axes.*got array"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_drawn_is_refused_before_anything_is(name):
    before = plt.get_fignums()
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == before


@pytest.mark.parametrize("name", [*PICTURES, "histograms"])
def test_without_matplotlib_an_error_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'plots\.\w+ needs matplotlib: pip install "tinygrad-dl\[plot\]"'):
        PICTURES.get(name, lambda ax: plots.histograms(NET))(None)


def test_a_pole_does_not_flatten_the_rest():
    low, high = plots.activation(np.tan).get_ylim()
    assert 2 < high < 100
    assert low == -high
    assert plots.activation(np.exp).get_ylim()[1] > np.exp(4)  # which is no pole
