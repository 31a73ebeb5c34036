"""`fit`: gradient descent over epochs and minibatches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from .. import _frames, checks
from .._foreign import is_array
from .._guesses import answering
from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..data import as_array, batches, check_finite, is_on_disk, minibatches, number_of_samples
from ..nn.module import Mode, Module, course_names, hidden_parameters
from ..optim import Optimizer
from ..parallel import Engine, ShardedLoss
from .callbacks import EarlyStopping, TrainingState
from .history import History
from .progress import progress_bar
from .saving import load_training, save_training
from .steps import Evaluation, Metric, ShardedStep, average_over_samples
from .words import loss_for, optimizer_for, warn_of_second_activation


@answering
def fit(
    net: Callable[[Any], Any],
    X: Any = None,
    Y: Any = None,
    *,
    loss: Callable[[Any, Any], Any] | str,
    optimizer: Optimizer | str | type[Optimizer],
    epochs: int,
    batch_size: int | None = None,
    rng: np.random.Generator | None = None,
    validation: tuple[Any, Any] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    gradient_norms: bool = False,
    progress: bool = True,
    compile: bool = False,
    threads: int = 1,
    callbacks: Sequence[Callable[[TrainingState], Any]] = (),
    resume: str | os.PathLike[str] | None = None,
    data: Iterable[Any] | None = None,
    read: Callable[[Any], tuple[Any, Any]] | None = None,
    engine: Engine = None,
) -> History:
    """Train a net by gradient descent, `epochs` times over all samples.

    Each step computes `loss(net(X), Y)` and its gradient on all samples or on a minibatch, and lets `optimizer`
    update the parameters. The loss and metrics of an epoch are means over its samples, computed during training,
    before each update. The net is in training mode during the steps, and in evaluation mode otherwise and afterwards.

    Parameters
    ----------
    net : Module or function
        The function to train: inputs (n, m), outputs (k, m).
    X : array or data frame
        Samples, (n, m), or images and the like, (..., m). It is not changed, and may be changed after the call. An
        array on disk (`np.memmap`, zarr, HDF5, Dask) is read a minibatch at a time, see `tg.data.minibatches`.
    Y : array or data frame
        Labels, (..., m). For a net with one output, a column of a data frame, (m,), counts as (1, m).
    loss : function or str
        `loss(predictions, Y)` gives a Tensor of size 1; or the name of a loss of `tg.nn`, "mse", "bce" or
        "cross_entropy".
    optimizer : Optimizer, str or class
        It holds parameters of `net`. "adam" and "rmsprop", or the classes, stand for those with their own settings.
    epochs : int
        The number of passes over all samples.
    batch_size : int, optional
        The number of samples in a minibatch. The default is all.
    rng : numpy.random.Generator, optional
        The source of randomness for the order of samples. Required with `batch_size`.
    validation : (X, Y), optional
        Data whose loss and metrics are computed at the end of each epoch, as `validation_loss` and so on.
    metrics : mapping of str to function, optional
        Functions of predictions and labels, read-only arrays, such as `{"accuracy": tg.nn.accuracy}`.
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
    callbacks : sequence of function
        Functions that are called with the `tg.training.TrainingState` after each epoch, or after each step if marked by
        `tg.training.every_step`. They may call `state.stop()`.
    resume : path, optional
        A file in which training is saved after each epoch, and from which it goes on if the file exists: a run that was
        killed, and started once more, ends with the same bits as one that ran through.
    data : sequence, optional
        Shards in place of `X` and `Y`, see `tg.parallel.value_and_grad`: a step sums over all of them, or over
        `batch_size` shards in random order.
    read : function, optional
        `read(shard)` returns the arrays (X, Y) of a shard, where `data` holds names of shards.
    engine : Executor or Client, optional
        The executor or Dask client that computes the shards. The default is this process.

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
    checks.function("fit", "net", net, "tg.nn.mlp([30, 4, 1], rng=rng)")
    optimizer, loss = optimizer_for(optimizer, net), loss_for(loss)
    _check_sources(X, Y, data, read, engine, compile)
    training_data = None if data is not None else _training_data(X, Y, batch_size)
    validation_data = _validation_data(validation)
    checks.function("fit", "loss", loss, "tg.nn.mean_squared_error")
    epochs, batch_size = checks.whole_number("fit", "epochs", epochs), _check_batch_size(batch_size, rng)
    if is_array(Y):
        loss = _with_row_labels(loss)
    if threads != 1 and not compile:
        raise ValueError("fit: threads are for compiled steps: pass compile=True too.")
    if hasattr(net, "parameters") and set(net.parameters()).isdisjoint(optimizer.parameters):
        raise ValueError("fit: the optimizer has none of the parameters of this net: make it from net.parameters().")
    metrics = _check_metrics(metrics)
    warn_of_second_activation(net, loss)
    if isinstance(net, Module):
        _warn_of_untrained(net, optimizer)
    train: Evaluation | ShardedStep
    if training_data is not None:
        train, count = Evaluation(net, loss, optimizer, metrics, compile, threads), training_data[0].shape[-1]
    else:
        sharded = ShardedLoss(loss, data or (), read, engine, metrics)
        train, count = ShardedStep(net, optimizer, metrics, sharded), sharded.count
    watched = _parameters(net, optimizer) if gradient_norms else {}
    after_step, after_epoch = _sort(callbacks)
    history = History()
    if resume is not None:
        if os.path.exists(resume):
            history = load_training(resume, net, optimizer, rng, callbacks)
        else:
            save_training(resume, net, optimizer, rng, history, callbacks)  # an error comes before training
    done = len(history.get("loss", ()))
    state = TrainingState(net, optimizer, history, epochs, rng, done, history.steps, callbacks=callbacks)
    evaluate = Evaluation(net, loss, None, metrics)

    def after(value: float) -> bool:
        state.step, state.loss = state.step + 1, value
        history.steps = state.step
        for callback in after_step:
            callback(state)
        return bool(state.stopped)

    def batches_of_epoch() -> Iterable[tuple[Any, ...]]:
        if training_data is None:
            return _batches_of_shards(count, batch_size, rng)
        if rng is None or batch_size is None:
            return [training_data]
        return minibatches(*training_data, batch_size, rng=rng)

    if isinstance(net, Module):
        Mode(net, False)
    for callback in after_epoch:
        if resume is not None and isinstance(callback, EarlyStopping):
            callback.stop_if_over(state)
    bar = progress_bar(state.epoch, state.epoch if state.stopped else epochs, progress)
    for _ in bar:
        with Mode(net, True) if isinstance(net, Module) else nullcontext():  # back after an error too
            means, norms = average_over_samples(train, batches_of_epoch(), watched, after)
        history.record(means)
        history._record_norms(norms)
        if validation_data is not None:
            with no_grad():
                pieces = _pieces(*validation_data, batch_size)
                history.record(average_over_samples(evaluate, pieces)[0], "validation_")
        state.epoch += 1
        for callback in after_epoch:
            callback(state)
        if resume is not None:
            save_training(resume, net, optimizer, rng, history, callbacks)
        if hasattr(bar, "set_postfix_str"):  # tqdm, not range
            shown = (f"{n} {history[n][-1]:.4g}" for n in ("loss", "validation_loss") if n in history)
            bar.set_postfix_str(", ".join([*shown, *filter(None, [state.stopped])]), refresh=False)
        if state.stopped:
            break
    if hasattr(bar, "close"):
        bar.close()
    return history


