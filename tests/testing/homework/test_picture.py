"""The picture of a net, made from a finding alone."""

import base64
import re

import pytest

from tinygrad_dl.testing.homework.findings import RIGHT, WRONG, Finding, Quantity
from tinygrad_dl.testing.homework.picture import picture_of


def svg_of(*quantities):
    image = picture_of(Finding("backward", WRONG, quantities=quantities))
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', image)
    return base64.b64decode(found[1]).decode() if found else ""


@pytest.mark.parametrize("names", [("dZ2", "dW2", "db2", "dW1"), ("dz2", "dw2", "db2", "dW1")])
def test_each_gradient_is_named_with_its_verdict_and_cause(names):
    verdicts = [(RIGHT, ()), (WRONG, ("1/m missing",)), (WRONG, ()), ("inherited from dZ2", ())]
    svg = svg_of(*(Quantity(name, *verdict) for name, verdict in zip(names, verdicts, strict=True)))
    for words in ("dZ2 right", "dW2 wrong: 1/m missing", "db2 wrong, cause unknown", "dW1 inherited from dZ2"):
        assert words in svg


@pytest.mark.parametrize(
    "names", [(), ("dx", "dw"), ("dW1",), ("dW1", "dW3"), ("dW0", "dW1"), tuple(f"dW{n}" for n in range(1, 40))]
)
def test_what_is_no_net_or_too_deep_has_no_picture(names):
    assert picture_of(Finding("backward", RIGHT, quantities=tuple(Quantity(name, RIGHT) for name in names))) == ""


def test_text_of_a_learner_stays_text_in_the_picture():
    svg = svg_of(Quantity("dW1", WRONG, ("</text><script>",)), Quantity("dW2", RIGHT))
    assert svg
    assert "<script" not in svg
