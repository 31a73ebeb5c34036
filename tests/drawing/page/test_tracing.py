"""The pointer on a node of the page shows all that it was made from, and all that was made from it."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing.page import explore

from .reading import marks

pytestmark = pytest.mark.deep  # a browser is slow

LAPTOP = {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=rng)
    X, Y = rng.normal(size=(2, 6)), np.ones((1, 6))
    return explore(tg.nn.binary_cross_entropy(net(X), Y), tmp_path_factory.mktemp("page") / "net.html")


def marked(page, mark):
    return {id for id, classes in marks(page).items() if mark in classes.split()}


def hover(page, title):
    page.locator(f"svg .node:has(text:text-is('{title}'))").last.hover()


def test_the_way_of_a_node_is_what_it_was_made_from_and_what_was_made_from_it(visit, path):
    page = visit(path)
    hover(page, "Z1")
    before, after = marked(page, "before"), marked(page, "after")
    nodes = {page.text_content(f"#{id} text") for id in before if id.startswith("n")}
    assert nodes == {"W1", "X", "b1", "affine", "Z1"}
    nodes = {page.text_content(f"#{id} text") for id in after if id.startswith("n")}
    assert nodes == {"affine", "Z1", "tanh", "A1", "Z2", "sigmoid", "A2", "binary_cross_entropy", "output"}
    assert {id for id in before | after if id.startswith("e")} > {"e0-3-0", "e1-3-1", "e2-3-2"}
    opacity = "text => getComputedStyle(text.closest('g.node').querySelector('ellipse, path, polygon')).opacity"
    assert page.eval_on_selector("svg .node:has(text:text-is('W2')) text", opacity) == "0.2"
    assert page.eval_on_selector("svg .node:has(text:text-is('W1')) text", opacity) == "1"


def test_without_the_pointer_on_a_node_nothing_is_marked(visit, path):
    page = visit(path)
    hover(page, "Z1")
    page.hover("h1")
    assert marked(page, "before") == marked(page, "after") == set()
    assert "tracing" not in page.get_attribute("svg.graph", "class").split()


def test_a_net_of_two_layers_can_be_seen_whole_on_a_laptop_when_the_page_opens(visit, path):
    page = visit(path, viewport=LAPTOP)
    frame = page.locator("#stage").bounding_box()
    for node in page.locator("svg .node").all():
        box = node.bounding_box()
        assert frame["y"] <= box["y"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]
    box = page.locator("svg .node:has(text:text-is('output')) text").first.bounding_box()
    assert box["height"] >= 9  # and can still be read