def _check_sources(X: Any, Y: Any, data: Any, read: Any, engine: Any, compile: bool) -> None:
    """Raise TypeError for arguments of samples and of shards that exclude each other."""
    given = [values is not None for values in (X, Y)]
    if not all(given) if data is None else any(given):
        raise TypeError("fit: expected either X and Y, or data=[...], the shards.")
    if data is None and not (read is None is engine):
        raise TypeError("fit: read= and engine= are for shards: pass data=[...] in place of X and Y.")
    if data is not None and compile:
        raise TypeError("fit: compile=True is for X and Y: leave it out with data=, whose engine computes the shards.")


def _check_batch_size(batch_size: Any, rng: Any) -> int | None:
    """Return the size of minibatches, for which there is a generator; or None."""
    if batch_size is None:
        return None
    size = checks.whole_number("fit", "batch_size", batch_size)
    if rng is None:
        raise TypeError("fit: a batch_size needs rng=np.random.default_rng(seed), to shuffle the samples.")
    checks.generator("fit", rng)
    return size


def _check_metrics(metrics: Any) -> Mapping[str, Metric]:
    """Return the metrics by name. Raises TypeError or ValueError for others."""
    metrics = {} if metrics is None else metrics
    if not isinstance(metrics, Mapping) or not all(map(callable, metrics.values())):
        raise TypeError(f'fit: expected metrics by name, such as {{"accuracy": tg.nn.accuracy}}, got {metrics!r:.80}.')
    if taken := {"loss", "validation_loss", *(f"validation_{name}" for name in metrics)} & metrics.keys():
        raise ValueError(f"fit: the history keeps another measure as {min(taken)!r}: rename the metric.")
    return metrics


