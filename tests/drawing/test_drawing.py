"""`draw` and what it gives: options that say what they promise, pictures in files, notebooks and terminals."""

import re
import sys
import types
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn, testing
from tinygrad_dl.drawing import Drawing, draw, engine, style
from tinygrad_dl.drawing import drawing as module
from tinygrad_dl.drawing.folding import fold
from tinygrad_dl.drawing.graph import Graph

from .pictures import SVG, needs_engine, shown
from .test_style import contrast

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 6)), RNG.integers(0, 2, size=(1, 6)) * 1.0


def net_of(layers=2, **options):
    return nn.mlp([2] + [3] * (layers - 1) + [1], output=nn.sigmoid, rng=np.random.default_rng(1), **options)


def loss_of(net):
    return nn.binary_cross_entropy(net(X), Y)


@pytest.fixture(scope="module")
def net():
    return net_of()


@pytest.fixture(scope="module")
def loss(net):
    return loss_of(net)


# ---- what one draws


@needs_engine
def test_a_net_and_its_inputs_are_drawn_as_what_it_computes_of_them(net):
    picture = shown(draw(net, X))
    assert {thing.lines[0]: thing.classes[0] for thing in picture.nodes.values() if thing.lines[0] in ("X", "A2")} == {
        **{"X": "data", "A2": "output"}
    }
    assert sorted(frame.tooltip for frame in picture.frames.values()) == [
        *("Sequential", "layers.0: Dense(2, 3)", "layers.2: Dense(3, 1)")
    ]
    titles = {"".join(text.itertext()) for text in picture.root.iter(f"{SVG}text")}
    assert {frame.tooltip for frame in picture.frames.values()} <= titles


@needs_engine
def test_a_function_is_drawn_with_the_names_of_its_arguments():
    picture = shown(draw(lambda w, x: np.tanh(w @ x), np.ones((2, 3)), np.ones((3, 4))))
    assert {"w", "x"} <= {thing.lines[0] for thing in picture.nodes.values()}


@needs_engine
def test_gradients_made_with_create_graph_are_drawn_as_the_pass_that_made_them(loss, net):
    dW = tg.gradients(loss, net.layers[0].W, create_graph=True)
    picture = shown(draw(dW))
    names = {thing.lines[0] for thing in picture.nodes.values()}
    assert {"A1", "A2", "W2"} <= names
    assert len(Graph([dW]).nodes) > len(Graph([loss]).nodes)


# ---- choices


WRONG = {
    "show": "sideways",
    "direction": "RL",
    "theme": "blue",
    "values": "all",
    "gradients": "grad",
}


@pytest.mark.parametrize("option", WRONG)
@pytest.mark.parametrize("value", [None, 2, []])
def test_a_choice_that_there_is_not_is_an_error_that_names_the_choices(loss, option, value):
    for wrong in (WRONG[option], value):
        with pytest.raises(ValueError, match=rf"draw: expected {option} to be one of .*, got {re.escape(repr(wrong))}"):
            draw(loss, **{option: wrong})


@pytest.mark.parametrize("options", [{"gradients": True}, {"heat": True}, {"show": "backward"}, {"show": "both"}])
@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: tg.parameter([1.0, 2.0], "x") * 2, r"got × 2 of shape \(2,\)"),
        (lambda: tg.Tensor(1.0, name="c"), r"got c of shape \(\), which is not tracked"),
        (lambda: [np.sum(tg.parameter([1.0])), tg.parameter([1.0, 2.0], "w")], r"got w of shape \(2,\)"),
    ],
)
def test_a_backward_pass_of_what_is_not_one_number_is_an_error_that_says_what_to_draw(options, make, what):
    with pytest.raises(ValueError, match=rf"draw: a backward pass starts at one number .*{what}.*: draw the loss"):
        draw(make(), **options)


@pytest.mark.parametrize("wrong", [np.ones(3), 2.0, None, "loss"])
def test_anything_but_tensors_is_an_error(wrong):
    with pytest.raises(TypeError, match=r"draw: expected a Tensor.*pass the Tensor itself"):
        draw(wrong)


@pytest.mark.parametrize(("option", "value"), [("depth", -1), ("depth", "one"), ("max_nodes", 0), ("roll", "yes")])
def test_how_much_is_checked_too(loss, option, value):
    with pytest.raises((TypeError, ValueError), match=option):
        draw(loss, **{option: value})


@pytest.mark.parametrize("name", ["values", "formulas", "shapes", "memory", "heat", "gradients"])
def test_each_option_changes_what_is_said(loss, name):
    assert draw(loss, **{name: True}).source != draw(loss).source


