"""The copy of a folder: what is in it, and what is left out."""

import os

import pytest

from tinygrad_dl.testing.homework import scratch


@pytest.fixture
def tree(tmp_path):
    """A folder of a learner in a package."""
    for name in ("net/a.py", "net/data/x.csv", "net/.git/c", "net/venv/v.py", "tools/t.py", "tools/big.bin", "main.py"):
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_folder_is_copied_whole_and_of_those_above_the_python_files(tree):
    top = tree / "from"
    inside, notes = scratch.copy_folders([top / "net", top], tree / "to")
    assert (inside, notes) == (tree / "to" / "net", [])
    assert files(tree / "to") == ["main.py", "net/a.py", "net/data/x.csv", "tools/t.py"]
    inside, notes = scratch.copy_folders([top / "net"], tree / "alone")
    assert (inside, files(inside), notes) == (tree / "alone", ["a.py", "data/x.csv"], [])


def test_files_too_large_or_too_many_are_left_out_with_a_note(tree, monkeypatch):
    monkeypatch.setattr(scratch, "FILE_BYTES", 5)
    _, notes = scratch.copy_folders([tree / "from" / "net"], tree / "to")
    assert (files(tree / "to"), notes) == ([], ["not copied: a.py, 0.0 MiB", "not copied: data/x.csv, 0.0 MiB"])
    monkeypatch.setattr(scratch, "FILE_BYTES", 100)
    monkeypatch.setattr(scratch, "FILES", 1)
    _, notes = scratch.copy_folders([tree / "from" / "net"], tree / "one")
    assert (files(tree / "one"), len(notes)) == (["a.py"], 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_links_and_pipes_are_not_followed(tree):
    net = tree / "from" / "net"
    (net / "link.py").symlink_to(tree / "from" / "main.py")
    (net / "loop").symlink_to(net)
    os.mkfifo(net / "pipe.py")
    scratch.copy_folders([net], tree / "to")
    assert files(tree / "to") == ["a.py", "data/x.csv"]
