"""Many files: each by itself, in their order."""

import time

import pytest

from tinygrad_dl.testing.homework import files
from tinygrad_dl.testing.homework.findings import FileResult
from tinygrad_dl.testing.homework.targets import Target


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_the_order_of_the_files_however_many_run_at_once(monkeypatch, jobs):
    monkeypatch.setattr(files, "check_isolated", lambda path, only, **options: FileResult(path))
    paths = [f"{n}.py" for n in range(8)]
    assert [result.path for result in files.check_files(list(map(Target, paths)), jobs=jobs)] == paths


def test_the_names_of_a_file_and_of_all_files_are_both_checked(monkeypatch):
    monkeypatch.setattr(files, "check_isolated", lambda path, only, **options: FileResult(path, notes=only))
    (result,) = files.check_files([Target("h.py", ("f",))], ["g"])
    assert result.notes == ("f", "g")


def test_files_that_were_not_begun_are_left_alone_after_an_interrupt(monkeypatch):
    begun = []

    def check_isolated(path, only, **options):
        begun.append(path)
        if path == "0.py":
            raise KeyboardInterrupt
        time.sleep(0.01)

    monkeypatch.setattr(files, "check_isolated", check_isolated)
    with pytest.raises(KeyboardInterrupt):
        list(files.check_files([Target(f"{n}.py") for n in range(50)]))
    assert len(begun) < 50
