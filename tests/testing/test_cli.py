"""The command line: exit statuses, outputs, and what it refuses before anything runs."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

import tinygrad_dl
from tests.testing.in_process import check_here
from tinygrad_dl.testing import cli
from tinygrad_dl.testing.homework import files

each = pytest.mark.parametrize

RIGHT = "def square(x): return x**2\ndef square_backward(g, x): return 2 * g * x\n"
WRONG = "def cube(x): return x**3\ndef cube_backward(g, x): return 2 * g * x**2\n"
ALONE = "def alone(x): return x**4\n"
BROKEN = "def f(:\n"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Write files into a folder, and go there; they are checked without processes of their own."""
    monkeypatch.setattr(files, "check_isolated", check_here)

    def work(**sources):
        for name, source in sources.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text("import numpy as np\n" + source, encoding="utf-8")
        monkeypatch.chdir(tmp_path)

    return work


def misuse(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    return end.value.code


# ---- exit statuses


@each(
    ("source", "status"),
    [(RIGHT, 0), (WRONG, 1), (RIGHT + WRONG, 1), ("", 2), (ALONE, 2), (BROKEN, 2)],
    ids=["right", "wrong", "both", "empty", "nothing to check", "syntax error"],
)
def test_the_status_is_that_of_the_verdict(work, capsys, source, status):
    work(h=source)
    assert cli.main(["h.py"]) == status
    out, err = capsys.readouterr()
    assert "right, " in out
    assert not err


def test_the_status_of_several_files_is_that_of_the_worst(work):
    work(a=RIGHT, b=WRONG, c="")
    assert [cli.main(names) for names in (["a.py"], ["a.py", "c.py"], ["a.py", "b.py", "c.py"])] == [0, 2, 1]


def test_a_name_that_is_missing_is_not_checked(work, capsys):
    work(h=RIGHT)
    assert cli.main(["h.py:sqare"]) == 2
    assert "there is no sqare to check" in capsys.readouterr().out


@each(
    "arguments",
    [
        [],
        ["no.py"],
        ["no*.py"],
        ["empty"],
        ["h.py", "--what"],
        ["h.py", "--jobs", "0"],
        ["h.py", "--jobs", "two"],
        ["h.py", "--timeout", "0"],
        ["h.py", "--timeout", "nan"],
        ["h.py", "--memory", "-1"],
        ["h.py", "--order", "0"],
        ["h.py", "--inputs", "no.py"],
        ["h.py", "--html", "no folder/page.html"],
        ["h.py", "--json", "empty"],
        ["h.py", "--json", "same", "--csv", "same"],
        ["h.py", "--json", "-", "--csv", "-"],
    ],
)
def test_misuse_has_a_status_of_its_own_and_nothing_runs(work, capsys, arguments):
    work(h="open('ran', 'w')\n" + WRONG)
    Path("empty").mkdir()
    assert misuse(*arguments) == 3
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("usage: python -m tinygrad_dl.testing")
    assert "error: " in err
    assert not Path("ran").exists()


def test_an_interrupt_keeps_what_was_checked(work, capsys, monkeypatch):
    work(a=WRONG, b=RIGHT)
    original = cli.check_files

    def interrupted(*args, **options):
        yield next(original(*args, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "check_files", interrupted)
    assert cli.main(["a.py", "b.py", "--json", "all.json"]) == 130
    assert [each["path"] for each in json.loads(Path("all.json").read_text(encoding="utf-8"))["files"]] == ["a.py"]
    assert "interrupted; 1 of 2 files" in capsys.readouterr().err


# ---- what is checked


def test_names_select_and_order_is_of_a_named_function(work, capsys):
    work(h=RIGHT + WRONG + ALONE)
    assert cli.main(["h.py:square"]) == 0
    assert cli.main(["h.py", "--only", "square", "--only", "alone", "--order", "2"]) == 2  # a pair has no order
    assert cli.main(["h.py:alone", "--order", "3"]) == 0
    assert "3      vjp" in capsys.readouterr().out


def test_folders_and_patterns_give_a_table_of_all(work, capsys):
    work(ann__h=RIGHT, bob__h=WRONG, cy__h=BROKEN)
    assert cli.main(["."]) == cli.main(["*/h.py"]) == 1
    table = capsys.readouterr().out.split("\n")[-7:-3]
    assert [line.split()[:2] for line in table] == [
        ["file", "verdict"],
        ["ann/h.py", "right"],
        ["bob/h.py", "wrong"],
        ["cy/h.py", "not"],
    ]


# ---- outputs


def test_all_outputs_are_written_and_agree(work, capsys):
    work(ann=RIGHT, bob=RIGHT + WRONG)
    outputs = {"json": "all.json", "csv": "all.csv", "junit": "all.xml", "html": "all.html"}
    assert (
        cli.main(["ann.py", "bob.py", *(part for kind, path in outputs.items() for part in (f"--{kind}", path))]) == 1
    )
    text = {kind: Path(path).read_text(encoding="utf-8") for kind, path in outputs.items()}
    verdicts = [("ann.py", "right"), ("bob.py", "wrong")]
    assert [(each["path"], each["verdict"]) for each in json.loads(text["json"])["files"]] == verdicts
    assert [(row["file"], row["verdict"]) for row in csv.DictReader(text["csv"].splitlines())] == verdicts
    assert [suite.get("failures") for suite in xml.fromstring(text["junit"])] == ["0", "1"]
    assert text["html"].count("<section") == 3
    assert capsys.readouterr().out.endswith("2 right, 1 wrong\n")


@each("kind", ["json", "csv", "junit", "html"])
def test_an_output_may_be_the_standard_output_alone(work, capsys, kind):
    work(h=RIGHT)
    assert cli.main(["h.py", f"--{kind}", "-"]) == 0
    assert capsys.readouterr().out.startswith({"json": "{", "csv": "file,", "junit": "<test", "html": "<!DOC"}[kind])


@each("kind", ["csv", "junit", "html"])  # JSON is in ASCII
def test_an_output_is_utf8_in_a_pipe_of_another_encoding_too(work, monkeypatch, kind):
    work(größe=RIGHT)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe := io.BytesIO(), encoding="cp1251"))
    assert cli.main(["größe.py", f"--{kind}", "-"]) == 0
    sys.stdout.flush()
    assert "größe.py" in pipe.getvalue().decode("utf-8")


