"""`draw` and what it gives: options that say what they promise, pictures in files, notebooks and terminals."""

import re
import sys
import types
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import Drawing, draw, engine
from tinygrad_dl.drawing import drawing as module
from tinygrad_dl.graph.nodes import Graph

from .conftest import X, loss_of, net_of
from .pictures import SVG, needs_engine, shown

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


SAID = {  # what stands in the box of W1 or beside it with an option, and without it does not
    "values": lambda W, dW: [f"{x:.3g}" for x in W[0]],
    "gradients": lambda W, dW: f"gradient norm {np.linalg.norm(dW):.3g}",
    "heat": lambda W, dW: f"gradient norm {np.linalg.norm(dW):.3g}",
    "memory": lambda W, dW: "48 B",
    "shapes": lambda W, dW: "(3, 2)",
    "formulas": lambda W, dW: "dW1: dZ1 @ X.T",
}


@pytest.mark.few_values
@needs_engine
@pytest.mark.parametrize("name", SAID)
def test_each_option_says_what_it_promises_and_without_it_nothing_does(loss, name):
    W = tg.named_tensors(loss)["W1"]
    expected = SAID[name](W.data, tg.gradients(loss, W))
    for options in ({name: True}, {}):
        picture = shown(draw(loss, **options))
        things = {thing.lines[0]: (id, thing) for id, thing in picture.nodes.items()}
        id, box = things["W1"]
        ((edge, (_, user)),) = [(edge, ends) for edge, ends in picture.ends.items() if ends[0] == id]
        lines = {"shapes": picture.edges[edge], "formulas": picture.nodes[user]}.get(name, box).lines
        told = [line.split() for line in lines] if name == "values" else lines
        assert (expected in told) == bool(options)


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


def test_the_text_of_a_backward_pass_is_its_derivation():
    w = tg.parameter([[0.5, -1.0]], name="w")
    loss = np.sum(np.tanh(w) ** 2)
    assert str(draw(loss, show="backward")).startswith(tg.derive(loss).source)
    assert "dw = " in str(draw(loss, show="backward"))
    assert "dw = " in str(draw(loss, show="both"))
    x = tg.parameter(np.diag([1.0, 2.0]), name="x")
    values, vectors = np.linalg.eigh(x)  # whose rule can't be traced
    assert "eigh" in str(draw(np.sum(values) + np.sum(vectors**2), show="backward"))


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
    assert bundle.keys() == {"text/plain", "text/html", "image/svg+xml"}
    assert bundle["image/svg+xml"] in bundle["text/html"]
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
@pytest.mark.parametrize("patience", [1, pytest.param(2, marks=pytest.mark.deep), 3])
def test_a_simpler_picture_is_made_where_the_layout_takes_too_long_and_the_warning_says_which(monkeypatch, patience):
    """An engine that gives up on the first pictures: the third has about 100 nodes."""
    real, tried = engine.render, []

    def slow(source, suffix, seconds=None):
        tried.append(source)
        if len(tried) <= patience:
            raise engine.Timeout("too slow")
        return real(source, suffix, seconds)

    monkeypatch.setattr(engine, "render", slow)
    drawing = draw(loss_of(net_of(60)), roll=False)
    words = ["straight edges, no frames", "about 100 nodes, straight edges", "about 30 nodes, straight edges"]
    with pytest.warns(UserWarning, match=re.escape(f"this picture has {words[patience - 1]}.")):
        picture = shown(drawing._render(".svg"))
    assert len(picture.nodes) <= [drawing.nodes, 100, 30][patience - 1]
    assert picture.frames == {}
    assert "splines=line" in tried[-1]
    assert tried[0] == drawing.source


@needs_engine
def test_there_is_no_warning_where_the_picture_is_all(loss, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw(loss).render(tmp_path / "graph.svg").exists()


@needs_engine
def test_where_nothing_can_be_laid_out_in_time_it_is_an_error(loss, monkeypatch, tmp_path):
    def slow(source, suffix, seconds=None):
        raise engine.Timeout("too slow")

    monkeypatch.setattr(engine, "render", slow)
    with pytest.raises(engine.Timeout, match="gave up"):
        draw(loss).render(tmp_path / "graph.svg")
    assert list(tmp_path.iterdir()) == []


@needs_engine
def test_a_warning_names_the_line_of_whoever_renders(monkeypatch, tmp_path):
    real, tried = engine.render, []

    def slow(source, suffix, seconds=None):
        tried.append(source)
        if len(tried) == 1:
            raise engine.Timeout("too slow")
        return real(source, suffix, seconds)

    monkeypatch.setattr(engine, "render", slow)
    with pytest.warns(UserWarning, match="straight edges") as caught:
        draw(tg.parameter(1.0) * 2).render(tmp_path / "graph.svg")
    assert caught[0].filename == __file__


def test_a_drawing_is_what_draw_gives(loss):
    assert isinstance(draw(loss), Drawing)
    assert draw is tg.draw
