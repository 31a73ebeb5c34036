"""The page tells the truth at every step: what it shows is what the course's formulas give, in plain NumPy."""

import re

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing.page import explore

from .reading import assert_shows, marked, marks, press, status, tables, texts

M = 5


@pytest.fixture(scope="module")
def week3(tmp_path_factory):
    """The page of the shallow net of week 3, and its values by hand; dZ and dA as the cost's derivatives."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, M)), np.array([[0.0, 1.0, 1.0, 0.0, 1.0]])
    net = tg.nn.mlp([2, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=rng)
    with tg.debug():
        cost = tg.nn.binary_cross_entropy(net(tg.Tensor(X, name="X")), tg.Tensor(Y, name="Y"))
    cost.name = "cost"
    path = explore(cost, tmp_path_factory.mktemp("page") / "week3.html")

    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    dZ2 = A2 - Y
    dW2, db2 = dZ2 @ A1.T / M, dZ2.sum(axis=1, keepdims=True) / M
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1**2)
    dW1, db1 = dZ1 @ X.T / M, dZ1.sum(axis=1, keepdims=True) / M
    values = {"X": X, "Y": Y, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    values["cost"] = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    values |= {"dcost": 1.0, "dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}
    values |= {"dA2": ((1 - Y) / (1 - A2) - Y / A2) / M, "dZ2": dZ2 / M, "dA1": dA1 / M, "dZ1": dZ1 / M}
    return path, values


# phase, what is gone through, the arrays, the lines of code, the derived lines
STEPS = [
    ("given", None, [], [], []),
    ("forward", "Z1", ["Z1"], ["Z1 = affine(W1, X, b1)"], ["Z1 = W1 @ X + b1"]),
    ("forward", "A1", ["A1"], ["A1 = np.tanh(Z1)"], ["A1 = np.tanh(Z1)"]),
    ("forward", "Z2", ["Z2"], ["Z2 = affine(W2, A1, b2)"], ["Z2 = W2 @ A1 + b2"]),
    ("forward", "A2", ["A2"], ["A2 = sigmoid(Z2)"], ["A2 = sigmoid(Z2)"]),
    (
        *("forward", "cost", ["cost"], ["cost = binary_cross_entropy(A2, Y)"]),
        ["cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m"],
    ),
    ("backward starts", "cost", ["dcost"], ["dcost = 1"], []),
    ("backward", "cost", ["dcost", "dA2"], None, []),
    ("backward", "A2", ["dA2", "dZ2"], ["dZ2 = dA2 * (A2 * (1 - A2))"], ["dZ2 = A2 - Y"]),
    (
        *("backward", "Z2", ["dZ2", "dW2", "dA1", "db2"]),
        ["dW2 = dZ2 @ A1.T", "dA1 = W2.T @ dZ2", "db2 = np.sum(dZ2, axis=1, keepdims=True)"],
        ["dW2 = dZ2 @ A1.T / m", "dA1 = W2.T @ dZ2", "db2 = np.sum(dZ2, axis=1, keepdims=True) / m"],
    ),
    (*("backward", "A1", ["dA1", "dZ1"], ["dZ1 = dA1 * (1 - A1**2)"]), ["dZ1 = dA1 * (1 - A1**2)"]),
    (
        *("backward", "Z1", ["dZ1", "dW1", "db1"]),
        ["dW1 = dZ1 @ X.T", "db1 = np.sum(dZ1, axis=1, keepdims=True)"],
        ["dW1 = dZ1 @ X.T / m", "db1 = np.sum(dZ1, axis=1, keepdims=True) / m"],
    ),
]


def assert_is_step(page, place, values):
    phase, name, arrays, lines, derived = STEPS[place]
    assert status(page).startswith(f"Step {place + 1} of {len(STEPS)}: ")
    assert phase in status(page)
    assert name is None or name in status(page)
    shown = tables(page)
    assert [*shown] == arrays
    for array in arrays:
        assert_shows(shown[array], values[array])
    if lines is not None:
        assert [line for line in texts(page, "#step .formula:not(.was) code")] == lines
    assert texts(page, "#step .derived code") == derived


def test_at_every_step_the_page_shows_what_the_course_derives_by_hand(visit, week3):
    path, values = week3
    page = visit(path)
    for place in range(len(STEPS)):
        assert_is_step(page, place, values)
        press(page, "ArrowRight")
    assert_is_step(page, len(STEPS) - 1, values)  # there is nothing after the last


@pytest.mark.deep
def test_the_convention_of_the_course_is_said_where_backward_starts(visit, week3):
    page = visit(week3[0])
    page.fill("#slider", "6")
    assert "The derivatives of the cost are these, divided by m = 5" in page.text_content(".convention")
    page.fill("#slider", "8")
    assert "m = 5 times what is shown here" in page.text_content("#step .derived")


@pytest.mark.deep
def test_what_was_reached_is_marked_forward_and_then_backward(visit, week3):
    page = visit(week3[0])
    by_name = dict(
        page.eval_on_selector_all("svg [data-node]", "all => all.map(g => [g.ariaLabel.split(',')[0], g.dataset.node])")
    )
    given = {by_name[name] for name in ("X", "Y", "W1", "b1", "W2", "b2")}
    assert marked(page, "reached") == given
    press(page, "ArrowRight", "ArrowRight")
    assert marked(page, "reached") == given | {by_name["Z1"], by_name["A1"]}
    assert marked(page, "now") == {by_name["A1"]}
    press(page, "End")
    assert marked(page, "reached") == set(by_name.values())
    assert marked(page, "returned") == set(by_name.values()) - {by_name["X"], by_name["Y"]}
    assert marked(page, "receiving") == {by_name["W1"], by_name["b1"]}
    arrows = [id for id, classes in marks(page).items() if "giving" in classes.split()]
    assert len(arrows) == 2


@pytest.mark.deep
def test_the_marks_of_a_step_do_not_depend_on_the_way_to_it(visit, week3):
    page = visit(week3[0])
    forward = []
    for _ in STEPS:
        forward.append(marks(page))
        press(page, "ArrowRight")
    for place in reversed(range(len(STEPS))):
        assert marks(page) == forward[place]
        press(page, "ArrowLeft")
    for place in (7, 2, 11, 0, 5):
        page.fill("#slider", str(place))
        assert marks(page) == forward[place]


def test_buttons_slider_and_keys_go_to_the_same_steps(visit, week3):
    path, values = week3
    page = visit(path)
    for button, place in (("last", 11), ("previous", 10), ("first", 0), ("next", 1), ("last", 11)):
        page.click(f"#{button}")
        assert_is_step(page, place, values)
    page.fill("#slider", "9")
    assert_is_step(page, 9, values)
    assert page.get_attribute("#slider", "aria-valuetext") == status(page)
    page.focus("#tab-step")
    press(page, "Home")
    assert_is_step(page, 0, values)
    press(page, "End")
    assert_is_step(page, 11, values)


@pytest.mark.deep
def test_autoplay_goes_to_the_end_and_stops_there_and_space_pauses_it(visit, week3):
    path, values = week3
    page = visit(path)
    page.select_option("#speed", "600")
    page.evaluate("document.activeElement.blur()")
    press(page, " ")
    page.locator("#status", has_text=re.compile("Step [2-9] of")).wait_for()
    press(page, " ")
    assert page.get_attribute("#play", "aria-label") == "Play"
    paused = status(page)
    page.wait_for_timeout(700)
    assert status(page) == paused
    page.select_option("#speed", "150")
    page.click("#play")
    page.locator("#status", has_text="Step 12 of").wait_for()
    page.wait_for_selector("#play[aria-label=Play]")
    assert_is_step(page, 11, values)


@pytest.mark.deep
def test_the_operation_of_a_step_is_in_view(visit, week3):
    page = visit(week3[0], viewport={"width": 900, "height": 420})
    frame = page.locator("#stage").bounding_box()
    for _ in STEPS[1:]:
        press(page, "ArrowRight")
        box = page.locator("svg .node.now").first.bounding_box()
        assert frame["x"] <= box["x"] <= box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert frame["y"] <= box["y"] <= box["y"] + box["height"] <= frame["y"] + frame["height"]


def test_a_click_on_any_node_shows_its_values_and_its_gradient(visit, week3):
    path, values = week3
    page = visit(path)
    page.click("#zoom-fit")
    for name in ("X", "Y", "W1", "b1", "W2", "b2", "Z1", "A1", "Z2", "A2", "cost"):
        page.locator(f'svg [aria-label^="{name},"] text').first.click()
        assert page.text_content("#details h2") == name
        shown = tables(page, "#details")
        assert_shows(shown[name], values[name])
        if name in "XY":
            assert f"d{name}" not in shown
            assert "it is data" in page.text_content("#details .state")
        else:
            assert_shows(shown[f"d{name}"], values[f"d{name}"])
    assert "test_stepping.py" in page.text_content("#details .source")
    page.click("#details .visit.backward")
    assert "backward 1 of 5" in status(page)


# ---- shared nodes, broadcasting


@pytest.mark.deep
def test_at_a_shared_node_the_parts_add_up_one_by_one(visit, tmp_path):
    x = np.array([0.5, -2.0, 3.0])
    X = tg.parameter(x, name="x")
    page = visit(explore(np.sum(X * X + np.exp(X)), tmp_path / "shared.html"))
    press(page, "End")
    assert texts(page, "svg .symbol") == ["v1", "v2", "v3", "v4"]  # what has no name is called so in formulas
    lines, parts, arrays = [], [], {}
    for _ in range(5):
        lines += [line for line in texts(page, "#step .formula:not(.was)") if line.startswith("dx")]
        parts += texts(page, "#step .parts strong")
        arrays |= tables(page)
        press(page, "ArrowLeft")
    assert sorted(parts) == ["1 of 3 parts", "2 of 3 parts", "3 of 3 parts"]
    assert sorted(line.split()[1] for line in lines) == ["+=", "+=", "="]
    assert_shows(arrays["dx, the sum"], 2 * x + np.exp(x))
    first, second = arrays["part 1 of dx"], arrays["part 2 of dx"]
    assert_shows(arrays["dx, so far"], first + second)


@pytest.mark.deep
def test_how_broadcasting_was_undone_is_said(visit, tmp_path):
    b, Z = tg.parameter(np.ones((4, 1)), name="b"), tg.parameter(np.ones((4, 6)), name="Z")
    page = visit(explore(np.sum((Z + b) ** 2), tmp_path / "broadcast.html"))
    press(page, "End")
    assert texts(page, ".undone") == ["Broadcasting is undone: summed over axis 1: (4, 6) to (4, 1)."]
    assert_shows(tables(page)["db"], np.full((4, 1), 24.0))
    press(page, "Home", "ArrowRight")
    assert "broadcast from (4, 1) to (4, 6)" in page.text_content("#step .operands")


def test_nan_inf_and_large_arrays_are_shown(visit, tmp_path):
    x = tg.parameter(np.array([np.nan, np.inf, -np.inf, 1e-12]), name="x")
    W = tg.parameter(np.arange(1200.0).reshape(3, 400), name="W")
    page = visit(explore(np.sum(x) + np.sum(W * W), tmp_path / "bad.html", max_values=30))
    page.click('svg [aria-label^="x,"] text >> nth=0')
    assert texts(page, "#details table.heat >> nth=0 >> td") == ["nan", "inf", "−inf", "1.000e−12"]  # noqa: RUF001
    assert "3 of 4" in page.text_content("#details .statistics.bad")
    page.click('svg [aria-label^="W,"] text >> nth=0')
    assert "The first 10 of 400 columns" in page.text_content("#details .note >> nth=0")
    assert_shows(tables(page, "#details")["W"], np.arange(1200.0).reshape(3, 400)[:, :10])
    facts = dict(
        zip(
            texts(page, "#details .statistics >> nth=0 >> dt"),
            texts(page, "#details .statistics >> nth=0 >> dd"),
            strict=True,
        )
    )
    assert facts["largest"] == "1199"
    assert page.locator("#details .histogram rect").count() >= 20
