"""The files that arguments name."""

import os

import pytest

from tinygrad_dl.testing.homework.targets import NoTarget, Target, split_name, targets_of

each = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in ("ann/w.py", "ann/.ipynb_checkpoints/w.ipynb", "ann/venv/x.py", "bob/deep/w.ipynb", "bob/data.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    (tmp_path / "bob" / "__init__.py").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)


def paths(*arguments):
    return [target.path.replace(os.sep, "/") for target in targets_of(arguments)]


@each(
    ("arguments", "expected"),
    [
        (["ann/w.py"], ["ann/w.py"]),
        (["ann"], ["ann/w.py"]),
        (["."], ["ann/w.py", "bob/deep/w.ipynb"]),
        (["bob", "ann"], ["bob/deep/w.ipynb", "ann/w.py"]),
        (["*"], ["ann/w.py", "bob/deep/w.ipynb"]),
        (["*/*"], ["ann/w.py", "bob/deep/w.ipynb"]),
        (["**/w.*"], ["ann/w.py", "bob/deep/w.ipynb"]),
        (["ann/w.py", "ann", "./ann/../ann"], ["ann/w.py", "ann/../ann/w.py"]),
    ],
)
def test_files_folders_and_patterns_give_files_without_those_of_tools(arguments, expected):
    assert paths(*arguments) == expected


def test_names_add_up_and_the_whole_file_takes_them_in():
    assert targets_of(["ann/w.py:f", "ann/w.py:g", "ann/w.py:f"]) == [Target("ann/w.py", ("f", "g"))]
    assert targets_of(["ann/w.py:f", "ann/w.py"]) == targets_of(["ann/w.py", "ann/w.py:f"]) == [Target("ann/w.py")]
    assert [names for _, names in targets_of(["ann:f"])] == [("f",)]


@each(("argument", "words"), [("no.py", "no such file"), ("empty", "no Python files"), ("no*.py", "no file matches")])
def test_an_argument_without_files_is_an_error_that_names_it(argument, words):
    with pytest.raises(NoTarget, match=words) as error:
        targets_of([argument])
    assert str(error.value).startswith(argument.rstrip("*"))


@each(
    ("target", "parts"),
    [
        (r"C:\x.py", (r"C:\x.py", "")),
        (r"C:\my work\x.py:relu", (r"C:\my work\x.py", "relu")),
        ("x.py::relu", ("x.py", "relu")),
        ("x.py:", ("x.py", "")),
        ("a:b/x.py", ("a:b/x.py", "")),
    ],
)
def test_the_name_follows_the_last_colon_that_is_not_of_the_path(target, parts):
    assert split_name(target) == parts
