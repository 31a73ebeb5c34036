"""`fit`: gradient descent over epochs and minibatches, and the history of what it did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from . import checks
from .core import arguments
from .core.modes import no_grad
from .core.tensor import Tensor, untracked
from .data import minibatches, number_of_samples
from .nn.module import course_names
from .optim import Optimizer

Metric = Callable[[Any, Any], float]


class History(dict[str, list[float]]):
    """The loss and the metrics of each epoch, by name: `history["loss"]`, `history["validation_accuracy"]`, ...

    `gradient_norms` holds those of each epoch, by the name of the parameter, where `fit` was asked for them.
    """

    def __init__(self, *values: Any, **by_name: list[float]):
        super().__init__(*values, **by_name)
        self.gradient_norms: dict[str, list[float]] = {}

    @property
    def loss(self) -> list[float]:
        """The loss of each epoch."""
        return self["loss"]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """All but the losses."""
        return {name: values for name, values in self.items() if name not in ("loss", "validation_loss")}

    def record(self, values: Mapping[str, float], prefix: str = "") -> None:
        """Append the `values` of one epoch."""
        for name, value in values.items():
            self.setdefault(prefix + name, []).append(value)

    def plot(self, ax: Any = None, *, log: bool = False) -> Any:
        """Draw the losses over the epochs, into matplotlib's Axes `ax` or new ones, which are returned.

        It is `costs` of `tinygrad_dl.drawing.plots`, which draws several histories too. Raises ImportError where
        matplotlib is not installed.
        """
        from .drawing import plots

        return plots.costs(self, ax=ax, log=log)

    def __repr__(self) -> str:
        ends = (f"{name} {values[0]:.4g} -> {values[-1]:.4g}" for name, values in self.items())
        return f"History of {len(self.get('loss', ()))} epochs: {', '.join(ends)}"


def fit(
    net: Callable[[Any], Any],
    X: Any,
    Y: Any,
    *,
    loss: Callable[[Any, Any], Any],
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None = None,
    rng: np.random.Generator | None = None,
    validation: tuple[Any, Any] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    gradient_norms: bool = False,
    progress: bool = True,
) -> History:
    """Train `net` on the samples `X` (n, m) with labels `Y` (..., m): `epochs` times over all of them.

    Each step takes all samples, or `batch_size` of them in an order drawn with `rng`, and computes `loss(net(X), Y)`,
    its gradient, and an update by `optimizer`. The `metrics`, such as `{"accuracy": tg.nn.accuracy}`, are functions of
    predictions and labels on arrays. The loss and metrics of an epoch are means over its samples, as each was met in
    training; those of the `validation` data, a pair (X, Y), are taken at its end. With `gradient_norms=True`, the norm
    of the gradient by each parameter, as each step met it, is averaged likewise: `history.gradient_norms["W1"]`, for
    `drawing.plots.gradient_norms`. A progress bar shows where tqdm is installed, unless `progress=False`. Data frames
    count as arrays, and a column of labels as a row where the net has one output.

    `X` and `Y` stay as they are, and may be changed later.

    Raises ValueError for data whose shapes don't fit and for nan or inf in them (it says where), TypeError for a
    `batch_size` without an `rng` and for arguments of a wrong type, and FloatingPointError as soon as the loss is not
    finite; the parameters are then what they were before that step.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2, 200))
    >>> Y = (X[:1] > X[1:]).astype(float)
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=rng)
    >>> adam = tg.optim.Adam(net.parameters(), learning_rate=0.1)
    >>> history = tg.fit(net, X, Y, loss=tg.nn.binary_cross_entropy, optimizer=adam, epochs=50,
    ...                  metrics={"accuracy": tg.nn.accuracy}, progress=False)
    >>> history["accuracy"][-1] > 0.95
    True
    """
    if validation is not None and not (isinstance(validation, Iterable) and len(validation := tuple(validation)) == 2):
        raise TypeError(f"fit: expected validation=(X, Y), a pair, got {validation!r:.80}.")
    training_data = _checked(X, Y, "")
    if batch_size is None:
        training_data = _kept(*training_data)
    validation_data = None if validation is None else _kept(*_checked(*validation, "validation "))
    checks.function("fit", "net", net, "tg.nn.mlp([30, 4, 1], rng=rng)")
    checks.function("fit", "loss", loss, "tg.nn.mean_squared_error")
    if isinstance(optimizer, type) or not hasattr(optimizer, "step"):
        raise TypeError(
            f"fit: expected an optimizer, such as tg.optim.Adam(net.parameters(), learning_rate=0.01), got "
            f"{optimizer!r:.80}."
        )
    epochs = checks.whole_number("fit", "epochs", epochs)
    if batch_size is not None:
        batch_size = checks.whole_number("fit", "batch_size", batch_size)
        if rng is None:
            raise TypeError("fit: a batch_size needs rng=np.random.default_rng(seed), to shuffle the samples with.")
        checks.generator("fit", rng)
    if arguments.is_array(Y):
        loss = _of_a_row(loss)
    if hasattr(net, "parameters") and set(net.parameters()).isdisjoint(optimizer.parameters):
        raise ValueError("fit: the optimizer has none of the parameters of this net: make it from net.parameters().")
    metrics = {} if metrics is None else metrics
    if not isinstance(metrics, Mapping) or not all(map(callable, metrics.values())):
        raise TypeError(f'fit: expected metrics by name, such as {{"accuracy": tg.nn.accuracy}}, got {metrics!r:.80}.')
    if not {"loss", "validation_loss"}.isdisjoint(metrics):
        raise ValueError("fit: the history keeps the loss under its own name: call the metric something else.")
    watched = _parameters(net, optimizer) if gradient_norms else {}
    history = History()
    bar = _progress_bar(epochs, progress)
    for _ in bar:
        batches = (
            [training_data] if rng is None or batch_size is None else minibatches(*training_data, batch_size, rng=rng)
        )
        means, norms = _means(net, batches, loss, metrics, optimizer, watched)
        history.record(means)
        for name, norm in norms.items():
            history.gradient_norms.setdefault(name, []).append(norm)
        if validation_data is not None:
            with no_grad():
                history.record(_means(net, [validation_data], loss, metrics)[0], "validation_")
        if hasattr(bar, "set_postfix_str"):  # tqdm's, and no range
            bar.set_postfix_str(f"loss {history.loss[-1]:.4g}", refresh=False)
    return history


def _means(
    net: Callable[[Any], Any],
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    loss: Callable[[Any, Any], Any],
    metrics: Mapping[str, Metric],
    optimizer: Optimizer | None = None,
    watched: Mapping[str, Tensor] = MappingProxyType({}),
) -> tuple[dict[str, float], dict[str, float]]:
    """The means over samples of the loss and the metrics, and of the norms of the gradients by `watched` parameters.

    With an optimizer, it takes a step after each batch.
    """
    totals = dict.fromkeys(("loss", *metrics), 0.0)
    norms = dict.fromkeys(watched, 0.0)
    samples = 0
    for X, Y in batches:
        A = net(untracked(X))
        cost = loss(A, untracked(Y))
        if type(cost) is not Tensor or cost.size != 1:
            raise TypeError(f"fit: expected a loss that gives a Tensor of size 1, got {cost!r:.80}.")
        value = cost.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss became {value}: {_advice(optimizer)}.")
        m = Y.shape[-1]
        samples += m
        for name, metric in metrics.items():  # which may be wrong, before a parameter moves
            totals[name] += m * _one_number(name, metric(A.data, Y))
        if optimizer is not None:
            optimizer.zero_grad()
            cost.backward()
            for name, parameter in watched.items():
                if parameter.grad is not None:  # else it is zero: the loss does not depend on it
                    norms[name] += m * float(np.linalg.norm(parameter.grad))
            optimizer.step()
        totals["loss"] += m * value
        del A, cost  # the graph is gone before the next one grows
    means, mean_norms = ({name: total / samples for name, total in sums.items()} for sums in (totals, norms))
    return means, mean_norms


def _one_number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"fit: expected the metric {name!r} to give one number, got {value!r:.80}.") from error


def _advice(optimizer: Optimizer | None) -> str:
    """A way out of a loss that is not finite: from a gradient of nan, the parameters are so first."""
    for parameter in getattr(optimizer, "parameters", ()):
        if not np.all(np.isfinite(parameter.data)):
            return (
                f"{parameter._label()} is not finite since an earlier step: try a smaller learning rate, or find the "
                f"gradient that was not finite with tg.debug()"
            )
    return "try a smaller learning rate, or check the loss"


def _of_a_row(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`loss`, with the labels as a row where there is one output: the column of a data frame has one axis only."""
    return lambda A, Y: loss(A, Y.reshape(A.shape) if A.shape == (1, *Y.shape) else Y)


