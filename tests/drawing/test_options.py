"""The laws of the options of `draw`: light and dark, legend, heat, a report, how much, and in which direction."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.drawing import draw, style
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.record import Record

from .conftest import loss_of, net_of
from .pictures import SVG, needs_engine, shown
from .test_style import contrast

# ---- light and dark


@pytest.mark.few_values
@needs_engine
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "options", [{}, {"heat": True, "gradients": True, "values": "image"}, {"show": "both", "heat": True}]
)
def test_all_words_can_be_read_on_what_they_stand_on(loss, theme, options):
    picture = shown(draw(loss, theme=theme, **options))
    colours = style.DARK if theme == "dark" else style.LIGHT
    for thing in picture.nodes.values():
        for text in thing.element.iter(f"{SVG}text"):
            assert contrast(text.get("fill"), thing.fills[0]) >= 4.5, thing.lines
    others = [text for group in picture.root.iter(f"{SVG}g") for text in group.findall(f"{SVG}text")]
    assert all(contrast(text.get("fill"), colours.background) >= 4.5 for text in others if text.get("fill") != "black")
    background = next(picture.root.iter(f"{SVG}polygon"))
    assert background.get("fill") == colours.background


@needs_engine
def test_only_a_picture_that_adapts_has_colours_in_its_style_sheet(loss):
    for theme, count in (("auto", 1), ("light", 0), ("dark", 0)):
        svg = draw(loss, theme=theme)._render(".svg")
        assert svg.count(b"<style>") == 1  # with the rules for the pointer
        assert bool(svg.partition(b"</style>")[0].count(b"fill:")) == bool(count)
        assert svg.count(b"prefers-color-scheme: dark") == count
    assert draw(loss, theme="auto").source == draw(loss, theme="light").source


# ---- legend and notes


LEGENDS = {
    "forward": ({}, ["parameter", "data", "operation", "value", "output"]),
    "backward": ({"show": "backward"}, ["rule", "gradient"]),
    "both": ({"show": "both"}, ["parameter", "data", "operation", "value", "output", "rule", "gradient"]),
    "depth": ({"depth": 0}, ["data", "operation", "output", "module"]),
}


@needs_engine
@pytest.mark.parametrize("what", LEGENDS)
def test_the_legend_has_the_kinds_that_occur_and_no_others(loss, what):
    options, kinds = LEGENDS[what]
    picture = shown(draw(loss, **options))
    occurring = {thing.classes[0] for thing in picture.nodes.values()}
    assert occurring == {*kinds}
    words = [line for line in picture.foot if line in style.WORDS.values()]
    assert sorted(words) == sorted(style.WORDS[kind] for kind in occurring)


@needs_engine
def test_without_a_legend_there_is_none(loss):
    assert shown(draw(loss, legend=False)).foot == []


# ---- heat and its verdict


@needs_engine
def test_the_larger_a_gradient_the_darker_and_the_scale_is_used_from_end_to_end():
    loss = loss_of(nn.mlp([2, *[3] * 8, 1], hidden=nn.sigmoid, output=nn.sigmoid, rng=np.random.default_rng(0)))
    picture = shown(draw(loss, heat=True))
    named = tg.named_tensors(loss)
    norms = {name: np.linalg.norm(tg.gradients(loss, tensor)) for name, tensor in named.items()}
    things = {thing.lines[0]: thing for thing in picture.nodes.values() if "heat" in thing.classes}
    assert set(things) == {*named, "loss"}
    order = sorted(norms, key=norms.get)
    places = [style.SCALE.index(things[name].fills[0]) for name in order]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(style.SCALE) - 1)
    assert all(f"gradient norm {norms[name]:.3g}" in things[name].lines for name in norms)
    place = picture.foot.index(next(line for line in picture.foot if line.startswith("gradient norm")))
    ends = [f"gradient norm {norms[order[0]]:.2g}", f"{norms[order[-1]]:.2g}"]
    assert picture.foot[place : place + 2] == ends


@needs_engine
def test_colours_differ_by_how_many_times_larger_a_gradient_is_not_by_how_much():
    x = [tg.parameter(1.0, f"x{i}") for i in range(4)]
    picture = shown(draw(sum(10.0 ** (2 * i - 6) * x[i] for i in range(4)), heat=True))
    fills = {thing.lines[0]: thing.fills[0] for thing in picture.nodes.values()}
    assert len({fills[f"x{i}"] for i in range(4)}) == 4


@needs_engine
def test_the_verdict_is_on_the_drawing_in_the_picture_and_in_print():
    deep = nn.mlp([2, *[3] * 12, 1], hidden=nn.sigmoid, output=nn.sigmoid, rng=np.random.default_rng(0))
    drawing = draw(loss_of(deep), heat=True)
    assert drawing.verdict[0].startswith("Vanishing gradients: from Z13 back to Z1")
    assert drawing.verdict[0].split(", ")[0] in " ".join(shown(drawing).foot)
    assert drawing.verdict[0] in str(drawing)
    assert draw(loss_of(deep)).verdict == ()


@needs_engine
def test_gradients_that_are_all_zero_or_not_finite_are_drawn_in_grey():
    x = tg.parameter([0.0, 1.0], "x")
    things = shown(draw(np.sum(x * 0.0), heat=True)).nodes
    assert things["n0"].fills[0] == style.heat(0.0, 1.0, 2.0)
    with np.errstate(divide="ignore"):
        things = shown(draw(np.sum(np.sqrt(x)), heat=True, gradients=True)).nodes
    assert things["n0"].fills[0] == style.heat(np.inf, 1.0, 2.0)
    assert "gradient norm inf" in things["n0"].lines
    assert shown(draw(np.sum(x) * 5e-324, heat=True)).nodes["n0"].fills[0] in style.SCALE


@needs_engine
def test_the_scale_belongs_to_what_is_drawn_not_to_what_is_summed_up_in_it():
    """Of 200 time steps with gradients down to 1e-104, all boxes were of the darkest colour."""
    h, w = tg.parameter(1.0, "h"), tg.parameter(0.3, "w")
    for _ in range(200):
        h = np.tanh(w * h)
    drawing = draw(h, heat=True, max_nodes=20)
    norms = sorted(norm for i, norm in Record(drawing.graph).norms.items() if i not in drawing.graph.outputs)
    foot = shown(drawing).foot
    place = next(i for i, line in enumerate(foot) if line.startswith("gradient norm"))
    assert foot[place].endswith(" or less")
    assert norms[0] < 1e-50 < 1e-4 < float(foot[place].split()[2])
    assert foot[place + 1] == f"{norms[-1]:.2g}"
    assert any(thing.element.find(f".//{SVG}stop") is not None for thing in shown(drawing).nodes.values())


@needs_engine
def test_a_gradient_beyond_all_others_does_not_take_the_colours_from_them():
    x = [tg.parameter(1.0, f"x{i}") for i in range(4)]
    picture = shown(draw(1e-200 * x[0] + 1e-3 * x[1] + 0.1 * x[2] + x[3], heat=True))
    fills = {thing.lines[0]: thing.fills[0] for thing in picture.nodes.values()}
    assert fills["x0"] == style.SCALE[0]
    assert len({fills["x1"], fills["x2"], fills["x3"]}) == 3


# ---- how much


@pytest.mark.few_values
@needs_engine
@pytest.mark.parametrize(
    "options", [{"depth": 0}, {"depth": 1}, {"roll": True}, {"depth": 1, "roll": True}, {"max_nodes": 20}]
)
@pytest.mark.parametrize(
    "extra", [{}, {"gradients": True, "heat": True, "values": "image", "shapes": True, "memory": True}]
)
def test_what_is_summed_up_is_what_folding_says(options, extra):
    loss = loss_of(net_of(8))
    drawing, view = draw(loss, **options, **extra), fold(Graph([loss]), **options)
    assert drawing.note == view.note
    assert drawing.nodes < draw(loss, max_nodes=None).nodes
    picture = shown(drawing)
    for unit in view.units:
        if unit.kind != "node":
            assert picture.nodes[unit.id].lines[0][:5] == unit.title[:5]
            assert picture.nodes[unit.id].classes[0] == unit.kind
    assert len(picture.frames) == len([frame for frame in view.frames if frame])
    assert not view.note or view.note[:30] in " ".join(picture.foot)


@pytest.mark.deep
def test_beyond_300_nodes_a_picture_is_summed_up_and_says_so():
    loss = loss_of(net_of(100))
    total = len(Graph([loss]).nodes)
    drawing = draw(loss)
    assert drawing.nodes <= 300 < total
    assert f"{total:,}" in drawing.note
    assert drawing.note in str(drawing)
    everything = draw(loss, max_nodes=None)
    assert everything.note == ""
    assert everything.nodes > total


@needs_engine
def test_frames_are_of_modules_and_without_modules_there_are_none(loss):
    assert len(shown(draw(loss)).frames) == 3
    plain = shown(draw(loss, modules=False))
    assert plain.frames == {}
    assert plain.ends == shown(draw(loss)).ends


def box(element):
    numbers = [
        float(number)
        for part in element.iter()
        if part.tag in (f"{SVG}path", f"{SVG}polygon")
        for number in re.findall(r"-?[\d.]+", part.get("d") or part.get("points"))
    ]
    texts = [part for part in element.iter(f"{SVG}text")]
    numbers += [float(part.get(axis)) for part in texts for axis in "xy"] if not numbers else []
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


@needs_engine
def test_what_a_module_computed_stands_in_its_frame_and_its_input_outside(loss):
    picture = shown(draw(loss))
    (frame,) = [frame for frame in picture.frames.values() if frame.tooltip.startswith("layers.0")]
    left, top, right, bottom = box(frame.element)
    inside = set()
    for thing in picture.nodes.values():
        text = thing.element.find(f".//{SVG}text")
        if left <= float(text.get("x")) <= right and top <= float(text.get("y")) <= bottom:
            inside.add(thing.lines[0])
    assert inside == {"W1", "b1", "Z1", "affine"}


# ---- direction


@needs_engine
@pytest.mark.parametrize(("direction", "axis"), [("TB", "y"), ("LR", "x")])
def test_the_direction_is_from_top_to_bottom_or_from_left_to_right(loss, direction, axis):
    picture = shown(draw(loss, direction=direction))
    place = {
        thing.lines[0]: float(thing.element.find(f".//{SVG}text").get(axis))
        for thing in picture.nodes.values()
        if thing.lines[0] in ("Z1", "A1", "Z2", "A2", "loss")
    }
    assert sorted(place, key=place.get) == ["Z1", "A1", "Z2", "A2", "loss"]
