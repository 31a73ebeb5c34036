"""Shared by tests of homework: files that are written, run and checked."""

import textwrap
from typing import NamedTuple

import pytest

from tinygrad_dl.testing import __main__ as command
from tinygrad_dl.testing.homework.execution import Limits
from tinygrad_dl.testing.homework.loading import run_file


class Found(NamedTuple):
    """What a run of the command gave."""

    status: int
    out: str
    err: str

    @property
    def summary(self):
        return self.out.splitlines()[-1]


@pytest.fixture
def check(tmp_path, capsys):
    """Write a file, and run the command on it: on all, or on what goes by `name`."""

    def check(source, name="", *options, file="homework.py"):
        path = tmp_path / file
        path.write_text("import numpy as np\n" + textwrap.dedent(source), encoding="utf-8")
        status = command.main([f"{path}:{name}" if name else str(path), *options])
        return Found(status, *capsys.readouterr())

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
