"""The rules of the guard, in this process without installing them; the attacks are in test_isolation."""

import os

import pytest

from tinygrad_dl.testing.homework import guard

each = pytest.mark.parametrize


@pytest.fixture
def hook(tmp_path):
    return guard._hook(os.path.realpath(tmp_path))


@each("event", ["os.fork", "os.system", "subprocess.Popen", "socket.connect", "os.kill", "resource.setrlimit"])
def test_processes_and_the_network_are_refused(hook, event):
    with pytest.raises(PermissionError, match=f"{event} is not allowed while a file is checked"):
        hook(event, ("x",))


@each(
    ("event", "arguments"),
    [
        ("open", ("{}/x.txt", "w", 0)),
        ("open", (b"{}/x.txt", None, os.O_CREAT | os.O_WRONLY)),
        ("open", ("/etc/passwd", "r", os.O_RDONLY)),
        ("open", (3, "w", 0)),
        ("open", (os.devnull, "w", 0)),
        ("os.remove", ("{}/x", -1)),
        ("import", ("json",)),
    ],
)
def test_reading_is_allowed_and_writing_in_the_own_folder(hook, tmp_path, event, arguments):
    first = arguments[0]
    if isinstance(first, bytes):
        first = os.fsencode(tmp_path) + b"/x.txt"
    elif isinstance(first, str):
        first = first.replace("{}", str(tmp_path))
    hook(event, (first, *arguments[1:]))


@each(
    ("event", "arguments"),
    [
        ("open", ("{}/../x.txt", "w", 0)),
        ("open", ("/etc/passwd", "r+", 0)),
        ("open", (b"/etc/passwd", None, os.O_RDWR)),
        ("os.rename", ("{}/x", "/tmp/y", -1, -1)),
        ("shutil.rmtree", ("/home", None)),
    ],
)
def test_changes_outside_of_it_are_refused(hook, tmp_path, event, arguments):
    first = arguments[0].replace("{}", str(tmp_path)) if isinstance(arguments[0], str) else arguments[0]
    with pytest.raises(PermissionError, match="only files of the own folder may be changed"):
        hook(event, (first, *arguments[1:]))
