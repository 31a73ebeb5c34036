"""`History`: losses, metrics, and their picture."""

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.training.test_fitting import fit, problem


def test_a_history_tells_losses_from_metrics():
    history = fit(validation=problem(4), metrics={"accuracy": tg.nn.accuracy})
    assert history.loss == history["loss"]
    assert history.metrics.keys() == {"accuracy", "validation_accuracy"}
    assert repr(history).startswith(f"History of 3 epochs: loss {history.loss[0]:.4g} -> {history.loss[-1]:.4g}, acc")
    assert all(type(value) is float for values in history.values() for value in values)


@pytest.mark.parametrize("validation", [None, problem(4)])
def test_plot_draws_the_losses_over_the_epochs(validation):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    history = fit(validation=validation, metrics={"accuracy": tg.nn.accuracy})
    ax = history.plot()
    names = {"loss": "training"} | ({"validation_loss": "validation"} if validation else {})
    for line, (name, label) in zip(ax.get_lines(), names.items(), strict=True):
        assert list(line.get_xdata()) == [1, 2, 3]
        assert list(line.get_ydata()) == history[name]
        assert line.get_label() == label
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(names.values())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "cost")
    mine = ax.figure.add_subplot()
    assert history.plot(mine) is mine
    plt.close(ax.figure)


def test_plot_has_a_logarithmic_axis_on_request():
    figure = pytest.importorskip("matplotlib.figure")
    ax = fit().plot(figure.Figure().subplots(), log=True)
    assert ax.get_yscale() == "log"


def test_plot_without_matplotlib_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad-dl\[plot\]"'):
        tg.History(loss=[1.0]).plot()


def test_a_history_prints_as_a_table_of_about_ten_epochs():
    history = tg.History(loss=[1 / (k + 1) for k in range(25)], validation_loss=[0.5] * 25)
    lines = str(history).splitlines()
    assert lines[0].split() == ["epoch", "loss", "validation_loss"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "3", "6", "9", "12", "15", "18", "21", "24", "25"]
    assert lines[1].split() == ["1", "1", "0.5"]
    assert lines[-1].split() == ["25", "0.04", "0.5"]
    assert len({len(line) for line in lines}) == 1
    assert str(tg.History()) == "epoch"


class Table(HTMLParser):
    """The cells of a page's table, row by row, and the colours that its styles name."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(page)
        self.close()
        assert self.open == []  # each tag is closed, in order

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.rows[-1][-1] += text


@pytest.mark.parametrize("epochs", [0, 1, 7, 25])
def test_a_notebook_shows_the_printed_table(epochs):
    history = tg.History(loss=[1 / (k + 1) for k in range(epochs)], accuracy=[0.5] * epochs)
    assert Table(history._repr_html_()).rows == [line.split() for line in str(history).splitlines()]


def test_a_notebook_shows_the_names_of_metrics_as_text_and_a_gap_for_one_left_out():
    history = tg.History({"loss": [1.0, 0.5], "<b>&mine": [0.25]})
    assert Table(history._repr_html_()).rows == [["epoch", "loss", "<b>&mine"], ["1", "1", "0.25"], ["2", "0.5", ""]]


def test_the_table_in_a_notebook_has_no_colours_of_its_own():
    page = tg.History(loss=[1.0])._repr_html_()
    assert {*re.findall(r"(?:color|background): ([^;\"]*)", page)} == {"transparent"}
    assert "#" not in page


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=6))
def test_each_value_has_the_place_of_its_epoch_whatever_the_epochs_measured(measured):
    history, epochs = tg.History(), range(1, len(measured) + 1)
    names = ["accuracy", "validation_loss", "validation_accuracy"]
    for epoch, (accuracy, validation, both) in zip(epochs, measured, strict=True):
        history.record({"loss": epoch} | ({"accuracy": epoch} if accuracy else {}))
        if validation:
            history.record({"loss": epoch} | ({"accuracy": epoch} if both else {}), "validation_")
    there = [[accuracy, validation, validation and both] for accuracy, validation, both in measured]
    for name, has in zip(names, zip(*there, strict=True), strict=True):
        values = history.get(name, [])
        assert all(value == epoch for value, epoch, given in zip(values, epochs, has, strict=False) if given)
        assert [not np.isnan(value) for value in values] == [*has[: len(values)]]
        assert not any(has[len(values) :])
    for epoch, row in zip(epochs, Table(history._repr_html_()).rows[1:], strict=True):
        assert {*row} <= {f"{epoch}", "nan", ""}


def test_what_a_resumed_run_measures_for_the_first_time_is_that_of_its_epochs(tmp_path):
    fit(epochs=2, resume=tmp_path / "run.npz")
    new = {"validation": problem(4), "metrics": {"accuracy": tg.nn.accuracy}, "gradient_norms": True}
    history, whole = fit(epochs=4, resume=tmp_path / "run.npz", **new), fit(epochs=4, **new)
    for lists, expected in ((history, whole), (history.gradient_norms, whole.gradient_norms)):
        assert lists.keys() == expected.keys()
        for name, values in lists.items():
            hidden = expected[name] if name == "loss" else [np.nan, np.nan, *expected[name][2:]]
            np.testing.assert_array_equal(values, hidden, err_msg=name)
    printed = dict(zip(*(line.split() for line in (str(history).splitlines()[i] for i in (0, 3))), strict=True))
    assert printed["validation_loss"] == f"{whole['validation_loss'][2]:.4g}"


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), tg.Tensor(0.5)])
def test_what_a_callback_records_are_floats_that_a_file_can_hold(value, tmp_path):
    for epochs in (1, 2):
        record = [lambda state: state.history.record({"rate": value})]
        history = fit(epochs=epochs, callbacks=record, resume=tmp_path / "run.npz")
    assert history["rate"] == [0.5, 0.5]
