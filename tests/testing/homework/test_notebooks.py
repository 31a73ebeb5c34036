"""Notebooks: the cells of both formats, magics, and scripts that were exported from one."""

import ast
import json

import pytest

from tinygrad_dl.testing.homework.source import CannotCheck, read_source

each = pytest.mark.parametrize


def notebook(*cells, **metadata):
    """The JSON of a notebook with code cells, and one of text before each."""
    text = {"cell_type": "markdown", "source": ["def no(): code"]}
    codes = [{"cell_type": "code", "source": cell, "outputs": [], "metadata": {}} for cell in cells]
    return {"nbformat": 4, "metadata": metadata, "cells": [cell for code in codes for cell in (text, code)]}


@pytest.fixture
def read(tmp_path):
    """Write the JSON of a notebook, and read it."""

    def read(data):
        path = tmp_path / "week 3.ipynb"
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return read_source(str(path), "week 3.ipynb")

    return read


def code(source):
    return ast.unparse(source.tree)


def test_the_code_cells_are_joined_and_places_are_cells_and_their_lines(read):
    source = read(notebook("x = 1\ny = 2", ["def f(a):\n", "    return a\n"], "z = f(x)"))
    assert code(source) == "x = 1\ny = 2\n\ndef f(a):\n    return a\nz = f(x)"
    assert [source.where(statement.lineno) for statement in source.tree.body] == [
        "cell 1 line 1",
        "cell 1 line 2",
        "cell 2 line 1",
        "cell 3 line 1",
    ]
    assert source.place(source.tree.body[-1].lineno) == "week 3.ipynb cell 3 line 1"
    assert source.text.splitlines()[source.tree.body[2].lineno - 1] == "def f(a):"


def test_a_notebook_of_version_3_is_read(read):
    cells = [{"cell_type": "code", "input": ["x = 1"], "language": "python"}]
    assert code(read({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]})) == "x = 1"


@each(
    ("cell", "kept"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  numpy\nx = 1", "pass\nx = 1"),
        ("if True:\n    %load_ext autoreload\n    x = 1", "if True:\n    pass\n    x = 1"),
        ("np.dot?\n?np.dot\nnp.dot??", "pass\npass\npass"),
        ("files = !ls\nt = %timeit -o f()\nx = 1", "pass\npass\nx = 1"),
        ("%%time\nx = 1", "x = 1"),
        ("%%timeit -n 1\nx = 1", "x = 1"),
        ("%%bash\nls | wc", ""),
        ("%%writefile x.py\nx = 1", ""),
        ("x = (7\n% 2)", "x = 7 % 2"),
        ("text = '''\n%time\n!x\n'''", "text = '\\n%time\\n!x\\n'"),
    ],
)
def test_magics_and_shell_lines_are_dropped_and_code_under_time_is_kept(read, cell, kept):
    source = read(notebook(cell, "y = 2"))
    assert code(source) == f"{kept}\ny = 2".lstrip("\n")
    assert source.where(source.tree.body[-1].lineno) == "cell 2 line 1"
    assert source.notes == ()


def test_a_cell_that_does_not_parse_is_a_note_and_the_rest_of_it_is_kept(read):
    source = read(notebook("def f(x): return x\ny = f(", "def g(x): return x"))
    assert code(source) == "def f(x):\n    return x\n\ndef g(x):\n    return x"
    assert source.notes == ("not run: cell 1 line 2: y = f(: SyntaxError: '(' was never closed",)


PYTHON_2 = "def f(x):\n    print 'x', x\n"


@each("metadata", [{}, {"kernelspec": {"name": "python2"}}, {"language_info": {"name": "python", "version": "2.7.1"}}])
def test_a_notebook_of_python_2_is_read_as_such(read, metadata):
    source = read(notebook("x = 1", PYTHON_2, **metadata))
    assert code(source) == "x = 1\n\ndef f(x):\n    pass"
    assert source.notes == ("read as Python 2, where 1/2 is 0",)


def test_a_cell_of_python_2_in_a_notebook_of_python_3_is_a_note(read):
    source = read(notebook("def g(x): return x", PYTHON_2, language_info={"name": "python", "version": "3.8"}))
    assert code(source) == "def g(x):\n    return x"
    assert len(source.notes) == 1


@each(
    ("data", "words"),
    [
        ("{", "expected a notebook; it is no JSON"),
        ("[]", "expected a notebook with cells; there are none"),
        ({"metadata": {}}, "expected a notebook with cells"),
        ({"cells": 3}, "expected a notebook with cells"),
        ({"cells": ["x = 1"]}, "expected a notebook with cells"),
        ({"worksheets": [[]]}, "expected a notebook with cells"),
        (notebook("x <- 1", kernelspec={"language": "R"}), "expected a notebook in Python, got one in r"),
    ],
)
def test_what_is_no_notebook_of_python_is_refused(read, data, words):
    with pytest.raises(CannotCheck, match=words):
        read(data)


EXPORTED = """
get_ipython().magic('matplotlib inline')
get_ipython().run_line_magic('load_ext', 'autoreload')
get_ipython().run_cell_magic('time', '', 'x = 1\\ndef f(a):\\n    return a')
get_ipython().run_cell_magic('bash', '', 'ls')
get_ipython().system('ls')
y = f(x)
"""


def test_a_script_exported_from_a_notebook_loses_its_calls_of_ipython_and_keeps_code_under_time(tmp_path):
    path = tmp_path / "exported.py"
    path.write_text(EXPORTED)
    source = read_source(str(path))
    assert code(source) == "x = 1\n\ndef f(a):\n    return a\ny = f(x)"
    assert [statement.lineno for statement in source.tree.body] == [4, 4, 7]
