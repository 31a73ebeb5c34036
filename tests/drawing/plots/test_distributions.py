"""Histograms count what a net holds and computes."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.drawing.plots.reading import rng, sigmoid
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots


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
    with tg.core.modes.recording(recorded):
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
