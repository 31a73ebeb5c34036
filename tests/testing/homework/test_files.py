"""Many files: each by itself, in their order."""

import pytest

from tinygrad_dl.testing.homework import files
from tinygrad_dl.testing.homework.findings import FileResult
from tinygrad_dl.testing.homework.targets import Target


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_the_order_of_the_files_however_many_run_at_once(monkeypatch, jobs):
    monkeypatch.setattr(files, "check_file", lambda target, **options: FileResult(target.path))
    paths = [f"{n}.py" for n in range(8)]
    assert [result.path for result in files.check_files(list(map(Target, paths)), jobs)] == paths


def test_a_file_that_cannot_be_read_is_a_result_with_a_problem(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(:", encoding="utf-8")
    result = files.check_file(Target(str(path)))
    assert (result.verdict, result.findings) == ("not checked", ())
    assert "SyntaxError" in result.problem
