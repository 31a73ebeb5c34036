"""Layers: `Dense`, and `Sequential` and `mlp`, which stack them. Samples are columns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _html, checks
from .._guesses import DENSE, SEQUENTIAL, add_missing, answering
from ..core import arguments
from ..core.tensor import Tensor, parameter
from . import activations, fused, initializers
from .convolution import Conv2D
from .module import Module, trainable
from .normalisation import BatchNorm
from .regularisation import Dropout


class Dense(Module):
    """A dense layer: Z = W A + b for inputs A (n_in, m) and outputs Z (n_out, m).

    Parameters
    ----------
    n_in : int
        The number of inputs, at least 1.
    n_out : int
        The number of units, at least 1.
    rng : numpy.random.Generator
        The source of randomness for the weights. Required.
    init : function or str
        The initializer of the weights: `init(shape, rng)` gives an array (n_out, n_in); or its name in `tg.nn`.
    dtype : dtype
        The type of the parameters.

    Attributes
    ----------
    W : Tensor
        Weights, (n_out, n_in).
    b : Tensor
        Biases, (n_out, 1), initially zero.

    Raises
    ------
    ValueError
        If a size is below 1, or the weights from `init` or the inputs have another shape.
    TypeError
        If a size is not a whole number, or `rng` is missing or not a `numpy.random.Generator`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> layer = tg.nn.Dense(30, 4, rng=np.random.default_rng(0))
    >>> layer(np.ones((30, 569))).shape
    (4, 569)
    """

    n_in: int
    n_out: int
    W: Tensor
    b: Tensor

    @answering
    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        rng: np.random.Generator | None = None,
        init: initializers.Initializer | str = initializers.xavier,
        dtype: Any = np.float64,
    ):
        n_in = checks.whole_number("Dense", "n_in", n_in)
        n_out = checks.whole_number("Dense", "n_out", n_out)
        initialize = checks.named("Dense", "an initializer", init, initializers.BY_NAME)
        checks.function("Dense", "init", initialize, "tg.nn.he")
        W = np.asarray(initialize((n_out, n_in), checks.generator("Dense", rng)), dtype)
        if W.shape != (n_out, n_in):
            raise ValueError(f"Dense({n_in}, {n_out}): expected init to give {(n_out, n_in)}, got {W.shape}.")
        self.n_in, self.n_out = n_in, n_out
        self.W = parameter(W, name="W")
        self.b = parameter(np.zeros((n_out, 1), dtype), name="b")

    def __call__(self, A: Any) -> Tensor:
        """Compute Z = W A + b, (n_out, m), for inputs `A` (n_in, m)."""
        try:
            shape = A.shape
        except AttributeError:  # a list
            shape = np.shape(A := arguments.numbers(A))
        if len(shape) != 2 or shape[0] != self.n_in:
            raise ValueError(f"{self!r}: expected ({self.n_in}, m), got {shape}{self._advice(shape)}.")
        return fused.affine(self.W, A, self.b)

    def _advice(self, shape: tuple[int, ...]) -> str:
        if len(shape) == 2 and shape[1] == self.n_in:
            return "; samples are columns: pass X.T"
        if shape == (self.n_in,):
            return "; samples are columns: pass x.reshape(-1, 1)"
        return "; samples are columns"

    def __repr__(self) -> str:
        return f"Dense({self.n_in}, {self.n_out})"


add_missing(Dense, DENSE)


class Sequential(Module):
    """The composition of layers and functions, applied from first to last.

    Its parameters and outputs carry the course's names: W1 b1 Z1 A1 W2 ...

    Parameters
    ----------
    *layers : function
        Modules and functions of one argument.

    Raises
    ------
    TypeError
        If a layer is not callable.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> rng = np.random.default_rng(0)
    >>> net = tg.nn.Sequential(tg.nn.Dense(2, 4, rng=rng), tg.nn.tanh, tg.nn.Dense(4, 1, rng=rng), tg.nn.sigmoid)
    >>> net(np.ones((2, 3))).name
    'A2'
    >>> print(net.summary())
    l  layer        W[l]    b[l]    Z[l]    g[l]     A[l]    parameters
    0  X                                             (2, m)
    1  Dense(2, 4)  (4, 2)  (4, 1)  (4, m)  tanh     (4, m)          12
    2  Dense(4, 1)  (1, 4)  (1, 1)  (1, m)  sigmoid  (1, m)           5
                                                     total           17
    """

    layers: list[Any]

    def __init__(self, *layers: Callable[[Any], Any]):
        for position, layer in enumerate(layers):
            if isinstance(layer, (list, tuple)):
                raise TypeError(
                    "Sequential: expected layers and functions, got a list of them: write Sequential(*layers)."
                )
            if not callable(layer):
                word = layer.lower() if isinstance(layer, str) else ""
                advice = f": pass tg.nn.{word}" if word in _ACTIVATIONS else ""
                got = f"got {layer!r:.80} at position {position}{advice}"
                raise TypeError(f"Sequential: expected layers and functions, {got}.")
        self.layers = list(layers)
        self._number(1)

    def __call__(self, A: Any) -> Tensor:
        """Apply the layers to `A`, from first to last."""
        if len(self._names) != len(self.layers):  # layers have come or gone
            self._number(1)
        for layer, name in zip(self.layers, self._names, strict=True):
            A = layer(A)
            if name is not None and type(A) is Tensor and A.name is None:
                A.name = name
        return A

    def _number(self, number: int) -> int:
        """Name the Tensors of each layer, counting from `number`; return the next free number."""
        self._names: list[str | None] = []
        for position, layer in enumerate(self.layers):
            name = None
            if isinstance(layer, (Dense, Conv2D)):
                layer.W.name, layer.b.name, name = f"W{number}", f"b{number}", f"Z{number}"
                number += 1
            elif isinstance(layer, Sequential):
                number = layer._number(number)
            elif isinstance(layer, BatchNorm):
                layer.gamma.name, layer.beta.name = f"gamma{number - 1}", f"beta{number - 1}"
            elif isinstance(layer, Dropout):
                layer.mask_name, name = f"D{number - 1}", f"A{number - 1}"
            elif number > 1 and _ends_a_layer((*self.layers, None)[position + 1]):
                name = f"A{number - 1}"  # the last function before the next layer gives the layer's output
            self._names.append(name)
        return number

    def summary(self) -> str:
        """Return the course's table of shapes for this net (week 4), with the number of parameters of each layer.

        Those that require no gradient, as frozen ones and running averages, are not counted.

        Returns
        -------
        str
            The table, a line for each layer; a notebook shows a table.
        """
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        aligned = ([cell.ljust(width) for cell, width in zip(row[:7], widths, strict=False)] for row in table)
        text = "\n".join(
            "  ".join([*cells, row[7].rjust(widths[7])]).rstrip() for cells, row in zip(aligned, table, strict=True)
        )
        return _html.TextTable(text, _html.block(_html.table(table[1:], table[0], numbers=[7])))

    def _repr_html_(self) -> str:
        table = self._table()
        total = f"{int(table[-1][7]):,} parameters"
        return _html.block(_html.title(type(self).__name__, total), _html.table(table[1:-1], table[0], numbers=[7]))

    def _table(self) -> list[list[str]]:
        """The rows of the summary: a head, a row for each layer, and the total."""
        numbers = itertools.count(1)
        table = [["l", "layer", "W[l]", "b[l]", "Z[l]", "g[l]", "A[l]", "parameters"]]
        for layer in _flat(self):
            if not isinstance(layer, Module):
                if len(table) > 1:  # an activation of the previous layer
                    before = table[-1][5].removeprefix("identity")
                    table[-1][5] = f"{before} {_name(layer)}".lstrip()
                continue
            row = ["", _name(layer), "", "", "", "", "", str(_count_trained(layer))]
            if isinstance(layer, (Dense, Conv2D)):
                row[0], row[2], row[3], row[5] = f"{next(numbers)}", f"{layer.W.shape}", f"{layer.b.shape}", "identity"
            if isinstance(layer, Dense):
                if len(table) == 1:
                    table.append(["0", "X", "", "", "", "", f"({layer.n_in}, m)", ""])
                row[4] = row[6] = f"({layer.n_out}, m)"
            table.append(row)
        return [*table, ["", "", "", "", "", "", "total", str(_count_trained(self))]]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(_name, self.layers))})"

    if not TYPE_CHECKING:  # checkers report net[0]

        def __getitem__(self, index):
            raise TypeError("Sequential can't be indexed: write net.layers[0], or loop over net.layers.")


add_missing(Sequential, SEQUENTIAL)


def _count_trained(module: Module) -> int:
    return sum(p.size for p in trainable(module).values())


def _ends_a_layer(following: Any) -> bool:
    """Return whether the output of a layer is complete before this, None being the end."""
    return following is None or (isinstance(following, Module) and not isinstance(following, (BatchNorm, Dropout)))


@answering
def mlp(
    sizes: Sequence[int],
    *,
    rng: np.random.Generator | None = None,
    hidden: Callable[[Any], Any] | str = activations.tanh,
    output: Callable[[Any], Any] | str = activations.identity,
    init: initializers.Initializer | str | None = None,
    dtype: Any = np.float64,
) -> Sequential:
    """Make a multilayer perceptron: Dense layers with activations between them.

    Parameters
    ----------
    sizes : sequence of int
        The sizes of the input and of each layer, [n_x, n_1, ..., n_L].
    rng : numpy.random.Generator
        The source of randomness for the weights. Required.
    hidden : function or str
        The activation between layers, or its name in `tg.nn`.
    output : function or str
        The activation of the last layer.
    init : function or str, optional
        The initializer of the weights. The default is `he` for a `hidden` of the relu family, else `xavier`.
    dtype : dtype
        The type of the parameters.

    Returns
    -------
    Sequential
        The net: inputs (n_x, m), outputs (n_L, m).

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or a size is below 1.
    TypeError
        If a size is not a whole number, an activation or initializer is not callable, or `rng` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> tg.nn.mlp([30, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    Sequential(Dense(30, 4), tanh, Dense(4, 1), sigmoid)
    """
    expected = f"mlp: expected the sizes of the input and of each layer, such as [30, 4, 1], got {sizes!r:.80}."
    try:
        sizes = list(sizes)
    except TypeError:
        raise TypeError(expected) from None
    if len(sizes) < 2:
        raise ValueError(expected)
    functions: dict[str, Callable[[Any], Any]] = {}
    for name, given, example in (("hidden", hidden, "tg.nn.relu"), ("output", output, "tg.nn.sigmoid")):
        function = checks.named("mlp", "an activation", given, _ACTIVATIONS)
        functions[name] = checks.function("mlp", name, function, example)
    checks.generator("mlp", rng)
    if init is None:
        init = initializers.he if functions["hidden"] in _RELU_FAMILY else initializers.xavier
    layers: list[Any] = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [Dense(n_in, n_out, rng=rng, init=init, dtype=dtype), functions["hidden"]]
    return Sequential(*layers[:-1], functions["output"])


_ACTIVATIONS = {
    name: getattr(fused, name, getattr(activations, name))
    for name in ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "softmax")
}
_RELU_FAMILY: tuple[Callable[[Any], Any], ...] = (
    fused.relu,
    fused.leaky_relu,
    activations.relu,
    activations.leaky_relu,
    activations.elu,
    activations.gelu,
)


def _flat(net: Sequential) -> Iterator[Callable[[Any], Any]]:
    """Yield the layers and functions of `net`, with nested `Sequential`s expanded."""
    for layer in net.layers:
        if isinstance(layer, Sequential):
            yield from _flat(layer)
        else:
            yield layer


def _name(layer: Callable[[Any], Any]) -> str:
    """The name of a function; the repr of a Module, or its class if it has none of its own."""
    text = type(layer).__name__ if type(layer).__repr__ is object.__repr__ else repr(layer)
    return text if isinstance(layer, Module) else getattr(layer, "__name__", text)
