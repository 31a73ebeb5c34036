"""A notebook shows the page itself, in a frame, whose style is none of the notebook's; a script gets its path."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

import tinygrad_dl as tg
from tests.drawing.page.test_document import loss
from tinygrad_dl.drawing.page import explore, frame


class Frames(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_the_result_is_the_path_of_the_page(tmp_path):
    path = explore(loss(), tmp_path / "page.html")
    assert isinstance(path, Path)
    assert path == tmp_path / "page.html"
    assert str(path) == str(tmp_path / "page.html")
    assert path.with_suffix(".txt").parent == tmp_path


def test_a_notebook_gets_the_whole_page_in_a_frame_and_no_style_beside_it(tmp_path):
    path = explore(loss(), tmp_path / "page.html", title='a "title" & </iframe>')
    ((tag, attributes),) = Frames(path._repr_html_()).found
    assert tag == "iframe"
    assert attributes["srcdoc"] == path.read_text(encoding="utf-8")


def test_a_page_that_is_gone_or_too_large_is_named(tmp_path, monkeypatch):
    path = explore(loss(), tmp_path / "page.html")
    monkeypatch.setattr(frame, "_MOST_BYTES", 100)
    assert path._repr_html_() == f"<code>{path}</code>"
    path.unlink()
    assert path._repr_html_() == f"<code>{path}</code>"


@pytest.mark.deep
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_notebook_the_page_has_the_theme_of_the_notebook_and_leaves_its_style_alone(browser, tmp_path, theme):
    path = explore(loss(), tmp_path / "page.html")
    context = browser.new_context(color_scheme="dark" if theme == "light" else "light")
    page = context.new_page()
    troubles = []
    page.on("console", lambda message: troubles.append(message.text))
    cell = f"<p>text</p>{path._repr_html_()}"
    page.set_content(f"<!doctype html><body data-jp-theme-light={str(theme == 'light').lower()}>{cell}</body>")
    inside = page.frame_locator("iframe")
    inside.locator("#status:not(:empty)").wait_for()
    assert inside.locator(":root").get_attribute("data-theme") == theme
    assert inside.locator("#theme").get_attribute("aria-pressed") == str(theme == "dark").lower()
    font = "p => getComputedStyle(p).fontFamily"
    assert page.eval_on_selector("p", font) != inside.locator("p").first.evaluate(font)
    assert page.evaluate("document.styleSheets.length") == 0
    assert not troubles
    context.close()


def test_a_script_prints_the_path(tmp_path, capsys):
    print(tg.explore(loss(), tmp_path / "page.html"))
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