# ---- light and dark


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
def test_only_a_picture_that_adapts_has_a_style_sheet(loss):
    for theme, count in (("auto", 1), ("light", 0), ("dark", 0)):
        svg = draw(loss, theme=theme)._rendered(".svg")
        assert svg.count(b"<style>") == count
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
def test_heat_is_by_the_norm_of_the_gradient_from_the_smallest_to_the_largest(loss):
    picture = shown(draw(loss, heat=True))
    named = tg.named_tensors(loss)
    norms = {name: np.linalg.norm(tg.gradients(loss, tensor)) for name, tensor in named.items()}
    high, low = max(norms.values()), min([*norms.values(), max(norms.values()) / 100])
    things = {thing.lines[0]: thing for thing in picture.nodes.values() if "heat" in thing.classes}
    assert set(things) == {*named, "output"}
    for name, norm in norms.items():
        share = np.log(norm / low) / np.log(high / low)
        assert things[name].fills[0] == style.scale()[min(int(share * 6), 5)]
        assert f"gradient norm {norm:.3g}" in things[name].lines
    place = picture.foot.index(next(line for line in picture.foot if line.startswith("gradient norm")))
    assert picture.foot[place : place + 2] == [f"gradient norm {low:.2g}", f"{high:.2g}"]


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
    assert shown(draw(np.sum(x) * 5e-324, heat=True)).nodes["n0"].fills[0] in style.scale()


# ---- a report on a hand derivation


@pytest.fixture(scope="module")
def reported(net, loss):
    """A report that finds dZ1 wrong, and what comes of it, and dW2 right."""
    named = tg.named_tensors(loss)
    A1, A2, Z1, W2 = (named[name].data for name in ("A1", "A2", "Z1", "W2"))
    m = X.shape[1]
    dZ2 = A2 - Y
    dZ1 = W2.T @ dZ2 * (1 - Z1**2)
    gradients = {"dZ2": dZ2, "dW2": dZ2 @ A1.T / m, "dZ1": dZ1, "dW1": dZ1 @ X.T / m}
    return testing.check_backprop(gradients, X, Y, net)


@needs_engine
@pytest.mark.parametrize("show", ["forward", "backward"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_stands_at_the_names_that_it_is_about_with_the_cause(loss, reported, show, theme):
    picture = shown(draw(loss, report=reported, show=show, theme=theme))
    colours = style.DARK if theme == "dark" else style.LIGHT
    prefix = "d" if show == "backward" else ""
    things = {thing.lines[0]: thing for thing in picture.nodes.values()}
    statuses = {row.name: row.status for row in reported}
    assert statuses == {"dZ2": "right", "dW2": "right", "dZ1": "wrong", "dW1": "inherited"}
    for row in reported:
        thing = things[f"{prefix}{row.name[1:]}"]
        assert f"{row.name} {row.verdict}" in thing.lines
        verdict = "right" if row.status == "right" else "wrong"
        assert verdict in thing.classes
        assert thing.strokes[0] == getattr(colours, verdict)
    cause = reported["dZ1"].causes[0]
    assert cause.why in " ".join(things[f"{prefix}Z1"].tooltip.split())
    assert "week" in things[f"{prefix}Z1"].tooltip
    for name in ("A1", "b1"):
        assert not {"right", "wrong"} & {*things[prefix + name].classes}


@needs_engine
def test_a_report_goes_with_heat(loss, reported):
    picture = shown(draw(loss, report=reported, heat=True))
    things = {thing.lines[0]: thing for thing in picture.nodes.values()}
    assert "wrong" in things["Z1"].classes
    assert "heat" in things["A1"].classes


def test_a_report_on_other_names_is_an_error(reported):
    x = tg.parameter(1.0, "x")
    with pytest.raises(ValueError, match=r"the report is about dZ2, .*, and this graph has none of these names"):
        draw(x * 2, report=reported)


def test_what_is_no_report_is_an_error(loss):
    with pytest.raises(TypeError, match=r"expected report=testing\.check_backprop\(\.\.\.\), got dict"):
        draw(loss, report={"dW1": 1})


# ---- how much


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
        if thing.lines[0] in ("Z1", "A1", "Z2", "A2", "output")
    }
    assert sorted(place, key=place.get) == ["Z1", "A1", "Z2", "A2", "output"]


# ---- the Drawing


@needs_engine
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_picture_is_written_to_a_file(loss, tmp_path, suffix):
    path = draw(loss).render(tmp_path / f"graph{suffix}")
    start = {".svg": b"<svg", ".png": b"\x89PNG"}[suffix]
    assert path.read_bytes().startswith(start)
    if suffix == ".svg":
        ET.parse(path)


@pytest.mark.parametrize("suffix", [".gv", ".dot"])
def test_its_text_is_written_without_an_engine(loss, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(engine, "find", lambda: None)
    drawing = draw(loss)
    assert drawing.render(str(tmp_path / f"graph{suffix}")).read_text() == drawing.source


def test_a_path_that_can_not_be_written_is_an_error(loss, tmp_path):
    with pytest.raises(ValueError, match=r"render: expected a path that ends in \.svg"):
        draw(loss).render(tmp_path / "graph.jpeg")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        draw(loss).render(tmp_path / "nowhere" / "graph.svg")


def test_what_it_prints_is_the_graph_as_text(loss):
    text = str(draw(loss))
    assert "A1" in text
    assert "tanh(Z1)" in text
    assert re.search(r"W1 .*\(3, 2\)", text)


def test_its_repr_counts_nodes_and_edges(monkeypatch):
    x = tg.parameter(1.0, "x")
    drawing = draw(x * 2)
    nodes, edges = drawing.nodes, drawing.edges
    assert repr(drawing).startswith(f"Drawing of {nodes} nodes and {edges} edges: ")
    assert repr(draw(x)).startswith("Drawing of 1 node and 0 edges: ")
    monkeypatch.setattr(engine, "find", lambda: None)
    assert engine.REMEDY in repr(drawing)
    assert engine.REMEDY in str(drawing)


@needs_engine
def test_a_notebook_gets_the_picture_and_the_text(loss):
    drawing = draw(loss)
    bundle = drawing._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "image/svg+xml"}
    assert bundle["text/plain"] == str(drawing)
    assert ET.fromstring(bundle["image/svg+xml"]).tag == f"{SVG}svg"


def test_a_notebook_without_an_engine_gets_the_text(loss, monkeypatch):
    monkeypatch.setattr(engine, "find", lambda: None)
    assert draw(loss)._repr_mimebundle_().keys() == {"text/plain"}


@needs_engine
def test_show_opens_the_picture_in_a_browser(loss, monkeypatch):
    opened = []
    monkeypatch.setattr(module.webbrowser, "open", opened.append)
    path = draw(loss).show()
    assert opened == [path.as_uri()]
    ET.parse(path)
    path.unlink()
    path.parent.rmdir()


def test_show_prints_where_there_is_no_engine(loss, monkeypatch, capsys):
    monkeypatch.setattr(engine, "find", lambda: None)
    drawing = draw(loss)
    assert drawing.show() is None
    assert capsys.readouterr().out == f"{drawing}\n"


def test_show_displays_in_a_notebook(loss, monkeypatch):
    displayed = []
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=displayed.append))
    drawing = draw(loss)
    assert drawing.show() is None
    assert displayed == [drawing]


