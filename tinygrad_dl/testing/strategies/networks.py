"""A strategy for deep networks with data, for comparisons of autodiff with the course's formulas."""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from ... import nn
from ...core.tensor import Tensor
from .. import formulas
from ..source_repr import Pasted, source_repr
from .numbers import Domain, Interval, drawing

KINKED = ("relu", "leaky_relu")


@dataclass(frozen=True, eq=False)
class Network(Pasted):
    """A network of L layers in the course's notation, with data; samples are columns. Prints as code.

    Attributes
    ----------
    activations
        A name for each layer, as for `formulas.deep_forward`.
    parameters
        W1, b1, ..., WL, bL; W[l] is (n[l], n[l-1]), and b[l] is (n[l], 1).
    X, Y
        The samples, (n[0], m), and their labels, 0 or 1, (n[L], m).

    Examples
    --------
    >>> parameters = {"W1": np.zeros((1, 2)), "b1": np.zeros((1, 1))}
    >>> network = Network(("sigmoid",), parameters, X=np.ones((2, 3)), Y=np.ones((1, 3)))
    >>> round(float(network.loss()), 4)
    0.6931
    """

    activations: tuple[str, ...]
    parameters: dict[str, np.ndarray]
    X: np.ndarray
    Y: np.ndarray

    @functools.cached_property
    def net(self) -> nn.Sequential:
        """The network as a `tinygrad_dl.nn.Sequential`."""
        layers: list[Any] = []
        for number, activation in enumerate(self.activations, start=1):
            W, b = self.parameters[f"W{number}"], self.parameters[f"b{number}"]
            dense = nn.Dense(W.shape[1], W.shape[0], rng=np.random.default_rng(0), dtype=W.dtype)
            dense.W.data, dense.b.data = W, b
            layers += [dense, getattr(nn, activation)]
        return nn.Sequential(*layers)

    def loss(self) -> Tensor:
        """Compute the cost of the network at its samples.

        Returns
        -------
        Tensor
            The binary cross-entropy of `net(X)` and `Y`, recorded, of shape ().
        """
        return nn.binary_cross_entropy(self.net(self.X), self.Y)

    def __repr__(self) -> str:
        parameters = "".join(f"        {name!r}: {source_repr(value)},\n" for name, value in self.parameters.items())
        return (
            f"Network(\n    activations={self.activations!r},\n    parameters={{\n{parameters}    }},\n"
            f"    X={source_repr(self.X)},\n    Y={source_repr(self.Y)},\n)"
        )


@st.composite
def networks(
    draw: Any,
    max_layers: int = 3,
    max_units: int = 4,
    max_samples: int = 4,
    *,
    activations: Sequence[str] = tuple(formulas.ACTIVATIONS),
    outputs: int = 1,
    dtype: Any = np.float64,
    on_kinks: bool = False,
) -> Network:
    """Return a strategy for networks of 1 to `max_layers` layers, whose last layer is a sigmoid.

    The pre-activations stay within about [-4, 4], where no sigmoid saturates; those of a relu keep away from 0.

    Parameters
    ----------
    max_layers, max_units, max_samples
        The largest number of layers, of units in a hidden layer and of inputs, and of samples.
    activations
        The activations of hidden layers, names of the course.
    outputs
        The number of units of the last layer.
    dtype
        The dtype of parameters and data.
    on_kinks
        Draw many parameters and inputs that are 0 or equal, so that pre-activations are, too.

    Returns
    -------
    SearchStrategy
        Of `Network`.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(networks(max_layers=1, max_units=1, max_samples=1), lambda network: True)
    Network(
        activations=('sigmoid',),
        parameters={
            'W1': np.array([[0.5]]),
            'b1': np.array([[0.5]]),
        },
        X=np.array([[1.0]]),
        Y=np.array([[0.0]]),
    )
    """

    def matrix(rows: int, columns: int, domain: Domain | Interval) -> np.ndarray:
        numbers = drawing(domain, dtype, [0.0], on_kinks)
        return numbers(draw, rows * columns, (0, 1)).reshape(rows, columns)

    hidden = draw(st.lists(st.sampled_from(activations), max_size=max_layers - 1))
    sizes = [draw(st.integers(1, max_units)) for _ in range(len(hidden) + 1)] + [outputs]
    m = draw(st.integers(1, max_samples))
    parameters = {}
    for number, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        shrunk = 2 ** math.ceil(math.log2(n_in))  # a power of 2 keeps numbers plain
        parameters[f"W{number}"] = matrix(n_out, n_in, "unit interval") / shrunk
        parameters[f"b{number}"] = matrix(n_out, 1, "unit interval")
    X = matrix(sizes[0], m, (-3, 3))
    labels = st.lists(st.sampled_from([0, 1]), min_size=outputs * m, max_size=outputs * m)
    Y = np.array(draw(labels), dtype).reshape(outputs, m)
    network = Network((*hidden, "sigmoid"), parameters, X, Y)
    if not on_kinks:
        _, caches = formulas.deep_forward(X, parameters, network.activations)
        assume(all(np.all(np.abs(cache.Z) > 1e-3) for cache in caches if cache.activation in KINKED))
    return network
