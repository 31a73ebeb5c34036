"""Every public function of NumPy is known, and counted once under all its names."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.coverage import __main__ as command
from tinygrad_dl.coverage.numpy_functions import KINDS, public_functions


@pytest.mark.parametrize("function", public_functions(), ids=lambda entry: entry.names[0])
def test_every_function_of_numpy_is_in_exactly_one_of_the_tables(function):
    assert [kind for kind, table in KINDS.items() if function.function in table] == [function.kind]


def test_a_function_counts_once_under_all_its_names():
    entries = {entry.names[0]: entry.names for entry in public_functions()}
    assert entries["np.absolute"] == ("np.absolute", "np.abs")
    assert "np.abs" not in entries
    assert len({id(entry.function) for entry in public_functions()}) == len(entries)


def test_what_a_new_numpy_brings_shows_up(monkeypatch, capsys):
    monkeypatch.setattr(np.fft, "brand_new", tg.primitive(lambda x: x), raising=False)
    assert command.main(["brand_new"]) == 1
    assert "in none of the tables:\n  np.fft.brand_new" in capsys.readouterr().out
