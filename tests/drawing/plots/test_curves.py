"""Activations, their derivatives and fits: the curves are held against formulas written out here."""

import math

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.drawing.plots.reading import FORMULAS, in_legend, lines, rng
from tinygrad_dl import nn
from tinygrad_dl.drawing import plots

# ---- activations


@pytest.mark.few_values
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


@pytest.mark.few_values
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


def test_a_pole_does_not_flatten_the_rest():
    low, high = plots.activation(np.tan).get_ylim()
    assert 2 < high < 100
    assert low == -high
    assert plots.activation(np.exp).get_ylim()[1] > np.exp(4)  # which is no pole


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
