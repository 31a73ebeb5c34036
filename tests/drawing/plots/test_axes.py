"""Whose Axes are drawn into, what lies where in them, and what is refused before anything is drawn."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import tinygrad_dl as tg
from tests.drawing.plots.reading import FORMULAS, lines, rng, samples
from tests.marks import in_depth
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots

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


@pytest.mark.few_values
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


@pytest.mark.few_values
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("layout", [None, in_depth("constrained")])
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
    "a name": (lambda: plots.activation("relu"), TypeError, r"a function, such as tg\.nn\.relu, got str 'relu'"),
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


@pytest.mark.few_values
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
