"""Shared by tests of homework: files that are written, run and checked."""

import textwrap
from typing import NamedTuple

import pytest

from tests.testing.in_process import check_here
from tinygrad_dl.testing.cli import STATUS
from tinygrad_dl.testing.homework import report
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

    def ran(source, file="homework.py", statement=0.1, total=2.0):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        with run_file(str(path), shown=path.name, limits=Limits(statement, total, 0.02)) as found:
            return found

    return ran
