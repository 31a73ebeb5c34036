"""The progress bar: on a terminal, from the epochs that are done, and silent elsewhere."""

import io
import sys
import time
import types

import pytest

from tests.training.test_fitting import fit, problem
from tinygrad_dl.testing.gradcheck import check
from tinygrad_dl.testing.homework import files
from tinygrad_dl.testing.homework.findings import FileResult


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_on_a_terminal_shows_the_losses(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    fit(epochs=3, progress=True, validation=problem(4))
    shown = terminal.getvalue()
    assert "3/3" in shown
    assert "loss 0." in shown
    assert "validation_loss 0." in shown


def test_there_is_no_bar_in_a_log(capsys):
    pytest.importorskip("tqdm")
    fit(epochs=3, progress=True)
    assert capsys.readouterr() == ("", "")


def test_there_is_no_bar_in_a_program_without_a_console(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    fit(epochs=3, progress=True)
    results = [FileResult("a.py", ()), FileResult("b.py", ())]
    assert [*files._with_progress(results, 2, wanted=True)] == results
    with check._progress(wanted=True) as tick:
        assert tick() is None
        time.sleep(1.1)  # after which a bar would show
        assert tick() is None


def test_a_bar_begins_with_the_epochs_that_are_done(monkeypatch, tmp_path):
    pytest.importorskip("tqdm")
    fit(epochs=3, resume=tmp_path / "run.npz")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    fit(epochs=5, progress=True, resume=tmp_path / "run.npz")
    assert "3/5" in terminal.getvalue()
    assert "0/5" not in terminal.getvalue()


def test_without_widgets_a_notebook_has_a_line_of_text_and_nothing_on_the_ground_of_errors(monkeypatch, capsys):
    tqdm = pytest.importorskip("tqdm")
    shell = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=None))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setattr("tqdm.auto.tqdm", tqdm.std.tqdm)
    fit(epochs=3, progress=True)
    shown = capsys.readouterr()
    assert "3/3" in shown.out
    assert shown.err == ""
