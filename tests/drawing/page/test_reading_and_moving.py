"""What one does besides stepping: searching, moving, another level of detail, keys alone, a narrow or a dark window."""

import itertools

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.drawing import engine
from tinygrad_dl.drawing.page import explore, pictures

from .reading import contrasts, marks, press, status, texts

pytestmark = pytest.mark.deep  # a browser is slow; test_stepping.py looks at the page in the quick run too

NAMES = [
    "</script><script>alert(1)</script>",
    "<!-- <b>bold</b> -->",
    "${x} `y` {{contents}} %s \\n",
    "\"quotes\" 'and' &amp; &",
    "权重 🧠 Ω",
    "x" * 10_000,
]
COUNT_CHANGES = """() => {
    window.changes = [];
    new MutationObserver(found => changes.push(...found))
        .observe(document.querySelector("svg.graph"), { subtree: true, attributes: true, childList: true });
}"""
WALK = """keys => keys.map(key => {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    return document.activeElement.id;
})"""
NARROW = {"width": 380, "height": 720}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def deep(folder):
    """The page of a net with four layers alike, on 400 samples."""
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([6, 6, 6, 6, 6, 1], hidden=tg.nn.relu, output=tg.nn.sigmoid, rng=rng)
    X, Y = tg.Tensor(rng.normal(size=(6, 400)), name="X"), np.ones((1, 400))
    return explore(tg.nn.binary_cross_entropy(net(X), Y), folder / "deep.html", title="A deep net")


@pytest.fixture(scope="module")
def awkward(folder):
    """The page of a product of Tensors with names that a page might trip over."""
    product = tg.parameter(np.ones(3))
    for name in NAMES:
        product = product * tg.parameter(np.ones(3), name=name)
    return explore(np.sum(product), folder / "awkward.html", title=NAMES[0])


@pytest.mark.parametrize("name", NAMES, ids=["script", "markup", "templates", "quotes", "wide", "long"])
def test_any_name_is_shown_as_it_was_typed(visit, awkward, name):
    page = visit(awkward)
    page.fill("#search", name[:200])
    assert page.locator("#results [role=option]").count() >= 1
    press(page, "Enter")
    assert page.text_content("#details h2") == name
    assert page.text_content("#title") == page.title() == NAMES[0]
    assert page.locator("b").count() == 0
    press(page, "Escape", "End")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_search_finds_by_name_operation_and_shape(visit, deep):
    page = visit(deep)
    page.fill("#search", "sigmoid")
    assert len(texts(page, "#results [role=option]")) == 1
    page.fill("#search", "(1, 400)")
    assert {text.split()[0] for text in texts(page, "#results [role=option]")} >= {"Z5", "A5"}
    page.fill("#search", "w3")
    press(page, "Enter")
    assert page.text_content("#details h2") == "W3"
    assert page.get_attribute("#tab-details", "aria-selected") == "true"
    page.fill("#search", "A")
    assert texts(page, "#results strong")[0] == "A1"  # names come before "data" and "affine"
    press(page, "ArrowDown")
    chosen = page.text_content("#results [aria-selected=true] strong")
    press(page, "Enter")
    assert page.text_content("#details h2") == chosen
    page.fill("#search", "dW3")
    assert texts(page, "#results strong")[0] == "W3"  # where its gradient is
    page.fill("#search", "no such thing")
    assert texts(page, "#results li") == ["Nothing has that"]
    press(page, "Escape")
    assert page.locator("#results").is_hidden()


def test_what_was_found_is_in_the_middle(visit, deep):
    page = visit(deep)
    page.fill("#search", "A5")
    press(page, "Enter")
    box, frame = (page.locator(selector).first.bounding_box() for selector in ("svg .chosen", "#stage"))
    for side, size in (("x", "width"), ("y", "height")):
        assert abs(box[side] + box[size] / 2 - frame[side] - frame[size] / 2) < 2


def place(page):
    return page.locator("svg.graph").bounding_box()


