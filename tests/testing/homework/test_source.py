"""Reading a file: encodings, tabs, and what is kept of a file that does not parse."""

import ast

import pytest

from tinygrad_dl.testing.homework.source import CannotCheck, read_source

each = pytest.mark.parametrize


@pytest.fixture
def read(tmp_path):
    """Write a file of text or bytes, and read it."""

    def read(text, name="homework.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_source(str(path), name)

    return read


def defined(source):
    """The names that the statements define, with their lines."""
    return {node.name: node.lineno for node in source.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def value(source):
    """The text assigned in the first statement."""
    return source.tree.body[0].value.value


@each(
    ("data", "text"),
    [
        ("\ufeffx = 'é'".encode(), "é"),
        ("x = 'é'".encode("utf-16"), "é"),
        ("# -*- coding: cp1251 -*-\nx = 'ж'".encode("cp1251"), "ж"),
        ("# -*- coding: no-such -*-\nx = 'é'".encode(), "é"),
        (b"y = 1\r\nx = 'a'\r".replace(b"y = 1\r\n", b""), "a"),
    ],
)
def test_a_file_is_read_in_its_own_encoding(read, data, text):
    source = read(data)
    assert (value(source), source.notes) == (text, ())


def test_what_is_in_no_known_encoding_is_read_with_a_note(read):
    source = read(b"x = '\xff'")
    assert (value(source), source.notes) == ("ÿ", ("read as latin-1: it is not utf-8",))


def test_mixed_tabs_and_spaces_mean_what_they_do_in_python_2(read):
    for text in (
        "def f(x):\n    if x:\n\treturn 1\n    return 2\n",
        "def f(x):\n\tif x:\n\t    return 1\n        return 2\n",
    ):
        source = read(text)
        assert len(source.tree.body[0].body) == 2
        assert source.notes == ()


BROKEN = '''
import numpy as np
def good(x):
    """Text.
At the margin
    """
    return (x,
2)
def bad(x):
    return x +
@staticmethod
def decorated(x):
    return x
x = [1, 2
class Net:
    def forward(self, x): return x

    def backward(self, g): return g
def last(x): return x
'''


def test_a_script_with_syntax_errors_keeps_the_definitions_that_parse(read):
    source = read(BROKEN)
    assert defined(source) == {"good": 3, "decorated": 12, "Net": 15, "last": 19}
    assert source.notes == (
        "not run: line 10: def bad(x): SyntaxError: invalid syntax",
        "not run: line 14: x = [1, 2: SyntaxError: '[' was never closed",
    )


def test_a_script_with_nothing_that_parses_is_refused_with_the_first_error(read):
    with pytest.raises(CannotCheck, match=r"^homework.py:2: SyntaxError: invalid syntax$"):
        read("import numpy\ndef f(:\n    pass")


@each("text", [b"x = 1\0", b""])
def test_null_bytes_are_refused_and_an_empty_file_is_empty(read, text):
    if text:
        with pytest.raises(CannotCheck, match="null bytes; expected a text file"):
            read(text)
    else:
        assert read(text).tree.body == []


def test_magics_in_a_script_are_dropped(read):
    source = read("%matplotlib inline\n!pip install numpy\ndef f(x):\n    return x\n")
    assert defined(source) == {"f": 3}
    assert source.notes == ()


def test_a_place_is_a_line(read):
    assert read("x = 1\n").place(1) == "homework.py:1"
    assert read("x = 1\n").where(1) == "line 1"
