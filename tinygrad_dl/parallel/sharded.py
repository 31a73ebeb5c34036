"""`value_and_grad` of a loss over all shards, with respect to the parameters of a net."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import checks
from ..core.tensor import Tensor, replace_all_data
from ..nn.module import Module, generators
from .engines import Engine, engine_for
from .shards import Step, Totals, Work


def value_and_grad(
    loss: Callable[[Any, Any], Any],
    shards: Iterable[Any],
    read: Callable[[Any], tuple[Any, Any]] | None = None,
    engine: Engine = None,
    *,
    retries: int = 2,
) -> Callable[[Module], tuple[float, dict[str, np.ndarray]]]:
    """Return a function of a net that computes its mean loss over all samples of all shards, and the gradient.

    The result has the same bits for every engine and number of workers: the shards and the order of the sums are fixed,
    and sums are in float64. BLAS must have the same number of threads everywhere, and processors of one kind: a worker
    of Dask has one thread, so set OMP_NUM_THREADS=1 before NumPy is imported to get its bits in this process. If a
    worker is lost, Dask computes its shards again on another one; an executor raises its own error, such as
    BrokenProcessPool.

    Parameters
    ----------
    loss : function
        `loss(predictions, Y)` gives a Tensor of size 1: a mean over samples, as the losses of `tg.nn` are. It depends
        on parameters through the predictions alone, and has no penalty such as `tg.nn.l2`.
    shards : sequence
        The shards: pairs (X, Y) of arrays, (..., m) each; or names, such as paths, for `read`. The numbers of samples
        may differ, and may be 0.
    read : function, optional
        `read(shard)` returns the pair (X, Y), in the process that computes the shard.
    engine : Executor or Client, optional
        A `concurrent.futures.Executor` (ProcessPoolExecutor, loky, mpi4py.futures) or a `dask.distributed.Client`, of
        the extra `parallel`. The default is this process. An executor gets shards that are arrays with each step; Dask
        keeps them on its workers.
    retries : int
        How often a shard that raises is tried again.

    Returns
    -------
    function
        `f(net)` returns the mean loss and a dict of arrays by the names of `net.named_parameters()`. A net in training
        mode draws other masks of dropout for each shard; its running averages change by the mean over the shards.

    Raises
    ------
    TypeError
        If the engine is none, or a function can't be sent to other processes.
    ValueError
        If there are no shards; by `f`, if they have no samples.
    RuntimeError
        If a worker lacks this package, or has another version of it or of NumPy.
    ShardError
        By `f`, for a shard that raises, with its name.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> rng = np.random.default_rng(0)
    >>> shards = [(rng.normal(size=(2, m)), rng.normal(size=(1, m))) for m in (5, 3)]
    >>> net = tg.nn.mlp([2, 3, 1], rng=rng)
    >>> value, gradient = value_and_grad(tg.nn.mean_squared_error, shards)(net)
    >>> {name: dW.shape for name, dW in gradient.items()}
    {'layers.0.W': (3, 2), 'layers.0.b': (3, 1), 'layers.2.W': (1, 3), 'layers.2.b': (1, 1)}
    """
    sharded = ShardedLoss(loss, shards, read, engine, retries=retries)

    def f(net: Module) -> tuple[float, dict[str, np.ndarray]]:
        means = sharded(net)
        if not means.samples:
            raise ValueError("parallel: expected at least one sample, got empty shards.")
        means.update(net)
        return means.measures["loss"], means.gradients

    return f


@dataclass(frozen=True)
class Means:
    """Means over samples, of which there may be none.

    Attributes
    ----------
    samples : int
        The number of samples.
    measures : dict of str to float
        The loss, and the metrics.
    gradients : dict of str to array
        The gradient with respect to each parameter.
    changes : dict of str to array
        The changes of Tensors that need no gradient, such as running averages.
    """

    samples: int
    measures: dict[str, float]
    gradients: dict[str, np.ndarray]
    changes: dict[str, np.ndarray]

    def update(self, net: Module) -> None:
        """Change the Tensors of a net that need no gradient.

        Parameters
        ----------
        net : Module
            The net that the means are of.
        """
        parameters = dict(net.named_parameters())
        changed = {name: change for name, change in self.changes.items() if np.any(change)}
        values = [_add(parameters[name]._value, change) for name, change in changed.items()]
        replace_all_data([parameters[name] for name in changed], values)


class ShardedLoss:
    """The means over shards, of which `value_and_grad` returns two.

    Parameters
    ----------
    loss, shards, read, engine, retries
        As in `value_and_grad`.
    metrics : mapping of str to function
        Functions of predictions and labels on arrays.
    """

    count: int

    def __init__(
        self,
        loss: Callable[[Any, Any], Any],
        shards: Iterable[Any],
        read: Callable[[Any], tuple[Any, Any]] | None = None,
        engine: Engine = None,
        metrics: Mapping[str, Callable[[Any, Any], float]] | None = None,
        *,
        retries: int = 2,
    ):
        where = "parallel"
        checks.function(where, "loss", loss, "tg.nn.mean_squared_error")
        if read is not None:
            checks.function(where, "read", read, "np.load")
        retries = checks.whole_number(where, "retries", retries, least=0)
        if isinstance(shards, (str, bytes, np.ndarray)) or not isinstance(shards, Iterable):
            raise TypeError(f"{where}: expected a list of shards, got {shards!r:.80}.")
        shards = list(shards)
        if not shards:
            raise ValueError(f"{where}: expected at least one shard, got none.")
        self.count = len(shards)
        self._engine = engine_for(engine, Work(loss, read, dict(metrics or {}), retries), shards)

    def __call__(self, net: Module, indices: Sequence[int] | None = None) -> Means:
        """Compute the means over the shards with the numbers `indices`; over all, if none are given."""
        if not isinstance(net, Module):
            raise TypeError(f"parallel: expected a Module, whose parameters have names, got {net!r:.80}.")
        seeds = [int(generator.integers(2**63)) for generator in generators(net).values()]
        totals = self._engine.totals(Step(net, seeds), range(self.count) if indices is None else indices)
        return _means(totals, dict(net.named_parameters()))


def _means(totals: Totals, parameters: Mapping[str, Tensor]) -> Means:
    m = totals.samples
    return Means(
        m,
        {name: float(total / m) for name, total in totals.measures.items()},
        {name: (total / m).astype(parameters[name].dtype) for name, total in totals.gradients.items()},
        {name: total / m for name, total in totals.changes.items()},
    )


def _add(value: np.ndarray, change: np.ndarray) -> np.ndarray:
    new = value + change
    return (np.rint(new) if value.dtype.kind in "iu" else new).astype(value.dtype)
