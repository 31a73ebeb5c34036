"""What notebooks show of objects: their facts, escaped, in the colours of the notebook, in no style but their own."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import _html, nn, testing

EVIL = "</td><script>alert(1)</script>&"
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 6)), RNG.integers(0, 2, size=(1, 6)) * 1.0
net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=RNG)
VOID = {"br"}


class Cells(HTMLParser):
    """The cells of tables in a text of HTML, and its elements; an element that is not closed is an error."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.attributes, self.text, self._open = [], set(), set(), "", []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & {*self._open}:
            self.rows[-1][-1] += data


class Pair(nn.Module):
    def __init__(self):
        self.W, self.b = tg.parameter(np.ones((3, 2))), tg.parameter(np.zeros((3, 1)))


def shown(x):
    return Cells(x._repr_html_())


def homework():
    Z1 = net(X)
    return testing.check_backprop({"dZ2": Z1.data - Y}, X, Y, net)


OBJECTS = {
    "tensor": lambda: tg.Tensor(X, name=EVIL),
    "net": lambda: net,
    "summary": net.summary,
    "layer": lambda: nn.Dense(2, 3, rng=RNG),
    "module": Pair,
    "optimizer": lambda: tg.optim.Adam([tg.parameter(1.0, name=EVIL)]),
    "derivation": lambda: tg.derive(nn.binary_cross_entropy(net(X), Y)),
    "check_backprop": homework,
    "check_gradients": lambda: testing.check_gradients(lambda x: np.sum(x**2), X),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_notebook_gets_markup_without_scripts_style_sheets_or_anything_from_outside(name):
    found = shown(OBJECTS[name]())
    assert found.tags <= {"div", "span", "b", "br", "code", "pre", "table", "tr", "th", "td"}
    assert found.attributes <= {"style"}


@pytest.mark.parametrize("name", OBJECTS)
def test_colours_are_those_of_the_notebook_but_for_right_and_wrong(name):
    colours = re.findall(r"(?<![-\w])color: ?([^;\"]+)", OBJECTS[name]()._repr_html_())
    assert {*colours} <= {"inherit", *_html._COLOURS.values()}
    backgrounds = re.findall(r"background[-a-z]*: ?([^;\"]+)", OBJECTS[name]()._repr_html_())
    assert {*backgrounds} <= {"transparent"}


@pytest.mark.parametrize("ground", [(255, 255, 255), (17, 17, 17)])
@pytest.mark.parametrize("colour", _html._COLOURS.values())
def test_both_colours_can_be_read_on_white_and_on_black(colour, ground):
    def luminance(rgb):
        shares = [x / 255 / 12.92 if x <= 10 else ((x / 255 + 0.055) / 1.055) ** 2.4 for x in rgb]
        return np.dot(shares, [0.2126, 0.7152, 0.0722])

    light, dark = sorted([luminance(bytes.fromhex(colour[1:])), luminance(ground)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 4


def test_a_tensor_shows_its_name_shape_origin_and_a_part_of_its_numbers():
    found = shown(np.tanh(tg.parameter(np.ones((300, 400)), name="W")))
    assert all(fact in found.text for fact in ("shape (300, 400)", "float64", "made by np.tanh", "0.7616", "..."))
    assert len(found.text) < 1000
    assert EVIL in shown(tg.Tensor(1.0, name=EVIL)).text


def test_a_summary_is_a_text_and_a_table_of_the_same_cells():
    summary = net.summary()
    assert isinstance(summary, str)
    assert [row.split() for row in str(summary).split("\n")] == [
        [word for cell in row for word in cell.split()] for row in shown(summary).rows
    ]


def test_a_net_has_a_row_for_each_layer_and_a_module_one_for_each_parameter():
    assert [row[1] for row in shown(net).rows[1:]] == ["X", "Dense(2, 3)", "Dense(3, 1)"]
    assert "13 parameters" in shown(net).text
    assert shown(Pair()).rows[1:] == [["W", "(3, 2)", "float64", "6"], ["b", "(3, 1)", "float64", "3"]]


def test_of_many_parameters_the_first_ones_are_shown_and_the_others_counted():
    many = nn.Sequential(*(nn.Dense(1, 1, rng=RNG) for _ in range(2)))
    many.extra = [tg.parameter(1.0) for _ in range(100)]
    found = Cells(nn.Module._repr_html_(many))
    assert len(found.rows) == 41
    assert "... and 64 more parameters" in found.text


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (tg.optim.Momentum(net.parameters(), learning_rate=0.25, beta=0.5), {"learning_rate": "0.25", "beta": "0.5"}),
        (tg.optim.Adam(net.parameters(), max_norm=2.0), {"max_norm": "2", "beta2": "0.999", "epsilon": "1e-08"}),
    ],
)
def test_an_optimizer_shows_its_settings_and_what_it_trains(optimizer, settings):
    found = shown(optimizer)
    assert settings.items() <= {tuple(row) for row in found.rows}
    assert "4 parameters: W1, b1, W2, b2" in found.text


def test_a_report_on_gradients_shows_its_rows_or_what_is_wrong():
    right = testing.check_gradients(lambda x: np.sum(x**2), X)
    assert shown(right).rows[1][0] == "x"
    assert "right" in shown(right).text
    with pytest.raises(testing.GradientError) as error:
        testing.check_pair(np.sin, lambda g, x: g * np.sin(x), np.ones(2))
    assert str(error.value.report) in shown(error.value.report).text


def test_a_text_table_is_its_text_wherever_a_text_is_wanted():
    table = _html.TextTable("a  b", "<b>a</b>")
    assert (table, f"{table}", table._repr_html_()) == ("a  b", "a  b", "<b>a</b>")
