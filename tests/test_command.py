"""`tinygrad-dl`: its commands, and what it refuses."""

import io
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.testing.in_process import check_here
from tinygrad_dl import __main__ as command
from tinygrad_dl.testing.homework import files

each = pytest.mark.parametrize
SOURCE = """
import numpy as np
import tinygrad_dl as tg
def loss(W, x): return np.sum(np.tanh(W @ x))
def square(x): return x**2
def square_backward(g, x): return 3 * g * x
total = np.sum(tg.parameter([1.0, 2.0], name="z") ** 2)
number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "check_isolated", check_here)
    (tmp_path / "net.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_check_is_the_command_of_the_tests():
    assert command.main(["check", "net.py:square"]) == 1
    assert command.main(["check", "net.py:loss"]) == 0


class Closed(io.StringIO):
    """A pipe that nobody reads: the descriptor of a file in its place takes the last flush."""

    def __init__(self, file):
        super().__init__()
        self.fileno = file.fileno

    def write(self, text):
        raise BrokenPipeError


def test_a_pipe_that_is_closed_ends_the_command_without_a_traceback_and_after_its_files_are_written(monkeypatch):
    with open("unread", "w") as file:
        monkeypatch.setattr(sys, "stdout", Closed(file))
        assert command.main(["check", "net.py:square", "--csv", "marks.csv"]) == command.BROKEN_PIPE
    assert "net.py,wrong" in Path("marks.csv").read_text(encoding="utf-8")


@each("name", ["loss", "total"])
def test_a_function_or_a_tensor_is_drawn_into_a_file_of_its_name(capsys, name):
    assert command.main(["draw", f"net.py:{name}"]) == 0
    assert capsys.readouterr().out.endswith(f"{name}.svg\n")
    assert "<svg" in Path(f"{name}.svg").read_text(encoding="utf-8")


@each("output", [None, io.TextIOWrapper(io.BytesIO(), encoding="ascii")])
def test_a_terminal_that_shows_no_name_or_nothing_takes_any_command(monkeypatch, output):
    monkeypatch.setattr(sys, "stdout", output)
    assert command.main(["draw", "net.py:total", "-o", "größe.gv"]) == 0
    assert command.main(["check", "net.py:loss"]) == 0


def test_a_drawing_may_show_both_passes_in_another_file():
    assert command.main(["draw", "net.py:loss", "--show", "both", "--formulas", "-o", "both.gv"]) == 0
    assert "backward" in Path("both.gv").read_text(encoding="utf-8")


def test_the_versions_are_told(capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        command.main(["--version"])
    assert capsys.readouterr().out == f"tinygrad-dl {tg.__version__}, NumPy {np.__version__}\n"


def test_coverage_takes_its_own_arguments(capsys):
    assert command.main(["coverage", "--totals"]) == 0
    assert "functions in numpy" in capsys.readouterr().out


@each(
    "arguments",
    [
        [],
        ["grade"],
        ["check"],
        ["check", "net.py", "--what"],
        ["draw"],
        ["draw", "net.py"],
        ["draw", "no.py:loss"],
        ["draw", "net.py:number"],
        ["draw", "net.py:nothing"],
        ["draw", "net.py:loss", "-o", "picture.jpg"],
        ["draw", "net.py:loss", "-o", "no folder/picture.svg"],
    ],
)
def test_misuse_has_a_status_of_its_own_and_a_line_that_tells_why(capsys, arguments):
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 3
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


def test_the_project_installs_the_command():
    project = Path(command.__file__).parents[1] / "pyproject.toml"
    scripts = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"tinygrad-dl": "tinygrad_dl.__main__:main"}