def _validation_data(validation: Any) -> tuple[Any, Any] | None:
    """Return the arrays to validate with: on disk, or copies."""
    if validation is None:
        return None
    pair = tuple(validation) if isinstance(validation, Iterable) else ()
    if len(pair) != 2:
        raise TypeError(f"fit: expected validation=(X, Y), a pair, got {validation!r:.80}.")
    X, Y = _check_data(*pair, "validation ")
    return (X, Y) if is_on_disk(X) or is_on_disk(Y) else _copy_read_only(X, Y)


def _sort(callbacks: Any) -> tuple[list[Callable[[TrainingState], Any]], list[Callable[[TrainingState], Any]]]:
    """Return the callbacks for each step, and those for each epoch."""
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise TypeError(f"fit: expected callbacks=[...], functions of the state of training, got {callbacks!r:.80}.")
    if classes := [callback for callback in callbacks if isinstance(callback, type)]:
        raise TypeError(f"fit: expected a callback, got a class: write {classes[0].__name__}().")
    of_step = [callback for callback in callbacks if getattr(callback, "every_step", False)]
    return of_step, [callback for callback in callbacks if callback not in of_step]


def _with_row_labels(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Wrap `loss`: labels (m,), such as a column of a data frame, become (1, m) for a net with one output."""
    return lambda A, Y: loss(A, Y.reshape(A.shape) if getattr(A, "shape", None) == (1, *Y.shape) else Y)


def _parameters(net: Callable[[Any], Any], optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the trained parameters by name, W1 b1 W2 ...: of the net, or of the optimizer if the net is a function."""
    if hasattr(net, "named_parameters"):
        named = net.named_parameters()
    else:
        named = ((f"parameter {i}", parameter) for i, parameter in enumerate(optimizer.parameters))
    return course_names((name, parameter) for name, parameter in named if parameter.requires_grad)


def _check_data(X: Any, Y: Any, which: str) -> tuple[Any, Any]:
    """Convert `X` and `Y` to arrays of finite real numbers; neither NumPy arrays nor arrays on disk are copied."""
    try:
        X, Y = as_array(X), as_array(Y)
    except TypeError as error:
        raise TypeError(f"fit: {which}data: {error}") from None
    for name, values in (("X", X), ("Y", Y)):
        if values.dtype.kind not in "biuf":
            raise TypeError(f"fit: expected real numbers in {which}{name}, got {values.dtype}.")
        if not is_on_disk(values):  # that is checked as it is read
            check_finite(f"fit: {which}{name}", values)
    try:
        number_of_samples(X, Y)
    except ValueError as error:
        raise ValueError(f"fit: {which}data: {error}") from None
    return X, Y


def _training_data(X: Any, Y: Any, batch_size: int | None) -> tuple[Any, Any]:
    """Check the training data, and read them if a step takes all of them."""
    X, Y = _check_data(X, Y, "")
    return (X, Y) if batch_size is not None else _copy_read_only(*next(_pieces(X, Y, None)))


def _pieces(X: Any, Y: Any, size: int | None) -> Iterator[tuple[Any, Any]]:
    """The samples in order: of arrays in memory all at once, of others `size` at a time."""
    if is_on_disk(X) or is_on_disk(Y):
        m = number_of_samples(X, Y)
        return batches(X, Y, np.arange(m), size or m)
    return iter([(X, Y)])


def _batches_of_shards(count: int, size: int | None, rng: np.random.Generator | None) -> Iterator[tuple[Sequence[int]]]:
    """Yield the numbers of the shards of each step, in random order if a step takes `size` of them."""
    if size is None or rng is None:
        yield (range(count),)
        return
    order = rng.permutation(count).tolist()
    yield from ((order[start : start + size],) for start in range(0, count, size))


def _warn_of_untrained(net: Module, optimizer: Optimizer) -> None:
    """Warn of parameters that are in no Module, and of an optimizer that was made for other layers."""
    own, trained = dict.fromkeys(net.parameters()), dict.fromkeys(optimizer.parameters)
    for path, parameter, kind in hidden_parameters(net):
        if parameter not in own and parameter not in trained:
            _frames.warn(
                f"fit: {path} requires grad, but is not trained: it is no parameter of the net, since {kind} is no "
                f"Module. Derive {kind} from tg.nn.Module, or keep parameters in lists and dicts."
            )
    left = [parameter for parameter in own if parameter.requires_grad and parameter not in trained]
    others = [parameter for parameter in trained if parameter not in own]
    if left and others:
        _frames.warn(
            f"fit: {left[0]._label()} is not trained: the optimizer has {others[0]._label()} in its place, which is no "
            f"parameter of the net. Make the optimizer after the last change of the layers."
        )


def _copy_read_only(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy `X` and `Y`, read-only, as minibatches are copies too: the caller may write into the originals."""
    copies = X.copy(), Y.copy()
    for copy in copies:
        copy.flags.writeable = False
    return copies
