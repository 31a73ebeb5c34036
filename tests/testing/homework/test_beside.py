"""Modules beside a file: helpers, packages, folders above, and those whose names are taken."""

import random

import numpy as np
import pytest

each = pytest.mark.parametrize


@pytest.fixture
def beside(tmp_path):
    """Write files, by their paths."""

    def beside(text, *names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return beside


RELU = "import numpy as np\n\n\ndef relu(z):\n    a = np.maximum(0, z)\n    return a, z\n"


def test_functions_and_classes_imported_from_a_file_beside_count_as_the_files_own(ran, beside):
    beside(RELU + "class Layer: pass\n", "activations.py")
    file = ran("from activations import *\nfrom math import sqrt\nimport numpy\ndef f(x): return x\n")
    assert list(file.functions) == ["relu", "f"]
    assert list(file.classes) == ["Layer"]
    assert file.place(file.functions["relu"]) == "activations.py:4"
    assert file.returned_names("relu") == ["a", "z"]


def test_a_helper_runs_statement_by_statement_as_the_file_does(ran, beside):
    beside("import no_module\nx = no_module.load()\ndef f(a): return a\nexit()\ny = input()\n", "tools.py")
    file = ran("from tools import f, x\n")
    assert list(file.functions) == ["f"]
    assert [note for note in file.notes if "tools.py: not run: line 4: exit(): it ends the program" in note]
    assert "homework" not in file.notes[0]


@each(
    ("where", "line"),
    [
        ("net/solution.py", "from .activations import relu"),
        ("net/sub/solution.py", "from ..activations import relu"),
        ("net/sub/solution.py", "from net.activations import relu"),
        ("net/solution.py", "from net.activations import relu"),
        ("net/solution.py", "from . import activations\nrelu = activations.relu"),
        ("scripts/solution.py", "from net import activations\nfrom net.activations import relu"),
        ("scripts/solution.py", "import sys\nsys.path.append('..')\nfrom net.activations import relu"),
    ],
)
@each("init", [True, False])
def test_packages_and_relative_imports_are_found(ran, beside, where, line, init):
    beside(RELU, "net/activations.py")
    if init:
        beside("", "net/__init__.py", "net/sub/__init__.py")
    file = ran(line + "\nx, cache = relu(3.0)\n", where)
    assert file.notes == []
    assert list(file.functions) == ["relu"]


def test_a_module_beside_is_preferred_to_one_of_the_library_only_if_the_file_imports_it(ran, beside):
    beside(RELU, "colorsys.py")
    beside("raise ValueError", "numpy.py", "tinygrad_dl.py")
    assert list(ran("import numpy as np, tinygrad_dl\nfrom colorsys import relu\n").functions) == ["relu"]
    assert ran("import random, numpy\nsame = random\n").names["same"] is random
    assert ran("import numpy\n").names["numpy"] is np


def test_a_helper_that_does_not_parse_is_a_missing_module(ran, beside):
    beside("def f(:\n    pass\n", "broken.py")
    file = ran("import broken\n")
    assert file.notes == ["not run: line 1: import broken: ImportError: broken.py:1: SyntaxError: invalid syntax"]
