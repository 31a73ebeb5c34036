"""Causes of wrong gradients, as the change of the learner's code that makes them right."""

import pytest

from tests.testing.homework.test_scripts import COLUMNS, ROWS
from tinygrad_dl.testing.homework import scripts
from tinygrad_dl.testing.homework.loading import run_file

each = pytest.mark.parametrize


@each(
    ("source", "old", "new", "cause"),
    [
        (COLUMNS, "(1 - A1**2)", "A1 * (1 - A1)", "line 16: derivative of the activation: "),
        (COLUMNS, "dZ1 @ X.T", "dZ1 * 2 @ X.T", "a factor of 2"),
        (COLUMNS, "(1 - A1**2)", "(1 - A1)", "line 16: "),
        (ROWS, "squash(hidden, True)", "squash(out @ U.T, True)", "line 12: derivative of the activation: "),
    ],
)
def test_the_change_that_repairs_the_gradients_is_the_cause(tmp_path, source, old, new, cause):
    path = tmp_path / "homework.py"
    assert old in source
    path.write_text(source.replace(old, new), encoding="utf-8")
    with run_file(str(path), shown=path.name) as file:
        (finding,) = [check.run() for check in scripts.find(file)]
    wrong = [quantity for quantity in finding.quantities if quantity.verdict == "wrong"]
    assert wrong
    assert all(any(cause in each for each in quantity.causes) for quantity in wrong), finding.report
