"""What tests of the command line share."""

import textwrap
from typing import NamedTuple

import pytest

from tinygrad_dl.testing import __main__ as command


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