def _parameters(net: Callable[[Any], Any], optimizer: Optimizer) -> dict[str, Tensor]:
    """The parameters that are trained, of the net, or of the optimizer where the net is a function: W1 b1 W2 ..."""
    if hasattr(net, "named_parameters"):
        named = net.named_parameters()
    else:
        named = ((f"parameter {i}", parameter) for i, parameter in enumerate(optimizer.parameters))
    return course_names((name, parameter) for name, parameter in named if parameter.requires_grad)


def _checked(X: Any, Y: Any, which: str) -> tuple[np.ndarray, np.ndarray]:
    """`X` and `Y` as arrays that a net can be trained on: those of NumPy are not copied."""
    try:
        X, Y = (
            np.asarray(values) if type(values) in (np.ndarray, np.memmap) else arguments.numbers(values)
            for values in (X, Y)
        )
    except TypeError as error:
        raise TypeError(f"fit: {which}data: {error}") from None
    for name, values in (("X", X), ("Y", Y)):
        if values.dtype.kind not in "biuf":
            raise TypeError(f"fit: expected real numbers in {which}{name}, got {values.dtype}.")
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            where, value = ", ".join(map(str, wrong[0])), values[tuple(wrong[0])]
            raise ValueError(f"fit: {which}{name}[{where}] is {value}: {len(wrong)} of {values.size} are not finite.")
    try:
        number_of_samples(X, Y)
    except ValueError as error:
        raise ValueError(f"fit: {which}data: {error}") from None
    return X, Y


def _kept(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read-only copies of `X` and `Y`, as minibatches are too: the caller may write into the originals."""
    copies = X.copy(), Y.copy()
    for copy in copies:
        copy.flags.writeable = False
    return copies


def _progress_bar(epochs: int, wanted: bool) -> Any:
    if not wanted:
        return range(epochs)
    try:
        from tqdm import tqdm
    except ImportError:
        return range(epochs)
    return tqdm(range(epochs), unit="epoch")
