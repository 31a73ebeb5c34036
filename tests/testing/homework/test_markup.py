"""Findings as HTML: all that a learner wrote is text."""

import re

from tinygrad_dl.testing.homework.findings import RIGHT, WRONG, FileResult, Finding, Quantity
from tinygrad_dl.testing.homework.report import CheckReport

EVIL = "<script>alert(1)</script>&\"'"


def test_no_text_of_a_learner_becomes_markup():
    finding = Finding(EVIL, WRONG, (EVIL,), (Quantity(EVIL, EVIL, (EVIL,), EVIL),), EVIL, EVIL, EVIL, (EVIL,))
    page = CheckReport([FileResult(EVIL, (finding,), EVIL, (EVIL,)), FileResult(EVIL)])._repr_html_()
    assert page.count("&lt;script&gt;") >= 10
    assert "<script" not in page


def test_each_tag_that_is_opened_is_closed():
    finding = Finding("f", WRONG, ("rows",), (Quantity("dW", WRONG, ("sign",)), Quantity("db", RIGHT)), report="text")
    page = CheckReport([FileResult("h.py", (finding,), "timeout", ("note",)), FileResult("g.py")])._repr_html_()
    opened, closed = (sorted(re.findall(pattern, page)) for pattern in (r"<(\w+)", r"</(\w+)"))
    assert opened == closed
    assert "✗ wrong" in page
    assert "✓ right" in page
