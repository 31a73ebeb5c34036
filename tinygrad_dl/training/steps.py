"""A step of training, on a minibatch, and the means of its loss and metrics over an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import _frames
from ..core.tensor import Tensor, untracked
from ..graph.values import norm
from ..nn.module import Module
from ..optim import Optimizer
from ..parallel import ShardedLoss
from ..parallel.shards import plain_arrays

Metric = Callable[[Any, Any], float]


class Evaluation:
    """The loss and the metrics of a minibatch; with an optimizer, a step on it too, compiled if wanted."""

    net: Any
    loss: Any
    optimizer: Any
    metrics: Any

    def __init__(
        self,
        net: Callable[[Any], Any],
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer | None,
        metrics: Mapping[str, Metric],
        compiled: bool = False,
        threads: int = 1,
    ):
        self.net, self.loss, self.optimizer, self.metrics = net, loss, optimizer, metrics
        self.compiled: Any = None
        if compiled:
            from ..tracing.compiled import compile

            self.compiled = compile(self._step, threads)

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> tuple[int, dict[str, float]]:
        """Return the number of samples, and the loss and the metrics, as they are before the step."""
        Y.flags.writeable = False  # a metric gets it before the gradient is computed
        X_, Y_ = untracked(X), untracked(Y)
        if self.compiled is not None:
            try:
                A, cost = self.compiled(X_, Y_)
            except TypeError as error:
                A, cost = self._step(X_, Y_)  # which raises it again if it is not about compiling
                _frames.warn(f"fit: trained without compile=True: {error}")
                self.compiled = None
            return Y.shape[-1], {"loss": cost.item(), **self._measure(A, Y)}
        A, cost = self._loss(X_, Y_)
        measured = self._measure(A, Y)  # a metric may raise, so before the step
        if self.optimizer is not None:
            self._descend(cost)
        return Y.shape[-1], {"loss": cost.item(), **measured}

    def _step(self, X: Tensor, Y: Tensor) -> tuple[Any, Tensor]:
        A, cost = self._loss(X, Y)
        self._descend(cost)
        return A, cost

    def _loss(self, X: Tensor, Y: Tensor) -> tuple[Any, Tensor]:
        A = self.net(X)
        cost = self.loss(A, Y)
        if type(cost) is not Tensor or cost.size != 1:
            raise TypeError(f"fit: expected a loss that gives a Tensor of size 1, got {cost!r:.80}.")
        _check_loss(cost.data, self.optimizer)
        return A, cost

    def _descend(self, cost: Tensor) -> None:
        assert self.optimizer is not None
        self.optimizer.zero_grad()
        cost.backward()
        self.optimizer.step()

    def _measure(self, A: Any, Y: np.ndarray) -> dict[str, float]:
        predictions = plain_arrays(A)
        return {name: _one_number(name, metric(predictions, Y)) for name, metric in self.metrics.items()}


class ShardedStep:
    """A step on the shards with some numbers: the sums of an engine in place of `backward`."""

    net: Any
    optimizer: Any
    metrics: Any

    def __init__(self, net: Any, optimizer: Optimizer, metrics: Mapping[str, Metric], sharded: ShardedLoss):
        self.net, self.optimizer, self.metrics, self._sharded = net, optimizer, metrics, sharded
        own = set(net.parameters()) if isinstance(net, Module) else set(optimizer.parameters)
        if others := [p for p in optimizer.parameters if p not in own]:
            raise ValueError(
                f"fit: shards give gradients of the parameters of the net alone, and the optimizer has "
                f"{others[0]._label()} too: make it an attribute of the net."
            )

    def __call__(self, indices: Sequence[int]) -> tuple[int, dict[str, float]]:
        """Return the number of samples, and the loss and the metrics, as they are before the step, if there are any."""
        means = self._sharded(self.net, indices)
        if not means.samples:
            return 0, {}
        _check_loss(means.measures["loss"], self.optimizer)
        self.optimizer.zero_grad()
        for name, parameter in self.net.named_parameters():
            parameter.grad = means.gradients.get(name)
        self.optimizer.step()
        means.update(self.net)
        return means.samples, means.measures


def average_over_samples(
    evaluate: Evaluation | ShardedStep,
    batches: Iterable[tuple[Any, ...]],
    watched: Mapping[str, Tensor] = MappingProxyType({}),
    after_step: Callable[[float], bool] = lambda loss: False,
) -> tuple[dict[str, float], dict[str, float]]:
    """Average the loss, the metrics, and the gradient norms of the `watched` parameters over all samples.

    `after_step` is called with the loss of each minibatch; it ends the epoch by returning True.
    """
    totals = dict.fromkeys(("loss", *evaluate.metrics), 0.0)
    norms = dict.fromkeys(watched, 0.0)
    samples = 0
    for batch in batches:
        m, measured = evaluate(*batch)
        if not m:  # empty shards
            continue
        samples += m
        for name, measure in measured.items():
            totals[name] += m * measure
        for name, parameter in watched.items():
            if parameter.grad is not None:  # None means zero: the loss does not depend on it
                norms[name] += m * norm(parameter.grad)
        if after_step(measured["loss"]):
            break
    if not samples:
        raise ValueError("fit: expected at least one sample, got empty shards.")
    means, mean_norms = ({name: total / samples for name, total in sums.items()} for sums in (totals, norms))
    return means, mean_norms


def _one_number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"fit: expected the metric {name!r} to give one number, got {value!r:.80}.") from error


def _check_loss(value: Any, optimizer: Optimizer | None) -> None:
    if not np.isfinite(value):
        raise FloatingPointError(f"the loss became {float(value)}: {_advice(optimizer)}.")


def _advice(optimizer: Optimizer | None) -> str:
    """Return advice for a loss that is not finite; after a nan gradient, a parameter is nan before the loss is."""
    for parameter in getattr(optimizer, "parameters", ()):
        if not np.all(np.isfinite(parameter.data)):
            return (
                f"{parameter._label()} is not finite since an earlier step: try a smaller learning rate, or find the "
                f"gradient that was not finite with tg.debug()"
            )
    return "try a smaller learning rate, or check the loss"
