"""The checks of many files: each in a process of its own, several at a time, in the order in which they were given."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ..progress import bar_class
from .findings import FileResult
from .isolation import check_isolated
from .targets import Target


def check_files(
    targets: Sequence[Target], only: Sequence[str] = (), jobs: int = 1, progress: bool = False, **options: Any
) -> Iterator[FileResult]:
    """The result of each file, as soon as it and those before it are there; `options` are those of `check_isolated`."""
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        waiting: deque[Future[FileResult]] = deque(
            pool.submit(check_isolated, target.path, (*target.names, *only), **options) for target in targets
        )
        yield from _with_progress((waiting.popleft().result() for _ in targets), len(targets), progress)
    finally:  # also if the caller was interrupted: files that were not begun are left alone
        pool.shutdown(wait=True, cancel_futures=True)


def _with_progress(results: Iterable[FileResult], total: int, wanted: bool) -> Iterator[FileResult]:
    """The results, with a progress bar for several files in a terminal if tqdm is installed."""
    tqdm = bar_class(wanted and total > 1)
    settings = {"desc": "checking", "total": total, "unit": " files", "leave": False, "disable": None}
    yield from tqdm(results, **settings) if tqdm else results
