"""The list of NumPy's functions says of each what the registry says of it, in print and in a notebook."""

import numpy as np

from tests.test_html import Cells
from tinygrad_dl.coverage import functions
from tinygrad_dl.coverage.numpy_functions import other_functions, public_functions


def test_all_functions_are_listed_or_those_of_a_name():
    assert [entry.function for entry in functions()] == [e.function for e in (*public_functions(), *other_functions())]
    assert {entry.names[0].split(".")[1] for entry in functions("np.linalg.")} == {"linalg"}
    assert len(functions("no such function")) == 0
    assert str(functions("no such function")) == ""


def test_print_and_notebook_have_a_row_for_each_function():
    listing = functions("linalg")
    rows = Cells(listing._repr_html_()).rows[1:]
    assert [row[0] for row in rows] == [entry.names[0] for entry in listing]
    assert [line.split()[0] for line in str(listing).split("\n")] == [row[0] for row in rows]
    assert len(listing) == len(rows)


def test_each_kind_is_told_apart():
    words = {entry.function: row for entry, row in zip(functions(), functions()._rows(), strict=True)}
    assert words[np.tanh][1:] == ["a rule", "x"]
    assert words[np.floor][1:] == ["zero wherever it exists", ""]
    assert words[np.put][1].startswith("refused: ")
    composites = [entry for entry in functions() if entry.kind == "composite"]
    assert composites
    assert all(words[entry.function][1:] == ["by its decomposition", ""] for entry in composites)
