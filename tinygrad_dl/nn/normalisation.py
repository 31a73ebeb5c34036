"""Batch normalization."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import checks
from ..core import arguments
from ..core.tensor import Tensor, parameter, replace_all_data
from ..proxies.dispatching import Symbolic
from .activations import HALF, upcast_half
from .module import Module


class BatchNorm(Module):
    """Batch normalization: γ (z - μ) / √(σ² + ε) + β for each unit, with the mean μ and variance σ² over the samples.

    In training mode μ and σ² are those of the inputs, and running averages of them are updated; in evaluation mode
    they are these averages, which are saved and loaded with the parameters. The channels of images, (n, height, width,
    m), are units whose samples are all pixels.

    Parameters
    ----------
    n : int
        The number of units, or of channels.
    momentum : float
        The share of the old value in a running average, in [0, 1).
    epsilon : float
        The ε that keeps the denominator above 0.
    dtype : dtype
        The type of the parameters. In float16, statistics are computed and kept in float32.

    Attributes
    ----------
    gamma : Tensor
        Scales γ, (n, 1), initially 1.
    beta : Tensor
        Shifts β, (n, 1), initially 0.
    mean, variance : Tensor
        The running averages, (n, 1). They need no gradients: leave them out where you unfreeze parameters.
    batches : Tensor
        The number of training batches so far, 0-d.

    Raises
    ------
    ValueError
        If a setting is out of range, or the inputs have another shape, or fewer than two samples in training mode.
    RuntimeError
        In evaluation mode, before any training step.

    References
    ----------
    Course 2, week 3; Ioffe and Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> norm = BatchNorm(1)
    >>> norm(np.array([[1.0, 3.0]])).numpy().round(3)
    array([[-1.,  1.]])
    >>> norm.mean.item()
    2.0
    """

    momentum: float
    epsilon: float

    reads_mode = True
    gamma: Tensor
    beta: Tensor
    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(self, n: int, *, momentum: float = 0.9, epsilon: float = 1e-5, dtype: Any = np.float64):
        n = checks.whole_number("BatchNorm", "n", n)
        self.momentum = checks.fraction("BatchNorm", "momentum", momentum)
        self.epsilon = checks.positive("BatchNorm", "epsilon", epsilon)
        self.gamma = parameter(np.ones((n, 1), dtype), name="gamma")
        self.beta = parameter(np.zeros((n, 1), dtype), name="beta")
        wide = np.promote_types(dtype, np.float32)  # the variance of numbers beyond 256 is infinite in float16
        self.mean, self.variance = Tensor(np.zeros((n, 1), wide)), Tensor(np.ones((n, 1), wide))
        self.batches = Tensor(0)

    def __call__(self, Z: Any) -> Tensor:
        """Normalise `Z`, (n, m) or (n, ..., m)."""
        if not hasattr(Z, "shape"):
            Z = arguments.numbers(Z)
        n = len(self.gamma)
        if len(Z.shape) < 2 or Z.shape[0] != n:
            advice = "; samples are columns: pass Z.T" if len(Z.shape) == 2 and Z.shape[1] == n else ""
            raise ValueError(f"{self!r}: expected ({n}, m) or ({n}, ..., m), got {Z.shape}{advice}.")
        if len(Z.shape) > 2:
            return self._normalise(Z.reshape(n, -1)).reshape(Z.shape)
        return self._normalise(Z)

    def _normalise(self, given: Any) -> Tensor:
        Z = upcast_half(given)
        centred, variance = self._of_batch(Z) if self.training else self._running(Z)
        normalised = self.gamma * (centred / np.sqrt(variance + self.epsilon)) + self.beta
        return normalised.astype(HALF) if Z is not given and self.gamma.dtype is HALF else normalised

    def _of_batch(self, Z: Any) -> tuple[Any, Any]:
        """`Z` less the mean of the batch, and its variance; mean and variance enter the running averages."""
        if Z.shape[1] < 2:
            advice = "for predictions, call net.eval(); for training, take a batch_size that leaves no single sample"
            raise ValueError(f"{self!r}: expected at least 2 samples in training mode, got {Z.shape}: {advice}.")
        mean = np.mean(Z, axis=1, keepdims=True)
        centred = Z - mean
        variance = np.mean(np.square(centred), axis=1, keepdims=True)
        share = np.where(self.batches._value == 0, 0.0, self.momentum).astype(self.mean.dtype)  # the first batch counts
        averages, news = [self.mean, self.variance], []
        for average, new in zip(averages, (mean, variance), strict=True):
            value = new._value if type(new) is Tensor else new
            if type(value) is not np.ndarray and not isinstance(value, Symbolic):
                raise TypeError(f"{self!r}: a batch inside of vmap has no statistics: call net.eval() first.")
            news.append((share * average._value + (1 - share) * value).astype(average.dtype))
        replace_all_data([*averages, self.batches], [*news, self.batches._value + 1])
        return centred, variance

    def _running(self, Z: Any) -> tuple[Any, Tensor]:
        if not self.batches._value:
            raise RuntimeError(f"{self!r}: no statistics in evaluation mode: train first, or load a trained net.")
        return Z - self.mean, self.variance

    def __repr__(self) -> str:
        return f"BatchNorm({len(self.gamma)})"
