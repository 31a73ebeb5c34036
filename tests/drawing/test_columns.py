"""A long picture goes on in a next column, at places where one unit connects what is before and what is after."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import draw
from tinygrad_dl.drawing.columns import column_breaks
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.graph.nodes import Graph

from .conftest import loss_of, net_of
from .pictures import needs_engine, shown


def view_of(x):
    return fold(Graph([x]), max_nodes=None)


def chain(length):
    x = tg.parameter(1.0)
    for _ in range(length):
        x = x * 2
    return x


def residual(length):
    x = tg.parameter(1.0)
    for _ in range(length):
        x = x + np.tanh(x)
    return x


def ladder(length):
    x, y = tg.parameter(1.0), tg.parameter(2.0)
    for _ in range(length):
        x, y = np.tanh(x), np.sin(y)
    return x + y


@pytest.mark.parametrize(("make", "short", "long"), [(chain, 20, 40), (residual, 10, 40)])
def test_long_pictures_are_broken_and_short_ones_are_not(make, short, long):
    assert not column_breaks(view_of(make(short)))
    assert column_breaks(view_of(make(long)))


def test_what_several_units_connect_is_not_broken():
    assert not column_breaks(view_of(ladder(40)))


@pytest.mark.parametrize("make", [chain, residual])
def test_without_its_breaks_a_picture_falls_apart_into_columns(make):
    view = view_of(make(60))
    breaks = column_breaks(view)
    part = list(range(len(view.units)))
    for link in view.links:
        if (link.tail, link.head) not in breaks:
            part = [part[link.tail] if p == part[link.head] else p for p in part]
    assert len(set(part)) == len({tail for tail, _ in breaks}) + 1


def test_passes_side_by_side_have_fewer_columns():
    view = view_of(chain(100))
    assert len(column_breaks(view, 2)) < len(column_breaks(view, 1))


def test_a_net_is_broken_before_a_layer():
    view = view_of(loss_of(net_of(12)))
    named = {(view.units[tail].node.name[0], view.units[head].node.label) for tail, head in column_breaks(view)}
    assert named == {("A", "affine")}


@needs_engine
@pytest.mark.parametrize("options", [{"depth": 1}, {"depth": 1, "show": "backward"}])
def test_a_deep_net_fits_a_page_and_nothing_of_it_is_lost(options):
    deep = nn.mlp([2, *[3] * 12, 1], hidden=nn.sigmoid, output=nn.sigmoid, rng=np.random.default_rng(0))
    drawing = draw(loss_of(deep), **options, legend=False)
    picture = shown(drawing)
    width, height = (float(picture.root.get(side).removesuffix("pt")) for side in ("width", "height"))
    assert height < 2.5 * width
    assert len(picture.edges) == drawing.edges == len(re.findall(r"->", drawing.source))
