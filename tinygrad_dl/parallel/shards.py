"""The loss and the gradient of one shard, and their sums: functions whose results depend on their arguments alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from .. import pytree
from ..core.backprop import topological_order
from ..core.tensor import Tensor, untracked
from ..data import as_array, check_finite, number_of_samples
from ..nn.module import Module, generators

FAN_IN = 8  # the number of sums that one task adds


class ShardError(RuntimeError):
    """Raised for a shard whose loss can't be computed; the message names the shard."""


@dataclass(frozen=True)
class Work:
    """The parts of a task that all steps share."""

    loss: Callable[[Any, Any], Any]
    read: Callable[[Any], tuple[Any, Any]] | None
    metrics: Mapping[str, Callable[[Any, Any], float]]
    retries: int


@dataclass(frozen=True)
class Step:
    """The parts of a task that all shards of a step share: the net, and a seed for each random generator in it."""

    net: Module
    seeds: Sequence[int]


@dataclass
class Totals:
    """Sums over samples, in float64: of the loss and metrics, of gradients, and of changes of other Tensors."""

    samples: int = 0
    measures: dict[str, Any] = field(default_factory=dict)
    gradients: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)


def totals_of_shard(work: Work, step: Step, index: int, shard: Any) -> Totals:
    """Compute the sums of one shard; on an error, try again. Raises ShardError after `retries`."""
    for attempt in range(work.retries + 1):
        try:
            return _totals(work, step, index, shard)
        except Exception as error:
            if attempt == work.retries:
                name = "" if work.read is None else f", {shard!r:.80}"
                times = f" {attempt + 1} times" * (attempt > 0)
                raise ShardError(f"shard {index}{name}: {type(error).__name__}{times}: {error}") from error
    raise AssertionError("retries below 0")


def _totals(work: Work, step: Step, index: int, shard: Any) -> Totals:
    X, Y = _arrays(shard if work.read is None else work.read(shard))
    if Y.ndim and not Y.shape[-1]:
        return Totals()
    m = number_of_samples(X, Y)
    check_finite("X", X)
    check_finite("Y", Y)
    net = copy.deepcopy(step.net)  # whose generators and running averages are of this shard
    for generator, seed in zip(generators(net).values(), step.seeds, strict=True):
        generator.bit_generator.state = type(generator.bit_generator)([seed, index]).state
    before = {name: p._value for name, p in net.named_parameters() if not p.requires_grad}
    A = net(untracked(X))
    cost = work.loss(A, untracked(Y))
    if type(cost) is not Tensor or cost.size != 1:
        raise TypeError(f"expected a loss that gives a Tensor of size 1, got {cost!r:.80}.")
    predictions = plain_arrays(A)
    measures = {name: m * float(metric(predictions, Y)) for name, metric in work.metrics.items()}
    _check_leaves(cost, net)
    cost.backward(keep_graph=False)
    parameters = dict(net.named_parameters())
    return Totals(
        m,
        {"loss": m * cost.item(), **measures},
        {n: m * np.asarray(p.grad, np.float64) for n, p in parameters.items() if p.grad is not None},
        {n: m * np.subtract(parameters[n]._value, old, dtype=np.float64) for n, old in before.items()},
    )


def plain_arrays(outputs: Any) -> Any:
    """The outputs of a net, one or several, as arrays."""
    return pytree.map_leaves(lambda output: output.data if type(output) is Tensor else output, outputs)


def _check_leaves(cost: Tensor, net: Module) -> None:
    """Raise ValueError if a loss depends on a parameter that is none of the copy `net`: its gradient would be lost."""
    own = set(net.parameters())
    for node in topological_order(cost):
        if node._function is None and node not in own:
            raise ValueError(
                f"the loss depends on {node._label()} by itself, not through the predictions, and a shard has a copy "
                f"of the net: pass weight_decay= to the optimizer in place of a penalty."
            )


def _arrays(given: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(f"expected a shard (X, Y), a pair of arrays, got {given!r:.80}.")
    X, Y = np.asarray(as_array(given[0])), np.asarray(as_array(given[1])).view()
    Y.flags.writeable = False  # a metric gets it before the gradient is computed
    for name, values in (("X", X), ("Y", Y)):
        if values.dtype.kind not in "biuf":
            raise TypeError(f"expected real numbers in {name}, got {values.dtype}.")
    return X, Y


def add_totals(parts: Sequence[Totals]) -> Totals:
    """Add from left to right: the same bits on any machine. A name that one of them lacks counts as zero there."""
    total = Totals()
    for part in parts:
        total.samples += part.samples
        for sums, others in (
            (total.measures, part.measures),
            (total.gradients, part.gradients),
            (total.changes, part.changes),
        ):
            for name, value in others.items():
                sums[name] = sums[name] + value if name in sums else value
    return total


def tree(parts: Iterable[Any], count: int, add: Callable[[list[Any]], Any]) -> Any:
    """Add `count` parts in groups of `FAN_IN`, then the sums in groups, and so on: a fixed order for any engine.

    >>> tree("abcdefghij", 10, lambda group: f"({''.join(group)})")
    '((abcdefgh)(ij))'
    """
    while count > 1:
        parts, count = _sums_of_groups(parts, add), -(-count // FAN_IN)
    return next(iter(parts))


def _sums_of_groups(parts: Iterable[Any], add: Callable[[list[Any]], Any]) -> Iterator[Any]:
    left = iter(parts)
    while group := list(islice(left, FAN_IN)):
        yield add(group)
