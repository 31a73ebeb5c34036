"""How it is timed: each system in a process of its own for each workload, in rounds in which they take turns.

In a process of its own, a system has the memory, the garbage and the threads that its user would have, and none that
another system left. The machine's ups and downs meet all in a round alike, so that ratios are taken within rounds.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from tests.benchmarks.systems import SYSTEMS
from tests.benchmarks.workloads import Workload

SECONDS_PER_ROW = 20  # of the slowest; it takes three turns in any case
KEPT_BUFFERS, OURS, COMPILED = "kept buffers", "tinygrad_dl", "tg.compile"


@dataclass(frozen=True)
class Setting:
    """A `system`, how many threads it may use, and whether its process keeps the memory that it has freed."""

    system: str
    threads: int = 1
    memory_kept: bool = False


BASELINE = Setting("NumPy by hand")


@dataclass
class Row:
    """What a `setting` took for an operation in each round, in seconds or bytes; or why it took nothing."""

    setting: Setting
    rounds: list[float]
    failure: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half the range in which the middle half of the rounds lie, relative to the median."""
        if len(self.rounds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return (high - low) / 2 / self.median

    def ratio(self, other: Row) -> float:
        """The median over the rounds of the ratio to the `other` in the same round."""
        return statistics.median(own / its for own, its in zip(self.rounds, other.rounds, strict=True))


# ---- in the process of a system


class _Task:
    """What one process is there for."""

    compute: Callable[[], Any]


def _start(setting: Setting, workload: Workload) -> list[np.ndarray] | None:
    """Make what is to be timed, and give what it computes; None if the system has no such thing."""
    module = importlib.import_module(f"tests.benchmarks.systems.{SYSTEMS[setting.system].module}")
    if hasattr(module, "limit_threads"):
        module.limit_threads(setting.threads)
    if not hasattr(module, workload.problem.kind):
        return None
    if setting.memory_kept:
        import tinygrad_dl as tg

        tg.keep_memory()
    _Task.compute = staticmethod(getattr(module, workload.problem.kind)(workload.problem))
    return [np.asarray(_values(part)) for part in _Task.compute()]


def _values(part: Any) -> Any:
    """The values of a Tensor, or those in a list of them."""
    if isinstance(part, (list, tuple)):
        return list(map(_values, part))
    return part.numpy() if hasattr(part, "numpy") else part


def _turn(calls: int) -> float:
    """The seconds of a call, after one that brings code and data back into the caches."""
    _Task.compute()
    start = time.perf_counter()
    for _ in range(calls):
        _Task.compute()
    return (time.perf_counter() - start) / calls


def _peak() -> float:
    return peak(_Task.compute)


def peak(compute: Callable[[], Any]) -> float:
    """The bytes that a call holds at its peak, by Python's count, which NumPy takes part in; it is the second call."""
    compute()
    tracemalloc.start()
    compute()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(most)


# ---- in the process that measures


@contextlib.contextmanager
def _process(threads: int) -> Iterator[ProcessPoolExecutor]:
    """A fresh process whose libraries start with so many threads."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        with mock.patch.dict(os.environ, counts):
            process.submit(os.getpid).result()  # it starts now
        yield process


def measured(workload: Workload, settings: Sequence[Setting], rounds: int) -> list[Row]:
    """A row for each of the `settings`, the baseline first; what does not compute the same says so instead of times."""
    if workload.problem.kind == "package":
        return _imports(settings, rounds)
    with contextlib.ExitStack() as stack:
        processes: dict[Setting, ProcessPoolExecutor] = {}
        failed: list[Row] = []
        expected: list[np.ndarray] = []
        for setting in settings:
            process = stack.enter_context(_process(setting.threads))
            try:
                got = process.submit(_start, setting, workload).result()
                if got is None:
                    continue
                expected = expected or got
                _check(expected, got)
            except Exception as error:  # of any kind, as a peer may raise what it likes: the others go on
                failed.append(Row(setting, [], " ".join(f"{type(error).__name__}: {error}".split())[:100]))
                continue
            processes[setting] = process
        rows = [Row(setting, []) for setting in processes]
        if workload.peak:
            return [Row(setting, [process.submit(_peak).result()]) for setting, process in processes.items()]
        seconds = {setting: process.submit(_turn, 1).result() for setting, process in processes.items()}
        fewer = max(3, round(SECONDS_PER_ROW / max([workload.turn, *seconds.values()])))
        for _ in range(min(rounds, fewer)):
            for row in rows:
                calls = max(1, round(workload.turn / seconds[row.setting]))
                took = processes[row.setting].submit(_turn, calls).result()
                row.rounds.append(took / workload.operations)
    return rows + failed


def _check(by_hand: list[np.ndarray], got: list[np.ndarray]) -> None:
    """Raise ValueError unless the loss and the gradients are those by hand, to the digits that their dtype holds."""
    for expected, array in zip(by_hand, got, strict=True):
        if array.dtype != expected.dtype or array.shape != expected.shape:
            raise ValueError(f"gives {array.dtype} of shape {array.shape}, not {expected.dtype} of {expected.shape}")
        off = np.max(np.abs(array - expected)) / np.max(np.abs(expected))
        if not off < (1e-4 if expected.dtype == np.float32 else 1e-9):
            raise ValueError(f"gives something else than by hand: off by {off:.1g} of the largest")


def _imports(settings: Sequence[Setting], rounds: int) -> list[Row]:
    """What `import` takes, in a fresh process each time, of code that was compiled before."""
    plain = [setting for setting in settings if setting == Setting(setting.system) and setting.system != KEPT_BUFFERS]
    rows = {setting: Row(setting, []) for setting in plain}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for timed in [False, *[True] * rounds]:
            for setting, row in rows.items():
                name = SYSTEMS[setting.system].package
                code = f"import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
                command = [sys.executable, "-c", code]
                seconds = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
                if timed:
                    row.rounds.append(float(seconds))
    return list(rows.values())
