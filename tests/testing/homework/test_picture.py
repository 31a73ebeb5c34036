"""The picture of a net, made from a finding alone."""

import base64
import re

import pytest

from tinygrad_dl.testing.homework.findings import RIGHT, UNDECIDED, WRONG, Finding, Quantity
from tinygrad_dl.testing.homework.picture import picture_of


def svg_of(*quantities):
    image = picture_of(Finding("backward", WRONG, quantities=quantities))
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', image)
    return base64.b64decode(found[1]).decode() if found else ""


@pytest.mark.parametrize(
    "names",
    [
        ("dZ2", "dW2", "db2", "dW1"),
        ("dz2", "dw2", "db2", "dW1"),
        ('grads["dZ2"]', 'grads["dW2"]', 'grads["db2"]', 'grads["dW1"]'),
        ("z[1]", "nabla_w[1]", "nabla_b[1]", "nabla_w[0]"),
    ],
)
def test_each_gradient_is_named_with_its_verdict_and_cause(names):
    verdicts = [(RIGHT, ()), (WRONG, ("1/m missing",)), (WRONG, ()), ("inherited from dZ2", ())]
    svg = svg_of(*(Quantity(name, *verdict) for name, verdict in zip(names, verdicts, strict=True)))
    for words in ("dZ2 right", "dW2 wrong: 1/m missing", "db2 wrong, cause unknown", "dW1 inherited from dZ2"):
        assert words in svg


@pytest.mark.parametrize("names", [(), ("dx", "dw"), ("dW1",), ("dW1", "dW3"), tuple(f"dW{n}" for n in range(1, 40))])
def test_what_is_no_net_or_too_deep_has_no_picture(names):
    assert picture_of(Finding("backward", RIGHT, quantities=tuple(Quantity(name, RIGHT) for name in names))) == ""


def test_a_long_cause_is_cut():
    svg = svg_of(Quantity("dW1", WRONG, ("a constant factor: it is 3 times the right one",)), Quantity("dW2", RIGHT))
    assert "dW1 wrong: a constant factor<" in svg


def test_what_is_undecided_is_neither_right_nor_wrong():
    svg = svg_of(Quantity("dW1", UNDECIDED), Quantity("dW2", RIGHT), Quantity("dA0", WRONG))
    assert "dW2 right" in svg
    assert "dW1" not in svg
    assert "wrong" not in re.sub(r"(?s)<style.*?</style>", "", svg)
    assert svg_of(Quantity("dW1", UNDECIDED), Quantity("dW2", UNDECIDED)) == ""


def test_text_of_a_learner_stays_text_in_the_picture():
    svg = svg_of(Quantity("dW1", WRONG, ("</text><script>\x00\ud800",)), Quantity("dW2", RIGHT))
    assert svg
    assert "<script" not in svg
