"""Shared by tests of homework: files that are written, run and checked."""

import textwrap
from typing import NamedTuple

import pytest

from tests.testing.in_process import check_here
from tinygrad_dl.testing.cli import STATUS
from tinygrad_dl.testing.homework import networks, repairs, report, scripts
from tinygrad_dl.testing.homework.execution import Limits
from tinygrad_dl.testing.homework.loading import run_file


class Found(NamedTuple):
    """What the checks of a file came to: the exit status of the command, the reports, and the problems."""

    status: int
    out: str
    err: str

    @property
    def summary(self):
        return self.out.splitlines()[-1]


@pytest.fixture(autouse=True)
def search_for_repairs(request, monkeypatch):
    """Let tests of verdicts do without the search for the cause in the code, which takes seconds."""
    if not request.node.path.name.endswith(("_repairs.py", "_rates.py", "_integrity.py")):
        monkeypatch.setattr(repairs, "SECONDS", 0.0)
        monkeypatch.setattr(repairs, "SECONDS_OF_STEP", 0.0)


@pytest.fixture
def check(tmp_path):
    """Write a file, and check it in this process: all of it, or what goes by `name`."""

    def check(source, name="", file="homework.py", order=1):
        path = tmp_path / file
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        result = check_here(str(path), [name] if name else [], order)
        problems = [*(finding.problem for finding in result.findings), result.problem]
        text = "\n".join([*report.file_lines(result), report.counts_text([result])])
        return Found(STATUS[result.verdict], text, "".join(f"{problem}\n" for problem in problems if problem))

    return check


@pytest.fixture
def ran(tmp_path):
    """Write a file of some name, and run it within short limits: the names that it then has."""

    def ran(source, file="homework.py", statement=0.1, total=2.0, imports=20.0):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        with run_file(str(path), shown=path.name, limits=Limits(statement, total, imports, late=0.02)) as found:
            return found

    return ran


@pytest.fixture
def judged(tmp_path):
    """Write a file, run it, and return the findings of its training steps."""

    def judged(source, old="", new=""):
        assert old in source
        path = tmp_path / "homework.py"
        path.write_text(textwrap.dedent(source.replace(old, new)), encoding="utf-8")
        with run_file(str(path), shown=path.name) as file:
            return [check.run() for check in scripts.find(file)]

    return judged


@pytest.fixture
def findings(tmp_path):
    """The findings on the nets of a source."""

    def findings(source):
        path = tmp_path / "homework.py"
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        with run_file(str(path), shown=path.name, limits=Limits()) as file:
            return [check.run() for check in networks.find(file, False)]

    return findings