def test_drawings_of_the_same_program_are_equal(loss):
    assert draw(loss) == draw(loss)
    assert draw(loss) != draw(loss, values=True)
    assert (
        draw(loss, roll=True, max_nodes=50, heat=True).source == draw(loss, roll=True, max_nodes=50, heat=True).source
    )


# ---- where a layout takes too long


@needs_engine
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_a_simpler_picture_is_made_where_the_layout_takes_too_long_and_the_warning_says_which(monkeypatch, patience):
    """An engine that gives up on the first pictures: the third has about 100 nodes."""
    real, tried = engine.rendered, []

    def slow(source, suffix, seconds=None):
        tried.append(source)
        if len(tried) <= patience:
            raise engine.Timeout("too slow")
        return real(source, suffix, seconds)

    monkeypatch.setattr(engine, "rendered", slow)
    drawing = draw(loss_of(net_of(60)), roll=False)
    words = ["straight edges, no frames", "about 100 nodes, straight edges", "about 30 nodes, straight edges"]
    with pytest.warns(UserWarning, match=re.escape(f"this picture has {words[patience - 1]}.")):
        picture = shown(drawing._rendered(".svg"))
    assert len(picture.nodes) <= [drawing.nodes, 100, 30][patience - 1]
    assert picture.frames == {}
    assert "splines=line" in tried[-1]
    assert tried[0] == drawing.source


@needs_engine
def test_there_is_no_warning_where_the_picture_is_all(loss, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(loss).render(tmp_path / "graph.svg")


@needs_engine
def test_where_nothing_can_be_laid_out_in_time_it_is_an_error(loss, monkeypatch, tmp_path):
    def slow(source, suffix, seconds=None):
        raise engine.Timeout("too slow")

    monkeypatch.setattr(engine, "rendered", slow)
    with pytest.raises(engine.Timeout, match="gave up"):
        draw(loss).render(tmp_path / "graph.svg")
    assert list(tmp_path.iterdir()) == []


@needs_engine
def test_a_warning_names_the_line_of_whoever_renders(monkeypatch, tmp_path):
    real, tried = engine.rendered, []

    def slow(source, suffix, seconds=None):
        tried.append(source)
        if len(tried) == 1:
            raise engine.Timeout("too slow")
        return real(source, suffix, seconds)

    monkeypatch.setattr(engine, "rendered", slow)
    with pytest.warns(UserWarning, match="straight edges") as caught:
        draw(tg.parameter(1.0) * 2).render(tmp_path / "graph.svg")
    assert caught[0].filename == __file__


def test_a_drawing_is_what_draw_gives(loss):
    assert isinstance(draw(loss), Drawing)
    assert draw is tg.draw
