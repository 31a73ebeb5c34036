"""The checks of many files: each by itself, several at a time, in the order in which they were given."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from .discovery import discover, outcome
from .findings import FileResult
from .loading import CannotCheck, run_file
from .targets import Target


def check_files(targets: Sequence[Target], jobs: int = 1, **options: Any) -> Iterator[FileResult]:
    """The result of each file, as soon as it and those before it are there."""
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        waiting: deque[Future[FileResult]] = deque(pool.submit(check_file, target, **options) for target in targets)
        while waiting:
            yield waiting.popleft().result()
    finally:  # also if the caller was interrupted: files that were not begun are left alone
        pool.shutdown(wait=True, cancel_futures=True)


def check_file(target: Target, only: Sequence[str] = (), **options: Any) -> FileResult:
    """The result of one file."""
    start = time.monotonic()
    result = in_this_process(target.path, (*target.names, *only), **options)
    return replace(result, seconds=time.monotonic() - start)


def in_this_process(path: str, only: Sequence[str], order: int = 1, progress: bool = False, **_: Any) -> FileResult:
    """The same within this process, which a file can end: for tests."""
    try:
        with run_file(path) as file:
            findings = tuple(outcome(file, check) for check in discover(file, only, order, progress))
            return FileResult(path, findings, notes=tuple(file.notes))
    except CannotCheck as problem:
        return FileResult(path, problem=str(problem))
