"""Engines that compute shards: this process, an executor of `concurrent.futures`, a Dask client."""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from .shards import ShardError, Step, Totals, Work, add_totals, totals_of_shard, tree

if TYPE_CHECKING:
    from concurrent.futures import Executor

Engine: TypeAlias = Any  # None, a concurrent.futures.Executor, or a dask.distributed.Client
_ATTEMPTS = 3  # of a step whose workers died with its data


class Here:
    """Compute all shards in this process, one after the other: the reference for other engines."""

    def __init__(self, work: Work, shards: Sequence[Any]):
        self._work, self._shards = work, shards

    def totals(self, step: Step, indices: Sequence[int]) -> Totals:
        """Return the sums over the shards with these numbers."""
        parts = (totals_of_shard(self._work, step, i, self._shards[i]) for i in indices)
        total: Totals = tree(parts, len(indices), add_totals)
        return total


class OnExecutor:
    """Compute shards in the threads or processes of an executor, and add them here, in order."""

    def __init__(self, work: Work, shards: Sequence[Any], executor: Executor):
        self._work, self._shards, self._executor = _dumps(work), shards, executor

    def totals(self, step: Step, indices: Sequence[int]) -> Totals:
        """Return the sums over the shards with these numbers."""
        same = itertools.repeat(self._work), itertools.repeat(_dumps(step))
        parts = self._executor.map(_run, *same, indices, [self._shards[i] for i in indices])
        total: Totals = tree(parts, len(indices), add_totals)
        return total


class OnDask:
    """Compute and add shards on the workers of a Dask client, which repeat elsewhere what a lost worker had to do.

    Shards that are arrays stay on the workers; those to be read travel as their names.
    """

    def __init__(self, work: Work, shards: Sequence[Any], client: Any):
        _check_versions(client)
        self._work, self._shards, self._client = _dumps(work), shards, client
        self._read_there = work.read is not None
        self._placed: tuple[Any, Sequence[Any]] | None = None

    def totals(self, step: Step, indices: Sequence[int]) -> Totals:
        """Return the sums over the shards with these numbers."""
        from distributed import KilledWorker

        content = _dumps(step)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._totals(content, indices)
            except ShardError:
                raise
            except KilledWorker as error:
                raise ShardError(f"workers died of a task, for lack of memory perhaps: {error}") from error
            except Exception:  # the data of the step were on workers that are gone
                self._placed = None
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("no attempt")

    def _totals(self, step: bytes, indices: Sequence[int]) -> Totals:
        if self._placed is None:
            self._placed = self._place()
        client, (work, shards), n = self._client, self._placed, len(indices)
        given = self._give(step)
        name = os.urandom(8).hex()  # of the step
        keys = [f"shard-{name}-{i}" for i in indices]  # an error about a lost task shows its key
        parts = client.map(_run, [work] * n, [given] * n, indices, [shards[i] for i in indices], key=keys, pure=False)
        total: Totals = tree(parts, n, lambda group: client.submit(add_totals, group, pure=False)).result()
        return total

    def _give(self, content: bytes) -> Any:
        """Send bytes once, as a task that is repeated where a worker is lost; one that has died can't delay it."""
        import dask

        with dask.config.set({"distributed.admin.large-graph-warning-threshold": len(content) + 10_000_000}):
            return self._client.submit(bytes, content, pure=False)

    def _place(self) -> tuple[Any, Sequence[Any]]:
        work = self._give(self._work)
        return work, self._shards if self._read_there else self._client.scatter(list(self._shards), hash=False)


def engine_for(engine: Engine, work: Work, shards: Sequence[Any]) -> Here | OnExecutor | OnDask:
    """Make the engine. Raises TypeError for an object that is none, RuntimeError for workers without this package."""
    if engine is None:
        return Here(work, shards)
    from concurrent.futures import Executor  # 5 ms, which a program without engines is spared

    if isinstance(engine, Executor):
        return OnExecutor(work, shards, engine)
    if type(engine).__module__.startswith("distributed.") and hasattr(engine, "scatter"):
        if engine.asynchronous:
            raise TypeError("expected a Client that waits for results, got one with asynchronous=True.")
        return OnDask(work, shards, engine)
    advice = ": pass an object of it" if isinstance(engine, type) else ""
    raise TypeError(
        f"expected engine=None, a concurrent.futures.Executor or a dask.distributed.Client, got {engine!r:.80}{advice}."
    )


def _run(work: bytes, step: bytes, index: int, shard: Any) -> Totals:
    """Compute the sums of one shard, in another process."""
    return totals_of_shard(_loads_once(work), pickle.loads(step), index, shard)


_loads_once = functools.lru_cache(maxsize=4)(pickle.loads)


def _dumps(value: Work | Step) -> bytes:
    """Pickle `value`; with cloudpickle, which comes with Dask and loky, functions of a script or notebook too."""
    try:
        module = importlib.import_module("cloudpickle")
    except ImportError:
        module = pickle
    try:
        content: bytes = module.dumps(value)
    except Exception as error:
        advice = "define it at the top of a module" + ", or install cloudpickle" * (module is pickle)
        raise TypeError(f"a function or the net can't be sent to other processes: {error}: {advice}.") from error
    return content


def _check_versions(client: Any) -> None:
    """Raise RuntimeError if a worker lacks this package, or has another version of it or of NumPy."""
    packages = __package__.split(".")[0], "numpy"

    def versions() -> tuple[str, ...]:  # pickled by value: the worker may lack this module
        try:
            return tuple(importlib.import_module(name).__version__ for name in packages)
        except ImportError as error:
            return (str(error),)

    here = versions()
    expected = " and ".join(f"{name} {version}" for name, version in zip(packages, here, strict=True))
    for worker, found in client.run(versions).items():
        if found != here:
            raise RuntimeError(f"the worker {worker} needs {expected}, as here; it has: {', '.join(found)}.")
