"""`fit`: gradient descent over epochs and minibatches; `History`: its losses and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from . import _frames, checks
from .core import arguments
from .core.modes import no_grad
from .core.tensor import Tensor, untracked
from .data import minibatches, number_of_samples
from .nn.module import course_names
from .optim import Optimizer

Metric = Callable[[Any, Any], float]


class History(dict[str, list[float]]):
    """A dict of the loss and the metrics of each epoch: `history["loss"]`, `history["validation_accuracy"]`, ...

    Attributes
    ----------
    gradient_norms : dict of str to list of float
        The mean norm of each parameter's gradient in each epoch; empty unless `fit` had `gradient_norms=True`.
    """

    def __init__(self, *values: Any, **by_name: list[float]):
        super().__init__(*values, **by_name)
        self.gradient_norms: dict[str, list[float]] = {}

    @property
    def loss(self) -> list[float]:
        """The training loss of each epoch."""
        return self["loss"]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """The metrics of each epoch, by name, without the losses."""
        return {name: values for name, values in self.items() if name not in ("loss", "validation_loss")}

    def record(self, values: Mapping[str, float], prefix: str = "") -> None:
        """Append the values of one epoch.

        Parameters
        ----------
        values : mapping of str to float
            The values by name.
        prefix : str
            Prepended to each name.
        """
        for name, value in values.items():
            self.setdefault(prefix + name, []).append(value)

    def plot(self, ax: Any = None, *, log: bool = False) -> Any:
        """Plot the losses over the epochs, as `tinygrad_dl.drawing.plots.costs` does for several histories.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw into. The default is a new figure.
        log : bool
            Use a logarithmic scale for the loss.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
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
    compile: bool = False,
    threads: int = 1,
) -> History:
    """Train a net by gradient descent, `epochs` times over all samples.

    Each step computes `loss(net(X), Y)` and its gradient on all samples or on a minibatch, and lets `optimizer`
    update the parameters. The loss and metrics of an epoch are means over its samples, computed during training,
    before each update.

    Parameters
    ----------
    net : Module or function
        The function to train: inputs (n, m), outputs (k, m).
    X : array or data frame
        Samples, (n, m). It is not changed, and may be changed after the call.
    Y : array or data frame
        Labels, (..., m). For a net with one output, (m,) counts as (1, m).
    loss : function
        `loss(predictions, Y)` gives a Tensor of size 1.
    optimizer : Optimizer
        It holds parameters of `net`.
    epochs : int
        The number of passes over all samples.
    batch_size : int, optional
        The number of samples in a minibatch. The default is all.
    rng : numpy.random.Generator, optional
        The source of randomness for the order of samples. Required with `batch_size`.
    validation : (X, Y), optional
        Data whose loss and metrics are computed at the end of each epoch, as `validation_loss` and so on.
    metrics : mapping of str to function, optional
        Functions of predictions and labels on arrays, such as `{"accuracy": tg.nn.accuracy}`.
    gradient_norms : bool
        Record the mean norm of the gradient with respect to each parameter, as `history.gradient_norms["W1"]`, for
        `tinygrad_dl.drawing.plots.gradient_norms`.
    progress : bool
        Show a progress bar if tqdm is installed.
    compile : bool
        Train with a compiled step, see `tinygrad_dl.compile`: the same numbers in less time. A net or loss that can't
        be compiled is trained as it is, with a warning that gives the reason.
    threads : int
        With `compile`, the number of threads that share the samples of a step, see `tinygrad_dl.compile`.

    Returns
    -------
    History
        The loss and metrics of each epoch.

    Raises
    ------
    ValueError
        If shapes do not fit, or the data contain nan or inf; the message gives the position.
    TypeError
        If an argument has a wrong type, or `batch_size` is given without `rng`.
    FloatingPointError
        If the loss is not finite; the parameters are those before that step.

    References
    ----------
    Course, weeks 3 and 4.

    Examples
    --------
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
    training_data = _check_data(X, Y, "")
    if batch_size is None:
        training_data = _copy_read_only(*training_data)
    validation_data = None if validation is None else _copy_read_only(*_check_data(*validation, "validation "))
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
            raise TypeError("fit: a batch_size needs rng=np.random.default_rng(seed), to shuffle the samples.")
        checks.generator("fit", rng)
    if arguments.is_array(Y):
        loss = _with_row_labels(loss)
    if threads != 1 and not compile:
        raise ValueError("fit: threads are for compiled steps: pass compile=True too.")
    if hasattr(net, "parameters") and set(net.parameters()).isdisjoint(optimizer.parameters):
        raise ValueError("fit: the optimizer has none of the parameters of this net: make it from net.parameters().")
    metrics = {} if metrics is None else metrics
    if not isinstance(metrics, Mapping) or not all(map(callable, metrics.values())):
        raise TypeError(f'fit: expected metrics by name, such as {{"accuracy": tg.nn.accuracy}}, got {metrics!r:.80}.')
    if not {"loss", "validation_loss"}.isdisjoint(metrics):
        raise ValueError("fit: the history keeps the loss under its own name: rename the metric.")
    watched = _parameters(net, optimizer) if gradient_norms else {}
    history = History()
    evaluate = _Evaluation(net, loss, None, metrics)
    train = _Evaluation(net, loss, optimizer, metrics, compile, threads)
    bar = _progress_bar(epochs, progress)
    for _ in bar:
        batches = (
            [training_data] if rng is None or batch_size is None else minibatches(*training_data, batch_size, rng=rng)
        )
        means, norms = _average_over_samples(train, batches, watched)
        history.record(means)
        for name, norm in norms.items():
            history.gradient_norms.setdefault(name, []).append(norm)
        if validation_data is not None:
            with no_grad():
                history.record(_average_over_samples(evaluate, [validation_data])[0], "validation_")
        if hasattr(bar, "set_postfix_str"):  # tqdm, not range
            bar.set_postfix_str(f"loss {history.loss[-1]:.4g}", refresh=False)
    return history


class _Evaluation:
    """The loss and the metrics of a minibatch; with an optimizer, a step on it too, compiled if wanted."""

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
            from .tracing.compiled import compile

            self.compiled = compile(self._step, threads)

    def __call__(self, X: np.ndarray, Y: np.ndarray) -> tuple[float, dict[str, float]]:
        """Return the loss and the metrics, as they are before the step."""
        X_, Y_ = untracked(X), untracked(Y)
        if self.compiled is not None:
            try:
                A, cost = self.compiled(X_, Y_)
            except TypeError as error:
                A, cost = self._step(X_, Y_)  # which raises it again if it is not about compiling
                _frames.warn(f"fit: trained without compile=True: {error}")
                self.compiled = None
            return cost.item(), self._measure(A, Y)
        A, cost = self._loss(X_, Y_)
        measured = self._measure(A, Y)  # a metric may raise, so before the step
        if self.optimizer is not None:
            self._descend(cost)
        return cost.item(), measured

    def _step(self, X: Tensor, Y: Tensor) -> tuple[Any, Tensor]:
        A, cost = self._loss(X, Y)
        self._descend(cost)
        return A, cost

    def _loss(self, X: Tensor, Y: Tensor) -> tuple[Any, Tensor]:
        A = self.net(X)
        cost = self.loss(A, Y)
        if type(cost) is not Tensor or cost.size != 1:
            raise TypeError(f"fit: expected a loss that gives a Tensor of size 1, got {cost!r:.80}.")
        if not np.isfinite(cost.data):
            raise FloatingPointError(f"the loss became {cost.item()}: {_advice(self.optimizer)}.")
        return A, cost

    def _descend(self, cost: Tensor) -> None:
        assert self.optimizer is not None
        self.optimizer.zero_grad()
        cost.backward()
        self.optimizer.step()

    def _measure(self, A: Any, Y: np.ndarray) -> dict[str, float]:
        return {name: _one_number(name, metric(A.data, Y)) for name, metric in self.metrics.items()}


def _average_over_samples(
    evaluate: _Evaluation,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    watched: Mapping[str, Tensor] = MappingProxyType({}),
) -> tuple[dict[str, float], dict[str, float]]:
    """Average the loss, the metrics, and the gradient norms of the `watched` parameters over all samples."""
    totals = dict.fromkeys(("loss", *evaluate.metrics), 0.0)
    norms = dict.fromkeys(watched, 0.0)
    samples = 0
    for X, Y in batches:
        value, measured = evaluate(X, Y)
        m = Y.shape[-1]
        samples += m
        for name, measure in (("loss", value), *measured.items()):
            totals[name] += m * measure
        for name, parameter in watched.items():
            if parameter.grad is not None:  # None means zero: the loss does not depend on it
                norms[name] += m * float(np.linalg.norm(parameter.grad))
    means, mean_norms = ({name: total / samples for name, total in sums.items()} for sums in (totals, norms))
    return means, mean_norms


def _one_number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"fit: expected the metric {name!r} to give one number, got {value!r:.80}.") from error


def _advice(optimizer: Optimizer | None) -> str:
    """Return advice for a loss that is not finite; after a nan gradient, a parameter is nan before the loss is."""
    for parameter in getattr(optimizer, "parameters", ()):
        if not np.all(np.isfinite(parameter.data)):
            return (
                f"{parameter._label()} is not finite since an earlier step: try a smaller learning rate, or find the "
                f"gradient that was not finite with tg.debug()"
            )
    return "try a smaller learning rate, or check the loss"


def _with_row_labels(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Wrap `loss`: labels (m,), such as a column of a data frame, become (1, m) for a net with one output."""
    return lambda A, Y: loss(A, Y.reshape(A.shape) if A.shape == (1, *Y.shape) else Y)


def _parameters(net: Callable[[Any], Any], optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the trained parameters by name, W1 b1 W2 ...: of the net, or of the optimizer if the net is a function."""
    if hasattr(net, "named_parameters"):
        named = net.named_parameters()
    else:
        named = ((f"parameter {i}", parameter) for i, parameter in enumerate(optimizer.parameters))
    return course_names((name, parameter) for name, parameter in named if parameter.requires_grad)


def _check_data(X: Any, Y: Any, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Convert `X` and `Y` to arrays of finite real numbers; NumPy arrays are not copied."""
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


def _copy_read_only(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy `X` and `Y`, read-only, as minibatches are copies too: the caller may write into the originals."""
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