def test_what_cannot_be_written_is_replaced(work, monkeypatch):
    work(h="def f(x): raise ValueError('\\ud800 \\x00 \\x1b')\ndef f_backward(g, x): return g\n")
    assert cli.main(["h.py", "--html", "a.html", "--csv", "a.csv", "--junit", "a.xml", "--json", "a.json"]) == 2
    assert xml.parse("a.xml")
    for name in ("a.html", "a.csv"):
        assert "ValueError" in Path(name).read_text(encoding="utf-8")


# ---- as a process


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "tinygrad_dl.testing", *map(str, arguments)],
        capture_output=True,
        cwd=Path(tinygrad_dl.__file__).parents[1],
        env={**os.environ, **environment},
        text=True,
        timeout=60,
    )


def test_the_command_runs_in_a_terminal_without_unicode_and_tells_by_its_status(work, tmp_path):
    work(h=WRONG.replace("cube", "größe"))
    found = run(tmp_path / "h.py", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stdout.splitlines()[-1], found.stderr) == (1, "0 right, 1 wrong", "")


@pytest.mark.deep
def test_help_shows_examples_what_is_isolated_and_the_statuses():
    found = run("--help")
    assert found.returncode == 0
    assert found.stdout.count("\n  python -m tinygrad_dl.testing ") == 4
    for words in ("no sandbox", "docker run", "bwrap", "3 misuse"):
        assert words in found.stdout