def test_drag_wheel_keys_and_buttons_move_the_picture(visit, deep):
    page = visit(deep)
    before = place(page)
    page.mouse.move(60, 500)
    page.mouse.down()
    page.mouse.move(100, 530, steps=3)
    page.mouse.up()
    after = place(page)
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (40, 30)
    page.mouse.wheel(0, -300)
    assert place(page)["width"] > 1.3 * before["width"]
    page.click("#zoom-fit")
    fitted, frame = place(page), page.locator("#stage").bounding_box()
    assert frame["y"] < fitted["y"]
    assert fitted["y"] + fitted["height"] < frame["y"] + frame["height"]
    page.click("#zoom-in")
    assert place(page)["width"] == pytest.approx(1.25 * fitted["width"], rel=1e-3)
    page.focus("#stage")
    was = place(page)
    press(page, "ArrowRight", "ArrowDown")
    assert (place(page)["x"] - was["x"], place(page)["y"] - was["y"]) == pytest.approx((-60, -60), abs=0.1)
    press(page, "0")
    assert place(page)["width"] == pytest.approx(fitted["width"], rel=1e-3)
    assert status(page).startswith("Step 1 ")  # these arrows were the picture's
    assert page.text_content("#details .hint")  # and the drag was no click


def test_pinching_zooms(visit, deep):
    page = visit(deep, has_touch=True)
    before = place(page)
    touch = page.context.new_cdp_session(page)
    for kind, gap in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
        points = [{"x": 300 - gap, "y": 400, "id": 0}, {"x": 300 + gap, "y": 400, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert place(page)["width"] == pytest.approx(2 * before["width"], rel=0.1)


def test_another_level_of_detail_keeps_the_step_and_the_node(visit, deep):
    page = visit(deep)
    options = texts(page, "#levels option")
    assert len(options) >= 2
    page.fill("#slider", "3")
    step = status(page)
    page.locator('svg [aria-label^="W2,"] text').first.click()
    all_nodes = marks(page)
    page.select_option("#levels", "1")
    assert status(page) == step
    assert page.text_content("#details h2") == "W2"
    assert len(marks(page)) < len(all_nodes)
    assert "now" in " ".join(marks(page).values())
    page.select_option("#levels", label=next(option for option in options if "layers as one" in option))
    page.locator('svg [aria-label*="3 nodes in one"] text').first.click()
    assert page.text_content("#details h2") == "Z1"
    assert "Drawn in one with" in texts(page, "#details h3")
    press(page, "End")
    ends = marks(page)
    assert "returned" in " ".join(ends.values())
    press(page, "Home")
    assert "returned" not in " ".join(marks(page).values())
    press(page, "End")
    assert marks(page) == ends


def test_all_can_be_done_by_keys(visit, deep):
    page = visit(deep)
    seen = []
    for _ in range(22):
        press(page, "Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.node || ''"))
    for id in (
        "search",
        "levels",
        "theme",
        "stage",
        "zoom-in",
        "zoom-fit",
        "play",
        "next",
        "slider",
        "speed",
        "tab-step",
    ):
        assert id in seen, id
    node = seen[seen.index("stage") + 1]
    assert node.startswith("n")
    page.focus("#stage")
    press(page, "Tab", "ArrowRight")
    other = page.evaluate("document.activeElement.dataset.node")
    assert other not in (None, node)
    assert (
        page.evaluate("getComputedStyle(document.activeElement.querySelector('ellipse, path, polygon')).strokeWidth")
        == "4px"
    )
    press(page, "Enter")
    assert page.text_content("#details h2")
    press(page, "Escape")
    assert page.evaluate("document.activeElement.id") == "stage"
    press(page, "/")
    assert page.evaluate("document.activeElement.id") == "search"


def test_arrows_walk_along_the_graph_at_every_level_of_detail(visit, deep):
    page = visit(deep)
    for level, option in enumerate(texts(page, "#levels option")):
        page.select_option("#levels", str(level))
        page.locator("svg [data-node]").first.focus()
        keys = [*["ArrowDown"] * 9, *["ArrowUp"] * 3, *["ArrowLeft"] * 40, *["ArrowRight"] * 40]
        walked = {id.split("-")[0] for id in page.evaluate(WALK, keys)}
        everything = {id.split("-")[0] for id in marks(page) if id[0] in "ng"}
        assert walked == everything, option


def test_everything_that_takes_the_focus_or_a_click_has_a_name(visit, deep):
    page = visit(deep)
    press(page, "End")
    nameless = page.eval_on_selector_all(
        "button, input, select, summary, [tabindex], [role]",
        """all => all.filter(x => !(x.ariaLabel || x.textContent.trim() || x.getAttribute("aria-labelledby")
            || x.labels?.length || x.hidden)).map(x => x.outerHTML)""",
    )
    assert nameless == []
    assert page.get_attribute("#status", "aria-live") == "polite"
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_have_contrast(visit, deep, scheme):
    page = visit(deep, color_scheme=scheme)
    page.click(".legend summary")
    for keys in ([], ["ArrowRight"], ["End"]):
        press(page, *keys)
        poor = [(text, ratio) for text, ratio in contrasts(page) if ratio < 4.5]
        assert poor == []
    page.click(".legend summary")
    page.locator('svg [aria-label^="W2,"] text').first.click()
    assert [(text, ratio) for text, ratio in contrasts(page) if ratio < 4.5] == []


def test_dark_is_the_systems_choice_until_the_reader_chooses(visit, deep):
    def darkness(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = visit(deep, color_scheme="light"), visit(deep, color_scheme="dark")
    assert darkness(light) != darkness(dark)
    assert dark.get_attribute("#theme", "aria-pressed") == "true"
    light.click("#theme")
    assert darkness(light) == darkness(dark)
    dark.click("#theme")
    dark.emulate_media(color_scheme="light")
    dark.emulate_media(color_scheme="dark")
    assert darkness(dark) != darkness(light)


def test_a_narrow_window_needs_no_scrolling_sideways(visit, deep):
    page = visit(deep, viewport=NARROW)
    for _ in range(6):
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        press(page, "ArrowRight")
    press(page, "End")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    stage, controls, panel = (page.locator(part).bounding_box() for part in ("#stage", ".controls", ".panel"))
    assert stage["y"] + stage["height"] <= controls["y"]
    assert controls["y"] + controls["height"] <= panel["y"] + 1
    page.locator("svg .node.now text").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert page.locator("#details h2").bounding_box()["y"] < NARROW["height"]


@pytest.mark.parametrize("viewport", [NARROW, {"width": 1280, "height": 800}], ids=["narrow", "wide"])
def test_nothing_lies_over_the_picture_until_the_key_is_opened(visit, deep, viewport):
    page = visit(deep, viewport=viewport)
    covering = """() => {
        const { left, right, top, bottom } = document.querySelector("#stage").getBoundingClientRect();
        const inside = [];
        for (let x = left + 2; x < right; x += 8)
            for (let y = top + 2; y < bottom; y += 8) inside.push(document.elementFromPoint(x, y));
        return [...new Set(inside.filter(found => !found.closest("#stage")).map(found => found.outerHTML))];
    }"""
    assert page.evaluate(covering) == []
    page.click(".legend summary")
    assert page.evaluate(covering) != []
    key, frame = (page.locator(part).bounding_box() for part in (".key", "#stage"))
    assert key["y"] >= frame["y"]  # so that the button that closes it and those of the zoom can be reached
    assert key["y"] + key["height"] <= frame["y"] + frame["height"]


def test_tensors_of_one_name_have_a_number_each_in_the_picture_in_words_and_in_the_search(visit, folder):
    x, y = tg.parameter([1.0, 2.0], name="x"), tg.parameter([3.0, 4.0], name="x")
    page = visit(explore(np.sum(x * y), folder / "same.html"))
    titles = ["x#0", "x#1"]
    assert texts(page, "svg .parameter text:first-of-type") == titles
    assert texts(page, "#step .given .link") == titles
    page.fill("#search", "x")
    assert texts(page, "#results strong")[:2] == titles
    page.fill("#search", "x#1")
    press(page, "Enter")
    assert page.text_content("#details h2") == "x#1"
    assert page.locator("#details table.heat").first.get_attribute("aria-label") == "x#1, shape (2,)"
    page.evaluate("document.activeElement.blur()")
    press(page, "End", "ArrowLeft", "ArrowRight")
    assert texts(page, "#step h3.leaving .link") == titles


def test_the_pages_own_names_of_nodes_cover_no_other_node(visit, folder):
    rng = np.random.default_rng(0)
    W, U, b = (
        tg.parameter(rng.normal(size=shape), name=name) for name, shape in (("W", (3, 3)), ("U", (3, 2)), ("b", 3))
    )
    h = tg.Tensor(np.zeros(3), name="h0")
    for t in range(4):
        h = np.tanh(W @ h + U @ tg.Tensor(rng.normal(size=2), name=f"x{t}") + b)
    page = visit(explore(np.sum(h), folder / "cell.html"))
    covered = page.evaluate("""() => [...document.querySelectorAll("svg text.symbol")].flatMap(symbol => {
        const a = symbol.getBoundingClientRect();
        return [...document.querySelectorAll("svg .node")].filter(node => node !== symbol.parentElement)
            .map(node => node.querySelector("ellipse, path, polygon").getBoundingClientRect())
            .filter(b => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
            .map(() => symbol.textContent);
    })""")
    assert page.locator("svg text.symbol").count() == 21
    assert covered == []


def test_pictures_that_took_too_long_are_named_in_the_choice_of_pictures(visit, folder, monkeypatch):
    clock = itertools.chain([0.0, 0.0], itertools.repeat(100.0))  # time for the first one
    monkeypatch.setattr(pictures, "monotonic", clock.__next__)
    net = tg.nn.mlp([2, 2, 1], rng=np.random.default_rng(0))
    page = visit(explore(np.sum(net(np.ones((2, 3)))), folder / "late.html"))
    choices = page.locator("#levels option")
    assert [choice.is_disabled() for choice in choices.all()] == [False, True]
    assert choices.last.text_content().startswith("not laid out in")
    assert page.locator("svg.graph .node").count() > 0


def test_a_large_graph_is_a_small_page_that_works(visit, folder):
    rng = np.random.default_rng(0)
    W, b = tg.parameter(rng.normal(size=(8, 8)) / 3, name="W"), tg.parameter(np.zeros((8, 1)), name="b")
    h = tg.Tensor(rng.normal(size=(8, 30)), name="x")
    for t in range(165):
        h = np.tanh(W @ h + b)
        h.name = f"h{t}"
    path = explore(np.sum(h), folder / "large.html")
    assert path.stat().st_size < 3e6
    page = visit(path)
    press(page, "ArrowRight")
    assert status(page).startswith("Step 2 of 994: ")
    press(page, "End")
    assert "165 of 165 parts" in page.text_content("#step")
    page.select_option("#levels", "1")
    page.evaluate("document.activeElement.blur()")
    page.evaluate(COUNT_CHANGES)
    press(page, "ArrowLeft")
    assert 0 < page.evaluate("changes.length") < 60  # of thousands of elements
    page.fill("#search", "h80")
    press(page, "Enter")
    assert page.text_content("#details h2") == "h80"


def test_without_a_layout_engine_the_steps_are_a_list(visit, folder, monkeypatch):
    monkeypatch.setattr(engine, "find", lambda: None)
    x = tg.parameter([1.0, 2.0], name="x")
    page = visit(explore(np.sum(x * x), folder / "list.html"))
    assert "pip install" in page.text_content("#stage .note")
    assert texts(page, "#stage li") == [
        "What is given",
        *(f"v{i} = {f}" for i, f in ((1, "x * x"), (2, "np.sum(v1)"))),
        "dv2 = 1",
        *texts(page, "#stage li")[4:],
    ]
    press(page, "ArrowRight")
    assert texts(page, "#stage [aria-current=step]") == ["v1 = x * x"]
    page.click("#stage li >> nth=5")
    assert status(page).startswith("Step 6 of 6: ")
    assert "2 of 2 parts" in page.text_content("#step")
    assert [(text, ratio) for text, ratio in contrasts(page) if ratio < 4.5] == []
