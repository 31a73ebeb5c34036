"""The contents of a page: numbers, lines of source, and names that are told apart."""

import re
from pathlib import Path

import numpy as np

import tinygrad_dl as tg
from tests.drawing.page.test_document import contents, loss
from tinygrad_dl.drawing.page import explore
from tinygrad_dl.graph import formulas, op_text


def test_numbers_are_cut_to_the_limit_of_an_array_and_of_the_page(tmp_path):
    W = tg.parameter(np.ones((200, 300)))
    for limit in (1, 50, 5000):
        for array in contents(explore(np.sum(W * W), tmp_path / "page.html", max_values=limit))["arrays"]:
            assert sum(len(row) for block in array["blocks"] for row in block["rows"]) <= limit
    assert explore(np.sum(W * W), tmp_path / "page.html", max_values=10**6).stat().st_size < 1e6


def test_lines_of_source_are_there_if_they_were_recorded(tmp_path):
    with tg.debug():
        debugged = loss()
    lines = [node["line"] for node in contents(explore(debugged, tmp_path / "page.html"))["nodes"]]
    assert [line is not None and "return np.sum(x * x)" in line for line in lines] == [False, True, True]


def test_a_page_and_a_picture_have_no_folder_of_its_author(tmp_path):
    with tg.debug():
        debugged = loss()
    page = explore(debugged, tmp_path / "page.html").read_text(encoding="utf-8")
    for shown in (page, tg.draw(debugged).source):
        assert f"{Path(__file__).with_name('test_document.py').name}:" in shown
        assert str(Path(__file__).parent) not in shown


def test_several_outputs_and_what_was_cut_off_are_on_the_page(tmp_path):
    A = tg.parameter(np.array([[2.0, 1.0], [1.0, 3.0]]), name="A")
    values, vectors = np.linalg.eigh(A)
    path = explore(np.sum(values**2) + np.sum(A * vectors.detach()), tmp_path / "page.html")
    found = contents(path)
    assert any(node["shape"] is None and node["value"] is None for node in found["nodes"])
    lines = [part["line"] for step in found["steps"] if "contributions" in step for part in step["contributions"]]
    assert any(re.match(r"dv\d+\[0\] = dv\d+", line) for line in lines)


def lines(found):
    """The lines of code of all backward steps, without the parentheses around a name."""
    parts = [part for step in found["steps"] for part in step.get("contributions", [])]
    return [re.sub(r"\((\w+#\d+)\)", r"\1", part["line"]) for part in parts]


def test_parameters_of_one_name_are_told_apart_in_every_formula(tmp_path):
    x, y = tg.parameter([1.0, 2.0], name="x"), tg.parameter([3.0, 4.0], name="x")
    found = contents(explore(np.sum(x * y), tmp_path / "page.html"))
    assert lines(found)[-2:] == ["dx#0 = dv2 * x#1", "dx#1 = dv2 * x#0"]


def test_no_two_nodes_have_one_title_and_no_two_steps_one_gradient(tmp_path):
    net = tg.nn.mlp([2, 3, 1], hidden=tg.nn.tanh, rng=np.random.default_rng(0))
    cost = tg.nn.mean_squared_error(net(np.ones((2, 4))) - net(np.zeros((2, 4))), np.ones((1, 4)))
    found = contents(explore(cost, tmp_path / "page.html"))
    titles = [node["title"] for node in found["nodes"]]
    assert sum(title.startswith("Z1#") for title in titles) == 2
    assert len({*titles}) == len(titles)
    arriving = [step["name"] for step in found["steps"] if step["phase"] == "backward"]
    assert len({*arriving}) == len(arriving)
    assert not any(node["derived"] for node in found["nodes"] if node["title"].startswith("Z1#"))  # one of several


def test_of_an_operation_with_many_arguments_few_formulas_are_traced(tmp_path, monkeypatch):
    traced = []
    derivative = formulas.derivative
    monkeypatch.setattr(formulas, "derivative", lambda *args: traced.append(args) or derivative(*args))
    parts = [tg.parameter([1.0], name=f"p{i}") for i in range(60)]
    found = contents(explore(np.sum(np.concatenate(parts)), tmp_path / "page.html"))
    assert len(traced) <= op_text.MOST + 1
    assert [line.split()[0] for line in lines(found)[1:]] == [f"dp{i}" for i in range(60)]
    assert "by the same rule" in lines(found)[-1]
