"""Checks show a progress bar where there is a console and tqdm is installed."""

import importlib.util
import sys

import pytest

from tinygrad_dl.testing.progress import bar_class


def test_a_bar_is_that_of_tqdm_if_it_is_wanted():
    tqdm = pytest.importorskip("tqdm")
    assert bar_class() is tqdm.tqdm
    assert bar_class(wanted=False) is None


def test_there_is_no_bar_without_a_console(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert bar_class() is None


def test_there_is_no_bar_without_tqdm(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", {"tqdm": None}.get)
    assert bar_class() is None
