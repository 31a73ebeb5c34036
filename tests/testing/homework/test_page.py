"""The page of a class: everything is on it, nothing of a learner runs in it, and it loads nothing."""

import re
from html.parser import HTMLParser

import pytest

from tinygrad_dl.testing.homework.findings import RIGHT, UNCHECKED, WRONG, FileResult, Finding, Quantity
from tinygrad_dl.testing.homework.page import page

EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"
NET = tuple(Quantity(name, RIGHT) for name in ("dW2", "dW1"))


class Reader(HTMLParser):
    """The tags and the text of a page; an error unless each tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def finding(verdict, **more):
    return Finding("backward", verdict, **more)


def test_each_file_has_a_row_that_leads_to_its_section():
    files = [
        FileResult("ann.py", (finding(RIGHT),)),
        FileResult("bob.py", (finding(WRONG, readings=("rows",)),), "stop"),
    ]
    read = Reader(page(files, "Week 3"))
    links = [a["href"] for a in read.all("a")]
    assert links == [f"#{details['id']}" for details in read.all("details") if "id" in details]
    assert ["open" in details for details in read.all("details")] == [False, True]  # what is right is folded
    for words in ("Week 3", "ann.py", "bob.py", "✓ right", "✗ wrong", "read as: rows", "stop", "1 of 1", "0 of 2"):
        assert words in read.words


def test_nothing_that_a_learner_writes_becomes_markup():
    evil = Finding(EVIL, EVIL, (EVIL,), (Quantity(EVIL, EVIL, (EVIL,), EVIL), *NET), EVIL, EVIL, EVIL, (EVIL,))
    read = Reader(page([FileResult(EVIL, (evil,), EVIL, (EVIL,))], EVIL))
    assert not {"script"} & {tag for tag, _ in read.tags}
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert read.words.count(EVIL) >= 9


def test_the_page_loads_nothing():
    text = page([FileResult("ann.py", (finding(RIGHT, quantities=NET),))])
    sources = re.findall(r"(?:src|href)=\"([^\"]*)", text)
    assert all(source.startswith(("data:image/svg+xml", "#file-")) for source in sources)
    assert "default-src 'none'" in text
    assert "url(" not in text


@pytest.mark.parametrize("files", [[], [FileResult("h.py")], [FileResult("h.py", (finding(UNCHECKED, problem="no"),))]])
def test_a_page_of_little_is_a_page(files):
    assert "Gradient checks" in Reader(page(files)).words
