"""The pointer on a node of a picture shows what it depends on and what depends on it, in the theme of the notebook."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import draw
from tinygrad_dl.drawing.hover import hover_css

from .page.conftest import browser  # noqa: F401 (a fixture)
from .pictures import needs_engine, random_net, shown

RULE = re.compile(r"&:has\(#([\w-]+):hover\) :is\(\.node, \.edge\):not\(([^)]*)\)")
HOSTS = ['data-jp-theme-light="{}"', 'data-vscode-theme-kind="vscode-{}"', 'data-theme="{}"', 'theme="{}"']


def ways(svg):
    """What stays as it is when the pointer is on a node."""
    return {node: {id[1:] for id in ids.split(",")} for node, ids in RULE.findall(hover_css(svg))}


@needs_engine
@pytest.mark.parametrize("options", [{}, {"show": "backward"}, {"show": "both"}])
def test_the_way_of_a_node_is_all_that_leads_to_it_and_all_that_it_leads_to(options):
    loss, _ = random_net()
    svg = draw(loss, **options)._render(".svg").decode()
    picture = shown(svg)
    found = ways(svg)
    assert found.keys() == picture.nodes.keys()
    for node, way in found.items():
        assert node in way
        ends = {edge: picture.ends[edge] for edge in way & picture.edges.keys()}
        assert all({tail, head} <= way for tail, head in ends.values())
        for other, (tail, head) in picture.ends.items():  # the relation holds for both ends of an edge or for none
            if node in (tail, head):
                assert other in way
    for node in found:
        assert all(node in found[other] for other in found[node] & found.keys())


@needs_engine
def test_of_a_large_picture_the_neighbours_of_a_node_stand_out():
    x = tg.parameter(1.0, name="x")
    for _ in range(250):
        x = np.tanh(x)
    svg = draw(x)._render(".svg").decode()
    assert ways(svg)["n100"] == {"n99", "n100", "n101", "e99-100-0", "e100-101-0"}
    assert len(hover_css(svg)) < 60_000


OPACITY = "() => [...document.querySelectorAll('.node')].filter(g => getComputedStyle(g).opacity < 1).map(g => g.id)"
TEXT = "() => getComputedStyle(document.querySelector('.node text')).fill"
BACKGROUND = "() => getComputedStyle(document.querySelector('.graph polygon')).fill"


@pytest.fixture
def page_of(browser):  # noqa: F811
    """A page of a notebook with some pictures, in a host with attributes, for a reader who likes `scheme`."""
    contexts = []

    def opened(*drawings, attributes="", scheme="light"):
        contexts.append(browser.new_context(color_scheme=scheme))
        page = contexts[-1].new_page()
        cells = "".join(f"<section>{drawing._repr_mimebundle_()['text/html']}</section>" for drawing in drawings)
        page.set_content(f"<!doctype html><body {attributes}>{cells}</body>")
        return page

    yield opened
    for context in contexts:
        context.close()


@needs_engine
@pytest.mark.deep
def test_the_pointer_makes_other_nodes_pale_in_its_own_picture_only(page_of):
    x, y = tg.parameter(1.0, name="x"), tg.parameter(2.0, name="y")
    page = page_of(draw(np.tanh(x) + np.sin(y)), draw(np.cos(x) * y))
    page.hover("section:first-child #n0 text")
    pale = page.evaluate(OPACITY)
    assert sorted(pale) == ["n2", "n3"]  # y and its sine, in the first picture; in the second n2 is a result of n0
    page.mouse.move(0, 0)
    assert page.evaluate(OPACITY) == []


@needs_engine
@pytest.mark.deep
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_in_a_notebook_has_the_theme_of_the_notebook_not_of_the_system(page_of, host, scheme):
    drawing = draw(tg.parameter(1.0, name="x") * 2)
    values = {"dark": "false", "light": "true"} if "jp-" in host else {"dark": "dark", "light": "light"}
    fills = {}
    for theme, value in values.items():
        page = page_of(drawing, attributes=host.format(value), scheme=scheme)
        fills[theme] = page.evaluate(BACKGROUND), page.evaluate(TEXT)
    assert fills == {"dark": ("none", "rgb(236, 239, 243)"), "light": ("rgb(255, 255, 255)", "rgb(26, 29, 33)")}


@needs_engine
@pytest.mark.deep
def test_elsewhere_a_picture_has_the_theme_of_the_system_unless_one_is_chosen(page_of):
    x = tg.parameter(1.0, name="x") * 2
    assert page_of(draw(x), scheme="dark").evaluate(BACKGROUND) == "rgb(21, 24, 28)"
    assert page_of(draw(x), scheme="light").evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    assert page_of(draw(x, theme="light"), scheme="dark").evaluate(BACKGROUND) == "rgb(255, 255, 255)"
