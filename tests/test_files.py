"""Whole files: written beside each other, through links, with their modes; and nothing else is ever replaced."""

import os
import stat
import threading

import pytest

from tinygrad_dl._files import describe_difference, whole_file

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and pipes are those of POSIX")


def write(path, text):
    with whole_file(path) as part:
        part.write_text(text)


def test_threads_that_write_to_one_path_leave_one_of_the_whole_texts_and_nothing_else(tmp_path):
    path, texts, errors = tmp_path / "text", [digit * 10_000 for digit in "01234567"], []

    def writing(text):
        try:
            for _ in range(5):
                write(path, text)
                assert path.read_text() in texts
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=writing, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert path.read_text() in texts
    assert os.listdir(tmp_path) == ["text"]


def test_two_that_write_at_once_each_have_a_file_of_their_own(tmp_path):
    with whole_file(tmp_path / "text") as one, whole_file(tmp_path / "text") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "text").read_text() == "one"  # the last to end


@posix
@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, relative, there):
    folder = tmp_path / "folder"
    folder.mkdir()
    if there:
        (folder / "target").write_text("old")
    (tmp_path / "link").symlink_to("folder/target" if relative else folder / "target")
    (tmp_path / "second").symlink_to(tmp_path / "link")
    write(tmp_path / "second", "new")
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "link").is_symlink()
    assert (folder / "target").read_text() == "new"
    assert os.listdir(folder) == ["target"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_keeps_its_mode_while_it_is_written_too(tmp_path, mode):
    path = tmp_path / "text"
    path.write_text("old")
    path.chmod(mode)
    with whole_file(path) as part:
        assert stat.S_IMODE(part.stat().st_mode) == mode
        part.write_text("new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_new_file_has_the_mode_that_open_would_give_it(tmp_path, umask):
    before = os.umask(umask)
    try:
        write(tmp_path / "text", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "text").stat().st_mode) == 0o666 & ~umask


@posix
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe': expected the path of a file, got a folder, device, pipe or socket"):
        write(tmp_path / "pipe", "new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@posix
def test_a_device_is_not_replaced():
    with pytest.raises(ValueError, match="expected the path of a file"):
        write(os.devnull, "new")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize("path", ["", "folder", "folder/", "text/", "folder/.", "link"])
def test_a_folder_cannot_be_written(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    if path == "link":
        os.symlink("folder", "link")
    before = sorted(os.listdir())
    with pytest.raises(IsADirectoryError, match="expected the path of a file, got a folder"):
        write(path, "new")
    assert sorted(os.listdir()) == before
    assert os.listdir("folder") == []


def test_a_folder_that_is_missing_is_not_found(tmp_path):
    (tmp_path / "text").write_text("old")
    for path in (tmp_path / "nowhere" / "text", tmp_path / "text" / "text"):
        with pytest.raises(FileNotFoundError, match=r"there is no folder '.*' to save in"):
            write(path, "new")
    assert os.listdir(tmp_path) == ["text"]


def test_the_longest_name_that_the_system_takes_can_be_written(tmp_path):
    name = "a" * 251 + ".txt"
    write(tmp_path / name, "new")
    write(os.fsencode(tmp_path / name), "bytes are a path too")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("expected", "found", "difference"),
    [
        ("ab", "ba", None),
        ("ab", "a", "missing ['b'], unknown nothing"),
        ("a", "abb", "missing nothing, unknown ['b'], twice ['b']"),
        ("", "abcdefg", "missing nothing, unknown ['a', 'b', 'c', 'd', 'e'] and 2 more"),
    ],
)
def test_the_first_few_names_that_differ_are_listed(expected, found, difference):
    assert describe_difference(list(expected), list(found)) == difference
