"""Regularisation: dropout, and the L2 term of a cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import checks
from .._guesses import answering
from .._names import is_bias
from ..core.tensor import untracked
from .activations import HALF, upcast_half
from .module import Module


class Dropout(Module):
    """Inverted dropout: in training mode each activation is 0 with probability `rate`, else divided by 1 - `rate`.

    A = A D / keep_prob in the course's words, with keep_prob = 1 - `rate`. A mask D is drawn at each call. In
    evaluation mode the inputs are returned unchanged. Inside of `tg.vmap`, a call draws one mask for all samples.
    Pictures show the mask as D1, D2, ...

    Parameters
    ----------
    rate : float
        The probability of a zero, in [0, 1).
    rng : numpy.random.Generator
        The source of randomness for the masks. Required.

    Raises
    ------
    ValueError
        If the rate is not in [0, 1).
    TypeError
        If `rng` is missing or not a `numpy.random.Generator`.

    References
    ----------
    Course 2, week 1; Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> dropout = Dropout(0.5, rng=np.random.default_rng(0))
    >>> dropout(np.ones(4))
    Tensor([2., 0., 0., 0.], shape=(4,), dtype=float64)
    """

    reads_mode = True
    rate: float
    rng: np.random.Generator
    mask_name: str

    @answering
    def __init__(self, rate: float, *, rng: np.random.Generator | None = None):
        self.rate = checks.fraction("Dropout", "rate", rate)
        self.rng = checks.generator("Dropout", rng)
        self.mask_name = "D"

    def __call__(self, A: Any) -> Any:
        """Set a share of `A`, of any shape, to 0."""
        if not self.training or self.rate == 0:
            return A
        D = self.rng.random(np.shape(A)) >= self.rate
        return A * untracked(D, self.mask_name) / (1 - self.rate)

    def __repr__(self) -> str:
        return f"Dropout({self.rate:g})"


def l2(net: Module, strength: float, m: Any = 1) -> Any:
    """Compute λ/2m Σ‖W‖², the term that L2 regularisation adds to the cost. Biases are left out.

    Parameters
    ----------
    net : Module
        The net. The sum is over its parameters that require grad, but for biases, and the shifts and scales of batch
        normalization: those named b, bias, beta, gamma, with a number or without.
    strength : float
        The strength λ, at least 0.
    m : int
        The number of samples, as the course divides by it; 1 if the cost is to be regularised alike for any m.

    Returns
    -------
    Tensor
        The term, 0-d.

    Raises
    ------
    ValueError
        If the strength is negative or not finite, or the net has no weights.
    TypeError
        If `net` is no Module, such as the list of its parameters.

    References
    ----------
    Course 2, week 1.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0), init=lambda shape, rng: np.ones(shape))
    >>> tg.nn.l2(net, 0.2, m=10).item()
    0.09
    """
    checks.not_negative("l2", "a strength", strength)
    if not hasattr(net, "named_parameters"):
        raise TypeError(f"l2: expected a Module, whose parameters have names, got {net!r:.80}.")
    weights = [p for name, p in net.named_parameters() if p.requires_grad and not is_bias(p.name or name)]
    if not weights:
        raise ValueError(f"l2: expected a net with weights, got {net!r:.80}.")
    squares: Any = sum(np.sum(np.square(upcast_half(W))) for W in weights)
    cost = strength / (2 * m) * squares
    return cost.astype(HALF) if np.result_type(*(W.dtype for W in weights)) == HALF else cost
